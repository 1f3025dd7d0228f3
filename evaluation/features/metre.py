"""Metre: where in the bar notes start, by the best-fitting bars and by those of the piece's own time signature.

Onsets are those of the melodic line. Features whose names begin with `written_` use the time signature and are NaN for
a piece without one; the others fit bars to every piece alike (`evaluation.features.grids` says why there are both).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from evaluation.features.feature import Feature, distinct, feature, mean, ratio
from evaluation.features.grids import NEAR, Grid, fitted, on_multiple, written
from evaluation.features.line import medians, melody
from evaluation.reading.notes import SIMULTANEOUS, BoolArray, FloatArray, Stack

if TYPE_CHECKING:
    from collections.abc import Callable

    ByGrid = Callable[[Stack, Grid], FloatArray]

PLACES = 16
"""Columns of the histograms over the bar."""

COLUMNS = tuple(f"{place}/{PLACES}" for place in range(PLACES))

_FITTED: dict[str, Feature] = {}
_WRITTEN: dict[str, Feature] = {}
_HALVED = 4


def _by_both(
    title: str, written_title: str, unit: str, written_unit: str = "", **details: Any
) -> Callable[..., ByGrid]:
    """Add a feature of a grid under its name for the fitted grid, and with `written_` before it for the written one."""

    def add(function: ByGrid) -> ByGrid:
        def by_fitted(stack: Stack) -> FloatArray:
            return function(stack, fitted(stack))

        def by_written(stack: Stack) -> FloatArray:
            return function(stack, written(stack))

        name = function.__name__
        by_fitted.__name__, by_fitted.__doc__ = name, function.__doc__
        by_written.__name__ = f"written_{name}"
        by_written.__doc__ = f"As `{name}`, by the time signature; NaN without one."
        feature(_FITTED, title, unit, group="metre", **details)(by_fitted)
        feature(_WRITTEN, written_title, written_unit or unit, group="time signature", **details)(by_written)
        return function

    return add


def _share(stack: Stack, grid: Grid, hits: BoolArray, among: BoolArray | None = None) -> FloatArray:
    """Share of the onsets, or of those among them, that are hits; [M] to [n]."""
    piece = melody(stack).piece
    chosen = np.ones(len(piece), bool) if among is None else among
    return np.where(grid.known, mean(stack, hits[chosen], piece[chosen]), np.nan)


def _long(stack: Stack) -> BoolArray:
    line = melody(stack)
    return line.duration > medians(stack)[line.piece] + SIMULTANEOUS


@_by_both("Onsets on a beat", "Onsets on a written beat", "share of onsets")
def beat_onset_share(stack: Stack, grid: Grid) -> FloatArray:
    """Share of onsets on a beat of the best-fitting metre. [n] 0–1; NaN without notes."""
    return _share(stack, grid, grid.on(grid.beat))


@_by_both("Onsets on the bar line", "Onsets on the written bar line", "share of onsets")
def downbeat_onset_share(stack: Stack, grid: Grid) -> FloatArray:
    """Share of onsets on a bar line of the best-fitting metre. [n] 0–1; NaN without notes."""
    return _share(stack, grid, grid.on(grid.length))


@_by_both("Long notes on a beat", "Long notes on a written beat", "share of long notes")
def long_on_beat_share(stack: Stack, grid: Grid) -> FloatArray:
    """Share of the notes longer than the median that start on a best-fitting beat. [n] 0–1; NaN without any."""
    return _share(stack, grid, grid.on(grid.beat), _long(stack))


@_by_both("Long notes on the bar line", "Long notes on the written bar line", "share of long notes")
def long_on_downbeat_share(stack: Stack, grid: Grid) -> FloatArray:
    """Share of the notes longer than the median that start on its best-fitting bar lines. [n] 0–1; NaN without any."""
    return _share(stack, grid, grid.on(grid.length), _long(stack))


@_by_both("Syncopation", "Written syncopation", "share of notes")
def syncopation(stack: Stack, grid: Grid) -> FloatArray:
    """Share of notes that start on a weaker place and sound through a stronger one, in the best-fitting metre. [n] 0–1.

    From strong to weak: bar line, middle of a bar of four beats, beat, half of a beat (third in compound metre), half
    of that, any other place. A simplified form of H. C. Longuet-Higgins and C. S. Lee, "The rhythmic interpretation of
    monophonic music", 1984: each syncopated note counts 1 whatever the difference in strength, and a note must sound
    through the stronger place; a rest there does not count. NaN without notes.
    """
    # the units whose multiples are the places of each rank: bar, half bar (of four beats), beat, its half and quarter
    half = np.where(np.round(grid.length / grid.beat) == _HALVED, 2 * grid.beat, grid.length)
    parts = np.where(np.round(2 * grid.beat) % 3 == 0, 3, 2)
    units = [grid.length, half, grid.beat, grid.beat / parts, grid.beat / parts / 2]
    end = grid.place + melody(stack).duration
    syncopated = np.zeros(len(end), bool)
    weaker = np.ones(len(end), bool)
    for unit in units:
        weaker &= ~on_multiple(grid.place, unit)
        following = (np.floor((grid.place + NEAR) / unit) + 1) * unit
        # bars are not multiples of the beat in every metre, and the bar line is always strong
        following = np.minimum(following, grid.length)
        syncopated |= weaker & (following < end - NEAR)
    return _share(stack, grid, syncopated)


@_by_both("Places in the bar", "Places in the written bar", "share of onsets", columns=COLUMNS)
def onset_places(stack: Stack, grid: Grid) -> FloatArray:
    """Share of onsets at each sixteenth of the bar's length, the nearest, in the best-fitting metre. [n, 16].

    Places are relative to the bar: 8/16 is the middle in 4/4, 3/4 and 6/8. NaN without notes.
    """
    place = np.round(grid.place / grid.length * PLACES).astype(np.int64) % PLACES
    counts = stack.table(melody(stack).piece, place, PLACES)
    return np.where(grid.known[:, None], ratio(counts, counts.sum(axis=1)), np.nan)


@_by_both(
    "Bars that begin with an onset", "Written bars that begin with an onset", "share of bar lines", "share of bars"
)
def filled_downbeat_share(stack: Stack, grid: Grid) -> FloatArray:
    """Share of the bar lines, from first onset to last end, where a note starts, in the best-fitting metre. [n] 0–1.

    At the others the piece is silent, or a note is held; an upbeat is no bar. NaN for a piece without a bar line.
    """
    on = grid.on(grid.length)
    piece = melody(stack).piece[on]
    filled = distinct(piece, stack.size, grid.bar[on], int(grid.bars.sum()) + 1)
    return np.where(grid.known, ratio(filled, grid.lines), np.nan)


METRE: dict[str, Feature] = _FITTED | _WRITTEN
"""The features of this module by name."""
