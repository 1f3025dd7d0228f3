"""The rows of `fontgan.compare` as a page that needs nothing beside it, and as pictures for other pages."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from fontgan.comparison import PROGRAM, STEM
from fontgan.comparison_text import particulars, tables
from fontgan.data.glyphs import LETTERS, SIZE_PX
from fontgan.metrics import coverage
from fontgan.sheets import from_pixels, letter_sheet
from manymodes.experiment.gallery import Gallery, Picture
from manymodes.experiment.plots import GENERATED, REAL, saved_figure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from fontgan.comparison import Terms
    from fontgan.data.fonts import Letters
    from manymodes.experiment.compare import Record, Row

    First = Mapping[Row, Record]

_TITLE = "Letter models in equal time"
_COURSE = 13
"""Letters that the weakest of the reports on the course's task ends with."""

_BEST = "Of each row the letters that are read best; places are empty where a letter does not occur"
_FIRST = "Of each row what was drawn first, good or bad; conditional models are asked for A to Z"
_LETTERS = "How often each letter is read; blue where it is covered. The line is what an even alphabet has"
_COVERAGE = "Letters covered in training, as the judge counts them that chooses among epochs"
_SURVIVAL = "Share of the counts in training at which a letter was covered; in red how often it vanished again"


def write_comparison(
    out: Path,
    found: Mapping[Row, Sequence[Record]],
    terms: Terms,
    command: str,
    *,
    letters: Letters,
    force: bool = False,
) -> None:
    """Write OUT/fonts.md, OUT/fonts/index.html and its pictures.

    Args:
        out: where to.
        found: the records of each row, one a seed; figures are those of the first.
        terms: what the rows were made with.
        command: as it was typed.
        letters: those of a seed.
        force: set aside what somebody else put there.
    """
    first = {row: records[0] for row, records in found.items()}
    trained = {row: record for row, record in first.items() if record.training}
    pictures = {
        "alphabets.png": Picture(_BEST, lambda path: _save_sheet(first, "alphabet", path, columns=LETTERS)),
        "first.png": Picture(_FIRST, lambda path: _save_sheet(first, "first", path)),
        "letters.png": Picture(_LETTERS, lambda path: _save_letters(first, path)),
    }
    if trained:
        pictures["coverage.png"] = Picture(_COVERAGE, lambda path: _save_coverage(trained, path))
        pictures["survival.png"] = Picture(_SURVIVAL, lambda path: _save_survival(trained, path))
    about = particulars(found, terms, command, letters)
    Gallery(_TITLE, "letters", tables(found), about, first, pictures).write(out, STEM, PROGRAM, force=force)


def _save_sheet(first: First, which: str, path: Path, *, columns: str = "") -> None:
    """Lay out two lines of letters of each row, one row under the other."""
    lines = {row: _read_png(record.figures[which]) for row, record in first.items()}
    names = [name for row, images in lines.items() for name in (row.title, *[""] * (len(images) - 1))]
    letter_sheet(np.concatenate(list(lines.values())), rows=names, columns=columns).save(path, format="png")


def _read_png(text: str) -> np.ndarray:
    """Return the images [lines, 26, 28, 28] of a grid."""
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(text))))
    return from_pixels(pixels.reshape(-1, SIZE_PX, len(LETTERS), SIZE_PX).transpose(0, 2, 1, 3))


def _save_letters(first: First, path: Path) -> None:
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
        for row, record in trained.items():
            counts = record.figures["counts"]
            seconds = [0.0, *(count["seconds"] for count in counts)]
            covered = [0, *(len(count["covered"]) for count in counts)]
            axes.plot(seconds, covered, label=row.title, marker=".", markersize=4)
        for value in (len(LETTERS), _COURSE):
            axes.axhline(value, color="grey", linestyle="--", linewidth=0.8)
            axes.annotate(f"{value}", (1, value), xycoords=("axes fraction", "data"), va="center", color="grey")
        axes.set_xlabel("seconds of updates")
        axes.set_ylabel("letters covered")
        figure.legend(fontsize=7, loc="outside right center")


def _save_survival(trained: First, path: Path) -> None:
    """Draw what became of each letter in each row's training."""
    with saved_figure(path, (8, 0.8 + 0.3 * len(trained)), grid=False) as figure:
        axes = figure.add_subplot()
        shares = [
            [np.mean([letter in count["covered"] for count in record.figures["counts"]]) for letter in LETTERS]
            for record in trained.values()
        ]
        image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        for line, record in enumerate(trained.values()):
            for place, times in enumerate(coverage.survival(record.figures["counts"]).values()):
                if times["vanished"]:
                    text = f"{len(times['vanished'])}"
                    axes.annotate(text, (place, line), ha="center", va="center", fontsize=7, color=GENERATED)
        axes.set_xticks(range(len(LETTERS)), list(LETTERS), fontsize=7)
        axes.set_yticks(range(len(trained)), [row.title for row in trained], fontsize=7)
        figure.colorbar(image, ax=axes, fraction=0.03)
