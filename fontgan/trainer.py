"""Build a compiled model and its batches from a configuration; measure and evaluate it."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from fontgan.data.glyphs import LETTERS
from fontgan.data.groups import Groups, find_groups
from fontgan.data.sheets import save_sheet
from fontgan.data.stacks import PLANES, stacked
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
    from pathlib import Path

    from fontgan.config import FontConfig
    from fontgan.data.fonts import Letters
    from fontgan.metrics.classifiers import Classifiers

UNROLLED_STEPS = 5
EVERY = 10
"""Epochs between two counts of letters."""

_SHEETS = (1, 10, 30, 50, 100)  # epochs whose alphabets are drawn, beside the last
_COUNTED = 1000  # images whose letters are counted
_SPREAD = 1.08  # of the latents: weights that were averaged over many updates vary less with them


def prepare(
    config: FontConfig,
    data: tuple[Letters, Classifiers],
    done: int,
    checkpoint: Path | None,
    *,
    every: int | None = None,
    plots_folder: Path | None = None,
) -> Training:
    """Build the model of a configuration, or load it from a checkpoint, as `manymodes.experiment.fit.Prepare`.

    Letters are counted after every ``every`` epochs, by default `EVERY`, and after the last; alphabets of some epochs
    are drawn in ``plots_folder``, if any.
    """
    letters, classifiers = data
    kinds = kinds_of(config, letters)
    model = model_of(config, kinds, checkpoint)
    batches = batches_of(config, letters, kinds, done)
    classifier = classifiers.selecting
    real = read(classifier, letters.validation.images)

    def measure(epoch: int, last: bool) -> dict[str, float]:
        measures = balance(model)
        if epoch % (every or EVERY) == 0 or last:
            measures |= count_letters(model, classifier, real, config.seed)
        if plots_folder is not None and (epoch in _SHEETS or last):
            save_sheet(alphabets(model, classifier), plots_folder / f"alphabet-{epoch:04d}.png", columns=LETTERS)
        return measures

    return Training(model, batches, measure)


class StackedBatches(RandomBatches):
    """Batches of stacks [B, 28, 28, 3] of letters that are drawn anew, with the kinds of their planes [B, 3] if any.

    They are built as `RandomBatches`, from letters [n, 28, 28, 1], three for each stack of a batch.
    """

    def __getitem__(self, index: int) -> Any:
        """Return batch ``index`` of the current epoch."""
        return keras.tree.map_structure(
            lambda rows: stacked(rows) if rows.ndim > 1 else rows.reshape(-1, PLANES), super().__getitem__(index)
        )


def batches_of(
    config: FontConfig, letters: Letters, kinds: Groups | None, done: int, *, planes: int = 1
) -> RandomBatches:
    """Return the batches of a training: images [B, 28, 28, planes], with their kinds if any; stacks if planes are 3."""
    images = letters.train.images
    examples = images if kinds is None else (images, kinds.of_images)
    batches = RandomBatches if planes == 1 else StackedBatches
    size, updates = planes * config.batch_size, config.updates_per_epoch
    return batches(examples, size, updates, seed=config.seed, first_epoch=done)


def balance(model: FontGAN) -> dict[str, float]:
    """Return ``loss_ratio``, the discriminator's loss of the last epoch divided by the generator's."""
    losses = {metric.name: float(metric.result()) for metric in model.metrics}
    return {"loss_ratio": losses["discriminator_loss"] / max(abs(losses["generator_loss"]), 1e-9)}


def evaluate(
    model: FontGAN, letters: Letters, classifiers: Classifiers, *, count: int, seed: int, train_seconds: float
) -> tuple[np.ndarray, dict[str, Any]]:
    """Return images [count, 28, 28, 1] of a trained model, and their metrics, see `fontgan.metrics.assessment`.

    A model that has diverged raises a UserError.
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
    """Return the readings of a thousand images by a classifier, and their distances to real ones in its features.

    ``shortfall``, by which epochs are chosen, is the sum of the share of letters that are missing, the share of images
    not read with confidence, the divergence from an even alphabet in nats, the share of images that lie among no real
    ones, and that of real ones that lie among none of these; ``covered`` has a bit for each covered letter, A the
    lowest. A model that has diverged has no distances.
    """
    images = model.generate(_COUNTED, seed=seed)
    reading = read(classifier, images)
    counts = coverage.summary(reading)
    counts["covered"] = sum(2.0 ** LETTERS.index(letter) for letter in coverage.covered_letters(reading))
    distances = coverage.distances_to(reading, real, seed) if np.isfinite(images).all() else {}
    missing = 1 - counts["strict_coverage"] / len(LETTERS)
    astray = 2 - distances.get("precision", 0.0) - distances.get("recall", 0.0)
    counts["shortfall"] = missing + counts["rejected"] + counts["kl_uniform"] + astray
    return counts | distances


def kinds_of(config: FontConfig, letters: Letters) -> Groups | None:
    """Return the conditions of a model: letters, groups found without labels, or none."""
    if config.conditional:
        return Groups(letters.train.labels, np.full(len(LETTERS), 1 / len(LETTERS)))
    return find_groups(letters.train.images, seed=config.seed) if config.fix == "best" else None


def model_of(config: FontConfig, kinds: Groups | None, checkpoint: Path | None, *, planes: int = 1) -> FontGAN:
    """Build the compiled model of a configuration, of images [n, 28, 28, planes], or load a checkpoint's."""
    if checkpoint is None:
        return _compiled(config, kinds, planes)
    model: FontGAN = keras.models.load_model(checkpoint / "model.keras")
    if config.fix == "best":
        for optimizer in (model.generator_optimizer, model.discriminator_optimizer):
            optimizer.learning_rate = _decaying(config)
    return model


def _compiled(config: FontConfig, kinds: Groups | None, planes: int) -> FontGAN:
    fix, condition_dim = config.fix, 0 if kinds is None else planes * len(kinds.shares)
    options: dict[str, Any] = {"condition_dim": condition_dim, "seed": config.seed}
    if kinds is not None:
        options |= {"shares": kinds.shares, "labelled": config.conditional}
        options["spread"] = 1.0 if config.conditional else _SPREAD
    shape: Any = {"condition_dim": condition_dim, "planes": planes}
    if fix == "best":
        critic = build_sharp_critic(**shape, group_size=config.batch_size)
        model = FontGAN(build_sharp_generator(**shape), critic, averaging=1, translation_px=2, **options)
        adam = functools.partial(keras.optimizers.Adam, _decaying(config), 0.0, 0.99)
        model.compile(adam(), adam(), objective="relativistic", penalty="r1r2", penalty_weight=0.5, penalty_interval=4)
        return model
    discriminator = build_discriminator(**shape, minibatch=fix == "minibatch", group_size=config.batch_size)
    model = FontGAN(build_generator(**shape), discriminator, **options)
    adam = functools.partial(keras.optimizers.Adam, 2e-4, 0.5)
    unrolled_steps = UNROLLED_STEPS if fix == "unrolled" else 0
    model.compile(adam(), adam(), feature_matching=fix == "feature-matching", unrolled_steps=unrolled_steps)
    return model


def _decaying(config: FontConfig) -> keras.optimizers.schedules.LearningRateSchedule:
    return keras.optimizers.schedules.CosineDecay(1e-3, config.epochs * config.updates_per_epoch, alpha=0.1)
