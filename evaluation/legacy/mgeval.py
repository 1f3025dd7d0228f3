"""The twelve features, the overlap and the divergence exactly as mgeval defines them, slips included.

For comparison with published numbers only: `evaluation.features.table` has the corrected forms. The program reads one
part of a piece in two ways, and so does this module:

- I, the first instrument's piano roll at 100 frames per second, weighted by velocity; empty for drums;
- T, the first track with notes, at ticks; here in quarters. Its time signature is taken to stand in the track itself.

The roll is not extended by sustain pedals or bent by pitch bends. Every feature takes pieces and returns one row per
piece.

Source: https://github.com/RichardYang40148/mgeval, of the paper named in `evaluation.features.table`.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np

from evaluation.features.feature import NOTE_LENGTHS, PITCH_CLASSES, Feature, Pieces
from evaluation.reading.notes import PITCHES, FloatArray, IntArray, Notes, Stack

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import ArrayLike

FRAMES = 100
"""Frames per second of the piano roll."""

BARS = 8
"""Bars that features per bar use."""

TOUCHING = 0.05
"""Seconds between an end and an onset that make a transition."""

LENGTHS = np.array([96, 48, 24, 12, 6, 72, 36, 18, 9, 32, 16, 8])
"""Note-length classes in 96ths of a bar, in mgeval's order."""

GRID = 1000
"""Points of a density's grid."""

MOST_DISTANCES = 20_000
"""Of more distances than this, a density is estimated from evenly spaced ones of their sorted order."""


def _per_piece(feature: Callable[[Notes], FloatArray | float]) -> Callable[[Pieces], FloatArray]:
    """Measure each piece, and return one row per piece."""

    @functools.wraps(feature)
    def measure(pieces: Pieces) -> FloatArray:
        return np.array([feature(piece) for piece in Stack.of(pieces).pieces], np.float64)

    return measure


def _track(piece: Notes) -> IntArray:
    """Places of the notes of T, and of I: the first track that has notes."""
    return np.flatnonzero(piece.track == piece.track.min()) if len(piece) else np.empty(0, np.int64)


def _frames(piece: Notes) -> tuple[IntArray, IntArray, IntArray]:
    """Pitch, first frame and end frame of the notes in I's roll; none for drums."""
    kept = _track(piece)
    kept = kept[~piece.drum[kept]]
    start = piece.onset_seconds[kept]
    # int() truncates in mgeval, too; the last column of its roll is cut by the same truncation
    end = start + piece.duration_seconds[kept]
    return piece.pitch[kept], (start * FRAMES).astype(np.int64), (end * FRAMES).astype(np.int64)


def _roll_sums(piece: Notes) -> FloatArray:
    """Sum each row of I's roll, [128]."""
    kept = _track(piece)
    pitch, start, end = _frames(piece)
    weight = piece.velocity[kept[~piece.drum[kept]]] * (end - start)
    return np.bincount(pitch, weight, minlength=PITCHES).astype(np.float64)


@_per_piece
def total_used_pitch(piece: Notes) -> float:
    """Rows of the roll with a positive sum. [n] pitches; notes that cover no frame vanish."""
    return float((_roll_sums(piece) > 0).sum())


def _bar_quarters(piece: Notes) -> float:
    return piece.meter[0] * 4 / piece.meter[1]


def _slipped_bar_quarters(piece: Notes) -> float:
    """The bar where mgeval reads the numerator from entry 1 of the signature, which is log₂ of the denominator."""
    return float(np.log2(piece.meter[1])) * 4 / piece.meter[1]


@_per_piece
def bar_used_pitch(piece: Notes) -> FloatArray:
    """Different pitches among the onsets of each of the first bars. [n, BARS]."""
    kept = _track(piece)
    bar = (piece.onset[kept] / _bar_quarters(piece) + 1e-9).astype(np.int64)
    inside = bar < BARS
    keys = np.unique(bar[inside] * PITCHES + piece.pitch[kept][inside])
    return np.bincount(keys // PITCHES, minlength=BARS).astype(np.float64)


@_per_piece
def total_used_note(piece: Notes) -> float:
    """Note-ons of T. [n] notes."""
    return float(len(_track(piece)))


@_per_piece
def bar_used_note(piece: Notes) -> FloatArray:
    """Note-ons in each of the first bars, with the slipped bar: two beats in 4/4. [n, BARS]."""
    bar = (piece.onset[_track(piece)] / max(_slipped_bar_quarters(piece), 1e-9) + 1e-9).astype(np.int64)
    return np.bincount(bar[bar < BARS], minlength=BARS).astype(np.float64)


def _shares(sums: FloatArray) -> FloatArray:
    total = sums.sum()
    return sums / total if total > 0 else np.full(sums.shape, np.nan)


@_per_piece
def total_pitch_class_histogram(piece: Notes) -> FloatArray:
    """Roll sums folded to pitch classes, divided by their sum. [n, 12]; NaN for an empty roll."""
    return _shares(_roll_sums(piece) @ (np.arange(PITCHES)[:, None] % 12 == np.arange(12)))


@_per_piece
def bar_pitch_class_histogram(piece: Notes) -> FloatArray:
    """The same in each of the first bars, with bars as long as at 120 BPM. [n, BARS, 12].

    Silent bars are 0. mgeval itself fails, or empties its result, for pieces that are an exact number of bars longer
    than `BARS`; here the first bars are taken.
    """
    frames = int(np.ceil(round(_bar_quarters(piece) * 60 / 120 * FRAMES, 6)))
    kept = _track(piece)
    velocity = piece.velocity[kept[~piece.drum[kept]]]
    pitch, start, end = _frames(piece)
    result = np.zeros((BARS, 12))
    for bar in range(BARS):
        inside = np.minimum(end, (bar + 1) * frames) - np.maximum(start, bar * frames)
        sums = np.bincount(pitch % 12, np.maximum(inside, 0) * velocity, minlength=12)
        if sums.sum() > 0:
            result[bar] = sums / sums.sum()
    return result


@_per_piece
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
        within = np.arange(len(source)) - np.repeat(np.cumsum(last - first) - (last - first), last - first)
        pitch_class = piece.pitch[kept] % 12
        np.add.at(result, (pitch_class[source], pitch_class[first[source] + within]), 1)
    return result


@_per_piece
def pitch_range(piece: Notes) -> float:
    """Highest less lowest row of the roll with a positive sum. [n] semitones; NaN for none, where mgeval fails."""
    used = np.flatnonzero(_roll_sums(piece) > 0)
    return float(used[-1] - used[0]) if len(used) else float("nan")


@_per_piece
def avg_pitch_shift(piece: Notes) -> float:
    """Mean |difference| of successive note-ons of T, the notes of a chord one after another. [n] semitones."""
    steps = np.abs(np.diff(piece.pitch[_track(piece)]))
    return float(steps.mean()) if len(steps) else float("nan")


@_per_piece
def avg_IOI(piece: Notes) -> float:  # noqa: N802 - mgeval's name
    """Mean difference of the sorted onsets of all notes, zeros within chords included. [n] seconds."""
    gaps = np.diff(piece.onset_seconds)
    return float(gaps.mean()) if len(gaps) else float("nan")


def _classes(piece: Notes) -> IntArray:
    unit = _slipped_bar_quarters(piece) / 96
    lengths = piece.duration[_track(piece)] / max(unit, 1e-9)
    # ties to the first, and rounding must not decide them
    return np.round(np.abs(lengths[:, None] - LENGTHS), 6).argmin(axis=1)


@_per_piece
def note_length_hist(piece: Notes) -> FloatArray:
    """Share of T's notes in each of 12 classes, nearest in 96ths of the slipped bar, ties to the first. [n, 12]."""
    return _shares(np.bincount(_classes(piece), minlength=12).astype(np.float64))


@_per_piece
def note_length_transition_matrix(piece: Notes) -> FloatArray:
    """Count successive classes of `note_length_hist`. [n, 12, 12] counts."""
    classes = _classes(piece)
    cells = np.bincount(classes[:-1] * 12 + classes[1:], minlength=144)
    return cells.astype(np.float64).reshape(12, 12)


_BAR_COLUMNS = tuple(f"bar {number}" for number in range(1, BARS + 1))
_LENGTH_COLUMNS = ("full", *list(NOTE_LENGTHS)[1:])

FEATURES: Mapping[str, Feature] = {
    "total_used_pitch": Feature(total_used_pitch, "Pitches used", "pitches", every="uses {} pitches"),
    "bar_used_pitch": Feature(bar_used_pitch, "Pitches of each bar", "pitches", _BAR_COLUMNS),
    "total_used_note": Feature(total_used_note, "Notes", "notes", every="has {} notes", variety=False),
    "bar_used_note": Feature(bar_used_note, "Notes of each bar", "notes", _BAR_COLUMNS),
    "total_pitch_class_histogram": Feature(
        total_pitch_class_histogram, "Pitch classes", "share of roll", PITCH_CLASSES
    ),
    "bar_pitch_class_histogram": Feature(bar_pitch_class_histogram, "Pitch classes of each bar", "share of roll"),
    "pitch_class_transition_matrix": Feature(pitch_class_transition_matrix, "Pitch-class transitions", "steps"),
    "pitch_range": Feature(pitch_range, "Range", "semitones", every="spans {} semitones"),
    "avg_pitch_shift": Feature(avg_pitch_shift, "Mean interval", "semitones", every="moves by {} semitones on average"),
    "avg_IOI": Feature(avg_IOI, "Time between onsets", "seconds", every="has an onset every {} seconds"),
    "note_length_hist": Feature(note_length_hist, "Note lengths", "share of notes", _LENGTH_COLUMNS),
    "note_length_transition_matrix": Feature(note_length_transition_matrix, "Note-length transitions", "steps"),
}
"""The features of a report with `--mgeval`."""


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
