"""Compare the models of a package: each is trained for the same time and measured beside baselines.

A package subclasses `Comparison` and calls `main` with it. Finished rows are kept, so that the same command continues
an interrupted comparison:

WORK/ROW-seed-N-KEY.json   the record of a finished row; KEY is a checksum of what it was made with
WORK/ROW-seed-N-KEY/       the run of its model
OUT/STEM.md                all rows as tables
OUT/STEM/                  the same as a page, with pictures
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import json
import os
import shlex
import shutil
import sys
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from manymodes import cli
from manymodes.experiment.parallel import each, use_one_core
from manymodes.experiment.records import Record, Row, read_record, write_record
from manymodes.files import check_folder, check_new_file

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from manymodes.experiment.budget import Trained
    from manymodes.experiment.config import Config
    from manymodes.experiment.fit import Training
    from manymodes.experiment.page import Picture
    from manymodes.experiment.records import Records
    from manymodes.experiment.tables import Table


class LeftOutError(Exception):
    """A row has no results, for the reason in the message, and is left out of the tables."""


class Data(NamedTuple):
    """The training data of one seed, and their fingerprint, which changes with the content.

    The summary is a line printed at the start, the description is for the page, without the fingerprint.
    """

    content: Any
    fingerprint: str
    summary: str
    description: str


class Result(NamedTuple):
    """The results of a row: measures, NaN or None where unknown, sentences without a full stop, and data for pictures.

    The facts are added to those of the training.
    """

    measures: Mapping[str, Any]
    verdict: Mapping[str, str]
    figures: Mapping[str, Any]
    facts: Mapping[str, Any] = {}


@dataclass(frozen=True)
class Job:
    """A row to compute for one seed; without a configuration it is a baseline.

    ``args`` is the command line, with ``count``, ``minutes``, ``epochs``, ``work`` and the package's own options;
    ``made_with`` is everything that decides the results, except the speed of the machine.
    """

    row: Row
    seed: int
    config: Config | None
    args: argparse.Namespace
    data: Data
    made_with: dict[str, Any]

    @property
    def folder(self) -> Path:
        """The folder of the run; the record is beside it."""
        key = hashlib.sha256(json.dumps(self.made_with, sort_keys=True).encode()).hexdigest()[:8]
        return self.args.work / f"{self.row.name}-seed-{self.seed}-{key}"


class Comparison(ABC):
    """The base class of a package's comparison.

    Attributes:
        program: the command.
        module: the module that holds it as ``COMPARISON``, so that other processes find it; by default the program.
        stem: name of the results.
        rows: in the order of the tables; the first one is the ceiling, which is always made.
        work: default folder for finished rows and runs.
        data_name: the word for the data on the page.
        data_settings: the settings that say which data to load; they are options of the command.
        count: default of ``--count``.
        counted: for the particulars, with ``{}`` for the count: ``{} tunes composed by each``.
    """

    program: ClassVar[str]
    module: ClassVar[str] = ""
    stem: ClassVar[str]
    title: ClassVar[str]
    description: ClassVar[str]
    example: ClassVar[str]
    rows: ClassVar[tuple[Row, ...]]
    work: ClassVar[str]
    data_name: ClassVar[str]
    data_settings: ClassVar[tuple[str, ...]]
    count: ClassVar[int]
    least_count: ClassVar[int] = 1
    count_help: ClassVar[str]
    counted: ClassVar[str]

    def add_options(self, parser: argparse.ArgumentParser) -> None:  # noqa: B027 - most have none
        """Add options of the command that only this comparison has."""

    @abstractmethod
    def load(self, config: Config) -> Data:
        """Load the data of a configuration's data settings and seed; raise a UserError if they cannot be used."""

    def prepare(self, config: Any, data: Any, done: int, checkpoint: Path | None) -> Training:
        """Build a training by ``prepare`` of PACKAGE/trainer.py, as `manymodes.experiment.fit.Prepare`."""
        return self._module("trainer").prepare(config, data, done, checkpoint)

    @abstractmethod
    def evaluate(self, job: Job, trained: Trained) -> Result:
        """Measure a trained model; raise a LeftOutError if it has diverged, or generates nothing usable."""

    @abstractmethod
    def baseline(self, job: Job) -> Result:
        """Measure a row that needs no training."""

    def tables(self, found: Records) -> list[Table]:
        """Return the tables of PACKAGE/metrics/tables.py."""
        return self._module("metrics.tables").tables(found)

    def pictures(self, found: Records, data: Data) -> dict[str, Picture]:
        """Return the pictures of PACKAGE/plots.py by file name, given the data of the last seed."""
        return self._module("plots").comparison_pictures(found, data.content)

    def _module(self, name: str) -> Any:
        with cli.quiet_start():
            return importlib.import_module(f"{self.program.partition('.')[0]}.{name}")

    def examples(self, config: Any) -> int:
        """Return the number of examples that an update sees."""
        return int(config.batch_size)

    @property
    def config_type(self) -> type[Config]:
        """The class of the configurations."""
        return next(type(row.config) for row in self.rows if row.config is not None)


def main(comparison: Comparison, argv: Sequence[str] | None = None) -> int:
    """Make the rows that are not finished, write tables and the page, and return the exit code."""
    typed = list(sys.argv[1:] if argv is None else argv)
    args = _parser(comparison).parse_args(typed)
    _check(comparison, args)
    use_one_core()
    if args.scheduler is not None or args.jobs > 1:
        make = functools.partial(_make_elsewhere, comparison.module or comparison.program)
    else:
        make = functools.partial(_make, comparison)
    records: dict[tuple[str, int], Record] = {}
    unfinished = []
    for seed in range(args.seeds):
        data = _load(comparison, _config(comparison, comparison.config_type(), args, seed))
        print(data.summary)
        for row in args.rows:
            record = read_record(_job(comparison, args, row, seed).folder.with_suffix(".json"))
            if record is None:
                unfinished.append((args, row, seed))
            else:
                records[row.name, seed] = record
                print(f"{row.name}, seed {seed}: finished before")
    try:
        for name, seed, outcome in each(make, unfinished, jobs=args.jobs, scheduler=args.scheduler):
            if isinstance(outcome, Record):
                records[name, seed] = outcome
                print(f"{name}, seed {seed}: {'; '.join(filter(None, outcome.verdict.values()))}")
            else:
                print(f"{name}, seed {seed}: left out of the tables: {outcome}")
    except KeyboardInterrupt:
        print(f"stopped; the same command continues with the finished rows in {args.work}")
        return cli.INTERRUPTED_EXIT
    found = {
        row: [records[row.name, seed] for seed in range(args.seeds) if (row.name, seed) in records] for row in args.rows
    }
    _write(comparison, args, {row: kept for row, kept in found.items() if kept}, data, typed)
    print(f"wrote {args.out}/{comparison.stem}.md and {args.out}/{comparison.stem}/index.html")
    return 0


def _make_elsewhere(module: str, args: argparse.Namespace, row: Row, seed: int) -> tuple[str, int, Record | str]:
    """Make a row in another process."""
    use_one_core()
    return _make(importlib.import_module(module).COMPARISON, args, row, seed, progress=False)


def _make(
    comparison: Comparison, args: argparse.Namespace, row: Row, seed: int, *, progress: bool = True
) -> tuple[str, int, Record | str]:
    """Make a row, keep its record, and return the row's name, the seed, and the record or why there is none."""
    job = _job(comparison, args, row, seed)
    facts: Mapping[str, Any] = {}
    try:
        if job.config is None:
            result = comparison.baseline(job)
        else:
            with cli.quiet_start():
                from manymodes.experiment.budget import train_with_budget
            trained = train_with_budget(
                job.folder, job.config, comparison.prepare, job.data.content,
                examples=comparison.examples(job.config), **_limit(args, row),
                title=f"{row.name}, seed {seed}" if progress else "",
                fingerprint=job.data.fingerprint, made_with=job.made_with,
            )  # fmt: skip
            facts = trained.facts
            result = comparison.evaluate(job, trained)
    except LeftOutError as error:
        return row.name, seed, str(error)
    record = Record(
        job.made_with, {**facts, **result.facts}, dict(result.measures), dict(result.verdict), dict(result.figures)
    )
    record = write_record(job.folder.with_suffix(".json"), record)
    shutil.rmtree(job.folder / "checkpoints", ignore_errors=True)  # only an unfinished run needs them
    return row.name, seed, record


def _parser(comparison: Comparison) -> argparse.ArgumentParser:
    stem, names = comparison.stem, [row.name for row in comparison.rows]
    usual = [row.name for row in comparison.rows if row.times == 1]
    longer = [name for name in names if name not in usual]
    parser = cli.parser(comparison.program, comparison.description, comparison.example)
    add, number = parser.add_argument, dict[str, Any](type=cli.positive_int, metavar="N")
    add(
        "--rows", type=cli.some_of(names, "row"), default=usual, metavar="NAME,…",
        help=f"rows of the table (default {', '.join(usual)}); {names[0]} is always there"
        + (f"; trained longer: {', '.join(longer)}" if longer else ""),
    )  # fmt: skip
    minutes = "processor time for the updates of each model (default 4)"
    add("--minutes", type=cli.positive_float, default=4.0, help=minutes)
    epochs = "train each model for N epochs instead: the same results on a fast and on a slow machine"
    add("--epochs", help=epochs, **number)
    add("--seeds", default=1, help="seeds 0 to N − 1 (default 1)", **number)
    add("--count", default=comparison.count, help=f"{comparison.count_help} (default {comparison.count})", **number)
    comparison.config_type.add_options(parser, comparison.data_settings)
    comparison.add_options(parser)
    jobs = "rows at once, each in a process of one core (default: one for each core)"
    add("--jobs", default=os.cpu_count() or 1, help=jobs, **number)
    scheduler = "make the rows on this Dask cluster, whose workers have one thread each and see the same files"
    add("--scheduler", metavar="tcp://HOST:PORT", help=scheduler)
    out = f"folder for {stem}.md and {stem}/ (default results)"
    add("--out", type=Path, default=Path("results"), metavar="DIR", help=out)
    work = f"folder for runs and finished rows, which are used again (default {comparison.work})"
    add("--work", type=Path, default=Path(comparison.work), metavar="DIR", help=work)
    add("--force", action="store_true", help=f"overwrite {stem}.md if it exists")
    return parser


def _check(comparison: Comparison, args: argparse.Namespace) -> None:
    """Replace names of rows with the rows, and refuse a count that is too small, or output that cannot be written."""
    args.rows = tuple(row for row in comparison.rows if row.name in (comparison.rows[0].name, *args.rows))
    if args.count < comparison.least_count:
        raise cli.UserError(f"--count {args.count} is too few: give at least {comparison.least_count}")
    folder, work = args.out / comparison.stem, args.work.resolve()
    if folder.resolve() in (work, *work.parents):
        raise cli.UserError(f"--work {args.work} is within {folder}, which holds the page: choose another folder")
    check_new_file(args.out / f"{comparison.stem}.md", force=args.force)
    check_folder(folder)
    check_folder(args.work)


def _config(comparison: Comparison, config: Config, args: argparse.Namespace, seed: int) -> Config:
    """Return a configuration with the seed and the data that the command line asks for."""
    settings = {name: value for name, value in vars(args).items() if name in comparison.data_settings}
    return replace(config, seed=seed, **settings).check()


def _limit(args: argparse.Namespace, row: Row) -> dict[str, Any]:
    """Return the budget of a row's training."""
    return {"epochs": row.times * args.epochs} if args.epochs else {"minutes": row.times * args.minutes}


@functools.lru_cache(maxsize=1)  # a process makes many rows of one seed
def _load(comparison: Comparison, config: Config) -> Data:
    return comparison.load(config)


def _job(comparison: Comparison, args: argparse.Namespace, row: Row, seed: int) -> Job:
    data = _load(comparison, _config(comparison, comparison.config_type(), args, seed))
    made_with: dict[str, Any] = {
        "program": comparison.program,
        "version": version("manymodes"),
        "row": row.name,
        "seed": seed,
        "count": args.count,
        "fingerprint": data.fingerprint,
    }
    if row.config is None:
        return Job(row, seed, None, args, data, made_with)
    config = _config(comparison, row.config, args, seed)
    # The settings of the data say where they are; the fingerprint says what they are.
    left_out = {*comparison.data_settings, "epochs"}
    made_with |= _limit(args, row)
    made_with["settings"] = {name: value for name, value in config.to_json().items() if name not in left_out}
    return Job(row, seed, config, args, data, made_with)


def _write(comparison: Comparison, args: argparse.Namespace, found: Records, data: Data, typed: Sequence[str]) -> None:
    """Write the tables and the page, with the machines, versions and dates of the records, which may be older."""
    from manymodes.experiment.page import write_page

    records = [record for kept in found.values() for record in kept]
    fingerprints = dict.fromkeys(record.made_with["fingerprint"][:12] for record in records)
    versions = (", ".join(map(" ".join, record.versions.items())) for record in records)
    dates = sorted({record.date for record in records})
    seeds = max(len(kept) for kept in found.values())
    time = f"{args.epochs} epochs" if args.epochs else f"{args.minutes:g} minutes of processor time for updates"
    about = {
        "Command": shlex.join(["python", "-m", comparison.program, *typed]),
        comparison.data_name: f"{data.description}, fingerprint {', '.join(fingerprints)}",
        "Seeds": "0" if seeds == 1 else f"0 to {seeds - 1}; figures show seed 0",
        "Time": f"{time} a model; {comparison.counted.format(f'{args.count:,}')}",
        "Machine": "; ".join(dict.fromkeys(record.machine for record in records)),
        "Versions": "; ".join(dict.fromkeys(versions)),
        "Date": dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}",
    }
    tables, pictures = comparison.tables(found), comparison.pictures(found, data)
    write_page(args.out, comparison.stem, comparison.title, found, tables, about, pictures)
