"""Measures of generated typefaces: whether their characters are read, fit together, and complete faces never seen.

Judges are trained on families that no model of typefaces is trained on, and checked on others again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from scipy import ndimage

from fontgan.data.glyphs import SIZE_PX
from fontgan.data.typefaces import CHARACTERS, REACH_PX, as_floats
from fontgan.metrics.coverage import two_sample_accuracy
from fontgan.typeface.outlines import contours
from manymodes.nn.classifiers import cached_model, fit_classifier
from manymodes.nn.randomness import make_deterministic

if TYPE_CHECKING:
    from fontgan.data.typefaces import Typefaces
    from fontgan.models.typeface import TypefaceModel

JUDGED = CHARACTERS[:85]
"""The characters that a judge reads: all but the marks."""

COMPLETED_BY = "ABC"
FACES = 30
"""New faces that are measured."""

_COPIES = 4  # of each character that a judge learns from, each drawn otherwise
_PAIRS = 4000
_COMPARED = 1500  # characters of a side of the two-sample test
_EVERY, _TRACED = 8, 850  # real faces whose contours are counted, and characters that are traced
_EMBEDDING = 32
_UPDATES, _BATCH_FACES, _BATCH_CHARACTERS = 1500, 12, 6  # of the training of a verifier
_UPSAMPLING = 4


class Judge(NamedTuple):
    """Networks that read images of characters, and tell whether two are of one face.

    Attributes:
        reader: images [B, 28, 28, 1] → [features [B, 128], probabilities [B, 85]].
        verifier: images [B, 28, 28, 1] and characters [B, 85] → places [B, 32], near each other for one face.
        threshold: greatest distance of two characters that count as one face's.
    """

    reader: keras.Model
    verifier: keras.Model
    threshold: float


def as_images(fields: np.ndarray, *, side: int = SIZE_PX, thicker: Any = 0.0) -> np.ndarray:
    """Return fields [n, S, S] as grey images, [n, side, side] in [−1, 1]; ``thicker`` moves edges, in pixels."""
    fine = _UPSAMPLING * side / fields.shape[-1]
    zoomed = ndimage.zoom(fields.astype(np.float32), (1, fine, fine), order=1, mode="nearest", grid_mode=True)
    ink = np.clip(0.5 + (zoomed * REACH_PX + np.reshape(thicker, (-1, 1, 1))) * fine, 0, 1)
    parts = ink.reshape(len(ink), side, _UPSAMPLING, side, _UPSAMPLING).mean(axis=(2, 4))
    return (2 * parts - 1).astype(np.float32)


def judge_of(data: Typefaces, seed: int = 0) -> Judge:
    """Return the judge that learns from faces; trained once for each set, then cached."""
    reader = _cached("reader", data, seed, _train_reader)
    verifier = _cached("verifier", data, seed, _train_verifier)
    same, other = _distances(verifier, *_drawn(data), np.random.default_rng(seed))
    places = np.sort(np.concatenate([same, other]))
    errors = (
        np.searchsorted(np.sort(other), places) / len(other) + 1 - np.searchsorted(np.sort(same), places) / len(same)
    )
    return Judge(reader, verifier, float(places[errors.argmin()]))


def _cached(name: str, data: Typefaces, seed: int, train: Any) -> keras.Model:
    key = {"version": 2, "faces": data.fingerprint, "seed": seed}
    return cached_model(f"typeface-{name}", key, lambda: train(data, seed))


def _train_reader(data: Typefaces, seed: int) -> keras.Model:
    make_deterministic(seed)
    images = keras.Input((SIZE_PX, SIZE_PX, 1))
    outside = {"fill_mode": "constant", "fill_value": -1.0}
    x = layers.RandomTranslation(0.02, 0.02, **outside, seed=seed)(images)
    x = layers.RandomRotation(0.02, **outside, seed=seed + 1)(x)
    x = layers.GaussianNoise(0.1, seed=seed + 2)(x)
    for filters in (32, 64, 96):
        x = layers.MaxPooling2D(2, padding="same")(layers.Conv2D(filters, 3, padding="same", activation="relu")(x))
    features = layers.Dense(128, activation="relu", name="features")(layers.Flatten()(x))
    read = layers.Dense(len(JUDGED), activation="softmax", name="characters")(
        layers.Dropout(0.3, seed=seed + 3)(features)
    )
    reader = keras.Model(images, [features, read], name="reader")
    fields, _, characters = _drawn(data)
    thicker = np.random.default_rng(seed).uniform(-0.35, 0.5, (_COPIES, len(fields)))
    drawn = np.concatenate([as_images(fields, thicker=offsets) for offsets in thicker])[..., None]
    asked = np.tile(np.eye(len(JUDGED), dtype=np.float32)[characters], (_COPIES, 1))
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=0.02)
    fit_classifier(
        keras.Model(images, read), drawn, asked, loss=loss, learning_rate=1e-3, batch_size=64, epochs=5,
        title="training a judge of characters",
    )  # fmt: skip
    return reader


def _train_verifier(data: Typefaces, seed: int) -> keras.Model:
    """Train a network whose outputs for two characters are near each other if they are of one face.

    Distances of all pairs in a batch, of some faces and some characters of each, are read as odds (Hadsell et al.,
    2006, with a logistic loss).
    """
    make_deterministic(seed)
    images, asked = keras.Input((SIZE_PX, SIZE_PX, 1)), keras.Input((len(JUDGED),))
    x = images
    for filters in (24, 48, 64):
        x = layers.MaxPooling2D(2, padding="same")(layers.Conv2D(filters, 3, padding="same", activation="relu")(x))
    x = layers.Concatenate()([layers.Flatten()(x), layers.Dense(64)(asked)])
    places = layers.Dense(_EMBEDDING)(layers.Dense(192, activation="relu")(x))
    verifier = keras.Model([images, asked], places, name="verifier")
    fields, faces, characters = _drawn(data)
    drawn, rows = as_images(fields)[..., None], [np.flatnonzero(faces == face) for face in range(len(data.names))]
    rng, eye = np.random.default_rng(seed), np.eye(len(JUDGED), dtype=np.float32)
    trained = _Verifying(verifier)
    trained.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(1e-3, _UPDATES)))
    for _ in range(_UPDATES):
        chosen = rng.permutation(len(rows))[:_BATCH_FACES]
        batch = np.concatenate([rng.choice(rows[face], _BATCH_CHARACTERS, replace=False) for face in chosen])
        trained.train_on_batch([drawn[batch], eye[characters[batch]]], faces[batch])
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


def _drawn(data: Typefaces) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the judged characters of faces: fields float32 [n, S, S], numbers of faces and characters [n]."""
    faces, characters = np.nonzero(data.present[:, : len(JUDGED)])
    return as_floats(data.fields[faces, characters]), faces, characters


def _distances(
    verifier: keras.Model, fields: np.ndarray, faces: np.ndarray, characters: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return the distances of pairs of different characters, of one face and of two."""
    eye = np.eye(len(JUDGED), dtype=np.float32)
    places = verifier.predict([as_images(fields)[..., None], eye[characters]], batch_size=512, verbose=0)
    first, second = rng.integers(len(faces), size=(2, 40 * _PAIRS))
    distances = np.linalg.norm(places[first] - places[second], axis=1)
    different = characters[first] != characters[second]
    same = faces[first] == faces[second]
    return distances[different & same][:_PAIRS], distances[different & ~same][:_PAIRS]


def evaluate(
    model: TypefaceModel, training: Typefaces, held_out: Typefaces, judge: Judge, *, seed: int
) -> dict[str, Any]:
    """Return the measures of new faces beside those of real ones.

    - ``read``, ``read_real``: share of characters read as asked, of new faces and of held-out ones; ``unread``: the
      characters read least, with their shares, the first of which is ``read_least``.
    - ``two_sample``, ``two_sample_real``: share of characters whose nearest other, in the features of the judge, is of
      the same set: new faces against the training set, and held-out faces against it.
    - ``one_face``, ``one_face_real``, ``one_face_others``: share of pairs of characters that the verifier takes for one
      face's: of new faces, of held-out faces, and of two held-out faces.
    - ``completed``: for each held-out family, the overlap (IoU) of the other characters with the truth, of the face
      completed from A, B and C and of the nearest face of the training set by the same characters;
      ``completed_overlap``, ``nearest_overlap``: their means; ``completed_better``: in how many the first is greater.
    - ``clean``, ``clean_real``: share of characters with as many contours as most real ones have.
    """
    rng = np.random.default_rng(seed)
    fields = model.draw(model.new_styles(FACES, seed))[0][:, : len(JUDGED)]
    made = (
        fields.reshape(-1, *fields.shape[2:]),
        np.repeat(np.arange(FACES), len(JUDGED)),
        np.tile(np.arange(len(JUDGED)), FACES),
    )
    real, known = _drawn(held_out), _drawn(training)
    features, right = _read(judge, *made)
    real_features, real_right = _read(judge, *real)
    some = rng.choice(len(known[0]), min(_COMPARED, len(known[0])), replace=False)
    known_features, _ = _read(judge, *(part[some] for part in known))
    by_character = {JUDGED[one]: float(right[made[2] == one].mean()) for one in range(len(JUDGED))}
    same, _ = _distances(judge.verifier, *made, rng)
    real_same, real_other = _distances(judge.verifier, *real, rng)
    expected = _contours(training)
    completed = completions(model, training, held_out)
    overlaps = np.array([[one["completed"], one["nearest"]] for one in completed.values()])
    return {
        "read": float(right.mean()),
        "read_real": float(real_right.mean()),
        "read_least": min(by_character.values()),
        "unread": dict(sorted(by_character.items(), key=lambda item: item[1])[:8]),
        "two_sample": _told_apart(features, known_features, rng),
        "two_sample_real": _told_apart(real_features, known_features, rng),
        "one_face": float((same < judge.threshold).mean()),
        "one_face_real": float((real_same < judge.threshold).mean()),
        "one_face_others": float((real_other < judge.threshold).mean()),
        "completed": completed,
        "completed_overlap": float(overlaps[:, 0].mean()),
        "nearest_overlap": float(overlaps[:, 1].mean()),
        "completed_better": int((overlaps[:, 0] > overlaps[:, 1]).sum()),
        "clean": _clean(made[0], made[2], expected),
        "clean_real": _clean(real[0], real[2], expected),
    }


def _read(judge: Judge, fields: np.ndarray, _: np.ndarray, characters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    features, read = judge.reader.predict(as_images(fields)[..., None], batch_size=512, verbose=0)
    return features, read.argmax(axis=1) == characters


def _told_apart(ours: np.ndarray, theirs: np.ndarray, rng: np.random.Generator, size: int = _COMPARED) -> float:
    size = min(size, len(ours), len(theirs))
    return two_sample_accuracy(*(one[rng.choice(len(one), size, replace=False)] for one in (ours, theirs)))


def completions(model: TypefaceModel, training: Typefaces, held_out: Typefaces) -> dict[str, dict[str, Any]]:
    """Return for each held-out family, by its first upright face, the overlap of both ways to complete it."""
    keys = np.array([CHARACTERS.index(one) for one in COMPLETED_BY])
    found: dict[str, dict[str, Any]] = {}
    for family in dict.fromkeys(held_out.families):
        names = [name if held_out.families[row] == family else "" for row, name in enumerate(held_out.names)]
        row = next(
            (row for row, name in enumerate(names) if "Regular" in name and "Italic" not in name),
            names.index(next(filter(None, names))),
        )
        truth, present = held_out.fields[row], held_out.present[row].copy()
        present[keys] = present[len(JUDGED) :] = False
        style = model.style_of(keys, truth[keys], held_out.bearings[row][keys])
        completed = model.draw(style[None])[0][0]
        misfits = np.abs(training.fields[:, keys].astype(float) - truth[keys]).mean(axis=(1, 2, 3))
        nearest = int(misfits.argmin())
        both = present & training.present[nearest]
        found[held_out.names[row]] = {
            "completed": overlap(completed[both], truth[both]),
            "nearest": overlap(training.fields[nearest][both], truth[both]),
            "nearest_face": training.names[nearest],
        }
    return found


def overlap(fields: np.ndarray, others: np.ndarray) -> float:
    """Return the mean intersection over union of the ink of fields [n, S, S] and [n, S, S], enlarged four times."""
    ours, theirs = (
        as_images(one if one.dtype != np.int8 else as_floats(one), side=4 * fields.shape[-1]) > 0
        for one in (fields, others)
    )
    return float(((ours & theirs).sum(axis=(1, 2)) / (ours | theirs).sum(axis=(1, 2))).mean())


def _contours(data: Typefaces) -> list[set[int]]:
    """Return the numbers of contours that each judged character has in at least 5 % of faces."""
    usual = []
    for number in range(len(JUDGED)):
        fields = as_floats(data.fields[data.present[:, number], number])
        counts = np.bincount([len(contours(field)) for field in fields[::_EVERY]], minlength=1)
        usual.append({int(count) for count in np.flatnonzero(counts >= max(2, 0.05 * counts.sum()))})
    return usual


def _clean(fields: np.ndarray, characters: np.ndarray, usual: list[set[int]]) -> float:
    chosen = np.arange(0, len(fields), max(1, len(fields) // _TRACED))
    return float(np.mean([len(contours(fields[row])) in usual[characters[row]] for row in chosen]))
