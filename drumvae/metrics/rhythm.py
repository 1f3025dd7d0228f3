"""What is played, in numbers: density, syncopation, hits found again, distances between bars.

All measures are functions of bars of hits [n, 16, 9], true or 1 where an instrument is struck.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import wasserstein_distance

from drumvae.data.kit import INSTRUMENTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

THRESHOLD = 0.5
"""Probability from which on a hit is predicted."""

METRICAL_WEIGHTS = np.array([0, -3, -2, -3, -1, -3, -2, -3, -1, -3, -2, -3, -1, -3, -2, -3])
"""[16] how strong each sixteenth of a bar is: the downbeat, other beats, eighths, sixteenths (Witek et al., 2014)."""

STREAMS = (("kick",), ("snare", "clap", "tom_low", "tom_high"), ("hihat_closed", "hihat_open", "crash", "ride"))
"""Instruments that are heard as one line: the foot, the drums, the cymbals."""

_CHUNK = 1000


# --- features of bars


def density(hits: np.ndarray) -> NDArray[np.float64]:
    """Return the share of cells that are hit, [n], 0 to 1."""
    return np.asarray(hits, np.float64).mean(axis=(1, 2))


def instrument_densities(hits: np.ndarray) -> NDArray[np.float64]:
    """Return the share of steps in which each instrument is struck, [n, 9], 0 to 1."""
    return np.asarray(hits, np.float64).mean(axis=1)


def struck_steps(hits: np.ndarray) -> NDArray[np.bool_]:
    """Return in which steps anything is struck, [n, 16]."""
    return np.asarray(np.asarray(hits, bool).any(axis=2))


def onset_profile(hits: np.ndarray) -> NDArray[np.float64]:
    """Return the share of bars that hit each cell, [16, 9]; n at least 1."""
    return np.asarray(hits, np.float64).mean(axis=0)


def syncopation(hits: np.ndarray) -> NDArray[np.float64]:
    """Return how much each bar is syncopated, [n], 0 for a bar whose hits all lead on from strong steps.

    A hit that is followed by a stronger rest adds what that rest weighs more: Σ max(0, weight of the rest − weight of
    the hit), with the strongest step before the next hit as the rest (Longuet-Higgins and Lee, "The Rhythmic
    Interpretation of Monophonic Music", 1984). Weights are `METRICAL_WEIGHTS`, and each of the `STREAMS` counts by
    itself, as in Witek et al., "Syncopation, Body-Movement and Pleasure in Groove Music", 2014. Their pairs of notes of
    different streams, with weights for instruments, are left out: they overstate what is on weak steps (Hoesl and
    Senn, "Modelling Perceived Syncopation in Popular Music Drum Patterns", 2018).

    Bars are heard as loops, so that what follows the last hit is the next bar's beginning. A backbeat alone is worth 1,
    for its second stroke is followed by the downbeat. The more is played, the more there is to be syncopated.
    """
    struck = np.asarray(hits, bool)
    members = [[INSTRUMENTS.index(name) for name in stream] for stream in STREAMS]
    streams = np.stack([struck[:, :, numbers].any(axis=2) for numbers in members], axis=2)
    strongest_rest = np.full((len(struck), len(STREAMS)), -np.inf)
    total = np.zeros(len(struck))
    steps = len(METRICAL_WEIGHTS)
    for step in reversed(range(2 * steps)):
        weight, onset = METRICAL_WEIGHTS[step % steps], streams[:, step % steps]
        if step < steps:  # the first time round is for what follows the last hit
            total += (np.maximum(strongest_rest - weight, 0) * onset).sum(axis=1)
        strongest_rest = np.where(onset, -np.inf, np.maximum(strongest_rest, weight))
    return total


def features(hits: np.ndarray) -> dict[str, NDArray[np.float64]]:
    """Return what can be heard of bars in one number each: density, syncopation, each instrument's density; [n]."""
    each = dict(zip(INSTRUMENTS, instrument_densities(hits).T, strict=True))
    return {"density": density(hits), "syncopation": syncopation(hits), **each}


# --- hits found again


def hit_f1(hits: np.ndarray, probabilities: np.ndarray, threshold: float = THRESHOLD) -> float:
    """Return F1 = 2 · right / (hit + predicted) over all cells together, 0 to 1; cells that rest do not count.

    Args:
        hits: [n, ...] as they are.
        probabilities: [n, ...] as a model has them, or hits of another bar.
        threshold: from which probability on a hit is predicted.

    Returns:
        NaN where nothing is hit and nothing predicted.
    """
    return float(_f1(*_counts(np.asarray(hits, bool), probabilities >= threshold, None)))


def instrument_f1(hits: np.ndarray, probabilities: np.ndarray, threshold: float = THRESHOLD) -> NDArray[np.float64]:
    """Return `hit_f1` of each instrument, [9], NaN for one that is neither struck nor predicted; n bars [n, 16, 9]."""
    return _f1(*_counts(np.asarray(hits, bool), probabilities >= threshold, (0, 1)))


def expected_f1(hits: np.ndarray, chances: np.ndarray) -> float:
    """Return `hit_f1` of bars with hits that are drawn with these chances, each cell's share counted: what luck gives.

    Args:
        hits: [n, ...].
        chances: [n, ...], such as the share of a style's bars that hit each cell. Then it is the F1 of every bar with
            every bar of the style, cells of all pairs taken together.

    Returns:
        NaN where nothing is hit and nothing has a chance.
    """
    ours = np.asarray(hits, np.float64)
    return float(_f1(np.sum(ours * chances), np.sum(ours), np.sum(chances)))


def _counts(
    hits: NDArray[np.bool_], predicted: NDArray[np.bool_], axes: tuple[int, ...] | None
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return how many cells are both, how many are hit and how many are predicted."""
    return (hits & predicted).sum(axis=axes), hits.sum(axis=axes), predicted.sum(axis=axes)


def _f1(right: ArrayLike, hit: ArrayLike, predicted: ArrayLike) -> NDArray[np.float64]:
    whole = np.add(hit, predicted, dtype=np.float64)
    return np.divide(np.multiply(2.0, right), whole, out=np.full(whole.shape, np.nan), where=whole > 0)


# --- distances


def nearest_distances(hits: np.ndarray, train: np.ndarray) -> NDArray[np.float64]:
    """Return the Hamming distance of each bar to the nearest training bar: [n], in cells, 0 for a copy.

    Args:
        hits: [n, 16, 9].
        train: [m, 16, 9], m at least 1.
    """
    ours, theirs = (np.asarray(bars, np.float32).reshape(len(bars), -1) for bars in (hits, train))
    theirs_hit = theirs.sum(axis=1)
    nearest = np.empty(len(ours))
    for begin in range(0, len(ours), _CHUNK):
        part = ours[begin : begin + _CHUNK]
        # of hits of either bar, those in both are counted twice
        nearest[begin : begin + _CHUNK] = part.sum(axis=1) + (theirs_hit - 2 * part @ theirs.T).min(axis=1)
    return nearest


def nearest_training(generated: np.ndarray, held_out: np.ndarray, train: np.ndarray) -> dict[str, float]:
    """Say how near generated bars are to training bars, beside how near real bars are that were never learned.

    Generated bars that are clearly nearer than held-out ones are copied; clearly farther, they are unlike real ones.

    Args:
        generated: hits [n, 16, 9].
        held_out: hits [k, 16, 9] of real bars.
        train: hits [m, 16, 9] of those that were learned from.

    Returns:
        ``nearest_training`` and ``nearest_training_held_out``, mean distances in cells; ``copies`` and
        ``copies_held_out``, shares of bars that are in the training set cell by cell.
    """
    ours, real = nearest_distances(generated, train), nearest_distances(held_out, train)
    return {
        "nearest_training": float(ours.mean()),
        "nearest_training_held_out": float(real.mean()),
        "copies": float((ours == 0).mean()),
        "copies_held_out": float((real == 0).mean()),
    }


def mean_distance(hits: np.ndarray) -> float:
    """Return the mean Hamming distance of two different bars of a set, in cells: how diverse it is. NaN for one bar.

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
    """Compare how densely generated bars of each style are played with how densely real ones are.

    Args:
        real: hits [n, 16, 9].
        real_styles: int [n], numbers of ``names``.
        generated: hits [m, 16, 9].
        generated_styles: int [m], the styles that were asked for.
        names: of the styles.

    Returns:
        for each style ``real_mean``, ``real_deviation``, ``generated_mean``, ``generated_deviation`` and
        ``wasserstein``, how far density has to be moved on average to make one distribution of the other; all of them
        shares of cells. A style that has no bars on one of the sides is left out.
    """
    table = {}
    for number, name in enumerate(names):
        ours, theirs = density(generated[generated_styles == number]), density(real[real_styles == number])
        if not len(ours) or not len(theirs):
            continue
        table[name] = {
            "real_mean": float(theirs.mean()),
            "real_deviation": float(theirs.std()),
            "generated_mean": float(ours.mean()),
            "generated_deviation": float(ours.std()),
            "wasserstein": float(wasserstein_distance(theirs, ours)),
        }
    return table
