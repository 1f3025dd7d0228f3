"""Metre: where in the bar notes start, by the best-fitting bars and by those of the piece's own time signature.

Onsets are those of the melodic line. Features whose names begin with `written_` use the time signature and are NaN for
a piece without one; the others fit bars to every piece alike (`evaluation.features.grids` says why there are both).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evaluation.features.feature import distinct, feature, mean, ratio
from evaluation.features.grids import NEAR, fitted, on_multiple, written
from evaluation.features.line import medians, melody
from evaluation.reading.notes import SIMULTANEOUS, FloatArray, Stack

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.features.feature import Feature
    from evaluation.features.grids import Grid

METRE: dict[str, Feature] = {}
"""The features of this module by name."""

PLACES = 16
"""Columns of the histograms over the bar."""

COLUMNS = tuple(f"{place}/{PLACES}" for place in range(PLACES))

_HALVED = 4


def _share(stack: Stack, grid: Grid, hits: NDArray[np.bool_], among: NDArray[np.bool_] | None = None) -> FloatArray:
    """Share of the onsets, or of those among them, that are hits; [M] to [n]."""
    piece = melody(stack).piece
    chosen = np.ones(len(piece), bool) if among is None else among
    return np.where(grid.known, mean(stack, hits[chosen], piece[chosen]), np.nan)


def _on_beat(stack: Stack, grid: Grid) -> FloatArray:
    return _share(stack, grid, grid.on(grid.beat))


def _on_downbeat(stack: Stack, grid: Grid) -> FloatArray:
    return _share(stack, grid, grid.on(grid.length))


def _long(stack: Stack) -> NDArray[np.bool_]:
    line = melody(stack)
    return line.duration > medians(stack)[line.piece] + SIMULTANEOUS


def _syncopation(stack: Stack, grid: Grid) -> FloatArray:
    """Share of notes that sound through a stronger place than the one where they start."""
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


def _places(stack: Stack, grid: Grid) -> FloatArray:
    place = np.round(grid.place / grid.length * PLACES).astype(np.int64) % PLACES
    counts = stack.table(melody(stack).piece, place, PLACES)
    return np.where(grid.known[:, None], ratio(counts, counts.sum(axis=1)), np.nan)


def _filled(stack: Stack, grid: Grid) -> FloatArray:
    on = grid.on(grid.length)
    piece = melody(stack).piece[on]
    filled = distinct(piece, stack.size, grid.bar[on], int(grid.bars.sum()) + 1)
    return np.where(grid.known, ratio(filled, grid.lines), np.nan)


@feature(METRE, "Onsets on a beat", "share of onsets", group="metre", overlap=False, variety=False)
def beat_onset_share(stack: Stack) -> FloatArray:
    """Share of onsets on a beat of the best-fitting metre. [n] 0–1; NaN without notes."""
    return _on_beat(stack, fitted(stack))


@feature(METRE, "Onsets on the bar line", "share of onsets", group="metre", overlap=False, variety=False)
def downbeat_onset_share(stack: Stack) -> FloatArray:
    """Share of onsets on a bar line of the best-fitting metre. [n] 0–1; NaN without notes."""
    return _on_downbeat(stack, fitted(stack))


@feature(METRE, "Long notes on a beat", "share of long notes", group="metre", overlap=False, variety=False)
def long_on_beat_share(stack: Stack) -> FloatArray:
    """Share of the notes longer than the piece's median that start on a beat of the best-fitting metre. [n] 0–1.

    NaN where no note is longer than the median.
    """
    grid = fitted(stack)
    return _share(stack, grid, grid.on(grid.beat), _long(stack))


@feature(METRE, "Long notes on the bar line", "share of long notes", group="metre", overlap=False, variety=False)
def long_on_downbeat_share(stack: Stack) -> FloatArray:
    """Share of the notes longer than the piece's median that start on a bar line of the best-fitting metre. [n] 0–1.

    NaN where no note is longer than the median.
    """
    grid = fitted(stack)
    return _share(stack, grid, grid.on(grid.length), _long(stack))


@feature(METRE, "Syncopation", "share of notes", group="metre", overlap=False, variety=False)
def syncopation(stack: Stack) -> FloatArray:
    """Share of notes that start on a weaker place and sound through a stronger one, in the best-fitting metre. [n] 0–1.

    From strong to weak: bar line, middle of a bar of four beats, beat, half of a beat (third in compound metre), half
    of that, any other place. A simplified form of H. C. Longuet-Higgins and C. S. Lee, "The rhythmic interpretation of
    monophonic music", 1984: each syncopated note counts 1 whatever the difference in strength, and a note must sound
    through the stronger place; a rest there does not count. NaN without notes.
    """
    return _syncopation(stack, fitted(stack))


@feature(METRE, "Places in the bar", "share of onsets", group="metre", overlap=False, columns=COLUMNS, variety=False)
def onset_places(stack: Stack) -> FloatArray:
    """Share of onsets at each sixteenth of the bar's length, the nearest, in the best-fitting metre. [n, 16].

    Places are relative to the bar: 8/16 is the middle in 4/4, 3/4 and 6/8. NaN without notes.
    """
    return _places(stack, fitted(stack))


@feature(METRE, "Bars that begin with an onset", "share of bar lines", group="metre", overlap=False, variety=False)
def filled_downbeat_share(stack: Stack) -> FloatArray:
    """Share of the bar lines, from first onset to last end, where a note starts, in the best-fitting metre. [n] 0–1.

    At the others the piece is silent, or a note is held. NaN for a piece without a bar line.
    """
    return _filled(stack, fitted(stack))


@feature(METRE, "Onsets on a written beat", "share of onsets", group="time signature", overlap=False, variety=False)
def written_beat_onset_share(stack: Stack) -> FloatArray:
    """As `beat_onset_share`, by the time signature; NaN without one. [n] 0–1."""
    return _on_beat(stack, written(stack))


@feature(
    METRE, "Onsets on the written bar line", "share of onsets", group="time signature", overlap=False, variety=False
)
def written_downbeat_onset_share(stack: Stack) -> FloatArray:
    """As `downbeat_onset_share`, by the time signature; NaN without one. [n] 0–1."""
    return _on_downbeat(stack, written(stack))


@feature(
    METRE, "Long notes on a written beat", "share of long notes", group="time signature", overlap=False, variety=False
)
def written_long_on_beat_share(stack: Stack) -> FloatArray:
    """As `long_on_beat_share`, by the time signature; NaN without one. [n] 0–1."""
    grid = written(stack)
    return _share(stack, grid, grid.on(grid.beat), _long(stack))


@feature(
    METRE,
    "Long notes on the written bar line",
    "share of long notes",
    group="time signature",
    overlap=False,
    variety=False,
)
def written_long_on_downbeat_share(stack: Stack) -> FloatArray:
    """As `long_on_downbeat_share`, by the time signature; NaN without one. [n] 0–1."""
    grid = written(stack)
    return _share(stack, grid, grid.on(grid.length), _long(stack))


@feature(METRE, "Written syncopation", "share of notes", group="time signature", overlap=False, variety=False)
def written_syncopation(stack: Stack) -> FloatArray:
    """As `syncopation`, by the time signature; NaN without one. [n] 0–1."""
    return _syncopation(stack, written(stack))


@feature(
    METRE,
    "Places in the written bar",
    "share of onsets",
    group="time signature",
    overlap=False,
    columns=COLUMNS,
    variety=False,
)
def written_onset_places(stack: Stack) -> FloatArray:
    """As `onset_places`, by the time signature; NaN without one. [n, 16]."""
    return _places(stack, written(stack))


@feature(
    METRE,
    "Written bars that begin with an onset",
    "share of bars",
    group="time signature",
    overlap=False,
    variety=False,
)
def written_filled_downbeat_share(stack: Stack) -> FloatArray:
    """As `filled_downbeat_share`, by the time signature; NaN without one. [n] 0–1. An upbeat is no bar."""
    return _filled(stack, written(stack))
