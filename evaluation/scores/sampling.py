"""Scores beside their ceiling, and the random draws that ceilings and intervals come from.

No overlap means anything alone: two halves of one set overlap by 0.8 when they have ten pieces, and by 0.95 when they
have a hundred. So each score stands beside that of a random split of the originals at the same number of pieces.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import stdtrit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import ArrayLike

    from evaluation.reading.notes import BoolArray, FloatArray, IntArray

    Parts = tuple[IntArray, IntArray]

PAIRWISE = 1000
"""Pieces of each set that statistics of pairs look at; larger sets are sampled, and the report says so."""

RESAMPLED = 200
"""The same, for what is computed again and again: splits, resampling and permutations."""

SPLITS = 20
SMALLEST = 4
"""Pieces of the smallest set that has an interval."""

RESAMPLES = 20
"""Groups of files of each set that are left out one after another for an interval."""


def generator(seed: int, name: str) -> np.random.Generator:
    """Return a generator of random numbers for one purpose."""
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def sample(size: int, most: int, rng: np.random.Generator) -> IntArray:
    """Draw places in a set: all of them, or `most` at random, in order."""
    return np.sort(rng.permutation(size)[:most])


@dataclass(frozen=True)
class Score:
    """One score beside its ceiling.

    Attributes:
        value: of the whole sets.
        interval: 95 % of `value` when files are drawn again; see `Draws`.
        at_n: of random parts of `n` pieces per set, averaged over `SPLITS` draws.
        ceiling: the same for two parts of the originals that share no file, with the interval of 95 % of such splits.
        deviations: for each set that is drawn again, [groups] how far `value` moves without each group of its files,
            scaled so that the sum of all squares is the variance of `value`.
    """

    value: float
    interval: tuple[float, float]
    at_n: float
    ceiling: float
    ceiling_interval: tuple[float, float]
    deviations: tuple[FloatArray, ...] = field(default=(), repr=False, compare=False)

    def record(self) -> dict[str, Any]:
        """Return the score as it appears in `report.json`."""
        return {
            "value": self.value,
            "ci": self.interval,
            "at_n": self.at_n,
            "ceiling": self.ceiling,
            "ceiling_interval": self.ceiling_interval,
        }


_NAN = float("nan")
UNKNOWN = Score(_NAN, (_NAN, _NAN), _NAN, _NAN, (_NAN, _NAN))
"""The score of sets that are too small."""


@dataclass(frozen=True)
class Draws:
    """Random parts of a generated set and of the originals, in pairs of places in the pooled set, generated first.

    Intervals come from the grouped jackknife: each set is cut into `RESAMPLES` random groups, or into single files,
    and each group is left out in turn. With G groups, (G − 1)/G · Σ (θ_g − mean θ)² estimates the variance of a score θ
    when files are drawn again; the variances of two sets are added. The estimate is exact for a mean and, by the
    Efron–Stein inequality, rather too large than too small for any other score. A bootstrap would fill its draws with
    exact copies, and random halves of a few files hardly vary.
    Sources: J. W. Tukey 1958; B. Efron and C. Stein, "The jackknife estimate of variance", Annals of Statistics 1981.

    Attributes:
        ours: [SPLITS] parts of equal size of the generated set and of the originals; empty for too few pieces.
        ceiling: [SPLITS] the same of the originals, with another part of theirs in place of the generated one.
        pools: files of both sets that are put into groups; empty where a set is smaller than `SMALLEST`.
        groups: number of groups of each set; without the originals' for scores of the generated set alone.
        shrink: for each set, √(q / n) where q of n files are looked at.
    """

    ours: list[Parts]
    ceiling: list[Parts]
    pools: list[IntArray]
    groups: list[int]
    shrink: list[float]

    @classmethod
    def of(
        cls,
        gen: int,
        org: int,
        rng: np.random.Generator,
        *,
        groups_rng: np.random.Generator | None = None,
        gen_alone: bool = False,
    ) -> Draws:
        """Draw parts of sets of these sizes; groups of the generated set only with `gen_alone`, and by `groups_rng`."""
        ours, ceiling = [], []
        n = min(gen, org // 2, RESAMPLED)
        for _ in range(SPLITS if n > 1 else 0):
            shuffled = gen + rng.permutation(org)[: 2 * n]
            # a view would keep the whole permutation
            ours.append((rng.permutation(gen)[:n].copy(), shuffled[:n]))
            ceiling.append((shuffled[n : 2 * n], shuffled[:n]))
        if gen < SMALLEST or (org < SMALLEST and not gen_alone):
            return cls(ours, ceiling, [], [], [])
        rng = groups_rng or rng
        pools = [rng.permutation(gen)[:RESAMPLED], gen + rng.permutation(org)[:RESAMPLED]]
        groups = [min(RESAMPLES, len(pool)) for pool in pools]
        sets = 1 if gen_alone else 2
        shrink = [float(np.sqrt(len(pool) / size)) for pool, size in zip(pools, (gen, org), strict=True)]
        return cls(ours, ceiling, pools, groups[:sets], shrink[:sets])

    def kept(self, which: int) -> BoolArray:
        """Which files of a pool are left, [parts, files]: without each group of the first set, then of the second."""
        files = np.arange(len(self.pools[which]))
        parts = [(number, group, count) for number, count in enumerate(self.groups) for group in range(count)]
        return np.array([(number != which) | (files % count != group) for number, group, count in parts])

    @property
    def without(self) -> list[Parts]:
        """Both sets without the files that each part of `kept` leaves out."""
        if not self.pools:
            return []
        ours, theirs = self.pools
        return [(ours[mine], theirs[other]) for mine, other in zip(self.kept(0), self.kept(1), strict=True)]

    def score(
        self, value: float, measure: Callable[[IntArray, IntArray], float], *, splits: int = SPLITS, files: int = 0
    ) -> Score:
        """Put the value of the whole sets beside the measures of all pairs, or of the first splits and all groups."""
        parts = (self.ours[:splits], self.ceiling[:splits], self.without)
        return self.beside(value, ([measure(*pair) for pair in pairs] for pairs in parts), files=files)

    def beside(self, value: float, drawn: Iterable[ArrayLike], highest: float = np.inf, files: int = 0) -> Score:
        """Put a value beside the scores of `ours`, `ceiling` and `without`, each empty where nothing could be drawn.

        A value that is a share of files comes with their number.
        """
        at_n, top, limits = _NAN, _NAN, (_NAN, _NAN)
        ours, ceiling, without = drawn
        splits = np.array([ours, ceiling], np.float64)
        if splits.size and np.isfinite(splits).all():
            at_n, top = splits.mean(axis=1).tolist()
            low, high = np.percentile(splits[1], [2.5, 97.5]).tolist()
            limits = low, high
        parts = np.split(np.asarray(without, np.float64), np.cumsum(self.groups)[:-1]) if self.groups else []
        deviations = tuple(
            scale * np.sqrt(1 - 1 / len(part)) * (part - part.mean())
            for part, scale in zip(parts, self.shrink, strict=True)
            if len(part)
        )
        return Score(float(value), interval_of(value, deviations, highest, files), at_n, top, limits, deviations)


def interval_of(
    value: float, deviations: Sequence[FloatArray], highest: float = np.inf, files: int = 0
) -> tuple[float, float]:
    """95 % interval of a score from the deviations of each set, 0 to `highest`; NaN without any.

    The variance is the sum of squares of all deviations; t is the 97.5 % quantile of Student's distribution for the
    smaller number of groups, less one. A share of `files` has Wilson's interval for as many independent files as the
    variance tells: s · (1 − s) / variance, at most all, where s is the share with two files more of each kind
    (A. Agresti and B. A. Coull 1998), for a share of 0 or 1 has no variance of its own. Another score up to 1 has
    Wilson's interval for as many cases as would have that variance. Any other is √value ± t · √variance / (2 √value),
    squared: the larger a distance, the more it varies.
    """
    variance = float(sum((part**2).sum() for part in deviations)) if deviations else _NAN
    if not np.isfinite([value, variance]).all():
        return _NAN, _NAN
    t = float(stdtrit(min(map(len, deviations)) - 1, 0.975))
    if files:
        smooth = (value * files + 2) / (files + 4)
        independent = min(files, smooth * (1 - smooth) / variance) if variance > 0 else files
        low, high = wilson(value, independent, t)
        return max(low, 0.0), min(high, 1.0)
    if variance == 0 or value <= 0:
        return value, value + t * float(np.sqrt(variance))
    if np.isfinite(highest):
        return wilson(value, max(value * (highest - value) / variance, 1.0), t)
    root, reach = float(np.sqrt(value)), t * float(np.sqrt(variance / value)) / 2
    return max(root - reach, 0.0) ** 2, (root + reach) ** 2


def wilson(share: float, n: float, z: float = 1.96) -> tuple[float, float]:
    """Interval of a share of n independent cases by Wilson's formula, which does not shrink to nothing at 0 and 1."""
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    reach = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + (z / (2 * n)) ** 2)
    return float(middle - reach), float(middle + reach)
