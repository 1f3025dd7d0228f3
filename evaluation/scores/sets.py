"""Whole sets compared: each generated set with the originals, and generated sets ranked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from evaluation.features.catalogue import FEATURES, measured, suited
from evaluation.features.feature import Feature, columns_of
from evaluation.features.table import COMPARED, manhattan_distances
from evaluation.legacy import mgeval
from evaluation.reading.folders import Skipped, read_some
from evaluation.reading.notes import FloatArray, IntArray, Notes, Packed, defined_rows
from evaluation.scores.collapse import Collapse, find_collapse
from evaluation.scores.copying import Copying, find_copies
from evaluation.scores.distances import inter_set_distances, intra_set_distances
from evaluation.scores.diversity import Diversity, fill, standardise
from evaluation.scores.overlap import FeatureComparison, compare_feature, holm
from evaluation.scores.sampling import PAIRWISE, RESAMPLED, Draws, Score, generator, interval_of, sample
from evaluation.scores.two_sample import ToldApart, TwoSampleTest
from evaluation.scores.verdict import Verdict, closeness_sentence, collapse_sentence, copying_sentence, told_sentence

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd


@dataclass(frozen=True)
class MusicSet:
    """A named set of pieces, measured as `feature_table`; the folder is empty for pieces made in memory."""

    label: str
    folder: str
    pieces: Packed
    table: dict[str, FloatArray]
    skipped: list[Skipped]

    def record(self, role: str) -> dict[str, Any]:
        """Return the set as it appears in `report.json`, where its role is generated, original or training."""
        return {
            "role": role,
            "folder": self.folder,
            "files": len(self.pieces) + len(self.skipped),
            "pieces": len(self.pieces),
            "skipped": len(self.skipped),
            "drums_only": int(self.pieces.drums_only.sum()),
            "notes": int(self.pieces.first[-1]),
        }


def measure(
    label: str,
    pieces: Sequence[Notes],
    skipped: Sequence[Skipped] = (),
    *,
    folder: str = "",
    features: Mapping[str, Feature] = FEATURES,
) -> MusicSet:
    """Measure the features of a set."""
    packed = Packed.of(pieces)
    return MusicSet(label, folder, packed, measured(packed, features), list(skipped))


def read_set(
    folder: str | Path, jobs: int = -1, *, label: str | None = None, features: Mapping[str, Feature] = FEATURES
) -> MusicSet:
    """Read a folder as `read_some`, and measure its features."""
    label = label or Path(folder).resolve().name
    found = read_some(folder, jobs, label=label)
    return measure(label, found.pieces, found.skipped, folder=str(folder), features=features)


@dataclass(frozen=True)
class SetComparison:
    """One generated set against the originals.

    Attributes:
        features: one comparison a feature, in the order of the page.
        score: mean over features of the share of the reachable overlap, 0–1; NaN for sets too small to split.
        score_interval: 95 % interval of `score`; NaN for sets too small to halve.
        manhattan: mean Manhattan distance of pitch groups to the originals, in semitones; low is good, so its ceiling
            is the least to expect.
        diversity: None for fewer than two pieces.
        mgeval: mgeval's own scores, with its features only.
    """

    gen: MusicSet
    told: ToldApart
    features: dict[str, FeatureComparison]
    score: float
    score_interval: tuple[float, float]
    manhattan: Score
    diversity: Diversity | None
    collapse: Collapse
    copying: Copying
    mgeval: dict[str, dict[str, float]]
    verdict: Verdict

    def record(self) -> dict[str, Any]:
        """Return the comparison as it appears in `report.json`."""
        names = self.gen.pieces.names
        features = {name: one.record() for name, one in self.features.items()}
        for name, scores in self.mgeval.items():
            features[name]["mgeval"] = scores
        return {
            "verdict": self.verdict,
            "told_apart": self.told.record(names),
            "score": self.score,
            "score_ci": self.score_interval,
            "features": features,
            "diversity": self.diversity.record(names) if self.diversity else {},
            "manhattan": self.manhattan.record(),
            "collapse": self.collapse.record(names),
            "copying": self.copying.record(),
        }


def compare_sets(
    gen: MusicSet,
    org: MusicSet,
    train: MusicSet | None = None,
    *,
    seed: int = 0,
    jobs: int = 1,
    features: Mapping[str, Feature] = FEATURES,
    test: TwoSampleTest | None = None,
) -> SetComparison:
    """Compare a generated set with the originals in the features that were measured in both and are to be compared.

    A two-sample test against these originals that is at hand, as in a training loop, saves its preparation. Copies are
    looked for in `train`, by default in the originals. With `mgeval.FEATURES`, mgeval's scores are added.
    """
    train = train or org
    heard = suited(gen.pieces, org.pieces)
    # what stands beside a ceiling keeps its meaning when features are added
    compared = [name for name in features if name in COMPARED]
    gen_table, org_table, train_table = ({name: one.table[name] for name in compared} for one in (gen, org, train))
    parallel = joblib.Parallel(n_jobs=jobs, prefer="threads")
    # features are compared side by side already: threads of the linear algebra inside each would only wait for each
    # other, and their number would show in the last digits
    with threadpool_limits(1):
        found = parallel(
            joblib.delayed(compare_feature)(name, gen_table[name], org_table[name], seed) for name in compared
        )
        corrected = holm(np.array([one.p for one in found])).tolist()
        comparisons = {one.name: replace(one, p_holm=p) for one, p in zip(found, corrected, strict=True)}
        diversity = fill(*standardise(gen_table, org_table), seed)
        collapse = find_collapse(gen.pieces, org.pieces, comparisons, diversity, seed, features)
        copying = find_copies(gen.pieces, train.pieces, *standardise(gen_table, train_table), seed)
        told = (test or TwoSampleTest(org.pieces, heard, seed))(gen.pieces)
        score, interval = _score(list(comparisons.values()))
        return SetComparison(
            gen=gen,
            told=told,
            features=comparisons,
            score=score,
            score_interval=interval,
            manhattan=_manhattan(gen.pieces, org.pieces, seed),
            diversity=diversity,
            collapse=collapse,
            copying=copying,
            mgeval=_mgeval(gen, org, seed) if features is mgeval.FEATURES else {},
            verdict=Verdict(
                told=told_sentence(told, heard),
                closeness=closeness_sentence(score, interval, comparisons, features),
                collapse=collapse_sentence(collapse, gen.pieces, gen.table, comparisons, diversity, features),
                copying=copying_sentence(copying, train.label),
            ),
        )


def _score(comparisons: Sequence[FeatureComparison]) -> tuple[float, tuple[float, float]]:
    """Average the relative overlap of all features, and give the 95 % interval when files are drawn again."""
    known = [one for one in comparisons if np.isfinite(one.relative_overlap)]
    if not known:
        return float("nan"), (float("nan"), float("nan"))
    score = float(np.mean([one.relative_overlap for one in known]))
    moved = [[part / one.overlap.ceiling for part in one.overlap.deviations] for one in known]
    # of few files, a feature that some do not have has fewer groups: the others tell enough
    most = max(tuple(map(len, one)) for one in moved)
    whole = [one for one in moved if tuple(map(len, one)) == most]
    return score, interval_of(score, [np.mean(parts, axis=0) for parts in zip(*whole, strict=True)], highest=1.0)


def ranking(comparisons: Sequence[SetComparison]) -> list[SetComparison]:
    """Order generated sets from the best to the worst: sound before collapsed or copying, then by being told apart."""

    def badness(one: SetComparison) -> tuple[float, ...]:
        faults = one.collapse.found + one.copying.found
        return faults, np.nan_to_num(one.told.accuracy, nan=1.0), -np.nan_to_num(one.score, nan=-1.0)

    return sorted(comparisons, key=badness)


def _manhattan(gen: Sequence[Notes], org: Sequence[Notes], seed: int) -> Score:
    rng = generator(seed, "manhattan")
    kept = [gen[i] for i in sample(len(gen), RESAMPLED, rng)]
    others = [org[i] for i in sample(len(org), 2 * RESAMPLED, rng)]
    across = manhattan_distances(kept, others)
    pooled = np.concatenate([across, manhattan_distances(others, others)])

    def mean_distance(part: IntArray, other: IntArray) -> float:
        return float(pooled[np.ix_(part, other - len(kept))].mean())

    return Draws.of(len(kept), len(others), rng).score(float(across.mean()), mean_distance)


def _mgeval(gen: MusicSet, org: MusicSet, seed: int) -> dict[str, dict[str, float]]:
    """Each feature by mgeval's overlap and divergence, of each set's own distances with those between the sets."""
    scores = {}
    for name in gen.table:
        ours, theirs = (defined_rows(one.table[name]) for one in (gen, org))
        ours, theirs = (rows[sample(len(rows), PAIRWISE, generator(seed, name))] for rows in (ours, theirs))
        if min(len(ours), len(theirs)) <= 2:  # noqa: PLR2004 - a density needs two distances
            continue
        between = inter_set_distances(ours, theirs)
        within = {"gen": intra_set_distances(ours), "org": intra_set_distances(theirs)}
        overlaps = {f"overlap_{which}": mgeval.overlap_area(own, between) for which, own in within.items()}
        scores[name] = overlaps | {f"kld_{which}": mgeval.kl_dist(own, between) for which, own in within.items()}
    return scores


def comparison_frame(one: SetComparison) -> pd.DataFrame:
    """Give the comparison of two sets as a data frame, one row per feature."""
    import pandas as pd

    rows = [
        {
            "feature": name,
            "gen_mean": found.gen.mean[0] if len(found.gen.mean) == 1 else float("nan"),
            "org_mean": found.org.mean[0] if len(found.org.mean) == 1 else float("nan"),
            "spread": found.spread.value,
            "overlap": found.overlap.value,
            "overlap_low": found.overlap.interval[0],
            "overlap_high": found.overlap.interval[1],
            "overlap_at_n": found.overlap.at_n,
            "overlap_ceiling": found.overlap.ceiling,
            "kld": found.kld.value,
            "jsd": found.jsd.value,
            "wasserstein": found.wasserstein.value,
            "p": found.p,
            "p_holm": found.p_holm,
        }
        for name, found in one.features.items()
    ]
    return pd.DataFrame(rows).set_index("feature")


def feature_frame(one: MusicSet, features: Mapping[str, Feature] = FEATURES) -> pd.DataFrame:
    """Give the features of a set as a data frame, one row per piece, one column per number."""
    import pandas as pd

    names = pd.Index(one.pieces.names, name="file")
    return pd.DataFrame(columns_of(one.table, features), index=names)
