"""What the verbs that compare models share: rows, what each is made with, and how a finished one is kept.

A comparison trains every row for equally long, judges it, and keeps a record of it. A record says what it was made
with; as long as that is what the command line asks for, the row is not made again.

WORK/ROW-seed-N.json   the record of a finished row
WORK/ROW-seed-N/       the run of its model, where one was trained
OUT/STEM.md            all rows as tables
OUT/STEM/              the same as a page, with pictures
"""

from __future__ import annotations

import argparse
import difflib
import json
import shutil
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from manymodes import cli
from manymodes.experiment.records import Record, Row, _plain, machine, read_record, versions
from manymodes.experiment.run import read_config
from manymodes.experiment.tables import check_text
from manymodes.files import check_output_folder, check_place, set_aside, write_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["machine", "versions"]

# --- rows ---------------------------------------------------------------------------------------------------


def rows_type(rows: Sequence[Row], ceiling: str) -> Callable[[str], tuple[Row, ...]]:
    """Return an argparse type: names of rows in the order of ``rows``, the one called ``ceiling`` with them."""

    def convert(text: str) -> tuple[Row, ...]:
        known = [row.name for row in rows]
        wanted = {ceiling, *(name.strip() for name in text.split(","))}
        for name in wanted - set(known):
            near = difflib.get_close_matches(name, known, n=2)
            hint = f"did you mean {' or '.join(near)}?" if near else f"rows are {', '.join(known)}"
            raise argparse.ArgumentTypeError(f"no row is called {name!r}: {hint}")
        return tuple(row for row in rows if row.name in wanted)

    return convert


def add_row_options(parser: argparse.ArgumentParser, rows: Sequence[Row], ceiling: str) -> None:
    """Add the options that say which rows are made: --rows, --minutes, --seeds."""
    parser.add_argument(
        "--rows", type=rows_type(rows, ceiling), default=tuple(rows), metavar="NAME,…",
        help=f"rows of the table (default all: {', '.join(row.name for row in rows)}); {ceiling} always joins",
    )  # fmt: skip
    parser.add_argument(
        "--minutes", type=cli.positive_float, default=4.0, help="what the updates of each model may take (default 4)"
    )
    parser.add_argument("--seeds", type=cli.positive_int, default=1, metavar="N", help="seeds 0 to N − 1 (default 1)")


def add_place_options(parser: argparse.ArgumentParser, stem: str, work: str) -> None:
    """Add the options that say where to: --out, --work, --force."""
    parser.add_argument(
        "--out", type=Path, default=Path("results"), metavar="DIR",
        help=f"folder for {stem}.md and {stem}/ (default results)",
    )  # fmt: skip
    parser.add_argument(
        "--work", type=Path, default=Path(work), metavar="DIR",
        help=f"folder for runs and finished rows, which are not made again (default {work})",
    )  # fmt: skip
    parser.add_argument("--force", action="store_true", help="set aside what stands in the way, under another name")


# --- records ------------------------------------------------------------------------------------------------


def record_file(work: Path, row: Row, seed: int) -> Path:
    """Return where the record of a finished row is kept."""
    return work / f"{row.name}-seed-{seed}.json"


def run_folder(work: Path, row: Row, seed: int) -> Path:
    """Return where a row's model is trained."""
    return work / f"{row.name}-seed-{seed}"


@dataclass(frozen=True)
class Terms(ABC):
    """What all rows of a comparison share; each package adds how its models are trained.

    Attributes:
        program: the verb that compares.
        not_compared: settings that follow from the data, which their fingerprint tells, or from the clock.
        data: what is learned from, as the training verb is told it.
        fingerprint: of that.
        minutes: that the updates of each model may take.
        count: examples generated for each row.
        work: folder of the records and runs.
    """

    program: ClassVar[str]
    not_compared: ClassVar[frozenset[str]]

    data: str | None
    fingerprint: str
    minutes: float
    count: int
    work: Path

    @abstractmethod
    def training_settings(self, row: Row, seed: int) -> dict[str, Any]:
        """Return the settings of a row's run as the training verb has them."""

    def settings(self, row: Row, seed: int) -> dict[str, Any]:
        """Return the settings of a row's run here; its epochs are yet to be planned."""
        made_with = self.made_with(row, seed)
        return {**self.training_settings(row, seed), "verb": self.program, "made_with": made_with}

    def made_with(self, row: Row, seed: int) -> dict[str, Any]:
        """Return all that decides what a row's record says, but for the speed of the machine."""
        made: dict[str, Any] = {
            "program": self.program,
            "version": version("manymodes"),
            "row": row.name,
            "seed": seed,
            "count": self.count,
            "fingerprint": self.fingerprint,
        }
        if row.config is not None:
            settings = self.training_settings(row, seed)
            made["minutes"] = self.minutes
            made["settings"] = {name: value for name, value in settings.items() if name not in self.not_compared}
        return made

    def run_folder(self, row: Row, seed: int) -> Path:
        """Return where a row's model is trained."""
        return run_folder(self.work, row, seed)

    def finished(self, row: Row, seed: int) -> Record | None:
        """Return the record of a row that was made with just this; None when there is none yet."""
        record = read_record(record_file(self.work, row, seed))
        return record if record is not None and record.made_with == self.made_with(row, seed) else None

    def keep(self, record: Record, row: Row, seed: int) -> None:
        """Write the record of a finished row; of its run the checkpoints go, which only what is unfinished needs."""
        write_text(record_file(self.work, row, seed), json.dumps(_plain(asdict(record)), allow_nan=False) + "\n")
        shutil.rmtree(self.run_folder(row, seed) / "checkpoints", ignore_errors=True)


# --- places -------------------------------------------------------------------------------------------------


def check_places(args: argparse.Namespace, stem: str, program: str) -> None:
    """Refuse before any work what would be refused after it.

    Args:
        args: with what `add_row_options` and `add_place_options` have added.
        stem: as for the latter.
        program: the verb that compares.

    Raises:
        UserError: a place holds what this program did not write, or one place is within another that is replaced.
    """
    page, work = (args.out / stem).resolve(), args.work.resolve()
    if page == work or page in work.parents:
        raise cli.UserError(f"--work {args.work} is within {args.out}/{stem}, which is replaced whole: choose another")
    check_output_folder(args.out / stem, force=args.force)
    check_text(args.out / f"{stem}.md", program, force=args.force)
    for row in args.rows:
        for seed in range(args.seeds):
            for path in _foreign(args.work, row, seed, program):
                if not args.force:
                    raise cli.UserError(
                        f"{path} was not written by this program: choose another --work, or --force to set it aside"
                    )
            check_place(record_file(args.work, row, seed))


def set_foreign_aside(work: Path, row: Row, seed: int, program: str) -> None:
    """Set aside what stands where a row is to be kept and is not this program's."""
    for path in _foreign(work, row, seed, program):
        set_aside(path)


def _foreign(work: Path, row: Row, seed: int, program: str) -> list[Path]:
    """List what stands where a row is kept and is not this program's."""
    file, run = record_file(work, row, seed), run_folder(work, row, seed)
    record = read_record(file)
    found = [file] if file.exists() and (record is None or record.made_with.get("program") != program) else []
    if run.is_file() or (run.is_dir() and any(run.iterdir()) and not _is_run_of(run, program)):
        found.append(run)
    return found


def _is_run_of(path: Path, program: str) -> bool:
    try:
        return read_config(path).get("verb") == program
    except cli.UserError:
        return False
