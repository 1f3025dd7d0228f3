"""Measures of bars: density, syncopation, F1 of reconstructed hits, distances.

All are functions of hits [n, 16, 9], true or 1 where an instrument is struck.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import wasserstein_distance
from sklearn.metrics import pairwise_distances_argmin_min

from drumvae.data.kit import INSTRUMENTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

THRESHOLD = 0.5
"""Probability from which on a hit is predicted."""

METRICAL_WEIGHTS = np.array([0, -3, -2, -3, -1, -3, -2, -3, -1, -3, -2, -3, -1, -3, -2, -3])
"""[16] weight of each sixteenth of a bar: the downbeat, other beats, eighths, sixteenths (Witek et al., 2014)."""

STREAMS = (("kick",), ("snare", "clap", "tom_low", "tom_high"), ("hihat_closed", "hihat_open", "crash", "ride"))
"""Instruments that are heard as one line: the foot, the drums, the cymbals."""


def density(hits: np.ndarray) -> NDArray[np.float64]:
    """Return the share of cells that are hit, [n], 0 to 1."""
    return np.asarray(hits, np.float64).mean(axis=(1, 2))


def struck_steps(hits: np.ndarray) -> NDArray[np.bool_]:
    """Return in which steps anything is struck, [n, 16]."""
    return np.asarray(np.asarray(hits, bool).any(axis=2))


def syncopation(hits: np.ndarray) -> NDArray[np.float64]:
    """Return the syncopation of each bar, [n], 0 if no hit is followed by a stronger rest.

    A hit that is followed by a stronger rest adds the difference of their weights: Σ max(0, weight of the rest − weight
    of the hit), with the strongest step before the next hit as the rest (Longuet-Higgins and Lee, "The Rhythmic
    Interpretation of Monophonic Music", 1984). Weights are `METRICAL_WEIGHTS`, and each of the `STREAMS` counts by
    itself, as in Witek et al., "Syncopation, Body-Movement and Pleasure in Groove Music", 2014. Their pairs of notes of
    different streams, with weights for instruments, are left out: they overstate what is on weak steps (Hoesl and
    Senn, "Modelling Perceived Syncopation in Popular Music Drum Patterns", 2018).

    Bars are loops: the last hit is followed by the beginning of the bar. A backbeat alone is worth 1, for its second
    stroke is followed by the downbeat.
    """
    struck = np.asarray(hits, bool)
    members = [[INSTRUMENTS.index(name) for name in stream] for stream in STREAMS]
    streams = np.stack([struck[:, :, numbers].any(axis=2) for numbers in members], axis=2)
    strongest_rest = np.full((len(struck), len(STREAMS)), -np.inf)
    total = np.zeros(len(struck))
    steps = len(METRICAL_WEIGHTS)
    for step in reversed(range(2 * steps)):
        weight, onset = METRICAL_WEIGHTS[step % steps], streams[:, step % steps]
        if step < steps:  # the first round only finds the rests after the last hits
            total += (np.maximum(strongest_rest - weight, 0) * onset).sum(axis=1)
        strongest_rest = np.where(onset, -np.inf, np.maximum(strongest_rest, weight))
    return total


def hit_f1(hits: np.ndarray, probabilities: np.ndarray, threshold: float = THRESHOLD) -> float:
    """Return F1 = 2 · true positives / (hits + predicted hits) over all cells together, 0 to 1.

    Hits [n, ...] are compared with probabilities, or hits of other bars, [n, ...]; NaN where there are none of both.
    """
    return float(_f1(np.asarray(hits, bool), probabilities >= threshold))


def instrument_f1(hits: np.ndarray, probabilities: np.ndarray, threshold: float = THRESHOLD) -> dict[str, float]:
    """Return `hit_f1` of each instrument by name, NaN for one that is neither struck nor predicted."""
    each = _f1(np.asarray(hits, bool), probabilities >= threshold, axis=(0, 1))
    return dict(zip(INSTRUMENTS, each.tolist(), strict=True))


def expected_f1(hits: np.ndarray, chances: np.ndarray) -> float:
    """Return `hit_f1` of bars with hits drawn with these chances, both [n, ...]: the F1 of chance.

    For the share of a style's bars that hit each cell, it is the F1 of every bar with every bar of the style, cells of
    all pairs taken together.
    """
    return float(_f1(np.asarray(hits, np.float64), chances))


def _f1(hits: np.ndarray, predicted: np.ndarray, axis: tuple[int, ...] | None = None) -> NDArray[np.float64]:
    right, whole = 2.0 * (hits * predicted).sum(axis), np.asarray(1.0 * hits.sum(axis) + predicted.sum(axis))
    return np.divide(right, whole, out=np.full(whole.shape, np.nan), where=whole > 0)


def nearest_distances(hits: np.ndarray, train: np.ndarray) -> NDArray[np.float64]:
    """Return the Hamming distance of each bar to the nearest training bar: [n], in cells, 0 for a copy."""
    ours, theirs = (np.asarray(bars, np.float64).reshape(len(bars), -1) for bars in (hits, train))
    return np.asarray(pairwise_distances_argmin_min(ours, theirs, metric="sqeuclidean")[1])


def nearest_training(generated: np.ndarray, held_out: np.ndarray, train: np.ndarray) -> dict[str, float]:
    """Compare the distances of generated bars to training bars with those of real bars that were not learned.

    Generated bars that are clearly nearer than held-out ones are copied; clearly farther, they are unlike real ones.

    Returns:
        ``nearest_training`` and ``nearest_training_held_out``, mean distances in cells; ``copies`` and
        ``copies_held_out``, shares of bars that equal a training bar.
    """
    ours, real = nearest_distances(generated, train), nearest_distances(held_out, train)
    return {
        "nearest_training": float(ours.mean()),
        "nearest_training_held_out": float(real.mean()),
        "copies": float((ours == 0).mean()),
        "copies_held_out": float((real == 0).mean()),
    }


def mean_distance(hits: np.ndarray) -> float:
    """Return the mean Hamming distance of two different bars of a set, in cells: its diversity. NaN for one bar.

    From how many bars k of n hit each cell: Σ 2 k (n − k) / n (n − 1).
    """
    count = len(hits)
    if count < 2:  # noqa: PLR2004 - a pair
        return float("nan")
    hit = np.asarray(hits, np.float64).sum(axis=0)
    return float((2 * hit * (count - hit)).sum() / (count * (count - 1)))


def density_calibration(
    real: np.ndarray, real_styles: np.ndarray, generated: np.ndarray, generated_styles: np.ndarray, names: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Compare the density of generated hits [m, 16, 9] with that of real hits [n, 16, 9], style by style.

    The styles, [n] and those asked for [m], are numbers of ``names``.

    Returns:
        for each style that has both ``real_mean``, ``real_deviation``, ``generated_mean``, ``generated_deviation`` and
        ``wasserstein``, the distance of the two distributions; all of them shares of cells.
    """
    table = {}
    for number, name in enumerate(names):
        ours, theirs = density(generated[generated_styles == number]), density(real[real_styles == number])
        if len(ours) and len(theirs):
            table[name] = {
                "real_mean": float(theirs.mean()),
                "real_deviation": float(theirs.std()),
                "generated_mean": float(ours.mean()),
                "generated_deviation": float(ours.std()),
                "wasserstein": float(wasserstein_distance(theirs, ours)),
            }
    return table
