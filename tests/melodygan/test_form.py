"""Metres and keys."""

import music21
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from melodygan.data.encoding import Note, Tune, to_steps
from melodygan.data.form import (
    Form,
    Key,
    cut_at,
    ends_on,
    ends_on_the_tonic,
    form_of,
    last_pitches,
    raised,
    read_key,
    transposed,
)


@pytest.mark.parametrize(
    ("texts", "tonic", "mode", "fifths"),
    [
        ("C|c|C major|Cmaj|CM|C dur|C-Dur|B#|His-Dur", 0, "major", 0),
        ("D minor|Dm|dmin|d-Moll|D-MOLL|D-minor", 2, "minor", -1),
        ("Bb|bb|B♭|B flat|B-flat major|Bb-Dur|B-Dur|b dur", 10, "major", -2),
        ("Bbm|b-Moll|B-Moll|B flat minor|A#m|ais-Moll", 10, "minor", -5),
        ("B| B |H|h|H-Dur|HM|H major|Cb|Ces-Dur", 11, "major", 5),
        ("Bm|h-Moll|H minor|bmin", 11, "minor", 2),
        ("F#m|F# minor|f♯ minor|F sharp minor|fis-Moll|Gbm", 6, "minor", 3),
        ("Eb major|Es-Dur|Es|E flat|D#", 3, "major", -3),
        ("As-Dur|Ab|G#", 8, "major", -4),
        ("F#|Fis|fis-dur", 6, "major", 6),
        ("Gb|Ges-Dur|G flat", 6, "major", -6),
        ("D#m|dis-Moll", 3, "minor", 6),
        ("Ebm|es-Moll|eb-Minor", 3, "minor", -6),
    ],
)
def test_keys(texts, tonic, mode, fifths):
    for text in texts.split("|"):
        key = read_key(text)
        assert (key.tonic, key.mode, key.fifths) == (tonic, mode, fifths), text


@pytest.mark.parametrize(
    "text", ["", "X", "major", "C##", "C major D", "Bes", "Bis", "Cs", "Aes", "Ees-Dur", "m", "C#b"]
)
def test_an_invalid_key(text):
    with pytest.raises(ValueError, match="is not a key: give one such as 'D minor'"):
        read_key(text)


@given(letter=st.sampled_from("CDEFGA"), sign=st.sampled_from(["", "sharp", "flat"]), minor=st.booleans())
def test_english_and_german_names_of_a_key_agree_with_music21(letter, sign, minor):
    short = {"": "", "sharp": "#", "flat": "b"}[sign]
    german = {"": "", "sharp": "is", "flat": "s" if letter in "AE" else "es"}[sign]
    other = music21.key.Key(letter + short.replace("b", "-"), "minor" if minor else "major")
    names = [f"{letter}{short}{'m' if minor else ''}", f"{letter} {sign} {'minor' if minor else 'major'}"]
    names.append(f"{letter.lower() if minor else letter}{german}-{'Moll' if minor else 'Dur'}")
    for name in names:
        key = read_key(name)
        assert (key.tonic, key.mode) == (other.tonic.pitchClass, other.mode)
        assert (key.fifths - other.sharps) % 12 == 0


def test_the_way_to_a_key_is_the_shorter_one():
    for mode, tonic in (("major", 0), ("minor", 9)):
        shifts = [Key((tonic + semitones) % 12, mode).shift for semitones in range(12)]
        assert shifts == [0, 1, 2, 3, 4, 5, -6, -5, -4, -3, -2, -1]


def test_low_notes_are_raised():
    notes = (Note(60, 4), Note(None, 2), Note(66, 4))
    assert raised(notes, 64) == transposed(notes, 12)
    assert raised(notes, 63) == notes


def test_the_form_of_a_tune():
    assert form_of(Tune((), key="D minor", meter="6/8")) == Form("6/8", "minor")
    assert form_of(Tune((), key="D major", meter="5/4")) == Form("4/4", "major")
    assert form_of(Tune(())) == Form("4/4", "major")


@given(st.lists(st.builds(Note, st.none() | st.integers(0, 127), st.integers(1, 40)), max_size=12), st.integers(0, 99))
def test_a_note_across_a_cut_ends_there(tune, steps):
    assert to_steps(cut_at(tune, steps)) == to_steps(tune)[:steps]


def test_tunes_end_as_often_on_the_tonic_as_songs_do():
    modes = ["major"] * 2000 + ["minor"] * 50
    closes = last_pitches("songs", modes, seed=1)
    assert set(closes[:2000]) == {frozenset({0}), frozenset({4})}
    assert np.mean([close == {0} for close in closes]) == pytest.approx(0.8, abs=0.03)
    assert set(closes[2000:]) == {frozenset({9})}
    assert closes[:10] == last_pitches("songs", modes[:10], seed=1)
    assert last_pitches("tonic", ["major", "minor", None], seed=1) == [{0}, {9}, {0, 9}]
    assert last_pitches("free", ["major"], seed=1) == [None]


def test_what_a_tune_ends_on():
    tune, silence = (Note(64, 12), Note(60, 8), Note(None, 12)), (Note(None, 4),)
    assert [ends_on(tune, close) for close in (frozenset({0, 9}), frozenset({4}), None)] == [True, False, True]
    assert [ends_on_the_tonic(tune, mode) for mode in ("major", "minor")] == [True, False]
    assert not ends_on_the_tonic(silence, "major")
