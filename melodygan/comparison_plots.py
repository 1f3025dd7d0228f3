"""Pictures of `melodygan.compare`."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from evaluation.features.table import FEATURES, LENGTH_CLASSES, PITCH_CLASSES
from evaluation.scores.verdict import share
from manymodes.experiment.page import Picture
from manymodes.experiment.records import Record, Row
from melodygan.metrics.judging import USED_PITCH
from melodygan.metrics.musical import SPREAD_FEATURES

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes

    from manymodes.experiment.records import Found

First: TypeAlias = Mapping[Row, Record]
"""Of each row the record that is drawn."""

# At the tempo of `as_pieces` an eighth of a second, the class of a note length, is a sixteenth note.
_LENGTHS = (*(str(sixteenths) for sixteenths in range(LENGTH_CLASSES - 1)), f"≥{LENGTH_CLASSES - 1}")
_MATRICES = {"pitch": ("pitch classes", PITCH_CLASSES), "length": ("note lengths, in sixteenths", _LENGTHS)}
_GENERATED, _REAL = "#d9480f", "#1971c2"
_SHOWN = 1.5  # of the widest real distance: the same scale in every panel, even where a row goes far beyond
_STYLE: Any = {"axes.spines.top": False, "axes.spines.right": False, "font.size": 9}
_SCORES = "Overlap with held-out tunes, of what these reach with themselves; blue where nothing was trained"


def pictures(found: Found) -> dict[str, Picture]:
    """Return the pictures by file name; figures are those of the first record of each row."""
    first = {row: records[0] for row, records in found.items()}
    drawn = {"scores.png": Picture(_SCORES, functools.partial(_save_scores, first))}
    for feature in SPREAD_FEATURES:
        name = "used-pitch.png" if feature == USED_PITCH else f"{feature.replace('_', '-')}.png"
        title = f"Distances between two tunes in each row and in held-out tunes: {FEATURES[feature].title}"
        drawn[name] = Picture(title, functools.partial(_save_distances, first, feature))
    for key, (title, _) in _MATRICES.items():
        drawn[f"{key}-transitions.png"] = Picture(
            f"Averaged transitions between {title}", functools.partial(_save_transitions, first, key)
        )
    return drawn


def _array(values: list[Any]) -> np.ndarray:
    """Turn a list back into numbers; null is not known."""
    return np.array(values, np.float64)


def _save_scores(first: First, path: Path) -> None:
    """Draw the score of each row with its interval."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(7, 0.6 + 0.3 * len(first)), layout="constrained")
        axes = figure.add_subplot()
        for place, record in enumerate(first.values()):
            score, interval = record.measures["score"], record.measures["score_interval"]
            if score is None:
                continue
            colour = _GENERATED if record.training else _REAL
            axes.barh(place, score, height=0.6, color=colour, alpha=0.8)
            if None not in interval:
                axes.plot(interval, [place, place], color="black", linewidth=1.2)
        axes.set_yticks(range(len(first)), [row.title for row in first])
        axes.invert_yaxis()
        axes.set_xlim(0, 1)
        axes.xaxis.set_major_formatter(lambda value, _: share(value))
        axes.grid(visible=True, axis="x", alpha=0.3)
        figure.savefig(path, dpi=130)


def _save_distances(first: First, feature: str, path: Path) -> None:
    """Draw densities of the distances between two tunes, a panel a row: figures 5.10 to 5.13 of the report."""
    title = FEATURES[feature].title
    drawn = {row: _array(record.figures["curves"][feature]) for row, record in first.items()}
    real = next(iter(drawn.values()))
    with mpl.rc_context(_STYLE):
        figure, panels = _panels(len(first), height=2.0)
        for axes, (row, record) in zip(panels, first.items(), strict=True):
            spread = record.measures["spread_used_pitch"] if feature == USED_PITCH else None
            axes.set_title(row.title + ("" if spread is None else f": spread {share(spread)}"), fontsize=8)
            axes.set_yticks([])
            axes.set_xlabel(f"distance between two tunes: {title}", fontsize=7)
            if not drawn[row].size:
                continue
            grid, within_row, within_real, _ = drawn[row]
            for values, colour, label in ((within_real, _REAL, "held-out tunes"), (within_row, _GENERATED, "the row")):
                axes.fill_between(grid, values, color=colour, alpha=0.2, linewidth=0)
                axes.plot(grid, values, color=colour, linewidth=1.4, label=label)
            if real.size:
                axes.set_xlim(real[0, 0], _SHOWN * real[0, -1])
            axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
        panels[0].legend(fontsize=7, frameon=False)
        figure.savefig(path, dpi=130)


def _save_transitions(first: First, key: str, path: Path) -> None:
    """Draw the averaged matrices of all rows as heat maps, after that of the held-out tunes."""
    _, labels = _MATRICES[key]
    # The first row is one half of the held-out tunes against the other: others are compared with all of them.
    originals = list(first.values())[-1].figures["originals"][key]
    shown = [("held-out tunes", originals)]
    shown += [(row.title, record.figures["generated"][key]) for row, record in first.items()]
    with mpl.rc_context(_STYLE):
        figure, panels = _panels(len(shown), height=2.6)
        for axes, (title, values) in zip(panels, shown, strict=True):
            axes.imshow(np.sqrt(_array(values)), cmap="viridis")
            axes.set_title(title, fontsize=8)
            axes.set_xticks(range(len(labels)), labels, fontsize=6)
            axes.set_yticks(range(len(labels)), labels, fontsize=6)
        figure.savefig(path, dpi=130)


def _panels(count: int, *, height: float) -> tuple[Figure, list[Axes]]:
    """Make a number of panels, four in a line."""
    columns = min(4, count)
    rows = -(-count // columns)
    figure = Figure(figsize=(2.6 * columns, height * rows), layout="constrained")
    return figure, [figure.add_subplot(rows, columns, number) for number in range(1, count + 1)]
