"""Training a variant inside a run folder, and what is looked at afterwards."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import keras

from manymodes.experiment.fit import fit_in_run
from manymodes.files import write_text
from manymodes.nn.randomness import make_deterministic
from melodygan import plots
from melodygan.models.lstm import TuneBatches
from melodygan.trainer import prepare

if TYPE_CHECKING:
    from collections.abc import Sequence

    from manymodes.experiment.run import Run
    from melodygan.data.corpus import Split
    from melodygan.data.encoding import Note, Tune


def train_in(run: Run, split: Split, *, tensorboard: bool = False) -> tuple[keras.Model, bool]:
    """Train what ``run.config`` describes from where the run stands; draw its losses.

    Returns:
        the best epoch's model, and whether training went through to its end.
    """
    make_deterministic(run.config["seed"])
    model, batches, measure, callbacks, fit = prepare(run.config, split, len(run.history), run.last_checkpoint)
    if tensorboard:
        callbacks += (keras.callbacks.TensorBoard(str(run.path / "tensorboard")),)
    best, complete = fit_in_run(run, model, batches, run.config["epochs"], measure=measure, callbacks=callbacks, **fit)
    if run.history:
        plots.save_history(run.history, run.path / "plots" / "history.png")
    return best, complete


def draw(run: Run, generated: Sequence[Sequence[Note]], held_out: Sequence[Tune]) -> None:
    """Draw some generated tunes above a real one, and how different they are among themselves."""
    real = [tune.notes for tune in held_out]
    shown = [(f"generated {number:03d}", notes) for number, notes in enumerate(generated[:3], start=1)]
    plots.save_tunes([*shown, (f"real: {held_out[0].name}", real[0])], run.path / "plots" / "tunes.png")
    if min(len(generated), len(real)) > 1:
        plots.save_spread(generated, real, run.path / "plots" / "spread.png")


def evaluate_lstm(run: Run, model: keras.Model, tunes: Sequence[Tune]) -> dict[str, Any]:
    """Measure the LSTM on held-out tunes, print it, and keep it as RUN/test.json."""
    batches = TuneBatches(tunes, model.vocabulary, run.config["batch_size"])
    results = model.evaluate(batches.dataset(), return_dict=True, verbose=0)
    measured = {name: float(value) for name, value in results.items()}
    write_text(run.path / "test.json", json.dumps(measured, indent=1) + "\n")
    print(f"on {len(tunes)} held-out tunes: " + ", ".join(f"{name} {value:.3f}" for name, value in measured.items()))
    return measured
