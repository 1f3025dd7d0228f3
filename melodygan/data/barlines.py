"""The bar lines of a composed tune: its metre and its upbeat, estimated from the onsets of its notes.

In the folk songs of the Essen collection every place of a bar has, in each metre, its own share of bars in which a
note or rest begins there; the metre and the upbeat for which the onsets of a tune are likeliest are chosen.

The counts are of the 1,720 songs of ``erk`` in one of these metres. On 1,225 of ``boehme`` and ``fink`` the upbeat is
right for 92 % where the metre is given (28 % without any upbeat), metre and upbeat together for 77 %.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from melodygan.data.form import METERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from melodygan.data.encoding import Note

_BEGINNINGS = {
    "2/4": (99.5, 2, 54, 15, 96, 3, 77, 11),
    "3/4": (99, 0.5, 24, 6, 67, 0.5, 27, 2, 91, 1, 46, 4),
    "4/4": (99, 0.5, 10, 1, 60, 0.5, 29, 1, 95, 0.5, 11, 1, 85, 0.5, 31, 2),
    "6/8": (99.5, 0.5, 29, 11, 79, 2, 93, 1, 38, 6, 96, 7),
    "3/8": (99, 7, 58, 19, 93, 15),
    "6/4": (99.5, 0.5, 0.5, 0.5, 8, 0.5, 5, 0.5, 71, 0.5, 1, 0.5, 92, 0.5, 0.5, 0.5, 15, 0.5, 2, 0.5, 98, 0.5, 5, 0.5),
}
"""Percentage of bars in which a note or rest begins at each sixteenth."""

_UPBEATS = {
    "2/4": {0: 144, 1: 1, 2: 260, 3: 1, 4: 20, 6: 7},
    "3/4": {0: 78, 2: 59, 4: 268, 6: 49},
    "4/4": {0: 110, 2: 19, 4: 353, 6: 17, 8: 11, 12: 9},
    "6/8": {0: 17, 2: 166, 6: 4},
    "3/8": {0: 48, 2: 60},
    "6/4": {0: 1, 4: 18},
}
"""Number of songs by the sixteenths of their upbeat."""

USUAL = tuple(meter for meter in METERS if meter != "6/4")
"""The metres tried by default: more songs in 3/4 would be taken for 6/4 than are in it."""

_UNMET = 0.1  # count of an upbeat that no song has
_INCOMPLETE = 3.0  # penalty in nats if neither upbeat and last bar nor the bars by themselves are whole


class BarLines(NamedTuple):
    """The metre, one of `METERS`, and the sixteenths before the first bar line."""

    meter: str
    upbeat: int


def bar_lines(notes: Sequence[Note], meters: Iterable[str] = USUAL) -> BarLines:
    """Return the likeliest bar lines of a tune of at least one note, in one of ``meters``."""
    ends = np.cumsum([note.steps for note in notes])
    total = ends[-1]
    begins = np.zeros(total, bool)
    begins[[0, *ends[:-1]]] = True
    songs = sum(sum(upbeats.values()) for upbeats in _UPBEATS.values())
    nats = {}
    for meter in meters:
        bar, share = METERS[meter], np.array(_BEGINNINGS[meter]) / 100
        for upbeat in range(bar):
            places = (np.arange(total) - upbeat) % bar
            likelihood = np.log(np.where(begins, share[places], 1 - share[places])).sum()
            # Twice: what the upbeat has is missing in the last bar, so that it is seen at both ends.
            likelihood += 2 * np.log(_UPBEATS[meter].get(upbeat, _UNMET) / songs)
            incomplete = total % bar and (total - upbeat) % bar
            nats[BarLines(meter, upbeat)] = likelihood - (_INCOMPLETE if incomplete else 0)
    return max(nats, key=nats.__getitem__)
