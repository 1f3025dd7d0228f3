"""From a configuration to a compiled model and its batches; validation and evaluation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from drumvae.metrics.diagnostics import analyse, encode
from drumvae.models.vae import DrumVAE
from manymodes.cli import UserError
from manymodes.experiment.fit import Training, has_diverged
from manymodes.nn.randomness import RandomBatches
from manymodes.nn.schedules import SCHEDULES, Scheduled, between
from manymodes.nn.variational import importance_weighted_bound

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from drumvae.config import DrumConfig
    from drumvae.data.grooves import Bars, Grooves

LEAST_TESTED = 10
"""The least number of test bars for metrics."""

_PLENTY = 800  # bars from which on dropout decreases
_DECAY = 0.02  # share of the learning rate that is left at the end
_SAMPLES = 10
_BATCH = 256  # validation bars


def prepare(config: DrumConfig, grooves: Grooves, done: int, checkpoint: Path | None) -> Training:
    """Build the model of a configuration, or load it from the folder of a checkpoint, after ``done`` epochs."""
    updates = config.epochs * config.updates_per_epoch
    rate = keras.optimizers.schedules.CosineDecay(config.learning_rate, updates, alpha=_DECAY)
    if checkpoint is not None:
        model = keras.models.load_model(checkpoint / "model.keras")
        model.optimizer.learning_rate = rate
    else:
        model = DrumVAE(
            grooves.styles,
            hierarchy=config.hierarchy,
            supervised=not config.unsupervised,
            dropout=config.dropout * min(1.0, _PLENTY / len(grooves.train)),
            high_dropout=config.high_dropout,
            free_bits_nats=config.free_bits,
            style_weight=config.style_weight,
            tempo=float(grooves.train.tempos.mean()),
            seed=config.seed,
        )
        model.compile(keras.optimizers.AdamW(rate, weight_decay=1e-4, clipnorm=10.0))
    first, last = config.temperature
    schedules = {
        "beta": lambda progress: config.beta * SCHEDULES[config.anneal](progress),
        "temperature": lambda progress: between(first, last, progress),
    }
    examples, styles = examples_of(grooves.train)
    batches = RandomBatches(
        (examples, styles),
        config.batch_size,
        config.updates_per_epoch,
        seed=config.seed,
        first_epoch=done,
        weights=1 / np.bincount(grooves.train.styles)[grooves.train.styles],  # every style is seen equally often
    )

    def finish(best: DrumVAE, _: bool) -> None:
        if not best.supervised:
            best.name_styles(examples[0], styles)

    return Training(model, batches, measuring(model, grooves), (Scheduled(updates, schedules),), finish=finish)


def measuring(model: DrumVAE, grooves: Grooves) -> Callable[[int, bool], dict[str, float]]:
    """Return the function that validates a model after each epoch."""
    examples, styles = examples_of(grooves.validation)
    dataset = tf.data.Dataset.from_tensor_slices((examples, styles)).batch(_BATCH)
    # One graph for all epochs: `DrumVAE.log_likelihood` builds another one at each call.
    bounds = tf.function(lambda hits: importance_weighted_bound(model.log_weights(hits, _SAMPLES, model.seed)))

    def measure(*_: object) -> dict[str, float]:
        losses = {f"val_{name}": value for name, value in model.evaluate(dataset, return_dict=True, verbose=0).items()}
        bound = np.concatenate([bounds(hits) for (hits, *_), _ in dataset])
        divergences = encode(model, grooves.validation, seed=model.seed).divergences._asdict()
        each = {
            f"kl_{level}_{number}": float(value)
            for level, values in divergences.items()
            for number, value in enumerate(values.mean(axis=0))
        }
        return {**losses, "val_nats": -float(bound.mean()), **each}

    return measure


def too_few(grooves: Grooves) -> str:
    """Return an error message if there are too few test bars for metrics, else an empty string."""
    if len(grooves.test) >= LEAST_TESTED:
        return ""
    return f"{len(grooves.test)} bars are too few to test with; train with more bars, at least {LEAST_TESTED} for tests"


def evaluate(model: DrumVAE, grooves: Grooves, *, seed: int, train_seconds: float) -> dict[str, Any]:
    """Return the metrics of `drumvae.metrics.diagnostics`; raise a UserError if the model has diverged."""
    if has_diverged(model):
        raise UserError("training has diverged, this model composes nothing: train again with another --seed")
    return analyse(model, grooves, seed=seed, train_seconds=train_seconds)


def examples_of(bars: Bars) -> tuple[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray], np.ndarray]:
    """Return (hits, velocities, offsets, tempos) as in `drumvae.data.kit.Bars`, and styles, int32."""
    return (bars.hits.astype(np.float32), bars.velocities, bars.offsets, bars.tempos), bars.styles.astype(np.int32)
