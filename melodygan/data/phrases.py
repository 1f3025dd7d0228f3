"""Short tunes that close: the beginnings of composed tunes that can stand alone."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from melodygan.data.barlines import bar_lines
from melodygan.data.encoding import Note, length_of, pitches_in
from melodygan.data.form import METERS, MODES, cut_at, ends_on_the_tonic

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_BARS = 8
"""The longest phrase."""

_FEWEST_BARS = 4
_FEWEST_NOTES, _FEWEST_PITCHES = 8, 4

SHORTEST_CLOSE = 4
"""Sixteenths of the last note of a tune that closes."""


class Phrase(NamedTuple):
    """A tune that closes, in C major or A minor; its upbeat and last bar together count as one bar."""

    notes: tuple[Note, ...]
    meter: str
    bars: int


def closing(notes: Sequence[Note]) -> Phrase | None:
    """Return the longest beginning of a tune in C major or A minor that closes; None if none does.

    It has four to eight bars, some movement, and ends on a beat with the tonic, which is heard to the end.
    """
    first = next((place for place, note in enumerate(notes) if note.pitch is not None), None)
    if first is None:
        return None
    tune = notes[first:]
    meter, upbeat = bar_lines(tune)
    bar, beat = METERS[meter], 6 if meter.endswith("/8") else 4
    mode = next((mode for mode in MODES if ends_on_the_tonic(tune, mode)), MODES[0])
    for bars in range(min(MOST_BARS, -(-length_of(tune) // bar)), _FEWEST_BARS - 1, -1):
        beginning = cut_at(tune, bars * bar)
        last = max(place for place, note in enumerate(beginning) if note.pitch is not None)
        before, close = beginning[:last], Note(beginning[last].pitch, length_of(beginning[last:]))
        phrase = (*before, close)
        on_a_beat = (length_of(before) - upbeat) % beat == 0
        closes = ends_on_the_tonic(phrase, mode) and on_a_beat and close.steps >= SHORTEST_CLOSE
        if closes and is_tune(phrase):
            return Phrase(phrase, meter, bars)
    return None


def is_tune(notes: Sequence[Note]) -> bool:
    """Whether notes are enough, and move enough, to be a tune and not a signal."""
    pitches = pitches_in(notes)
    return len(pitches) >= _FEWEST_NOTES and len(set(pitches)) >= _FEWEST_PITCHES


def name_of(notes: Sequence[Note]) -> str:
    """Return the file name of a tune, the same in every key; hardly any other tune has it."""
    first = pitches_in(notes)[0]
    relative = [(None if note.pitch is None else note.pitch - first, note.steps) for note in notes]
    return f"ringtone-{hashlib.sha256(repr(relative).encode()).hexdigest()[:8]}"
