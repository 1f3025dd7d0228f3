"""From settings to a compiled model, the batches it learns from and what is set while it does: no verbs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import keras
import numpy as np

from audiovae.models.vae import AudioModel, AudioVAE, AudioVQVAE, HierarchicalAudioVAE
from manymodes.nn.randomness import RandomBatches
from manymodes.nn.schedules import SCHEDULES, Scheduled

if TYPE_CHECKING:
    from pathlib import Path

    from audiovae.data.sounds import Sounds

_LEARNING_RATE = 3e-3
_RISING = 0.02  # of the updates, those over which the learning rate rises: large from the first one, nothing is learned
_DECAY = 0.02  # of it, what is left at the end


class Training(NamedTuple):
    """What `manymodes.experiment.fit.fit_in_run` needs."""

    model: AudioModel
    batches: RandomBatches
    callbacks: tuple[keras.callbacks.Callback, ...]


def prepare(settings: dict[str, Any], sounds: Sounds, done: int, checkpoint: Path | None) -> Training:
    """Build what ``settings`` describe, or load it from a checkpoint, ready for the epoch after ``done``.

    Args:
        settings: as config.json has them.
        sounds: what to learn.
        done: epochs already trained.
        checkpoint: folder of the last checkpoint; None starts afresh.
    """
    updates = settings["epochs"] * settings["updates_per_epoch"]
    rising = round(_RISING * updates)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, updates - rising, alpha=_DECAY, warmup_target=_LEARNING_RATE, warmup_steps=rising
    )
    if checkpoint is not None:
        model = keras.models.load_model(checkpoint / "model.keras")
        model.optimizer.learning_rate = rate
    else:
        model = build(settings, sounds.names)
        model.compile(keras.optimizers.Adam(rate, global_clipnorm=1.0))
    batches = RandomBatches(
        model.features_of(sounds.train.chunks),
        settings["batch_size"],
        settings["updates_per_epoch"],
        seed=settings["seed"],
        first_epoch=done,
        # instruments are heard equally often, however many chunks each has
        weights=1 / np.bincount(sounds.train.instruments)[sounds.train.instruments],
    )
    annealed = () if settings["anneal"] is None else (Scheduled(updates, {"anneal": SCHEDULES[settings["anneal"]]}),)
    return Training(model, batches, annealed)


def build(settings: dict[str, Any], instruments: tuple[str, ...]) -> AudioModel:
    """Return the untrained model that ``settings`` describe."""
    common = {
        "input_kind": settings["input"],
        "mels": settings["mels"] or 128,
        "seed": settings["seed"],
    }
    if settings["model"] == "vqvae":
        return AudioVQVAE(
            instruments,
            quantizer_kind=settings["quantizer"],
            codes=settings["codes"],
            commitment=settings["commitment"],
            **common,
        )
    kind = HierarchicalAudioVAE if settings["model"] == "hvae" else AudioVAE
    return kind(instruments, beta=settings["beta"], free_bits_nats=settings["free_bits"], **common)
