"""The images of an alphabet in one style, and of the way from one style or letter to another.

A *code* is the input of a generator: a latent vector, followed by the letter or group that is asked for where the
model has any. A style is a code for each letter: the codes of a labelled model share their latent vector; those of
another model are searched with a classifier, and taken from images that look alike in weight, size and slant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fontgan.data.glyphs import LETTERS
from manymodes.cli import UserError

if TYPE_CHECKING:
    import keras

    from fontgan.models.gan import FontGAN

_SEARCHED = 2000  # images in which the letters of one style are searched
_NEAREST = 2  # images of a letter that are nearest to a style, of which the one read best is chosen
_WEIGHTS = np.array([3.0, 1.0, 1.0, 2.0])  # of the `_looks`, by how much they matter for a style


def style(model: FontGAN, seed: int) -> np.ndarray:
    """Return a labelled model's codes of A to Z in the style of a seed, [26, latent_dim + 26]."""
    return _of_each_kind(model.latents(1, seed), len(LETTERS))


def found_style(model: FontGAN, classifier: keras.Model, seed: int) -> np.ndarray:
    """Return any model's codes of A to Z in the style of a seed, [26, latent_dim + K], as a classifier finds them.

    A letter that is never read with confidence raises a UserError.
    """
    from fontgan.metrics.classifiers import read
    from fontgan.metrics.coverage import CONFIDENT

    codes = _of_each_kind(model.latents(-(-_SEARCHED // max(model.condition_dim, 1)), seed), model.condition_dim)
    images = draw(model, codes)
    reading = read(classifier, images[..., None])
    certain = reading.confidence >= CONFIDENT
    places = [np.flatnonzero(certain & (reading.letters == number)) for number in range(len(LETTERS))]
    if missing := [letter for letter, found in zip(LETTERS, places, strict=True) if not len(found)]:
        raise UserError(
            f"this model draws no {', '.join(missing)} that can be read in style {seed}: "
            "try another seed, train it longer, or use one trained with --conditional"
        )
    looks = np.zeros((len(images), 4))
    for of_letter in places:
        measured = _looks(images[of_letter])
        looks[of_letter] = _WEIGHTS * (measured - measured.mean(axis=0)) / (measured.std(axis=0) + 1e-6)
    wanted = looks[np.random.default_rng(seed).choice(np.flatnonzero(certain))]
    chosen = []
    for of_letter in places:
        distance = np.square(looks[of_letter] - wanted).sum(axis=1)
        near = of_letter[np.argsort(distance, kind="stable")[:_NEAREST]]
        chosen.append(near[reading.confidence[near].argmax()])
    return codes[chosen]


def between(first: np.ndarray, last: np.ndarray, steps: int, latent_dim: int) -> np.ndarray:
    """Return codes in even steps from one to another, both included: [steps, ..., D] for [..., D].

    Latent vectors are turned (Shoemake, 1985): nearly all normal vectors of many dimensions have the same length, and
    the model has never seen the shorter ones on a straight way. Letters and groups are mixed.
    """
    share = np.linspace(0, 1, steps, dtype=np.float32).reshape(-1, *[1] * first.ndim)
    begin, end = first[..., :latent_dim], last[..., :latent_dim]
    lengths = [np.linalg.norm(one, axis=-1, keepdims=True) for one in (begin, end)]
    cosine = (begin * end).sum(axis=-1, keepdims=True) / (lengths[0] * lengths[1])
    angle = np.arccos(np.clip(cosine, -1, 1))
    sine = np.sin(angle)
    still = sine < 1e-4  # noqa: PLR2004 - parallel in single precision: nothing to turn
    weights = [np.where(still, part, np.sin(part * angle) / np.where(still, 1, sine)) for part in (1 - share, share)]
    latents = weights[0] * begin + weights[1] * end
    asked = (1 - share) * first[..., latent_dim:] + share * last[..., latent_dim:]
    return np.concatenate([latents, asked], axis=-1).astype(np.float32)


def draw(model: FontGAN, codes: np.ndarray) -> np.ndarray:
    """Return the images of codes [..., D], float32 [..., 28, 28] in [−1, 1]; raise a UserError if they are NaN."""
    images = model.draw(codes.reshape(-1, codes.shape[-1]))[..., 0]
    if not np.isfinite(images).all():
        raise UserError("training of this model has diverged, it draws nothing: use another model")
    return images.reshape(*codes.shape[:-1], *images.shape[1:])


def _of_each_kind(latents: np.ndarray, kinds: int) -> np.ndarray:
    """Return the codes of latent vectors [n, D] with each of the kinds, [n · kinds, D + kinds]; themselves without."""
    asked = np.eye(max(kinds, 1), kinds, dtype=np.float32)
    return np.concatenate([np.repeat(latents, len(asked), axis=0), np.tile(asked, (len(latents), 1))], axis=1)


def _looks(images: np.ndarray) -> np.ndarray:
    """Return weight, height, width and slant of images [n, 28, 28], [n, 4]."""
    ink = np.clip(images.astype(np.float64) + 1, 0, 2) / 2
    mass = ink.sum(axis=(1, 2)) + 1e-9
    edge = np.abs(np.diff(ink, axis=1)).sum(axis=(1, 2)) + np.abs(np.diff(ink, axis=2)).sum(axis=(1, 2)) + 1e-9
    places = np.arange(ink.shape[1])
    rows, columns = (ink.sum(axis=other) @ places / mass for other in (2, 1))
    down, across = places - rows[:, None], places - columns[:, None]
    height, width = ((ink.sum(axis=other) * offset**2).sum(axis=1) / mass for other, offset in ((2, down), (1, across)))
    slant = np.einsum("nij,ni,nj->n", ink, down, across) / mass / (height + 1e-9)
    return np.stack([mass / edge, np.sqrt(height), np.sqrt(width), slant], axis=1)
