"""From settings to a compiled model, the batches it learns from and what is set while it does: no verbs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import keras
import numpy as np

from drumvae.model import DrumVAE
from modelkit.randomness import RandomBatches
from modelkit.schedules import SCHEDULES, Scheduled, between

if TYPE_CHECKING:
    from pathlib import Path

    from drumvae.grooves import Bars, Grooves

_LEARNING_RATE = 1e-3
_DROPOUT = 0.1
_DECAY = 0.02  # of the learning rate, what is left at the end


class Training(NamedTuple):
    """What `modelkit.fitting.fit_in_run` needs."""

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
    rate = keras.optimizers.schedules.CosineDecay(_LEARNING_RATE, updates, alpha=_DECAY)
    if checkpoint is not None:
        model = keras.models.load_model(checkpoint / "model.keras")
        model.optimizer.learning_rate = rate
    else:
        model = DrumVAE(
            grooves.styles,
            hierarchy=settings["hierarchy"],
            supervised=not settings["unsupervised"],
            dropout=_DROPOUT,
            free_bits_nats=settings["free_bits"],
            tempo=float(grooves.train.tempos.mean()),
            seed=settings["seed"],
        )
        model.compile(keras.optimizers.AdamW(rate, weight_decay=1e-4, clipnorm=10.0))
    first, last = settings["temperature"]
    schedules = {
        "beta": SCHEDULES[settings["anneal"]],
        "temperature": lambda progress: between(first, last, progress),
    }
    batches = RandomBatches(
        examples_of(grooves.train),
        settings["batch_size"],
        settings["updates_per_epoch"],
        seed=settings["seed"],
        first_epoch=done,
    )
    return Training(model, batches, (Scheduled(updates, schedules),))


def examples_of(bars: Bars) -> tuple[tuple[np.ndarray, np.ndarray, np.ndarray], np.ndarray]:
    """Return (hits, velocities, offsets), float32 [n, 16, 9] each, and styles, int32 [n], as the model reads them."""
    return (bars.hits.astype(np.float32), bars.velocities, bars.offsets), bars.styles.astype(np.int32)
