"""The run folder: configuration, history, checkpoints, the model; a run can continue wherever it was killed.

RUN/config.json               every setting, the program, the fingerprint of the data, versions
RUN/history.csv               one row an epoch
RUN/checkpoints/epoch-0007/   model.keras with its optimizers, and state.json: the newest epoch and the best one
RUN/model.keras               the best epoch's model, without optimizers; there only when training has ended
RUN/metrics.json              what was measured of that model
RUN/lock                      held while a process trains here
"""

from __future__ import annotations

import contextlib
import csv
import fcntl
import io
import json
import math
import os
import platform
import shutil
import signal
import threading
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Self

from manymodes.cli import UserError
from manymodes.files import new_folder, new_run_folder, save_keras, write_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from types import FrameType

    import keras

    from manymodes.experiment.config import Config

METRICS = "metrics.json"
VERSIONED = ("tensorflow", "keras", "numpy", "music21", "manymodes")


class Run:
    """A run folder and the state of its training.

    Attributes:
        path: the folder.
        config: the settings.
        history: one dict an epoch, oldest first.
        facts: the other entries of config.json.
    """

    def __init__(self, path: Path, config: Config, history: list[dict[str, float]]) -> None:
        self.path = path
        self.config = config
        self.history = history
        self.facts: dict[str, Any] = {}

    @classmethod
    def create(cls, path: Path, config: Config, **facts: Any) -> Run:
        """Make a run folder at ``path``, or at the first free of ``path-2``, ``path-3`` and so on.

        Args:
            path: the folder.
            config: the settings.
            **facts: further entries of config.json, such as the ``fingerprint`` of the data.
        """
        run = cls(new_run_folder(path), config, [])
        run.facts = {"program": config.program, "monitor": config.monitor, **facts}
        run.facts["versions"] = {name: version(name) for name in VERSIONED}
        run._write_config()
        return run

    @classmethod
    def continued(cls, path: Path, config: Config) -> Run:
        """Open a run folder to continue from its last checkpoint, or from the start when there is none yet.

        Args:
            path: the folder.
            config: its settings, perhaps with more epochs than before.

        Raises:
            UserError: it is no run folder.
        """
        names = config.to_json()
        kept = read_config(path)
        run = cls(path, config, [])
        run.facts = {name: value for name, value in kept.items() if name not in names}
        if run.last_checkpoint is not None:
            run.history = json.loads((run.last_checkpoint / "state.json").read_text(encoding="utf-8"))["history"]
            run.write_history()
        run._write_config()
        return run

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from training here at the same time.

        Raises:
            UserError: another process does; the message names it.
        """
        with (self.path / "lock").open("a+", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.seek(0)
                raise UserError(
                    f"{self.path} is in use by {file.read().strip() or 'another process'}: wait for it, or stop it"
                ) from None
            file.truncate(0)
            file.write(f"process {os.getpid()} on {platform.node()}\n")
            file.flush()
            yield
            file.truncate(0)

    def write_metrics(self, metrics: Mapping[str, Any]) -> None:
        """Write metrics.json."""
        write_text(self.path / METRICS, json.dumps(metrics, indent=1) + "\n")

    @property
    def last_checkpoint(self) -> Path | None:
        """The folder of the newest complete checkpoint."""
        found = sorted((self.path / "checkpoints").glob("epoch-*"))
        return found[-1] if found else None

    @property
    def monitor(self) -> str:
        """The column of the history whose least value names the best epoch."""
        return self.config.monitor

    @property
    def best_epoch(self) -> int:
        """The number of the epoch (from 0) with the least `monitor`, the first of equals; some epochs lack it."""
        values = [row.get(self.monitor, math.nan) for row in self.history]
        return min(range(len(values)), key=lambda epoch: (math.isnan(values[epoch]), values[epoch]))

    def record(self, model: keras.Model, row: dict[str, float]) -> None:
        """Add an epoch to the history and write a checkpoint; only the newest and the best one are kept."""
        self.history.append(row)
        epoch = len(self.history) - 1
        with new_folder(self._checkpoint(epoch)) as folder:
            save_keras(model, folder / "model.keras")
            (folder / "state.json").write_text(json.dumps({"history": self.history}), encoding="utf-8")
        self.write_history()
        kept = {self._checkpoint(epoch), self._checkpoint(self.best_epoch)}
        for old in set((self.path / "checkpoints").glob("epoch-*")) - kept:
            shutil.rmtree(old)

    def best_checkpoint(self) -> Path:
        """Return the file of the best epoch's model."""
        return self._checkpoint(self.best_epoch) / "model.keras"

    def write_history(self) -> None:
        """Write history.csv."""
        text = io.StringIO()
        names = ["epoch", *dict.fromkeys(name for row in self.history for name in row)]
        writer = csv.DictWriter(text, names, lineterminator="\n")
        writer.writeheader()
        for epoch, row in enumerate(self.history, start=1):
            writer.writerow({"epoch": epoch, **row})
        write_text(self.path / "history.csv", text.getvalue())

    def _write_config(self) -> None:
        kept = {**self.config.to_json(), **self.facts}
        write_text(self.path / "config.json", json.dumps(kept, indent=1) + "\n")

    def _checkpoint(self, epoch: int) -> Path:
        return self.path / "checkpoints" / f"epoch-{epoch + 1:05d}"


def read_config(path: Path) -> dict[str, Any]:
    """Read the settings of a run folder.

    Raises:
        UserError: it is no run folder.
    """
    try:
        config = json.loads((path / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        config = None
    if not isinstance(config, dict) or "monitor" not in config:
        raise UserError(f"{path} is not a run folder (it has no usable config.json): give one that training has left")
    return config


def open_run(path: Path, config: Config, fingerprint: str, *, resume: bool, data: str) -> Run:
    """Start a run, or open the one to continue.

    Args:
        path: its folder; a new run uses ``path-2``, ``path-3`` … if the folder is not empty.
        config: its settings.
        fingerprint: the fingerprint of the data.
        resume: continue an existing run.
        data: name of the data in messages.

    Raises:
        UserError: the data have changed since the run began.
    """
    if not resume:
        run = Run.create(path, config, fingerprint=fingerprint)
        if run.path != path:
            print(f"{path} exists: this run goes to {run.path}")
        return run
    run = Run.continued(path, config)
    if run.facts["fingerprint"] != fingerprint:
        raise UserError(f"{data} has changed since {path} began: start a new run")
    print(f"continuing {path} after epoch {len(run.history)} of {config.epochs}")
    return run


class Interruption:
    """A context in which the first Ctrl-C stops training after the batch, and the second one at once.

    Attributes:
        happened: whether Ctrl-C was pressed.
    """

    def __init__(self, model: keras.Model) -> None:
        self.model = model
        self.happened = False

    def __enter__(self) -> Self:
        # Only the main thread may handle signals; the workers of a Dask cluster run their tasks in another.
        self._catches = threading.current_thread() is threading.main_thread()
        if self._catches:
            self._previous = signal.signal(signal.SIGINT, self._stop)
        return self

    def __exit__(self, *exception: object) -> None:
        if self._catches:
            signal.signal(signal.SIGINT, self._previous)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.happened = True
        self.model.stop_training = True
        signal.signal(signal.SIGINT, self._previous)
        print("\nstopping after this batch; Ctrl-C again stops at once")
