"""Cards of the models that ship: data, training, measures, intended use and limits."""

from __future__ import annotations

import csv
import hashlib
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from manymodes.experiment.fit import training_seconds
from manymodes.experiment.page import template
from manymodes.experiment.records import machine
from manymodes.experiment.run import read_config
from manymodes.experiment.tables import UNKNOWN, precise_share
from pretraining.judging import TUNES, judgement

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from manymodes.hub import Shipped

    Write = Callable[[Any], str]


class Figure(NamedTuple):
    """A line of a card's table: the measure in words, its key, such as ``measures.overlap``, and how it is written.

    The bound is the key of a value for comparison, if there is one, and ``bounding`` that value in words.
    """

    title: str
    key: str
    write: Write
    bound: str = ""
    bounding: str = ""


_WRITERS: dict[str, Write] = {"share": precise_share, "yes": {True: "yes", False: "no"}.__getitem__}


def _figures() -> dict[str, list[Figure]]:
    """Read figures.csv, where a figure is written as one of `_WRITERS` or with a number of digits after the point."""
    found = defaultdict(list)
    with Path(__file__).with_name("figures.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            write = _WRITERS.get(row["write"]) or f"{{:.{row['write']}f}}".format
            figure = Figure(row["title"].format(tunes=TUNES), row["key"], write, row["bound"], row["bounding"])
            found[row["program"]].append(figure)
    return dict(found)


FIGURES = _figures()
"""The figures on the cards of each program's models; those that a model lacks are left out."""


def table(figures: Sequence[Figure], trained: dict[str, Any], shipping: dict[str, Any]) -> list[tuple[str, ...]]:
    """Return the lines of a card's table, where known: title, value as trained, as it ships, and for comparison."""
    lines = []
    for title, key, write, bound, bounding in figures:
        values = [_value(known, key) for known in (trained, shipping)]
        if None in values:
            continue
        beside = bounding
        if bound:
            known = _value(shipping, bound)
            beside = UNKNOWN if known is None else f"{write(known)} ({bounding})"
        lines.append((title, *map(write, values), beside))
    return lines


def _value(known: Any, key: str) -> Any:
    """Return the value of a key such as ``measures.overlap``; None if there is none."""
    for part in key.split("."):
        known = known.get(part) if isinstance(known, dict) else None
    return known


def card(name: str, shipped: Shipped, run: Path, shipping: Path) -> str:
    """Return the card of a model, given the run of its training and a run with the model that ships."""
    files = sorted(shipping.glob("*.keras"))
    return template("pretraining", f"{name}.md.jinja").render(
        shipped=shipped,
        name=name,
        config=read_config(run),
        minutes=training_seconds(run) / 60,
        date=datetime.fromtimestamp((run / "model.keras").stat().st_mtime, UTC).date().isoformat(),
        machine=machine(),
        files={shipped_name(name, file): hashlib.sha256(file.read_bytes()).hexdigest() for file in files},
        megabytes=sum(file.stat().st_size for file in files) / 1e6,
        figures=table(FIGURES[shipped.program], judgement(run), judgement(shipping)),
    )


def shipped_name(name: str, file: Path) -> str:
    """Return the name of a run's file among the models that ship: NAME.keras or NAME-prior.keras."""
    return f"{name}.keras" if file.stem == "model" else f"{name}-{file.name}"
