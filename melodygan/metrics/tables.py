"""Tables of `melodygan.compare`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evaluation.features.table import FEATURES
from evaluation.scores.verdict import number, share
from manymodes.experiment.tables import Cell, Table, is_trained, over_seeds, training_cells, values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from manymodes.experiment.records import Found, Record


def tables(found: Found, losses: Sequence[str]) -> list[Table]:
    """Return the tables of what was composed and of how the models were trained.

    Args:
        found: the records of each row, one a seed.
        losses: columns of the history whose last values are shown.
    """
    several = any(len(records) > 1 for records in found.values())
    limits = "the least and the greatest of the seeds, as everywhere" if several else "its 95 % interval"
    trained = {row: records for row, records in found.items() if is_trained(records)}
    music = Table(
        "What they compose",
        (
            "Row", "Score", "Overlap", "its ceiling", "Manhattan", "its ceiling", "Pitches used", "Mean pitch",
            "Spread of pitches used", "Least spread", "Greatest spread", "Distinct", "Collapsed", "Copying",
        ),
        [[Cell(row.title), *_music(records)] for row, records in found.items()],
        f"Score: overlap with held-out tunes, mean over {len(FEATURES)} features, relative to the ceiling, with "
        f"{limits}. The ceiling is the overlap of held-out tunes with each other, at the same number of tunes. "
        "Manhattan: distance of pitch groups to held-out tunes, semitones; short tunes get low values. Pitches used "
        "and mean pitch (MIDI number): mean ± deviation over tunes. Spread: mean distance between two tunes, relative "
        "to held-out tunes; least and greatest over the features that vary. Distinct: share of tunes that differ from "
        "all earlier ones. The row of real tunes compares one half of the held-out tunes with the other.",
    )  # fmt: skip
    training = Table(
        "How they were trained",
        (
            "Row", "Generator loss", "Discriminator loss", "Bits per sixteenth", "in validation",
            "Updates", "Examples per second", "Seconds", "Epochs", "Judged epoch",
        ),
        [[Cell(row.title), *training_cells(records, losses, number)] for row, records in trained.items()],
        "Losses and bits are means over the last epoch. Losses of different rows have different units: nats of "
        "cross-entropy for a GAN, scores of the critic for a WGAN. Examples are training tunes, counted once per "
        "update; as reported, they are windows of 100 notes without lengths. A short trial of each model set the "
        "number of epochs for the learning rates; training ended when the time was over. The judged epoch is chosen on "
        "validation tunes, as in melodygan.train: least musical distance, or least bits.",
    )  # fmt: skip
    return [music, training] if trained else [music]


def _music(records: Sequence[Record]) -> list[Cell]:
    return [
        _score(records),
        *(values(records, name, number) for name in ("overlap", "overlap_ceiling", "manhattan", "manhattan_ceiling")),
        *(_moments(records, name) for name in ("used_pitch", "pitch")),
        *(
            values(records, name, share)
            for name in ("spread_used_pitch", "spread_least", "spread_greatest", "distinct")
        ),
        *(_times(records, name) for name in ("collapsed", "copying")),
    ]


def _score(records: Sequence[Record]) -> Cell:
    cell = values(records, "score", share)
    low, high = records[0].measures["score_interval"]
    if len(records) > 1 or low is None or high is None:
        return cell
    return cell._replace(limits=f"{share(low)} to {share(high)}")


def _moments(records: Sequence[Record], name: str) -> Cell:
    """Write mean ± deviation; over seeds, the limits are those of the means."""
    means, deviations = (over_seeds([record.measures[name][which] for record in records], number) for which in (0, 1))
    return means._replace(text=f"{means.text} ± {deviations.text}")


def _times(records: Sequence[Record], name: str) -> Cell:
    """Return in how many seeds a measure is true."""
    times = sum(record.measures[name] for record in records)
    text = f"{times} of {len(records)}" if len(records) > 1 else "yes" if times else "no"
    return Cell(text, bad=times > 0)
