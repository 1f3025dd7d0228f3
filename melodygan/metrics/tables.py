"""Tables of `melodygan.compare`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evaluation.features.table import FEATURES
from evaluation.scores.verdict import number, share
from manymodes.experiment.tables import Cell, Table, over_seeds

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from manymodes.experiment.records import Found, Record


def tables(found: Found, losses: Sequence[str]) -> list[Table]:
    """Put records into the table of what was composed and that of how the models were trained.

    Args:
        found: the records of each row, one a seed.
        losses: columns of the history whose last values are shown.
    """
    several = any(len(records) > 1 for records in found.values())
    limits = "the least and the greatest of the seeds, as everywhere" if several else "its 95 % interval"
    trained = {row: records for row, records in found.items() if records[0].trained}
    music = Table(
        "What they compose",
        (
            "Row", "Score", "Overlap", "its ceiling", "Manhattan", "its ceiling", "Pitches used", "Mean pitch",
            "Spread of pitches used", "Least spread", "Greatest spread", "Distinct", "Collapsed", "Copying",
        ),
        [[Cell(row.title), *_music(records)] for row, records in found.items()],
        f"Score: overlap with held-out tunes, mean over {len(FEATURES)} features, of what these reach with themselves "
        f"at the same number of tunes, with {limits}. Overlap and ceiling: the same two, not divided. "
        "Manhattan: distance of pitch groups to held-out tunes, semitones; short tunes come out low. Pitches used and "
        "mean pitch (MIDI number): mean ± deviation over tunes. Spread: mean distance between two tunes, of that "
        "between two held-out ones; least and greatest over the features that have variety. Distinct: share of tunes "
        "that no earlier one equals. The row of real tunes is one half of the held-out tunes against the other.",
    )  # fmt: skip
    training = Table(
        "How they were trained",
        (
            "Row", "Generator loss", "Discriminator loss", "Bits a sixteenth", "in validation",
            "Updates", "Examples a second", "Epochs", "Best epoch",
        ),
        [[Cell(row.title), *_training(records, losses)] for row, records in trained.items()],
        "Losses and bits are those of the last epoch, means over it. Losses of different rows have different units: "
        "nats of cross-entropy for a GAN, scores of the critic for a WGAN. An example is a real tune that an update "
        "looked at; as reported it is a window of 100 notes without lengths. As many epochs were planned, for the "
        "learning rates, as a short trial of each model said would fit; the clock ended training. The best epoch is "
        "chosen on validation tunes, as melodygan.train does: least musical distance, or bits.",
    )  # fmt: skip
    return [music, training] if trained else [music]


def _music(records: Sequence[Record]) -> list[Cell]:
    def values(name: str, write: Callable[[float], str] = number) -> Cell:
        return over_seeds([record.measures[name] for record in records], write)

    return [
        _score(records),
        *(values(name) for name in ("overlap", "overlap_ceiling", "manhattan", "manhattan_ceiling")),
        *(_moments(records, name) for name in ("used_pitch", "pitch")),
        *(values(name, share) for name in ("spread_used_pitch", "spread_least", "spread_greatest", "distinct")),
        *(_times(records, name) for name in ("collapsed", "copying")),
    ]


def _score(records: Sequence[Record]) -> Cell:
    cell = over_seeds([record.measures["score"] for record in records], share)
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


def _training(records: Sequence[Record], losses: Sequence[str]) -> list[Cell]:
    counts = ("updates", "examples_per_second", "epochs", "judged_epoch")
    return [
        *(over_seeds([record.training["losses"].get(name) for record in records], number) for name in losses),
        *(over_seeds([record.training[name] for record in records], number) for name in counts),
    ]
