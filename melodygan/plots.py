"""Pictures of training and of tunes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import seaborn as sns

from evaluation.features.table import FEATURES, feature_table
from evaluation.scores.distances import intra_set_distances, overlap_area
from manymodes.experiment.plots import GENERATED, REAL, curve, draw_curves, saved_figure
from melodygan.data.encoding import STEPS_PER_QUARTER
from melodygan.metrics.musical import SPREAD_FEATURES, as_pieces

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from melodygan.data.encoding import Note, Tune

_TITLES = {
    "bits": "bits (training and validation)",
    "loss": "losses",
    "accuracy": "accuracy",
    "score_gap": "critic: real minus generated",
    "penalty": "gradient penalty",
    "gradient": "length of the gradients",
    "overlap": "overlap with real tunes",
    "musical_distance": "musical distance",
    "spread": "least spread, relative to real tunes",
    "distinct": "distinct tunes, share",
}


def save_history(history: Sequence[dict[str, float]], path: Path) -> None:
    """Draw every column of a history over the epochs, related ones in one panel."""
    panels: dict[str, list[str]] = {}
    for name in dict.fromkeys(name for row in history for name in row):
        key = next((key for key in _TITLES if key in name), name)
        panels.setdefault(key, []).append(name)
    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    with saved_figure(path, (3.6 * columns, 2.6 * rows)) as figure:
        for number, (key, names) in enumerate(panels.items(), start=1):
            axes = figure.add_subplot(rows, columns, number)
            draw_curves(axes, {name: curve(history, name) for name in names}, _TITLES.get(key, key))


def save_tunes(tunes: Sequence[tuple[str, Sequence[Note]]], path: Path) -> None:
    """Draw tunes as piano rolls, one above the other: (title, notes)."""
    with saved_figure(path, (10, 1.9 * len(tunes)), grid=False) as figure:
        for number, (title, notes) in enumerate(tunes, start=1):
            axes = figure.add_subplot(len(tunes), 1, number)
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
        axes.set_xlabel("quarters")


def save_spread(generated: Sequence[Sequence[Note]], real: Sequence[Sequence[Note]], path: Path) -> None:
    """Draw how different tunes are from one another, generated beside real: densities of intra-set distances.

    A collapsed model's curve is a narrow peak near 0, or a line where all distances are the same. Features are those of
    `melodygan.metrics.musical.SPREAD_FEATURES`.
    """
    tables = {name: feature_table(as_pieces(tunes)) for name, tunes in (("generated", generated), ("real", real))}
    with saved_figure(path, (10, 2.6)) as figure:
        for number, feature in enumerate(SPREAD_FEATURES, start=1):
            axes = figure.add_subplot(1, len(SPREAD_FEATURES), number)
            distances = {name: intra_set_distances(table[feature]).ravel() for name, table in tables.items()}
            for (name, values), colour in zip(distances.items(), (GENERATED, REAL), strict=True):
                if np.ptp(values) == 0:
                    axes.axvline(values[0], color=colour, linewidth=3, label=name)
                    continue
                # Distances of whole numbers lie on a comb: a wider kernel shows their outline, as one would draw it.
                sns.kdeplot(x=values, ax=axes, label=name, color=colour, fill=True, cut=0, bw_adjust=2)
            axes.set_title(f"{FEATURES[feature].title}: overlap {overlap_area(*distances.values()):.2f}")
            axes.set_xlabel("distance between two tunes")
            axes.set_ylabel("density" if number == 1 else "")
            axes.set_yticks([])
        axes.legend(fontsize=8)


def save_generated(folder: Path, generated: Sequence[Sequence[Note]], held_out: Sequence[Tune]) -> None:
    """Draw some generated tunes above a real one, and how different they are among themselves."""
    real = [tune.notes for tune in held_out]
    shown = [(f"generated {number:03d}", notes) for number, notes in enumerate(generated[:3], start=1)]
    save_tunes([*shown, (f"real: {held_out[0].name}", real[0])], folder / "tunes.png")
    if min(len(generated), len(real)) > 1:
        save_spread(generated, real, folder / "spread.png")
