import functools
import itertools
from fractions import Fraction

import mido
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scores import abc, random_tunes, write_abc, write_all_formats, write_midi

from melodygan.data.abc import read_abc
from melodygan.data.encoding import Note, length_of
from melodygan.data.events import UnreadableError
from melodygan.data.kern import read_kern
from melodygan.data.readers import pieces_of, read_piece, read_quantised

# --- formats


def test_several_tunes_in_an_abc_file(load, folder):
    one = abc("C4 D4 E4 F4 | G16 |", X="7")
    # the unit length above the first tune holds for the second, which gives none
    two = "X:8\nT:second\nM:4/4\nK:C\nE2 D2 C4 |\n"
    text = f"%abc-1.6\nL:1/8\n\n{one}\n{two}"
    (folder / "book.abc").write_bytes(text.replace("\n", "\r\n").encode("latin-1"))
    first, second = load(folder).tunes
    assert first.notes == (Note(60, 4), Note(62, 4), Note(64, 4), Note(65, 4), Note(67, 16))
    assert second.notes == (Note(64, 4), Note(62, 4), Note(60, 8))
    assert (first.source, second.source) == ("book.abc#7", "book.abc#8")


@pytest.mark.parametrize(
    ("read", "text", "alphabet"),
    [
        (read_abc, "X:1\nT:a tune\nM:4/4\nL:1/4\nK:C\n{}\n", "ABCabcz^_=[](){}<>|:&-+!\"%\\\n/0123456789VKMLXIZ ,'"),
        (read_kern, "**kern\n{}\n*-", "abcgABC0123456789.%[]_rq#-=*^v+x\t\n :|!MkK"),
    ],
)
def test_any_text_is_read_or_refused(read, text, alphabet):
    @settings(max_examples=150)
    @given(st.text(alphabet=alphabet, max_size=200))
    def check(body):
        try:
            sheet = read(text.format(body))
        except UnreadableError:
            return
        for part in sheet.parts:
            assert all(event.end >= event.onset >= 0 for event in part)

    check()


# --- one melody out of many voices


def test_drums_are_not_a_melody(load, folder):
    message = functools.partial(mido.Message, channel=9, note=100)
    drums = mido.MidiTrack([message("note_on", time=0), message("note_off", time=480)])
    write_midi(folder / "song.mid", [(60, 4), (62, 8)], key="C", tracks=[drums])
    assert load(folder).tunes[0].notes == (Note(60, 4), Note(62, 8))


@pytest.mark.parametrize(
    ("played", "written"),
    [
        # a little early, a little late, staccato, and shorter than a sixteenth
        ([(60, 3.8), (62, 4.3), (64, 1.6), (None, 2.3), (65, 0.2)], [(60, 4), (62, 4), (64, 2), (None, 2), (65, 1)]),
        # silence becomes accepted rests
        ([(60, 4), (None, 21), (62, 4)], [(60, 4), (None, 16), (None, 4), (None, 1), (62, 4)]),
    ],
)
def test_midi_goes_to_the_nearest_sixteenth(load, folder, played, written):
    write_midi(folder / "a.mid", played, key="C")
    assert list(load(folder).tunes[0].notes) == written


# --- keys


@pytest.fixture
def quantised(folder):
    """Return a function: the one tune in a text, moved to sixteenths."""

    def read(text):
        (folder / "tune.abc").write_text(text, encoding="utf-8")
        (piece,) = pieces_of(folder / "tune.abc", "tune.abc")
        return read_quantised(piece)

    return read


@pytest.mark.parametrize(
    ("key", "body", "name", "first"),
    [
        ("C", "C4 E4 G8", "C major", 60),
        ("G", "G4 B4 d8", "G major", 60),
        ("Am", "A4 c4 e8", "A minor", 69),
        ("Dm", "D4 F4 A8", "D minor", 57),
        ("D", "D4 =F4 A8", "D minor", 57),  # only the tonic is named: the third says minor
        ("D", "D4 =F4 ^F4 A8", "D major", 60),
        ("DDor", "D4 F4 A8", "D dorian", 62),
        ("Eb", "E4 G4 B8", "Eb major", 60),
    ],
)
def test_transposition(quantised, key, body, name, first):
    tune = quantised(abc(body + " |", key=key)).tune
    assert tune.key == name
    assert tune.notes[0].pitch == first


@pytest.mark.parametrize(("shift", "key"), [(0, "G major"), (1, "Ab major"), (5, "C major")])
def test_a_tune_without_a_key_is_analysed(load, folder, shift, key):
    scale = [67, 69, 71, 72, 74, 76, 78, 79, 74, 71, 67, 74, 67]
    write_midi(folder / "a.mid", [(pitch + shift, 4) for pitch in scale])
    (tune,) = load(folder).tunes
    assert tune.key == key
    assert {note.pitch % 12 for note in tune.notes} == {0, 2, 4, 5, 7, 9, 11}


# --- any rhythm, moved to sixteenths


@pytest.mark.parametrize(
    ("body", "notes", "moved"),
    [
        # three quarters in the time of two begin at 0, 2⅔ and 5⅓
        ("(3C4D4E4 F8 | G16 |", [(60, 3), (62, 2), (64, 3), (65, 8), (67, 16)], 3),
        # three sixteenths in the time of two: at 0, ⅔, 1⅓
        ("(3CDE F2 G4 C8 |", [(60, 1), (64, 1), (65, 2), (67, 4), (60, 8)], 3),
        # what begins halfway goes to the later sixteenth, so the second of two thirty-seconds vanishes
        ("C/2D/2E3 F4 G8 |", [(60, 1), (64, 3), (65, 4), (67, 8)], 2),
        # a rest too has to make way
        ("C7/2 z/2 D4 E8 |", [(60, 4), (62, 4), (64, 8)], 2),
        # five quarters are outside what a corpus accepts, and stand on sixteenths
        ("C16- | C4 D12 |", [(60, 20), (62, 12)], 0),
        ("C5 z11 | D16 |", [(60, 5), (None, 11), (62, 16)], 0),
    ],
)
def test_onsets_go_to_the_nearest_sixteenth(quantised, body, notes, moved):
    found = quantised(abc(body))
    assert found.tune.notes == tuple(Note(*note) for note in notes)
    assert (found.moved, found.semitones) == (moved, 0)


def test_where_nothing_has_to_be_moved_both_readers_agree(folder):
    write_all_formats(folder)
    write_abc(folder / "dice.abc", random_tunes(10))
    pieces = [piece for path in sorted(folder.iterdir()) for piece in pieces_of(path, path.name)]
    assert len(pieces) == 15
    for piece in pieces:
        found = read_quantised(piece)
        assert found.tune == read_piece(piece).tune
        assert found.moved == 0
        assert found.semitones == (0 if piece.name.startswith("dice") else -7)  # from G down to C


def test_a_quantised_tune_is_as_long_as_its_score(folder):
    rng = np.random.default_rng(6)
    written = [
        [Fraction(int(rng.integers(1, 20)), int(rng.choice([1, 2, 3, 4, 6]))) for _ in range(12)] for _ in range(8)
    ]
    bodies = [[f"{letter}{length}" for letter, length in zip("CDEFGABcdcBA", one, strict=True)] for one in written]
    texts = [abc(" ".join(body), X=str(number)) for number, body in enumerate(bodies, start=1)]
    (folder / "book.abc").write_text("\n".join(texts), encoding="utf-8")
    for piece, lengths in zip(pieces_of(folder / "book.abc", "book"), written, strict=True):
        found = read_quantised(piece)
        assert abs(length_of(found.tune.notes) - sum(lengths)) <= Fraction(1, 2)
        # and so is every beginning of it
        score = list(itertools.accumulate(lengths))
        for end in itertools.accumulate(note.steps for note in found.tune.notes):
            assert min(abs(end - other) for other in score) <= Fraction(1, 2)
        assert found.moved >= sum(length.denominator > 1 for length in lengths)
        assert read_piece(piece).tune is None  # a corpus leaves it out


def test_an_upbeat_that_is_on_no_sixteenth_is_none(quantised):
    full = "| C4 D4 E4 F4 | G16 |"
    assert quantised(abc(f"C4 {full}")).tune.pickup_steps == 4
    assert quantised(abc(f"C9/2 {full}")).tune.pickup_steps == 0
