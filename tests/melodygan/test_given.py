import mido
import numpy as np
import pytest
from scores import ABC, IN_C, IN_G, abc, random_tunes, write_all_formats, write_midi

from manymodes.cli import UserError
from melodygan.data.encoding import Note
from melodygan.data.form import Form, Key, transposed
from melodygan.data.given import Given, read_given, suited


def pitches_in(given):
    return [note.pitch for note in given.notes]


def of_pitches(*pitches, **fields):
    return Given(tuple(Note(pitch, 4) for pitch in pitches), **fields)


# --- notes written out


@pytest.mark.parametrize(
    ("text", "notes"),
    [
        ("C4", (Note(60, 4),)),
        ("C4 D4:0.5 F#4:1.5 r", (Note(60, 4), Note(62, 2), Note(66, 6), Note(None, 4))),
        ("c-1 Bb3 G##5 Abb4 R:0.25", (Note(0, 4), Note(58, 4), Note(81, 4), Note(67, 4), Note(None, 1))),
        ("  B#3\tCb4:4.0  ", (Note(60, 4), Note(59, 16))),
    ],
)
def test_notes_written_out(text, notes):
    assert read_given(text) == Given(notes, shift=0, form=None, remarks=())


@pytest.mark.parametrize(
    ("key", "shift", "notes"),
    [
        (Key(2, "major"), 2, (Note(60, 4), Note(64, 4), Note(None, 4))),
        (Key(11, "major"), -1, (Note(63, 4), Note(67, 4), Note(None, 4))),
        (Key(2, "minor"), 5, (Note(57, 4), Note(61, 4), Note(None, 4))),
        (Key(0, "major"), 0, (Note(62, 4), Note(66, 4), Note(None, 4))),
    ],
)
def test_notes_in_a_key_are_transposed_from_it(key, shift, notes):
    assert read_given("D4 F#4 r", key) == Given(notes, shift)


@pytest.mark.parametrize(
    "text",
    [
        "   ",
        "H4",
        "C4:0.3",
        "C4,D4",
        "C4 tune.mid",
        "~nobody-is-so/a.mid",
    ],
)
def test_what_is_no_note_is_named(text):
    with pytest.raises(UserError) as caught:
        read_given(text, option="--vary")
    message = str(caught.value)
    assert message.startswith("--vary")
    assert "\n" not in message


def test_many_notes_are_no_file_with_a_long_name():
    assert read_given("C4 D4 " * 200).notes == (Note(60, 4), Note(62, 4)) * 200


# --- files


def test_a_file_is_transposed_as_a_corpus_is(tmp_path):
    (tmp_path / "my tune.abc").write_text(ABC, encoding="utf-8")
    # down from G to C, and seven semitones lead back
    assert read_given(str(tmp_path / "my tune.abc")) == Given(IN_C, 7, Form("3/4", "major"))
    write_midi(tmp_path / "tune.mid", [(67, 4), (71, 4)], key="G")
    assert read_given(str(tmp_path / "tune.mid")) == Given((Note(60, 4), Note(64, 4)), 7)


@pytest.mark.parametrize("name", ["a.abc", "b.krn", "c.mid", "d.musicxml", "e.mxl"])
def test_the_way_back_leads_to_the_file(tmp_path, name):
    write_all_formats(tmp_path)
    given = read_given(str(tmp_path / name))
    assert transposed(given.notes, given.shift) == IN_G
    assert given.form == Form("3/4", "major")
    assert given.remarks == ()


@pytest.mark.parametrize(
    ("meter", "key", "form"),
    [
        ("6/8", "Am", Form("6/8", "minor")),
        ("C", "F", Form("4/4", "major")),
        ("5/4", "C", None),  # models know no such metre
    ],
)
def test_a_file_has_the_form_that_it_says(tmp_path, meter, key, form):
    (tmp_path / "a.abc").write_text(abc("A4 c4 e4 |", key=key, M=meter), encoding="utf-8")
    assert read_given(str(tmp_path / "a.abc")).form == form


def test_a_file_may_be_of_any_rhythm(tmp_path):
    (tmp_path / "a.abc").write_text(abc("(3C4D4E4 F8 | G16- | G4 A12 |"), encoding="utf-8")
    given = read_given(str(tmp_path / "a.abc"))
    # triplets are not on sixteenths; five quarters are, though no corpus would accept them
    assert given.notes == (Note(60, 3), Note(62, 2), Note(64, 3), Note(65, 8), Note(67, 20), Note(69, 12))
    assert given.remarks == ("a.abc: 3 notes and rests were moved to sixteenths",)
    write_midi(tmp_path / "b.mid", [(60, 8 / 3), (62, 8 / 3), (64, 8 / 3), (65, 20)], key="C")
    given = read_given(str(tmp_path / "b.mid"))
    assert given.notes == (Note(60, 3), Note(62, 2), Note(64, 3), Note(65, 20))
    # the second and third onset are a third of a sixteenth off; the first and last are not
    assert given.remarks == ("b.mid: 2 notes and rests were moved to sixteenths",)
    write_midi(tmp_path / "c.mid", [(60, 4.1), (62, 3.9)], key="C")
    assert read_given(str(tmp_path / "c.mid")).remarks == ()  # nobody plays more exactly


@pytest.fixture
def refusal(tmp_path):
    """Return a function: the one line that is said about a file."""

    def read(name):
        with pytest.raises(UserError) as caught:
            read_given(str(tmp_path / name), option="--vary")
        message = str(caught.value)
        assert message.startswith("--vary: ")
        assert str(tmp_path / name) in message
        assert "\n" not in message
        return message

    return read


def test_a_file_without_a_tune(refusal, tmp_path):
    mido.MidiFile().save(tmp_path / "silence.mid")
    assert "no usable tune" in refusal("silence.mid")
    assert "it has no notes" in refusal("silence.mid")
    (tmp_path / "letter.abc").write_text("Dear friend,\nhow are you?", encoding="utf-8")
    assert "it is not an ABC tune" in refusal("letter.abc")
    (tmp_path / "broken.mid").write_bytes(b"\0\xff" * 40)
    assert "no usable tune" in refusal("broken.mid")
    (tmp_path / "tune.txt").write_text(ABC, encoding="utf-8")
    assert "is not a file of tunes: give one of .krn, .abc, .mid" in refusal("tune.txt")


# --- made to fit a model


def test_what_a_model_knows_stays():
    given = Given((Note(60, 4), Note(None, 3), Note(64, 20)), 7, Form("3/4", "minor"), ("a.abc: moved",))
    assert suited(given, [64, 62, 60], "--start") == given
    assert suited(Given((Note(None, 4),)), [60], "--start") == Given((Note(None, 4),))


@pytest.mark.parametrize(
    ("pitches", "known", "shift"),
    [
        ([48, 50, 55], range(60, 80), 12),
        # Seven up would be nearer, but an octave keeps the key.
        ([48, 52], range(55, 80), 12),
        ([60], [48, 72], -12),  # as near: down
        # Two octaves, where one is not enough for every note.
        ([36, 47], [48, *range(60, 80)], 24),
    ],
)
def test_a_tune_goes_by_octaves(pitches, known, shift):
    given = suited(of_pitches(*pitches, shift=5), known, "--start")
    assert pitches_in(given) == [pitch + shift for pitch in pitches]
    assert given.shift == 5 - shift
    assert given.remarks == (
        f"--start was transposed by {shift:+d} semitones: the model does not know all of its pitches",
    )


def test_what_no_shift_helps_becomes_the_nearest_pitch():
    scale = [60, 62, 64, 65, 67, 69, 71, 72]
    given = suited(of_pitches(*scale, 66, 70, 66, shift=3), scale, "--interpolate")
    # F#4 lies between F4 and G4, A#4 between A4 and B4: the lower ones
    assert pitches_in(given) == [*scale, 65, 69, 65]
    assert given.shift == 3
    assert given.remarks == (
        "--interpolate: F#4, which the model does not know, became F4 (2×)",
        "--interpolate: A#4, which the model does not know, became A4 (1×)",
    )
    assert pitches_in(suited(of_pitches(60, 62, 63), [60, 62, 67], "--start")) == [60, 62, 62]
    assert pitches_in(suited(of_pitches(60, 62, 66), [60, 62, 67], "--start")) == [60, 62, 67]


def test_a_tune_is_transposed_and_what_is_still_missing_replaced():
    given = suited(of_pitches(48, 50, 52, 54, remarks=("x.mid: moved",)), [60, 62, 64, 65, 67, 90], "--start")
    assert pitches_in(given) == [60, 62, 64, 65]
    assert given.shift == -12
    assert given.remarks == (
        "x.mid: moved",
        "--start was transposed by +12 semitones: the model does not know all of its pitches",
        "--start: F#4, which the model does not know, became F4 (1×)",
    )


def test_what_is_fitted_is_known_and_leads_back():
    rng = np.random.default_rng(2)
    replaced = kept = 0
    for tune in random_tunes(60, seed=3):
        share = rng.choice([0.3, 0.9])
        known = [pitch for pitch in range(45, 85) if rng.random() < share]
        offset = int(rng.integers(-30, 30))
        given = Given(transposed(tune.notes, offset), int(rng.integers(-6, 6)))
        result = suited(given, known, "--start")
        assert set(pitches_in(result)) <= set(known)
        assert [note.steps for note in result.notes] == [note.steps for note in given.notes]
        back = transposed(result.notes, result.shift)
        original = transposed(given.notes, given.shift)
        different = sum(one != other for one, other in zip(back, original, strict=True))
        fewest = min(sum(pitch + shift not in known for pitch in pitches_in(given)) for shift in range(-120, 121, 12))
        assert different == fewest
        assert sum("became" in remark for remark in result.remarks) <= different
        replaced += different > 0
        kept += different == 0
    assert replaced > 10
    assert kept > 10
