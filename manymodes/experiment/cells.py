"""Cells of the tables that compare models, made of the records of their rows; one record is of one seed."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, TypeAlias

from manymodes.experiment.tables import Cell, over_seeds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from manymodes.experiment.compare import Record, Row

    Found: TypeAlias = Mapping[Row, Sequence[Record]]
    Write: TypeAlias = Callable[[float], str]

COUNTS = ("updates", "examples_per_second", "seconds", "epochs", "judged_epoch")
"""What a table of training has beside losses, in the order of its columns."""


# --- numbers ------------------------------------------------------------------------------------------------


def precise_share(value: float) -> str:
    """Write a share with a digit after the point, which tells 97.4 from 96.6: 97.4 %."""
    return f"{100 * value:.1f} %"


def points(value: float) -> str:
    """Write how far two shares are apart, in points: +4.2."""
    return f"{100 * value:+.1f}"


def signed(write: Write) -> Write:
    """Return what writes a difference as ``write`` writes a number, but with its sign: +1.23, -1.23 and 0."""

    def written(value: float) -> str:
        text = write(value)
        if text.lstrip("-") == "0":
            return "0"
        return f"+{text}" if value > 0 else text

    return written


# --- measures -----------------------------------------------------------------------------------------------


def values(records: Sequence[Record], name: str, write: Write) -> Cell:
    """Write a measure over the seeds, as `manymodes.experiment.tables.over_seeds`."""
    return over_seeds([record.measures.get(name) for record in records], write)


def mean(records: Sequence[Record], name: str) -> float:
    """Return the mean of a measure over the seeds, NaN where it is not known of all."""
    known: list[Any] = [record.measures.get(name) for record in records]
    return float("nan") if None in known else sum(known) / len(known)


def is_trained(records: Sequence[Record]) -> bool:
    """Say whether the row of these records is a model's."""
    return bool(records[0].training)


def having(found: Found, *names: str) -> Found:
    """Return the rows of which any of these measures is known."""
    return {
        row: records
        for row, records in found.items()
        if any(records[0].measures.get(name) is not None for name in names)
    }


def training_cells(records: Sequence[Record], losses: Sequence[str], write: Write) -> list[Cell]:
    """Write the last losses of a training, and then `COUNTS`."""
    return [
        *(over_seeds([record.training["losses"].get(name) for record in records], write) for name in losses),
        *(over_seeds([record.training[name] for record in records], write) for name in COUNTS),
    ]


# --- differences between rows -------------------------------------------------------------------------------


def single_changes(found: Found, settings: Sequence[str]) -> Iterator[tuple[Row, Row]]:
    """Yield trained rows that follow each other and differ in just one of these settings.

    A setting that one of them does not have, null there, is not one in which they differ.
    """
    trained = {row: records[0].made_with["settings"] for row, records in found.items() if is_trained(records)}
    for (before, first), (after, second) in itertools.pairwise(trained.items()):
        if sum(differ(first[name], second[name]) for name in settings) == 1:
            yield before, after


def differ(first: Any, second: Any) -> bool:
    """Say whether two values of a setting are both there, and not the same."""
    return None not in (first, second) and first != second


def differences(some: Sequence[Record], others: Sequence[Record], name: str) -> list[float | None]:
    """Return how much more a measure is in ``others`` than in those records of ``some`` that have the same seed."""
    before = {record.made_with["seed"]: record.measures.get(name) for record in some}
    after = {record.made_with["seed"]: record.measures.get(name) for record in others}
    both = [(before[seed], after[seed]) for seed in before if seed in after]
    return [None if one is None or other is None else other - one for one, other in both]
