"""Tables of a comparison and their cells; each record holds one seed."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from manymodes.experiment.records import Record, Records, Row

Write: TypeAlias = Callable[[float], str]
"""Writes a number as text."""

Column: TypeAlias = "tuple[str, Callable[[Sequence[Record]], Cell]]"
"""The header of a column, and the function that returns its cell from the records of a row."""

UNKNOWN = "–"
_COUNTS = {
    "updates": "Updates",
    "examples_per_second": "Examples a second",
    "seconds": "Seconds",
    "epochs": "Epochs",
    "judged_epoch": "Best epoch",
}


class Cell(NamedTuple):
    """A cell of a table: a value, its range if known, and whether it is bad, which is shown in bold or red."""

    text: str
    limits: str = ""
    bad: bool = False


class Table(NamedTuple):
    """A table with a note that explains it; the first cell of a row is its title."""

    title: str
    headers: tuple[str, ...]
    rows: list[list[Cell]]
    note: str


def precise_share(value: float) -> str:
    """Write a share with one digit after the point: 97.4 %."""
    return f"{100 * value:.1f} %"


def points(value: float) -> str:
    """Write the difference of two shares in percentage points: +4.2."""
    return f"{100 * value:+.1f}"


def signed(write: Write) -> Write:
    """Return a function that writes a difference as ``write`` does, with its sign: +1.23, -1.23, 0."""

    def written(value: float) -> str:
        text = write(value)
        if text.lstrip("-") == "0":
            return "0"
        return f"+{text}" if value > 0 else text

    return written


def over_seeds(values: Sequence[float | None], write: Write) -> Cell:
    """Write the mean of a value over the seeds, and its range unless all values are written the same.

    Of so few seeds, a standard deviation would mean little.
    """
    known = [value for value in values if value is not None]
    if not known:
        return Cell(UNKNOWN)
    least, greatest = write(min(known)), write(max(known))
    return Cell(write(sum(known) / len(known)), f"{least} to {greatest}" if least != greatest else "")


def values(records: Sequence[Record], name: str, write: Write) -> Cell:
    """Write a measure as `over_seeds`."""
    return over_seeds([record.measures.get(name) for record in records], write)


def column(header: str, name: str, write: Write, bad: Callable[[Sequence[Record]], bool] = lambda _: False) -> Column:
    """Return the column of a measure, written as `over_seeds`, and marked where the records of a row are bad."""
    return header, lambda records: values(records, name, write)._replace(bad=bad(records))


def mean(records: Sequence[Record], name: str) -> float:
    """Return the mean of a measure over the seeds, NaN unless it is known for all of them."""
    known: list[Any] = [record.measures.get(name) for record in records]
    return float("nan") if None in known else sum(known) / len(known)


def having(found: Records, *names: str) -> Records:
    """Return the rows for which any of these measures is known."""
    known = (row for row, (first, *_) in found.items() if any(first.measures.get(name) is not None for name in names))
    return {row: found[row] for row in known}


def table(title: str, columns: Sequence[Column], found: Records, note: str) -> Table:
    """Return a table with a line for each row."""
    rows = [[Cell(row.title), *(cell(records) for _, cell in columns)] for row, records in found.items()]
    return Table(title, ("Row", *(header for header, _ in columns)), rows, note)


def training_table(
    found: Records, losses: Mapping[str, str], write: Write, note: str, more: Mapping[str, str] = {}
) -> Table:
    """Return the table of the trained rows: the last losses, counts, and ``more`` facts; each with its header."""
    names = {**losses, **_COUNTS, **more}
    rows = []
    for row, records in found.items():
        if records[0].trained:
            facts = [record.training["losses"] | record.training for record in records]
            cells = (over_seeds([of_seed.get(name) for of_seed in facts], write) for name in names)
            rows.append([Cell(row.title), *cells])
    return Table("How they were trained", ("Row", *names.values()), rows, note)


def changes_table(
    found: Records, settings: Sequence[str], columns: Sequence[tuple[str, str, Write]], note: str
) -> Table:
    """Return the table of `single_changes`: the differences in measures, given header, name and how it is written."""
    rows = []
    for before, after in single_changes(found, settings):
        apart = [(differences(found[before], found[after], name), write) for _, name, write in columns]
        rows.append([Cell(f"{before.title} → {after.title}"), *itertools.starmap(over_seeds, apart)])
    return Table("What each change does", ("Change", *(header for header, _, _ in columns)), rows, note)


def seeds_note(found: Records) -> str:
    """Return a sentence on cells of several seeds, if there are several."""
    several = any(len(records) > 1 for records in found.values())
    return " Where seeds differ, it is their mean, with the least and the greatest." if several else ""


def single_changes(found: Records, settings: Sequence[str]) -> Iterator[tuple[Row, Row]]:
    """Yield neighbouring trained rows that differ in exactly one of these settings; see `differ`."""
    trained = {row: records[0].made_with["settings"] for row, records in found.items() if records[0].trained}
    for (before, first), (after, second) in itertools.pairwise(trained.items()):
        if sum(differ(first[name], second[name]) for name in settings) == 1:
            yield before, after


def differ(first: Any, second: Any) -> bool:
    """Return whether two values of a setting are both known and different."""
    return None not in (first, second) and first != second


def differences(some: Sequence[Record], others: Sequence[Record], name: str) -> list[float | None]:
    """Return a measure in ``others`` minus that in ``some``, for every seed that both have."""
    before = {record.made_with["seed"]: record.measures.get(name) for record in some}
    after = {record.made_with["seed"]: record.measures.get(name) for record in others}
    both = [(before[seed], after[seed]) for seed in before if seed in after]
    return [None if one is None or other is None else other - one for one, other in both]
