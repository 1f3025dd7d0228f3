"""The run folder: configuration, history, checkpoints, the model. A run that was killed at any moment can continue.

RUN/config.json               every setting, the program, the fingerprint of the data, versions
RUN/history.csv               one row an epoch
RUN/checkpoints/epoch-0007/   model.keras with its optimizers, and state.json: the newest epoch and the best one
RUN/model.keras               the best epoch's model, without optimizers, when training has ended
RUN/metrics.json              its measurements
RUN/lock                      locked while a process trains here
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
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from manymodes.cli import UserError
from manymodes.files import new_folder, new_run_folder, save_keras, write_text

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping
    from types import FrameType

    import keras

    from manymodes.experiment.config import Config

METRICS = "metrics.json"
VERSIONED = ("tensorflow", "keras", "numpy", "music21", "manymodes")


class Run:
    """A run folder: its settings, the history with one dict an epoch, and the other ``facts`` of config.json."""

    def __init__(self, path: Path, config: Config, facts: dict[str, Any]) -> None:
        self.path = path
        self.config = config
        self.history: list[dict[str, float]] = []
        self.facts = facts
        if self.last_checkpoint is not None:
            self.history = json.loads((self.last_checkpoint / "state.json").read_text(encoding="utf-8"))["history"]
            self._write_history()
        write_text(path / "config.json", json.dumps({**config.to_json(), **facts}, indent=1) + "\n")

    @classmethod
    def create(cls, path: Path, config: Config, **facts: Any) -> Run:
        """Make a run folder as `new_run_folder`; ``facts`` are further entries of config.json."""
        versions = {name: version(name) for name in VERSIONED}
        facts = {"program": config.program, "monitor": config.monitor, **facts, "versions": versions}
        return cls(new_run_folder(path), config, facts)

    @classmethod
    def continued(cls, path: Path, config: Config) -> Run:
        """Open a run folder to continue from its last checkpoint, with its settings and perhaps more epochs."""
        settings = config.to_json()
        return cls(path, config, {name: value for name, value in read_config(path).items() if name not in settings})

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from training here; raise a UserError that names another one that does already."""
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
        return max((self.path / "checkpoints").glob("epoch-*"), default=None)

    @property
    def best_epoch(self) -> int:
        """The first epoch (from 0) with the least value of the config's ``monitor``, which some epochs lack."""
        values = [row.get(self.config.monitor, math.nan) for row in self.history]
        return min(range(len(values)), key=lambda epoch: (math.isnan(values[epoch]), values[epoch]))

    def record(self, model: keras.Model, row: dict[str, float]) -> None:
        """Add an epoch to the history and write a checkpoint; only the newest and the best one are kept."""
        self.history.append(row)
        epoch = len(self.history) - 1
        with new_folder(self._checkpoint(epoch)) as folder:
            save_keras(model, folder / "model.keras")
            (folder / "state.json").write_text(json.dumps({"history": self.history}), encoding="utf-8")
        self._write_history()
        kept = {self._checkpoint(epoch), self._checkpoint(self.best_epoch)}
        for old in set((self.path / "checkpoints").glob("epoch-*")) - kept:
            shutil.rmtree(old)

    def best_checkpoint(self) -> Path:
        """Return the file of the best epoch's model."""
        return self._checkpoint(self.best_epoch) / "model.keras"

    def _write_history(self) -> None:
        rows = [{"epoch": epoch, **row} for epoch, row in enumerate(self.history, start=1)]
        text = io.StringIO()
        writer = csv.DictWriter(text, list(dict.fromkeys(name for row in rows for name in row)), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_text(self.path / "history.csv", text.getvalue())

    def _checkpoint(self, epoch: int) -> Path:
        return self.path / "checkpoints" / f"epoch-{epoch + 1:05d}"


def read_config(path: Path) -> dict[str, Any]:
    """Read the config.json of a run folder; raise a UserError if it is not one."""
    try:
        config = json.loads((path / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        config = None
    if not isinstance(config, dict) or "monitor" not in config:
        raise UserError(f"{path} is not a run folder (it has no usable config.json): give one that training has left")
    return config


def folder_of(args: argparse.Namespace, config: Config) -> Path:
    """Return the folder of the run that a command line of `training_parser` asks for."""
    return args.resume or args.out or Path("runs") / config.name


def open_run(args: argparse.Namespace, config: Config, fingerprint: str, *, data: str) -> Run:
    """Start the run of a command line in its folder or the first free successor, or continue that of ``--resume``.

    Data, called ``data`` in the message, that have changed since the run began raise a UserError.
    """
    path = folder_of(args, config)
    if not args.resume:
        run = Run.create(path, config, fingerprint=fingerprint)
        if run.path != path:
            print(f"{path} exists: this run goes to {run.path}")
        return run
    run = Run.continued(path, config)
    if run.facts["fingerprint"] != fingerprint:
        raise UserError(f"{data} has changed since {path} began: start a new run")
    print(f"continuing {path} after epoch {len(run.history)} of {config.epochs}")
    return run


_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interruption:
    """A context in which the first Ctrl-C, which ``happened``, stops training after the batch, the second at once.

    A signal to terminate or to hang up counts as Ctrl-C; nohup ignores the latter, which stays so. Scripts start
    programs in the background with Ctrl-C ignored, but whoever sends it means it.
    """

    def __init__(self, model: keras.Model) -> None:
        self.model = model
        self.happened = False

    def __enter__(self) -> Self:
        self._previous: dict[int, Any] = {}
        # Only the main thread may handle signals; the workers of a Dask cluster run their tasks in another.
        if threading.current_thread() is threading.main_thread():
            for number in _STOPPING:
                if number == signal.SIGINT or signal.getsignal(number) != signal.SIG_IGN:
                    self._previous[number] = signal.signal(number, self._stop)
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.happened = True
        self.model.stop_training = True
        self.__exit__()
        try:
            print("\nstopping after this batch; Ctrl-C again stops at once", flush=True)
        except OSError:  # the terminal is gone: whatever is printed later would fail, too
            for stream in (1, 2):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
