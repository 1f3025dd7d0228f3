"""Pictures of training, of tunes and of comparisons."""

from __future__ import annotations

import contextlib
import functools
import itertools
from typing import TYPE_CHECKING

import numpy as np
import seaborn as sns
from matplotlib.ticker import MaxNLocator

from evaluation.features.catalogue import feature_table
from evaluation.features.table import COMPARED, LENGTH_CLASSES, PITCH_CLASSES
from evaluation.scores.distances import intra_set_distances, overlap_area
from evaluation.scores.verdict import share
from manymodes.experiment.page import Picture
from manymodes.experiment.plots import GENERATED, REAL, curve, draw_curves, name_rows, saved_figure
from melodygan.data.encoding import STEPS_PER_QUARTER
from melodygan.metrics.held_out import USED_PITCH
from melodygan.metrics.musical import SPREAD_FEATURES, as_pieces

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

    from manymodes.experiment.records import First, Records
    from melodygan.data.encoding import Note, Tune

# At the tempo of `as_pieces` an eighth of a second, the class of a note length, is a sixteenth note.
_LENGTHS = (*(str(sixteenths) for sixteenths in range(LENGTH_CLASSES - 1)), f"≥{LENGTH_CLASSES - 1}")
_MATRICES = {"pitch": ("pitch classes", PITCH_CLASSES), "length": ("note lengths, in sixteenths", _LENGTHS)}
_SHOWN = 1.5  # times the widest real distance: one scale for all panels
_SCORES = "Overlap with held-out tunes, relative to the ceiling; blue: no training"
_TITLES = {
    "bits": "bits (training and validation)",
    "loss": "losses",
    "accuracy": "accuracy",
    "score_gap": "critic: real minus generated",
    "penalty": "gradient penalty",
    "gradient": "length of the gradients",
    "overlap": "overlap with real tunes",
    "musical_distance": "musical distance",
    "told_apart": "told apart from real tunes",
    "spread": "least spread, relative to real tunes",
    "distinct": "distinct tunes, share",
}


def save_history(history: Sequence[dict[str, float]], path: Path) -> None:
    """Draw every column of a history over the epochs, related ones in one panel."""
    panels: dict[str, list[str]] = {}
    for name in dict.fromkeys(itertools.chain.from_iterable(history)):
        panels.setdefault(next((key for key in _TITLES if key in name), name), []).append(name)
    with _panels(path, len(panels), (3.6, 2.6), columns=3, grid=True) as axes:
        for one, (key, names) in zip(axes, panels.items(), strict=True):
            draw_curves(one, {name: curve(history, name) for name in names}, _TITLES.get(key, key))


def save_tunes(tunes: Sequence[tuple[str, Sequence[Note]]], path: Path) -> None:
    """Draw tunes as piano rolls, one above the other: (title, notes)."""
    with _panels(path, len(tunes), (10, 1.9), columns=1) as panels:
        for axes, (title, notes) in zip(panels, tunes, strict=True):
            start = 0.0
            for note in notes:
                length = note.steps / STEPS_PER_QUARTER
                if note.pitch is not None:
                    colour = REAL if title.startswith("real") else GENERATED
                    axes.broken_barh([(start, length * 0.94)], (note.pitch - 0.45, 0.9), color=colour)
                start += length
            axes.set_xlim(0, start)
            axes.set_xticks(range(0, int(start) + 1, 4))
            axes.grid(visible=True, axis="x", alpha=0.3)
            axes.set_title(title, loc="left")
            axes.set_ylabel("pitch")
        panels[-1].set_xlabel("quarters")


def save_spread(generated: Sequence[Sequence[Note]], real: Sequence[Sequence[Note]], path: Path) -> None:
    """Draw densities of the distances between two tunes, generated and real, in each of `SPREAD_FEATURES`.

    A collapsed model's curve is a narrow peak near 0, or a line where all distances are the same.
    """
    tables = [feature_table(as_pieces(tunes), COMPARED) for tunes in (generated, real)]
    with _panels(path, len(SPREAD_FEATURES), (2.5, 2.6), grid=True) as panels:
        for axes, feature in zip(panels, SPREAD_FEATURES, strict=True):
            distances = [intra_set_distances(table[feature]).ravel() for table in tables]
            for name, values, colour in zip(("generated", "real"), distances, (GENERATED, REAL), strict=True):
                if np.ptp(values) == 0:
                    axes.axvline(values[0], color=colour, linewidth=3, label=name)
                    continue
                # Distances of whole numbers lie on a grid: a wider kernel shows their outline.
                sns.kdeplot(x=values, ax=axes, label=name, color=colour, fill=True, cut=0, bw_adjust=2)
            axes.set_title(f"{COMPARED[feature].title}: overlap {overlap_area(*distances):.2f}")
            axes.set_xlabel("distance between two tunes")
            axes.set_ylabel("density" if axes is panels[0] else "")
            axes.set_yticks([])
        panels[-1].legend(fontsize=8)


def save_generated(folder: Path, generated: Sequence[Sequence[Note]], held_out: Sequence[Tune]) -> None:
    """Draw some generated tunes above a real one, and the distances between tunes."""
    real = [tune.notes for tune in held_out]
    shown = [(f"generated {number:03d}", notes) for number, notes in enumerate(generated[:3], start=1)]
    save_tunes([*shown, (f"real: {held_out[0].name}", real[0])], folder / "tunes.png")
    if min(len(generated), len(real)) > 1:
        save_spread(generated, real, folder / "spread.png")


def comparison_pictures(found: Records, _: object) -> dict[str, Picture]:
    """Return the pictures of `melodygan.compare` by file name; they show the first seed of each row."""
    first = {row: records[0] for row, records in found.items()}
    drawn = {"scores.png": Picture(_SCORES, functools.partial(_save_scores, first))}
    for feature in SPREAD_FEATURES:
        name = "used-pitch.png" if feature == USED_PITCH else f"{feature.replace('_', '-')}.png"
        title = f"Distances between two tunes, for each model and for held-out tunes: {COMPARED[feature].title}"
        drawn[name] = Picture(title, functools.partial(_save_distances, first, feature))
    for key, (title, _) in _MATRICES.items():
        drawn[f"{key}-transitions.png"] = Picture(
            f"Averaged transitions between {title}", functools.partial(_save_transitions, first, key)
        )
    return drawn


def _save_scores(first: First, path: Path) -> None:
    """Draw the score of each row with its interval."""
    with saved_figure(path, (7, 0.6 + 0.3 * len(first)), grid=False) as figure:
        axes = figure.add_subplot()
        for place, record in enumerate(first.values()):
            score, interval = record.measures["score"], record.measures["score_interval"]
            if score is None:
                continue
            colour = GENERATED if record.training else REAL
            axes.barh(place, score, height=0.6, color=colour, alpha=0.8)
            if None not in interval:
                axes.plot(interval, [place, place], color="black", linewidth=1.2)
        name_rows(axes, first)
        axes.set_xlim(0, 1)
        axes.xaxis.set_major_formatter(lambda value, _: share(value))
        axes.grid(visible=True, axis="x", alpha=0.3)


def _save_distances(first: First, feature: str, path: Path) -> None:
    """Draw densities of the distances between two tunes, a panel for each row (figures 5.10 to 5.13 of the report)."""
    title = COMPARED[feature].title
    drawn = {row: np.array(record.figures["curves"][feature], np.float64) for row, record in first.items()}
    real = next(iter(drawn.values()))
    with _panels(path, len(first), (2.6, 2.0)) as panels:
        for axes, (row, record) in zip(panels, first.items(), strict=True):
            spread = record.measures["spread_used_pitch"] if feature == USED_PITCH else None
            axes.set_title(row.title + ("" if spread is None else f": spread {share(spread)}"), fontsize=8)
            axes.set_yticks([])
            axes.set_xlabel(f"distance between two tunes: {title}", fontsize=7)
            if not drawn[row].size:
                continue
            grid, within_row, within_real, _ = drawn[row]
            for values, colour, label in ((within_real, REAL, "held-out tunes"), (within_row, GENERATED, "the row")):
                axes.fill_between(grid, values, color=colour, alpha=0.2, linewidth=0)
                axes.plot(grid, values, color=colour, linewidth=1.4, label=label)
            if real.size:
                axes.set_xlim(real[0, 0], _SHOWN * real[0, -1])
            axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
        panels[0].legend(fontsize=7, frameon=False)


def _save_transitions(first: First, key: str, path: Path) -> None:
    """Draw the averaged transition matrices of the held-out tunes and of all rows."""
    _, labels = _MATRICES[key]
    # The first row is one half of the held-out tunes against the other: others are compared with all of them.
    originals = list(first.values())[-1].figures["originals"][key]
    shown = [("held-out tunes", originals)]
    shown += [(row.title, record.figures["generated"][key]) for row, record in first.items()]
    with _panels(path, len(shown), (2.6, 2.6)) as panels:
        for axes, (title, values) in zip(panels, shown, strict=True):
            axes.imshow(np.sqrt(np.array(values, np.float64)), cmap="viridis")
            axes.set_title(title, fontsize=8)
            axes.set_xticks(range(len(labels)), labels, fontsize=6)
            axes.set_yticks(range(len(labels)), labels, fontsize=6)


@contextlib.contextmanager
def _panels(
    path: Path, count: int, size: tuple[float, float], *, columns: int = 4, grid: bool = False
) -> Iterator[list[Axes]]:
    """Yield panels of a size in inches, in up to ``columns`` columns; they are written as by `saved_figure`."""
    columns = min(columns, count)
    rows = -(-count // columns)
    with saved_figure(path, (size[0] * columns, size[1] * rows), grid=grid) as figure:
        yield [figure.add_subplot(rows, columns, number) for number in range(1, count + 1)]
