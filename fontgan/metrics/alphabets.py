"""Alphabets, styles and interpolations of a model; a classifier finds the letters of a model without labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fontgan.data.glyphs import LETTERS
from fontgan.metrics.classifiers import read

if TYPE_CHECKING:
    import keras

    from fontgan.metrics.coverage import Reading
    from fontgan.models.gan import FontGAN

STYLES = 8
_DRAWN = 1500  # images of an unlabelled model in which letters are searched
_STEPS = 12
_SEED = 7


def alphabets(model: FontGAN, classifier: keras.Model, rows: int = STYLES) -> np.ndarray:
    """Return images [rows, 26, 28, 28, 1] of every letter, each of a latent vector of its own.

    Those of an unlabelled model are the images among 1500 that the classifier reads with the greatest confidence;
    places of a letter that does not occur so often stay empty.
    """
    if model.labelled:
        images = model.generate(rows * len(LETTERS), seed=_SEED, kinds=np.tile(np.arange(len(LETTERS)), rows))
        return images.reshape(rows, len(LETTERS), *images.shape[1:])
    images = model.generate(_DRAWN, seed=_SEED)
    return best_of_each(images, read(classifier, images), rows)


def best_of_each(images: np.ndarray, reading: Reading, rows: int) -> np.ndarray:
    """Return the images [rows, 26, 28, 28, 1] of each letter that are read best, empty where there are fewer."""
    sheet = np.full((rows, len(LETTERS), *images.shape[1:]), -1, np.float32)
    for letter in range(len(LETTERS)):
        best = _read_best(reading, letter)[:rows]
        sheet[: len(best), letter] = images[best]
    return sheet


def alphabets_of_styles(model: FontGAN, styles: int = STYLES) -> np.ndarray:
    """Return the alphabets of a labelled model, [styles, 26, 28, 28, 1], each of one latent vector."""
    letters = range(len(LETTERS))
    return np.stack([model.generate(styles, seed=_SEED, kinds=[letter] * styles) for letter in letters], axis=1)


def interpolations(model: FontGAN, classifier: keras.Model, rows: int = 4) -> tuple[np.ndarray, str]:
    """Return images [rows, steps, 28, 28, 1] from A to Z in even steps between two latent vectors, and ``AZ``.

    Each row of a labelled model has one style. Those of an unlabelled one go from the image that the classifier reads
    as A with the greatest confidence among 1500 to that read as Z, or from the first letter read to the last one.
    """
    if model.labelled:
        first, last = 0, len(LETTERS) - 1
        begin, end = (model.codes(rows, _SEED, kinds=[letter] * rows, stream=1) for letter in (first, last))
    else:
        codes = np.asarray(model.codes(_DRAWN, _SEED, stream=1))
        reading = read(classifier, model.draw(codes))
        first, last = int(reading.letters.min()), int(reading.letters.max())
        begin, end = (codes[np.resize(_read_best(reading, letter), rows)] for letter in (first, last))
    codes = np.linspace(begin, end, _STEPS, axis=1, dtype=np.float32)
    images = model.draw(codes.reshape(rows * _STEPS, -1))
    return images.reshape(rows, _STEPS, *images.shape[1:]), LETTERS[first] + LETTERS[last]


def _read_best(reading: Reading, letter: int) -> np.ndarray:
    """Return the numbers of the images that are read as a letter, those with the greatest confidence first."""
    places = np.flatnonzero(reading.letters == letter)
    return places[np.argsort(-reading.confidence[places], kind="stable")]
