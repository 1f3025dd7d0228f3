"""Measures of generated typefaces: whether their characters are read, fit together, and complete faces never seen.

Judges are trained on families that no model of typefaces is trained on, and checked on others again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import layers
from scipy import ndimage

from fontgan.data.glyphs import SIZE_PX
from fontgan.data.typefaces import CHARACTERS, REACH_PX, as_floats
from fontgan.metrics.classifiers import classified, fit_probabilities
from fontgan.metrics.coverage import two_sample_accuracy
from fontgan.metrics.verifier import Glyphs, pair_distances, threshold_of, train_verifier, verify
from fontgan.typeface.outlines import contours
from manymodes.nn.classifiers import cached_model
from manymodes.nn.randomness import make_deterministic

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fontgan.data.typefaces import Typefaces
    from fontgan.models.typeface import TypefaceModel

JUDGED = CHARACTERS[:85]
"""The characters that a judge reads: all but the marks."""

COMPLETED_BY = "ABC"
FACES = 30
"""New faces that are measured."""

_SEED = 0  # of a judge
_COPIES = 4  # of each character that a judge learns from, each drawn otherwise
_COMPARED = 1500  # characters of a side of the two-sample test
_EVERY, _TRACED = 8, 850  # real faces whose contours are counted, and characters that are traced
_UPSAMPLING = 4


def as_images(fields: np.ndarray, *, side: int = SIZE_PX, thicker: Any = 0.0) -> np.ndarray:
    """Return fields [n, S, S] as grey images, [n, side, side] in [−1, 1]; ``thicker`` moves edges, in pixels."""
    fine = _UPSAMPLING * side / fields.shape[-1]
    zoomed = ndimage.zoom(fields.astype(np.float32), (1, fine, fine), order=1, mode="nearest", grid_mode=True)
    ink = np.clip(0.5 + (zoomed * REACH_PX + np.reshape(thicker, (-1, 1, 1))) * fine, 0, 1)
    parts = ink.reshape(len(ink), side, _UPSAMPLING, side, _UPSAMPLING).mean(axis=(2, 4))
    return (2 * parts - 1).astype(np.float32)


def _train_reader(data: Typefaces) -> keras.Model:
    make_deterministic(_SEED)
    images = keras.Input((SIZE_PX, SIZE_PX, 1))
    outside = {"fill_mode": "constant", "fill_value": -1.0}
    x = layers.RandomTranslation(0.02, 0.02, **outside, seed=_SEED)(images)
    x = layers.RandomRotation(0.02, **outside, seed=_SEED + 1)(x)
    x = layers.GaussianNoise(0.1, seed=_SEED + 2)(x)
    # images [B, 28, 28, 1] → [features [B, 128], probabilities [B, 85]]
    reader = keras.Model(images, classified(x, (32, 64, 96), 128, len(JUDGED), _SEED + 3), name="reader")
    fields, _, characters = _drawn(data)
    thicker = np.random.default_rng(_SEED).uniform(-0.35, 0.5, (_COPIES, len(fields)))
    drawn = np.concatenate([as_images(fields, thicker=offsets) for offsets in thicker])[..., None]
    fit_probabilities(reader, drawn, np.tile(characters, _COPIES), epochs=5, title="training a judge of characters")
    return reader


def _drawn(data: Typefaces) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the judged characters of faces: fields float32 [n, S, S], numbers of faces and characters [n]."""
    faces, characters = np.nonzero(data.present[:, : len(JUDGED)])
    return as_floats(data.fields[faces, characters]), faces, characters


def _glyphs(drawn: tuple[np.ndarray, np.ndarray, np.ndarray], families: Sequence[Any]) -> Glyphs:
    """Return characters as a judge sees them, given fields, faces and characters, and the family of each face."""
    fields, faces, characters = drawn
    return Glyphs(as_images(fields)[..., None], faces, np.array(families)[faces], characters, len(JUDGED))


def evaluate(
    model: TypefaceModel, training: Typefaces, judging: Typefaces, held_out: Typefaces, *, seed: int
) -> dict[str, Any]:
    """Return the measures of new faces beside those of real ones, by judges that are trained once, then cached.

    - ``read``, ``read_real``: share of characters read as asked, of new faces and of held-out ones; ``unread``: the
      characters read least, with their shares, the first of which is ``read_least``.
    - ``two_sample``, ``two_sample_real``: share of characters whose nearest other, in the features of the judge, is of
      the same set: new faces against the training set, and held-out faces against it.
    - ``verified``, ``verified_real``: share of pairs of different characters of which the verifier is right, half of
      them of one face and half of two, see `fontgan.metrics.verifier`: of new faces and of held-out ones;
      ``verified_ratio``: the first by the second; ``verified_known``: of the training set, which chose its threshold.
    - ``one_face``, ``one_face_real``: share of the pairs of one face that it takes for one face's; ``two_faces``,
      ``two_faces_real``: of the pairs of two.
    - ``completed``: for each held-out family, the overlap (IoU) of the other characters with the truth, of the face
      completed from A, B and C and of the nearest face of the training set by the same characters;
      ``completed_overlap``, ``nearest_overlap``: their means; ``completed_better``: in how many the first is greater.
    - ``clean``, ``clean_real``: share of characters with as many contours as most real ones have.
    """
    key = {"version": 2, "faces": judging.fingerprint, "seed": _SEED}
    reader = cached_model("typeface-reader", key, lambda: _train_reader(judging))
    verifier = cached_model(
        "typeface-verifier", key, lambda: train_verifier(_glyphs(_drawn(judging), judging.families), _SEED)
    )
    rng = np.random.default_rng(seed)
    fields = model.draw(model.new_styles(FACES, seed))[0][:, : len(JUDGED)]
    faces, characters = (numbers.ravel() for numbers in np.indices(fields.shape[:2]))
    made = fields.reshape(-1, *fields.shape[2:]), faces, characters
    real, known = _drawn(held_out), _drawn(training)
    new, unseen = _glyphs(made, range(FACES)), _glyphs(real, held_out.families)
    learned = _glyphs(known, training.families)
    some = rng.choice(len(learned.images), min(_COMPARED, len(learned.images)), replace=False)
    (features, right), (real_features, real_right) = _read(reader, new), _read(reader, unseen)
    known_features, _ = _read(reader, learned, some)
    by_character = dict(zip(JUDGED, right.reshape(FACES, -1).mean(axis=0).tolist(), strict=True))
    threshold = threshold_of(*pair_distances(verifier, learned, seed))
    ours, theirs, its_own = (verify(verifier, threshold, glyphs, seed + 1) for glyphs in (new, unseen, learned))
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
        "verified": ours.accuracy,
        "verified_real": theirs.accuracy,
        "verified_ratio": ours.accuracy / theirs.accuracy,
        "verified_known": its_own.accuracy,
        "one_face": ours.accepted,
        "one_face_real": theirs.accepted,
        "two_faces": ours.mistaken,
        "two_faces_real": theirs.mistaken,
        "completed": completed,
        "completed_overlap": float(overlaps[:, 0].mean()),
        "nearest_overlap": float(overlaps[:, 1].mean()),
        "completed_better": int((overlaps[:, 0] > overlaps[:, 1]).sum()),
        "clean": _clean(made, expected),
        "clean_real": _clean(real, expected),
    }


def _read(reader: keras.Model, glyphs: Glyphs, rows: Any = slice(None)) -> tuple[np.ndarray, np.ndarray]:
    """Return the features of characters, and which are read as what they are."""
    features, read = reader.predict(glyphs.images[rows], batch_size=512, verbose=0)
    return features, read.argmax(axis=1) == glyphs.characters[rows]


def _told_apart(ours: np.ndarray, theirs: np.ndarray, rng: np.random.Generator) -> float:
    size = min(_COMPARED, len(ours), len(theirs))
    return two_sample_accuracy(*(one[rng.choice(len(one), size, replace=False)] for one in (ours, theirs)))


def completions(model: TypefaceModel, training: Typefaces, held_out: Typefaces) -> dict[str, dict[str, Any]]:
    """Return for each held-out family, by its first upright face, the overlap of both ways to complete it."""
    keys = np.array([CHARACTERS.index(one) for one in COMPLETED_BY])
    found: dict[str, dict[str, Any]] = {}
    for family in dict.fromkeys(held_out.families):
        rows = [row for row, one in enumerate(held_out.families) if one == family]
        row = min(rows, key=lambda row: "Regular" not in held_out.names[row] or "Italic" in held_out.names[row])
        truth, present = held_out.fields[row], held_out.present[row].copy()
        present[keys] = present[len(JUDGED) :] = False
        style = model.style_of(keys, truth[keys], held_out.bearings[row][keys])
        completed = model.draw(style[None])[0][0]
        misfits = np.abs(training.fields[:, keys].astype(float) - truth[keys]).mean(axis=(1, 2, 3))
        nearest = int(misfits.argmin())
        both = present & training.present[nearest]
        others = as_floats(truth[both])
        found[held_out.names[row]] = {
            "completed": overlap(completed[both], others),
            "nearest": overlap(as_floats(training.fields[nearest][both]), others),
            "nearest_face": training.names[nearest],
        }
    return found


def overlap(fields: np.ndarray, others: np.ndarray) -> float:
    """Return the mean intersection over union of the ink of fields [n, S, S] and [n, S, S], enlarged four times."""
    ours, theirs = (as_images(one, side=4 * fields.shape[-1]) > 0 for one in (fields, others))
    return float(((ours & theirs).sum(axis=(1, 2)) / (ours | theirs).sum(axis=(1, 2))).mean())


def _contours(data: Typefaces) -> list[set[int]]:
    """Return the numbers of contours that each judged character has in at least 5 % of faces."""
    usual = []
    for number in range(len(JUDGED)):
        fields = as_floats(data.fields[data.present[:, number], number])
        counts = np.bincount([len(contours(field)) for field in fields[::_EVERY]], minlength=1)
        usual.append({int(count) for count in np.flatnonzero(counts >= max(2, 0.05 * counts.sum()))})
    return usual


def _clean(drawn: tuple[np.ndarray, np.ndarray, np.ndarray], usual: list[set[int]]) -> float:
    fields, _, characters = drawn
    chosen = np.arange(0, len(fields), max(1, len(fields) // _TRACED))
    return float(np.mean([len(contours(fields[row])) in usual[characters[row]] for row in chosen]))
