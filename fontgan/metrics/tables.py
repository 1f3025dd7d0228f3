"""The results of `fontgan.compare`: measures of each row, and the tables of all."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from evaluation.scores.verdict import number, share
from fontgan.data.glyphs import LETTERS
from fontgan.data.sheets import letter_sheet
from fontgan.metrics import coverage
from fontgan.metrics.alphabets import best_of_each
from fontgan.metrics.assessment import assess
from fontgan.metrics.classifiers import introduced_classifiers, read
from manymodes.experiment.compare import Result
from manymodes.experiment.records import packed
from manymodes.experiment.tables import Cell, column, mean, precise_share, seeds_note, table, training_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np

    from fontgan.data.fonts import Letters
    from manymodes.experiment.records import Record, Records
    from manymodes.experiment.tables import Table

_LINES = 2  # of letters in a picture
_SEARCHED = 1500  # images among which the best of each letter are

_NEARNESS = {
    "frechet": "Fréchet",
    "kid": "KID",
    "precision": "Precision",
    "recall": "Recall",
    "density": "Density",
    "coverage": "Coverage",
    "two_sample": "Two-sample",
}


def result_of(
    images: np.ndarray,
    letters: Letters,
    seed: int,
    asked: np.ndarray | None = None,
    history: Sequence[Mapping[str, float]] = (),
    seconds: float = 0.0,
) -> Result:
    """Measure the images [n, 28, 28, 1] of a row with the reporting classifier of the letters that were learned.

    Returns:
        the measures of `fontgan.metrics.assessment` without controls, which are rows here; sentences; and figures: two
        lines of letters as PNG in base64, the best of each letter and the first images, and the counts in training.
    """
    classifier = introduced_classifiers(letters).reporting
    measures = assess(images, letters, classifier, seed=seed, train_seconds=seconds, asked=asked)
    del measures["controls"]
    counts = coverage.counts_of(history)
    lines = min(_LINES, len(images) // len(LETTERS))
    some = images[:_SEARCHED]
    shown = {
        "alphabet": best_of_each(some, read(classifier, some), lines),
        "first": images[: lines * len(LETTERS)].reshape(lines, len(LETTERS), *images.shape[1:]),
    }
    pictures = {name: packed(letter_sheet(one, magnification=1)) for name, one in shown.items()}
    sentences = {"letters": _letters_sentence(measures), "training": _training_sentence(counts)}
    return Result(measures, sentences, {**pictures, "counts": counts})


def _letters_sentence(measures: Mapping[str, Any]) -> str:
    covered, missing = measures["covered"], measures["missing"]
    sentence = f"{len(covered)} of {len(LETTERS)} letters"
    if covered and missing:
        few = f"{', '.join(missing)} missing" if len(missing) < len(covered) else f"only {', '.join(covered)}"
        sentence += f" ({few})"
    sentence += f"; {share(measures['rejected'])} of the images are not read with confidence"
    return sentence + (f", {share(measures['asked'])} as the letter asked for" if "asked" in measures else "")


def _training_sentence(counts: Sequence[Mapping[str, Any]]) -> str:
    if not counts:
        return ""
    most = max(counts, key=lambda count: len(count["covered"]))
    if not most["covered"]:
        return "no letter was covered at any time of training"
    sentence = f"most letters, {len(most['covered'])}, were covered first after {most['seconds']:.0f} seconds"
    gone = [f"{letter} {times}×" for letter, times in coverage.vanished(counts).items() if times]
    return f"{sentence}; letters that vanished again: {', '.join(gone)}" if gone else sentence


LOSSES = {
    "generator_loss": "Generator loss",
    "discriminator_loss": "Discriminator loss",
    "loss_ratio": "Loss ratio",
    "generator_gradient": "Generator gradient",
    "discriminator_gradient": "Discriminator gradient",
}
"""Columns of the history whose last values the tables show, with their headers."""


def tables(found: Records) -> list[Table]:
    """Return the tables of what was drawn, of its distance to real letters, and of the training."""
    drawn = table(
        "What they draw",
        (
            column("Letters", "strict_coverage", number, lambda row: mean(row, "strict_coverage") < len(LETTERS)),
            column("Naive", "naive_coverage", number),
            ("Missing", missing),
            column("KL", "kl_uniform", number),
            column("its baseline", "kl_floor", number),
            column("Not read", "rejected", precise_share),
            column("As asked", "asked", precise_share),
            column("Nearest", "nn_ratio", number),
        ),
        found,
        f"Letters: number of {len(LETTERS)} that the reporting classifier reads with a confidence of at least "
        f"{coverage.CONFIDENT:g} in at least {share(coverage.LEAST_SHARE)} of the images; naive: number that it reads "
        "at all. KL: divergence of the letters read from an even alphabet, nats; its baseline is the mean for as many "
        "letters drawn evenly. Not read: share of the images read with less confidence. As asked: share of the images "
        "read as the letter that was asked for. Nearest: distance of images to training images by pixels, in units of "
        "that of validation images; 0 is a copy. Real letters are drawn anew, each as often; neither models nor "
        f"classifiers have seen them.{seeds_note(found)}",
    )
    nearness = table(
        "Distance to real letters",
        [
            column(header, f"{name}{end}", share if name == "two_sample" else number)
            for name, title in _NEARNESS.items()
            for header, end in ((title, ""), ("its ceiling", "_ceiling"))
        ],
        found,
        "In the classifier's features, to validation images; the ceiling is what training images reach, for Fréchet "
        "and KID the least. Precision: share of the images that lie among real ones; recall: share of the real ones "
        "that lie among the images; density and coverage: the same, less sensitive to outliers. Two-sample: how often "
        "the nearest other image is of the same set, 50 % where the sets are alike.",
    )
    training = training_table(
        found,
        LOSSES,
        number,
        "Losses, their ratio (the discriminator's by the generator's) and the lengths of the gradients are means over "
        "the last epoch. Losses are nats, but the generator's of feature matching is a squared distance. An example is "
        "a real letter in an update. The learning rates decay over the epochs that a short trial of each model "
        "predicts; the clock ends training. Another classifier than the reporting one chooses the epoch, among at most "
        "about twenty.",
    )
    return [drawn, nearness, training] if training.rows else [drawn, nearness]


def missing(records: Sequence[Record]) -> Cell:
    """Name the missing letters; of several seeds those first that are missing in most, each with their number."""
    times = {letter: sum(letter in record.measures["missing"] for record in records) for letter in LETTERS}
    lost = sorted((letter for letter in LETTERS if times[letter]), key=lambda letter: -times[letter])
    if not lost:
        return Cell("none")
    if len(records) == 1:
        return Cell("all" if len(lost) == len(LETTERS) else "".join(lost))
    alike = itertools.groupby(lost, key=times.__getitem__)
    return Cell(", ".join(f"{''.join(letters)} {count}×" for count, letters in alike))
