"""Training a variant inside a run folder, and what is looked at afterwards."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from fontgan import plots
from fontgan.data.glyphs import LETTERS
from fontgan.metrics import coverage
from fontgan.metrics.assessment import assess
from fontgan.metrics.judges import read
from fontgan.trainer import prepare
from manymodes.cli import UserError
from manymodes.experiment.fit import Stopwatch, fit_in_run, training_seconds
from manymodes.files import write_text
from manymodes.nn.randomness import make_deterministic

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fontgan.data.fonts import Letters
    from fontgan.metrics.judges import Judges
    from fontgan.models.gan import FontGAN
    from manymodes.experiment.run import Run

EVERY = 10
"""Epochs after which letters are counted."""

SHEETS = (1, 10, 30, 50, 100)
"""Epochs whose alphabets are drawn, beside the last."""

_COUNTED = 1000


def train_in(run: Run, letters: Letters, judges: Judges, *, tensorboard: bool = False) -> tuple[FontGAN, bool]:
    """Train what ``run.config`` describes from where the run stands; draw its history.

    Returns:
        the best epoch's model, and whether training went through to its end.
    """
    make_deterministic(run.config["seed"])
    epochs = run.config["epochs"]
    model, batches = prepare(run.config, letters, len(run.history), run.last_checkpoint)
    callbacks: list[keras.callbacks.Callback] = [Stopwatch(run)]
    if tensorboard:
        callbacks.append(keras.callbacks.TensorBoard(str(run.path / "tensorboard")))
    measure = measuring(model, letters, judges, seed=run.config["seed"], folder=run.path / "plots", every=EVERY)

    def measure_epoch() -> dict[str, float]:
        epoch = len(run.history) + 1
        return measure(epoch, epoch == epochs)

    best, complete = fit_in_run(run, model, batches, epochs, measure=measure_epoch, callbacks=callbacks)
    if run.history:
        plots.save_training(run.history, run.path / "plots")
    return best, complete


def measuring(
    model: FontGAN, letters: Letters, judges: Judges, *, seed: int, folder: Path, every: int
) -> Callable[[int, bool], dict[str, float]]:
    """Return what measures a model after an epoch: its loss ratio, and at times its letters.

    Args:
        model: in training.
        letters: what it learns from.
        judges: of these letters; the selecting one is asked.
        seed: of what is drawn to be looked at.
        folder: for the alphabets of certain epochs.
        every: epochs after which letters are counted; they are after the last one, too.

    Returns:
        a function of the number of the epoch, from 1, and of whether it is the last one.
    """
    judge = judges.selecting
    real = read(judge, letters.validation.images)

    def measure(epoch: int, last: bool) -> dict[str, float]:
        logged = {metric.name: float(metric.result()) for metric in model.metrics}
        found = {"loss_ratio": logged["discriminator_loss"] / max(abs(logged["generator_loss"]), 1e-9)}
        if epoch % every == 0 or last:
            found |= count_letters(model, judge, real, seed)
        if epoch in SHEETS or last:
            plots.save_alphabets(model, judge, folder / f"alphabet-{epoch:04d}.png")
        return found

    return measure


def count_letters(model: FontGAN, judge: keras.Model, real: coverage.Reading, seed: int) -> dict[str, float]:
    """Return what a judge reads in a thousand images, and how these lie to real ones in its features.

    ``shortfall``, by which epochs are chosen, is the share of letters that are missing, plus the share of images not
    read with confidence, plus the divergence from an even alphabet in nats; ``covered`` has a bit for each covered
    letter, A the lowest. A model that has diverged lies nowhere.
    """
    images = model.generate(_COUNTED, seed=seed)
    reading = read(judge, images)
    covered = coverage.strict_shares(reading) >= coverage.LEAST_SHARE
    strict, rejected, kl = int(covered.sum()), coverage.rejected_share(reading), coverage.kl_uniform(reading)
    found = {
        "strict_coverage": strict,
        "naive_coverage": coverage.naive_coverage(reading),
        "rejected": rejected,
        "kl_uniform": kl,
        "covered": float((covered * 2.0 ** np.arange(len(LETTERS))).sum()),
        "shortfall": 1 - strict / len(LETTERS) + rejected + kl,
    }
    return found | coverage.distances_to(reading, real, seed) if np.isfinite(images).all() else found


def report(run: Run, model: FontGAN, letters: Letters, judges: Judges, *, count: int) -> dict[str, Any]:
    """Judge the trained model, keep it as RUN/coverage.json, and draw what it draws.

    Raises:
        UserError: the model has diverged.
    """
    seed = run.config["seed"]
    asked = np.arange(count) % len(LETTERS) if model.labelled else None
    images = model.generate(count, seed=seed + 1, kinds=asked)
    if not np.isfinite(images).all():
        raise UserError(f"training has diverged, the model in {run.path} draws nothing: start anew with another --seed")
    seconds = training_seconds(run)
    found = assess(images, letters, judges.reporting, seed=seed, train_seconds=seconds, asked=asked)
    write_text(run.path / "coverage.json", json.dumps(found, indent=1) + "\n")
    plots.save_samples(model, images, letters, judges.reporting, run.path / "plots")
    return found
