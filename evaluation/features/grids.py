"""Bars and beats: as the piece's own time signature has them, and as they fit its notes best.

A folder of generated pieces often has no time signatures, or the 4/4 that a program writes unasked, where the originals
have their own. Features by the signature then tell the sets apart by how files were written and not by music. The
fitted grid asks no signature and treats all pieces alike; features by the signature exist only where a file has one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from evaluation.features.feature import ratio, shared
from evaluation.features.line import melody, spread_out

if TYPE_CHECKING:
    from evaluation.reading.notes import BoolArray, FloatArray, IntArray, Stack

NEAR = 1 / 24
"""How near to a place an onset is on it, in quarters: less than half a 32nd, so that a played onset may be off."""

_EIGHTHS = 24
_COMPOUND = 3
_FITTED = (
    # length of the bar and of the beat in quarters, and the weights of its eighths
    (4.0, 1.0, (3, 0, 1, 0, 2, 0, 1, 0)),
    (2.0, 1.0, (3, 0, 1, 0)),
    (3.0, 1.0, (3, 0, 1, 0, 1, 0)),
    (3.0, 1.5, (3, 0, 0, 1, 0, 0)),
)
_CANDIDATES = [(length, beat, phase, weights) for length, beat, weights in _FITTED for phase in range(len(weights))]


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
        lines: [n] number of bar lines from the first onset to before the end of the last note.
        known: [n] whether the piece has this grid.
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


@shared
def ends(stack: Stack) -> FloatArray:
    """When the last sound of each piece ends, [n] quarters; NaN without notes."""
    latest = np.full(stack.size, np.nan)
    np.fmax.at(latest, stack.piece, stack.onset + stack.duration)
    return latest


def _numbered(stack: Stack, number: IntArray) -> tuple[IntArray, IntArray]:
    """Count bars through all pieces: [M] numbers within the pieces to [M], and [n] bars of each piece."""
    line = melody(stack)
    bars = np.zeros(stack.size, np.int64)
    bars[line.owners] = number[line.last] - number[line.first] + 1
    offset = np.cumsum(bars) - bars
    offset[line.owners] -= number[line.first]
    return number + offset[line.piece], bars


@shared
def fitted(stack: Stack) -> Grid:
    """Lay the bars of `fitted_meters` over each line."""
    line = melody(stack)
    meters = fitted_meters(stack)
    length, beat, phase = (values[line.piece] for values in meters)
    number = np.floor((line.onset - phase + NEAR) / length)
    bar, bars = _numbered(stack, number.astype(np.int64))
    begin = spread_out(stack, line.onset[line.first], line.owners) - NEAR - meters.phase
    end = ends(stack) - NEAR - meters.phase
    lines = np.floor(end / meters.length) - np.ceil(begin / meters.length) + 1
    known = np.isfinite(begin)
    return Grid(line.onset - phase - number * length, length, beat, bar, bars, np.maximum(lines, 0.0), known)


@shared
def written(stack: Stack) -> Grid:
    """Lay the bars of its own time signatures over each line; not known for a piece without one.

    The metre of a piece is the one that lasts longest. A first bar that is shorter is an upbeat: its notes have the
    places that they would have at the end of a whole bar. Beats are quarters in x/4, halves in x/2, eighths in x/8; in
    6, 9 and 12 they are three of these.
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
    within = bar - np.flatnonzero(first_bar)[line.piece] + early
    number, bars = _numbered(stack, within)
    begin = spread_out(stack, line.onset[line.first], line.owners)[stack.bar_piece] - NEAR
    inside = (stack.bar_start >= begin) & (stack.bar_start < ends(stack)[stack.bar_piece] - NEAR) & ~upbeat
    lines = stack.per_piece(inside, stack.bar_piece)
    return Grid(place, length[bar], beats[line.piece], number, bars, lines, stack.meter_given)
