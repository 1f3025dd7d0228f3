"""Pictures of training, of reconstructions, and of a comparison."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np

from audiovae.data.chunks import CHUNK, RATE_HZ
from audiovae.metrics.assessment import COURSE, shown, unpack
from audiovae.metrics.measures import sounding_codes
from audiovae.metrics.spectra import decibels_of, log_mel
from audiovae.models.vae import AudioVQVAE
from audiovae.picture import draw_spectrum
from evaluation.scores.verdict import number, share
from manymodes.experiment.page import Picture
from manymodes.experiment.plots import GENERATED, REAL, curve, draw_curves, name_rows, save_shares, saved_figure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from audiovae.data.sounds import Sounds
    from audiovae.models.vae import AudioModel
    from manymodes.experiment.records import First, Records

_FARTHEST = 1.0  # spectral convergence of the lightest colour, that of silence
_WORST_SHOWN = 2.5  # times the least loss: otherwise the first epochs would flatten the others
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
    """Draw reconstructions of test chunks, reconstructions.png; of a VQ-VAE, the use of codes, codebook.png."""
    test = sounds.test
    rows = [int(np.flatnonzero(test.instruments == number)[0]) for number in shown(sounds)]
    made = model.reconstruct(test.chunks[rows])
    with saved_figure(folder / "reconstructions.png", (9, 1.7 * len(rows)), grid=False) as figure:
        panels = figure.subplots(len(rows), 3, squeeze=False, sharex="col")
        for (wave, real, generated), row, rebuilt in zip(panels, rows, made, strict=True):
            for axes, chunk, colour, alpha in ((real, test.chunks[row], REAL, 1), (generated, rebuilt, GENERATED, 0.7)):
                wave.plot(np.arange(CHUNK) / RATE_HZ, chunk, color=colour, linewidth=0.4, alpha=alpha)
                draw_spectrum(axes, decibels_of(log_mel(chunk)).T)
                axes.set_yticks([])
            wave.set_ylim(-1, 1)
            wave.set_ylabel(sounds.names[test.instruments[row]])
        titles = ("waveforms, real and rebuilt", "log-mel, real", "log-mel, rebuilt")
        for first, last, title in zip(panels[0], panels[-1], titles, strict=True):
            first.set_title(title)
            last.set_xlabel("seconds")
    if isinstance(model, AudioVQVAE):
        codes = model.encode_codes(test.chunks)
        _save_codebook(
            codes, codes[sounding_codes(test.chunks, model.frames)], model.code_count, folder / "codebook.png"
        )


def _save_codebook(codes: np.ndarray, sounding: np.ndarray, count: int, path: Path) -> None:
    """Draw how often each of ``count`` codes occurs, the most frequent first, in all sound and without silence."""
    with saved_figure(path, _SIZE) as figure:
        axes = figure.add_subplot()
        for name, some, colour in (("all", codes, REAL), ("not silent", sounding, GENERATED)):
            shares = np.sort(np.bincount(some.ravel(), minlength=count))[::-1] / max(some.size, 1)
            axes.plot(np.arange(1, count + 1), 100 * shares, label=name, color=colour)
        axes.axhline(100 / count, color="grey", linestyle="--", linewidth=0.8, label="even")
        axes.set(title="use of the codes, %", xlabel="codes, the most frequent first", xlim=(1, count))
        axes.set_ylim(bottom=0)
        axes.legend(fontsize=7)


def comparison_pictures(found: Records, sounds: Sounds) -> dict[str, Picture]:
    """Return the pictures of `audiovae.compare` by file name, of the first seed."""
    first = {row: records[0] for row, records in found.items()}
    trained = {row: record for row, record in first.items() if record.trained}
    names = [sounds.names[instrument] for instrument in shown(sounds)]
    pictures = {
        "rebuilt.png": Picture(
            "The same test chunks, reconstructed by each model: log-mel spectrograms, from −80 dB to 0 dB",
            functools.partial(_save_spectra, first, "rebuilt", names),
        ),
        "new.png": Picture(
            "New sounds of each model: the first of each instrument, not selected",
            functools.partial(_save_spectra, first, "new", names),
        ),
        "instruments.png": Picture(
            "Spectral convergence of reconstructions, by instrument; 0: equal magnitudes, 1: silence",
            functools.partial(_save_instruments, first, sounds.names),
        ),
        "recognised.png": Picture(
            "Share recognised as the right instrument, beside that of real sounds (dashed) and guessing (dotted)",
            functools.partial(_save_recognised, first, len(sounds.names)),
        ),
    }
    if trained:
        pictures["course.png"] = Picture(
            "Reconstruction loss, and perplexity of codes where there is sound, on validation chunks while training",
            functools.partial(_save_course, trained),
        )
    return pictures


def _save_spectra(first: First, which: str, names: Sequence[str], path: Path) -> None:
    """Draw log-mel spectrograms, a line a row and a column an instrument."""
    with saved_figure(path, (1.2 + 1.6 * len(names), 0.3 + 0.75 * len(first)), grid=False) as figure:
        panels = figure.subplots(len(first), len(names), squeeze=False)
        for line, (row, record) in zip(panels, first.items(), strict=True):
            spectra = np.split(unpack(record.figures[which]), len(names), axis=1)
            for axes, spectrum in zip(line, spectra, strict=True):
                draw_spectrum(axes, spectrum, cmap="magma")
                axes.set(xticks=[], yticks=[])
            line[0].set_ylabel(row.title, rotation=0, ha="right", va="center", fontsize=7)
        for axes, name in zip(panels[0], names, strict=True):
            axes.set_title(name, fontsize=8)


def _save_instruments(first: First, names: Sequence[str], path: Path) -> None:
    """Draw the spectral convergence of each instrument as a heat map with numbers."""
    instruments = [record.measures["instruments"] for record in first.values()]
    values = np.array([[of.get(name, {}).get("spectral_convergence", np.nan) for name in names] for of in instruments])
    size = (2.4 + 0.75 * len(names), 0.9 + 0.3 * len(first))
    with saved_figure(path, size, grid=False) as figure:
        axes = figure.add_subplot()
        image = axes.imshow(values, cmap="viridis", vmin=0, vmax=_FARTHEST, aspect="auto")
        for (line, column), value in np.ndenumerate(values):
            colour = "black" if value > 0.6 * _FARTHEST else "white"
            axes.annotate(number(value), (column, line), ha="center", va="center", fontsize=7, color=colour)
        axes.set_xticks(range(len(names)), names)
        axes.xaxis.tick_top()
        name_rows(axes, first)
        figure.colorbar(image, ax=axes, aspect=40, extend="max")


def _save_recognised(first: First, instruments: int, path: Path) -> None:
    """Draw how often reconstructions and new sounds are recognised."""
    bars = {"rebuilt": "instrument_hit_reconstructed", "new": "instrument_hit"}
    real = next(iter(first.values())).measures["instrument_hit_real"]
    save_shares(first, path, bars=bars, lines=(real, 1 / instruments), write=share)


def _save_course(trained: First, path: Path) -> None:
    """Draw losses, of samples and of spectrograms, and perplexity over the seconds that updates have taken."""
    loss, perplexity = COURSE
    panels = []
    for title, name, kinds in (
        ("reconstruction loss, raw", loss, ("raw",)),
        ("reconstruction loss, mel", loss, ("mel",)),
        ("perplexity of codes", perplexity, ("raw", "mel")),
    ):
        some = {row: record for row, record in trained.items() if record.made_with["settings"]["input"] in kinds}
        curves = {row: [epoch for epoch in record.figures["epochs"] if name in epoch] for row, record in some.items()}
        if any(curves.values()):
            panels.append((title, name, curves))
    colours = {row: f"C{place % 10}" for place, row in enumerate(trained)}
    with saved_figure(path, (1.6 + 3.3 * len(panels), 3.4)) as figure:
        for axes, (title, name, curves) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
            for row, epochs in curves.items():
                seconds, heights = ([epoch[column] for epoch in epochs] for column in ("seconds", name))
                axes.plot(seconds, heights, color=colours[row], marker=".", markersize=4, linewidth=1.2)
            if name == loss:
                least = min(epoch[name] for epochs in curves.values() for epoch in epochs)
                axes.set_ylim(0.95 * least, min(axes.get_ylim()[1], _WORST_SHOWN * least))
            axes.set(title=title, xlabel="seconds of updates")
            axes.set_xlim(left=0)
        handles = [axes.plot([], [], color=colour, label=row.title)[0] for row, colour in colours.items()]
        figure.legend(handles=handles, fontsize=7, loc="outside right center")
