"""Tunes of an exact length. The models know no metre, so a bar is one of 4/4."""

from __future__ import annotations

from typing import TYPE_CHECKING

from melodygan.encoding import STEPS_PER_QUARTER, Note

if TYPE_CHECKING:
    from collections.abc import Sequence

STEPS_A_BAR = 4 * STEPS_PER_QUARTER


def reaches(notes: Sequence[Note], bars: int) -> bool:
    """Whether the notes last at least so many bars."""
    return sum(note.steps for note in notes) >= bars * STEPS_A_BAR


def cut_at(notes: Sequence[Note], bars: int) -> tuple[Note, ...]:
    """Return the first bars of a tune; a note that sounds across the cut ends there."""
    left = bars * STEPS_A_BAR
    kept = []
    for note in notes:
        if left <= 0:
            break
        kept.append(Note(note.pitch, min(note.steps, left)))
        left -= note.steps
    return tuple(kept)
