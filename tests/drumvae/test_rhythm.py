import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from drumvae.data.kit import INSTRUMENTS
from drumvae.metrics.baselines import hit_f1_baselines, mean_pattern, principal_components
from drumvae.metrics.rhythm import (
    METRICAL_WEIGHTS,
    STREAMS,
    density,
    density_calibration,
    expected_f1,
    hit_f1,
    instrument_densities,
    instrument_f1,
    mean_distance,
    nearest_distances,
    nearest_training,
    onset_profile,
    struck_steps,
    syncopation,
)

CELLS = 16 * len(INSTRUMENTS)


def bars(*drawn):
    """Return hits of bars, each given as a dict of instruments' rows such as ``x... .... x... ....``."""
    hits = np.zeros((len(drawn), 16, len(INSTRUMENTS)), bool)
    for number, rows in enumerate(drawn):
        for name, row in rows.items():
            hits[number, :, INSTRUMENTS.index(name)] = [mark == "x" for mark in row.replace(" ", "")]
    return hits


NOTHING = {}
STRAIGHT = {"kick": "x... .... x... ....", "snare": ".... x... .... x...", "hihat_closed": "x.x. x.x. x.x. x.x."}
OFFBEAT = {"kick": "..x. ..x. ..x. ..x.", "snare": "...x ...x ...x ...x", "hihat_closed": "x.x. x.x. x.x. x.x."}

any_bars = arrays(bool, st.tuples(st.integers(1, 4), st.just(16), st.just(len(INSTRUMENTS))))


def random_bars(count, seed, chance=0.15):
    return np.random.default_rng(seed).random((count, 16, len(INSTRUMENTS))) < chance


# --- features


def test_what_is_played_is_counted():
    hits = bars(STRAIGHT, NOTHING)
    assert density(hits) == pytest.approx([12 / CELLS, 0])
    assert instrument_densities(hits)[0] == pytest.approx([2 / 16, 2 / 16, 8 / 16, *6 * [0]])
    assert struck_steps(hits).sum(axis=1).tolist() == [8, 0]
    assert struck_steps(hits)[0, ::2].all()


def test_the_profile_is_the_share_of_bars():
    profile = onset_profile(bars(STRAIGHT, NOTHING))
    assert profile[0, 0] == profile[8, 0] == profile[4, 1] == 0.5
    assert profile.sum() == 6


def test_every_instrument_is_heard_in_one_stream():
    assert sorted(name for stream in STREAMS for name in stream) == sorted(INSTRUMENTS)


@pytest.mark.parametrize(
    ("kick", "expected"),
    [
        ("x... .... .... ....", 0),  # nothing is stronger than the downbeat
        ("x... x... x... x...", 0 + 0 + 0 + 0),  # of beats none rests
        (".... .... .... x...", 1),  # a beat, −1, before the downbeat, 0
        ("..x. .... .... ....", 2),  # an eighth, −2, before a beat, −1; the strongest rest is the next downbeat, 0
        ("..x. x... .... ....", 1),  # the beat after the eighth is struck; that one is before the next downbeat
        ("...x x... .... ....", 1),  # the same, with a sixteenth
        (".x.x .... .... ....", 1 + 3),  # a sixteenth, −3, before an eighth, −2, and one before the downbeat
        (".... .... .... ....", 0),
    ],
)
def test_syncopation_by_hand(kick, expected):
    assert syncopation(bars({"kick": kick})).tolist() == [expected]


@given(any_bars)
@settings(max_examples=30, deadline=None)
def test_syncopation_is_the_sum_over_hits_of_the_strongest_rest_that_follows(hits):
    expected = []
    for bar in hits:
        total = 0
        for stream in STREAMS:
            line = bar[:, [INSTRUMENTS.index(name) for name in stream]].any(axis=1)
            for step in np.flatnonzero(line):
                following = [(step + later) % 16 for later in range(1, 17)]
                rests = following[: [line[other] for other in following].index(True)]
                strongest = max((METRICAL_WEIGHTS[rest] for rest in rests), default=-np.inf)
                total += max(0, strongest - METRICAL_WEIGHTS[step])
        expected.append(total)
    assert syncopation(hits).tolist() == expected


# --- hits found again


def test_f1_by_hand():
    hits, found = np.array([[1, 1, 1, 0, 0]]), np.array([[0.9, 0.5, 0.4, 0.6, 0.1]])
    assert hit_f1(hits, found) == pytest.approx(2 * 2 / (3 + 3))
    assert hit_f1(hits, found, 0.4) == pytest.approx(2 * 3 / (3 + 4))


def test_f1_of_bars_with_themselves_is_one_and_of_nothing_none():
    hits = random_bars(20, 0)
    assert hit_f1(hits, hits) == 1
    assert hit_f1(hits, np.zeros(hits.shape)) == 0
    assert np.isnan(hit_f1(np.zeros((1, 16, 9)), np.zeros((1, 16, 9))))


def test_f1_of_each_instrument():
    hits = bars(STRAIGHT, STRAIGHT)
    found = hits.copy()
    found[1, 0, INSTRUMENTS.index("kick")] = False
    found[:, :, INSTRUMENTS.index("snare")] = False
    by_instrument = dict(zip(INSTRUMENTS, instrument_f1(hits, found), strict=True))
    assert by_instrument["kick"] == pytest.approx(2 * 3 / (4 + 3))
    assert by_instrument["snare"] == 0
    assert by_instrument["hihat_closed"] == 1
    assert np.isnan(by_instrument["clap"])


def test_probabilities_that_are_no_numbers_predict_nothing():
    assert hit_f1(bars(STRAIGHT), np.full((1, 16, 9), np.nan)) == 0


@given(any_bars, any_bars)
@settings(max_examples=30, deadline=None)
def test_expected_f1_is_that_of_all_pairs_together(ours, theirs):
    left, right = np.repeat(ours, len(theirs), axis=0), np.tile(theirs, (len(ours), 1, 1))
    chances = np.broadcast_to(onset_profile(theirs), ours.shape)
    assert expected_f1(ours, chances) == pytest.approx(hit_f1(left, right), nan_ok=True)


# --- distances


def test_nearest_distances_by_hand():
    train = bars(STRAIGHT, OFFBEAT)
    asked = bars(OFFBEAT, NOTHING, {**STRAIGHT, "kick": "x... .... x.x. ...."})
    assert nearest_distances(asked, train).tolist() == [0, 12, 1]


def test_copies_are_nearer_than_what_was_held_out():
    train, held_out = random_bars(100, 5), random_bars(100, 6)
    found = nearest_training(np.concatenate([train[:50], train[:50]]), held_out, train)
    assert (found["nearest_training"], found["copies"], found["copies_held_out"]) == (0, 1, 0)
    assert found["nearest_training_held_out"] > 10


def test_mean_distance_is_that_of_all_pairs():
    hits = random_bars(9, 9)
    pairs = [(hits[i] != hits[j]).sum() for i in range(9) for j in range(i)]
    assert mean_distance(hits) == pytest.approx(np.mean(pairs))
    assert mean_distance(np.repeat(hits[:1], 5, axis=0)) == 0
    assert np.isnan(mean_distance(hits[:1]))


# --- density by style


def test_density_calibration_by_hand():
    real = bars(STRAIGHT, NOTHING, STRAIGHT)
    generated = bars(STRAIGHT, STRAIGHT, STRAIGHT)
    styles = np.array([0, 0, 1])
    table = density_calibration(real, styles, generated, styles, ["rock", "jazz"])
    full = 12 / CELLS
    assert table["rock"] == pytest.approx(
        {
            "real_mean": full / 2,
            "real_deviation": full / 2,
            "generated_mean": full,
            "generated_deviation": 0,
            "wasserstein": full / 2,
        }
    )
    assert table["jazz"]["wasserstein"] == 0


def test_a_style_without_bars_on_one_side_is_left_out():
    both, styles = bars(STRAIGHT, OFFBEAT), np.array([0, 1])
    assert list(density_calibration(both, styles, both, np.array([1, 1]), ["rock", "jazz"])) == ["jazz"]
    assert list(density_calibration(both, np.array([0, 0]), both, styles, ["rock", "jazz"])) == ["rock"]


# --- baselines


def test_the_mean_pattern_is_the_mean_of_training_bars_alone():
    train = bars(STRAIGHT, NOTHING)
    assert (mean_pattern(train, bars(OFFBEAT, OFFBEAT, OFFBEAT)) == onset_profile(train)).all()


def test_as_many_components_as_there_are_directions_rebuild_bars_whole():
    basis = bars(*({name: "x... x... x... x..."} for name in INSTRUMENTS[:4]))
    mixed = np.array([[i & 1, i >> 1 & 1, i >> 2 & 1, i >> 3 & 1] for i in range(16)])
    hits = np.einsum("nk,ksi->nsi", mixed, basis) > 0
    assert principal_components(hits, hits, 4) == pytest.approx(1.0 * hits)
    assert hit_f1(hits, principal_components(hits, hits, 2)) < 1


def test_the_threshold_of_a_floor_is_chosen_on_training_bars():
    train = np.zeros((10, 16, 9), bool)
    train[:4, 0, 0] = train[4:5, 0, 1] = True
    bars_of_the_rare_one = np.zeros((3, 16, 9), bool)
    bars_of_the_rare_one[:, 0, 1] = True
    # among training bars it is best to predict the common hit alone
    assert hit_f1_baselines(train, bars_of_the_rare_one)["hit_f1_mean_pattern"] == 0


def test_components_rebuild_better_than_the_mean_and_a_fitted_threshold_better_than_a_half():
    rng = np.random.default_rng(12)
    patterns = random_bars(6, 13, chance=0.3)
    drawn = rng.random((400, 16, 9)) < 0.9
    hits = patterns[rng.integers(6, size=400)] & drawn
    scores = hit_f1_baselines(hits[:300], hits[300:])
    assert scores["hit_f1_pca16"] > scores["hit_f1_mean_pattern"] > scores["hit_f1_mean_pattern_at_half"]
    assert scores["hit_f1_pca16"] >= scores["hit_f1_pca16_at_half"] > 0.9
