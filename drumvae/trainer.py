"""From settings to a compiled model, the batches it learns from and what is set while it does: no verbs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import keras
import numpy as np

from drumvae.models.vae import DrumVAE
from manymodes.nn.randomness import RandomBatches
from manymodes.nn.schedules import SCHEDULES, Scheduled, between

if TYPE_CHECKING:
    from pathlib import Path

    from drumvae.data.grooves import Bars, Grooves

_PLENTY = 800  # bars that it takes to need less dropout
_DECAY = 0.02  # of the learning rate, what is left at the end


class Training(NamedTuple):
    """What `manymodes.experiment.fit.fit_in_run` needs."""

    model: DrumVAE
    batches: RandomBatches
    callbacks: tuple[keras.callbacks.Callback, ...]


def prepare(settings: dict[str, Any], grooves: Grooves, done: int, checkpoint: Path | None) -> Training:
    """Build what ``settings`` describe, or load it from a checkpoint, ready for the epoch after ``done``.

    Args:
        settings: as config.json has them.
        grooves: what to learn.
        done: epochs already trained.
        checkpoint: folder of the last checkpoint; None starts afresh.
    """
    updates = settings["epochs"] * settings["updates_per_epoch"]
    rate = keras.optimizers.schedules.CosineDecay(settings["learning_rate"], updates, alpha=_DECAY)
    if checkpoint is not None:
        model = keras.models.load_model(checkpoint / "model.keras")
        model.optimizer.learning_rate = rate
    else:
        model = DrumVAE(
            grooves.styles,
            hierarchy=settings["hierarchy"],
            supervised=not settings["unsupervised"],
            dropout=settings["dropout"] * min(1.0, _PLENTY / len(grooves.train)),
            high_dropout=settings["high_dropout"],
            free_bits_nats=settings["free_bits"],
            style_weight=settings["style_weight"],
            tempo=float(grooves.train.tempos.mean()),
            seed=settings["seed"],
        )
        model.compile(keras.optimizers.AdamW(rate, weight_decay=1e-4, clipnorm=10.0))
    first, last = settings["temperature"]
    schedules = {
        "beta": lambda progress: settings["beta"] * SCHEDULES[settings["anneal"]](progress),
        "temperature": lambda progress: between(first, last, progress),
    }
    styles = grooves.train.styles
    batches = RandomBatches(
        examples_of(grooves.train),
        settings["batch_size"],
        settings["updates_per_epoch"],
        seed=settings["seed"],
        first_epoch=done,
        weights=1 / np.bincount(styles)[styles],  # styles are as frequent in the model, whatever there is more of
    )
    return Training(model, batches, (Scheduled(updates, schedules),))


def examples_of(bars: Bars) -> tuple[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray], np.ndarray]:
    """Return (hits, velocities, offsets, tempos) as in `drumvae.data.kit.Bars`, and styles, int32."""
    return (bars.hits.astype(np.float32), bars.velocities, bars.offsets, bars.tempos), bars.styles.astype(np.int32)
