"""Endings: how a piece closes, in its key and in its bars.

The last note is the last of the melodic line. The key is the best-fitting one (`evaluation.features.line.keys`), bars
and beats those of the best-fitting metre (`evaluation.features.metre`). Yes is 1, no is 0.
"""

from __future__ import annotations

import numpy as np

from evaluation.features.contour import DEGREES, is_step
from evaluation.features.feature import Feature, feature, mean, ratio
from evaluation.features.line import PER_OCTAVE, keys, melody, spread_out
from evaluation.features.metre import NEAR, fitted, fitted_meters, on_multiple
from evaluation.reading.notes import SIMULTANEOUS, FloatArray, Stack

ENDINGS: dict[str, Feature] = {}
"""The features of this module by name."""


def _last_degree(stack: Stack) -> FloatArray:
    """Semitones of the last note above the tonic, [n] 0–11; NaN without a key."""
    line, key = melody(stack), keys(stack)
    degree = (line.pitch[line.last] - key.tonic[line.owners]) % PER_OCTAVE
    return np.where(key.known, spread_out(stack, degree, line.owners), np.nan)


@feature(ENDINGS, "Ends on the tonic", "share of pieces", group="endings")
def ends_on_tonic(stack: Stack) -> FloatArray:
    """Whether the last note is the tonic of the piece's key. [n] 0 or 1; NaN where nothing sounds."""
    degree = _last_degree(stack)
    return np.where(np.isfinite(degree), degree == 0, np.nan)


@feature(ENDINGS, "Last scale degree", "share of pieces", group="endings", columns=DEGREES)
def last_degree(stack: Stack) -> FloatArray:
    """Degree of the last note above the tonic: 1 in its column, 0 in the others. [n, 12]; NaN where nothing sounds."""
    degree = _last_degree(stack)
    return np.where(np.isfinite(degree)[:, None], degree[:, None] == np.arange(PER_OCTAVE), np.nan)


@feature(ENDINGS, "Ends on a beat", "share of pieces", group="endings")
def ends_on_beat(stack: Stack) -> FloatArray:
    """Whether the last note starts on a beat. [n] 0 or 1; NaN without notes."""
    line, grid = melody(stack), fitted(stack)
    return spread_out(stack, grid.on(grid.beat)[line.last], line.owners)


@feature(ENDINGS, "Ends on a bar line", "share of pieces", group="endings")
def ends_on_downbeat(stack: Stack) -> FloatArray:
    """Whether the last note starts on a bar line. [n] 0 or 1; NaN without notes."""
    line, grid = melody(stack), fitted(stack)
    return spread_out(stack, grid.on(grid.length)[line.last], line.owners)


@feature(ENDINGS, "Length of the last note", "mean lengths", group="endings")
def last_length_ratio(stack: Stack) -> FloatArray:
    """Length of the last note divided by the mean length of the line's notes. [n]; NaN where nothing sounds."""
    line = melody(stack)
    return ratio(spread_out(stack, line.duration[line.last], line.owners), mean(stack, line.duration, line.piece))


@feature(ENDINGS, "Last bar is whole", "share of pieces", group="endings")
def last_bar_whole(stack: Stack) -> FloatArray:
    """Whether the last note ends on a bar line, or fills its bar together with the upbeat. [n] 0 or 1.

    The second is so when the piece, from the first onset to the last note's end, is whole bars long. NaN without notes.
    """
    line, meters = melody(stack), fitted_meters(stack)
    length, phase = meters.length[line.owners], meters.phase[line.owners]
    end = line.onset[line.last] + line.duration[line.last]
    span = end - line.onset[line.first]
    whole = on_multiple(end - phase, length) | (on_multiple(span, length) & (span > NEAR))
    return spread_out(stack, whole, line.owners)


@feature(ENDINGS, "Last step", "share of pieces", group="endings")
def ends_by_step(stack: Stack) -> FloatArray:
    """Whether the last note is one or two semitones from the note before. [n] 0 or 1; NaN for fewer than two onsets."""
    line = melody(stack)
    several = line.last > line.first
    last = line.last[several]
    return spread_out(stack, is_step(line.pitch[last] - line.pitch[last - 1]), line.owners[several])


@feature(ENDINGS, "Last note is the longest", "share of pieces", group="endings")
def last_is_longest(stack: Stack) -> FloatArray:
    """Whether no note that starts in the last note's bar is longer. [n] 0 or 1; NaN without notes."""
    line, grid = melody(stack), fitted(stack)
    last = np.repeat(line.last, np.diff(line.first, append=len(line.piece)))
    longer = (grid.bar == grid.bar[last]) & (line.duration > line.duration[last] + SIMULTANEOUS)
    return spread_out(stack, stack.per_piece(longer, line.piece)[line.owners] == 0, line.owners)
