"""Training a variant inside a run folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras
import numpy as np
import tensorflow as tf

from drumvae.metrics.diagnostics import encode
from drumvae.trainer import examples_of, prepare
from manymodes.experiment.fit import Stopwatch, fit_in_run, without_optimizer
from manymodes.files import save_keras
from manymodes.nn.randomness import make_deterministic
from manymodes.nn.variational import importance_weighted_bound

if TYPE_CHECKING:
    from collections.abc import Callable

    from drumvae.data.grooves import Grooves
    from drumvae.models.vae import DrumVAE
    from manymodes.experiment.run import Run

MONITOR = "val_nats"
"""What the best epoch has least of: a bound of the mean −log p of the hits of a validation bar."""

_SAMPLES = 10


def train_in(run: Run, grooves: Grooves, *, tensorboard: bool = False) -> tuple[DrumVAE, bool]:
    """Train what ``run.config`` describes from where the run stands.

    Returns:
        the best epoch's model, and whether training went through to its end.
    """
    make_deterministic(run.config["seed"])
    model, batches, callbacks = prepare(run.config, grooves, len(run.history), run.last_checkpoint)
    callbacks += (Stopwatch(run),)
    if tensorboard:
        callbacks += (keras.callbacks.TensorBoard(str(run.path / "tensorboard")),)
    measure = measuring(model, grooves)
    best, complete = fit_in_run(run, model, batches, run.config["epochs"], measure=measure, callbacks=callbacks)
    if not best.supervised:
        examples, styles = examples_of(grooves.train)
        best.name_styles(examples[0], styles)
        save_keras(without_optimizer(best), run.path / "model.keras")
    return best, complete


def measuring(model: DrumVAE, grooves: Grooves) -> Callable[[], dict[str, float]]:
    """Return what measures a model on the validation bars after each epoch."""
    examples, styles = examples_of(grooves.validation)
    dataset = tf.data.Dataset.from_tensor_slices((examples, styles)).batch(256)
    # One graph for all epochs: `DrumVAE.log_likelihood` makes another each time.
    bounds = tf.function(lambda hits: importance_weighted_bound(model.log_weights(hits, _SAMPLES, model.seed)))

    def measure() -> dict[str, float]:
        found = {f"val_{name}": value for name, value in model.evaluate(dataset, return_dict=True, verbose=0).items()}
        bound = np.concatenate([bounds(hits) for (hits, *_), _ in dataset])
        divergences = encode(model, grooves.validation, seed=model.seed).divergences._asdict()
        each = {
            f"kl_{level}_{number}": float(value)
            for level, values in divergences.items()
            for number, value in enumerate(values.mean(axis=0))
        }
        return {**found, MONITOR: -float(bound.mean()), **each}

    return measure
