"""The rows of `melodygan.compare` as tables."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from evaluation.features.table import COMPARED
from evaluation.scores.verdict import number, share
from manymodes.experiment.tables import Cell, column, over_seeds, table, training_table, values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from manymodes.experiment.records import Record, Records
    from manymodes.experiment.tables import Table


_LOSSES = {
    "generator_loss": "Generator loss",
    "discriminator_loss": "Discriminator loss",
    "bits_per_step": "Bits per sixteenth",
    "val_bits_per_step": "in validation",
}
"""Columns of the history whose last values the tables show, with their headers."""


def tables(found: Records) -> list[Table]:
    """Return the tables of what was composed and of how the models were trained."""
    several = any(len(records) > 1 for records in found.values())
    limits = "the least and the greatest of the seeds, as everywhere" if several else "its 95 % interval"
    told = table(
        "Can anybody tell?",
        (
            column("Told apart by features", "told_by_features", share),
            column("by n-grams", "told_by_ngrams", share),
            column("halves of real tunes", "told_halves", share),
            column("Onsets on a beat", "on_beat", share),
            column("of real tunes", "on_beat_real", share),
            column("Longest phrase that returns", "phrase", number),
            column("of real tunes", "phrase_real", number),
            column("Ends on the tonic, major", "tonic_major", share),
            column("minor", "tonic_minor", share),
            column("Whole last bar", "whole_bar", share),
        ),
        found,
        "Told apart: right answers of a forest of random trees on features, and of a linear classifier on n-grams, "
        "about tunes that they have not seen; 50 % is chance, and halves of the real tunes show what chance gives at "
        "this number. Phrases in notes. The last bar is whole by itself or with the upbeat. Models that know no key or "
        "metre have no endings to be counted.",
    )
    music = table(
        "What they compose",
        (
            ("Score", _score),
            column("Overlap", "overlap", number),
            column("its ceiling", "overlap_ceiling", number),
            column("Manhattan", "manhattan", number),
            column("its ceiling", "manhattan_ceiling", number),
            ("Pitches used", functools.partial(_mean_and_deviation, "used_pitch")),
            ("Mean pitch", functools.partial(_mean_and_deviation, "pitch")),
            column("Spread of pitches used", "spread_used_pitch", share),
            column("Least spread", "spread_least", share),
            column("Greatest spread", "spread_greatest", share),
            column("Distinct", "distinct", share),
            ("Collapsed", functools.partial(_times, "collapsed")),
            ("Copying", functools.partial(_times, "copying")),
        ),
        found,
        f"Score: overlap with held-out tunes, mean over {len(COMPARED)} features, relative to the ceiling, with "
        f"{limits}. The ceiling is the overlap of held-out tunes with each other, at the same number of tunes. "
        "Manhattan: distance of pitch groups to held-out tunes, semitones; short tunes get low values. Pitches used "
        "and mean pitch (MIDI number): mean ± deviation over tunes. Spread: mean distance between two tunes, relative "
        "to held-out tunes; least and greatest over the features that vary. Distinct: share of tunes that differ from "
        "all earlier ones. The row of real tunes compares one half of the held-out tunes with the other.",
    )
    training = training_table(
        found,
        _LOSSES,
        number,
        "Losses and bits are means over the last epoch. Losses of different rows have different units: nats of "
        "cross-entropy for a GAN, scores of the critic for a WGAN. Examples are training tunes, counted once per "
        "update; as reported, they are windows of 100 notes without lengths. A short trial of each model set the "
        "number of epochs for the learning rates; training ended when the time was over. The best epoch is chosen on "
        "validation tunes, as in melodygan.train: least musical distance, or least bits.",
    )
    return [told, music, training] if training.rows else [told, music]


def _score(records: Sequence[Record]) -> Cell:
    cell = values(records, "score", share)
    low, high = records[0].measures["score_interval"]
    if len(records) > 1 or low is None or high is None:
        return cell
    return cell._replace(limits=f"{share(low)} to {share(high)}")


def _mean_and_deviation(name: str, records: Sequence[Record]) -> Cell:
    """Write mean ± deviation; over seeds, the limits are those of the means."""
    means, deviations = (over_seeds([record.measures[name][which] for record in records], number) for which in (0, 1))
    return means._replace(text=f"{means.text} ± {deviations.text}")


def _times(name: str, records: Sequence[Record]) -> Cell:
    """Return in how many seeds a measure is true."""
    times = sum(record.measures[name] for record in records)
    text = f"{times} of {len(records)}" if len(records) > 1 else "yes" if times else "no"
    return Cell(text, bad=times > 0)
