"""Pictures of `drumvae.compare`."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.colors import ListedColormap

from drumvae.data.kit import INSTRUMENTS, STEPS
from drumvae.metrics.tables import nats
from evaluation.scores.verdict import share
from manymodes.experiment.page import Picture
from manymodes.experiment.plots import GENERATED, REAL, name_rows, save_shares, saved_figure
from manymodes.experiment.tables import having

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from manymodes.experiment.records import First, Records

_GAP = 2  # steps between two bars that are drawn
_WORST_SHOWN = 1.3  # of the least −log p: the first epochs would flatten all other curves
_HIGHEST_SHOWN = 2.0  # of the greatest divergence at the end, for the same reason
_INK = ListedColormap(["#e9e9e9", "black"])

_COLLAPSE = (
    "What z_high holds: divergence of each of its dimensions, and as a diamond its information on the bar, in nats. "
    "Where there is nothing it has collapsed; the line is the information that tells the styles apart"
)
_PROBES = "Accuracy with which the style is predicted from each latent, beside raw bars (dashed) and guessing (dotted)"
_DIVERGENCE = "Divergence of each dimension on validation bars over the epochs; what stays dark has collapsed"
_COURSE = "Divergence of z_high, and −log p, on validation bars over the seconds of training"
_BARS = "Bars of each row, in columns by style; instruments from the kick upwards"


def pictures(found: Records, styles: Sequence[str]) -> dict[str, Picture]:
    """Return the pictures by file name; figures are those of the first record of each row."""
    first = {row: records[0] for row, records in found.items()}
    trained = {row: record for row, record in first.items() if record.trained}
    probed = {row: first[row] for row in having(found, "probe_high")}
    drawn: dict[str, tuple[str, Callable[..., None], First]] = {
        "collapse.png": (_COLLAPSE, functools.partial(_save_collapse, styles=len(styles)), trained),
        "probes.png": (_PROBES, _save_probes, probed),
        "divergence.png": (_DIVERGENCE, _save_divergence, trained),
        "course.png": (_COURSE, _save_course, trained),
        "bars.png": (_BARS, functools.partial(_save_bars, styles=styles), first),
    }
    return {name: Picture(text, functools.partial(save, rows)) for name, (text, save, rows) in drawn.items() if rows}


def unpacked(text: str) -> NDArray[np.bool_]:
    """Return the hits of a bar, [16, 9], from its hexadecimal digits."""
    cells = np.unpackbits(np.frombuffer(bytes.fromhex(text), np.uint8))
    return cells[: STEPS * len(INSTRUMENTS)].reshape(STEPS, len(INSTRUMENTS)).astype(bool)


def _save_collapse(trained: First, path: Path, *, styles: int) -> None:
    """Draw the divergence of z_high, dimension after dimension, and its information."""
    with saved_figure(path, (8, 0.9 + 0.34 * len(trained))) as figure:
        axes = figure.add_subplot()
        ends = []
        for place, record in enumerate(trained.values()):
            measures = record.measures
            each = np.maximum(sorted(measures["kl_high_per_dimension"], reverse=True), 0)
            axes.barh([place] * len(each), each, left=np.cumsum(each) - each, color=GENERATED, edgecolor="white")
            information = measures["mutual_information_high"]
            axes.plot(information, place, "D", color=REAL, markersize=5, clip_on=False)
            ends.append(max(float(each.sum()), information))
            text = f"{nats(measures['kl_high_nats'])} nats, {measures['active_high']} of {len(each)} active"
            axes.annotate(
                text, (ends[-1], place), (7, 0), textcoords="offset points", va="center", size=7,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
            )  # fmt: skip
        styles_nats = math.log(styles)
        axes.axvline(styles_nats, color="grey", linestyle="--", linewidth=0.8)
        axes.annotate(
            f"ln {styles}", (styles_nats, 1), xycoords=("data", "axes fraction"), va="bottom", ha="center", color="grey"
        )
        name_rows(axes, trained)
        axes.set_xlim(0, 1.3 * max(*ends, styles_nats))
        axes.set_xlabel("nats")


def _save_probes(probed: First, path: Path) -> None:
    """Draw the accuracy with which the style is predicted from each level."""
    bars = {"z_high": "probe_high", "z_low": "probe_low"}
    bounds = next(iter(probed.values())).measures
    lines = bounds["probe_raw"], bounds["chance"]
    save_shares(probed, path, bars=bars, lines=lines, write=share, colours=(GENERATED, REAL))


def _save_divergence(trained: First, path: Path) -> None:
    """Draw the divergence of each dimension over the epochs as heat maps, a panel a row."""
    columns = min(3, len(trained))
    lines = -(-len(trained) // columns)
    epochs = {row: record.figures["epochs"] for row, record in trained.items()}
    # of the last epochs: before divergences have a weight, they may be anything
    greatest = max(max(*course[-1]["high"], *course[-1]["low"]) for course in epochs.values())
    with saved_figure(path, (3.2 * columns + 0.8, 2.3 * lines), grid=False) as figure:
        for number, (row, course) in enumerate(epochs.items(), start=1):
            axes = figure.add_subplot(lines, columns, number)
            table = np.array([[*epoch["high"], *epoch["low"]] for epoch in course]).T
            high, extent = len(course[0]["high"]), (0.5, len(course) + 0.5, len(table), 0)
            image = axes.imshow(table, aspect="auto", vmin=0, vmax=greatest, extent=extent, interpolation="nearest")
            axes.axhline(high, color="white", linewidth=1)
            axes.set_yticks([high / 2, (high + len(table)) / 2], ["z_high", "z_low"], fontsize=7)
            axes.tick_params(axis="x", labelsize=6)
            axes.set_title(row.title, fontsize=8)
        figure.colorbar(image, ax=figure.axes, aspect=50, label="nats")


def _save_course(trained: First, path: Path) -> None:
    """Draw divergence and −log p over the seconds that updates have taken."""
    with saved_figure(path, (10, 3.6)) as figure:
        panels = {name: figure.add_subplot(1, 2, number) for number, name in enumerate(("high", "val_nats"), start=1)}
        for row, record in trained.items():
            epochs = record.figures["epochs"]
            seconds = [epoch["seconds"] for epoch in epochs]
            line = "--" if record.made_with["settings"]["hierarchy"] == "chain" else "-"
            for name, axes in panels.items():
                label = row.title if name == "high" else None
                axes.plot(seconds, [np.sum(epoch[name]) for epoch in epochs], line, label=label, linewidth=1.2)
        least = min(epoch["val_nats"] for record in trained.values() for epoch in record.figures["epochs"])
        panels["val_nats"].set_ylim(0.98 * least, _WORST_SHOWN * least)
        greatest = max(float(np.sum(record.figures["epochs"][-1]["high"])) for record in trained.values())
        panels["high"].set_ylim(-0.02, _HIGHEST_SHOWN * max(greatest, 1))
        for axes, title in zip(panels.values(), ("divergence of z_high, nats", "−log p, nats"), strict=True):
            axes.set_title(title)
            axes.set_xlabel("seconds of updates")
        figure.legend(fontsize=7, loc="outside right center")


def _save_bars(first: First, path: Path, *, styles: Sequence[str]) -> None:
    """Draw the first bars of each row, one row under the other."""
    with saved_figure(path, (10, 0.4 + 0.72 * len(first)), grid=False) as figure:
        for number, (row, record) in enumerate(first.items(), start=1):
            axes = figure.add_subplot(len(first), 1, number)
            of_styles = record.figures["bars"]
            widest = max(map(len, of_styles))
            strip = np.full((len(INSTRUMENTS), len(styles) * widest * (STEPS + _GAP) - _GAP), np.nan)
            for style, bars in enumerate(of_styles):
                for place, bar in enumerate(bars):
                    begin = (style * widest + place) * (STEPS + _GAP)
                    strip[:, begin : begin + STEPS] = unpacked(bar).T
            axes.imshow(strip, origin="lower", cmap=_INK, vmin=0, vmax=1, aspect="auto", interpolation="nearest")
            axes.axis("off")
            axes.set_title(row.title, fontsize=7, loc="left", pad=2)
            if number == 1:
                for style, name in enumerate(styles):
                    middle = (style + 0.5) / len(styles)
                    axes.annotate(name, (middle, 1.3), xycoords="axes fraction", ha="center", fontsize=8)
