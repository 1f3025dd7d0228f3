"""Train a model of whole typefaces, and measure it: what its command and comparisons share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from fontgan.data.typefaces import CHARACTERS, HELD_OUT, JUDGING, as_floats, load_typefaces
from fontgan.models.typeface import TypefaceModel, build_drawer, build_spacer
from manymodes.cli import UserError
from manymodes.experiment.fit import Training
from manymodes.nn.randomness import RandomBatches

if TYPE_CHECKING:
    from pathlib import Path

    from fontgan.config import TypefaceConfig
    from fontgan.data.typefaces import Typefaces

_KEPT_BACK = 0.03  # of the characters of the faces, to measure how well the others predict them
_COARSE = 4  # pixels that are one for the principal components


def prepare(config: TypefaceConfig, data: Typefaces, done: int, checkpoint: Path | None) -> Training:
    """Build the model of a configuration, or load it from a checkpoint, as `manymodes.experiment.fit.Prepare`."""
    faces, characters = (numbers.astype(np.int32) for numbers in np.nonzero(data.present))
    kept_back = np.random.default_rng(config.seed).random(len(faces)) < _KEPT_BACK
    if checkpoint is None:
        model = _compiled(config, data, kept_back)
    else:
        model = keras.models.load_model(checkpoint / "model.keras")
        model.optimizer.learning_rate = _decaying(config)
    parts = faces, characters, data.fields[faces, characters], data.bearings[faces, characters]
    trained, missing = (tuple(part[rows] for part in parts) for rows in (~kept_back, kept_back))
    batches = RandomBatches((trained,), config.batch_size, config.updates_per_epoch, seed=config.seed, first_epoch=done)

    def measure(*_: Any) -> dict[str, float]:
        errors = model.errors(model.styles.numpy()[missing[0]], *missing[1:])
        names = ("missing_field_error", "missing_edge_error", "missing_bearing_error")
        return {name: float(np.mean(error)) for name, error in zip(names, errors, strict=True)}

    return Training(model, batches, measure)


def _compiled(config: TypefaceConfig, data: Typefaces, kept_back: np.ndarray) -> TypefaceModel:
    shape: Any = {"style_dim": config.style_dim, "characters": len(CHARACTERS)}
    networks = {"drawer": build_drawer(size=config.size, **shape), "spacer": build_spacer(**shape)}
    model = TypefaceModel(**networks, faces=len(data.names), seed=config.seed)
    model.styles.assign(_components(data, kept_back, config.style_dim))
    model.compile(keras.optimizers.Adam(_decaying(config), beta_2=0.99))
    return model


def _decaying(config: TypefaceConfig) -> keras.optimizers.schedules.LearningRateSchedule:
    updates = config.epochs * config.updates_per_epoch
    warm = min(200, updates // 10)
    return keras.optimizers.schedules.CosineDecay(
        0.0, max(updates - warm, 1), 0.02, warmup_target=2e-3, warmup_steps=warm
    )


def _components(data: Typefaces, kept_back: np.ndarray, count: int) -> np.ndarray:
    """Return the first styles of the faces, [faces, count]: principal components of all their characters.

    From there training takes a tenth of the updates that it takes from random styles.
    """
    present = data.present.copy()
    present[data.present] = ~kept_back
    side = data.fields.shape[2] // _COARSE
    coarse = as_floats(data.fields).reshape(*present.shape, side, _COARSE, side, _COARSE).mean(axis=(3, 5))
    weights = present[..., None, None].astype(np.float32)
    mean = (coarse * weights).sum(axis=0) / np.maximum(weights.sum(axis=0), 1)
    centred = ((coarse - mean) * weights).reshape(len(present), -1)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    found = left[:, :count] * np.sqrt(sizes[:count] / max(sizes[0], 1e-9)) * np.sqrt(len(present))
    signs = np.sign(found[np.abs(found).argmax(axis=0), np.arange(found.shape[1])])  # as the library gives either
    return np.pad(found * signs, ((0, 0), (0, count - found.shape[1]))).astype(np.float32)


def evaluate(model: TypefaceModel, training: Typefaces, *, seed: int) -> dict[str, Any]:
    """Return the measures of a trained model, see `fontgan.typeface.measures.evaluate`; none without the test faces."""
    from fontgan.typeface import measures

    try:
        judging, held_out = (load_typefaces(families, size=model.size) for families in (JUDGING, HELD_OUT))
    except UserError as error:
        print(f"note: not measured with other faces: {error}")
        return {}
    return measures.evaluate(model, training, judging, held_out, seed=seed)
