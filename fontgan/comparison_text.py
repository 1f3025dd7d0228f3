"""The rows of `fontgan.compare` as tables."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from evaluation.scores.verdict import number, share
from fontgan.comparison import LOSSES
from fontgan.data.glyphs import LETTERS
from fontgan.metrics.coverage import CONFIDENT, LEAST_SHARE
from manymodes.experiment import tables as kit
from manymodes.experiment.cells import precise_share, training_cells, values
from manymodes.experiment.tables import Cell, Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fontgan.comparison import Terms
    from fontgan.data.fonts import Letters
    from manymodes.experiment.compare import Record, Row

_BESIDE_CEILINGS = {
    "frechet": "Fréchet",
    "kid": "KID",
    "precision": "Precision",
    "recall": "Recall",
    "density": "Density",
    "coverage": "Coverage",
    "two_sample": "Two-sample",
}


def tables(found: Mapping[Row, Sequence[Record]]) -> list[Table]:
    """Put records into the tables of what was drawn, of how near that is to real letters, and of the training.

    Args:
        found: the records of each row, one a seed.
    """
    several = any(len(records) > 1 for records in found.values())
    seeds = " Where seeds differ, it is their mean, with the least and the greatest." if several else ""
    letters = Table(
        "What they draw",
        ("Row", "Letters", "Naive", "Missing", "KL", "its floor", "Not read", "As asked", "Nearest"),
        [[Cell(row.title), *_letters(records)] for row, records in found.items()],
        f"Letters: how many of {len(LETTERS)} the reporting judge reads with a confidence of at least {CONFIDENT:g} in "
        f"at least {share(LEAST_SHARE)} of the images; naive: how many it reads at all. KL: divergence of the letters "
        "read from an even alphabet, nats; its floor is what as many letters drawn evenly have on average. Not read: "
        "share of the images read with less confidence. As asked: share of the images read as the letter that was "
        "asked for. Nearest: how near images are to training images by pixels, in what validation images are; 0 is a "
        f"copy. Real letters are drawn anew, each as often; neither models nor judges have seen them.{seeds}",
    )
    nearness = Table(
        "How near to real letters",
        ("Row", *(header for title in _BESIDE_CEILINGS.values() for header in (title, "its ceiling"))),
        [[Cell(row.title), *_nearness(records)] for row, records in found.items()],
        "In the judge's features, to validation images; the ceiling is what training images reach, for Fréchet and KID "
        "a floor. Precision: share of the images that lie among real ones; recall: share of the real ones that lie "
        "among the images; density and coverage: the same, less sensitive to outliers. Two-sample: how often the "
        "nearest other image is of the same set, 50 % where the sets are alike.",
    )
    trained = {row: records for row, records in found.items() if row.arguments is not None}
    training = Table(
        "How they were trained",
        (
            "Row", "Generator loss", "Discriminator loss", "Loss ratio", "Generator gradient", "Discriminator gradient",
            "Updates", "Examples a second", "Seconds", "Epochs", "Judged epoch",
        ),
        [[Cell(row.title), *training_cells(records, LOSSES, number)] for row, records in trained.items()],
        "Losses, their ratio (the discriminator's by the generator's) and the lengths of the gradients are those of "
        "the last epoch, means over it. Losses are nats, but the generator's of feature matching is a squared "
        "distance. An example is a real letter that an update looked at. As many epochs were planned, for the learning "
        "rates, as a short trial of each model said would fit; the clock ended training. The judged epoch is chosen by "
        "another judge than the one that reports, among at most about twenty.",
    )  # fmt: skip
    return [letters, nearness, training] if trained else [letters, nearness]


def _letters(records: Sequence[Record]) -> list[Cell]:
    strict = values(records, "strict_coverage", number)
    complete = all(record.measures["strict_coverage"] == len(LETTERS) for record in records)
    return [
        strict._replace(bad=not complete),
        values(records, "naive_coverage", number),
        missing(records),
        *(values(records, name, number) for name in ("kl_uniform", "kl_floor")),
        *(values(records, name, precise_share) for name in ("rejected", "asked")),
        values(records, "nn_ratio", number),
    ]


def _nearness(records: Sequence[Record]) -> list[Cell]:
    write = {"two_sample": share}
    return [
        values(records, f"{name}{end}", write.get(name, number))
        for name in _BESIDE_CEILINGS
        for end in ("", "_ceiling")
    ]


def missing(records: Sequence[Record]) -> Cell:
    """Name the letters that are missing; of several seeds those first that are missing in most, each with how many."""
    times = {letter: sum(letter in record.measures["missing"] for record in records) for letter in LETTERS}
    found = sorted((letter for letter in LETTERS if times[letter]), key=lambda letter: -times[letter])
    if not found:
        return Cell("none")
    if len(records) == 1:
        return Cell("all" if len(found) == len(LETTERS) else "".join(found))
    alike = itertools.groupby(found, key=times.__getitem__)
    return Cell(", ".join(f"{''.join(letters)} {count}×" for count, letters in alike))


def particulars(found: Mapping[Row, Sequence[Record]], terms: Terms, command: str, letters: Letters) -> dict[str, str]:
    """Say what the tables depend on, as `manymodes.experiment.tables.particulars`; ``letters`` are those of a seed."""
    fingerprints = dict.fromkeys(record.made_with["fingerprint"][:12] for kept in found.values() for record in kept)
    fonts = (
        f"{letters.source}, {len(letters.faces)} {'face' if len(letters.faces) == 1 else 'faces'}, "
        f"{len(letters.train.images):,} letters to learn from, fingerprint {', '.join(fingerprints)}"
    )
    time = f"{number(terms.minutes)} minutes of updates a model; {terms.count:,} letters drawn by each"
    return kit.particulars(found, command=command, data=("Fonts", fonts), time=time)
