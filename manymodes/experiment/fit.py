"""Training in a run folder: record epochs, handle interruptions, keep the best epoch."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import keras
import numpy as np

from manymodes.experiment.run import METRICS, Interruption, Run
from manymodes.files import save_keras, write_text
from manymodes.nn.randomness import make_deterministic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

_SECONDS = "training-seconds.json"


class Training(NamedTuple):
    """A model that is ready to be trained.

    Attributes:
        model: a compiled model; that of the last checkpoint if a run is continued.
        batches: a ``PyDataset`` or ``tf.data.Dataset``; its length is the number of updates of an epoch.
        measure: called after each epoch with its number, from 1, and whether it is the last one; the result is added
            to the history.
        callbacks: further Keras callbacks.
        fit: further arguments of ``fit``.
        finish: called with the best epoch's model before it is saved, and with whether training is complete.
    """

    model: keras.Model
    batches: Any
    measure: Callable[[int, bool], Mapping[str, float]] = lambda *_: {}
    callbacks: tuple[keras.callbacks.Callback, ...] = ()
    fit: Mapping[str, Any] = {}
    finish: Callable[[Any, bool], object] = lambda *_: None


Prepare: TypeAlias = "Callable[[Any, Any, int, Path | None], Training]"
"""Build a training from configuration, data, number of epochs done and the last checkpoint's folder."""


def fit(
    run: Run,
    prepare: Prepare,
    data: Any,
    *,
    tensorboard: bool = False,
    draw: Callable[[list[dict[str, float]], Path], object] = lambda *_: None,
) -> keras.Model | None:
    """Train or continue the model of ``run.config``, write ``model.keras``, and print its place.

    The run is locked during training. ``draw`` is called with the history and the folder for its pictures.

    Returns:
        the model of the best epoch; None if training was stopped, after a line that says how to continue it.
    """
    callbacks: list[keras.callbacks.Callback] = [Stopwatch(run)]
    if tensorboard:
        callbacks.append(keras.callbacks.TensorBoard(str(run.path / "tensorboard")))
    model, complete = fit_in_run(run, prepare, data, run.config.epochs, callbacks=callbacks)
    if run.history:
        draw(run.history, run.path / "plots")
    print(f"wrote {run.path}/model.keras (epoch {run.best_epoch + 1 if run.history else 1})")
    if complete:
        return model
    print(f"stopped; continue with: python -m {run.config.program} --resume {run.path}")
    return None


def fit_in_run(
    run: Run,
    prepare: Prepare,
    data: Any,
    epochs: int,
    *,
    callbacks: Iterable[keras.callbacks.Callback] = (),
    measure: Callable[[], Mapping[str, float]] = dict,
    **options: Any,
) -> tuple[keras.Model, bool]:
    """Train until the run has ``epochs`` epochs in all, and write ``model.keras``; the run is locked meanwhile.

    The callbacks and ``measure``, whose result is added to the logs of each epoch, are in addition to those of the
    training; the options are further arguments of Keras' ``fit``.

    Returns:
        the model of the best epoch, and whether training was completed.
    """
    with run.locked():
        if len(run.history) < epochs:
            (run.path / METRICS).unlink(missing_ok=True)  # of the model before
        make_deterministic(run.config.seed)
        training = prepare(run.config, data, len(run.history), run.last_checkpoint)

        def measured(epoch: int) -> dict[str, float]:
            last = epoch == epochs or training.model.stop_training
            return {**training.measure(epoch, last), **measure()}

        with Interruption(training.model) as interruption:
            training.model.fit(
                training.batches,
                initial_epoch=len(run.history),
                epochs=epochs,
                shuffle=False,  # Keras would draw the order of the batches from Python's own random state
                callbacks=[Recorder(run, interruption, measured), *training.callbacks, *callbacks],
                **training.fit,
                **options,
            )
        best = keras.models.load_model(run.best_checkpoint()) if run.history else training.model
        training.finish(best, not interruption.happened)
        save_keras(without_optimizer(best), run.path / "model.keras")
    return best, not interruption.happened


class Recorder(keras.callbacks.Callback):
    """Add the results of ``measure`` to the logs of each epoch, before other callbacks, and record the epoch."""

    def __init__(self, run: Run, interruption: Interruption, measure: Callable[[int], Mapping[str, float]]) -> None:
        super().__init__()
        self.run, self.interruption, self.measure = run, interruption, measure

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Keep an earlier interruption, which ``fit`` has just reset."""
        self.model.stop_training = self.interruption.happened

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Measure, then record; an interrupted epoch is not recorded, and continuing repeats it."""
        if self.interruption.happened or logs is None:
            return
        logs.update(self.measure(len(self.run.history) + 1))
        self.run.record(self.model, {name: float(value) for name, value in logs.items()})


class Stopwatch(keras.callbacks.Callback):
    """Save the seconds that the updates have taken in the run folder."""

    def __init__(self, run: Run) -> None:
        super().__init__()
        self.path = run.path / _SECONDS
        self.seconds = training_seconds(run.path)

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Start."""
        self.begun = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Add the time since the last update."""
        now = time.perf_counter()
        self.seconds += now - self.begun
        self.begun = now

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Save the seconds so far."""
        write_text(self.path, json.dumps(self.seconds) + "\n")


def training_seconds(run: Path) -> float:
    """Return the seconds that a `Stopwatch` saved in a run folder, 0 if there are none."""
    try:
        return float(json.loads((run / _SECONDS).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return 0.0


def has_diverged(model: keras.Model) -> bool:
    """Return whether weights have become NaN or infinite."""
    return not all(np.isfinite(weights).all() for weights in model.get_weights())


def without_optimizer(model: keras.Model) -> keras.Model:
    """Return an uncompiled copy: without the optimizer its file is a third as large."""
    copy = type(model).from_config(model.get_config())
    copy.build(None)
    copy.set_weights(model.get_weights())
    return copy
