import gzip
import json
import os
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scores import ABC, IN_C, abc, musicxml, write_all_formats

from manymodes.cli import UserError
from melodygan.data import corpus as corpus_module
from melodygan.data.corpus import load_split, near_duplicate_key, split
from melodygan.data.encoding import ACCEPTED_STEPS, Note, Tune, pitches_in


def test_a_folder_of_all_formats(load, folder):
    write_all_formats(folder)
    below = folder / "deep" / "er"
    below.mkdir(parents=True)
    (below / "F.ABC").write_text(ABC.replace("G12", "A12"), encoding="utf-8")
    (below / "G.XML").write_text(musicxml(), encoding="utf-16")
    (below / "notes.txt").write_text("not music", encoding="utf-8")
    (folder / ".hidden.krn").write_text("not music", encoding="utf-8")
    found = load(folder)
    assert (found.loaded, found.duplicates, len(found.tunes), found.skipped) == (7, 5, 2, ())
    assert [tune.source for tune in found.tunes] == ["a.abc#1", "deep/er/F.ABC#1"]
    assert [tune.name for tune in found.tunes] == ["Little tune", "Little tune"]


def test_unusual_durations_and_irregular_bars_are_left_out(load, folder):
    bodies = ["C4 D4 E8 |", "(3C2D2E2 F4 |", "C10 D6 |", "C4 z20 |", "C16 | D12 | E16 | C16 |"]
    tunes = [abc(body, X=str(number)) for number, body in enumerate(bodies, start=1)]
    (folder / "a.abc").write_text("\n".join(tunes), encoding="utf-8")
    found = load(folder)
    assert (found.loaded, len(found.tunes), found.skipped) == (5, 1, ())
    assert found.filtered == (
        ("a.abc#2", "a note of 1/3 quarter"),
        ("a.abc#3", "a note of 2.5 quarters"),
        ("a.abc#4", "a rest of 5 quarters"),
        ("a.abc#5", "bar 2 has 3 quarters, the metre 4"),
    )
    assert "a note of 2.5 quarters (1)" in found.table()


MALFORMED = {
    "empty.krn": b"",
    "binary.krn": bytes(range(256)),
    "prose.abc": b"It was a dark and stormy night.\n",
    "empty.abc": b"",
    "rests.abc": abc("z16 | z16 |").encode(),
    "empty.mid": b"",
    "cut.mid": b"MThd\x00\x00\x00\x06\x00\x01\x00\x01\x01\xe0MTrk\x00\x00\xff\xff\x00\x90\x40",
    "seconds.mid": b"MThd\x00\x00\x00\x06\x00\x00\x00\x01\xe7\x28MTrk\x00\x00\x00\x04\x00\xff\x2f\x00",
    "other.xml": b"<settings><colour>red</colour></settings>",
    "cut.xml": musicxml()[:400].encode(),
    "no.mxl": b"PK not a zip file",
}


@pytest.mark.filterwarnings("error")
def test_malformed_files_are_skipped_with_a_reason(load, folder, capfd):
    for name, data in MALFORMED.items():
        (folder / name).write_bytes(data)
    (folder / "good.abc").write_text(ABC, encoding="utf-8")
    (folder / "gone.krn").symlink_to(folder / "nowhere")
    os.mkfifo(folder / "pipe.mid")
    found = load(folder)
    assert [tune.notes for tune in found.tunes] == [IN_C]
    reasons = {name.partition("#")[0]: reason for name, reason in found.skipped}
    assert reasons.keys() == {*MALFORMED, "gone.krn"}
    assert all(reason and "\n" not in reason for reason in reasons.values())
    assert reasons["prose.abc"] == "it is not an ABC tune: it has no key (K:)"
    assert reasons["seconds.mid"] == "it counts time in frames of film (SMPTE), not in beats"
    assert reasons["rests.abc"] == "it has no notes"
    assert reasons["gone.krn"] == "No such file or directory"
    assert capfd.readouterr() == ("", "")
    table = found.table()
    assert all(f"    {item.name}: {item.reason}" in table for item in found.skipped)
    assert "and 10 more" in found.table(limit=2)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("/no/such/place", "no such file or folder: /no/such/place"),
        (Path("nowhere"), "no such file or folder"),
        ("tunes.mid", "no such file or folder: tunes.mid"),
        ("bohme", "'bohme': did you mean boehme.* erk"),
        ("", "no name"),
        ("~nobody-is-called-so/tunes", "home folder"),
        ("C4 " * 200, "name too long"),
        ("folder/empty", "it has no file of .krn, .abc"),
        ("folder/readme.txt", "is not a file of tunes"),
        ("folder/unusable", r"a note of 2.5 quarters \(1\); 1 skipped, first b.krn"),
    ],
)
def test_a_source_without_tunes(load, folder, cache, monkeypatch, source, message):
    monkeypatch.chdir(folder.parent)
    (folder / "empty").mkdir()
    (folder / "readme.txt").write_text("not music", encoding="utf-8")
    (folder / "unusable").mkdir()
    (folder / "unusable" / "a.abc").write_text(abc("C10 |"), encoding="utf-8")
    (folder / "unusable" / "b.krn").write_bytes(b"")
    with pytest.raises(UserError, match=message) as caught:
        load(source)
    assert "\n" not in str(caught.value)
    assert not cache.exists()


def test_a_book_comes_before_a_folder_of_its_name(load, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    own = tmp_path / "testd"
    own.mkdir()
    (own / "tune.abc").write_text(ABC, encoding="utf-8")
    assert len(load("testd").tunes) > 1
    assert len(load("./testd").tunes) == 1
    assert len(load(Path("testd")).tunes) == 1


@pytest.mark.slow
def test_erk(load):
    erk = load("erk")
    assert erk.loaded == len(erk.tunes) + len(erk.filtered) + erk.duplicates == 1754
    assert erk.fingerprint.startswith("70565cb6cf2d")
    assert erk.skipped == ()
    assert all(tune.name.startswith("E") for tune in erk.tunes)
    notes = [note for tune in erk.tunes for note in tune.notes]
    assert {note.steps for note in notes} == set(ACCEPTED_STEPS)
    # in C major or A minor
    assert Counter(tune.key.split()[1] for tune in erk.tunes)["minor"] == 104
    assert np.isin(np.array(pitches_in(notes)) % 12, [0, 2, 4, 5, 7, 9, 11]).mean() > 0.97
    parts = split(erk.tunes, seed=1)
    assert [len(part) for part in parts] == [1312, 164, 164, 0]
    assert split(erk.tunes, seed=1) == parts != split(erk.tunes, seed=2)


def test_a_second_load_is_the_same_and_parses_nothing(load, folder, cache, monkeypatch):
    write_all_formats(folder)
    (folder / "bad.krn").write_bytes(b"")
    (folder / "f.abc").write_text(abc("C10 |"), encoding="utf-8")
    first = load(folder)
    with monkeypatch.context() as patch:
        patch.setattr(corpus_module, "_parse", None)
        assert load(folder) == first
        moved = folder.with_name("moved")
        folder.rename(moved)
        assert load(moved) == replace(first, source=str(moved))
    (moved / "f.abc").write_text(abc("C8 |"), encoding="utf-8")
    changed = load(moved)
    assert len(changed.tunes) == len(first.tunes) + 1
    assert changed.fingerprint != first.fingerprint
    assert len(list(cache.iterdir())) == 2


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[: len(data) // 2],
        lambda _: gzip.compress(json.dumps([{"name": "x"}]).encode()),
        lambda data: data[:-12] + bytes(12),
    ],
)
def test_a_damaged_cache_is_parsed_again(load, folder, cache, damage):
    (folder / "a.abc").write_text(ABC, encoding="utf-8")
    first = load(folder)
    (kept,) = cache.iterdir()
    whole = kept.read_bytes()
    kept.write_bytes(damage(whole))
    assert load(folder) == first
    assert kept.read_bytes() == whole


def test_processes_give_the_same_as_one(folder, load, cache):
    # more tunes than are parsed in this process, so that workers start
    tunes = [abc(f"C{4 * (1 + n % 2)} D4 {'E' * (n + 1)} |", X=str(n)) for n in range(45)]
    (folder / "a.abc").write_text("\n".join(tunes), encoding="utf-8")
    alone = load(folder, jobs=1)
    shutil.rmtree(cache)
    many = load(folder, jobs=2, progress=True)
    assert alone == many
    assert len(alone.tunes) == 45


melodies = st.lists(st.sampled_from([60, 62, 64, None]), max_size=6).map(
    lambda pitches: Tune(tuple(Note(pitch, 4) for pitch in pitches))
)


def named(corpus):
    return [replace(tune, name=str(number)) for number, tune in enumerate(corpus)]


@given(st.lists(melodies, max_size=40).map(named), st.integers(0, 3), st.data())
def test_a_split_has_every_tune_once_and_variants_together_in_any_order(corpus, seed, data):
    parts = split(corpus, seed)[:3]
    assert Counter(tune for part in parts for tune in part) == Counter(corpus)
    homes = [{near_duplicate_key(tune) for tune in part} for part in parts]
    assert not homes[0] & homes[1]
    assert not homes[0] & homes[2]
    assert not homes[1] & homes[2]
    if len({near_duplicate_key(tune) for tune in corpus}) >= 3:
        assert all(parts)
    assert all(list(part) == sorted(part, key=corpus.index) for part in parts)
    shuffled = data.draw(st.permutations(corpus))
    assert [{near_duplicate_key(tune) for tune in part} for part in split(shuffled, seed)[:3]] == homes


def test_others_are_only_learned_from_and_quote_nothing_that_is_held_out(load, folder, tmp_path):
    rng = np.random.default_rng(0)

    def tune(name, degrees):
        return abc(" ".join(f"{'CDEFGAB'[degree]}4" for degree in degrees), X=name)

    lines = rng.integers(7, size=(10, 24))
    (folder / "own.abc").write_text("\n".join(tune(str(n), line) for n, line in enumerate(lines, 1)), encoding="utf-8")
    (alone, parts), (whole, _) = (load_split(str(folder), seed=2) for _ in range(2))
    assert (alone, len(parts.others)) == (whole, 0)
    held_out = int(parts.test[0].source.partition("#")[2]) - 1
    learned = int(parts.train[0].source.partition("#")[2]) - 1
    new = rng.integers(7, size=(4, 24))
    new[0, 5:18] = lines[held_out, 5:18]  # twelve intervals in a row
    new[1, 4:18] = lines[held_out, 4:18]
    new[1, [4, 17]] = (new[1, [4, 17]] + 1) % 7  # eleven
    new[2, 5:18] = lines[learned, 5:18]
    other = tmp_path / "other.abc"
    other.write_text(
        "\n".join(tune(str(n), line) for n, line in enumerate([*new, lines[learned]], 1)), encoding="utf-8"
    )
    both, more = load_split(str(folder), str(other), seed=2)
    assert more[:3] == parts[:3]
    assert [tune.source for tune in more.others] == ["other.abc#2", "other.abc#3", "other.abc#4"]
    assert both.tunes == alone.tunes
    assert both.fingerprint != alone.fingerprint


def test_near_duplicates():
    pitches = [60, 62, 64, 65, 67] * 5
    tune = Tune(tuple(Note(pitch, 4) for pitch in pitches))
    key = near_duplicate_key(tune)
    assert len(key) == 20
    higher = tuple(Note(pitch + 5, 2) for pitch in pitches)
    for notes in (higher, (tune.notes[0], Note(None, 4), *tune.notes[1:]), (*tune.notes[:21], Note(30, 4))):
        assert near_duplicate_key(Tune(notes)) == key
    assert near_duplicate_key(Tune((*tune.notes[:20], Note(30, 4), *tune.notes[21:]))) != key
    assert near_duplicate_key(Tune(tune.notes[:15])) == key[:14]
    assert near_duplicate_key(Tune(())) == near_duplicate_key(Tune((Note(60, 4),))) == ()
