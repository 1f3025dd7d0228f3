"""The style of all figures, and curves over the epochs of training."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.style import library as styles
from matplotlib.ticker import MaxNLocator

from manymodes.files import replacing_file

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

    from manymodes.experiment.records import Record, Row

STYLE: Any = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.alpha": 0.3,
    "font.size": 9,
}
GENERATED, REAL = "#d1495b", "#31688e"
"""Colours."""

_DPI = 130


@contextlib.contextmanager
def saved_figure(path: Path, size: tuple[float, float], *, grid: bool = True, dark: bool = False) -> Iterator[Figure]:
    """Yield a figure of a size in inches, on white or on black, to draw on; on success it is written as a PNG.

    The same drawing gives the same bytes: the file has no date and no version.
    """
    with mpl.rc_context({**(styles["dark_background"] if dark else {}), **STYLE, "axes.grid": grid}):
        figure = Figure(figsize=size, layout="constrained")
        yield figure
        with replacing_file(path) as partial:
            figure.savefig(partial, dpi=_DPI, format="png", metadata={"Software": None})


def curve(history: Sequence[Mapping[str, float]], column: str) -> tuple[list[int], list[float]]:
    """Return the epochs of a history, from 1, that have a column, and its values there."""
    epochs = [epoch for epoch, row in enumerate(history, start=1) if column in row]
    return epochs, [row[column] for row in history if column in row]


def draw_curves(axes: Axes, curves: Mapping[str, tuple[Sequence[float], Sequence[float]]], title: str) -> None:
    """Draw curves, epochs and values by name; several curves get a legend."""
    for name, (epochs, values) in curves.items():
        axes.plot(epochs, values, label=name.replace("_", " "), marker=".", markersize=3)
    axes.set_title(title)
    axes.set_xlabel("epoch")
    axes.set_xlim(left=0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    if len(curves) > 1:
        axes.legend(fontsize=7)


def name_rows(axes: Axes, rows: Collection[Row]) -> None:
    """Label the places 0, 1, … of the vertical axis with titles of rows, from top to bottom."""
    axes.set_yticks(range(len(rows)), [row.title for row in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")


def save_shares(
    first: Mapping[Row, Record],
    path: Path,
    *,
    bars: Mapping[str, str],
    lines: Sequence[float],
    write: Callable[[float], str],
    colours: tuple[str, str] = (REAL, GENERATED),
) -> None:
    """Draw two shares of each row as bars, by label the names of measures, and two bounds, dashed and dotted."""
    with saved_figure(path, (8, 1.1 + 0.42 * len(first))) as figure:
        axes = figure.add_subplot()
        places, records = np.arange(len(first)), [record.measures for record in first.values()]
        for (label, name), shift, colour in zip(bars.items(), (-0.19, 0.19), colours, strict=True):
            axes.barh(places + shift, [each[name] for each in records], height=0.36, color=colour, label=label)
        for value, style in zip(lines, ("--", ":"), strict=True):
            axes.axvline(value, color="grey", linestyle=style, linewidth=1)
        name_rows(axes, first)
        axes.set_xlim(0, 1)
        axes.xaxis.set_major_formatter(lambda value, _: write(value))
        figure.legend(fontsize=7, loc="outside upper right", ncols=2)
