import mido
import numpy as np
import pytest
from scores import ABC, abc, random_tunes, write_midi

from manymodes.cli import UserError
from melodygan.data.encoding import Note, Tune, pitches_in
from melodygan.data.form import Form, Key, transposed
from melodygan.data.given import Given, read_given, suited


def of_pitches(*pitches, **fields):
    return Given(tuple(Note(pitch, 4) for pitch in pitches), **fields)


@pytest.mark.parametrize(
    ("text", "key", "shift", "notes"),
    [
        ("C4", None, 0, [(60, 4)]),
        ("C4 D4:0.5 F#4:1.5 r", None, 0, [(60, 4), (62, 2), (66, 6), (None, 4)]),
        ("c-1 Bb3 G##5 Abb4 R:0.25", None, 0, [(0, 4), (58, 4), (81, 4), (67, 4), (None, 1)]),
        ("  B#3\tCb4:4.0  ", None, 0, [(60, 4), (59, 16)]),
        ("D4 F#4 r", Key(2, "major"), 2, [(60, 4), (64, 4), (None, 4)]),
        ("D4 F#4 r", Key(11, "major"), -1, [(63, 4), (67, 4), (None, 4)]),
        ("D4 F#4 r", Key(2, "minor"), 5, [(57, 4), (61, 4), (None, 4)]),
        ("D4 F#4 r", Key(0, "major"), 0, [(62, 4), (66, 4), (None, 4)]),
    ],
)
def test_notes_written_out_are_transposed_from_their_key(text, key, shift, notes):
    assert read_given(text, key) == Given(tuple(Note(*note) for note in notes), shift=shift, form=None, remarks=())


@pytest.mark.parametrize("text", ["   ", "H4", "C4:0.3", "C4,D4", "C4 tune.mid", "~nobody-is-so/a.mid"])
def test_an_unreadable_note_is_named(text):
    with pytest.raises(UserError, match=r"^--vary") as caught:
        read_given(text, option="--vary")
    assert "\n" not in str(caught.value)


def test_many_notes_are_not_taken_for_a_file():
    assert read_given("C4 D4 " * 200).notes == (Note(60, 4), Note(62, 4)) * 200


def test_of_several_parts_the_one_with_the_melody_is_named(unwatched, tmp_path):
    note = [mido.Message("note_on", note=84), mido.Message("note_off", note=84, time=480)]
    flute = mido.MidiTrack([mido.MetaMessage("track_name", name="Flute"), *note])
    write_midi(tmp_path / "a.mid", [(60, 4)], tracks=[flute])
    assert read_given(str(tmp_path / "a.mid")).remarks == ("a.mid: the melody is that of Flute",)


@pytest.mark.parametrize(
    ("pitches", "shift", "mode"),
    [
        ([67, 71, 74, 67, 60, 64, 67], 0, "major"),  # white keys: C major, though G major is likelier
        ([69, 72, 76, 74, 71, 69, 69], 0, "minor"),
        ([67, 71, 74, 66, 67], 7, "major"),  # with an F sharp, G major
    ],
)
def test_a_midi_file_that_states_neither_key_nor_metre(unwatched, tmp_path, pitches, shift, mode):
    write_midi(tmp_path / "a.mid", [(pitch, 4) for pitch in pitches])
    given = read_given(str(tmp_path / "a.mid"))
    assert (given.form, given.shift) == (Form("4/4", mode), shift)


def test_a_given_tune_is_in_its_own_mode_or_another():
    given = Given((Note(60, 4),), 3, Form("3/4", "minor"), upbeat=4)
    assert given.as_tune() == Tune((Note(60, 4),), key="A minor", meter="3/4", pickup_steps=4)
    assert given.as_tune("major").key == "C major"
    assert Given((Note(60, 4),)).as_tune() == Tune((Note(60, 4),), key="C major")


def test_models_know_no_metre_of_five(unwatched, tmp_path):
    (tmp_path / "a.abc").write_text(abc("A4 c4 e4 |", M="5/4"), encoding="utf-8")
    assert read_given(str(tmp_path / "a.abc")).form is None


@pytest.mark.parametrize(
    ("steps", "rounded", "moved"),
    [
        ([8 / 3, 8 / 3, 8 / 3, 20], [3, 2, 3, 20], 2),  # two onsets are a third of a sixteenth off
        ([4.1, 3.9], [4, 4], 0),  # players are not more exact
    ],
)
def test_a_file_may_be_of_any_rhythm(unwatched, tmp_path, steps, rounded, moved):
    write_midi(tmp_path / "a.mid", [(60 + number, length) for number, length in enumerate(steps)], key="C")
    given = read_given(str(tmp_path / "a.mid"))
    assert [note.steps for note in given.notes] == rounded
    assert given.remarks == (f"a.mid: {moved} notes and rests were moved to sixteenths",) * (moved > 0)


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("silence.mid", b"MThd\0\0\0\6\0\0\0\1\1\xe0MTrk\0\0\0\4\0\xff\x2f\0", "no usable tune.*it has no notes"),
        ("letter.abc", b"Dear friend,\nhow are you?", "no usable tune.*it is not an ABC tune"),
        ("tune.txt", ABC.encode(), "is not a file of tunes: give one of .krn, .abc, .mid"),
    ],
)
def test_a_file_without_a_tune(tmp_path, name, data, message):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(UserError, match=message) as caught:
        read_given(str(tmp_path / name), option="--vary")
    assert str(caught.value).startswith("--vary: ")
    assert str(tmp_path / name) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_known_pitches_stay():
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
    assert pitches_in(given.notes) == [pitch + shift for pitch in pitches]
    assert given.shift == 5 - shift
    assert given.remarks == (
        f"--start was transposed by {shift:+d} semitones: the model does not know all of its pitches",
    )


def test_unknown_pitches_become_the_nearest():
    scale = [60, 62, 64, 65, 67, 69, 71, 72]
    given = suited(of_pitches(*scale, 66, 70, 66, shift=3), scale, "--interpolate")
    # F#4 lies between F4 and G4, A#4 between A4 and B4: the lower ones
    assert pitches_in(given.notes) == [*scale, 65, 69, 65]
    assert given.shift == 3
    assert given.remarks == (
        "--interpolate: F#4, which the model does not know, became F4 (2×)",
        "--interpolate: A#4, which the model does not know, became A4 (1×)",
    )
    for pitch, nearest in ((63, 62), (66, 67)):
        assert pitches_in(suited(of_pitches(60, pitch), [60, 62, 67], "--start").notes) == [60, nearest]


def test_a_fitted_tune_is_known_and_leads_back():
    rng = np.random.default_rng(2)
    replaced = []
    for tune in random_tunes(60, seed=3):
        share = rng.choice([0.3, 0.9])
        known = [pitch for pitch in range(45, 85) if rng.random() < share]
        offset = int(rng.integers(-30, 30))
        given = Given(transposed(tune.notes, offset), int(rng.integers(-6, 6)))
        result = suited(given, known, "--start")
        assert set(pitches_in(result.notes)) <= set(known)
        back, original = transposed(result.notes, result.shift), transposed(given.notes, given.shift)
        assert [note.steps for note in back] == [note.steps for note in original]
        replaced.append(sum(one != other for one, other in zip(back, original, strict=True)))
        missing = [sum(pitch + by not in known for pitch in pitches_in(given.notes)) for by in range(-120, 121, 12)]
        assert replaced[-1] == min(missing)
        assert sum("became" in remark for remark in result.remarks) <= replaced[-1]
    assert 10 < np.count_nonzero(replaced) < 50
