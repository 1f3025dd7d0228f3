"""From settings to a compiled model and the batches it learns from: one row a fix, no verbs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import keras

from fontgan.gan import FontGAN
from fontgan.glyphs import LETTERS
from fontgan.groups import find_groups
from fontgan.networks import build_discriminator, build_generator, build_sharp_critic, build_sharp_generator
from modelkit.randomness import RandomBatches

if TYPE_CHECKING:
    from pathlib import Path

    from fontgan.fonts import Letters

UNROLLED_STEPS = 5
_TRANSLATION_PX = 2


class Training(NamedTuple):
    """What `modelkit.fitting.fit_in_run` needs."""

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
    best, conditional, seed = settings["fix"] == "best", settings["conditional"], settings["seed"]
    kinds = letters.train.labels if conditional else None
    shares = None
    if best and not conditional:
        groups = find_groups(letters.train.images, seed=seed)
        kinds, shares = groups.of_images, groups.shares
    condition_dim = 0 if kinds is None else len(LETTERS) if conditional else len(groups.shares)
    updates = settings["epochs"] * settings["updates_per_epoch"]
    if checkpoint is not None:
        model = keras.models.load_model(checkpoint / "model.keras")
        if best:
            for optimizer in (model.generator_optimizer, model.discriminator_optimizer):
                optimizer.learning_rate = _decaying(updates)
    else:
        build = _best if best else _of_the_course
        model = build(settings, condition_dim, shares)
    examples = letters.train.images if kinds is None else (letters.train.images, kinds)
    batches = RandomBatches(
        examples, settings["batch_size"], settings["updates_per_epoch"], seed=seed, first_epoch=done
    )
    return Training(model, batches)


def _of_the_course(settings: dict[str, Any], condition_dim: int, shares: Any) -> FontGAN:
    fix = settings["fix"]
    discriminator = build_discriminator(
        condition_dim=condition_dim, minibatch=fix == "minibatch", group_size=settings["batch_size"]
    )
    generator = build_generator(condition_dim=condition_dim)
    model = FontGAN(generator, discriminator, condition_dim=condition_dim, shares=shares, seed=settings["seed"])
    model.compile(
        keras.optimizers.Adam(2e-4, 0.5),
        keras.optimizers.Adam(2e-4, 0.5),
        feature_matching=fix == "feature-matching",
        unrolled_steps=UNROLLED_STEPS if fix == "unrolled" else 0,
    )
    return model


def _best(settings: dict[str, Any], condition_dim: int, shares: Any) -> FontGAN:
    critic = build_sharp_critic(condition_dim=condition_dim, group_size=settings["batch_size"])
    generator = build_sharp_generator(condition_dim=condition_dim)
    model = FontGAN(
        generator,
        critic,
        condition_dim=condition_dim,
        shares=shares,
        seed=settings["seed"],
        averaging=0.998,
        translation_px=_TRANSLATION_PX,
    )
    rate = _decaying(settings["epochs"] * settings["updates_per_epoch"])
    model.compile(
        keras.optimizers.Adam(rate, 0.0, 0.99),
        keras.optimizers.Adam(rate, 0.0, 0.99),
        objective="relativistic",
        penalty="r1r2",
        penalty_weight=0.2,
        penalty_interval=4,
    )
    return model


def _decaying(updates: int) -> keras.optimizers.schedules.LearningRateSchedule:
    return keras.optimizers.schedules.CosineDecay(5e-4, updates, alpha=0.1)
