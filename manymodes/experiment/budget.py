"""A time budget for training: all models of a comparison are trained for the same time.

Only the processor time of updates counts: building TensorFlow's graph, measuring and writing checkpoints would cost a
model with short epochs more, and other programs would cost whatever trains beside them.

Learning rates decay over the planned epochs, so the plan must fit the budget. A twentieth of the time is first spent,
beside the budget, on a model that is discarded, and its speed decides how many epochs are planned. With one large plan
for all, the slowest model would make its few updates at nearly its first learning rate.
"""

from __future__ import annotations

import logging
import math
import shutil
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import keras
from tqdm import tqdm

from manymodes.cli import UserError
from manymodes.experiment.fit import fit_in_run
from manymodes.experiment.run import Run, read_config
from manymodes.nn.randomness import make_deterministic

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from manymodes.experiment.config import Config
    from manymodes.experiment.fit import Prepare

_TRIAL_SHARE = 0.05
_ENDLESS = 1_000_000  # epochs; the clock ends training
_BAR = "{desc}: {percentage:3.0f}%|{bar}| {n:.0f}/{total:.0f} s"


class Trained(NamedTuple):
    """The best epoch's model of a training with a budget, facts for tables, a row of history an epoch, and the run."""

    model: keras.Model
    facts: dict[str, Any]
    history: list[dict[str, float]]
    run: Run


class TimeBudget(keras.callbacks.Callback):
    """Stop training when its updates have taken a number of seconds.

    The first update of each ``fit`` is not timed, because the graph is built in it. A continued run gives the last row
    of its history, with the columns of `measures`; ``progress`` is called after each update with the seconds that it
    took.
    """

    def __init__(
        self, seconds: float, *, after: Mapping[str, float] = {}, progress: Callable[[float], object] = float
    ) -> None:
        super().__init__()
        self.seconds, self.progress = seconds, progress
        self.spent = after.get("seconds", 0.0)
        self.updates, self.timed = int(after.get("updates", 0)), int(after.get("timed_updates", 0))

    @property
    def over(self) -> bool:
        """Whether the time has been spent."""
        return self.spent >= self.seconds

    def measures(self) -> dict[str, float]:
        """Return the columns for the history of the run."""
        return {"seconds": self.spent, "updates": self.updates, "timed_updates": self.timed}

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Expect the graph to be built in the first update."""
        self._built = False

    def on_train_batch_begin(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Start the clock."""
        self._began = time.process_time()

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Add the time of the update, and stop when all is spent."""
        took = time.process_time() - self._began
        self.updates += 1
        if self._built:
            self.timed += 1
            self.spent += took
            self.progress(took)
        self._built = True
        if self.over:
            self.model.stop_training = True


def train_with_budget(
    path: Path,
    config: Config,
    prepare: Prepare,
    data: Any,
    *,
    examples: int,
    minutes: float = math.inf,
    epochs: int | None = None,
    title: str = "",
    **facts: Any,
) -> Trained:
    """Train a model until its budget is spent, and choose the best of its epochs by the config's ``monitor``.

    An epoch that the clock cuts short counts, so that the last state can be chosen. The number of epochs in the config
    is planned here, and an existing run in the folder is continued: after Ctrl-C, which raises a KeyboardInterrupt, the
    same call goes on. A run in which another process trains raises a UserError.

    Args:
        path: run folder.
        config: of the model.
        prepare: builds the training from the configuration and the data.
        data: of the training.
        examples: number of examples in an update.
        minutes: of updates, in processor time.
        epochs: to train instead, so that results do not depend on the speed of the machine.
        title: shown beside the progress bar; without one there is no bar.
        **facts: further entries of config.json.
    """
    # TensorFlow warns of functions that are traced often; here each of many models is traced once.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    seconds = math.inf if epochs else 60 * minutes
    try:
        run = Run.continued(path, replace(config, epochs=read_config(path)["epochs"]))
    except UserError:
        # nothing there, or the rest of a process that was killed before it had written config.json
        shutil.rmtree(path, ignore_errors=True)
        planned = epochs or epochs_that_fit(seconds, config, prepare, data)
        run = Run.create(path, replace(config, epochs=planned), **facts)
    hidden = None if title and seconds < math.inf else True  # None: shown in a terminal
    with tqdm(desc=title, total=seconds, bar_format=_BAR, leave=False, disable=hidden) as bar:
        timer = TimeBudget(seconds, after=run.history[-1] if run.history else {}, progress=bar.update)
        bar.update(timer.spent)
        last_epoch = epochs or (len(run.history) if timer.over else _ENDLESS)
        best, complete = fit_in_run(
            run, prepare, data, last_epoch, callbacks=[timer], measure=timer.measures, verbose=0
        )
    if not complete:
        raise KeyboardInterrupt
    last = run.history[-1]
    results = {
        "losses": dict(last),
        "updates": int(last["updates"]),
        "seconds": last["seconds"],
        "examples_per_second": examples * last["timed_updates"] / last["seconds"] if last["seconds"] else None,
        "epochs": len(run.history),
        "planned_epochs": run.config.epochs,
        "judged_epoch": run.best_epoch + 1,
    }
    return Trained(best, results, run.history, run)


def epochs_that_fit(seconds: float, config: Config, prepare: Prepare, data: Any) -> int:
    """Return how many epochs fit into a time, at least 1, by training a model that is discarded."""
    make_deterministic(config.seed)
    training = prepare(config, data, 0, None)
    trial = TimeBudget(seconds * _TRIAL_SHARE)
    callbacks = (*training.callbacks, trial)
    training.model.fit(training.batches, epochs=_ENDLESS, shuffle=False, callbacks=callbacks, verbose=0)
    return max(1, round(seconds * trial.timed / trial.spent / len(training.batches)))
