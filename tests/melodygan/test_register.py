"""Registers of instruments, and the octaves that lead there."""

from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melodygan.data.register import middle_of, octaves_to

CELLO, PICCOLO = 42, 72


@pytest.mark.parametrize(
    ("register", "program", "middle"),
    [
        ("middle", 0, 72),  # C4 to C6
        ("low", 0, 60),
        ("high", 0, 84),
        ("middle", CELLO, 54),  # C2 to C5
        ("middle", PICCOLO, 88),
        ("C4", CELLO, 60),
        ("eb3", 0, 51),
        ("F#5", 0, 78),
        ("own", 0, None),
    ],
)
def test_middles(register, program, middle):
    assert middle_of(register, program) == middle


@pytest.mark.parametrize(
    ("pitches", "middle", "shift"),
    [
        ([60, 64, 67], 72, 12),
        ([66], 72, 0),  # as near: it stays
        ([30, 31, 90], 72, 36),
        ([100], 60, -36),
        ([], 72, 0),
        ([1], None, 0),
    ],
)
def test_octaves_by_hand(pitches, middle, shift):
    assert octaves_to(pitches, middle) == shift


@given(st.lists(st.integers(0, 127), min_size=1), st.integers(0, 127))
def test_no_octave_is_nearer(pitches, middle):
    shift = octaves_to(pitches, middle)
    assert shift % 12 == 0
    assert abs(median(pitches) + shift - middle) <= 6
