"""Which part of a score is its melody, and which line of a part."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melodygan.data.events import Event
from melodygan.data.melody import melodic_part, top_line


def part(*notes):
    return [Event(Fraction(onset), Fraction(end), pitch) for onset, end, pitch in notes]


def in_quarters(*pitches):
    return part(*((place, place + 1, pitch) for place, pitch in enumerate(pitches)))


CHORDS = [event for place in range(8) for event in part(*((place, place + 1, pitch) for pitch in (60, 64, 72)))]


@pytest.mark.parametrize(
    ("parts", "number"),
    [
        ([in_quarters(*range(40, 48)), in_quarters(*range(60, 68))], 1),
        ([in_quarters(*range(60, 68)), CHORDS], 0),
        ([in_quarters(*range(40, 48)), CHORDS], 1),
        ([in_quarters(*range(60, 68)), in_quarters(90)], 0),
        ([CHORDS, [event._replace(pitch=event.pitch - 24) for event in CHORDS]], 0),
        ([part((0, 8, None)), in_quarters(60, 62)], 1),
    ],
)
def test_the_most_melodic_part(parts, number):
    assert melodic_part(parts) == number


@pytest.mark.parametrize(
    ("notes", "line"),
    [
        ([(0, 1, 60), (0, 1, 67)], [(67, 1)]),
        ([(0, 4, 60), (1, 2, 67)], [(60, 1), (67, 1)]),
        ([(0, 4, 67), (1, 2, 60)], [(67, 4)]),
        ([(0, Fraction(5, 4), 67), (1, 2, 65)], [(67, 1), (65, 1)]),
        ([(0, 2, 67), (1, 3, 65), (2, 4, 64)], [(67, 1), (65, 1), (64, 2)]),
        ([(0, 1, 60), (2, 3, 62)], [(60, 1), (None, 1), (62, 1)]),
        ([(0, 4, None), (1, 2, 60)], [(None, 1), (60, 1)]),
    ],
)
def test_the_line_of_a_part(notes, line):
    assert top_line(part(*notes)) == line


@given(st.lists(st.tuples(st.integers(2, 8), st.integers(40, 90), st.integers(0, 3)), min_size=1, max_size=30))
def test_a_line_held_into_its_next_note_keeps_every_onset(notes):
    events, onset = [], 0
    for length, pitch, held in notes:
        if not events or pitch != events[-1].pitch:
            events.append(Event(Fraction(onset), onset + length + Fraction(held, 2), pitch))
            onset += length
    assert [pitch for pitch, _ in top_line(events) if pitch is not None] == [event.pitch for event in events]
