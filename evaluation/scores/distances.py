"""Distances within and between sets, and how much two samples overlap.

Densities are Gaussian kernel estimates (Scott's rule) on the full support: the grid reaches past the data to where the
kernels end, so that a set overlaps itself by exactly 1. Samples are binned first and smoothed by one Fourier
transform, which is exact to the width of a bin and takes no longer for millions of distances.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial.distance import cdist, pdist

from evaluation.reading.notes import FloatArray, IntArray, as_rows

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

BINS = 512
"""Bins between the smallest and the largest value."""

GRID = 2048
"""Points of the density's grid; the rest of it is room for tails, 1.5 times the data's range on each side."""

_ROOM = (GRID - BINS) // 2


def pairwise(a: ArrayLike, b: ArrayLike) -> FloatArray:
    """Euclidean distance of every row of a to every row of b. [n, ...], [m, ...] to [n, m]."""
    left, right = (as_rows(x).astype(np.float64, copy=False) for x in (a, b))
    if left.shape[1] == 1:
        return np.abs(left - right.T)
    return cdist(left, right)


inter_set_distances = pairwise
"""Distance of every piece of one set to every piece of another. Source: mgeval."""


def intra_set_distances(x: ArrayLike) -> FloatArray:
    """Distance of every piece to every other piece of its set, leave one out. [n] or [n, d] to [n, n − 1].

    Row i holds the Euclidean distances of piece i to the pieces before and after it in order. Source: mgeval.
    """
    square = pairwise(x, x)
    others = ~np.eye(len(square), dtype=bool)
    return square[others].reshape(len(square), max(len(square) - 1, 0))


def spread(x: ArrayLike) -> float:
    """Mean distance between two pieces of a set, in the unit of the feature. 0 without variety, NaN for one piece.

    Σ_{i<j} ‖x_i − x_j‖ · 2 / n(n − 1). For a single number a piece this is Gini's mean difference, found by sorting.
    """
    values = as_rows(x).astype(np.float64, copy=False)
    n = len(values)
    if n <= 1:
        return float("nan")
    if values.shape[1] == 1:
        ordered = np.sort(values[:, 0])
        weight = 2 * np.arange(1, n + 1) - n - 1
        return float(max((weight * ordered).sum() * 2 / (n * (n - 1)), 0.0))
    return float(pdist(values).mean())


def bin_of(values: FloatArray, low: float, high: float) -> IntArray:
    """Number of the bin of each value, 0 … `BINS` − 1, between low and high."""
    if high <= low:
        return np.zeros(values.shape, np.int64)
    return np.minimum(((values - low) * (BINS / (high - low))).astype(np.int64), BINS - 1)


def densities(histograms: FloatArray, sizes: ArrayLike) -> FloatArray:
    """Smooth histograms over one range of `BINS` bins into densities that sum to 1.

    Bandwidth: Scott's, s · N^(−1/5), with s the sample's standard deviation and N its size; never under half a bin, so
    that a sample of a single value is a peak of its own and not an error.

    Of [..., BINS] counts or weights and [...] N; gives [..., GRID].
    """
    weights = histograms / histograms.sum(axis=-1, keepdims=True)
    places = np.arange(BINS)
    mean = (weights * places).sum(axis=-1, keepdims=True)
    variance = (weights * (places - mean) ** 2).sum(axis=-1)
    count = np.maximum(np.asarray(sizes, np.float64), 2.0)
    unbiased = np.sqrt(variance * count / (count - 1))
    # a kernel wider than the room for its tails would wrap around
    width = np.clip(unbiased * count ** (-1 / 5), 0.5, _ROOM / 4)[..., None]
    padded = np.zeros((*weights.shape[:-1], GRID))
    padded[..., _ROOM : _ROOM + BINS] = weights
    frequency = 2 * np.pi * np.fft.rfftfreq(GRID)
    smooth = np.fft.irfft(np.fft.rfft(padded) * np.exp(-0.5 * (frequency * width) ** 2), n=GRID)
    smooth = np.maximum(smooth, 0.0)
    return smooth / smooth.sum(axis=-1, keepdims=True)


def _two_densities(a: ArrayLike, b: ArrayLike) -> FloatArray:
    """Densities of two samples on one grid, [2, GRID]; values that are not finite are left out."""
    samples = [np.asarray(sample, np.float64).ravel() for sample in (a, b)]
    samples = [sample[np.isfinite(sample)] for sample in samples]
    if not all(len(sample) for sample in samples):
        return np.full((2, GRID), np.nan)
    low = min(sample.min() for sample in samples)
    high = max(sample.max() for sample in samples)
    counts = [np.bincount(bin_of(sample, low, high), minlength=BINS) for sample in samples]
    return densities(np.array(counts, np.float64), [len(sample) for sample in samples])


def overlap_area(a: ArrayLike, b: ArrayLike) -> float:
    """Overlap of the densities of two samples: ∫ min(p, q), 0–1, 1 for equal samples. NaN for an empty one.

    Samples of one same value overlap by 1, of two different values by 0. Source: mgeval, there without the tails.
    """
    p, q = _two_densities(a, b)
    return float(np.minimum(p, q).sum())


def divergences(p: FloatArray, q: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Kullback–Leibler divergence in nats and Jensen–Shannon divergence in bits of densities [..., GRID] on one grid.

    One part in 10⁹ of a uniform density is mixed into both, so that the first is finite where q vanishes.
    """
    floor = 1e-9
    p, q = ((1 - floor) * density + floor / GRID for density in (p, q))
    middle = (p + q) / 2
    kl = (p * np.log(p / q)).sum(axis=-1)
    js = ((p * np.log2(p / middle)).sum(axis=-1) + (q * np.log2(q / middle)).sum(axis=-1)) / 2
    return kl, js


def kld(a: ArrayLike, b: ArrayLike) -> float:
    """Kullback–Leibler divergence KL(p ‖ q) of the densities of two samples on one grid. Nats, ≥ 0.

    0 for equal samples, at most about 28 nats (see `divergences`); NaN for an empty sample.
    """
    p, q = _two_densities(a, b)
    return float(divergences(p, q)[0])


def jsd(a: ArrayLike, b: ArrayLike) -> float:
    """Jensen–Shannon divergence of the densities of two samples on one grid. Bits, 0–1; NaN for an empty sample."""
    p, q = _two_densities(a, b)
    return float(divergences(p, q)[1])


def wasserstein(a: ArrayLike, b: ArrayLike) -> float:
    """Distance between the feature values of two sets, in the unit of the feature. NaN for an empty set.

    For one number per piece the 1-Wasserstein distance ∫ |F − G|, the mean shift that turns one sample into the other.
    For histograms [n, d] the mean over entries of that distance, entry by entry.
    """
    left, right = as_rows(a), as_rows(b)
    if not len(left) or not len(right):
        return float("nan")
    from scipy.stats import wasserstein_distance

    return float(np.mean([wasserstein_distance(x, y) for x, y in zip(left.T, right.T, strict=True)]))
