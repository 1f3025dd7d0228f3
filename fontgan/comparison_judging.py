"""How a row of `fontgan.compare` comes about: a model is trained for its time and draws; what it draws is judged."""

from __future__ import annotations

import base64
import io
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from evaluation.scores.verdict import share
from fontgan.comparison import CEILING, LOSSES
from fontgan.data.fonts import load_fonts
from fontgan.data.glyphs import LETTERS
from fontgan.fitting import measuring
from fontgan.metrics import coverage
from fontgan.metrics.assessment import assess, controls
from fontgan.metrics.judges import read
from fontgan.plots import best_of_each, covered_at
from fontgan.sheets import letter_sheet
from fontgan.train import with_letters
from fontgan.trainer import prepare
from manymodes.experiment.budget import Training, train_for
from manymodes.experiment.rows import DivergedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from fontgan.comparison import Terms
    from fontgan.data.fonts import Letters
    from fontgan.metrics.judges import Judges
    from manymodes.experiment.budget import Trained
    from manymodes.experiment.compare import Row

COUNTS = 20
"""How often letters are counted in training, about; after every epoch where there are fewer."""

_LINES = 2  # of letters that are shown of a row
_LOOKED_AT = 1500  # images among which those that are read best are looked for
_CONTROLS = {"replay": "replay", "one-letter": "one_letter", "noise": "noise"}


class Drawn(NamedTuple):
    """Images that are to be judged.

    Attributes:
        images: [n, 28, 28, 1].
        asked: [n] letters that they show or were to show; None where that is not known.
        facts: of the training; nothing where there was none.
        history: of it.
    """

    images: np.ndarray
    asked: np.ndarray | None = None
    facts: Mapping[str, Any] = {}
    history: Sequence[Mapping[str, float]] = ()


def drawn_without_training(row: Row, seed: int, terms: Terms, letters: Letters) -> Drawn:
    """Return the images of a row that needs no training."""
    if row.name == CEILING:
        return _real_letters(terms.data, letters, terms.count)
    return Drawn(controls(letters, terms.count, seed)[_CONTROLS[row.name]])


def _real_letters(fonts: str | None, letters: Letters, count: int) -> Drawn:
    """Draw letters as those to validate with, but others: neither models nor judges nor measures have seen them."""
    known, more = len(letters.validation.images) // len(LETTERS), -(-count // len(LETTERS))
    side = load_fonts(fonts, seed=letters.seed, train=1, validation=known + more, jitter=letters.jitter).validation
    new = np.arange(len(side.images)) % (known + more) >= known
    some = np.random.default_rng(letters.seed).permutation(np.flatnonzero(new))[:count]
    return Drawn(side.images[some], side.labels[some])


def drawn_after_training(
    row: Row,
    seed: int,
    terms: Terms,
    letters: Letters,
    judges: Judges,
    *,
    clock: Callable[[], float] = time.perf_counter,
) -> Drawn:
    """Train a row's model for its minutes, choose among its epochs as `fontgan.train` does, and have it draw.

    Raises:
        DivergedError: it draws nothing any more.
        KeyboardInterrupt: Ctrl-C; the run can be continued.
    """
    folder = terms.run_folder(row, seed)
    settings = with_letters(terms.settings(row, seed), letters)

    def ready(kept: dict[str, Any], done: int, checkpoint: Path | None) -> Training:
        model, batches = prepare(kept, letters, done, checkpoint)
        every = max(1, round(kept["epochs"] / COUNTS))
        measure = measuring(model, letters, judges, seed=seed, folder=folder / "plots", every=every)
        return Training(model, batches, measure)

    trained = train_for(
        60 * terms.minutes, folder, settings, ready,
        examples=settings["batch_size"], losses=LOSSES, title=f"{row.name}, seed {seed}", clock=clock,
    )  # fmt: skip
    return _draw(trained, terms.count, seed)


def _draw(trained: Trained, count: int, seed: int) -> Drawn:
    """Have a model draw what `fontgan.fitting.report` has it draw."""
    asked = np.arange(count) % len(LETTERS) if trained.model.labelled else None
    images = trained.model.generate(count, seed=seed + 1, kinds=asked)
    if not np.isfinite(images).all():
        raise DivergedError
    return Drawn(images, asked, trained.facts, trained.history)


def judge(drawn: Drawn, letters: Letters, judges: Judges, seed: int) -> dict[str, Any]:
    """Have the reporting judge say what images are.

    Returns:
        ``measures``: as coverage.json has them, but for the controls, which are rows here; ``verdict``: sentences;
        ``figures``: two lines of letters as PNG in base64, those of each letter that are read best and those that were
        drawn first, and of each count in training the ``epoch``, the ``seconds`` spent and the letters ``covered``.
    """
    seconds = drawn.facts.get("seconds", 0.0)
    found = assess(drawn.images, letters, judges.reporting, seed=seed, train_seconds=seconds, asked=drawn.asked)
    counts = [
        {"epoch": epoch, "seconds": row["seconds"], "covered": covered_at(row)}
        for epoch, row in enumerate(drawn.history, start=1)
        if "covered" in row
    ]
    lines = min(_LINES, len(drawn.images) // len(LETTERS))
    some = drawn.images[:_LOOKED_AT]
    first = drawn.images[: lines * len(LETTERS)].reshape(lines, len(LETTERS), *drawn.images.shape[1:])
    return {
        "measures": {name: value for name, value in found.items() if name != "controls"},
        "verdict": {"letters": _letters_sentence(found), "training": _training_sentence(counts)},
        "figures": {
            "alphabet": _png(best_of_each(some, read(judges.reporting, some), lines)),
            "first": _png(first),
            "counts": counts,
        },
    }


def _png(images: np.ndarray) -> str:
    """Return images [lines, 26, 28, 28, 1] in a grid as PNG in base64."""
    file = io.BytesIO()
    letter_sheet(images, magnification=1).save(file, format="png")
    return base64.b64encode(file.getvalue()).decode()


def _letters_sentence(found: Mapping[str, Any]) -> str:
    covered, missing = found["covered"], found["missing"]
    sentence = f"{len(covered)} of {len(LETTERS)} letters"
    if covered and missing:
        few = f"{', '.join(missing)} missing" if len(missing) < len(covered) else f"only {', '.join(covered)}"
        sentence += f" ({few})"
    sentence += f"; {share(found['rejected'])} of the images are not read with confidence"
    return sentence + (f", {share(found['asked'])} as the letter asked for" if "asked" in found else "")


def _training_sentence(counts: Sequence[Mapping[str, Any]]) -> str:
    """Say when most letters were there, the first time, and which vanished."""
    if not counts:
        return ""
    most = max(counts, key=lambda count: len(count["covered"]))
    if not most["covered"]:
        return "no letter was covered at any time of training"
    sentence = f"most letters, {len(most['covered'])}, were covered first after {most['seconds']:.0f} seconds"
    vanished = {letter: len(times["vanished"]) for letter, times in coverage.survival(counts).items()}
    gone = [f"{letter} {times}×" for letter, times in vanished.items() if times]
    return f"{sentence}; in the course of training there vanished {', '.join(gone)}" if gone else sentence
