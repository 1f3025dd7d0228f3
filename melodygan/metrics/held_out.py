"""The results of `melodygan.compare`: measures of each row against held-out tunes, baselines, and the tables of all."""

from __future__ import annotations

import math
import statistics
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from evaluation.features.table import FEATURES, averaged_transitions
from evaluation.scores.sets import compare_sets, measure
from evaluation.scores.verdict import number, share
from manymodes.experiment.tables import Cell, Table, is_trained, over_seeds, training_cells, values
from melodygan.data.encoding import Note, Tune, pitches_in
from melodygan.metrics.musical import SPREAD_FEATURES, as_pieces, distinct_share

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from evaluation.reading.notes import FloatArray
    from evaluation.scores.sets import FeatureComparison, MusicSet, SetComparison
    from manymodes.experiment.records import Found, Record
    from melodygan.data.corpus import Split

USED_PITCH = SPREAD_FEATURES[0]
"""The feature whose spread the report compares (figures 5.10 to 5.13)."""

_DIGITS = 6


class Compared(NamedTuple):
    """Tunes, and the held-out ones that they are compared with."""

    tunes: Sequence[Sequence[Note]]
    originals: Sequence[Tune]


def real_tunes(split: Split, count: int, seed: int) -> Compared:  # noqa: ARG001 - one signature for all baselines
    """Compare one half of the held-out tunes with the other: the ceiling, surpassed only by chance."""
    shuffled = [split.test[place] for place in np.random.default_rng(seed).permutation(len(split.test))]
    half = len(shuffled) // 2
    return Compared([tune.notes for tune in shuffled[:half]], shuffled[half:])


def replayed_tunes(split: Split, count: int, seed: int) -> Compared:
    """Replay up to ``count`` training tunes: close to real ones, varied, and nothing but copies."""
    places = np.random.default_rng(seed).permutation(len(split.train))[:count]
    return Compared([split.train[place].notes for place in places], split.test)


def random_notes(split: Split, count: int, seed: int) -> Compared:
    """Draw the pitch and the length of every note, and the size of every tune, from those of the training tunes."""
    rng = np.random.default_rng(seed)
    notes = [note for tune in split.train for note in tune.notes]
    pitches, lengths = sorted(set(pitches_in(notes))), sorted({note.steps for note in notes})
    sizes = rng.choice([len(tune.notes) for tune in split.train], count)
    drawn = [(rng.choice(pitches, size).tolist(), rng.choice(lengths, size).tolist()) for size in sizes]
    return Compared([list(map(Note, *columns)) for columns in drawn], split.test)


BASELINES: dict[str, Callable[[Split, int, int], Compared]] = {
    "real": real_tunes,
    "replay": replayed_tunes,
    "random": random_notes,
}
"""Functions that return the tunes of a row without training, given a split, a count and a seed."""


def measured(compared: Compared, training: Sequence[Tune], seed: int) -> dict[str, Any]:
    """Compare tunes with held-out ones, and look for copies of the training tunes.

    Returns:
        ``measures``: numbers, NaN where sets are too small; ``verdict``: sentences; ``figures``: the averaged
        transition matrices of both sets, [12, 12] and [8, 8], and the densities of the distances in each of
        `SPREAD_FEATURES`, [4, points] as `FeatureComparison.curves`, as lists.
    """
    gen = _set_of("generated", [Tune(tuple(notes), f"tune {n}") for n, notes in enumerate(compared.tunes, start=1)])
    org = _set_of("held-out tunes", compared.originals)
    result = compare_sets(gen, org, _set_of("the training set", training), seed=seed)
    return {
        "measures": {**_measures(result), "distinct": distinct_share(compared.tunes)},
        "verdict": result.verdict._asdict(),
        "figures": {
            "generated": _transitions(gen),
            "originals": _transitions(org),
            "curves": {name: _listed(result.features[name].curves) for name in SPREAD_FEATURES},
        },
    }


def _set_of(label: str, tunes: Sequence[Tune]) -> MusicSet:
    pieces = zip(as_pieces(tune.notes for tune in tunes), tunes, strict=True)
    return measure(label, [replace(piece, name=tune.name) for piece, tune in pieces])


def _measures(result: SetComparison) -> dict[str, Any]:
    features = result.features
    widths = [one.spread.value for name, one in features.items() if FEATURES[name].variety]
    return {
        "tunes": len(result.gen.pieces),
        "score": result.score,
        "score_interval": list(result.score_interval),
        "overlap": _mean(one.overlap.at_n for one in features.values()),
        "overlap_ceiling": _mean(one.overlap.ceiling for one in features.values()),
        "manhattan": result.manhattan.value,
        "manhattan_ceiling": result.manhattan.ceiling,
        "used_pitch": _moments(features[USED_PITCH]),
        "pitch": _moments(features["pitch_mean"]),
        "spread_used_pitch": features[USED_PITCH].spread.value,
        "spread_least": min(_known(widths), default=math.nan),
        "spread_greatest": max(_known(widths), default=math.nan),
        "collapsed": result.collapse.found,
        "copying": result.copying.found,
    }


def _moments(feature: FeatureComparison) -> list[float]:
    return [float(feature.gen.mean[0]), float(feature.gen.sd[0])]


def _known(numbers: Iterable[float]) -> list[float]:
    return [float(number) for number in numbers if np.isfinite(number)]


def _mean(numbers: Iterable[float]) -> float:
    return statistics.fmean(_known(numbers) or [math.nan])


def _transitions(one: MusicSet) -> dict[str, list[Any]]:
    pitch, length = averaged_transitions(one.pieces)
    return {"pitch": _listed(pitch), "length": _listed(length)}


def _listed(array: FloatArray) -> list[Any]:
    return np.round(array, _DIGITS).tolist()


# --- tables ------------------------------------------------------------------------------------------------


def tables(found: Found, losses: Sequence[str]) -> list[Table]:
    """Return the tables of what was composed and of how the models were trained, with these losses of their history."""
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
        *(_mean_and_deviation(records, name) for name in ("used_pitch", "pitch")),
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


def _mean_and_deviation(records: Sequence[Record], name: str) -> Cell:
    """Write mean ± deviation; over seeds, the limits are those of the means."""
    means, deviations = (over_seeds([record.measures[name][which] for record in records], number) for which in (0, 1))
    return means._replace(text=f"{means.text} ± {deviations.text}")


def _times(records: Sequence[Record], name: str) -> Cell:
    """Return in how many seeds a measure is true."""
    times = sum(record.measures[name] for record in records)
    text = f"{times} of {len(records)}" if len(records) > 1 else "yes" if times else "no"
    return Cell(text, bad=times > 0)
