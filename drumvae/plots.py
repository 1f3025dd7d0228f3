"""Pictures of training, of what the latents hold, of drum patterns, and of a comparison."""

from __future__ import annotations

import contextlib
import functools
import math
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import seaborn as sns
from matplotlib.colors import ListedColormap
from matplotlib.ticker import MaxNLocator
from scipy.cluster.hierarchy import dendrogram, linkage
from sklearn.manifold import TSNE

from drumvae.data.kit import INSTRUMENTS, STEPS, STEPS_PER_QUARTER
from drumvae.metrics.tables import nats
from evaluation.scores.verdict import share
from manymodes.experiment.page import Picture
from manymodes.experiment.plots import GENERATED, REAL, curve, draw_curves, name_rows, save_shares, saved_figure
from manymodes.experiment.tables import having

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from matplotlib.figure import Figure

    from drumvae.data.grooves import Grooves
    from drumvae.models.vae import Latents
    from manymodes.experiment.records import First, Records

_LEVELS = {"high": "z_high", "low": "z_low"}
_SHOWN = 1000  # bars of a t-SNE
_CLUSTERED = 60  # bars of a dendrogram
_PERPLEXITY = 30
_DISTINCT = 10  # colours that can be told apart
_SLIGHT = 0.005  # a largest change below this is drawn pale
_COLUMNS = 4
_BINS = (10, 40)
_GAP = 2  # steps between two bars that are drawn
_WORST_SHOWN = 1.3  # of the least −log p: the first epochs would flatten all other curves
_HIGHEST_SHOWN = 2.0  # of the greatest divergence at the end, for the same reason
_INK = ListedColormap(["#e9e9e9", "black"])
# Title, unit and the corner that the curves leave free, then columns by label.
_PANELS: dict[tuple[str, str, Literal["upper right", "lower right"]], dict[str, str]] = {
    ("−log p of a bar's hits", "nats a bar", "upper right"): {
        "bound, validation": "val_nats",
        "given its latents, training": "reconstruction_nats",
        "given its latents, validation": "val_reconstruction_nats",
    },
    ("divergence from the prior", "nats a bar", "upper right"): {
        "z_high, training": "kl_high_nats",
        "z_low, training": "kl_low_nats",
        "z_high, validation": "val_kl_high_nats",
        "z_low, validation": "val_kl_low_nats",
    },
    ("style predicted from z_high", "share of bars", "lower right"): {
        "training": "style_accuracy",
        "validation": "val_style_accuracy",
    },
    ("velocity and timing", "nats a hit", "upper right"): {
        "training": "playing_loss",
        "validation": "val_playing_loss",
    },
}


def save_history(history: Sequence[Mapping[str, float]], path: Path, *, bound_nats: float | None = None) -> None:
    """Draw the losses and divergences that a history has, and the least possible mean of −log p of a bar, if known."""
    drawn = {}
    for panel, columns in _PANELS.items():
        curves = {label: curve(history, name) for label, name in columns.items()}
        if known := {label: points for label, points in curves.items() if points[0]}:
            drawn[panel] = known
    rows = -(-len(drawn) // 2)
    with saved_figure(path, (9, 2.8 * rows)) as figure:
        for number, ((title, unit, corner), curves) in enumerate(drawn.items(), start=1):
            axes = figure.add_subplot(rows, 2, number)
            draw_curves(axes, curves, title)
            axes.set_ylabel(unit)
            if number == 1 and bound_nats is not None:
                axes.axhline(bound_nats, color="black", linestyle=":", label="least possible")
            axes.legend(fontsize=7, loc=corner)


def save_divergences(history: Sequence[Mapping[str, float]], path: Path) -> None:
    """Draw the divergence of each dimension on validation bars over the epochs, as a heat map."""
    names = [name for name in history[-1] if name.startswith("kl_") and name.rsplit("_", 1)[-1].isdigit()]
    table = np.array([[row[name] for row in history] for name in names])
    with saved_figure(path, (7, 1.4 + 0.22 * len(names)), grid=False) as figure:
        axes = figure.add_subplot()
        reach = (0.5, len(history) + 0.5, len(names), 0)
        image = axes.imshow(table, aspect="auto", cmap="viridis", vmin=0, extent=reach, interpolation="nearest")
        axes.set_yticks(np.arange(len(names)) + 0.5, [_dimension(*name.split("_")[1:]) for name in names])
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.set_title("divergence of each dimension from the prior, on validation bars")
        figure.colorbar(image, ax=axes, label="nats a bar; 0 is collapsed")


def _dimension(level: str, number: int | str) -> str:
    return f"{_LEVELS[level]}, {number}"


@contextlib.contextmanager
def _by_style(path: Path, size: tuple[float, float], names: Sequence[str]) -> Iterator[tuple[Figure, list[Any]]]:
    """Give a figure to draw on, and a colour for each style, of which there will be a legend."""
    colours = sns.color_palette("tab10" if len(names) <= _DISTINCT else "husl", len(names))
    with saved_figure(path, size, grid=False) as figure:
        yield figure, colours
        handles = [figure.axes[0].scatter([], [], s=16, color=colour) for colour in colours]
        figure.legend(handles, names, loc="outside lower center", ncols=min(len(names), _DISTINCT), fontsize=8)


def save_maps(means: Latents, styles: np.ndarray, names: Sequence[str], path: Path, *, seed: int) -> None:
    """Draw both levels, arrays [n, D], in two dimensions by t-SNE, coloured by style [n], at most 1,000 bars."""
    some = np.random.default_rng(seed).permutation(len(styles))[:_SHOWN]
    perplexity = min(_PERPLEXITY, (len(some) - 1) / 3)
    with _by_style(path, (9, 4.6), names) as (figure, colours):
        for number, (level, title) in enumerate(_LEVELS.items(), start=1):
            values = getattr(means, level)[some]
            flat = TSNE(2, perplexity=perplexity, random_state=seed, init="pca").fit_transform(values)
            axes = figure.add_subplot(1, 2, number)
            axes.scatter(flat[:, 0], flat[:, 1], s=8, c=[colours[style] for style in styles[some]], linewidths=0)
            axes.set_title(f"{title}: a point a bar (t-SNE)")
            axes.set_xticks([])
            axes.set_yticks([])


def save_clusters(means: Latents, styles: np.ndarray, names: Sequence[str], path: Path, *, seed: int) -> None:
    """Draw clusters of 60 bars at both levels, arrays [n, D], as trees (Ward, 1963), leaves coloured by style [n]."""
    some = np.random.default_rng(seed).permutation(len(styles))[:_CLUSTERED]
    with _by_style(path, (9, 5.4), names) as (figure, colours):
        for number, (level, title) in enumerate(_LEVELS.items(), start=1):
            axes = figure.add_subplot(2, 1, number)
            tree = linkage(getattr(means, level)[some], "ward")
            drawn = dendrogram(tree, ax=axes, color_threshold=0, above_threshold_color="grey", no_labels=True)
            places = 10 * np.arange(len(some)) + 5  # where scipy draws leaves
            leaves = [colours[style] for style in styles[some][drawn["leaves"]]]
            axes.scatter(places, np.zeros(len(some)), s=16, c=leaves, clip_on=False, zorder=3)
            axes.set_title(f"{title}: which of {len(some)} bars are near each other")
            axes.set_ylabel("distance (Ward)")


def save_histograms(drawn: Latents, expected: Latents, path: Path) -> None:
    """Draw the distribution of each dimension over bars, arrays [n, D], beside draws from the prior, [m, D]."""
    panels = [(level, number) for level in _LEVELS for number in range(getattr(drawn, level).shape[1])]
    rows = -(-len(panels) // _COLUMNS)
    with saved_figure(path, (9, 1.5 * rows + 0.6)) as figure:
        for place, (level, number) in enumerate(panels, start=1):
            axes = figure.add_subplot(rows, _COLUMNS, place)
            ours, priors = (getattr(latents, level)[:, number] for latents in (drawn, expected))
            reach = (min(ours.min(), priors.min()), max(ours.max(), priors.max()))
            count = int(np.clip(np.sqrt(len(ours)), *_BINS))
            bins, finer = (np.linspace(*reach, number + 1).tolist() for number in (count, _BINS[1]))
            axes.hist(ours, bins, density=True, color=GENERATED, alpha=0.6, label="drawn for test bars")
            axes.hist(priors, finer, density=True, histtype="step", color=REAL, label="drawn from the prior")
            axes.set_title(_dimension(level, number), fontsize=8)
            axes.tick_params(labelsize=6)
        figure.supxlabel("value")
        figure.supylabel("density")
        figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=2, fontsize=8)


def save_sweeps(sweeps: Mapping[str, Sequence[Mapping[str, float]]], path: Path) -> None:
    """Draw the effect of each dimension (`drumvae.metrics.diagnostics.sweeps`) as shares of each largest change."""
    rows = [(_dimension(level, number), row) for level, each in sweeps.items() for number, row in enumerate(each)]
    columns = list(rows[0][1])
    table = np.array([[row[name] for name in columns] for _, row in rows])
    largest = np.abs(table).max(axis=0)
    with saved_figure(path, (8, 0.25 * len(rows) + 2.2), grid=False) as figure:
        axes = figure.add_subplot()
        shares = table / np.maximum(largest, _SLIGHT)
        image = axes.imshow(shares, cmap="coolwarm", vmin=-1, vmax=1, aspect="auto")
        labels = [f"{_spoken(name)} (±{change:.2f})" for name, change in zip(columns, largest, strict=True)]
        axes.set_xticks(range(len(columns)), labels, rotation=40, ha="right", rotation_mode="anchor")
        axes.set_yticks(range(len(rows)), [name for name, _ in rows])
        axes.axhline(len(sweeps["high"]) - 0.5, color="black", linewidth=1)
        axes.set_xlabel("share of cells that are hit, or syncopation (and its largest change)")
        axes.set_title("what changes when one dimension goes from low to high")
        figure.colorbar(image, ax=axes, label="share of the largest change")


def save_hits(metrics: Mapping[str, Any], path: Path) -> None:
    """Draw the F1 of reconstructed hits of metrics.json, of each instrument and of all, beside the baselines."""
    rows = {"mean pattern": "hit_f1_mean_pattern", "16 principal components": "hit_f1_pca16", "model": "hit_f1"}
    labels = [*map(_spoken, INSTRUMENTS), "all"]
    width = 0.8 / len(rows)
    with saved_figure(path, (9, 3.4)) as figure:
        axes = figure.add_subplot()
        for number, ((label, name), colour) in enumerate(zip(rows.items(), ("0.75", REAL, GENERATED), strict=True)):
            each = [metrics[f"{name}_per_instrument"][instrument] or 0.0 for instrument in INSTRUMENTS]
            places = np.arange(len(labels)) + (number - 1) * width
            axes.bar(places, [*each, metrics[name]], width, color=colour, label=label)
        axes.set_xticks(range(len(labels)), labels)
        axes.set_ylim(0, 1)
        axes.set_ylabel("F1 of hits")
        axes.set_title("reconstructed hits of test bars")
        figure.legend(loc="outside lower center", ncols=len(rows), fontsize=8)


def _spoken(name: str) -> str:
    return name.replace("_", " ")


def save_patterns(patterns: Mapping[str, np.ndarray], path: Path) -> None:
    """Draw rows of bars, velocities or chances [n, 16, 9] by title, as grids: steps across, the kick lowest."""
    columns = max(map(len, patterns.values()))
    with saved_figure(path, (2.3 * columns + 1.4, 1.45 * len(patterns) + 0.3), grid=False) as figure:
        for row, (title, bars) in enumerate(patterns.items(), start=1):
            axes = figure.add_subplot(len(patterns), 1, row)
            # A step's width between bars, and nothing where other rows have more of them.
            table = np.full((len(INSTRUMENTS), (STEPS + 1) * columns - 1), np.nan)
            for number, bar in enumerate(bars):
                table[:, (STEPS + 1) * number :][:, :STEPS] = bar.T
            axes.imshow(table, origin="lower", cmap="magma_r", vmin=0, vmax=1, aspect="auto", interpolation="nearest")
            begins = np.add.outer((STEPS + 1) * np.arange(len(bars)), np.arange(0, STEPS, STEPS_PER_QUARTER)).ravel()
            axes.vlines(begins - 0.5, -0.5, len(INSTRUMENTS) - 0.5, color="grey", linewidth=0.5)
            axes.set_xticks(begins, list("1234") * len(bars), fontsize=6)
            axes.set_yticks(range(len(INSTRUMENTS)), map(_spoken, INSTRUMENTS), fontsize=6)
            axes.tick_params(length=0)
            axes.spines[:].set_visible(False)
            axes.set_title(title, fontsize=8, loc="left", parse_math=False)  # names of files may have dollar signs
        axes.set_xlabel("beat", fontsize=7)


_COLLAPSE = (
    "What z_high holds: divergence of each of its dimensions, and as a diamond its information on the bar, in nats. "
    "Where there is nothing it has collapsed; the line is the information that tells the styles apart"
)
_PROBES = "Accuracy with which the style is predicted from each latent, beside raw bars (dashed) and guessing (dotted)"
_DIVERGENCE = "Divergence of each dimension on validation bars over the epochs; what stays dark has collapsed"
_COURSE = "Divergence of z_high, and −log p, on validation bars over the seconds of training"
_BARS = "Bars of each row, in columns by style; instruments from the kick upwards"


def comparison_pictures(found: Records, grooves: Grooves) -> dict[str, Picture]:
    """Return the pictures of `drumvae.compare` by file name, of the first seed."""
    first = {row: records[0] for row, records in found.items()}
    trained = {row: record for row, record in first.items() if record.trained}
    probed = {row: first[row] for row in having(found, "probe_high")}
    drawn: dict[str, tuple[str, Callable[..., None], First]] = {
        "collapse.png": (_COLLAPSE, functools.partial(_save_collapse, styles=len(grooves.styles)), trained),
        "probes.png": (_PROBES, _save_probes, probed),
        "divergence.png": (_DIVERGENCE, _save_divergence, trained),
        "course.png": (_COURSE, _save_course, trained),
        "bars.png": (_BARS, functools.partial(_save_bars, styles=grooves.styles), first),
    }
    return {name: Picture(text, functools.partial(save, rows)) for name, (text, save, rows) in drawn.items() if rows}


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
                    cells = np.unpackbits(np.frombuffer(bytes.fromhex(bar), np.uint8))[: STEPS * len(INSTRUMENTS)]
                    strip[:, begin : begin + STEPS] = cells.reshape(STEPS, -1).T
            axes.imshow(strip, origin="lower", cmap=_INK, vmin=0, vmax=1, aspect="auto", interpolation="nearest")
            axes.axis("off")
            axes.set_title(row.title, fontsize=7, loc="left", pad=2)
            if number == 1:
                for style, name in enumerate(styles):
                    middle = (style + 0.5) / len(styles)
                    axes.annotate(name, (middle, 1.3), xycoords="axes fraction", ha="center", fontsize=8)
