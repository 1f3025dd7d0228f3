"""What a feature is, what features are made with, and a table of features as CSV."""

from __future__ import annotations

import csv
import functools
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import numpy as np

from evaluation.reading.notes import FloatArray, IntArray, Notes, Stack, as_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

P = ParamSpec("P")
T = TypeVar("T")

Pieces = Notes | Sequence[Notes] | Stack
"""The argument of every feature."""

PITCH_CLASSES = ("C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B")

NOTE_LENGTHS = {
    "whole": 4.0,
    "half": 2.0,
    "quarter": 1.0,
    "8th": 0.5,
    "16th": 0.25,
    "dotted half": 3.0,
    "dotted quarter": 1.5,
    "dotted 8th": 0.75,
    "dotted 16th": 0.375,
    "half triplet": 4 / 3,
    "quarter triplet": 2 / 3,
    "8th triplet": 1 / 3,
}
"""The twelve classes of `note_length_hist` in mgeval's order, in quarters."""

_ROWS = 500
"""Rows of CSV that are written in one go."""


@dataclass(frozen=True)
class Feature:
    """A feature as reports show it: a function from pieces to [n] or [n, ...], its title for people, and its unit.

    Attributes:
        columns: names of the entries of a histogram; empty for a single number and for matrices.
        every: describes a set whose pieces all have one value, with {} for the value.
        variety: whether a set that does not vary in it has lost variety. Not so for the length of a piece, a setting of
            many generators, and for features of structure, in which noise does not vary either.
        group: what a musician would call it; "key and register" is what changes when everything is transposed.
    """

    function: Callable[[Pieces], FloatArray]
    title: str
    unit: str
    columns: tuple[str, ...] = ()
    every: str = ""
    variety: bool = True
    group: str = "other"


def feature(
    registry: dict[str, Feature], title: str, unit: str, *, group: str, **details: Any
) -> Callable[[Callable[Concatenate[Stack, P], FloatArray]], Callable[Concatenate[Pieces, P], FloatArray]]:
    """Let a function of a stack take pieces in any form, and add it to a registry under its name."""

    def add(function: Callable[Concatenate[Stack, P], FloatArray]) -> Callable[Concatenate[Pieces, P], FloatArray]:
        @functools.wraps(function)
        def measure(pieces: Pieces, *args: P.args, **options: P.kwargs) -> FloatArray:
            return function(Stack.of(pieces), *args, **options)

        registry[function.__name__] = Feature(measure, title, unit, group=group, **details)
        return measure

    return add


def shared(function: Callable[[Stack], T]) -> Callable[[Stack], T]:
    """Keep what a function returns with its stack, for the features that have it in common."""

    @functools.wraps(function)
    def kept(stack: Stack) -> T:
        if function not in stack.derived:
            stack.derived[function] = function(stack)
        found: T = stack.derived[function]
        return found

    return kept


def ratio(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """Divide, with NaN where there is nothing to divide by; [n, d] by [n] row by row."""
    below = denominator.reshape(denominator.shape + (1,) * (numerator.ndim - denominator.ndim))
    return np.divide(numerator, below, out=np.full(numerator.shape, np.nan), where=below > 0)


def distinct(group: IntArray, groups: int, symbols: IntArray, width: int) -> FloatArray:
    """Count the different symbols in each group, to [groups]."""
    keys = np.sort(group * width + symbols)
    first = np.flatnonzero(np.diff(keys, prepend=-1))
    return np.bincount(keys[first] // width, minlength=groups).astype(np.float64)


def mean(stack: Stack, values: NDArray[Any], piece: IntArray) -> FloatArray:
    """Average values by the piece that each belongs to; NaN for a piece without any. [k], [k] to [n]."""
    return ratio(stack.per_piece(values, piece), stack.count(piece))


def columns_of(table: Mapping[str, FloatArray], features: Mapping[str, Feature]) -> dict[str, FloatArray]:
    """Split a `feature_table` into columns: name → [n], or name[entry] → [n] for entries of a histogram or matrix."""
    columns: dict[str, FloatArray] = {}
    for name, values in table.items():
        block = as_rows(values).T
        if len(block) == 1:
            columns[name] = block[0]
            continue
        entries: Sequence[str] = features[name].columns
        if not entries:
            classes = PITCH_CLASSES if "pitch" in name else tuple(NOTE_LENGTHS)
            bars = [f"bar {bar}" for bar in range(1, len(block) // len(classes) + 1)]
            rows = classes if len(block) == len(classes) ** 2 else bars
            entries = [f"{row}→{column}" for row in rows for column in classes]
        columns |= {f"{name}[{entry}]": column for entry, column in zip(entries, block, strict=True)}
    return columns


def csv_text(
    sets: Iterable[tuple[Sequence[str], Mapping[str, FloatArray]]], features: Mapping[str, Feature]
) -> Iterator[str]:
    """Write the names and the `feature_table` of each set as CSV, in blocks of text.

    There is one row per piece, with empty cells for undefined values.
    """
    for number, (names, table) in enumerate(sets):
        columns = columns_of(table, features)
        if not number:
            yield _csv_block([["file", *columns]])
        form = ",".join(["%.6g"] * len(columns))
        for start in range(0, len(names), _ROWS):
            rows = np.transpose([values[start : start + _ROWS] for values in columns.values()]).tolist()
            cells = ((form % tuple(row)).replace("nan", "").split(",") for row in rows)
            yield _csv_block([name, *row] for name, row in zip(names[start : start + _ROWS], cells, strict=True))


def _csv_block(rows: Iterable[Sequence[str]]) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(rows)
    return stream.getvalue()
