import gzip
import json
import os
import subprocess
import sys
import zipfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import mido
import pytest
from hypothesis import given
from hypothesis import strategies as st

from melodygan import corpus as corpus_module
from melodygan.corpus import book_names, cache_folder, load_corpus, near_duplicate_key, split
from melodygan.encoding import ACCEPTED_STEPS, Note, Tune
from modelkit.cli import UserError

KERN_SAMPLE = Path(__file__).resolve().parents[2].parent / "shared" / "krn-sample"

# An upbeat, a dotted note, a tie over a bar line, a rest, sixteenths: noted in G major, 3/4 …
ABC = """X:1
T:Little tune
M:3/4
L:1/16
K:G
D4 | G4 A6 B2 | G4 c8- | c4 z4 F2EE | G12 |
"""
KERN = """!!!OTL: Little tune
**kern
*M3/4
*k[f#]
*G:
4d
=1
4g
4.a
8b
=2
4g
[2cc
=3
4cc]
4r
8f#
16e
16e
=4
2.g
==
*-
"""
IN_G = ((62, 4), (67, 4), (69, 6), (71, 2), (67, 4), (72, 12), (None, 4), (66, 2), (64, 1), (64, 1), (67, 12))
# … and in C major, the tonic on the C below.
IN_C = tuple(Note(None if pitch is None else pitch - 7, steps) for pitch, steps in IN_G)


def write_midi(path, notes, *, key=None, meter=None, lead=0, tracks=()):
    """Write (pitch, sixteenths) with 480 ticks a quarter, after `lead` ticks of silence."""
    file = mido.MidiFile(ticks_per_beat=480)
    track = mido.MidiTrack()
    file.tracks.append(track)
    if key:
        track.append(mido.MetaMessage("key_signature", key=key))
    if meter:
        track.append(mido.MetaMessage("time_signature", numerator=meter[0], denominator=meter[1]))
    wait = lead
    for pitch, steps in notes:
        if pitch is None:
            wait += round(steps * 120)
            continue
        track.append(mido.Message("note_on", note=pitch, time=wait))
        track.append(mido.Message("note_off", note=pitch, time=round(steps * 120)))
        wait = 0
    file.tracks.extend(tracks)
    file.save(path)


def musicxml():
    """Write the little tune; a division is a sixteenth."""
    types = {1: "16th", 2: "eighth", 4: "quarter", 6: "quarter", 8: "half", 12: "half"}
    bars = [
        ["D4:4"],
        ["G4:4", "A4:6", "B4:2"],
        ["G4:4", "C5:8:start"],
        ["C5:4:stop", "rest:4", "F4:2", "E4:1", "E4:1"],
        ["G4:12"],
    ]
    out = []
    for number, bar in enumerate(bars):
        out.append(f'<measure number="{number}"' + (' implicit="yes">' if number == 0 else ">"))
        if number == 0:
            out.append(
                "<attributes><divisions>4</divisions><key><fifths>1</fifths><mode>major</mode></key>"
                "<time><beats>3</beats><beat-type>4</beat-type></time></attributes>"
            )
        for item in bar:
            what, length, *tie = item.split(":")
            alter = "<alter>1</alter>" if what == "F4" else ""
            sound = (
                "<rest/>"
                if what == "rest"
                else f"<pitch><step>{what[0]}</step>{alter}<octave>{what[1]}</octave></pitch>"
            )
            ties = "".join(f'<tie type="{kind}"/>' for kind in tie)
            dot = "<dot/>" if length in {"6", "12"} else ""
            out.append(f"<note>{sound}<duration>{length}</duration>{ties}<type>{types[int(length)]}</type>{dot}</note>")
        out.append("</measure>")
    return (
        '<?xml version="1.0" encoding="UTF-8"?><score-partwise version="4.0">'
        "<part-list><score-part id='P1'><part-name>voice</part-name></score-part></part-list>"
        f"<part id='P1'>{''.join(out)}</part></score-partwise>"
    )


def abc(body, key="C", **fields):
    header = {"X": "1", "T": "tune", "M": "4/4", "L": "1/16", **fields, "K": key}
    return "".join(f"{name}:{value}\n" for name, value in header.items()) + body + "\n"


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "tunes"
    path.mkdir()
    return path


@pytest.fixture
def load(cache):
    def load_quietly(source, **options):
        return load_corpus(source, cache_dir=cache, progress=False, **options)

    return load_quietly


@pytest.fixture
def only(load, folder):
    """Write one file into an empty folder and load the one tune in it."""

    def load_one(text, name="tune.abc"):
        (folder / name).write_text(text, encoding="utf-8")
        (tune,) = load(folder).tunes
        return tune

    return load_one


@pytest.fixture(scope="session")
def erk(tmp_path_factory):
    return load_corpus("erk", cache_dir=tmp_path_factory.mktemp("erk"), progress=False)


# --- formats


def write_all_formats(folder):
    (folder / "a.abc").write_text(ABC, encoding="utf-8")
    (folder / "b.krn").write_text(KERN, encoding="utf-8")
    write_midi(folder / "c.mid", IN_G, key="G", meter=(3, 4), lead=2 * 480)
    (folder / "d.musicxml").write_text(musicxml(), encoding="utf-8")
    with zipfile.ZipFile(folder / "e.mxl", "w") as archive:
        archive.writestr("META-INF/container.xml", '<container><rootfile full-path="in/score.xml"/></container>')
        archive.writestr("in/score.xml", musicxml())


@pytest.mark.parametrize("name", ["a.abc", "b.krn", "c.mid", "d.musicxml", "e.mxl"])
def test_every_format_gives_the_same_tune(load, folder, name):
    write_all_formats(folder)
    (tune,) = load(folder / name).tunes
    assert tune.notes == IN_C
    assert (tune.key, tune.meter, tune.pickup_steps) == ("G major", "3/4", 4)
    assert tune.source.startswith(name)


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


def test_several_tunes_in_an_abc_file(only, load, folder):
    one = abc("C4 D4 E4 F4 | G16 |", X="7")
    # the unit length above the first tune holds for the second, which gives none
    two = "X:8\nT:second\nM:4/4\nK:C\nE2 D2 C4 |\n"
    text = f"%abc-1.6\nL:1/8\n\n{one}\n{two}"
    (folder / "book.abc").write_bytes(text.replace("\n", "\r\n").encode("latin-1"))
    first, second = load(folder).tunes
    assert first.notes == (Note(60, 4), Note(62, 4), Note(64, 4), Note(65, 4), Note(67, 16))
    assert second.notes == (Note(64, 4), Note(62, 4), Note(60, 8))
    assert (first.source, second.source) == ("book.abc#7", "book.abc#8")


def test_an_accidental_holds_to_the_end_of_the_bar(only):
    assert [note.pitch for note in only(abc("^F4 G4 F4 G4 | F16 |")).notes] == [66, 67, 66, 67, 65]


def test_text_in_latin_1(load, folder):
    (folder / "tune.abc").write_bytes(abc("C4 D4 |", T="Mädchen").encode("latin-1"))
    assert load(folder).tunes[0].name == "Mädchen"


def test_grace_notes_chords_and_chord_symbols(only):
    tune = only(abc('{G}C4 [EGc]4 "Am"D8 |'))
    assert tune.notes == (Note(60, 4), Note(72, 4), Note(62, 8))


def test_the_last_note_keeps_its_length(only):
    assert only(abc("C4 C12 | D16 |")).notes[-1] == Note(62, 16)


# --- one melody out of many voices


def test_the_highest_part_is_the_melody(load, folder):
    # in kern the bass stands first
    lines = ["**kern\t**kern", "*k[]\t*k[]", "*C:\t*C:", "2C\t4c", ".\t4d", "2G\t2e", "*-\t*-"]
    (folder / "duet.krn").write_text("\n".join(lines), encoding="utf-8")
    assert load(folder).tunes[0].notes == (Note(60, 4), Note(62, 4), Note(64, 8))


def test_overlapping_notes_of_a_midi_track(load, folder):
    messages = [
        ("note_on", 60, 0),
        ("note_on", 64, 240),  # higher, so it cuts off 60
        ("note_on", 55, 240),  # lower, so it is not heard while 64 sounds
        ("note_off", 60, 0),
        ("note_off", 55, 240),
        ("note_off", 64, 240),
    ]
    track = mido.MidiTrack(mido.Message(kind, note=note, time=time) for kind, note, time in messages)
    write_midi(folder / "a.mid", (), key="C", tracks=[track])
    assert load(folder).tunes[0].notes == (Note(60, 2), Note(64, 6))


def test_drums_are_no_melody(load, folder):
    drums = mido.MidiTrack(
        [
            mido.Message("note_on", channel=9, note=100, time=0),
            mido.Message("note_off", channel=9, note=100, time=480),
        ]
    )
    write_midi(folder / "song.mid", [(60, 4), (62, 8)], key="C", tracks=[drums])
    assert load(folder).tunes[0].notes == (Note(60, 4), Note(62, 8))


def test_midi_goes_to_the_nearest_sixteenth(load, folder):
    # a little early, a little late, staccato, and shorter than a sixteenth
    write_midi(folder / "a.mid", [(60, 3.8), (62, 4.3), (64, 1.6), (None, 2.3), (65, 0.2)], key="C")
    assert load(folder).tunes[0].notes == (Note(60, 4), Note(62, 4), Note(64, 2), Note(None, 2), Note(65, 1))


def test_silence_in_midi_is_written_as_accepted_rests(load, folder):
    write_midi(folder / "a.mid", [(60, 4), (None, 21), (62, 4)], key="C")
    assert load(folder).tunes[0].notes == (
        Note(60, 4),
        Note(None, 16),
        Note(None, 4),
        Note(None, 1),
        Note(62, 4),
    )


# --- keys


@pytest.mark.parametrize(
    ("key", "body", "name", "first"),
    [
        ("C", "C4 E4 G8", "C major", 60),
        ("G", "G4 B4 d8", "G major", 60),
        ("F", "F4 A4 c8", "F major", 60),
        ("Am", "A4 c4 e8", "A minor", 69),
        ("Dm", "D4 F4 A8", "D minor", 57),
        ("D", "D4 =F4 A8", "D minor", 57),  # only the tonic is named: the third says minor
        ("D", "D4 =F4 ^F4 A8", "D major", 60),
        ("DDor", "D4 F4 A8", "D dorian", 62),
        ("Eb", "E4 G4 B8", "Eb major", 60),
    ],
)
def test_transposition(only, key, body, name, first):
    tune = only(abc(body + " |", key=key))
    assert tune.key == name
    assert tune.notes[0].pitch == first


def test_a_signature_without_a_key(only):
    text = KERN.replace("*G:\n", "")
    tune = only(text, "tune.krn")
    assert tune.notes == IN_C
    assert tune.key == "1 sharp"


@pytest.mark.parametrize(("shift", "key"), [(0, "G major"), (1, "Ab major"), (5, "C major")])
def test_a_tune_without_a_key_is_analysed(load, folder, shift, key):
    scale = [67, 69, 71, 72, 74, 76, 78, 79, 74, 71, 67, 74, 67]
    write_midi(folder / "a.mid", [(pitch + shift, 4) for pitch in scale])
    (tune,) = load(folder).tunes
    assert tune.key == key
    assert {note.pitch % 12 for note in tune.notes} == {0, 2, 4, 5, 7, 9, 11}


def test_no_pitch_falls_below_the_lowest(load, folder):
    write_midi(folder / "a.mid", [(11, 4), (3, 4)], key="B")
    assert [note.pitch for note in load(folder).tunes[0].notes] == [12, 4]


# --- what is left out


def test_durations_outside_the_accepted_ones(load, folder):
    (folder / "a.abc").write_text(
        "\n".join(
            [
                abc("C4 D4 E8 |", X="1"),
                abc("(3C2D2E2 F4 |", X="2"),
                abc("C10 D6 |", X="3"),
                abc("C4 z20 |", X="4"),
            ]
        ),
        encoding="utf-8",
    )
    found = load(folder)
    assert (found.loaded, len(found.tunes), found.skipped) == (4, 1, ())
    assert found.filtered == (
        ("a.abc#2", "a note of 1/3 quarter"),
        ("a.abc#3", "a note of 2.5 quarters"),
        ("a.abc#4", "a rest of 5 quarters"),
    )
    assert "removed: durations" in found.table()
    assert "a note of 2.5 quarters (1)" in found.table()


def test_the_same_tune_in_another_key_is_a_repetition(load, folder):
    (folder / "a.abc").write_text(
        abc("C4 E4 G8 |", X="1", T="one") + "\n" + abc("G4 B4 d8 |", key="G", X="2", T="two"),
        encoding="utf-8",
    )
    found = load(folder)
    assert (found.loaded, found.duplicates) == (2, 1)
    assert [tune.name for tune in found.tunes] == ["one"]


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
    assert reasons["seconds.mid"] == "its time is in seconds, not in quarters"
    assert reasons["rests.abc"] == "it has no notes"
    assert reasons["gone.krn"] == "No such file or directory"
    assert capfd.readouterr() == ("", "")
    table = found.table()
    assert all(f"    {item.name}: {item.reason}" in table for item in found.skipped)
    assert "and 10 more" in found.table(limit=2)


# --- errors for the person at the prompt


def message(load, source):
    with pytest.raises(UserError) as caught:
        load(source)
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_missing_paths_and_unknown_books(load, tmp_path, cache):
    assert message(load, str(tmp_path / "nowhere")).startswith(f"no such file or folder: {tmp_path / 'nowhere'}")
    assert message(load, tmp_path / "nowhere").startswith("no such file or folder")
    assert message(load, "tunes.mid").startswith("no such file or folder: tunes.mid")
    unknown = message(load, "bohme")
    assert "'bohme'" in unknown
    assert "did you mean boehme" in unknown
    assert "erk" in unknown
    assert "no name" in message(load, "")
    assert not cache.exists()


def test_nothing_usable(load, folder, cache):
    assert "it has no file of .krn, .abc" in message(load, folder)
    (folder / "readme.txt").write_text("not music", encoding="utf-8")
    assert "is not a file of tunes" in message(load, folder / "readme.txt")
    (folder / "a.abc").write_text(abc("C10 |"), encoding="utf-8")
    (folder / "b.krn").write_bytes(b"")
    text = message(load, folder)
    assert "a note of 2.5 quarters (1)" in text
    assert "1 skipped, first b.krn" in text
    assert not cache.exists()


def test_unreadable_files_and_folders(load, folder, monkeypatch):
    (folder / "a.abc").write_text(ABC, encoding="utf-8")

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", refuse)
        text = message(load, folder / "a.abc")
        assert text.startswith(f"cannot read {folder / 'a.abc'}: Permission denied")
    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", refuse)
        assert message(load, folder).startswith(f"cannot read {folder}: Permission denied")


# --- books


def test_bundled_books():
    assert {"erk", "boehme", "han", "lux", "altdeu", "ballad"} <= set(book_names())


def test_a_book_comes_before_a_folder_of_its_name(load, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    own = tmp_path / "testd"
    own.mkdir()
    (own / "tune.abc").write_text(ABC, encoding="utf-8")
    assert len(load("testd").tunes) > 1
    assert len(load("./testd").tunes) == 1
    assert len(load(Path("testd")).tunes) == 1


def test_erk_has_1754_tunes(erk):
    assert erk.loaded == 1754
    assert erk.skipped == ()
    assert erk.loaded == len(erk.tunes) + len(erk.filtered) + erk.duplicates
    assert all(tune.name.startswith("E") for tune in erk.tunes)
    assert {note.steps for tune in erk.tunes for note in tune.notes} == set(ACCEPTED_STEPS)


def test_erk_is_in_c_major_or_a_minor(erk):
    assert Counter(tune.key.split()[1] for tune in erk.tunes)["minor"] == 108
    lasting = Counter()
    for tune in erk.tunes:
        for note in tune.notes:
            if note.pitch is not None:
                lasting[note.pitch % 12] += note.steps
    white = sum(lasting[pitch] for pitch in (0, 2, 4, 5, 7, 9, 11))
    assert white / sum(lasting.values()) > 0.98


@pytest.mark.skipif(not KERN_SAMPLE.is_dir(), reason="the sample of kern files is not here")
def test_kern_and_abc_editions_of_erk_agree(erk, load):
    kern = load(KERN_SAMPLE)
    assert len(kern.tunes) == 60
    # three numbers are given to two tunes each, so a number is not enough to find a tune
    known = {(tune.name, tune.notes, tune.key, tune.meter, tune.pickup_steps) for tune in erk.tunes}
    strangers = [
        tune.name
        for tune in kern.tunes
        if (tune.name, tune.notes, tune.key, tune.meter, tune.pickup_steps) not in known
    ]
    assert strangers == []


# --- cache


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
        lambda _: b"",
        lambda _: b"no gzip",
        lambda _: gzip.compress(b"{"),
        lambda _: gzip.compress(b"[1, 2]"),
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


def test_without_a_cache_life_goes_on(load, folder, cache, capsys):
    (folder / "a.abc").write_text(ABC, encoding="utf-8")
    cache.write_text("a file stands where the folder should be", encoding="utf-8")
    assert len(load(folder).tunes) == 1
    assert capsys.readouterr().err.startswith(f"note: the parsed corpus cannot be kept in {cache}")


def test_where_the_cache_is(monkeypatch, tmp_path):
    monkeypatch.setenv("MANYMODES_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("MANYMODES_CACHE")
    assert cache_folder().name == "manymodes"


def test_processes_give_the_same_as_one(folder, tmp_path):
    # more tunes than are parsed in this process, so that workers start
    tunes = [abc(f"C{4 * (1 + n % 2)} D4 {'E' * (n + 1)} |", X=str(n)) for n in range(45)]
    (folder / "a.abc").write_text("\n".join(tunes), encoding="utf-8")
    alone = load_corpus(folder, cache_dir=tmp_path / "1", jobs=1, progress=False)
    many = load_corpus(folder, cache_dir=tmp_path / "2", jobs=2, progress=True)
    assert alone == many
    assert len(alone.tunes) == 45


def test_music21_is_not_imported_until_a_file_is_parsed(load, folder, cache):
    (folder / "a.abc").write_text(ABC, encoding="utf-8")
    load(folder)
    program = (
        "import sys; from melodygan.corpus import load_corpus; "
        f"load_corpus({str(folder)!r}, cache_dir={str(cache)!r}); "
        "sys.exit('music21' in sys.modules or 'tensorflow' in sys.modules or 'joblib' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[2])


# --- splitting

melodies = st.lists(st.sampled_from([60, 62, 64, None]), max_size=6).map(
    lambda pitches: Tune(tuple(Note(pitch, 4) for pitch in pitches))
)


def named(corpus):
    return [replace(tune, name=str(number)) for number, tune in enumerate(corpus)]


@given(st.lists(melodies, max_size=40).map(named), st.integers(0, 3))
def test_a_split_has_every_tune_once_and_variants_together(corpus, seed):
    sides = split(corpus, seed)
    assert Counter(tune for side in sides for tune in side) == Counter(corpus)
    homes = [{near_duplicate_key(tune) for tune in side} for side in sides]
    assert not homes[0] & homes[1]
    assert not homes[0] & homes[2]
    assert not homes[1] & homes[2]
    if len({near_duplicate_key(tune) for tune in corpus}) >= 3:
        assert all(sides)
    assert all(list(side) == sorted(side, key=corpus.index) for side in sides)


@given(st.lists(melodies, max_size=40).map(named), st.integers(0, 3), st.data())
def test_a_split_does_not_depend_on_the_order_of_tunes(corpus, seed, data):
    shuffled = data.draw(st.permutations(corpus))
    again = split(shuffled, seed)
    groups = [{near_duplicate_key(tune) for tune in side} for side in split(corpus, seed)]
    assert [{near_duplicate_key(tune) for tune in side} for side in again] == groups


def test_near_duplicates():
    pitches = [60, 62, 64, 65, 67] * 5
    tune = Tune(tuple(Note(pitch, 4) for pitch in pitches))
    higher = Tune(tuple(Note(pitch + 5, 2) for pitch in pitches))
    with_rest = Tune((tune.notes[0], Note(None, 4), *tune.notes[1:]))
    other_end = Tune((*tune.notes[:21], Note(30, 4)))
    other_start = Tune((*tune.notes[:20], Note(30, 4), *tune.notes[21:]))
    short = Tune(tune.notes[:15])
    key = near_duplicate_key(tune)
    assert len(key) == 20
    assert key == near_duplicate_key(higher) == near_duplicate_key(with_rest) == near_duplicate_key(other_end)
    assert key != near_duplicate_key(other_start)
    assert near_duplicate_key(short) == key[:14]
    assert near_duplicate_key(Tune(())) == near_duplicate_key(Tune((Note(60, 4),))) == ()


def test_split_of_erk(erk):
    sides = split(erk.tunes, seed=1)
    assert [len(side) for side in sides] == [1381, 173, 173]
    assert split(erk.tunes, seed=1) == sides
    assert split(erk.tunes, seed=2) != sides


def test_split_in_other_fractions():
    corpus = [Tune((Note(60, 4), Note(60 + n, 4))) for n in range(10)]
    assert [len(side) for side in split(corpus, 0, (0.5, 0.0, 0.5))] == [5, 0, 5]
    for wrong in ((0.5, 0.5, 0.5), (1.2, -0.1, -0.1)):
        with pytest.raises(ValueError, match="add up to 1"):
            split(corpus, 0, wrong)
