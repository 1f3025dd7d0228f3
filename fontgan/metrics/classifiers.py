"""Two letter classifiers, trained apart: one chooses among epochs, the other reports.

A model that is chosen by a classifier is fitted to it, so another one must report.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, NamedTuple

import keras
import numpy as np
from keras import layers

from fontgan.data.glyphs import LETTERS, SIZE_PX
from fontgan.metrics.coverage import Reading, rejected_share
from manymodes.nn.classifiers import cached_model, fit_classifier
from manymodes.nn.randomness import make_deterministic

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fontgan.data.fonts import Letters

ACCURATE = 0.985
"""Share of the validation images that a reliable classifier reads correctly and with confidence."""


class Kind(NamedTuple):
    """The architecture and training of a classifier, by the name of its use.

    Channels are those of its convolutions, the width is that of its features. Training images are augmented by shifts,
    a turn, as a share of a full one, zoom and noise.
    """

    name: str
    channels: tuple[int, ...]
    width: int
    epochs: int
    shift_px: int
    turn: float
    zoom: float
    noise: float


KINDS = (
    Kind("selecting", (24, 48, 96), 96, 14, 2, 0.0, 0.1, 0.1),
    Kind("reporting", (32, 64, 96), 128, 16, 1, 0.03, 0.05, 0.2),
)


class Classifiers(NamedTuple):
    """Two classifiers of the same letters: the first chooses among epochs, the second measures what is reported.

    By their names, the shares of the validation images that each reads correctly, and with confidence, see
    `fontgan.metrics.coverage.CONFIDENT`.
    """

    selecting: keras.Model
    reporting: keras.Model
    accuracy: dict[str, float]
    confident: dict[str, float]

    def introduction(self) -> str:
        """Return the accuracy of both, for the terminal, with a note on each that is not reliable."""
        accuracy = ", ".join(f"{name} {share:.1%}" for name, share in self.accuracy.items())
        notes = [
            f"note: the {name} classifier reads fewer than {ACCURATE:.1%} of real letters {how}: "
            "its measures are less reliable; fonts with more distinct capitals would help"
            for how, shares in (("correctly", self.accuracy), ("with confidence", self.confident))
            for name, share in shares.items()
            if share < ACCURATE
        ]
        return "\n".join([f"classifiers: {accuracy} of real letters", *notes])


def build_classifier(kind: Kind, seed: int) -> keras.Model:
    """Return an untrained classifier: images [B, 28, 28, 1] → [features [B, width], probabilities [B, 26]]."""
    images = keras.Input((SIZE_PX, SIZE_PX, 1), name="images")
    shift = kind.shift_px / SIZE_PX
    outside = {"fill_mode": "constant", "fill_value": -1.0}
    x = layers.RandomTranslation(shift, shift, **outside, seed=seed)(images)
    x = layers.RandomZoom(kind.zoom, **outside, seed=seed + 1)(x)
    if kind.turn:
        x = layers.RandomRotation(kind.turn, **outside, seed=seed + 2)(x)
    x = layers.GaussianNoise(kind.noise, seed=seed + 3)(x)
    outputs = classified(x, kind.channels, kind.width, len(LETTERS), seed + 4)
    return keras.Model(images, outputs, name=f"classifier_{kind.name}")


def classified(x: Any, channels: Sequence[int], width: int, classes: int, seed: int) -> list[Any]:
    """Return features [B, width] and probabilities [B, classes] of images, which may have been augmented."""
    x = layers.Flatten()(convolved(x, channels))
    features = layers.Dense(width, activation="relu", name="features")(x)
    x = layers.Dropout(0.3, seed=seed)(features)
    return [features, layers.Dense(classes, activation="softmax", name="probabilities", dtype="float32")(x)]


def convolved(x: Any, channels: Sequence[int]) -> Any:
    """Convolve and halve images, once for each number of channels."""
    for filters in channels:
        # No batch normalisation: with statistics of shifted and noisy images a classifier is less sure of clean ones.
        x = layers.MaxPooling2D(2, padding="same")(layers.Conv2D(filters, 3, padding="same", activation="relu")(x))
    return x


def train_classifier(kind: Kind, letters: Letters, seed: int) -> keras.Model:
    """Train a classifier on the training images of a set of letters; the same seed gives the same classifier."""
    make_deterministic(seed)
    classifier = build_classifier(kind, seed)
    title = f"training the {kind.name} classifier"
    fit_probabilities(classifier, letters.train.images, letters.train.labels, epochs=kind.epochs, title=title)
    return classifier


def fit_probabilities(
    classifier: keras.Model, images: np.ndarray, labels: np.ndarray, *, epochs: int, title: str
) -> None:
    """Train a network whose outputs are those of `classified` on images and their labels [n]."""
    probabilities = classifier.output[1]
    fit_classifier(
        keras.Model(classifier.input, probabilities),
        images,
        np.eye(probabilities.shape[1], dtype=np.float32)[labels],
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=0.02),
        learning_rate=1e-3,
        batch_size=64,
        epochs=epochs,
        title=title,
    )


def read(classifier: keras.Model, images: np.ndarray) -> Reading:
    """Return what a classifier reads in images [n, 28, 28, 1]."""
    features, probabilities = classifier.predict(images, batch_size=512, verbose=0)
    return Reading(probabilities.argmax(axis=1), probabilities.max(axis=1), features)


def classifiers_of(letters: Letters, kinds: Sequence[Kind] = KINDS) -> Classifiers:
    """Return the classifiers of a set of letters; trained once for each set, then cached."""
    made = {}
    for seed, kind in enumerate(kinds, start=1):
        key = {"kind": kind, "letters": letters.fingerprint, "seed": seed}
        train = functools.partial(train_classifier, kind, letters, seed)
        made[kind.name] = cached_model(f"letter-classifier-{kind.name}", key, train)
    readings = {name: read(classifier, letters.validation.images) for name, classifier in made.items()}
    accuracy = {name: float((one.letters == letters.validation.labels).mean()) for name, one in readings.items()}
    confident = {name: 1 - rejected_share(one) for name, one in readings.items()}
    return Classifiers(**made, accuracy=accuracy, confident=confident)


@functools.lru_cache(maxsize=1)
def introduced_classifiers(letters: Letters) -> Classifiers:
    """Return `classifiers_of` a set of letters, and print their introduction once."""
    classifiers = classifiers_of(letters)
    print(classifiers.introduction())
    return classifiers
