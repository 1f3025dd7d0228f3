"""Tunes of an exact length. Where a model knows no metre, a bar is one of 4/4."""

from __future__ import annotations

from typing import TYPE_CHECKING

from melodygan.data.encoding import STEPS_PER_QUARTER, Note

if TYPE_CHECKING:
    from collections.abc import Sequence

STEPS_A_BAR = 4 * STEPS_PER_QUARTER


class NoTunesError(ValueError):
    """Hardly any tune of a model is as requested."""


def reaches(notes: Sequence[Note], bars: int, bar: int = STEPS_A_BAR) -> bool:
    """Whether the notes last at least ``bars`` bars of ``bar`` sixteenths."""
    return sum(note.steps for note in notes) >= bars * bar


def cut_at(notes: Sequence[Note], bars: int, bar: int = STEPS_A_BAR) -> tuple[Note, ...]:
    """Return the first bars of ``bar`` sixteenths of a tune; a note that sounds across the cut ends there."""
    left = bars * bar
    kept = []
    for note in notes:
        if left <= 0:
            break
        kept.append(Note(note.pitch, min(note.steps, left)))
        left -= note.steps
    return tuple(kept)
