"""What is said of a generator of letters: coverage.json, every figure beside what real images reach.

Keys of coverage.json:

- ``n``: images judged; ``train_seconds``: what the updates took, measures and checkpoints left out;
  ``judge_accuracy``: share of the validation images that the reporting judge reads rightly.
- ``strict_coverage``: letters that are read with a confidence of at least 0.9 in at least 1 % of the images, 0 to 26;
  ``covered`` and ``missing``: which these are, and which not. ``naive_coverage``: letters that are read at all.
- ``rejected``: share of the images that are read with less confidence than 0.9.
- ``kl_uniform``: divergence of the letters read from an even alphabet, in nats; ``kl_floor``: what n letters drawn
  evenly have on average.
- ``letters``: of each the ``share`` of the images that are read as it, and their mean ``confidence``.
- ``frechet``, ``kid``, ``precision``, ``recall``, ``density``, ``coverage``, ``two_sample``: between the images and
  validation images in the judge's features, see `fontgan.metrics.coverage.distances_to`; each with its ``_ceiling``,
  the same between training images and validation images, which is what a generator reaches that is as good as the
  typefaces themselves. For ``frechet`` and ``kid`` less is better, and the ceiling a floor; ``two_sample`` is best at
  0.5.
- ``compared``: images of each set that these were measured on: as many as the smallest of the sets has, judged,
  training or validation, but at most 2000; ``parts``: sets of so many images over which the mean is taken, of judged
  and of training images alike, at most four. They are drawn by the seed without replacement, so that no image is in
  two, and compared with the same validation images. Distances depend on the size of the sets: between two files they
  can be compared only where ``compared`` is the same.
- ``nn_ratio``: how near so many images are to training images by pixels, in the median; 1 is as near as validation
  images are, 0 a copy.
- ``controls``: the same figures, ceilings left out, of sets whose rank is known, each as many images as there are
  validation images and measured in one part: ``validation``, these images themselves, which show what a measure says
  of equal sets; ``replay``, training images; ``one_letter``, training images of O; ``noise``, even in [−1, 1].
- of models that are told letters, ``asked``: share of the images that are read as the letter that was asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fontgan.data.glyphs import LETTERS
from fontgan.metrics import coverage
from fontgan.metrics.judges import read

if TYPE_CHECKING:
    import keras

    from fontgan.data.fonts import Letters

ONE_LETTER = LETTERS.index("O")
_PARTS = 4  # sets of images that distances are averaged over
_DIGITS = 6


def assess(
    images: np.ndarray,
    letters: Letters,
    judge: keras.Model,
    *,
    seed: int,
    train_seconds: float,
    asked: np.ndarray | None = None,
) -> dict[str, Any]:
    """Return what coverage.json says of images [n, 28, 28, 1], n at least 2.

    Args:
        images: generated ones.
        letters: what the generator learned from.
        judge: the reporting one.
        seed: of all random draws.
        train_seconds: what training took.
        asked: [n] letters that the images were to show, 0 to 25; None where none were asked for.
    """
    train, validation = letters.train.images, letters.validation.images
    reading, real = read(judge, images), read(judge, validation)
    size = min(coverage.COMPARED, len(images), len(train), len(validation))
    parts = min(_PARTS, len(images) // size, len(train) // size)

    def measured(images: np.ndarray, reading: coverage.Reading, parts: int = 1) -> dict[str, float]:
        some, known = (one[coverage.draw(len(one), size, seed)] for one in (images, validation))
        return {
            "strict_coverage": coverage.strict_coverage(reading),
            "naive_coverage": coverage.naive_coverage(reading),
            "rejected": coverage.rejected_share(reading),
            "kl_uniform": coverage.kl_uniform(reading),
            **coverage.distances_to(reading, real, seed, size, parts),
            "nn_ratio": coverage.nearest_ratio(some, known, train),
        }

    ceilings = coverage.distances_to(read(judge, train), real, seed, size, parts)
    covered = coverage.covered_letters(reading)
    found: dict[str, Any] = {
        "n": len(images),
        "train_seconds": train_seconds,
        "judge_accuracy": float((real.letters == letters.validation.labels).mean()),
        **measured(images, reading, parts),
        **{f"{name}_ceiling": value for name, value in ceilings.items()},
        "compared": size,
        "parts": parts,
        "kl_floor": coverage.kl_floor(len(images)),
        "covered": covered,
        "missing": coverage.missing_letters(covered),
        "letters": coverage.letter_table(reading),
        "controls": {
            name: measured(control, read(judge, control))
            for name, control in controls(letters, len(validation), seed).items()
        },
    }
    if asked is not None:
        found["asked"] = float((reading.letters == asked).mean())
    return _rounded(found)


def controls(letters: Letters, count: int, seed: int) -> dict[str, np.ndarray]:
    """Return sets of images whose rank is known: what is real first, one letter and noise last.

    Args:
        letters: where real images come from.
        count: images of each but the validation images, which are all taken; one that there are fewer of occurs again.
        seed: of the draws.
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


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(entry) for name, entry in value.items()}
    return round(value, _DIGITS) if isinstance(value, float) else value
