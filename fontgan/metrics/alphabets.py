"""Alphabets, styles and interpolations of a model; a classifier finds the letters that cannot be asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from fontgan.data.glyphs import LETTERS
from fontgan.metrics.classifiers import read

if TYPE_CHECKING:
    import keras

    from fontgan.metrics.coverage import Reading
    from fontgan.models.gan import FontGAN

STYLES = 8
_DRAWN = 1500  # images among which the letters of an unlabelled model are looked for
_STEPS = 12
_SEED = 7


def alphabets(model: FontGAN, classifier: keras.Model, rows: int = STYLES) -> np.ndarray:
    """Return images [rows, 26, 28, 28, 1] of every letter, each of a latent vector of its own.

    A labelled model draws them as asked. Of another one those images are taken that the classifier reads with the
    greatest confidence among 1500; a letter that does not occur so often leaves places empty.
    """
    if model.labelled:
        asked = np.tile(np.arange(len(LETTERS)), rows)
        images = model.generate(len(asked), seed=_SEED, kinds=asked)
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
    """Return the alphabet of a labelled model in several styles, [styles, 26, 28, 28, 1]: a latent vector a row."""
    latents = tf.random.stateless_normal([styles, model.latent_dim], [_SEED, 0])
    rows = tf.repeat(latents, len(LETTERS), axis=0)
    asked = tf.one_hot(np.tile(np.arange(len(LETTERS)), styles), len(LETTERS))
    images = model.draw(tf.concat([rows, asked], axis=-1))
    return images.reshape(styles, len(LETTERS), *images.shape[1:])


def interpolations(model: FontGAN, classifier: keras.Model, rows: int = 4) -> tuple[np.ndarray, str]:
    """Return images [rows, steps, 28, 28, 1] from A to Z in even steps between two latent vectors, and ``AZ``.

    A labelled model is asked for both letters in one style, another one each row. Of another model's latent vectors
    those are taken whose images the classifier reads as A and as Z with the greatest confidence among 1500; where they
    do not occur, as the first and the last letter that do.
    """
    if model.labelled:
        first, last = 0, len(LETTERS) - 1
        style = tf.random.stateless_normal([rows, model.latent_dim], [_SEED, 1])
        begin, end = (tf.concat([style, tf.one_hot([one] * rows, len(LETTERS))], axis=-1) for one in (first, last))
    else:
        latents = _latents(model)
        reading = read(classifier, model.draw(latents))
        first, last = int(reading.letters.min()), int(reading.letters.max())
        begin, end = (tf.gather(latents, np.resize(_read_best(reading, one), rows)) for one in (first, last))
    share = np.linspace(0, 1, _STEPS, dtype=np.float32)[None, :, None]
    latents = (1 - share) * begin[:, None] + share * end[:, None]
    images = model.draw(tf.reshape(latents, [rows * _STEPS, -1]))
    return images.reshape(rows, _STEPS, *images.shape[1:]), LETTERS[first] + LETTERS[last]


def _latents(model: FontGAN) -> tf.Tensor:
    """Return latents [_DRAWN, latent_dim + K], with kinds as often as `FontGAN.generate` draws them."""
    latents = tf.random.stateless_normal([_DRAWN, model.latent_dim], [_SEED, 1])
    if not model.condition_dim:
        return latents
    kinds = np.random.default_rng(_SEED).choice(model.condition_dim, _DRAWN, p=model.shares)
    return tf.concat([latents, tf.one_hot(kinds, model.condition_dim)], axis=-1)


def _read_best(reading: Reading, letter: int) -> np.ndarray:
    """Return which images are read as a letter, those read with the greatest confidence first."""
    places = np.flatnonzero(reading.letters == letter)
    return places[np.argsort(-reading.confidence[places], kind="stable")]
