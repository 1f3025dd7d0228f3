"""How many letters a generator still draws, and how well, as a classifier reads them.

All measures are functions of what a classifier (`fontgan.metrics.classifiers`) reads in images: letters,
confidences, features.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from evaluation.scores.distances import pairwise
from evaluation.scores.diversity import frechet_distance, precision_recall
from fontgan.data.glyphs import LETTERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

CONFIDENT = 0.9
"""Confidence from which on a reading counts."""

LEAST_SHARE = 0.01
"""Share of the images that a letter needs to be covered: a quarter of what is its due."""

COMPARED = 2000
"""Images of each set whose distances are taken; all pairs of more would not fit into memory."""


class Reading(NamedTuple):
    """What a classifier reads in n images.

    Attributes:
        letters: int [n], 0 for A to 25 for Z, the likeliest letter.
        confidence: [n] its probability.
        features: [n, d] the classifier's last hidden layer.
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
    # A confidence that is no number, as of the images of a model that has diverged, is none.
    return float((~(reading.confidence >= CONFIDENT)).mean())


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


def draw(count: int, size: int, seed: int) -> np.ndarray:
    """Return ``size`` different numbers below ``count``, or all of them where there are fewer, in the order drawn."""
    return np.random.default_rng(seed).permutation(count)[:size]


def distances_to(reading: Reading, real: Reading, seed: int, size: int = COMPARED, parts: int = 1) -> dict[str, float]:
    """Measure how generated images lie to real ones in a classifier's features.

    The same seed draws the same real images, whatever they are compared with: figures of sets that are compared at
    one size can be compared with each other.

    Args:
        reading: of generated images.
        real: of real ones.
        seed: of the draws, which are without replacement.
        size: images of each set that are compared, at least 2; as many as the smaller one has, if that is less.
        parts: the mean is returned over so many sets of generated images, none of which is in two, or over as many as
            there are.

    Returns:
        ``frechet``, ``kid``, ``precision``, ``recall``, ``density``, ``coverage`` and ``two_sample``, see
        `evaluation.scores.diversity`, `kernel_distance` and `two_sample_accuracy`.
    """
    size = min(size, len(reading.letters), len(real.letters))
    parts = min(parts, len(reading.letters) // size)
    theirs, ours = (
        one.features[draw(len(one.features), count, seed)].astype(np.float64)
        for one, count in ((real, size), (reading, parts * size))
    )
    found = [_distances(part, theirs) for part in np.split(ours, parts)]
    return {name: float(np.mean([one[name] for one in found])) for name in found[0]}


def _distances(ours: np.ndarray, theirs: np.ndarray) -> dict[str, float]:
    near = precision_recall(pairwise(theirs, theirs), pairwise(ours, theirs), pairwise(ours, ours))
    return {
        "frechet": frechet_distance(ours, theirs),
        "kid": kernel_distance(ours, theirs),
        **near,
        "two_sample": two_sample_accuracy(ours, theirs),
    }


def nearest(images: np.ndarray, train: np.ndarray) -> np.ndarray:
    """Return the number of the training image that each image [n, …] is nearest to, by pixels."""
    flat, known = _flat(images), _flat(train)
    half = (known**2).sum(axis=1) / 2
    parts = [(half - flat[begin : begin + 500] @ known.T).argmin(axis=1) for begin in range(0, len(flat), 500)]
    return np.concatenate(parts)


def nearest_distances(images: np.ndarray, train: np.ndarray) -> np.ndarray:
    """Return the distance of each image [n, …] to the nearest training image, by pixels."""
    return np.linalg.norm(_flat(images) - _flat(train)[nearest(images, train)], axis=1)


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


def counts_of(history: Iterable[Mapping[str, float]]) -> list[dict[str, Any]]:
    """Return the ``epoch``, from 1, and the letters ``covered``, such as ABDEF, of the rows that counted letters."""
    return [
        {"epoch": epoch, "covered": "".join(letter for bit, letter in enumerate(LETTERS) if bits >> bit & 1)}
        for epoch, bits in ((epoch, int(row["covered"])) for epoch, row in enumerate(history, 1) if "covered" in row)
    ]


def survival(history: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, list[int]]]:
    """Return when letters vanish and return.

    Args:
        history: rows with ``epoch`` and ``covered``, the letters covered then, in order.

    Returns:
        for each letter the epochs at which it had ``vanished``, and had ``returned`` (or come, the first time).
    """
    epochs: dict[str, dict[str, list[int]]] = {letter: {"vanished": [], "returned": []} for letter in LETTERS}
    before: set[str] = set()
    for row in history:
        now = set(row["covered"])
        for letter in before - now:
            epochs[letter]["vanished"].append(int(row["epoch"]))
        for letter in now - before:
            epochs[letter]["returned"].append(int(row["epoch"]))
        before = now
    return epochs


def covered_letters(reading: Reading) -> str:
    """Return the covered letters in a row, such as ``ABDEF``."""
    shares = strict_shares(reading)
    return "".join(letter for letter, share in zip(LETTERS, shares, strict=True) if share >= LEAST_SHARE)


def missing_letters(covered: Sequence[str]) -> str:
    """Return the letters that are not among those covered."""
    return "".join(letter for letter in LETTERS if letter not in covered)


def _flat(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1).astype(np.float64)
