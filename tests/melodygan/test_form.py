"""Metres and keys."""

import pytest

from melodygan.data.encoding import Note, Tune
from melodygan.data.form import (
    FORMS,
    METERS,
    Form,
    Key,
    ends_on_the_bar,
    ends_on_the_tonic,
    form_of,
    number_of,
    read_key,
    transposed,
)


@pytest.mark.parametrize(
    ("text", "tonic", "mode"),
    [
        ("C major", 0, "major"),
        ("D minor", 2, "minor"),
        ("Bb major", 10, "major"),
        ("F#", 6, "major"),
        ("f# minor", 6, "minor"),
        ("eb-Minor", 3, "minor"),
        (" B ", 11, "major"),
        ("Cb", 11, "major"),
    ],
)
def test_keys(text, tonic, mode):
    assert read_key(text) == Key(tonic, mode)


@pytest.mark.parametrize("text", ["", "H", "C dur", "major", "C##", "C major D"])
def test_what_is_no_key(text):
    with pytest.raises(ValueError, match="is no key: give one such as 'D minor'"):
        read_key(text)


def test_the_way_to_a_key_is_the_shorter_one():
    for mode, tonic in (("major", 0), ("minor", 9)):
        shifts = [Key((tonic + semitones) % 12, mode).shift for semitones in range(12)]
        assert shifts == [0, 1, 2, 3, 4, 5, -6, -5, -4, -3, -2, -1]


def test_transposing_leaves_rests_and_lengths():
    assert transposed([Note(60, 4), Note(None, 2)], -3) == (Note(57, 4), Note(None, 2))


def test_the_form_of_a_tune():
    assert form_of(Tune((), key="D minor", meter="6/8")) == Form("6/8", "minor")
    assert form_of(Tune((), key="D major", meter="5/4")) == Form("4/4", "major")
    assert form_of(Tune(())) == Form("4/4", "major")


def test_every_form_has_a_number_of_its_own():
    assert number_of(None) == 0
    assert [number_of(form) for form in FORMS] == list(range(1, 2 * len(METERS) + 1))


def test_endings():
    tune = (Note(67, 4), Note(64, 12), Note(60, 8), Note(None, 12))
    assert ends_on_the_bar(tune, "3/4")
    assert not ends_on_the_bar(tune, "2/4")
    assert ends_on_the_tonic(tune, "major")
    assert not ends_on_the_tonic(tune, "minor")
    assert not ends_on_the_tonic((Note(None, 4),), "major")
