"""From a configuration to a compiled model and the batches it learns from; measuring and evaluating it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import keras
import numpy as np

from fontgan.data.glyphs import LETTERS
from fontgan.data.groups import Groups, find_groups
from fontgan.data.sheets import save_sheet
from fontgan.metrics import coverage
from fontgan.metrics.alphabets import alphabets
from fontgan.metrics.assessment import assess
from fontgan.metrics.classifiers import read
from fontgan.models.gan import FontGAN
from fontgan.models.networks import build_discriminator, build_generator, build_sharp_critic, build_sharp_generator
from manymodes.cli import UserError
from manymodes.experiment.fit import Training
from manymodes.nn.randomness import RandomBatches

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fontgan.config import FontConfig
    from fontgan.data.fonts import Letters
    from fontgan.metrics.classifiers import Classifiers

UNROLLED_STEPS = 5
EVERY = 10
"""Epochs after which letters are counted."""

SHEETS = (1, 10, 30, 50, 100)
"""Epochs whose alphabets are drawn, beside the last."""

_TRANSLATION_PX = 2
_COUNTED = 1000


class Data(NamedTuple):
    """What a training needs beside its configuration: letters, and classifiers of these."""

    letters: Letters
    classifiers: Classifiers


def prepare(
    config: FontConfig,
    data: Data,
    done: int,
    checkpoint: Path | None,
    *,
    every: int | None = None,
    plots_folder: Path | None = None,
) -> Training:
    """Build the model of a configuration, or load it from a checkpoint, ready for the epoch after ``done``.

    Args:
        config: with its number of updates an epoch.
        data: what to learn, and what counts the letters.
        done: epochs already trained.
        checkpoint: folder of the last checkpoint; None starts afresh.
        every: epochs after which letters are counted, `EVERY` unless given; they are after the last one, too.
        plots_folder: for the alphabets of the epochs in `SHEETS`; without it none are drawn.
    """
    kinds = _kinds(config, data.letters)
    best = config.fix == "best"
    if checkpoint is not None:
        model = keras.models.load_model(checkpoint / "model.keras")
        if best:
            for optimizer in (model.generator_optimizer, model.discriminator_optimizer):
                optimizer.learning_rate = _decaying(config)
    else:
        model = (_best if best else _simple)(config, kinds)
    images = data.letters.train.images
    examples = images if kinds is None else (images, kinds.of_images)
    batches = RandomBatches(examples, config.batch_size, config.updates_per_epoch, seed=config.seed, first_epoch=done)
    return Training(model, batches, _measuring(model, data, config.seed, every or EVERY, plots_folder))


def evaluate(
    model: FontGAN, letters: Letters, classifiers: Classifiers, *, count: int, seed: int, train_seconds: float
) -> tuple[np.ndarray, dict[str, Any]]:
    """Have a trained model draw, and measure its images with the reporting classifier.

    Returns:
        the images [count, 28, 28, 1] and the metrics, see `fontgan.metrics.assessment`.

    Raises:
        UserError: the model has diverged.
    """
    images, asked = draw_to_evaluate(model, count, seed)
    if not np.isfinite(images).all():
        raise UserError("training has diverged, this model draws nothing: train again with another --seed")
    return images, assess(images, letters, classifiers.reporting, seed=seed, train_seconds=train_seconds, asked=asked)


def draw_to_evaluate(model: FontGAN, count: int, seed: int) -> tuple[np.ndarray, np.ndarray | None]:
    """Return images [count, 28, 28, 1] of a trained model, and of a conditional one the letters asked for, [count]."""
    asked = np.arange(count) % len(LETTERS) if model.labelled else None
    return model.generate(count, seed=seed + 1, kinds=asked), asked


def count_letters(model: FontGAN, classifier: keras.Model, real: coverage.Reading, seed: int) -> dict[str, float]:
    """Return what a classifier reads in a thousand images, and their distances to real ones in its features.

    ``shortfall``, by which epochs are chosen, is the share of letters that are missing, plus the share of images not
    read with confidence, plus the divergence from an even alphabet in nats; ``covered`` has a bit for each covered
    letter, A the lowest. A model that has diverged has no distances.
    """
    images = model.generate(_COUNTED, seed=seed)
    reading = read(classifier, images)
    covered = coverage.strict_shares(reading) >= coverage.LEAST_SHARE
    strict, rejected, kl = int(covered.sum()), coverage.rejected_share(reading), coverage.kl_uniform(reading)
    counts = {
        "strict_coverage": strict,
        "naive_coverage": coverage.naive_coverage(reading),
        "rejected": rejected,
        "kl_uniform": kl,
        "covered": float((covered * 2.0 ** np.arange(len(LETTERS))).sum()),
        "shortfall": 1 - strict / len(LETTERS) + rejected + kl,
    }
    return counts | coverage.distances_to(reading, real, seed) if np.isfinite(images).all() else counts


def _measuring(
    model: FontGAN, data: Data, seed: int, every: int, plots_folder: Path | None
) -> Callable[[int, bool], dict[str, float]]:
    """Return what measures a model after an epoch, given its number and whether it is the last one."""
    classifier = data.classifiers.selecting
    real = read(classifier, data.letters.validation.images)

    def measure(epoch: int, last: bool) -> dict[str, float]:
        logged = {metric.name: float(metric.result()) for metric in model.metrics}
        measures = {"loss_ratio": logged["discriminator_loss"] / max(abs(logged["generator_loss"]), 1e-9)}
        if epoch % every == 0 or last:
            measures |= count_letters(model, classifier, real, seed)
        if plots_folder is not None and (epoch in SHEETS or last):
            save_sheet(alphabets(model, classifier), plots_folder / f"alphabet-{epoch:04d}.png", columns=LETTERS)
        return measures

    return measure


def _kinds(config: FontConfig, letters: Letters) -> Groups | None:
    """Return what the model is asked for: letters, groups found without labels, or nothing."""
    if config.conditional:
        return Groups(letters.train.labels, np.full(len(LETTERS), 1 / len(LETTERS)))
    return find_groups(letters.train.images, seed=config.seed) if config.fix == "best" else None


def _simple(config: FontConfig, kinds: Groups | None) -> FontGAN:
    fix, options = config.fix, _kind_options(config, kinds)
    discriminator = build_discriminator(
        condition_dim=options["condition_dim"], minibatch=fix == "minibatch", group_size=config.batch_size
    )
    generator = build_generator(condition_dim=options["condition_dim"])
    model = FontGAN(generator, discriminator, seed=config.seed, **options)
    model.compile(
        keras.optimizers.Adam(2e-4, 0.5),
        keras.optimizers.Adam(2e-4, 0.5),
        feature_matching=fix == "feature-matching",
        unrolled_steps=UNROLLED_STEPS if fix == "unrolled" else 0,
    )
    return model


def _best(config: FontConfig, kinds: Groups | None) -> FontGAN:
    options = _kind_options(config, kinds)
    critic = build_sharp_critic(condition_dim=options["condition_dim"], group_size=config.batch_size)
    generator = build_sharp_generator(condition_dim=options["condition_dim"])
    model = FontGAN(generator, critic, seed=config.seed, averaging=0.998, translation_px=_TRANSLATION_PX, **options)
    rate = _decaying(config)
    model.compile(
        keras.optimizers.Adam(rate, 0.0, 0.99),
        keras.optimizers.Adam(rate, 0.0, 0.99),
        objective="relativistic",
        penalty="r1r2",
        penalty_weight=0.5,
        penalty_interval=4,
    )
    return model


def _kind_options(config: FontConfig, kinds: Groups | None) -> dict[str, Any]:
    """Return the arguments of a model's constructor that depend on its kinds."""
    if kinds is None:
        return {"condition_dim": 0}
    return {"condition_dim": len(kinds.shares), "shares": kinds.shares, "labelled": config.conditional}


def _decaying(config: FontConfig) -> keras.optimizers.schedules.LearningRateSchedule:
    return keras.optimizers.schedules.CosineDecay(1e-3, config.epochs * config.updates_per_epoch, alpha=0.1)
