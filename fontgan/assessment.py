"""What is said of a generator of letters: coverage.json, every figure beside its ceiling and four controls.

Keys of coverage.json:

- ``n``: images judged; ``train_seconds``: what training took; ``judge_accuracy``: of the reporting judge on validation
  images.
- ``strict_coverage``, ``naive_coverage``, ``rejected``, ``kl_uniform`` and its ``kl_floor``, ``covered``, ``missing``:
  see `fontgan.coverage`.
- ``letters``: for each the ``share`` of the images read as it, and the mean ``confidence`` then.
- ``frechet``, ``kid``, ``precision``, ``recall``, ``density``, ``coverage``: in the judge's features, to validation
  images; beside each the same with ``_ceiling``, of as many training images.
- ``nn_ratio``: how near images are to training images, in what validation images are; ``two_sample``: how often the
  nearest other image is of the same set.
- ``controls``: the same, without ceilings, for ``validation``, ``replay`` (training images), ``one_letter`` and
  ``noise``.
- for conditional models ``asked``: how often the letter read is the one that was asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fontgan import coverage
from fontgan.glyphs import LETTERS
from fontgan.judges import read

if TYPE_CHECKING:
    import keras

    from fontgan.fonts import Letters

CEILINGS = ("frechet", "kid", "precision", "recall", "density", "coverage")
ONE_LETTER = LETTERS.index("O")
_SAMPLED = 1000  # images whose nearest neighbours are looked for
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
    """Return what coverage.json says of images [n, 28, 28, 1].

    Args:
        images: generated ones.
        letters: what the generator learned from.
        judge: the reporting one.
        seed: of all random draws.
        train_seconds: what training took.
        asked: [n] letters that the images were to show, 0 to 25; None where none were asked for.
    """
    reading, real = read(judge, images), read(judge, letters.validation.images)
    measured = _measures(images, reading, real, letters, seed)
    replayed = coverage.distances_to(read(judge, letters.train.images), real, seed)
    found: dict[str, Any] = {
        "n": len(images),
        "train_seconds": train_seconds,
        "judge_accuracy": float((real.letters == letters.validation.labels).mean()),
        **measured,
        **{f"{name}_ceiling": replayed[name] for name in CEILINGS},
        "kl_floor": coverage.kl_floor(len(images)),
        "covered": coverage.covered_letters(reading),
        "missing": coverage.missing_letters(coverage.covered_letters(reading)),
        "letters": coverage.letter_table(reading),
        "controls": {
            name: _measures(control, read(judge, control), real, letters, seed)
            for name, control in controls(letters, len(letters.validation.images), seed).items()
        },
    }
    if asked is not None:
        found["asked"] = float((reading.letters == asked).mean())
    return _rounded(found)


def controls(letters: Letters, count: int, seed: int) -> dict[str, np.ndarray]:
    """Return sets of images whose rank is known: what is real first, one letter and noise last.

    Args:
        letters: where real images come from.
        count: images of each but the validation images, which are all taken.
        seed: of the draws.
    """
    rng = np.random.default_rng(seed)
    of_one = letters.train.images[letters.train.labels == ONE_LETTER]
    return {
        "validation": letters.validation.images,
        "replay": letters.train.images[rng.integers(len(letters.train.images), size=count)],
        "one_letter": of_one[rng.integers(len(of_one), size=count)],
        "noise": rng.uniform(-1, 1, (count, *letters.train.images.shape[1:])).astype(np.float32),
    }


def _measures(
    images: np.ndarray, reading: coverage.Reading, real: coverage.Reading, letters: Letters, seed: int
) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    some = images[rng.permutation(len(images))[:_SAMPLED]]
    size = min(_SAMPLED, len(reading.features), len(real.features))
    ours, theirs = (one.features[rng.permutation(len(one.features))[:size]] for one in (reading, real))
    return {
        "strict_coverage": coverage.strict_coverage(reading),
        "naive_coverage": coverage.naive_coverage(reading),
        "rejected": coverage.rejected_share(reading),
        "kl_uniform": coverage.kl_uniform(reading),
        **coverage.distances_to(reading, real, seed),
        "nn_ratio": coverage.nearest_ratio(some, letters.validation.images, letters.train.images),
        "two_sample": coverage.two_sample_accuracy(ours, theirs),
    }


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(entry) for name, entry in value.items()}
    return round(value, _DIGITS) if isinstance(value, float) else value
