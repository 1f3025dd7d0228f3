"""Measures of a generator of letters, each beside that of real images: the keys of metrics.json.

- ``n``: images evaluated; ``train_seconds``: time of the updates, without measuring and checkpoints;
  ``judge_accuracy``: share of the validation images that the reporting classifier reads correctly.
- ``strict_coverage``: number of letters that are read with a confidence of at least 0.9 in at least 1 % of the images;
  ``covered`` and ``missing``: these letters and the others. ``naive_coverage``: number of letters read at all.
- ``rejected``: share of the images that are read with less confidence than 0.9.
- ``kl_uniform``: divergence of the letters read from an even alphabet, in nats; ``kl_floor``: its mean for n letters
  drawn evenly.
- ``letters``: for each the ``share`` of the images that are read as it, and their mean ``confidence``.
- ``frechet``, ``kid``, ``precision``, ``recall``, ``density``, ``coverage``, ``two_sample``: between the images and
  validation images in the classifier's features, see `fontgan.metrics.coverage.distances_to`; each with its
  ``_ceiling``, the same between training images and validation images. For ``frechet`` and ``kid`` less is better;
  ``two_sample`` is best at 0.5.
- ``compared``: images of each set for these distances: as many as the smallest set has, generated, training or
  validation, at most 2000; ``parts``: number of disjoint sets of this size, of generated and of training images, over
  which the mean is taken, at most four. Distances depend on the size of the sets: compare them only where
  ``compared`` is the same.
- ``nn_ratio``: median distance of the images to training images by pixels, in units of that of validation images; 0
  is a copy.
- ``controls``: the same measures, without ceilings, of sets whose rank is known, each as many images as there are
  validation images, measured in one part: ``validation``, these images themselves; ``replay``, training images;
  ``one_letter``, training images of O; ``noise``, even in [−1, 1].
- of conditional models, ``asked``: share of the images that are read as the letter that was asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fontgan.data.fonts import BUNDLED_SOURCE, load_fonts
from fontgan.data.glyphs import LETTERS
from fontgan.metrics import coverage
from fontgan.metrics.classifiers import read
from manymodes.experiment.records import plain

if TYPE_CHECKING:
    import keras

    from fontgan.data.fonts import Letters

ONE_LETTER = LETTERS.index("O")
_PARTS = 4  # sets of images whose distances are averaged
_DIGITS = 6


def assess(
    images: np.ndarray,
    letters: Letters,
    classifier: keras.Model,
    *,
    seed: int,
    train_seconds: float,
    asked: np.ndarray | None = None,
) -> dict[str, Any]:
    """Return the measures of generated images [n, 28, 28, 1], n at least 2, with the reporting classifier.

    The generator has learned from ``letters``; it was asked for the letters ``asked`` [n], 0 to 25, if any.
    """
    train, validation = letters.train.images, letters.validation.images
    reading, real = read(classifier, images), read(classifier, validation)
    size = min(coverage.COMPARED, len(images), len(train), len(validation))
    parts = min(_PARTS, len(images) // size, len(train) // size)

    def measured(images: np.ndarray, reading: coverage.Reading, parts: int = 1) -> dict[str, float]:
        some, known = (one[coverage.draw(len(one), size, seed)] for one in (images, validation))
        return {
            **coverage.summary(reading),
            **coverage.distances_to(reading, real, seed, size, parts),
            "nn_ratio": coverage.nearest_ratio(some, known, train),
        }

    ceilings = coverage.distances_to(read(classifier, train), real, seed, size, parts)
    covered = coverage.covered_letters(reading)
    measures: dict[str, Any] = {
        "n": len(images),
        "train_seconds": train_seconds,
        "judge_accuracy": float((real.letters == letters.validation.labels).mean()),
        **measured(images, reading, parts),
        **{f"{name}_ceiling": value for name, value in ceilings.items()},
        "compared": size,
        "parts": parts,
        "kl_floor": coverage.kl_floor(len(images)),
        "covered": covered,
        "missing": "".join(letter for letter in LETTERS if letter not in covered),
        "letters": coverage.letter_table(reading),
        "controls": {
            name: measured(control, read(classifier, control))
            for name, control in controls(letters, len(validation), seed).items()
        },
    }
    if asked is not None:
        measures["asked"] = float((reading.letters == asked).mean())
    return dict(plain(measures, _DIGITS))


def controls(letters: Letters, count: int, seed: int) -> dict[str, np.ndarray]:
    """Return sets of images whose rank is known: real ones first, one letter and noise last.

    Each has ``count`` images, with repetitions if necessary; the validation images are all of them.
    """
    rng = np.random.default_rng(seed)
    train = letters.train.images

    def some(images: np.ndarray) -> np.ndarray:
        return images[rng.choice(len(images), count, replace=count > len(images))]

    return {
        "validation": letters.validation.images,
        "replay": some(train),
        "one_letter": some(train[letters.train.labels == ONE_LETTER]),
        "noise": rng.uniform(-1, 1, (count, *train.shape[1:])).astype(np.float32),
    }


def unseen_letters(letters: Letters, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw letters that neither models nor classifiers have seen: images [count, 28, 28, 1] and letters [count]."""
    known, more = len(letters.validation.images) // len(LETTERS), -(-count // len(LETTERS))
    source = None if letters.source == BUNDLED_SOURCE else letters.source
    drawn = load_fonts(source, seed=letters.seed, train=1, validation=known + more, jitter=letters.jitter).validation
    unseen = np.flatnonzero(np.arange(len(drawn.images)) % (known + more) >= known)
    some = np.random.default_rng(letters.seed).permutation(unseen)[:count]
    return drawn.images[some], drawn.labels[some]
