"""The rows of `audiovae.compare` as a page that needs nothing beside it, and as pictures for other pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from audiovae.comparison import PROGRAM, STEM
from audiovae.comparison_judging import COURSE, shown, unpack
from audiovae.comparison_text import particulars, tables
from audiovae.data.chunks import CHUNK, RATE_HZ
from audiovae.metrics.spectra import FLOOR_DB
from evaluation.scores.verdict import number, share
from manymodes.experiment.gallery import Gallery, Picture, name_rows
from manymodes.experiment.plots import GENERATED, REAL, saved_figure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from audiovae.comparison import Terms
    from audiovae.data.sounds import Sounds
    from manymodes.experiment.compare import Record, Row

    First = Mapping[Row, Record]

_TITLE = "Sound models in equal time"
_SPECTRA = {
    "rebuilt": "The same test chunks as each row gives them back: log-mel spectrograms, from −80 dB to 0 dB",
    "new": "New sounds of each row, the first of each instrument, good or bad",
}
_INSTRUMENTS = "Spectral convergence of what comes back, by instrument; 0: equal magnitudes, 1: silence"
_RECOGNISED = "Share recognised as the right instrument, beside that of real sounds (dashed) and guessing (dotted)"
_COURSE = "Reconstruction loss, and perplexity of codes where there is sound, on validation chunks while training"
_FARTHEST = 1.0  # spectral convergence of what has the lightest colour: silence
_WORST_SHOWN = 2.5  # of the least loss: the first epochs would make one line of all others


def write_comparison(
    out: Path,
    found: Mapping[Row, Sequence[Record]],
    terms: Terms,
    command: str,
    *,
    sounds: Sounds,
    force: bool = False,
) -> None:
    """Write OUT/audio.md, OUT/audio/index.html and its pictures.

    Args:
        out: where to.
        found: the records of each row, one a seed; figures are those of the first.
        terms: what the rows were made with.
        command: as it was typed.
        sounds: those of a seed.
        force: set aside what somebody else put there.
    """
    first = {row: records[0] for row, records in found.items()}
    trained = {row: record for row, record in first.items() if record.training}
    names = [sounds.names[instrument] for instrument in shown(sounds)]
    pictures = {
        "rebuilt.png": Picture(_SPECTRA["rebuilt"], lambda path: _save_spectra(first, "rebuilt", names, path)),
        "new.png": Picture(_SPECTRA["new"], lambda path: _save_spectra(first, "new", names, path)),
        "instruments.png": Picture(_INSTRUMENTS, lambda path: _save_instruments(first, sounds.names, path)),
        "recognised.png": Picture(_RECOGNISED, lambda path: _save_recognised(first, len(sounds.names), path)),
    }
    if trained:
        pictures["course.png"] = Picture(_COURSE, lambda path: _save_course(trained, path))
    about = particulars(found, terms, command, sounds)
    Gallery(_TITLE, "sounds", tables(found), about, first, pictures).write(out, STEM, PROGRAM, force=force)


def _save_spectra(first: First, which: str, names: Sequence[str], path: Path) -> None:
    """Draw log-mel spectrograms, a line a row and a column an instrument."""
    with saved_figure(path, (1.2 + 1.6 * len(names), 0.3 + 0.75 * len(first)), grid=False) as figure:
        panels = figure.subplots(len(first), len(names), squeeze=False)
        for line, (row, record) in zip(panels, first.items(), strict=True):
            spectra = np.split(unpack(record.figures[which]), len(names), axis=1)
            for axes, spectrum in zip(line, spectra, strict=True):
                extent = (0, CHUNK / RATE_HZ, 0, len(spectrum))
                axes.imshow(spectrum, origin="lower", aspect="auto", extent=extent, vmin=FLOOR_DB, vmax=0, cmap="magma")
                axes.set_xticks([])
                axes.set_yticks([])
            line[0].set_ylabel(row.title, rotation=0, ha="right", va="center", fontsize=7)
        for axes, name in zip(panels[0], names, strict=True):
            axes.set_title(name, fontsize=8)


def _save_instruments(first: First, names: Sequence[str], path: Path) -> None:
    """Draw the spectral convergence of each instrument as a heat map with numbers."""
    found = np.array(
        [
            [record.measures["instruments"].get(name, {}).get("spectral_convergence", np.nan) for name in names]
            for record in first.values()
        ]
    )
    size = (2.4 + 0.75 * len(names), 0.9 + 0.3 * len(first))
    with saved_figure(path, size, grid=False) as figure:
        axes = figure.add_subplot()
        image = axes.imshow(found, cmap="viridis", vmin=0, vmax=_FARTHEST, aspect="auto")
        for (line, column), value in np.ndenumerate(found):
            colour = "black" if value > 0.6 * _FARTHEST else "white"
            axes.annotate(number(value), (column, line), ha="center", va="center", fontsize=7, color=colour)
        axes.set_xticks(range(len(names)), names)
        axes.xaxis.tick_top()
        name_rows(axes, first)
        figure.colorbar(image, ax=axes, aspect=40, extend="max")


def _save_recognised(first: First, instruments: int, path: Path) -> None:
    """Draw how often what comes back, and what is new, is recognised."""
    with saved_figure(path, (8, 1.1 + 0.42 * len(first))) as figure:
        axes = figure.add_subplot()
        places = np.arange(len(first))
        records = [record.measures for record in first.values()]
        series = (("instrument_hit_reconstructed", "rebuilt", -0.19, REAL), ("instrument_hit", "new", 0.19, GENERATED))
        for name, label, shift, colour in series:
            axes.barh(places + shift, [each[name] for each in records], height=0.36, color=colour, label=label)
        for value, style in ((records[0]["instrument_hit_real"], "--"), (1 / instruments, ":")):
            axes.axvline(value, color="grey", linestyle=style, linewidth=1)
        name_rows(axes, first)
        axes.set_xlim(0, 1)
        axes.xaxis.set_major_formatter(lambda value, _: share(value))
        figure.legend(fontsize=7, loc="outside upper right", ncols=2)


def _save_course(trained: First, path: Path) -> None:
    """Draw losses, of samples and of spectrograms, and perplexity over the seconds that updates have taken."""
    loss, perplexity = COURSE
    panels = {
        "reconstruction loss, raw": (loss, "raw"),
        "reconstruction loss, mel": (loss, "mel"),
        "perplexity of codes": (perplexity, None),
    }
    drawn = {
        title: [
            (row, epochs)
            for row, record in trained.items()
            if kind in (None, record.made_with["settings"]["input"])
            and (epochs := [epoch for epoch in record.figures["epochs"] if name in epoch])
        ]
        for title, (name, kind) in panels.items()
    }
    colours = {row: f"C{place % 10}" for place, row in enumerate(trained)}
    there = [title for title, curves in drawn.items() if curves]
    with saved_figure(path, (1.6 + 3.3 * len(there), 3.4)) as figure:
        for axes, title in zip(figure.subplots(1, len(there), squeeze=False)[0], there, strict=True):
            name = panels[title][0]
            for row, epochs in drawn[title]:
                seconds, heights = ([epoch[column] for epoch in epochs] for column in ("seconds", name))
                axes.plot(seconds, heights, color=colours[row], marker=".", markersize=4, linewidth=1.2)
            if name == loss:
                least = min(epoch[name] for _, epochs in drawn[title] for epoch in epochs)
                axes.set_ylim(0.95 * least, min(axes.get_ylim()[1], _WORST_SHOWN * least))
            axes.set_title(title)
            axes.set_xlabel("seconds of updates")
            axes.set_xlim(left=0)
        handles = [axes.plot([], [], color=colour, label=row.title)[0] for row, colour in colours.items()]
        figure.legend(handles=handles, fontsize=7, loc="outside right center")
