"""Training a variant inside a run folder, and what is looked at afterwards."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from fontgan import coverage, plots
from fontgan.assessment import assess
from fontgan.glyphs import LETTERS
from fontgan.judges import read
from fontgan.variants import prepare
from modelkit.files import write_text
from modelkit.fitting import fit_in_run
from modelkit.randomness import make_deterministic

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fontgan.fonts import Letters
    from fontgan.gan import FontGAN
    from fontgan.judges import Judges
    from modelkit.runs import Run

EVERY = 10
"""Epochs after which letters are counted."""

SHEETS = (1, 10, 30, 50, 100)
"""Epochs whose alphabets are drawn, beside the last."""

_COUNTED = 1000
_SECONDS = "training-seconds.json"


class Stopwatch(keras.callbacks.Callback):
    """Keep the seconds that training has taken so far, measures not counted, in RUN/training-seconds.json."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.seconds = read_seconds(path)

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002 - Keras' signature
        """Start."""
        self.begun = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002 - the same
        """Stop, and go on."""
        now = time.perf_counter()
        self.seconds += now - self.begun
        self.begun = now

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002 - the same
        """Keep what there is."""
        write_text(self.path, json.dumps(self.seconds) + "\n")


def read_seconds(path: Path) -> float:
    """Read what a `Stopwatch` has kept, 0 where there is nothing."""
    try:
        return float(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return 0.0


def train_in(run: Run, letters: Letters, judges: Judges, *, tensorboard: bool = False) -> tuple[FontGAN, bool]:
    """Train what ``run.config`` describes from where the run stands; draw its history.

    Returns:
        the best epoch's model, and whether training went through to its end.
    """
    make_deterministic(run.config["seed"])
    model, batches = prepare(run.config, letters, len(run.history), run.last_checkpoint)
    callbacks: list[keras.callbacks.Callback] = [Stopwatch(run.path / _SECONDS)]
    if tensorboard:
        callbacks.append(keras.callbacks.TensorBoard(str(run.path / "tensorboard")))
    measure = measuring(run, model, judges)
    best, complete = fit_in_run(run, model, batches, run.config["epochs"], measure=measure, callbacks=callbacks)
    if run.history:
        plots.save_training(run.history, run.path / "plots")
    return best, complete


def measuring(run: Run, model: FontGAN, judges: Judges) -> Callable[[], dict[str, float]]:
    """Return what measures a model after each epoch: its loss ratio, and every ten epochs its letters."""

    def measure() -> dict[str, float]:
        epoch = len(run.history) + 1
        logged = {metric.name: float(metric.result()) for metric in model.metrics}
        found = {"loss_ratio": logged["discriminator_loss"] / max(abs(logged["generator_loss"]), 1e-9)}
        if epoch % EVERY == 0 or epoch == run.config["epochs"]:
            found |= count_letters(model, judges.selecting, run.config["seed"])
        if epoch in SHEETS or epoch == run.config["epochs"]:
            plots.save_alphabets(model, judges.selecting, run.path / "plots" / f"alphabet-{epoch:04d}.png")
        return found

    return measure


def count_letters(model: FontGAN, judge: keras.Model, seed: int) -> dict[str, float]:
    """Return what the selecting judge reads in a thousand images.

    ``shortfall``, by which epochs are chosen, is the share of letters that are missing, plus the share of images not
    read with confidence, plus the divergence from an even alphabet in nats; ``covered`` has a bit for each covered
    letter, A the lowest.
    """
    reading = read(judge, model.generate(_COUNTED, seed=seed))
    covered = coverage.strict_shares(reading) >= coverage.LEAST_SHARE
    strict, rejected, kl = int(covered.sum()), coverage.rejected_share(reading), coverage.kl_uniform(reading)
    return {
        "strict_coverage": strict,
        "naive_coverage": coverage.naive_coverage(reading),
        "rejected": rejected,
        "kl_uniform": kl,
        "covered": float((covered * 2.0 ** np.arange(len(LETTERS))).sum()),
        "shortfall": 1 - strict / len(LETTERS) + rejected + kl,
    }


def report(run: Run, model: FontGAN, letters: Letters, judges: Judges, *, count: int) -> dict[str, Any]:
    """Judge the trained model, keep it as RUN/coverage.json, and draw what it draws."""
    seed = run.config["seed"]
    asked = np.arange(count) % len(LETTERS) if run.config["conditional"] else None
    images = model.generate(count, seed=seed + 1, kinds=asked)
    seconds = read_seconds(run.path / _SECONDS)
    found = assess(images, letters, judges.reporting, seed=seed, train_seconds=seconds, asked=asked)
    write_text(run.path / "coverage.json", json.dumps(found, indent=1) + "\n")
    plots.save_samples(model, images, letters, judges.reporting, run.path / "plots")
    return found
