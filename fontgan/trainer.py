"""From settings to a compiled model and the batches it learns from: one row a fix, no verbs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import keras
import numpy as np

from fontgan.data.glyphs import LETTERS
from fontgan.data.groups import Groups, find_groups
from fontgan.models.gan import FontGAN
from fontgan.models.networks import build_discriminator, build_generator, build_sharp_critic, build_sharp_generator
from manymodes.nn.randomness import RandomBatches

if TYPE_CHECKING:
    from pathlib import Path

    from fontgan.data.fonts import Letters

UNROLLED_STEPS = 5
_TRANSLATION_PX = 2


class Training(NamedTuple):
    """What `manymodes.experiment.fit.fit_in_run` needs."""

    model: FontGAN
    batches: RandomBatches


def prepare(settings: dict[str, Any], letters: Letters, done: int, checkpoint: Path | None) -> Training:
    """Build what ``settings`` describe, or load it from a checkpoint, ready for the epoch after ``done``.

    Args:
        settings: as config.json has them.
        letters: what to learn.
        done: epochs already trained.
        checkpoint: folder of the last checkpoint; None starts afresh.
    """
    best, seed = settings["fix"] == "best", settings["seed"]
    kinds = _kinds(settings, letters)
    if checkpoint is not None:
        model = keras.models.load_model(checkpoint / "model.keras")
        if best:
            for optimizer in (model.generator_optimizer, model.discriminator_optimizer):
                optimizer.learning_rate = _decaying(settings["epochs"] * settings["updates_per_epoch"])
    else:
        model = (_best if best else _of_the_course)(settings, kinds)
    images = letters.train.images
    examples = images if kinds is None else (images, kinds.of_images)
    batches = RandomBatches(
        examples, settings["batch_size"], settings["updates_per_epoch"], seed=seed, first_epoch=done
    )
    return Training(model, batches)


def _kinds(settings: dict[str, Any], letters: Letters) -> Groups | None:
    """Return what the model is asked for: letters, groups found without labels, or nothing."""
    if settings["conditional"]:
        return Groups(letters.train.labels, np.full(len(LETTERS), 1 / len(LETTERS)))
    return find_groups(letters.train.images, seed=settings["seed"]) if settings["fix"] == "best" else None


def _of_the_course(settings: dict[str, Any], kinds: Groups | None) -> FontGAN:
    fix, asked = settings["fix"], _asked(settings, kinds)
    discriminator = build_discriminator(
        condition_dim=asked["condition_dim"], minibatch=fix == "minibatch", group_size=settings["batch_size"]
    )
    generator = build_generator(condition_dim=asked["condition_dim"])
    model = FontGAN(generator, discriminator, seed=settings["seed"], **asked)
    model.compile(
        keras.optimizers.Adam(2e-4, 0.5),
        keras.optimizers.Adam(2e-4, 0.5),
        feature_matching=fix == "feature-matching",
        unrolled_steps=UNROLLED_STEPS if fix == "unrolled" else 0,
    )
    return model


def _best(settings: dict[str, Any], kinds: Groups | None) -> FontGAN:
    asked = _asked(settings, kinds)
    critic = build_sharp_critic(condition_dim=asked["condition_dim"], group_size=settings["batch_size"])
    generator = build_sharp_generator(condition_dim=asked["condition_dim"])
    model = FontGAN(generator, critic, seed=settings["seed"], averaging=0.998, translation_px=_TRANSLATION_PX, **asked)
    rate = _decaying(settings["epochs"] * settings["updates_per_epoch"])
    model.compile(
        keras.optimizers.Adam(rate, 0.0, 0.99),
        keras.optimizers.Adam(rate, 0.0, 0.99),
        objective="relativistic",
        penalty="r1r2",
        penalty_weight=0.5,
        penalty_interval=4,
    )
    return model


def _asked(settings: dict[str, Any], kinds: Groups | None) -> dict[str, Any]:
    """Return what a model's constructor is told of its kinds."""
    if kinds is None:
        return {"condition_dim": 0}
    return {"condition_dim": len(kinds.shares), "shares": kinds.shares, "labelled": settings["conditional"]}


def _decaying(updates: int) -> keras.optimizers.schedules.LearningRateSchedule:
    return keras.optimizers.schedules.CosineDecay(1e-3, updates, alpha=0.1)
