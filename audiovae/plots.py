"""Pictures of training, and of sounds beside what comes back of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from audiovae.data.chunks import CHUNK, RATE_HZ
from audiovae.metrics.measures import sounding_codes
from audiovae.metrics.spectra import FLOOR_DB, log_mel
from audiovae.models.vae import AudioVQVAE
from manymodes.experiment.plots import GENERATED, REAL, curve, draw_curves, saved_figure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

    from audiovae.data.sounds import Sounds
    from audiovae.models.vae import AudioModel

__all__ = ["save_codebook", "save_reconstructions", "save_training"]

_SHOWN = 5  # instruments
_SIZE = (6, 3.2)  # inches


def save_training(history: Sequence[Mapping[str, float]], folder: Path) -> None:
    """Draw the losses of a history, and either divergences or the perplexity of codes."""
    panels = {
        "losses.png": ("losses", ("loss", "val_loss", "reconstruction_loss", "val_reconstruction_loss")),
        "divergences.png": ("divergence, nats", ("kl_all_nats", "kl_top_nats", "kl_bottom_nats")),
        "perplexity.png": ("perplexity of the codes", ("perplexity", "val_perplexity_nonsilent")),
    }
    for name, (title, columns) in panels.items():
        curves = {column: curve(history, column) for column in columns if column in history[0]}
        if curves:
            with saved_figure(folder / name, _SIZE) as figure:
                draw_curves(figure.add_subplot(), curves, title)


def save_reconstructions(model: AudioModel, sounds: Sounds, folder: Path) -> None:
    """Draw the first test chunks of some instruments and what comes back of them; of a VQ-VAE, use of its codes too.

    Writes reconstructions.png, and codebook.png.
    """
    test = sounds.test
    firsts = [int(np.flatnonzero(test.instruments == number)[0]) for number in np.unique(test.instruments)]
    rows = (
        firsts
        if len(firsts) <= _SHOWN
        else [firsts[place] for place in np.linspace(0, len(firsts) - 1, _SHOWN).astype(int)]
    )
    chunks = test.chunks[rows]
    made = model.reconstruct(chunks)
    with saved_figure(folder / "reconstructions.png", (9, 1.7 * len(rows)), grid=False) as figure:
        panels = figure.subplots(len(rows), 3, squeeze=False, sharex="col")
        for row, axes in enumerate(panels):
            name = sounds.names[test.instruments[rows[row]]]
            _draw_waves(axes[0], chunks[row], made[row])
            _draw_mels(axes[1], chunks[row])
            _draw_mels(axes[2], made[row])
            axes[0].set_ylabel(name)
        for axes, title in zip(
            panels[0], ("waveforms, real and rebuilt", "log-mel, real", "log-mel, rebuilt"), strict=True
        ):
            axes.set_title(title)
        for axes in panels[-1]:
            axes.set_xlabel("seconds")
    if isinstance(model, AudioVQVAE):
        codes = model.encode_codes(test.chunks)
        save_codebook(
            codes, codes[sounding_codes(test.chunks, model.frames)], model.code_count, folder / "codebook.png"
        )


def save_codebook(codes: np.ndarray, sounding: np.ndarray, count: int, path: Path) -> None:
    """Draw how often each of ``count`` codes occurs, the most frequent first, among all codes and where sound is."""
    with saved_figure(path, _SIZE) as figure:
        axes = figure.add_subplot()
        for name, some, colour in (("all", codes, REAL), ("not silent", sounding, GENERATED)):
            shares = np.sort(np.bincount(some.ravel(), minlength=count))[::-1] / max(some.size, 1)
            axes.plot(np.arange(1, count + 1), 100 * shares, label=name, color=colour)
        axes.axhline(100 / count, color="grey", linestyle="--", linewidth=0.8, label="even")
        axes.set_title("use of the codes, %")
        axes.set_xlabel("codes, the most frequent first")
        axes.set_xlim(1, count)
        axes.set_ylim(bottom=0)
        axes.legend(fontsize=7)


def _draw_waves(axes: Axes, real: np.ndarray, made: np.ndarray) -> None:
    seconds = np.arange(CHUNK) / RATE_HZ
    axes.plot(seconds, real, color=REAL, linewidth=0.4)
    axes.plot(seconds, made, color=GENERATED, linewidth=0.4, alpha=0.7)
    axes.set_ylim(-1, 1)


def _draw_mels(axes: Axes, chunk: np.ndarray) -> None:
    decibels = (log_mel(chunk) - 1) * -FLOOR_DB / 2
    extent = (0, CHUNK / RATE_HZ, 0, decibels.shape[1])
    axes.imshow(decibels.T, origin="lower", aspect="auto", extent=extent, vmin=FLOOR_DB, vmax=0)
    axes.set_yticks([])
