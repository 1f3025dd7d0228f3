"""Short tunes that close: the beginnings of composed tunes that can stand alone."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from melodygan.data.form import METERS, MODES, ends_on_the_tonic

if TYPE_CHECKING:
    from collections.abc import Sequence

    from melodygan.data.encoding import Note

MOST_BARS = 8
"""The longest phrase."""

_FEWEST_BARS = 4
_FEWEST_NOTES, _FEWEST_PITCHES = 8, 4  # below which it is a signal, not a tune
_SHORTEST_CLOSE = 4  # sixteenths of the last note
_BEAT, _BEAT_OF_EIGHTHS = 4, 6  # sixteenths, in 2/4 to 6/4 and in 3/8 and 6/8


class Phrase(NamedTuple):
    """A tune that closes.

    Attributes:
        notes: notes and rests, in C major or A minor.
        meter: one of `melodygan.data.form.METERS`.
        bars: the upbeat and the last bar together count as one.
    """

    notes: tuple[Note, ...]
    meter: str
    bars: int


def closing(notes: Sequence[Note]) -> Phrase | None:
    """Return the longest beginning of a tune that closes; None if none does.

    It has four to eight bars, some movement, and ends on a beat with the tonic, which is heard to the end.

    Args:
        notes: in C major or A minor.
    """
    from melodygan.data.barlines import bar_lines
    from melodygan.data.bars import cut_at

    sounding = [number for number, note in enumerate(notes) if note.pitch is not None]
    if not sounding:
        return None
    tune = tuple(notes[sounding[0] :])
    meter, upbeat = bar_lines(tune)
    bar = METERS[meter]
    mode = next((mode for mode in MODES if ends_on_the_tonic(tune, mode)), MODES[0])
    for bars in range(min(MOST_BARS, -(-length(tune) // bar)), _FEWEST_BARS - 1, -1):
        beginning = cut_at(tune, bars, bar)
        last = max(number for number, note in enumerate(beginning) if note.pitch is not None)
        phrase = (*beginning[:last], beginning[last]._replace(steps=length(beginning[last:])))
        if _closes(phrase, meter, upbeat, mode) and _moves(phrase):
            return Phrase(phrase, meter, bars)
    return None


def _closes(notes: Sequence[Note], meter: str, upbeat: int, mode: str) -> bool:
    *before, last = notes
    beat = _BEAT_OF_EIGHTHS if meter.endswith("/8") else _BEAT
    on_a_beat = (length(before) - upbeat) % beat == 0
    return ends_on_the_tonic(notes, mode) and on_a_beat and last.steps >= _SHORTEST_CLOSE


def _moves(notes: Sequence[Note]) -> bool:
    pitches = [note.pitch for note in notes if note.pitch is not None]
    return len(pitches) >= _FEWEST_NOTES and len(set(pitches)) >= _FEWEST_PITCHES


def length(notes: Sequence[Note]) -> int:
    """Return the sixteenths of all notes and rests."""
    return sum(note.steps for note in notes)


def name_of(notes: Sequence[Note]) -> str:
    """Return the name of a tune's file, the same in every key; hardly any other tune has it."""
    first = next(note.pitch for note in notes if note.pitch is not None)
    heard = [(None if note.pitch is None else note.pitch - first, note.steps) for note in notes]
    return f"ringtone-{hashlib.sha256(repr(heard).encode()).hexdigest()[:8]}"
