"""Large sets: packed pieces, near copies found by hashing, leakage, and a cluster."""

from dataclasses import replace

import numpy as np
import pytest
from midifiles import write_pieces
from test_evaluation_report import without_command

from evaluation import report
from evaluation.features.catalogue import DRUMS, FEATURES, feature_table, measured
from evaluation.features.table import COMPARED
from evaluation.reading.notes import Notes, Packed, Stack
from evaluation.scores import collapse, copying, duplicates
from evaluation.scores.copying import find_leakage
from evaluation.scores.duplicates import groups, most_similar, near_pairs, similarity


def changed(piece, share, rng):
    """Move a share of a piece's notes to other pitches."""
    where = rng.choice(len(piece), round(share * len(piece)), replace=False)
    pitch = piece.pitch.copy()
    pitch[where] = np.clip(pitch[where] + rng.choice([-4, -3, 3, 4], len(where)), 0, 127)
    return replace(piece, pitch=pitch)


def as_values(piece):
    return [value.tolist() if isinstance(value, np.ndarray) else value for value in vars(piece).values()]


def test_pieces_come_out_of_a_packed_set_as_they_went_in(tunes):
    waltz = replace(tunes[9], meter=(1, 4), main_meter=(3, 4), meter_given=False)
    beat = replace(tunes[10], drum=np.ones(len(tunes[10]), bool))
    pieces = [*tunes[:5], Notes.from_quarters([], [], [], name="silent"), waltz, beat, *tunes[5:9]]
    packed = Packed.of(pieces)
    assert len(packed) == len(pieces)
    for joined in (packed, Packed.join([packed[:4], packed[4:4], packed[4:]])):
        assert [as_values(piece) for piece in joined] == [as_values(piece) for piece in pieces]
    assert [piece.name for piece in packed[::-2]] == [piece.name for piece in pieces[::-2]]
    assert as_values(packed[-1]) == as_values(pieces[-1])
    assert packed.drums_only.tolist() == [piece.drums_only for piece in pieces]
    stack = Stack.of(pieces)
    assert stack.meter.tolist() == [list(piece.main_meter or piece.meter) for piece in pieces]
    assert stack.meter_given.tolist() == [piece.meter_given for piece in pieces]
    with pytest.raises(IndexError):
        packed[len(pieces)]


@pytest.mark.parametrize("features", [FEATURES, DRUMS], ids=["pitched", "drums"])
def test_a_set_is_the_same_measured_in_chunks(tunes, features, monkeypatch):
    pieces = [*tunes[:200], Notes.from_quarters([], [], []), *tunes[200:]]
    if features is DRUMS:
        pieces = [replace(piece, drum=np.ones(len(piece), bool), pitch=35 + piece.pitch % 12) for piece in pieces]
    whole = feature_table(pieces, features)
    monkeypatch.setattr(Packed.chunks, "__defaults__", (500,))
    assert len(list(Packed.of(pieces).chunks())) > 10
    found = measured(Packed.of(pieces), features)
    assert list(found) == list(whole)
    for name, values in found.items():
        np.testing.assert_allclose(values, whole[name], rtol=1e-6, atol=1e-6, err_msg=name)
        assert values.dtype == (np.float64 if name in COMPARED and values[0].size <= 12 else np.float32), name


def test_copies_are_the_same_found_in_chunks(held_and_org, monkeypatch):
    gen, org = held_and_org
    gen = Packed.of([*gen, *org[:20]])
    whole = copying.longest_runs(gen, Packed.of(org[:50]))
    monkeypatch.setattr(copying, "SORTED", 1)
    assert len(list(gen.chunks(int(Packed.of(org[:50]).first[-1])))) > 1
    parts = copying.longest_runs(gen, Packed.of(org[:50]))
    for one, other in zip(whole[0], parts[0], strict=True):
        assert one.tolist() == other.tolist()
    for which in (1, 2):
        assert whole[which].share.tolist() == parts[which].share.tolist()


def test_planted_near_copies_are_found(tunes):
    rng = np.random.default_rng(0)
    long = [tune for tune in tunes if len(tune) > 30]
    pieces = [*long, *(changed(tune, 0.06, rng) for tune in long for _ in range(3))]
    alike = similarity(pieces)
    pairs = near_pairs(pieces)
    assert (alike[pairs[:, 0], pairs[:, 1]] >= duplicates.NEAR).all()
    found = {(a, b) for a, b in pairs.tolist()}
    planted = {(a, b) for a, b in np.argwhere(np.triu(alike >= 0.6, 1)).tolist()}
    assert len(planted) > 1000
    assert len(planted & found) >= 0.99 * len(planted)
    assert near_pairs(pieces).tolist() == pairs.tolist() == sorted(pairs.tolist())


@pytest.fixture(scope="module")
def noise():
    rng = np.random.default_rng(1)
    return [Notes.from_quarters(np.arange(40), np.ones(40), rng.integers(40, 90, 40)) for _ in range(200)]


def test_unlike_pieces_are_no_pairs(noise):
    for pieces in (noise, [], [Notes.from_quarters([], [], [])] * 3):
        assert near_pairs(pieces).shape == (0, 2)


def test_a_collapsed_set_is_one_group_of_few_pairs(tunes):
    pieces = Packed.of([tunes[0]] * 1000 + [tunes[1]])
    pairs = near_pairs(pieces)
    assert len(pairs) < 3 * len(pieces)
    number = groups(pairs, len(pieces))
    assert set(number[:-1]) == {number[0]}
    assert number[-1] != number[0]


def test_the_near_copies_of_a_large_set_are_counted_in_all_of_it(tunes, noise, monkeypatch):
    monkeypatch.setattr(collapse, "PAIRWISE", 100)
    one = next(tune for tune in tunes if len(tune) > 40)
    copies = [replace(one, name=f"copy {i}", pitch=one.pitch + i % 5) for i in range(20)]
    found = collapse.find_collapse([*noise, *copies], tunes[:100], {}, None, 0, {})
    assert found.compared == 220
    assert found.near.value == pytest.approx(20 / 220)
    assert [len(members) for _, members in found.clusters] == [19]
    assert found.near.at_n < 0.2


def test_the_most_similar_piece_of_another_set(tunes):
    alike = similarity(tunes[:60])[:20, 20:]
    place, best = most_similar(tunes[:20], tunes[20:60])
    np.testing.assert_allclose(best, alike.max(axis=1))
    assert alike[np.arange(20), place].tolist() == best.tolist()


def test_originals_that_are_in_the_training_set_are_named(tunes):
    rng = np.random.default_rng(2)
    org = [tune for tune in tunes[100:200] if len(tune) > 30][:20]
    planted = [changed(tune, 0.05, rng) for tune in org[:5]]
    clean = find_leakage(Packed.of(org), Packed.of(tunes[:100]))
    found = find_leakage(Packed.of(org), Packed.of([*tunes[:100], *planted, org[6]]))
    assert found.pieces == 20
    assert clean.either + 5 <= found.either <= clean.either + 6
    assert {one.piece for one in found.pairs} >= {org[6].name}
    assert found.pairs[0].similarity == 1
    assert found.sentence().startswith(f"{found.near_copies} of 20 originals are near copies of training tunes")
    assert org[6].name in found.sentence()
    nothing = find_leakage(Packed.of(org[:1]), Packed.of([Notes.from_quarters([0], [1], [60])]))
    assert nothing == (1, 0, 0, 0, [])


@pytest.mark.slow
def test_a_cluster_of_two_workers_writes_the_same_bytes(tunes, tmp_path):
    distributed = pytest.importorskip("distributed")
    gen, org = (write_pieces(tmp_path / name, part) for name, part in (("gen", tunes[:30]), ("org", tunes[30:90])))
    outs = tmp_path / "alone", tmp_path / "two"
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0") as cluster:
        for out, options in zip(outs, (["--jobs", "1"], ["--scheduler", cluster.scheduler_address]), strict=True):
            assert report.main([str(gen), str(org), *options, "--out", str(out)]) == 0
    alone, clustered = map(without_command, outs)
    assert alone == clustered
