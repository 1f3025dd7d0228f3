"""Which images a model draws for an alphabet in one style, and on the way from one style or letter to another.

A *code* is what a model draws an image of: a latent vector, followed by the letter or group that is asked for where
the model has any. A style is a code for each letter.

A model that was trained with labels is asked for every letter under one latent vector. One that was trained without
has to be searched: a classifier reads many of its images, and of those of each letter one is taken that looks like the
style of the others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from fontgan.data.glyphs import LETTERS
from fontgan.metrics.classifiers import read
from fontgan.metrics.coverage import CONFIDENT
from manymodes.cli import UserError

if TYPE_CHECKING:
    import keras

    from fontgan.models.gan import FontGAN

_SEARCHED = 2000  # images in which the letters of one style are looked for
_NEAREST = 2  # images of a letter that are near enough to a style, among which the one read best is taken
_STRIKING = np.array([3.0, 1.0, 1.0, 2.0])  # how much each of the `_looks` matters for what seems of one style


def style(model: FontGAN, seed: int) -> np.ndarray:
    """Return a labelled model's codes of A to Z in the style of a seed, [26, latent_dim + 26]."""
    latents = np.repeat(_latents(model, seed, 1), len(LETTERS), axis=0)
    return np.concatenate([latents, np.eye(len(LETTERS), dtype=np.float32)], axis=1)


def found_style(model: FontGAN, classifier: keras.Model, seed: int) -> np.ndarray:
    """Return any model's codes of A to Z in the style of a seed, [26, latent_dim + K], as a classifier finds them.

    Raises:
        UserError: a letter is never read with confidence.
    """
    kinds = max(model.condition_dim, 1)
    codes = np.repeat(_latents(model, seed, -(-_SEARCHED // kinds)), kinds, axis=0)
    if model.condition_dim:
        asked = np.tile(np.eye(kinds, dtype=np.float32), (len(codes) // kinds, 1))
        codes = np.concatenate([codes, asked], axis=1)
    images = draw(model, codes)
    reading = read(classifier, images[..., None])
    certain = reading.confidence >= CONFIDENT
    missing = [letter for number, letter in enumerate(LETTERS) if not (certain & (reading.letters == number)).any()]
    if missing:
        raise UserError(
            f"this model draws no {', '.join(missing)} that can be read in style {seed}: "
            "try another seed, train it longer, or use one trained with --conditional"
        )
    looks = np.zeros((len(images), 4))
    for number in range(len(LETTERS)):
        of_letter = certain & (reading.letters == number)
        measured = _looks(images[of_letter])
        looks[of_letter] = _STRIKING * (measured - measured.mean(axis=0)) / (measured.std(axis=0) + 1e-6)
    wanted = looks[np.random.default_rng(seed).choice(np.flatnonzero(certain))]
    chosen = []
    for number in range(len(LETTERS)):
        places = np.flatnonzero(certain & (reading.letters == number))
        distance = np.square(looks[places] - wanted).sum(axis=1)
        near = places[np.argsort(distance, kind="stable")[:_NEAREST]]
        chosen.append(near[reading.confidence[near].argmax()])
    return codes[chosen]


def between(first: np.ndarray, last: np.ndarray, steps: int, latent_dim: int) -> np.ndarray:
    """Return codes in even steps from one to another, both included: [steps, ..., D] for [..., D].

    Latent vectors are turned (Shoemake, 1985), what is asked for is mixed: in many dimensions all normal vectors are
    of nearly the same length, and a model has never seen the shorter ones that lie straight between two of them.
    """
    share = np.linspace(0, 1, steps, dtype=np.float32).reshape(-1, *[1] * first.ndim)
    begin, end = first[..., :latent_dim], last[..., :latent_dim]
    lengths = [np.linalg.norm(one, axis=-1, keepdims=True) for one in (begin, end)]
    cosine = (begin * end).sum(axis=-1, keepdims=True) / (lengths[0] * lengths[1])
    angle = np.arccos(np.clip(cosine, -1, 1))
    # Where there is nothing to turn, sines would be divided by 0.
    sine = np.sin(angle)
    still = sine < 1e-4  # noqa: PLR2004 - no more than single precision can tell
    weights = [np.where(still, part, np.sin(part * angle) / np.where(still, 1, sine)) for part in (1 - share, share)]
    latents = weights[0] * begin + weights[1] * end
    asked = (1 - share) * first[..., latent_dim:] + share * last[..., latent_dim:]
    return np.concatenate([latents, asked], axis=-1).astype(np.float32)


def draw(model: FontGAN, codes: np.ndarray) -> np.ndarray:
    """Return the images of codes [..., D], float32 [..., 28, 28] in [−1, 1].

    Raises:
        UserError: what the model draws are no numbers.
    """
    images = model.draw(tf.constant(codes.reshape(-1, codes.shape[-1])))[..., 0]
    if not np.isfinite(images).all():
        raise UserError("training of this model has diverged, it draws nothing: use another model")
    return images.reshape(*codes.shape[:-1], *images.shape[1:])


def _latents(model: FontGAN, seed: int, count: int) -> np.ndarray:
    return tf.random.stateless_normal([count, model.latent_dim], tf.constant([seed, 0], tf.int64)).numpy()


def _looks(images: np.ndarray) -> np.ndarray:
    """Return what differs from style to style in images [n, 28, 28]: weight, height, width and slant, [n, 4]."""
    ink = np.clip(images.astype(np.float64) + 1, 0, 2) / 2
    mass = ink.sum(axis=(1, 2)) + 1e-9
    edge = np.abs(np.diff(ink, axis=1)).sum(axis=(1, 2)) + np.abs(np.diff(ink, axis=2)).sum(axis=(1, 2)) + 1e-9
    places = np.arange(ink.shape[1])
    rows, columns = (ink.sum(axis=other) @ places / mass for other in (2, 1))
    down, across = places - rows[:, None], places - columns[:, None]
    height, width = ((ink.sum(axis=other) * offset**2).sum(axis=1) / mass for other, offset in ((2, down), (1, across)))
    slant = np.einsum("nij,ni,nj->n", ink, down, across) / mass / (height + 1e-9)
    return np.stack([mass / edge, np.sqrt(height), np.sqrt(width), slant], axis=1)
