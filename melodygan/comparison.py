"""The rows of `melodygan.compare`: which there are, what each is made with, and how a finished one is kept."""

from __future__ import annotations

import json
import math
import os
import platform
import re
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from melodygan.train import settings_of
from modelkit.files import write_text
from modelkit.runs import VERSIONED

PROGRAM = "melodygan.compare"
LOSSES = ("generator_loss", "discriminator_loss", "bits_per_step", "val_bits_per_step")
"""What is kept of the last epoch of a run, in the order of the table."""

CEILING = "real"
"""The name of the row that all others stand beside."""

# Nothing that follows from the corpus or the clock: the one is told by its fingerprint, the other plans the epochs.
_NOT_COMPARED = {"verb", "corpus", "epochs"}


class Row(NamedTuple):
    """A row of the comparison.

    Attributes:
        name: as ``--rows`` takes it.
        title: as tables show it.
        arguments: of `melodygan.train`; None where nothing is trained (`melodygan.judging.CONTROLS`).
    """

    name: str
    title: str
    arguments: tuple[str, ...] | None = None


ROWS = (
    Row(CEILING, "real tunes (ceiling)"),
    Row("as-reported-gan", "GAN, as reported", ("--as-reported",)),
    Row("as-reported-wgan", "WGAN, as reported", ("--as-reported", "--wgan")),
    Row("as-reported-wgan-noise", "WGAN + noise, as reported", ("--as-reported", "--wgan", "--noise")),
    Row("as-reported-wgan-noise-l2", "WGAN + noise + L2, as reported", ("--as-reported", "--wgan", "--noise", "--l2")),
    Row("gan", "GAN", ()),
    Row("wgan", "WGAN", ("--wgan",)),
    Row("wgan-noise", "WGAN + noise", ("--wgan", "--noise")),
    Row("wgan-noise-l2", "WGAN + noise + L2", ("--wgan", "--noise", "--l2")),
    Row("lstm", "LSTM", ("--lstm",)),
    Row("attention", "attention", ("--attention",)),
    Row("replay", "training tunes replayed"),
    Row("random", "random notes"),
)
"""Every row, in the order of the tables."""


@dataclass(frozen=True)
class Terms:
    """What all rows of a comparison share.

    Attributes:
        corpus: a book's name or a path.
        fingerprint: of its tunes.
        minutes: that the updates of each model may take.
        count: tunes composed for each row.
        work: folder of the records and runs.
    """

    corpus: str
    fingerprint: str
    minutes: float
    count: int
    work: Path

    def settings(self, row: Row, seed: int) -> dict[str, Any]:
        """Return the settings of a row's run, as `melodygan.train` has them; its epochs are yet to be planned."""
        return {
            **settings_of([*(row.arguments or ()), f"--corpus={self.corpus}", f"--seed={seed}"]),
            "verb": PROGRAM,
            "made_with": self.made_with(row, seed),
        }

    def made_with(self, row: Row, seed: int) -> dict[str, Any]:
        """Return all that decides what a row's record says, but for the speed of the machine."""
        made: dict[str, Any] = {
            "program": PROGRAM,
            "version": version("manymodes"),
            "row": row.name,
            "seed": seed,
            "count": self.count,
            "fingerprint": self.fingerprint,
        }
        if row.arguments is not None:
            settings = settings_of([*row.arguments, f"--seed={seed}"])
            made["minutes"] = self.minutes
            made["settings"] = {name: value for name, value in settings.items() if name not in _NOT_COMPARED}
        return made

    def run_folder(self, row: Row, seed: int) -> Path:
        """Return where a row's model is trained."""
        return run_folder(self.work, row, seed)

    def finished(self, row: Row, seed: int) -> Record | None:
        """Return the record of a row that was made with just this; None when there is none yet."""
        record = read_record(record_file(self.work, row, seed))
        return record if record is not None and record.made_with == self.made_with(row, seed) else None

    def keep(self, record: Record, row: Row, seed: int) -> None:
        """Write the record of a finished row."""
        write_text(record_file(self.work, row, seed), json.dumps(_plain(asdict(record)), allow_nan=False) + "\n")


def record_file(work: Path, row: Row, seed: int) -> Path:
    """Return where the record of a finished row is kept."""
    return work / f"{row.name}-seed-{seed}.json"


def run_folder(work: Path, row: Row, seed: int) -> Path:
    """Return where a row's model is trained."""
    return work / f"{row.name}-seed-{seed}"


def machine() -> str:
    """Name the processor and say how many cores it has."""
    name = platform.processor() or platform.machine()
    try:
        found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    except OSError:  # not Linux
        found = None
    cores = os.cpu_count()
    return f"{found[1] if found else name}, {cores} {'core' if cores == 1 else 'cores'}"


def versions() -> dict[str, str]:
    """Name the programs that the figures depend on, with their versions."""
    return {"python": platform.python_version(), **{name: version(name) for name in VERSIONED}}


@dataclass(frozen=True)
class Record:
    """A finished row, for one seed.

    Attributes:
        made_with: as `Terms.made_with`.
        training: updates, speed and losses; empty where nothing was trained.
        measures: as `melodygan.judging.judge` gives them; None is not known.
        verdict: the same in sentences.
        figures: what is drawn.
        machine: where it was made.
        versions: of what it was made with.
        date: of the day, ISO 8601.
    """

    made_with: dict[str, Any]
    training: dict[str, Any]
    measures: dict[str, Any]
    verdict: dict[str, str]
    figures: dict[str, Any]
    machine: str = field(default_factory=machine)
    versions: dict[str, str] = field(default_factory=versions)
    date: str = field(default_factory=lambda: datetime.now(UTC).date().isoformat())


def read_record(path: Path) -> Record | None:
    """Read the record of a finished row; None where there is none of this program's."""
    try:
        record = Record(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    ours = isinstance(record.made_with, dict) and record.made_with.get("program") == PROGRAM
    return record if ours else None


def _plain(value: Any) -> Any:
    """Turn what is not known to null, which JSON has, from NaN and infinity, which it has not."""
    if isinstance(value, dict):
        return {name: _plain(entry) for name, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
