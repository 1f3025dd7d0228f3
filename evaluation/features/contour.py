"""Melody: intervals, directions, contour, range and scale.

All but the degrees and the tessitura follow the melodic line. A step is one or two semitones, a leap five or more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evaluation.features.feature import Feature, feature, mean, ratio, shared
from evaluation.features.line import PER_OCTAVE, intervals, keys, melody, phrases, spread_out

if TYPE_CHECKING:
    from evaluation.reading.notes import BoolArray, FloatArray, IntArray, Stack

CONTOUR: dict[str, Feature] = {}
"""The features of this module by name."""

DEGREES = ("1", "♭2", "2", "♭3", "3", "4", "♯4", "5", "♭6", "6", "♭7", "7")
"""Semitones above the tonic as degrees of the scale."""

WIDEST_STEP = 2
NARROWEST_LEAP = 5

SHORTEST_ARCH = 4
"""Notes that a phrase needs to have a contour."""

TESSITURA = (0.1, 0.9)
"""Shares of sounding time between which the tessitura lies."""

_INTERVALS = tuple(f"{size:+d}" if size else "0" for size in range(-PER_OCTAVE, PER_OCTAVE + 1))
_MAJOR_SCALE = (0, 2, 4, 5, 7, 9, 11)
_MINOR_SCALE = (0, 2, 3, 5, 7, 8, 10, 11)
_CONSTANT = 1e-9


def is_step(size: IntArray) -> BoolArray:
    """Tell which intervals, in semitones, are steps."""
    return (size != 0) & (np.abs(size) <= WIDEST_STEP)


@feature(CONTOUR, "Steps", "share of intervals", group="melody")
def step_share(stack: Stack) -> FloatArray:
    """Share of intervals of one or two semitones. [n] 0–1; NaN for fewer than two onsets."""
    size, piece = intervals(stack)
    return mean(stack, is_step(size), piece)


@feature(CONTOUR, "Leaps", "share of intervals", group="melody")
def leap_share(stack: Stack) -> FloatArray:
    """Share of intervals of five semitones (a fourth) or more. [n] 0–1; NaN for fewer than two onsets."""
    size, piece = intervals(stack)
    return mean(stack, np.abs(size) >= NARROWEST_LEAP, piece)


@feature(CONTOUR, "Leaps that turn back by step", "share of leaps", group="melody")
def gap_fill_share(stack: Stack) -> FloatArray:
    """Share of leaps that are followed by a step in the opposite direction, of those that an interval follows. [n] 0–1.

    NaN for a piece without such leaps. The rule of counterpoint, and L. B. Meyer's gap-fill (Explaining Music, 1973).
    """
    size, piece = intervals(stack)
    leap = (piece[1:] == piece[:-1]) & (np.abs(size[:-1]) >= NARROWEST_LEAP)
    turned = is_step(size[1:]) & (np.sign(size[1:]) == -np.sign(size[:-1]))
    return mean(stack, turned[leap], piece[1:][leap])


@shared
def _turns(stack: Stack) -> tuple[BoolArray, IntArray, FloatArray]:
    """Find where neighbouring intervals that move change direction, and their pieces; [n] intervals that move."""
    size, piece = intervals(stack)
    up, owner = size[size != 0] > 0, piece[size != 0]
    same = owner[1:] == owner[:-1]
    return (up[1:] != up[:-1])[same], owner[1:][same], stack.count(owner)


@feature(CONTOUR, "Changes of direction", "share of intervals", group="melody")
def direction_change_share(stack: Stack) -> FloatArray:
    """Share of intervals whose direction is not that of the interval before; repeated pitches left out. [n] 0–1.

    NaN for fewer than two intervals that move.
    """
    turn, piece, _ = _turns(stack)
    return mean(stack, turn, piece)


@feature(CONTOUR, "Intervals in one direction", "intervals", group="melody")
def direction_run_length(stack: Stack) -> FloatArray:
    """Mean number of intervals from one change of direction to the next; repeated pitches left out. [n] intervals.

    NaN for a piece that never moves.
    """
    turn, piece, moves = _turns(stack)
    return ratio(moves, np.where(moves > 0, stack.per_piece(turn, piece) + 1, 0))


@feature(CONTOUR, "Intervals", "share of intervals", group="melody", columns=_INTERVALS)
def interval_histogram(stack: Stack) -> FloatArray:
    """Share of intervals of each size, from an octave down to an octave up. [n, 25]; wider ones count as octaves.

    NaN for fewer than two onsets.
    """
    size, piece = intervals(stack)
    counts = stack.table(piece, np.clip(size, -PER_OCTAVE, PER_OCTAVE) + PER_OCTAVE, 2 * PER_OCTAVE + 1)
    return ratio(counts, counts.sum(axis=1))


@feature(CONTOUR, "Correlation of neighbouring intervals", "−1 to 1", group="melody")
def interval_autocorrelation(stack: Stack) -> FloatArray:
    """Autocorrelation of the intervals at lag 1: Σ (x_k − m)(x_{k+1} − m) / Σ (x_k − m)². [n] −1 to 1.

    Below 0 where the line turns back. NaN where all intervals are equal.
    """
    size, piece = intervals(stack)
    off = size - mean(stack, size, piece)[piece]
    same = piece[1:] == piece[:-1]
    product = stack.per_piece((off[1:] * off[:-1])[same], piece[1:][same])
    power = stack.per_piece(off**2, piece)
    return ratio(product, np.where(power > _CONSTANT, power, 0.0))


@feature(CONTOUR, "Arch of phrases", "−1 to 1", group="melody")
def phrase_arch(stack: Stack) -> FloatArray:
    """Correlation of the pitches of phrases with a parabola that rises to their middle and falls again. [n] −1 to 1.

    Over all phrases of four notes or more (`evaluation.features.line.phrases`), pitches and parabolas less their means
    in the phrase; 1 is an arch, −1 a bowl. The k-th of m notes is at −(2k / (m − 1) − 1)². NaN without such phrases, or
    where they do not move. After D. Huron, "The melodic arch in Western folksongs", 1996.
    """
    line, cut = melody(stack), phrases(stack)
    size = cut.last - cut.first + 1
    owner = np.repeat(np.arange(len(size)), size)
    number = np.arange(len(owner)) - cut.first[owner]
    kept = size[owner] >= SHORTEST_ARCH
    parabola = -((2 * number / np.maximum(size[owner] - 1, 1) - 1) ** 2)

    def centred(values: FloatArray) -> FloatArray:
        means = np.bincount(owner, values, minlength=len(size)) / size
        return (values - means[owner])[kept]

    piece = line.piece[kept]
    # the first pitch taken off keeps rounding the same at every pitch level
    x, y = centred(parabola), centred((line.pitch - line.pitch[cut.first][owner]).astype(np.float64))
    power = stack.per_piece(y**2, piece)
    norm = np.sqrt(stack.per_piece(x**2, piece) * np.where(power > _CONSTANT, power, 0.0))
    return ratio(stack.per_piece(x * y, piece), norm)


@feature(CONTOUR, "Tessitura", "semitones", group="pitches")
def tessitura(stack: Stack) -> FloatArray:
    """Width of the pitches in which the middle 80 % of sounding time lies. [n] semitones; NaN where nothing sounds.

    The lowest pitch up to which 90 % of the time sounds, less that of 10 %.
    """
    order = np.lexsort((stack.pitch, stack.piece))
    piece, pitch = stack.piece[order], stack.pitch[order]
    time = stack.per_piece(stack.duration)
    total = np.cumsum(stack.duration[order])
    reached = total - (np.cumsum(time) - time)[piece]
    limits = []
    for share in TESSITURA:
        at = np.full(stack.size, np.iinfo(np.int64).max)
        enough = reached >= (share * time)[piece] - 1e-6
        np.minimum.at(at, piece[enough], pitch[enough])
        limits.append(at)
    return np.where(time > 0, limits[1] - limits[0], np.nan)


def _in_range(stack: Stack, notes: IntArray) -> FloatArray:
    line = melody(stack)
    low, high = (edge.reduceat(line.pitch, line.first) for edge in (np.minimum, np.maximum))
    place = ratio((line.pitch[notes] - low).astype(np.float64), (high - low).astype(np.float64))
    return spread_out(stack, place, line.owners)


@feature(CONTOUR, "First note in the range", "share of range", group="melody")
def first_in_range(stack: Stack) -> FloatArray:
    """Pitch of the first note in the range of the line: 0 the lowest, 1 the highest. [n]; NaN for a single pitch."""
    return _in_range(stack, melody(stack).first)


@feature(CONTOUR, "Last note in the range", "share of range", group="melody")
def last_in_range(stack: Stack) -> FloatArray:
    """Pitch of the last note in the range of the line: 0 the lowest, 1 the highest. [n]; NaN for a single pitch."""
    return _in_range(stack, melody(stack).last)


def _degrees(stack: Stack) -> IntArray:
    return (stack.pitch - keys(stack).tonic[stack.piece]) % PER_OCTAVE


@feature(CONTOUR, "Scale degrees", "share of time", group="pitches", columns=DEGREES)
def degree_histogram(stack: Stack) -> FloatArray:
    """Share of sounding time of each degree above the tonic of the piece's own key. [n, 12].

    The key is the best-fitting one (`evaluation.features.line.keys`). NaN where nothing sounds.
    """
    time = stack.table(stack.piece, _degrees(stack), PER_OCTAVE, stack.duration)
    return ratio(time, time.sum(axis=1))


@feature(CONTOUR, "Notes outside the scale", "share of notes", group="pitches")
def out_of_scale_share(stack: Stack) -> FloatArray:
    """Share of notes outside the scale of the piece's key. [n] 0–1; NaN where nothing sounds.

    Scales are major, and natural minor with the raised seventh beside the natural one.
    """
    key, degree = keys(stack), _degrees(stack)
    outside = np.where(key.minor[stack.piece], ~np.isin(degree, _MINOR_SCALE), ~np.isin(degree, _MAJOR_SCALE))
    return np.where(key.known, mean(stack, outside, stack.piece), np.nan)


@feature(CONTOUR, "Minor", "share of pieces", group="pitches")
def minor_mode(stack: Stack) -> FloatArray:
    """Whether the best-fitting key of the piece is minor. [n] 0 or 1; NaN where nothing sounds."""
    key = keys(stack)
    return np.where(key.known, key.minor, np.nan)
