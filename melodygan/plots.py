"""Pictures of training and of tunes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.figure import Figure

from melodygan.encoding import STEPS_PER_QUARTER
from modelkit.files import replacing_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from melodygan.encoding import Note

_STYLE: Any = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.3,
    "font.size": 9,
}
_TITLES = {
    "bits": "bits (training and validation)",
    "loss": "losses",
    "accuracy": "accuracy",
    "score_gap": "critic: real minus generated",
    "penalty": "gradient penalty",
    "overlap": "overlap with real tunes",
    "musical_distance": "musical distance",
    "spread": "least spread, relative to real tunes",
    "distinct": "distinct tunes, share",
}


def save_history(history: Sequence[dict[str, float]], path: Path) -> None:
    """Draw every column of a history over the epochs, related ones in one panel."""
    panels: dict[str, list[str]] = {}
    for name in history[0]:
        key = next((key for key in _TITLES if key in name), name)
        panels.setdefault(key, []).append(name)
    epochs = range(1, len(history) + 1)
    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(3.6 * columns, 2.6 * rows), layout="constrained")
        for number, (key, names) in enumerate(panels.items(), start=1):
            axes = figure.add_subplot(rows, columns, number)
            for name in names:
                axes.plot(epochs, [row[name] for row in history], label=name, marker=".", markersize=3)
            axes.set_title(_TITLES.get(key, key))
            axes.set_xlabel("epoch")
            if len(names) > 1:
                axes.legend(fontsize=7)
        _save(figure, path)


def save_tunes(tunes: Sequence[tuple[str, Sequence[Note]]], path: Path) -> None:
    """Draw tunes as piano rolls, one above the other: (title, notes)."""
    with mpl.rc_context({**_STYLE, "axes.grid": False}):
        figure = Figure(figsize=(10, 1.9 * len(tunes)), layout="constrained")
        for number, (title, notes) in enumerate(tunes, start=1):
            axes = figure.add_subplot(len(tunes), 1, number)
            start = 0.0
            for note in notes:
                length = note.steps / STEPS_PER_QUARTER
                if note.pitch is not None:
                    axes.broken_barh([(start, length * 0.94)], (note.pitch - 0.45, 0.9), color="#31688e")
                start += length
            axes.set_xlim(0, start)
            axes.set_xticks(range(0, int(start) + 1, 4))
            axes.grid(visible=True, axis="x", alpha=0.3)
            axes.set_title(title, loc="left")
            axes.set_ylabel("pitch")
        axes.set_xlabel("quarters")
        _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    with replacing_file(path) as partial:
        figure.savefig(partial, dpi=130, format="png")
