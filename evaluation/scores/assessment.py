"""Everything that is found out about generated sets: each one against the originals, and all of them ranked."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import joblib
import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from evaluation.features.table import FEATURES, Feature, feature_table, manhattan_distances
from evaluation.legacy import mgeval
from evaluation.reading.notes import as_rows
from evaluation.reading.reading import read_some
from evaluation.scores.collapse import Collapse, find_collapse
from evaluation.scores.compare import RESAMPLED, FeatureComparison, Halves, Score, compare_feature, draw_splits, holm
from evaluation.scores.copying import Copying, find_copies
from evaluation.scores.distances import inter_set_distances, intra_set_distances
from evaluation.scores.diversity import Diversity, fill, standardise
from evaluation.scores.verdict import closeness_sentence, collapse_sentence, copying_sentence

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evaluation.reading.notes import FloatArray, Notes
    from evaluation.reading.reading import Skipped


@dataclass(frozen=True)
class MusicSet:
    """A named set of pieces, measured.

    Attributes:
        label: what reports call it.
        folder: where it is from, as it was given; empty for pieces made in memory.
        pieces: [n].
        table: as `feature_table`.
        skipped: files that gave no notes.
    """

    label: str
    folder: str
    pieces: list[Notes]
    table: dict[str, FloatArray]
    skipped: list[Skipped]


def measure(
    label: str,
    pieces: Sequence[Notes],
    skipped: Sequence[Skipped] = (),
    *,
    folder: str = "",
    features: Mapping[str, Feature] = FEATURES,
) -> MusicSet:
    """Measure the features of a set."""
    return MusicSet(label, folder, list(pieces), feature_table(pieces, features), list(skipped))


def read_set(
    folder: str | Path, jobs: int = -1, *, label: str | None = None, features: Mapping[str, Feature] = FEATURES
) -> MusicSet:
    """Read a folder and measure its features.

    Raises:
        FolderError: where there is no such folder, and where nothing in it is readable.
    """
    label = label or Path(folder).resolve().name
    found = read_some(folder, jobs, label=label)
    return measure(label, found.pieces, found.skipped, folder=str(folder), features=features)


@dataclass(frozen=True)
class MgevalScores:
    """One feature by mgeval's overlap and divergence, of each set's own distances with those between the sets."""

    overlap_gen: float
    overlap_org: float
    kld_gen: float
    kld_org: float


@dataclass(frozen=True)
class Verdict:
    """What was found, in plain sentences."""

    closeness: str
    collapse: str
    copying: str


@dataclass(frozen=True)
class SetComparison:
    """One generated set against the originals.

    Attributes:
        gen: the generated set.
        features: one comparison a feature, in the order of the page.
        score: mean over features of the share of the reachable overlap, 0–1; NaN for sets too small to split.
        score_interval: 95 % of `score` when files are drawn again; NaN for sets too small to halve.
        manhattan: mean Manhattan distance of pitch groups to the originals, in semitones; its ceiling is a floor.
        diversity: None for fewer than two pieces.
        collapse, copying: what speaks for either.
        mgeval: the scores in mgeval's conventions, when asked for.
        verdict: in words.
    """

    gen: MusicSet
    features: dict[str, FeatureComparison]
    score: float
    score_interval: tuple[float, float]
    manhattan: Score
    diversity: Diversity | None
    collapse: Collapse
    copying: Copying
    mgeval: dict[str, MgevalScores]
    verdict: Verdict


def with_holm(comparisons: Sequence[FeatureComparison]) -> list[FeatureComparison]:
    """Correct the p-values of all features together."""
    corrected = holm(np.array([one.p for one in comparisons]))
    return [replace(one, p_holm=float(p)) for one, p in zip(comparisons, corrected, strict=True)]


def compare_sets(
    gen: MusicSet,
    org: MusicSet,
    train: MusicSet | None = None,
    *,
    seed: int = 0,
    jobs: int = 1,
    features: Mapping[str, Feature] = FEATURES,
) -> SetComparison:
    """Compare a generated set with the originals.

    Args:
        gen: the generated set.
        org: the originals.
        train: what copies are looked for in; the originals when not given.
        seed: of all random draws.
        jobs: features compared at a time; −1 is one for each core.
        features: what the sets were measured by; with `mgeval.FEATURES`, its scores are added.
    """
    # features are compared side by side already: threads of the linear algebra inside each would only wait for each
    # other, and their number would show in the last digits
    with threadpool_limits(1):
        return _compare_sets(gen, org, train or org, seed, jobs, features)


def _compare_sets(
    gen: MusicSet, org: MusicSet, train: MusicSet, seed: int, jobs: int, features: Mapping[str, Feature]
) -> SetComparison:
    parallel = joblib.Parallel(n_jobs=jobs, prefer="threads")
    found = parallel(joblib.delayed(compare_feature)(name, gen.table[name], org.table[name], seed) for name in features)
    comparisons = {one.name: one for one in with_holm(found)}
    shares = np.array([one.relative_overlap for one in comparisons.values()])
    score = float(np.nanmean(shares)) if np.isfinite(shares).any() else float("nan")
    interval = _score_interval(score, list(comparisons.values()))
    diversity = fill(*standardise(gen.table, org.table), seed)
    collapse = find_collapse(gen.pieces, org.pieces, comparisons, diversity, seed, features)
    copying = find_copies(gen.pieces, train.pieces, *standardise(gen.table, train.table), seed)
    return SetComparison(
        gen=gen,
        features=comparisons,
        score=score,
        score_interval=interval,
        manhattan=_manhattan(gen.pieces, org.pieces, seed),
        diversity=diversity,
        collapse=collapse,
        copying=copying,
        mgeval=_mgeval(gen, org) if features is mgeval.FEATURES else {},
        verdict=Verdict(
            closeness=closeness_sentence(score, interval, comparisons, features),
            collapse=collapse_sentence(collapse, gen.pieces, gen.table, comparisons, diversity, features),
            copying=copying_sentence(copying, train.label),
        ),
    )


def _score_interval(score: float, comparisons: Sequence[FeatureComparison]) -> tuple[float, float]:
    """Return within what the score lies in 95 % of draws of other files of the same kinds."""
    known = [one for one in comparisons if np.isfinite(one.relative_overlap)]
    if not known or not all(len(one.deviations) and np.isfinite(one.deviations).all() for one in known):
        return float("nan"), float("nan")
    low, high = np.percentile(np.mean([one.deviations for one in known], axis=0), [2.5, 97.5])
    return float(max(score + low, 0.0)), float(min(score + high, 1.0))


def ranking(comparisons: Sequence[SetComparison]) -> list[SetComparison]:
    """Order generated sets from the best to the worst: sound before collapsed or copying, then by score."""

    def key(one: SetComparison) -> tuple[int, float]:
        faults = int(one.collapse.found) + int(one.copying.found)
        return faults, -one.score if np.isfinite(one.score) else 1.0

    return sorted(comparisons, key=key)


def _manhattan(gen: Sequence[Notes], org: Sequence[Notes], seed: int) -> Score:
    rng = np.random.default_rng([seed, zlib.crc32(b"manhattan")])
    kept = [gen[i] for i in np.sort(rng.permutation(len(gen))[:RESAMPLED])]
    others = [org[i] for i in np.sort(rng.permutation(len(org))[: 2 * RESAMPLED])]
    across, among = manhattan_distances(kept, others), manhattan_distances(others, others)
    draws = draw_splits(len(kept), len(others), rng)
    ours = [across[np.ix_(part, first - len(kept))].mean() for part, first, _ in draws]
    ceiling = [among[np.ix_(second - len(kept), first - len(kept))].mean() for _, first, second in draws]
    halves = Halves.draw(across.shape, rng)
    drawn = [across[np.ix_(part, other)].mean() for part, other in zip(*halves.parts, strict=True)]
    value = float(across.mean())
    return Score.of(value, ours, ceiling, halves.interval(value, drawn))


def _mgeval(gen: MusicSet, org: MusicSet) -> dict[str, MgevalScores]:
    scores = {}
    for name in gen.table:
        ours, theirs = (_defined(one.table[name]) for one in (gen, org))
        if min(len(ours), len(theirs)) < 3:  # noqa: PLR2004 - two distances make a density
            continue
        within_gen, within_org = intra_set_distances(ours), intra_set_distances(theirs)
        between = inter_set_distances(ours, theirs)
        scores[name] = MgevalScores(
            overlap_gen=mgeval.overlap_area(within_gen, between),
            overlap_org=mgeval.overlap_area(within_org, between),
            kld_gen=mgeval.kl_dist(within_gen, between),
            kld_org=mgeval.kl_dist(within_org, between),
        )
    return scores


def _defined(values: FloatArray) -> FloatArray:
    rows = as_rows(values)
    return rows[np.isfinite(rows).all(axis=1)]
