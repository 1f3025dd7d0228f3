"""Pictures of training, of what the latents hold, and of drum patterns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import seaborn as sns
from scipy.cluster.hierarchy import dendrogram, linkage
from sklearn.manifold import TSNE

from drumvae.kit import INSTRUMENTS, STEPS, STEPS_PER_QUARTER
from modelkit.plotting import GENERATED, REAL, curve, draw_curves, saved_figure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

    from drumvae.model import Latents

_LEVELS = {"high": "z_high", "low": "z_low"}
_SHOWN = 1000  # bars of a t-SNE
_CLUSTERED = 60  # bars of a dendrogram
_PERPLEXITY = 30


def save_history(history: Sequence[Mapping[str, float]], folder: Path) -> None:
    """Draw losses and divergences over the epochs, and the divergence of each dimension as a heat map."""
    panels = {
        "nats a bar": ("val_nats", "reconstruction_nats", "val_reconstruction_nats"),
        "divergence, nats": ("kl_high_nats", "kl_low_nats", "val_kl_high_nats", "val_kl_low_nats"),
        "style read from z_high": ("style_accuracy", "val_style_accuracy"),
        "velocity and timing, nats a hit": ("playing_loss", "val_playing_loss"),
    }
    with saved_figure(folder / "history.png", (9, 5.5)) as figure:
        for number, (title, columns) in enumerate(panels.items(), start=1):
            curves = {name: curve(history, name) for name in columns if any(name in row for row in history)}
            draw_curves(figure.add_subplot(2, 2, number), curves, title)
    names = [name for name in history[-1] if name.startswith("kl_") and name.rsplit("_", 1)[-1].isdigit()]
    with saved_figure(folder / "divergence.png", (7, 0.6 + 0.22 * len(names)), grid=False) as figure:
        axes = figure.add_subplot()
        table = np.array([[row[name] for row in history] for name in names])
        image = axes.imshow(
            table, aspect="auto", cmap="viridis", vmin=0, extent=(0.5, len(history) + 0.5, len(names), 0)
        )
        axes.set_yticks(np.arange(len(names)) + 0.5, [name.removeprefix("kl_").replace("_", " ") for name in names])
        axes.set_xlabel("epoch")
        axes.set_title("divergence of each dimension on validation bars, nats: dark is collapsed")
        figure.colorbar(image, ax=axes)


def save_maps(means: Latents, styles: np.ndarray, names: Sequence[str], path: Path, *, seed: int) -> None:
    """Draw both levels in two dimensions by t-SNE, coloured by style.

    Args:
        means: arrays [n, D] of both levels.
        styles: [n].
        names: of the styles.
        path: of the PNG.
        seed: of the bars that are drawn, and of t-SNE.
    """
    some = np.random.default_rng(seed).permutation(len(styles))[:_SHOWN]
    perplexity = min(_PERPLEXITY, (len(some) - 1) / 3)
    with saved_figure(path, (9, 4.2), grid=False) as figure:
        for number, (level, title) in enumerate(_LEVELS.items(), start=1):
            values = getattr(means, level)[some]
            flat = TSNE(2, perplexity=perplexity, random_state=seed, init="pca").fit_transform(values)
            axes = figure.add_subplot(1, 2, number)
            for style, name in enumerate(names):
                points = flat[styles[some] == style]
                axes.scatter(points[:, 0], points[:, 1], s=6, label=name)
            axes.set_title(f"{title} (t-SNE)")
            axes.set_xticks([])
            axes.set_yticks([])
        axes.legend(fontsize=7, markerscale=2)


def save_clusters(means: Latents, styles: np.ndarray, names: Sequence[str], path: Path, *, seed: int) -> None:
    """Draw which bars lie near each other, level by level, as trees (Ward, 1963) whose leaves are coloured by style."""
    some = np.random.default_rng(seed).permutation(len(styles))[:_CLUSTERED]
    colours = sns.color_palette("tab10", len(names))
    with saved_figure(path, (9, 5), grid=False) as figure:
        for number, (level, title) in enumerate(_LEVELS.items(), start=1):
            axes = figure.add_subplot(2, 1, number)
            tree = linkage(getattr(means, level)[some], "ward")
            drawn = dendrogram(tree, ax=axes, color_threshold=0, above_threshold_color="grey", no_labels=True)
            for place, leaf in enumerate(drawn["leaves"]):
                axes.scatter(10 * place + 5, 0, s=14, color=colours[styles[some][leaf]], clip_on=False, zorder=3)
            axes.set_title(f"{title}: bars that are near each other")
            axes.set_yticks([])
        for style, name in enumerate(names):
            axes.scatter([], [], s=14, color=colours[style], label=name)
        axes.legend(fontsize=7, ncols=len(names))


def save_histograms(drawn: Latents, path: Path) -> None:
    """Draw how each dimension is distributed over bars, beside the standard normal distribution."""
    grid = np.linspace(-4, 4, 100)
    panels = [
        (f"{title}, {number}", values)
        for level, title in _LEVELS.items()
        for number, values in enumerate(getattr(drawn, level).T)
    ]
    columns = 4
    rows = -(-len(panels) // columns)
    with saved_figure(path, (9, 1.5 * rows)) as figure:
        for place, (title, values) in enumerate(panels, start=1):
            axes = figure.add_subplot(rows, columns, place)
            axes.hist(values, bins=40, density=True, color=GENERATED, alpha=0.7)
            axes.plot(grid, np.exp(-(grid**2) / 2) / np.sqrt(2 * np.pi), color=REAL, linewidth=1)
            axes.set_title(title, fontsize=7)
            axes.tick_params(labelsize=6)


def save_sweeps(sweeps: Mapping[str, Sequence[Mapping[str, float]]], path: Path) -> None:
    """Draw what each dimension moves, as `drumvae.diagnostics.sweeps` found it; each column by its largest change."""
    rows = [(f"{_LEVELS[level]}, {number}", row) for level, found in sweeps.items() for number, row in enumerate(found)]
    columns = list(rows[0][1])
    table = np.array([[row[name] for name in columns] for _, row in rows])
    table /= np.maximum(np.abs(table).max(axis=0), 1e-9)
    with saved_figure(path, (7, 0.25 * len(rows) + 1.4), grid=False) as figure:
        axes = figure.add_subplot()
        image = axes.imshow(table, cmap="coolwarm", vmin=-1, vmax=1, aspect="auto")
        axes.set_xticks(range(len(columns)), [name.replace("_", " ") for name in columns], rotation=40, ha="right")
        axes.set_yticks(range(len(rows)), [name for name, _ in rows])
        axes.set_title("what changes when one dimension goes from −2 to 2")
        figure.colorbar(image, ax=axes)


def save_patterns(patterns: Mapping[str, np.ndarray], path: Path) -> None:
    """Draw bars as grids, each row of pictures with its title.

    Args:
        patterns: by title, velocities or chances [n, 16, 9], 0 to 1.
        path: of the PNG.
    """
    columns = max(map(len, patterns.values()))
    with saved_figure(path, (2.3 * columns + 0.8, 1.5 * len(patterns)), grid=False) as figure:
        for row, (title, bars) in enumerate(patterns.items()):
            for column, bar in enumerate(bars):
                axes = figure.add_subplot(len(patterns), columns, row * columns + column + 1)
                draw_bar(axes, bar, named=column == 0)
                if column == 0:
                    axes.set_title(title, fontsize=8, loc="left")


def draw_bar(axes: Axes, bar: np.ndarray, *, named: bool = True) -> None:
    """Draw a bar [16, 9], 0 to 1, as a grid: steps across, the kick lowest."""
    axes.imshow(bar.T, origin="lower", cmap="magma_r", vmin=0, vmax=1, aspect="auto", interpolation="nearest")
    for step in range(STEPS_PER_QUARTER, STEPS, STEPS_PER_QUARTER):
        axes.axvline(step - 0.5, color="grey", linewidth=0.5)
    axes.set_xticks([])
    labels: Any = [name.replace("_", " ") for name in INSTRUMENTS] if named else []
    axes.set_yticks(range(len(INSTRUMENTS)) if named else [], labels, fontsize=5)
