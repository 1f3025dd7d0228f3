"""The twelve features, the overlap and the divergence exactly as mgeval defines them, slips included.

For comparison with published numbers only: `evaluation.features.table` has the corrected forms. The program reads one
part of a piece in two ways, and so does this module:

- I, the first instrument's piano roll at 100 frames per second, weighted by velocity; empty for drums;
- T, the first track with notes, at ticks; here in quarters. Its time signature is taken to stand in the track itself.

The roll is not extended by sustain pedals or bent by pitch bends. Every feature returns one row per piece.

Source: https://github.com/RichardYang40148/mgeval, of the paper named in `evaluation.features.table`.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np

from evaluation.features.feature import NOTE_LENGTHS, PITCH_CLASSES, Feature, Pieces, feature
from evaluation.reading.notes import PITCHES, FloatArray, IntArray, Notes, Stack, counted_up

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

FRAMES = 100
"""Frames per second of the piano roll."""

BARS = 8
"""Bars that features per bar use."""

_BAR_COLUMNS = tuple(f"bar {number}" for number in range(1, BARS + 1))
_LENGTH_COLUMNS = ("full", *list(NOTE_LENGTHS)[1:])

TOUCHING = 0.05
"""Seconds between an end and an onset that make a transition."""

LENGTHS = np.array([96, 48, 24, 12, 6, 72, 36, 18, 9, 32, 16, 8])
"""Note-length classes in 96ths of a bar, in mgeval's order."""

GRID = 1000
"""Points of a density's grid."""

MOST_DISTANCES = 20_000
"""Of more distances than this, a density is estimated from evenly spaced ones of their sorted order."""

FEATURES: dict[str, Feature] = {}
"""The features of a report with `--mgeval`."""


def _feature(
    title: str, unit: str, **details: Any
) -> Callable[[Callable[[Notes], ArrayLike]], Callable[[Pieces], FloatArray]]:
    """Let a function of a piece measure many, one row per piece, and add it to `FEATURES` under its name."""

    def add(function: Callable[[Notes], ArrayLike]) -> Callable[[Pieces], FloatArray]:
        @functools.wraps(function)
        def measure(stack: Stack) -> FloatArray:
            return np.array([function(piece) for piece in stack.pieces], np.float64)

        return feature(FEATURES, title, unit, group="other", **details)(measure)

    return add


def _track(piece: Notes) -> IntArray:
    """Places of the notes of T, and of I: the first track that has notes."""
    return np.flatnonzero(piece.track == piece.track.min()) if len(piece) else np.empty(0, np.int64)


def _frames(piece: Notes) -> tuple[IntArray, IntArray, IntArray, IntArray]:
    """Pitch, velocity, first frame and end frame of the notes in I's roll; none for drums."""
    kept = _track(piece)
    kept = kept[~piece.drum[kept]]
    start = piece.onset_seconds[kept]
    # int() truncates in mgeval, too; the last column of its roll is cut by the same truncation
    frames = (np.stack([start, start + piece.duration_seconds[kept]]) * FRAMES).astype(np.int64)
    return piece.pitch[kept], piece.velocity[kept], *frames


def _roll_sums(piece: Notes) -> FloatArray:
    """Sum each row of I's roll, [128]."""
    pitch, velocity, start, end = _frames(piece)
    return np.bincount(pitch, velocity * (end - start), minlength=PITCHES).astype(np.float64)


@_feature("Pitches used", "pitches", every="uses {} pitches")
def total_used_pitch(piece: Notes) -> ArrayLike:
    """Rows of the roll with a positive sum. [n] pitches; notes that cover no frame vanish."""
    return (_roll_sums(piece) > 0).sum()


def _bar_quarters(piece: Notes) -> float:
    return piece.meter[0] * 4 / piece.meter[1]


def _slipped_bar_quarters(piece: Notes) -> float:
    """Return the bar by the wrong numerator, entry 1 of mgeval's signature, which is log₂ of the denominator."""
    return max(float(np.log2(piece.meter[1])) * 4 / piece.meter[1], 1e-9)


@_feature("Pitches of each bar", "pitches", columns=_BAR_COLUMNS)
def bar_used_pitch(piece: Notes) -> IntArray:
    """Different pitches among the onsets of each of the first bars. [n, BARS]."""
    kept = _track(piece)
    bar = (piece.onset[kept] / _bar_quarters(piece) + 1e-9).astype(np.int64)
    inside = bar < BARS
    keys = np.unique(bar[inside] * PITCHES + piece.pitch[kept][inside])
    return np.bincount(keys // PITCHES, minlength=BARS)


@_feature("Notes", "notes", every="has {} notes", variety=False)
def total_used_note(piece: Notes) -> float:
    """Note-ons of T. [n] notes."""
    return len(_track(piece))


@_feature("Notes of each bar", "notes", columns=_BAR_COLUMNS)
def bar_used_note(piece: Notes) -> IntArray:
    """Note-ons in each of the first bars, with the slipped bar: two beats in 4/4. [n, BARS]."""
    bar = (piece.onset[_track(piece)] / _slipped_bar_quarters(piece) + 1e-9).astype(np.int64)
    return np.bincount(bar[bar < BARS], minlength=BARS)


def _shares(sums: NDArray[Any]) -> FloatArray:
    total = sums.sum()
    return sums / total if total > 0 else np.full(sums.shape, np.nan)


@_feature("Pitch classes", "share of roll", columns=PITCH_CLASSES)
def total_pitch_class_histogram(piece: Notes) -> FloatArray:
    """Roll sums folded to pitch classes, divided by their sum. [n, 12]; NaN for an empty roll."""
    return _shares(_roll_sums(piece) @ (np.arange(PITCHES)[:, None] % 12 == np.arange(12)))


@_feature("Pitch classes of each bar", "share of roll")
def bar_pitch_class_histogram(piece: Notes) -> FloatArray:
    """The same in each of the first bars, with bars as long as at 120 BPM. [n, BARS, 12].

    Silent bars are 0. mgeval itself fails, or returns nothing, for longer pieces of an exact number of bars.
    """
    frames = int(np.ceil(round(_bar_quarters(piece) * 60 / 120 * FRAMES, 6)))
    pitch, velocity, start, end = _frames(piece)
    result = np.zeros((BARS, 12))
    for bar in range(BARS):
        inside = np.minimum(end, (bar + 1) * frames) - np.maximum(start, bar * frames)
        sums = np.bincount(pitch % 12, np.maximum(inside, 0) * velocity, minlength=12)
        if sums.sum() > 0:
            result[bar] = sums / sums.sum()
    return result


@_feature("Pitch-class transitions", "steps")
def pitch_class_transition_matrix(piece: Notes) -> FloatArray:
    """Count pairs of notes with |end_i − start_j| < 0.05 s, within each track that is not drums. [n, 12, 12] counts."""
    result = np.zeros((12, 12))
    for track in np.unique(piece.track[~piece.drum]):
        kept = np.flatnonzero((piece.track == track) & ~piece.drum)
        start = piece.onset_seconds[kept]  # sorted
        end = start + piece.duration_seconds[kept]
        first = np.searchsorted(start, end - TOUCHING, side="right")
        last = np.maximum(np.searchsorted(start, end + TOUCHING, side="left"), first)
        source = np.repeat(np.arange(len(kept)), last - first)
        pitch_class = piece.pitch[kept] % 12
        np.add.at(result, (pitch_class[source], pitch_class[first[source] + counted_up(last - first)]), 1)
    return result


@_feature("Range", "semitones", every="spans {} semitones")
def pitch_range(piece: Notes) -> ArrayLike:
    """Highest less lowest row of the roll with a positive sum. [n] semitones; NaN for none, where mgeval fails."""
    used = np.flatnonzero(_roll_sums(piece) > 0)
    return np.ptp(used) if len(used) else np.nan


@_feature("Mean interval", "semitones", every="moves by {} semitones on average")
def avg_pitch_shift(piece: Notes) -> ArrayLike:
    """Mean |difference| of successive note-ons of T, the notes of a chord one after another. [n] semitones."""
    steps = np.abs(np.diff(piece.pitch[_track(piece)]))
    return steps.mean() if len(steps) else np.nan


@_feature("Time between onsets", "seconds", every="has an onset every {} seconds")
def avg_IOI(piece: Notes) -> ArrayLike:  # noqa: N802 - mgeval's name
    """Mean difference of the sorted onsets of all notes, zeros within chords included. [n] seconds."""
    gaps = np.diff(piece.onset_seconds)
    return gaps.mean() if len(gaps) else np.nan


def _classes(piece: Notes) -> IntArray:
    lengths = piece.duration[_track(piece)] / (_slipped_bar_quarters(piece) / 96)
    # ties to the first, and rounding must not decide them
    return np.round(np.abs(lengths[:, None] - LENGTHS), 6).argmin(axis=1)


@_feature("Note lengths", "share of notes", columns=_LENGTH_COLUMNS)
def note_length_hist(piece: Notes) -> FloatArray:
    """Share of T's notes in each of 12 classes, nearest in 96ths of the slipped bar, ties to the first. [n, 12]."""
    return _shares(np.bincount(_classes(piece), minlength=12))


@_feature("Note-length transitions", "steps")
def note_length_transition_matrix(piece: Notes) -> IntArray:
    """Count successive classes of `note_length_hist`. [n, 12, 12] counts."""
    classes = _classes(piece)
    return np.bincount(classes[:-1] * 12 + classes[1:], minlength=144).reshape(12, 12)


def _densities(a: ArrayLike, b: ArrayLike) -> list[tuple[FloatArray, Callable[[FloatArray], FloatArray]]]:
    """Sort two samples and estimate their densities; one without variance is a point of mass that no grid meets."""
    from scipy.stats import gaussian_kde

    result = []
    for sample in (a, b):
        values = np.sort(np.asarray(sample, np.float64).ravel())
        if len(values) > MOST_DISTANCES:
            values = values[np.linspace(0, len(values) - 1, MOST_DISTANCES).astype(np.int64)]
        result.append((values, gaussian_kde(values) if np.ptp(values) > 0 else np.zeros_like))
    return result


def overlap_area(a: ArrayLike, b: ArrayLike) -> float:
    """∫ min(p, q) between the smallest and the largest value, tails dropped: of a sample with itself, under 1.

    0 where a sample has no variance, where mgeval fails.
    """
    (x, p), (y, q) = _densities(a, b)
    grid = np.linspace(min(x[0], y[0]), max(x[-1], y[-1]), GRID)
    return float(np.trapezoid(np.minimum(p(grid), q(grid)), grid))


def kl_dist(a: ArrayLike, b: ArrayLike) -> float:
    """Divergence of two densities, each on a grid over its own range: blind to shift and scale. Nats.

    NaN where a sample has no variance, where mgeval fails.
    """
    values = [density(np.linspace(x[0], x[-1], GRID)) for x, density in _densities(a, b)]
    p, q = (value / value.sum() if value.sum() > 0 else np.full(GRID, np.nan) for value in values)
    return float((p * np.log(p / q)).sum())
