"""Two letter classifiers, trained apart: one chooses among epochs, the other reports.

A model that is chosen because a classifier likes it has been fitted to that classifier; what is reported must come
from another one.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from typing import TYPE_CHECKING, Any, NamedTuple

import keras
import numpy as np
from keras import layers
from tqdm import tqdm

from fontgan.data.glyphs import LETTERS, SIZE_PX
from fontgan.metrics.coverage import Reading, rejected_share
from manymodes.files import cache_folder, save_keras
from manymodes.nn.randomness import make_deterministic

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fontgan.data.fonts import Letters

ACCURATE = 0.985
"""Share of the validation images that a judge must read rightly and with confidence, for its figures to be trusted."""

_BATCH = 64
_LEARNING_RATE = 1e-3


class Kind(NamedTuple):
    """How a judge is made.

    Attributes:
        name: what it is for.
        channels: of its convolutions.
        width: of its features.
        epochs: of its training.
        shift_px, turn, zoom, noise: how its training images are changed; turn and zoom as shares of a full one.
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


class Judges(NamedTuple):
    """Two judges of the same letters.

    Attributes:
        selecting: chooses among epochs.
        reporting: says what is reported.
        accuracy: share of the validation images that each reads rightly, by the names above.
        confident: share of them that each reads with confidence, see `fontgan.metrics.coverage.CONFIDENT`.
    """

    selecting: keras.Model
    reporting: keras.Model
    accuracy: dict[str, float]
    confident: dict[str, float]

    def introduction(self) -> str:
        """Say how well they read, for the terminal, and what that means where it is not well."""
        lines = ["judges: " + ", ".join(f"{name} {share:.1%}" for name, share in self.accuracy.items())]
        lines[0] += " of real letters"
        lines += [
            f"note: the {name} judge reads fewer than {ACCURATE:.1%} of real letters {how}: "
            "read its figures with that in mind, or give fonts whose capitals are easier to tell apart"
            for how, shares in (("rightly", self.accuracy), ("with confidence", self.confident))
            for name, share in shares.items()
            if share < ACCURATE
        ]
        return "\n".join(lines)


def build_judge(kind: Kind, seed: int) -> keras.Model:
    """Return an untrained judge: images [B, 28, 28, 1] → [features [B, width], probabilities [B, 26]]."""
    images = keras.Input((SIZE_PX, SIZE_PX, 1), name="images")
    shift = kind.shift_px / SIZE_PX
    outside = {"fill_mode": "constant", "fill_value": -1.0}
    x = layers.RandomTranslation(shift, shift, **outside, seed=seed)(images)
    x = layers.RandomZoom(kind.zoom, **outside, seed=seed + 1)(x)
    if kind.turn:
        x = layers.RandomRotation(kind.turn, **outside, seed=seed + 2)(x)
    x = layers.GaussianNoise(kind.noise, seed=seed + 3)(x)
    for filters in kind.channels:
        # Not normalised over the batch: statistics of shifted and noisy images make a judge doubt clean ones.
        x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
        x = layers.MaxPooling2D(2, padding="same")(x)
    x = layers.Flatten()(x)
    features = layers.Dense(kind.width, activation="relu", name="features")(x)
    x = layers.Dropout(0.3, seed=seed + 4)(features)
    letters = layers.Dense(len(LETTERS), activation="softmax", name="letters", dtype="float32")(x)
    return keras.Model(images, [features, letters], name=f"judge_{kind.name}")


def train_judge(kind: Kind, letters: Letters, seed: int) -> keras.Model:
    """Train a judge on the training images of a set of letters; the same seed gives the same judge."""
    make_deterministic(seed)
    judge = build_judge(kind, seed)
    classifier = keras.Model(judge.input, judge.output[1])
    steps = kind.epochs * -(-len(letters.train.images) // _BATCH)
    rate = keras.optimizers.schedules.CosineDecay(_LEARNING_RATE, steps)
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=0.02)
    classifier.compile(keras.optimizers.Adam(rate), loss)
    targets = np.eye(len(LETTERS), dtype=np.float32)[letters.train.labels]
    title = f"training the {kind.name} judge"
    with tqdm(desc=title, total=kind.epochs, unit="epoch", leave=False, disable=None) as bar:
        progress = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: bar.update())
        classifier.fit(
            letters.train.images, targets, batch_size=_BATCH, epochs=kind.epochs, callbacks=[progress], verbose=0
        )
    return judge


def read(judge: keras.Model, images: np.ndarray) -> Reading:
    """Have images [n, 28, 28, 1] read."""
    features, probabilities = judge.predict(images, batch_size=512, verbose=0)
    return Reading(probabilities.argmax(axis=1), probabilities.max(axis=1), features)


def judges_of(letters: Letters, kinds: Sequence[Kind] = KINDS) -> Judges:
    """Return the judges of a set of letters; trained once for each set, then kept in the user's cache."""
    made = {kind.name: _kept(kind, letters, seed) for seed, kind in enumerate(kinds, start=1)}
    readings = {name: read(judge, letters.validation.images) for name, judge in made.items()}
    accuracy = {name: float((said.letters == letters.validation.labels).mean()) for name, said in readings.items()}
    confident = {name: 1 - rejected_share(said) for name, said in readings.items()}
    return Judges(made["selecting"], made["reporting"], accuracy, confident)


def _kept(kind: Kind, letters: Letters, seed: int) -> keras.Model:
    place = _place(kind, letters, seed)
    try:
        return keras.models.load_model(place)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):  # there is none, or a damaged one
        judge = train_judge(kind, letters, seed)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        save_keras(judge, place)
    except OSError as error:
        print(f"note: the {kind.name} judge cannot be kept in {place.parent}: {error}")
    return judge


def _place(kind: Kind, letters: Letters, seed: int) -> Path:
    made_of: dict[str, Any] = {"kind": kind, "letters": letters.fingerprint, "seed": seed, "keras": keras.__version__}
    name = hashlib.sha256(json.dumps(made_of).encode()).hexdigest()
    return cache_folder() / f"judge-{kind.name}-{name}.keras"
