"""Measure how often 95 % intervals hold the value that they are about.

    python benchmarks/coverage.py --pieces 10 30 100 --simulations 200

Sets of n tunes and of 2n originals are drawn from the Erk collection again and again. Most scores depend on n, so what
an interval should hold is the mean of its score over all sets of that size. Three kinds of generated sets: real tunes;
the same a third higher, far from the best score; and a mixture, in which 40 % are one tune jittered and 30 % copies of
originals.
"""

from __future__ import annotations

import time
from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np
from attacks import as_read, known
from common import parser

from evaluation import FEATURES, compare_sets, feature_table
from evaluation.reading.notes import Packed
from evaluation.scores import overlap
from evaluation.scores.sets import MusicSet
from evaluation.scores.two_sample import TwoSampleTest
from melodygan.data.corpus import load_corpus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evaluation.reading.notes import FloatArray, Notes
    from evaluation.scores.sets import SetComparison

    Interval = tuple[float, tuple[float, float]]

SOME = ("total_used_pitch", "pitch_mean", "note_length_hist", "avg_IOI", "longest_repeated_phrase")
"""Features whose overlap is measured: an interval costs as much for each."""


class Pool:
    """Pieces that are measured once and drawn from again and again."""

    def __init__(self, pieces: Sequence[Notes]) -> None:
        self.pieces = Packed.of(pieces)
        self._table = feature_table(self.pieces)

    def __len__(self) -> int:
        return len(self.pieces)

    def drawn(self, places: Sequence[int]) -> MusicSet:
        """Make a set of some pieces."""
        table = {name: values[places] for name, values in self._table.items()}
        return MusicSet("drawn", "", self.pieces.take(places), table, [])


def intervals(found: SetComparison) -> dict[str, Interval]:
    """Give the scores of a comparison with their intervals."""
    assert found.diversity is not None
    pitches = found.features["total_used_pitch"]
    scores = {
        **{name: getattr(found.diversity, name) for name in ("vendi", "precision", "recall", "coverage", "frechet")},
        "near copies": found.collapse.near,
        "pitches, overlap": pitches.overlap,
        "pitches, Wasserstein": pitches.wasserstein,
        "pitches, spread": pitches.spread,
    }
    copied = found.copying.gen
    return {
        "accuracy": (found.told.accuracy, found.told.interval),
        "score": (found.score, found.score_interval),
        "copied": (copied.copied_share, copied.interval),
        **{name: (score.value, score.interval) for name, score in scores.items()},
    }


def simulate(tunes: Pool, jittered: Pool, size: int, seed: int) -> dict[str, dict[str, Interval]]:
    """Draw originals and one generated set of each kind, and compare them."""
    rng = np.random.default_rng([seed, size])
    order = rng.permutation(len(tunes) // 2)
    ours, theirs = order[:size], order[size : 3 * size]
    higher = len(tunes) // 2 + ours
    org = tunes.drawn(theirs)
    kind = rng.random(size)
    copies = np.where(kind < 0.3, rng.choice(theirs, size, replace=False), ours)
    near = jittered.drawn(rng.permutation(len(jittered))[: (kind > 0.6).sum()])
    rest = tunes.drawn(copies[kind <= 0.6])
    table = {name: np.concatenate([values, rest.table[name]]) for name, values in near.table.items()}
    mixed = MusicSet("mixed", "", Packed.join([near.pieces, rest.pieces]), table, [])
    features = {name: FEATURES[name] for name in SOME}
    sets = {"real": tunes.drawn(ours), "a third higher": tunes.drawn(higher), "mixed": mixed}
    test = TwoSampleTest(org.pieces, FEATURES, seed)
    return {
        name: intervals(compare_sets(gen, org, seed=seed, features=features, test=test)) for name, gen in sets.items()
    }


def coverage(found: Sequence[Interval]) -> tuple[float, float, FloatArray]:
    """Share of intervals that hold the mean value, that mean, and their mean width beside ±1.96 deviations."""
    values = np.array([value for value, _ in found])
    low, high = np.array([interval for _, interval in found]).T
    truth = values.mean()
    held = float(((low <= truth + 1e-9) & (truth <= high + 1e-9)).mean())
    return held, truth, np.array([np.nanmean(high - low), 2 * 1.96 * values.std(ddof=1)])


def main() -> None:
    """Print the share of intervals that hold their value, by score and kind of set."""
    options = parser(__doc__)
    options.add_argument("--pieces", type=int, nargs="+", default=[10, 30, 100], help="pieces of a generated set")
    options.add_argument("--simulations", type=int, default=200, help="sets of each size (default %(default)s)")
    given = options.parse_args()
    overlap.PERMUTATIONS = 1  # no test is looked at
    real = [as_read(tune) for tune in load_corpus("erk", progress=False).tunes]
    tunes = Pool([*real, *known.transposed(real, 4)])
    jittered = Pool(known.collapsed(real, np.random.default_rng(0), copies=2 * max(given.pieces)))
    print("| pieces | set | score | mean | held | mean width | width that would hold 95 % |")
    print("|--:|---|---|--:|--:|--:|--:|")
    for size in given.pieces:
        grouped: dict[tuple[str, str], list[Interval]] = defaultdict(list)
        begin = time.perf_counter()
        for seed in range(given.simulations):
            for kind, scores in simulate(tunes, jittered, size, seed).items():
                for name, interval in scores.items():
                    grouped[kind, name].append(interval)
        seconds = time.perf_counter() - begin
        for (kind, name), found in grouped.items():
            held, truth, (width, needed) = coverage(found)
            print(f"| {size} | {kind} | {name} | {truth:.3f} | {held:.0%} | {width:.3f} | {needed:.3f} |")
        print(f"\n{size} pieces: {seconds / given.simulations:.2f} s per simulation\n", flush=True)


if __name__ == "__main__":
    main()
