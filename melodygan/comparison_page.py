"""The rows of `melodygan.compare` as a page that needs nothing beside it, and as pictures for other pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from evaluation.features.table import FEATURES, LENGTH_CLASSES, PITCH_CLASSES
from evaluation.page import figures
from evaluation.page.page import capitalised
from evaluation.scores.verdict import share
from manymodes.experiment.page import template, write_results
from manymodes.experiment.tables import UNKNOWN, markdown
from melodygan.comparison import PROGRAM, STEM
from melodygan.comparison_text import particulars, tables
from melodygan.metrics.musical import SPREAD_FEATURES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

    from manymodes.experiment.compare import Record, Row
    from manymodes.experiment.tables import Table
    from melodygan.comparison import Terms

# At the tempo of `as_pieces` an eighth of a second, the class of a note length, is a sixteenth note.
_LENGTHS = (*(str(sixteenths) for sixteenths in range(LENGTH_CLASSES - 1)), f"≥{LENGTH_CLASSES - 1}")
_MATRICES = {"pitch": ("Pitch classes", PITCH_CLASSES), "length": ("Note lengths, in sixteenths", _LENGTHS)}
_GENERATED, _REAL = "#d9480f", "#1971c2"
_SHOWN = 1.5  # of the widest real distance: the same scale in every panel, even where a row goes far beyond
_TITLE = "Melody models in equal time"
_STYLE: Any = {"axes.spines.top": False, "axes.spines.right": False, "font.size": 9}
_PICTURES = {
    "scores.png": "Overlap with held-out tunes, of what these reach with themselves; blue where nothing was trained",
    "used-pitch.png": "Distances between two tunes in the number of pitches used, in each row and in held-out tunes",
    "pitch-transitions.png": "Averaged transitions between pitch classes",
    "length-transitions.png": "Averaged transitions between note lengths",
}


def write_comparison(
    out: Path,
    found: Mapping[Row, Sequence[Record]],
    terms: Terms,
    command: str,
    *,
    tunes: int,
    force: bool = False,
) -> None:
    """Write OUT/melody.md, OUT/melody/index.html and its pictures.

    Args:
        out: where to.
        found: the records of each row, one a seed; figures are those of the first.
        terms: what the rows were made with.
        command: as it was typed.
        tunes: in the corpus.
        force: set aside what somebody else put there.
    """
    shown, about = tables(found), particulars(found, terms, command, tunes)
    first = {row: records[0] for row, records in found.items()}
    titles = {f"{STEM}/{name}": title for name, title in _PICTURES.items()}
    write_results(
        out,
        STEM,
        PROGRAM,
        page=lambda _: page(shown, about, first),
        text=markdown(_TITLE, shown, about, titles),
        pictures={
            "scores.png": lambda path: _save_scores(first, path),
            "used-pitch.png": lambda path: _save_used_pitch(first, path),
            "pitch-transitions.png": lambda path: _save_transitions(first, "pitch", path),
            "length-transitions.png": lambda path: _save_transitions(first, "length", path),
        },
        force=force,
    )


def page(shown: Sequence[Table], about: Mapping[str, str], first: Mapping[Row, Record]) -> str:
    """Render the page.

    Args:
        shown: the tables.
        about: what they depend on.
        first: the record of each row whose figures are drawn.
    """
    sections = [_section(row, record) for row, record in first.items()]
    page_of = template("melodygan", "compare.html.jinja")
    return page_of.render(title=_TITLE, tables=shown, about=about, sections=sections)


def _section(row: Row, record: Record) -> dict[str, Any]:
    drawn = record.figures
    return {
        "name": row.name,
        "title": row.title,
        "sentences": [capitalised(record.verdict[about]) for about in ("closeness", "collapse", "copying")],
        "densities": [
            (
                FEATURES[name].title,
                figures.density_plot(_array(drawn["curves"][name]), FEATURES[name].title, FEATURES[name].unit),
            )
            for name in SPREAD_FEATURES
        ],
        "matrices": [
            (
                title,
                figures.matrix(_array(drawn["generated"][key]), labels, f"{title}: {row.title}", "gen"),
                figures.matrix(_array(drawn["originals"][key]), labels, f"{title}: held-out tunes", "org"),
            )
            for key, (title, labels) in _MATRICES.items()
        ],
    }


def _array(values: list[Any]) -> np.ndarray:
    """Turn a list back into numbers; null is not known."""
    return np.array(values, np.float64)


def _save_scores(first: Mapping[Row, Record], path: Path) -> None:
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


def _save_used_pitch(first: Mapping[Row, Record], path: Path) -> None:
    """Draw the report's figures 5.10 to 5.13, a panel a row."""
    feature = SPREAD_FEATURES[0]
    drawn = {row: _array(record.figures["curves"][feature]) for row, record in first.items()}
    real = next(iter(drawn.values()))
    with mpl.rc_context(_STYLE):
        figure, panels = _panels(len(first), height=2.0)
        for axes, (row, record) in zip(panels, first.items(), strict=True):
            spread = record.measures["spread_used_pitch"]
            axes.set_title(f"{row.title}: spread {UNKNOWN if spread is None else share(spread)}", fontsize=8)
            axes.set_yticks([])
            axes.set_xlabel("distance between two tunes, pitches", fontsize=7)
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


def _save_transitions(first: Mapping[Row, Record], key: str, path: Path) -> None:
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
    """Make so many panels, four in a line."""
    columns = min(4, count)
    rows = -(-count // columns)
    figure = Figure(figsize=(2.6 * columns, height * rows), layout="constrained")
    return figure, [figure.add_subplot(rows, columns, number) for number in range(1, count + 1)]
