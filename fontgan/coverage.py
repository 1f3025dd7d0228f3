"""How many letters a generator still draws, and how well, as a judge reads them.

All measures are functions of what a judge (`fontgan.judges`) says of images: letters, confidences, features. Beside
each stands what real images reach.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from evaluation.distances import pairwise
from evaluation.diversity import frechet_distance, precision_recall
from fontgan.glyphs import LETTERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

CONFIDENT = 0.9
"""Confidence from which on a reading counts."""

LEAST_SHARE = 0.01
"""Share of the images that a letter needs to be covered: a quarter of what is its due."""

COMPARED = 2000
"""Images of each set whose distances are taken; all pairs of more would not fit into memory."""


class Reading(NamedTuple):
    """What a judge says of n images.

    Attributes:
        letters: int [n], 0 for A to 25 for Z, the likeliest letter.
        confidence: [n] its probability.
        features: [n, d] what the judge's last hidden layer makes of the images.
    """

    letters: np.ndarray
    confidence: np.ndarray
    features: np.ndarray


def strict_shares(reading: Reading) -> np.ndarray:
    """Return how often each letter is read with confidence, [26], as a share of all images."""
    read = reading.letters[reading.confidence >= CONFIDENT]
    return np.bincount(read, minlength=len(LETTERS)) / len(reading.letters)


def strict_coverage(reading: Reading) -> int:
    """Return how many letters are covered: read with confidence in at least `LEAST_SHARE` of the images."""
    return int((strict_shares(reading) >= LEAST_SHARE).sum())


def naive_coverage(reading: Reading) -> int:
    """Return how many letters occur at all, the measure of the reports: noise can reach 26."""
    return len(np.unique(reading.letters))


def rejected_share(reading: Reading) -> float:
    """Return the share of images that are not read with confidence, 0 to 1."""
    return float((reading.confidence < CONFIDENT).mean())


def kl_uniform(reading: Reading) -> float:
    """Return Σ p ln(26 p) over the letters read, in nats: 0 where all are as frequent, ln 26 for a single letter."""
    shares = np.bincount(reading.letters, minlength=len(LETTERS)) / len(reading.letters)
    present = shares[shares > 0]
    return float((present * np.log(present * len(LETTERS))).sum())


def kl_floor(count: int) -> float:
    """Return what `kl_uniform` is on average for so many letters drawn evenly: (26 − 1) / (2 n) nats."""
    return (len(LETTERS) - 1) / (2 * count)


def letter_table(reading: Reading) -> dict[str, dict[str, float]]:
    """Return for each letter the share of images read as it, with confidence or not, and the mean confidence then."""
    table = {}
    for number, letter in enumerate(LETTERS):
        among = reading.letters == number
        confidence = float(reading.confidence[among].mean()) if among.any() else 0.0
        table[letter] = {"share": float(among.mean()), "confidence": confidence}
    return table


def kernel_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Return the kernel inception distance of features [n, d] and [m, d]: unbiased, and therefore at times below 0.

    The squared maximum mean discrepancy under the kernel (x·y / d + 1)³ (Bińkowski et al., 2018).
    """
    width = a.shape[1]
    within_a, within_b, between = ((x @ y.T / width + 1) ** 3 for x, y in ((a, a), (b, b), (a, b)))
    n, m = len(a), len(b)
    apart_a = (within_a.sum() - np.trace(within_a)) / (n * (n - 1))
    apart_b = (within_b.sum() - np.trace(within_b)) / (m * (m - 1))
    return float(apart_a + apart_b - 2 * between.mean())


def distances_to(reading: Reading, real: Reading, seed: int) -> dict[str, float]:
    """Measure how generated images lie to real ones in a judge's features.

    Args:
        reading: of generated images.
        real: of real ones.
        seed: of the draw where a set has more than `COMPARED` images; both sets are made equally large.

    Returns:
        ``frechet``, ``kid``, ``precision``, ``recall``, ``density`` and ``coverage``.
    """
    rng = np.random.default_rng(seed)
    size = min(COMPARED, len(reading.letters), len(real.letters))
    ours, theirs = (
        one.features[rng.permutation(len(one.features))[:size]].astype(np.float64) for one in (reading, real)
    )
    near = precision_recall(pairwise(theirs, theirs), pairwise(ours, theirs), pairwise(ours, ours))
    return {"frechet": frechet_distance(ours, theirs), "kid": kernel_distance(ours, theirs), **near}


def nearest_distances(images: np.ndarray, train: np.ndarray) -> np.ndarray:
    """Return the distance of each image [n, …] to the nearest training image, by pixels."""
    flat, known = (array.reshape(len(array), -1).astype(np.float64) for array in (images, train))
    parts = [pairwise(flat[begin : begin + 500], known).min(axis=1) for begin in range(0, len(flat), 500)]
    return np.concatenate(parts)


def nearest_ratio(images: np.ndarray, validation: np.ndarray, train: np.ndarray) -> float:
    """Return how near generated images are to training images, as a multiple of how near validation images are.

    Below 1 they are nearer than real images ever seen: 0 is a copy of the training set.
    """
    return float(np.median(nearest_distances(images, train)) / np.median(nearest_distances(validation, train)))


def two_sample_accuracy(a: np.ndarray, b: np.ndarray) -> float:
    """Return how often the nearest other image is of the same set: 0.5 for sets alike, 1 for sets apart.

    Leave-one-out 1-NN over features [n, d] and [n, d] (Lopez-Paz and Oquab, 2017). Below 0.5 one set copies the other.
    """
    both = np.concatenate([a, b]).astype(np.float64)
    distance = pairwise(both, both)
    np.fill_diagonal(distance, np.inf)
    of_first = np.arange(len(both)) < len(a)
    return float((of_first[distance.argmin(axis=1)] == of_first).mean())


def survival(history: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, list[int]]]:
    """Return when letters vanish and return.

    Args:
        history: rows with ``epoch`` and ``covered``, the letters covered then, in order.

    Returns:
        for each letter the epochs at which it is found to have ``vanished``, and to have ``returned`` (or come, the
        first time).
    """
    found: dict[str, dict[str, list[int]]] = {letter: {"vanished": [], "returned": []} for letter in LETTERS}
    before: set[str] = set()
    for row in history:
        now = set(row["covered"])
        for letter in before - now:
            found[letter]["vanished"].append(int(row["epoch"]))
        for letter in now - before:
            found[letter]["returned"].append(int(row["epoch"]))
        before = now
    return found


def covered_letters(reading: Reading) -> str:
    """Return the covered letters in a row, such as ``ABDEF``."""
    shares = strict_shares(reading)
    return "".join(letter for letter, share in zip(LETTERS, shares, strict=True) if share >= LEAST_SHARE)


def missing_letters(covered: Sequence[str]) -> str:
    """Return the letters that are not among those covered."""
    return "".join(letter for letter in LETTERS if letter not in covered)
