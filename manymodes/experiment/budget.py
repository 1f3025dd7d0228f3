"""Training for so many seconds: what models may spend that are compared, and how they are stopped.

Updates are what is timed. What TensorFlow takes to build its graph, the measuring after each epoch and the writing of
checkpoints are the cost of looking, not of learning; they would take more from a model whose epochs are short.

Learning rates fall along a curve over the planned epochs, so the plan must fit the time: planned too long, a model
would be judged in the middle of its descent, planned too short, it would wait at its end. How many updates a machine
makes is not known beforehand, so a twentieth of the time is first spent, beside the budget, on training a model that
is thrown away, and as many epochs are planned as fit at its speed. That is more honest than a plan chosen large: under
it the slowest model would make the fewest updates and make them all at nearly its first rate. A run is then what the
training verb does with the number of epochs that config.json names, but that the clock ends it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import keras
from tqdm import tqdm

from manymodes.cli import UserError
from manymodes.experiment.fit import fit_in_run
from manymodes.experiment.run import Run, read_config
from manymodes.nn.randomness import make_deterministic

_TRIAL_SHARE = 0.05
_ENDLESS = 1_000_000  # epochs; the clock ends training
_BAR = "{desc}: {percentage:3.0f}%|{bar}| {n:.0f}/{total:.0f} s"


class Training(NamedTuple):
    """A model that is ready to be trained.

    Attributes:
        model: compiled.
        batches: what ``fit`` is given; its length is the number of updates of an epoch.
        measure: called after each epoch with its number, from 1, and whether it is the last one; what it returns joins
            the history.
        callbacks: beside those that keep the time and the run.
        fit: further arguments of ``fit``.
    """

    model: keras.Model
    batches: Any
    measure: Callable[[int, bool], Mapping[str, float]] = lambda *_: {}
    callbacks: tuple[keras.callbacks.Callback, ...] = ()
    fit: Mapping[str, Any] = {}


Prepare: TypeAlias = Callable[[dict[str, Any], int, Path | None], Training]
"""Build what settings describe, ready for the epoch after so many, from the folder of a checkpoint or afresh."""


class Trained(NamedTuple):
    """A model that was trained for its time.

    Attributes:
        model: the best epoch's.
        facts: what tables say of its training.
        history: of all epochs.
    """

    model: keras.Model
    facts: dict[str, Any]
    history: list[dict[str, float]]


class TimeBudget(keras.callbacks.Callback):
    """Stop training when its updates have taken so many seconds together.

    The first update of each ``fit`` counts as an update but not in time: in it the graph is built.

    Args:
        seconds: that updates may take.
        after: the last row of the history of a run that is continued, as `measures` has left it.
        progress: called after each update with the seconds that it took.
        clock: gives the time in seconds.

    Attributes:
        spent: seconds that updates have taken so far.
        updates: how many there were.
        timed: how many of them `spent` is the time of.
    """

    def __init__(
        self,
        seconds: float,
        *,
        after: Mapping[str, float] | None = None,
        progress: Callable[[float], object] = float,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        super().__init__()
        before = after or {}
        self.seconds, self.progress, self.clock = seconds, progress, clock
        self.spent = before.get("seconds", 0.0)
        self.updates, self.timed = int(before.get("updates", 0)), int(before.get("timed_updates", 0))
        self._built = False
        self._began = 0.0

    @property
    def over(self) -> bool:
        """Whether the time has been spent."""
        return self.spent >= self.seconds

    def measures(self) -> dict[str, float]:
        """Return what the history of a run keeps of it."""
        return {"seconds": self.spent, "updates": self.updates, "timed_updates": self.timed}

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Expect the graph to be built."""
        self._built = False

    def on_train_batch_begin(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Look at the clock."""
        self._began = self.clock()

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Look at the clock again."""
        took = self.clock() - self._began
        self.updates += 1
        if self._built:
            self.timed += 1
            self.spent += took
            self.progress(took)
        self._built = True
        if self.over:
            self.model.stop_training = True


def train_for(
    seconds: float,
    path: Path,
    settings: dict[str, Any],
    prepare: Prepare,
    *,
    examples: int,
    losses: Sequence[str],
    title: str = "",
    clock: Callable[[], float] = time.perf_counter,
) -> Trained:
    """Train what ``settings`` describe for so long, and choose among its epochs as the settings' ``monitor`` says.

    What the clock cuts short counts as an epoch, so that the last state is always among those to choose from.

    Args:
        seconds: that updates may take.
        path: run folder; a run in it that was ``made_with`` the same is continued.
        settings: of the run, but for the number of epochs, which is planned here.
        prepare: builds the model.
        examples: how many an update looks at.
        losses: columns of the history whose last values are among the facts.
        title: shown beside the progress bar.
        clock: gives the time in seconds.

    Raises:
        KeyboardInterrupt: Ctrl-C; the run can be continued.
    """
    # It warns of a function that is traced again and again; here many models are each traced once.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    run = _open_run(seconds, path, settings, prepare, clock)
    make_deterministic(run.config["seed"])
    training = prepare(run.config, len(run.history), run.last_checkpoint)
    with tqdm(desc=title, total=seconds, bar_format=_BAR, leave=False, disable=None) as bar:
        budget = TimeBudget(seconds, after=run.history[-1] if run.history else {}, progress=bar.update, clock=clock)
        bar.update(budget.spent)
        best, complete = fit_in_run(
            run,
            training.model,
            training.batches,
            len(run.history) if budget.over else _ENDLESS,
            measure=lambda: {**training.measure(len(run.history) + 1, budget.over), **budget.measures()},
            callbacks=(*training.callbacks, budget),
            verbose=0,
            **training.fit,
        )
    if not complete:
        raise KeyboardInterrupt
    return Trained(best, _facts(run, examples, losses), run.history)


def plan_epochs(
    seconds: float, settings: dict[str, Any], prepare: Prepare, clock: Callable[[], float] = time.perf_counter
) -> int:
    """Return how many epochs fit into so many seconds, at least 1, by training a model that is thrown away."""
    make_deterministic(settings["seed"])
    training = prepare(settings, 0, None)
    trial = TimeBudget(seconds * _TRIAL_SHARE, clock=clock)
    callbacks = (*training.callbacks, trial)
    training.model.fit(training.batches, epochs=_ENDLESS, shuffle=False, callbacks=callbacks, verbose=0)
    fitting = seconds * trial.timed / trial.spent
    return max(1, round(fitting / len(training.batches)))


def _open_run(
    seconds: float, path: Path, settings: dict[str, Any], prepare: Prepare, clock: Callable[[], float]
) -> Run:
    """Continue the run at ``path`` if it was made with the same, else begin a new one."""
    try:
        kept = read_config(path)
    except UserError:  # nothing is there yet
        kept = {}
    if kept.get("made_with") == settings["made_with"]:
        return Run.resume(path)
    return Run.start(path, {**settings, "epochs": plan_epochs(seconds, settings, prepare, clock)})


def _facts(run: Run, examples: int, losses: Sequence[str]) -> dict[str, Any]:
    last = run.history[-1]
    return {
        "losses": {name: last[name] for name in losses if name in last},
        "updates": int(last["updates"]),
        "seconds": last["seconds"],
        "examples_per_second": examples * last["timed_updates"] / last["seconds"],
        "epochs": len(run.history),
        "planned_epochs": run.config["epochs"],
        "judged_epoch": run.best_epoch + 1,
    }
