"""Pictures of training and of letters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fontgan.data.glyphs import LETTERS, SIZE_PX
from fontgan.data.sheets import from_pixels, save_sheet
from fontgan.metrics import coverage
from fontgan.metrics.alphabets import STYLES, alphabets, alphabets_of_styles, interpolations
from manymodes.experiment.page import Picture
from manymodes.experiment.plots import GENERATED, REAL, curve, draw_curves, saved_figure
from manymodes.experiment.records import unpacked

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import keras
    from matplotlib.axes import Axes

    from fontgan.data.fonts import Letters
    from fontgan.models.gan import FontGAN
    from manymodes.experiment.records import First, Records, Row

_COURSE = 13  # letters at the end of the weakest of the course's reports
_NEIGHBOURS = 12


def save_training(history: Sequence[Mapping[str, float]], folder: Path) -> None:
    """Draw a history: losses, their balance, letters, gradients, and the course of each letter."""
    panels: dict[str, tuple[str, tuple[str, ...], tuple[float, ...]]] = {
        "losses": ("losses", ("generator_loss", "discriminator_loss"), ()),
        "loss-balance": ("loss of the discriminator, divided by the generator's", ("loss_ratio",), (1,)),
        "coverage": ("letters covered", ("strict_coverage", "naive_coverage"), (len(LETTERS), _COURSE)),
        "gradients": ("length of the gradients", ("generator_gradient", "discriminator_gradient"), ()),
    }
    for name, (title, columns, lines) in panels.items():
        with saved_figure(folder / f"{name}.png", (6, 3.2)) as figure:
            axes = figure.add_subplot()
            draw_curves(axes, {column: curve(history, column) for column in columns}, title)
            _draw_lines(axes, lines)
            axes.set_xlim(right=len(history))
            if lines:
                axes.set_ylim(bottom=0)
    if counts := coverage.counts_of(history):
        with saved_figure(folder / "survival.png", (7, 3)) as figure:
            axes = figure.add_subplot()
            shares, vanished = _survival(counts)
            axes.bar(list(LETTERS), shares, color=REAL)
            for place, times in vanished.items():
                at = (place, shares[place])
                axes.annotate(f"−{times}", at, ha="center", va="bottom", fontsize=7, color=GENERATED)
            axes.set_title("share of the counts at which a letter was covered; in red how often it vanished")
            axes.set_ylim(0, 1.1)


def save_samples(model: FontGAN, images: np.ndarray, letters: Letters, classifier: keras.Model, folder: Path) -> None:
    """Draw alphabets of a trained model, interpolations, and training images nearest to its images [n, 28, 28, 1]."""
    save_sheet(alphabets(model, classifier), folder / "alphabet.png", columns=LETTERS)
    if model.labelled:
        styles = [f"z {number}" for number in range(1, STYLES + 1)]
        save_sheet(alphabets_of_styles(model), folder / "styles.png", rows=styles, columns=LETTERS)
    steps, ends = interpolations(model, classifier)
    save_sheet(steps, folder / "interpolation.png", rows=[" → ".join(ends)] * len(steps))
    some = images[:_NEIGHBOURS]
    nearest = letters.train.images[coverage.nearest(some, letters.train.images)]
    save_sheet(np.stack([some, nearest]), folder / "nearest.png", rows=("generated", "nearest"))


def comparison_pictures(found: Records, _: object) -> dict[str, Picture]:
    """Return the pictures of `fontgan.compare` by file name, of the first seed."""
    first, trained = _first(found)
    best = "Of each row the letters that are read best; places are empty where a letter does not occur"
    drawn = "Of each row what was drawn first, good or bad; conditional models are asked for A to Z"
    shares = "How often each letter is read; blue where it is covered. The line is an even alphabet"
    pictures = {
        "alphabets.png": Picture(best, lambda path: _save_letters(first, "alphabet", path, columns=LETTERS)),
        "first.png": Picture(drawn, lambda path: _save_letters(first, "first", path)),
        "letters.png": Picture(shares, lambda path: _save_shares(first, path)),
    }
    if trained:
        covered = "Letters covered in training, counted by the selecting classifier"
        survival = "Share of the counts in training at which a letter was covered; in red how often it vanished again"
        pictures["coverage.png"] = Picture(covered, lambda path: _save_coverage(trained, path))
        pictures["survival.png"] = Picture(survival, lambda path: _save_survival(trained, path))
    return pictures


def stacked_pictures(found: Records) -> dict[str, Picture]:
    """Return the pictures of `fontgan.stacked` by file name, of the first seed."""
    first, trained = _first(found)
    drawn = "Of each row what was drawn first; the three letters of an image are red, green and blue"
    pictures = {"first.png": Picture(drawn, lambda path: _save_stacks(first, path))}
    if trained:
        title = "In training, of 500 images: the modes, read at all, and the share that is legible"
        pictures["modes.png"] = Picture(title, lambda path: _save_modes(trained, path))
    return pictures


def _first(found: Records) -> tuple[First, First]:
    """Return the records of the first seed, and those of them that were trained."""
    first = {row: records[0] for row, records in found.items()}
    return first, {row: record for row, record in first.items() if record.trained}


def _save_stacks(first: First, path: Path) -> None:
    """Draw the first stacks of each row in a line."""
    with saved_figure(path, (8, 0.55 * len(first)), grid=False) as figure:
        panels = figure.subplots(len(first), 1, squeeze=False)[:, 0]
        for axes, (row, record) in zip(panels, first.items(), strict=True):
            axes.imshow(unpacked(record.figures["first"]))
            axes.set_axis_off()
            axes.set_title(row.title, fontsize=7, loc="left", pad=1)


def _save_modes(trained: First, path: Path) -> None:
    """Draw modes and the legible share over the seconds of training."""
    with saved_figure(path, (8, 3.4)) as figure:
        panels = figure.subplots(1, 2)
        for axes, name in zip(panels, ("modes", "legible"), strict=True):
            _draw_counts(axes, {row: record.figures["counts"] for row, record in trained.items()}, name)
            axes.set_title(name, fontsize=8)
            axes.set_ylim(bottom=0)
        figure.legend(*panels[0].get_legend_handles_labels(), fontsize=7, loc="outside lower center", ncols=3)


def _draw_counts(
    axes: Axes, counts: Mapping[Row, Sequence[Mapping[str, Any]]], name: str, measure: Callable[[Any], float] = float
) -> None:
    """Draw a measure of the counts of each row's training over the seconds."""
    for row, of_row in counts.items():
        values = [measure(count[name]) for count in of_row]
        axes.plot([count["seconds"] for count in of_row], values, label=row.title, marker=".", markersize=4)
    axes.set_xlabel("seconds of updates")


def _draw_lines(axes: Axes, values: Sequence[float]) -> None:
    for value in values:
        axes.axhline(value, color="grey", linestyle="--", linewidth=0.8)
        place: Any = {"xycoords": ("axes fraction", "data"), "xytext": (3, 0), "textcoords": "offset points"}
        axes.annotate(f"{value:g}", (1, value), va="center", color="grey", **place)


def _survival(counts: Sequence[Mapping[str, Any]]) -> tuple[list[float], dict[int, int]]:
    """Return each letter's share of the counts that cover it, and how often those vanished that did, by number."""
    shares = [float(np.mean([letter in count["covered"] for count in counts])) for letter in LETTERS]
    return shares, {place: times for place, times in enumerate(coverage.vanished(counts).values()) if times}


def _save_letters(first: First, which: str, path: Path, *, columns: str = "") -> None:
    """Lay out two lines of letters of each row, one row under the other."""
    sheets = {row.title: unpacked(record.figures[which]) for row, record in first.items()}
    pixels = np.concatenate(list(sheets.values())).reshape(-1, SIZE_PX, len(LETTERS), SIZE_PX).transpose(0, 2, 1, 3)
    names = [name for title, sheet in sheets.items() for name in (title, *[""] * (len(sheet) // SIZE_PX - 1))]
    save_sheet(from_pixels(pixels), path, rows=names, columns=columns)


def _save_shares(first: First, path: Path) -> None:
    """Draw how often each letter is read, a panel a row."""
    columns = min(3, len(first))
    lines = -(-len(first) // columns)
    with saved_figure(path, (3.6 * columns, 1.7 * lines)) as figure:
        for number, (row, record) in enumerate(first.items(), start=1):
            axes = figure.add_subplot(lines, columns, number)
            measures = record.measures
            shares = [measures["letters"][letter]["share"] for letter in LETTERS]
            colours = [REAL if letter in measures["covered"] else GENERATED for letter in LETTERS]
            axes.bar(list(LETTERS), shares, color=colours)
            axes.axhline(1 / len(LETTERS), color="grey", linestyle="--", linewidth=0.8)
            axes.set_title(f"{row.title}: {measures['strict_coverage']} of {len(LETTERS)}", fontsize=8)
            axes.tick_params(labelsize=6)
            axes.grid(visible=False, axis="x")


def _save_coverage(trained: First, path: Path) -> None:
    """Draw how many letters were covered over the seconds of training."""
    with saved_figure(path, (8, 4)) as figure:
        axes = figure.add_subplot()
        begun = {"seconds": 0.0, "covered": ""}
        counts = {row: [begun, *record.figures["counts"]] for row, record in trained.items()}
        _draw_counts(axes, counts, "covered", len)
        _draw_lines(axes, (len(LETTERS), _COURSE))
        axes.set_ylabel("letters covered")
        figure.legend(fontsize=7, loc="outside right center")


def _save_survival(trained: First, path: Path) -> None:
    """Draw the course of each letter in each row's training."""
    survivals = [_survival(record.figures["counts"]) for record in trained.values()]
    with saved_figure(path, (8, 0.8 + 0.3 * len(trained)), grid=False) as figure:
        axes = figure.add_subplot()
        image = axes.imshow([shares for shares, _ in survivals], cmap="Blues", vmin=0, vmax=1, aspect="auto")
        for line, (_, vanished) in enumerate(survivals):
            for place, times in vanished.items():
                axes.annotate(f"{times}", (place, line), ha="center", va="center", fontsize=7, color=GENERATED)
        axes.set_xticks(range(len(LETTERS)), list(LETTERS), fontsize=7)
        axes.set_yticks(range(len(trained)), [row.title for row in trained], fontsize=7)
        figure.colorbar(image, ax=axes, fraction=0.03)
