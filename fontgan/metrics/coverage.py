"""The number of letters that a generator draws, and their quality: functions of a classifier's readings of images."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.stats import entropy
from sklearn.metrics import pairwise_distances_argmin
from sklearn.metrics.pairwise import polynomial_kernel
from sklearn.neighbors import NearestNeighbors

from evaluation.scores.distances import pairwise
from evaluation.scores.diversity import frechet_distance, precision_recall
from fontgan.data.glyphs import LETTERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

CONFIDENT = 0.9
"""The least confidence of a reading that counts."""

LEAST_SHARE = 0.01
"""The least share of the images of a covered letter: a quarter of an even share."""

COMPARED = 2000
"""Images of each set whose distances are computed; all pairs of more would not fit into memory."""


class Reading(NamedTuple):
    """What a classifier reads in images: the likeliest letters [n], 0 for A to 25 for Z, and their probabilities [n].

    The features [n, d] are the classifier's last hidden layer.
    """

    letters: np.ndarray
    confidence: np.ndarray
    features: np.ndarray


def covered_letters(reading: Reading) -> str:
    """Return the letters, such as ``ABDEF``, read with confidence in at least `LEAST_SHARE` of the images."""
    counts = np.bincount(reading.letters[reading.confidence >= CONFIDENT], minlength=len(LETTERS))
    return "".join(np.array(list(LETTERS))[counts / len(reading.letters) >= LEAST_SHARE])


def rejected_share(reading: Reading) -> float:
    """Return the share of images that are not read with confidence, 0 to 1; a confidence of NaN does not count."""
    return float((~(reading.confidence >= CONFIDENT)).mean())


def kl_uniform(reading: Reading) -> float:
    """Return Σ p ln(26 p) over the letters read, in nats: 0 where all are as frequent, ln 26 for a single letter."""
    return float(entropy(np.bincount(reading.letters, minlength=len(LETTERS)), np.ones(len(LETTERS))))


def summary(reading: Reading) -> dict[str, float]:
    """Return the number of covered letters, ``rejected`` and ``kl_uniform`` as above, and ``naive_coverage``.

    The last is the number of letters that occur at all, the measure of the course's reports: noise can reach 26.
    """
    return {
        "strict_coverage": len(covered_letters(reading)),
        "naive_coverage": len(np.unique(reading.letters)),
        "rejected": rejected_share(reading),
        "kl_uniform": kl_uniform(reading),
    }


def kl_floor(count: int) -> float:
    """Return the mean of `kl_uniform` for n letters drawn evenly: (26 − 1) / (2 n) nats."""
    return (len(LETTERS) - 1) / (2 * count)


def letter_table(reading: Reading) -> dict[str, dict[str, float]]:
    """Return for each letter the share of images read as it, with confidence or not, and their mean confidence."""
    counts = np.bincount(reading.letters, minlength=len(LETTERS))
    sums = np.bincount(reading.letters, reading.confidence, len(LETTERS))
    return {
        letter: {"share": float(count / len(reading.letters)), "confidence": float(total / max(count, 1))}
        for letter, count, total in zip(LETTERS, counts, sums, strict=True)
    }


def kernel_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Return the unbiased kernel distance of features [n, d] and [m, d], below 0 at times.

    The squared maximum mean discrepancy under the kernel (x·y / d + 1)³ (Bińkowski et al., 2018).
    """
    apart = 0.0
    for x in (a, b):
        within = polynomial_kernel(x, degree=3)
        apart += (within.sum() - np.trace(within)) / (len(x) * (len(x) - 1))
    return float(apart - 2 * polynomial_kernel(a, b, degree=3).mean())


def draw(count: int, size: int, seed: int) -> np.ndarray:
    """Return ``size`` different numbers below ``count``, or all of them where there are fewer, in random order."""
    return np.random.default_rng(seed).permutation(count)[:size]


def distances_to(reading: Reading, real: Reading, seed: int, size: int = COMPARED, parts: int = 1) -> dict[str, float]:
    """Measure the distance of generated images to real ones in a classifier's features.

    ``size`` images of each set are drawn without replacement, at least 2, at most as many as the smaller set has; the
    same seed draws the same real images for every generated set. The result is the mean over ``parts`` disjoint sets of
    generated images, or over as many as there are.

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
    distances = [
        {
            "frechet": frechet_distance(part, theirs),
            "kid": kernel_distance(part, theirs),
            **precision_recall(pairwise(theirs, theirs), pairwise(part, theirs), pairwise(part, part)),
            "two_sample": two_sample_accuracy(part, theirs),
        }
        for part in np.split(ours, parts)
    ]
    return {name: float(np.mean([one[name] for one in distances])) for name in distances[0]}


def nearest(images: np.ndarray, train: np.ndarray) -> np.ndarray:
    """Return the number of the training image that each image [n, …] is nearest to, by pixels."""
    return pairwise_distances_argmin(_flat(images), _flat(train))


def nearest_ratio(images: np.ndarray, validation: np.ndarray, train: np.ndarray) -> float:
    """Return the median distance of images to the nearest training image, in units of that of validation images.

    Below 1 they are nearer than real images that are new: 0 is a copy of the training set.
    """
    parts = (_flat(some - train[nearest(some, train)]) for some in (images, validation))
    ours, theirs = (np.median(np.linalg.norm(part, axis=1)) for part in parts)
    return float(ours / theirs)


def two_sample_accuracy(a: np.ndarray, b: np.ndarray) -> float:
    """Return the share of examples whose nearest other is of the same set: 0.5 for equal sets, 1 for separate ones.

    Leave-one-out 1-NN over features [n, d] and [n, d] (Lopez-Paz and Oquab, 2017). Below 0.5 one set copies the other.
    """
    neighbours = NearestNeighbors(n_neighbors=1).fit(np.concatenate([a, b])).kneighbors(return_distance=False)[:, 0]
    return float(((neighbours < len(a)) == (np.arange(len(neighbours)) < len(a))).mean())


def counts_of(history: Iterable[Mapping[str, float]]) -> list[dict[str, Any]]:
    """Return the counts in a history: ``epoch``, from 1, ``seconds`` if known, and ``covered``, such as ABDEF."""
    return [
        {
            "epoch": epoch,
            "seconds": row.get("seconds"),
            "covered": "".join(letter for bit, letter in enumerate(LETTERS) if int(row["covered"]) >> bit & 1),
        }
        for epoch, row in enumerate(history, 1)
        if "covered" in row
    ]


def vanished(counts: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Return how often each letter vanished: it was ``covered`` at a count and not at the next one."""
    pairs = [(before["covered"], after["covered"]) for before, after in itertools.pairwise(counts)]
    return {letter: sum(letter in before and letter not in after for before, after in pairs) for letter in LETTERS}


def _flat(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1).astype(np.float64)
