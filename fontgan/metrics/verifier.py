"""A verifier of typefaces: it says whether two different characters, seen as images, are of one face.

A network places each character so that those of one face are near each other, trained on pairs of real faces (Hadsell
et al., 2006, with a logistic loss). Two characters nearer than a threshold count as one face's; the threshold is that
of the fewest errors on other real faces.

Pairs are drawn alike for real and for generated faces, see `draw_pairs`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from fontgan.data.glyphs import SIZE_PX
from fontgan.metrics.classifiers import convolved
from manymodes.nn.randomness import make_deterministic

PAIRS = 4000
"""Pairs of each sort that are measured."""

UPDATES = 1500

_EMBEDDING = 32
_BATCH_FACES, _BATCH_CHARACTERS = 12, 6


class Glyphs(NamedTuple):
    """Characters of faces.

    Attributes:
        images: float32 [n, 28, 28, 1] in [−1, 1].
        faces: [n] the number of the face of each.
        families: [n] the family of that face; a generated face is a family of its own.
        characters: [n] which character it is, below ``kinds``; no face has one twice.
        kinds: number of characters.
    """

    images: np.ndarray
    faces: np.ndarray
    families: np.ndarray
    characters: np.ndarray
    kinds: int

    def inputs(self, rows: Any = slice(None)) -> list[np.ndarray]:
        """Return the inputs of a verifier: images, and characters one-hot."""
        return [self.images[rows], np.eye(self.kinds, dtype=np.float32)[self.characters[rows]]]


def build_verifier(kinds: int) -> keras.Model:
    """Return an untrained verifier: images [B, 28, 28, 1], characters [B, kinds] → places [B, 32]."""
    images, asked = keras.Input((SIZE_PX, SIZE_PX, 1)), keras.Input((kinds,))
    x = layers.Concatenate()([layers.Flatten()(convolved(images, (24, 48, 64))), layers.Dense(64)(asked)])
    places = layers.Dense(_EMBEDDING)(layers.Dense(192, activation="relu")(x))
    return keras.Model([images, asked], places, name="verifier")


def train_verifier(glyphs: Glyphs, seed: int, *, updates: int = UPDATES) -> keras.Model:
    """Train a verifier on real faces; the same seed gives the same one.

    Each update sees all pairs of six characters of each of twelve faces; both sorts of pairs weigh the same.
    """
    make_deterministic(seed)
    verifier = build_verifier(glyphs.kinds)
    rows = [np.flatnonzero(glyphs.faces == face) for face in range(glyphs.faces.max() + 1)]
    rng = np.random.default_rng(seed)
    trained = _Verifying(verifier)
    trained.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(1e-3, updates)))
    for _ in range(updates):
        chosen = rng.permutation(len(rows))[:_BATCH_FACES]
        batch = np.concatenate([rng.choice(rows[face], _BATCH_CHARACTERS, replace=False) for face in chosen])
        trained.train_on_batch(glyphs.inputs(batch), glyphs.faces[batch])
    return verifier


class _Verifying(keras.Model):
    """The training of a verifier."""

    def __init__(self, verifier: keras.Model) -> None:
        super().__init__()
        self.verifier = verifier
        self.offset = self.add_weight(name="offset", shape=(), initializer="ones")

    def train_step(self, data: Any) -> dict[str, Any]:
        """Make one update by all pairs of a batch."""
        inputs, faces, _ = keras.utils.unpack_x_y_sample_weight(data)
        with tf.GradientTape() as tape:
            places = self.verifier(inputs, training=True)
            squares = tf.reduce_sum((places[:, None] - places[None]) ** 2, -1)
            distances = tf.sqrt(squares + 1e-6)
            same = tf.cast(faces[:, None] == faces[None], tf.float32)
            odds = self.offset - distances
            weights = same / tf.reduce_sum(same) + (1 - same) / tf.reduce_sum(1 - same)
            loss = tf.reduce_sum(weights * tf.nn.sigmoid_cross_entropy_with_logits(same, odds)) / 2
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply(gradients, self.trainable_variables)
        return {"loss": loss}


def draw_pairs(glyphs: Glyphs, seed: int, *, count: int = PAIRS) -> tuple[np.ndarray, np.ndarray]:
    """Draw pairs of different characters, [count, 2] rows each: of one face, and of two faces of different families.

    Faces are drawn evenly, then characters of them. Other weights of a face's own family are nearly the same face; as
    generated faces have no family, real ones are not compared with theirs.

    Raises:
        ValueError: fewer than two families, or a face with fewer than two characters.
    """
    faces, first = np.unique(glyphs.faces, return_index=True)
    rows = [np.flatnonzero(glyphs.faces == face) for face in faces]
    families = np.asarray(glyphs.families)[first]
    if len(set(families)) < 2 or min(map(len, rows)) < 2:  # noqa: PLR2004 - a pair
        raise ValueError("pairs need two families, and two characters of each face")
    rng = np.random.default_rng(seed)
    same = [rng.choice(rows[face], 2, replace=False) for face in rng.integers(len(faces), size=count)]
    other = []
    for face in rng.integers(len(faces), size=count):
        second = rng.choice(np.flatnonzero(families != families[face]))
        one = rng.choice(rows[face])
        different = rows[second][glyphs.characters[rows[second]] != glyphs.characters[one]]
        other.append((one, rng.choice(different)))
    return np.array(same), np.array(other)


def pair_distances(
    verifier: keras.Model, glyphs: Glyphs, seed: int, *, count: int = PAIRS
) -> tuple[np.ndarray, np.ndarray]:
    """Return the distances between the places of both sorts of pairs, see `draw_pairs`."""
    places = verifier.predict(glyphs.inputs(), batch_size=512, verbose=0)
    same, other = (places[pairs] for pairs in draw_pairs(glyphs, seed, count=count))
    return np.linalg.norm(same[:, 0] - same[:, 1], axis=1), np.linalg.norm(other[:, 0] - other[:, 1], axis=1)


def threshold_of(same: np.ndarray, other: np.ndarray) -> float:
    """Return the distance below which two characters count as one face's: that of the fewest errors, both sorts alike.

    It lies between two distances of the pairs, so that none is on the edge.
    """
    places = np.unique(np.concatenate([same, other]))
    edges = np.concatenate([places[:1] - 1, (places[1:] + places[:-1]) / 2, places[-1:] + 1])
    accepted = np.searchsorted(np.sort(same), edges) / len(same)
    wrong = np.searchsorted(np.sort(other), edges) / len(other)
    return float(edges[(accepted - wrong).argmax()])


class Verified(NamedTuple):
    """The shares of the pairs of one face, and of two faces, that a verifier takes for one face's."""

    accepted: float
    mistaken: float

    @property
    def accuracy(self) -> float:
        """Share of the pairs, half of each sort, of which it is right: 0.5 by guessing."""
        return (self.accepted + 1 - self.mistaken) / 2


def verify(verifier: keras.Model, threshold: float, glyphs: Glyphs, seed: int, *, count: int = PAIRS) -> Verified:
    """Return what a verifier with a threshold says of pairs of faces; the same seed draws the same pairs."""
    same, other = pair_distances(verifier, glyphs, seed, count=count)
    return Verified(float((same < threshold).mean()), float((other < threshold).mean()))
