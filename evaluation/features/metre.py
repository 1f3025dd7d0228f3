"""Metre: bars and beats, as they fit the notes best and as the time signature has them, and where in them notes start.

Generated pieces often have no time signatures, or the 4/4 that a program writes unasked, where the originals have their
own. Features by the signature then tell the sets apart by how files were written and not by music; the fitted grid
treats all pieces alike. Features whose names begin with `written_` use the signature and are NaN for a piece without
one. Onsets are those of the melodic line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from evaluation.features.feature import Feature, distinct, feature, mean, ratio, shared
from evaluation.features.line import medians, melody, spread_out
from evaluation.reading.notes import SIMULTANEOUS, BoolArray, FloatArray, IntArray, Stack

if TYPE_CHECKING:
    from collections.abc import Callable

    ByGrid = Callable[[Stack, "Grid"], FloatArray]

NEAR = 1 / 24
"""How near to a place an onset is on it, in quarters: less than half a 32nd, so that a played onset may be off."""

PLACES = 16
"""Columns of the histograms over the bar."""

COLUMNS = tuple(f"{place}/{PLACES}" for place in range(PLACES))

_EIGHTHS = 24
_COMPOUND = 3
_HALVED = 4
_METERS = (
    # length of the bar and of the beat in quarters, and the weights of its eighths
    (4.0, 1.0, (3, 0, 1, 0, 2, 0, 1, 0)),
    (2.0, 1.0, (3, 0, 1, 0)),
    (3.0, 1.0, (3, 0, 1, 0, 1, 0)),
    (3.0, 1.5, (3, 0, 0, 1, 0, 0)),
)
_CANDIDATES = [(length, beat, phase, weights) for length, beat, weights in _METERS for phase in range(len(weights))]

_FITTED: dict[str, Feature] = {}
_WRITTEN: dict[str, Feature] = {}


class Meters(NamedTuple):
    """A metre for each piece, [n] quarters: length of the bar, of the beat, and the first bar line at or after 0."""

    length: FloatArray
    beat: FloatArray
    phase: FloatArray


class Grid(NamedTuple):
    """Where the notes of each melodic line are in bars.

    Attributes:
        place: [M] quarters after the bar line, from −`NEAR`.
        length, beat: [M] quarters of the note's bar, and of its beats.
        bar: [M] number of the note's bar, counted through all pieces.
        bars: [n] number of bars of each piece, from that of the first to that of the last onset.
        lines, known: [n] number of bar lines from the first onset to the last end; whether the piece has this grid.
    """

    place: FloatArray
    length: FloatArray
    beat: FloatArray
    bar: IntArray
    bars: IntArray
    lines: FloatArray
    known: BoolArray

    def on(self, unit: FloatArray) -> BoolArray:
        """[M] whether each onset is on a multiple of so many quarters, [M], within its bar."""
        return on_multiple(self.place, unit)


def on_multiple(place: FloatArray, unit: FloatArray) -> BoolArray:
    """Tell whether places are nearer than `NEAR` to a multiple of a unit."""
    off = np.mod(place, unit)
    return np.minimum(off, unit - off) < NEAR


@shared
def fitted_meters(stack: Stack) -> Meters:
    """Find the metre that fits each piece best.

    Of 4/4, 2/4, 3/4 and 6/8, each with its bar line at any eighth, the one whose weights correlate best with the
    lengths of the notes that start at each of 24 eighths (which all four bars divide): bar lines weigh 3, the middle of
    4/4 2, other beats 1, other eighths 0. Onsets between eighths do not count. Of equals, the first in this order, with
    the earliest bar line. After F. Lerdahl and R. Jackendoff's rules that long notes, and many, start on strong beats,
    and C. Palmer and C. L. Krumhansl's hierarchies (1990).
    """
    line = melody(stack)
    eighth = np.round(2 * line.onset)
    near = np.abs(line.onset - eighth / 2) < NEAR
    place = (eighth[near] % _EIGHTHS).astype(np.int64)
    time = stack.table(line.piece[near], place, _EIGHTHS, line.duration[near])
    shares = np.nan_to_num(ratio(time, time.sum(axis=1)))
    templates = np.array([np.roll(np.resize(weights, _EIGHTHS), phase) for *_, phase, weights in _CANDIDATES], float)
    templates -= templates.mean(axis=1, keepdims=True)
    templates /= np.linalg.norm(templates, axis=1, keepdims=True)
    best = np.round(shares @ templates.T, 9).argmax(axis=1)
    length, beat, phase = np.array([candidate[:3] for candidate in _CANDIDATES], float).T[:, best]
    return Meters(length, beat, phase / 2)


def numbered(bar: IntArray, piece: IntArray, size: int) -> tuple[IntArray, IntArray]:
    """Count the bars [k] of onsets, not falling within a piece [k], through all pieces from that of the first onset on.

    Gives [k] numbers and [size] bars of each piece.
    """
    last = np.flatnonzero(np.diff(piece, append=size))
    first = np.flatnonzero(np.diff(piece, prepend=-1))
    bars = np.zeros(size, np.int64)
    bars[piece[first]] = bar[last] - bar[first] + 1
    offset = np.cumsum(bars) - bars
    offset[piece[first]] -= bar[first]
    return bar + offset[piece], bars


@shared
def fitted(stack: Stack) -> Grid:
    """Lay the bars of `fitted_meters` over each line."""
    line = melody(stack)
    meters = fitted_meters(stack)
    length, beat, phase = (values[line.piece] for values in meters)
    number = np.floor((line.onset - phase + NEAR) / length)
    bar, bars = numbered(number.astype(np.int64), line.piece, stack.size)
    begin = spread_out(stack, line.onset[line.first], line.owners) - NEAR - meters.phase
    end = stack.span(0.0, stack.onset + stack.duration) - NEAR - meters.phase
    lines = np.floor(end / meters.length) - np.ceil(begin / meters.length) + 1
    known = np.isfinite(begin)
    return Grid(line.onset - phase - number * length, length, beat, bar, bars, np.maximum(lines, 0.0), known)


@shared
def written(stack: Stack) -> Grid:
    """Lay the bars of its own time signatures over each line; not known for a piece without one.

    The metre of a piece is the one that lasts longest. A first bar that is shorter is an upbeat: its notes have the
    places that they would have at the end of a whole bar. Beats are quarters in x/4, halves in x/2, eighths in x/8; in
    6, 9 and 12 three of these.
    """
    line = melody(stack)
    numerator, denominator = stack.meter.T
    compound = (numerator > _COMPOUND) & (numerator % _COMPOUND == 0)
    whole = numerator * 4 / np.maximum(denominator, 1)
    beats = np.where(compound, _COMPOUND, 1) * 4 / np.maximum(denominator, 1)
    first_bar = np.diff(stack.bar_piece, prepend=-1) > 0
    size = stack.bar_end - stack.bar_start
    upbeat = first_bar & (size < whole[stack.bar_piece] - NEAR)
    length = np.where(upbeat, whole[stack.bar_piece], size)
    bar = stack.bar[line.note]
    place = line.onset - stack.bar_start[bar] + (length - size)[bar]
    early = place > length[bar] - NEAR
    place = np.where(early, place - length[bar], place)
    number, bars = numbered(bar + early, line.piece, stack.size)
    begin = spread_out(stack, line.onset[line.first], line.owners)[stack.bar_piece] - NEAR
    end = stack.span(0.0, stack.onset + stack.duration)[stack.bar_piece] - NEAR
    inside = (stack.bar_start >= begin) & (stack.bar_start < end) & ~upbeat
    lines = stack.per_piece(inside, stack.bar_piece)
    return Grid(place, length[bar], beats[line.piece], number, bars, lines, stack.meter_given)


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
