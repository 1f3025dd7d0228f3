"""How a row of `drumvae.compare` comes about that is trained: a model has its time, is analysed, and composes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from drumvae.beats import compose, draw_latents
from drumvae.comparison import LOSSES
from drumvae.comparison_judging import Made, asked_styles
from drumvae.fitting import measuring
from drumvae.metrics.diagnostics import analyse
from drumvae.trainer import examples_of, prepare
from manymodes.experiment.budget import Training, train_for
from manymodes.experiment.fit import has_diverged, without_optimizer
from manymodes.experiment.rows import DivergedError
from manymodes.files import save_keras

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from drumvae.comparison import Terms
    from drumvae.data.grooves import Grooves
    from manymodes.experiment.compare import Row


def made_after_training(
    row: Row, seed: int, terms: Terms, grooves: Grooves, *, clock: Callable[[], float] = time.perf_counter
) -> Made:
    """Train a row's model for its minutes, choose among its epochs as `drumvae.train` does, analyse it, and compose.

    Raises:
        DivergedError: its weights are no numbers any more.
        KeyboardInterrupt: Ctrl-C; the run can be continued.
    """
    folder, settings = terms.run_folder(row, seed), terms.settings(row, seed)

    def ready(kept: dict[str, Any], done: int, checkpoint: Path | None) -> Training:
        model, batches, callbacks = prepare(kept, grooves, done, checkpoint)
        measure = measuring(model, grooves)
        return Training(model, batches, lambda *_: measure(), callbacks)

    trained = train_for(
        60 * terms.minutes, folder, settings, ready,
        examples=settings["batch_size"], losses=LOSSES, title=f"{row.name}, seed {seed}", clock=clock,
    )  # fmt: skip
    model = trained.model
    if has_diverged(model):
        raise DivergedError
    if not model.supervised:
        examples, styles = examples_of(grooves.train)
        model.name_styles(examples[0], styles)
        save_keras(without_optimizer(model), folder / "model.keras")
    found = analyse(model, grooves, seed=seed, train_seconds=trained.facts["seconds"])
    asked = asked_styles(grooves, terms.count)
    composed = compose(model, draw_latents(model, np.eye(len(grooves.styles))[asked], seed=seed), seed=seed)
    measures = {name: value for name, value in found.items() if name != "sweeps"}
    return Made(composed, asked, measures, trained.facts, trained.history)
