"""The results of `melodygan.compare`: measures of each row against held-out tunes, and baselines."""

from __future__ import annotations

import math
import statistics
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from evaluation.features.table import COMPARED, averaged_transitions
from evaluation.scores.sets import compare_sets, measure
from melodygan.data.encoding import Note, Tune, length_of, pitches_in
from melodygan.data.form import METERS, MODES, ends_on_the_tonic
from melodygan.metrics.musical import SPREAD_FEATURES, as_pieces, distinct_share

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from evaluation.reading.notes import FloatArray
    from evaluation.scores.sets import FeatureComparison, MusicSet, SetComparison
    from melodygan.data.corpus import Split

USED_PITCH = SPREAD_FEATURES[0]
"""The feature whose spread the report compares (figures 5.10 to 5.13)."""

_DIGITS = 6


class Compared(NamedTuple):
    """Tunes, and the held-out ones that they are compared with; a tune without a key or a metre has none."""

    tunes: Sequence[Tune]
    originals: Sequence[Tune]


def real_tunes(split: Split, count: int, seed: int) -> Compared:  # noqa: ARG001 - one signature for all baselines
    """Compare one half of the held-out tunes with the other: the ceiling, surpassed only by chance."""
    shuffled = [split.test[place] for place in np.random.default_rng(seed).permutation(len(split.test))]
    half = len(shuffled) // 2
    return Compared(shuffled[:half], shuffled[half:])


def replayed_tunes(split: Split, count: int, seed: int) -> Compared:
    """Replay up to ``count`` training tunes: close to real ones, varied, and nothing but copies."""
    places = np.random.default_rng(seed).permutation(len(split.train))[:count]
    return Compared([split.train[place] for place in places], split.test)


def random_notes(split: Split, count: int, seed: int) -> Compared:
    """Draw the pitch and the length of every note, and the size of every tune, from those of the training tunes."""
    rng = np.random.default_rng(seed)
    notes = [note for tune in split.train for note in tune.notes]
    pitches, lengths = sorted(set(pitches_in(notes))), sorted({note.steps for note in notes})
    sizes = rng.choice([len(tune.notes) for tune in split.train], count)
    drawn = [(rng.choice(pitches, size).tolist(), rng.choice(lengths, size).tolist()) for size in sizes]
    return Compared([Tune(tuple(map(Note, *columns))) for columns in drawn], split.test)


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
    gen = _set_of("generated", [replace(tune, name=f"tune {n}") for n, tune in enumerate(compared.tunes, start=1)])
    org = _set_of("held-out tunes", compared.originals)
    result = compare_sets(gen, org, _set_of("the training set", training), seed=seed)
    return {
        "measures": {
            **_told_apart(result, org, compared.tunes),
            **_measures(result),
            "distinct": distinct_share([tune.notes for tune in compared.tunes]),
        },
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


def _told_apart(result: SetComparison, org: MusicSet, tunes: Sequence[Tune]) -> dict[str, Any]:
    """How well tunes are told from real ones, and what a listener would notice first."""
    told = result.told
    whole = [
        (length_of(tune.notes) - tune.pickup_steps) % METERS[tune.meter] in {0, METERS[tune.meter] - tune.pickup_steps}
        for tune in tunes
        if tune.meter in METERS
    ]
    return {
        "told_by_features": told.forest,
        "told_by_ngrams": told.ngrams,
        "told_halves": told.halves[0],
        "told_limit": told.limit,
        **{
            f"{name}{which}": float(np.nanmean(one.table[feature]))
            for name, feature in (("on_beat", "beat_onset_share"), ("phrase", "longest_repeated_phrase"))
            for which, one in (("", result.gen), ("_real", org))
        },
        **{
            f"tonic_{mode}": _mean(ends_on_the_tonic(tune.notes, mode) for tune in tunes if tune.key.endswith(mode))
            for mode in MODES
        },
        "whole_bar": _mean(whole),
    }


def _measures(result: SetComparison) -> dict[str, Any]:
    features = result.features
    widths = [one.spread.value for name, one in features.items() if COMPARED[name].variety]
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
