"""Scores beside their ceiling, and the random draws that ceilings and intervals come from.

No overlap means anything alone: two halves of one and the same set overlap by 0.8 when they have ten pieces, and by
0.95 when they have a hundred. So each score stands beside the same score of a random split of the originals at the same
number of pieces.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from evaluation.reading.notes import FloatArray, IntArray

PAIRWISE = 1000
"""Pieces of each set that statistics of pairs look at; larger sets are sampled, and the report says so."""

RESAMPLED = 200
"""The same, for what is computed again and again: splits, resampling and permutations."""

SPLITS = 40
SMALLEST = 4
"""Pieces of the smallest set that has halves of more than one piece."""

RESAMPLES = 200
"""Random halves of the files that an interval is taken from."""


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
        interval: 95 % of `value` when files are drawn again; see `Halves`.
        at_n: of random parts of `n` pieces per set, averaged over `SPLITS` draws.
        ceiling: the same for two parts of the originals that share no file.
        ceiling_interval: within which 95 % of such splits fall.
    """

    value: float
    interval: tuple[float, float]
    at_n: float
    ceiling: float
    ceiling_interval: tuple[float, float]

    @classmethod
    def of(
        cls,
        value: float,
        ours: Sequence[float] | FloatArray,
        ceiling: Sequence[float] | FloatArray,
        interval: tuple[float, float] = (float("nan"), float("nan")),
    ) -> Score:
        """Put a value beside its draws: `ours` and `ceiling` are [draws] each, and empty where nothing can be drawn."""
        if not len(ceiling) or not np.isfinite([*ours, *ceiling]).all():
            nan = float("nan")
            return cls(float(value), interval, nan, nan, (nan, nan))
        low, high = np.percentile(ceiling, [2.5, 97.5])
        return cls(float(value), interval, float(np.mean(ours)), float(np.mean(ceiling)), (float(low), float(high)))

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
class Halves:
    """Random halves of the files of one or more sets, for the interval of any score.

    The usual bootstrap draws files with replacement, and so fills every draw with exact copies: each would be its own
    nearest neighbour, a near copy, and a loss of variety, and the intervals of just those scores would miss their
    values. Halves are drawn without replacement and have no copies. A mean over a half of n files varies around the
    mean over all of them as that one does around the truth: by σ²/m · (1 − m/n) = σ²/n for m = n/2. So deviations
    between halves need no rescaling but for sets of which only a part is looked at (the delete-half jackknife:
    J. Shao and C. F. J. Wu 1989; subsampling: D. N. Politis and J. P. Romano 1994).

    Attributes:
        parts: for each set [RESAMPLES, m] places in that set.
        shrink: what deviations of a score are multiplied by: √(m / (q − m) · q / n), where halves of m are drawn from
            q of a set's n files; of several sets the largest, which makes the interval rather too wide than too narrow.
            NaN where a set has no halves of two files.
    """

    parts: list[IntArray]
    shrink: float

    @classmethod
    def draw(cls, sizes: Sequence[int], rng: np.random.Generator) -> Halves:
        """Draw halves of sets of these sizes, or of `RESAMPLED` files of each."""
        if min(sizes) < SMALLEST:
            return cls([np.empty((0, 0), np.int64) for _ in sizes], float("nan"))
        parts, shrink = [], 0.0
        for size in sizes:
            pool = rng.permutation(size)[:RESAMPLED]
            half = len(pool) // 2
            parts.append(rng.permuted(np.tile(pool, (RESAMPLES, 1)), axis=1)[:, :half])
            shrink = max(shrink, float(np.sqrt(half / (len(pool) - half) * len(pool) / size)))
        return cls(parts, shrink)

    def interval(
        self, value: float, drawn: Sequence[float] | FloatArray, lowest: float = 0.0, highest: float = np.inf
    ) -> tuple[float, float]:
        """Place the deviations of the halves' scores around the score of the whole sets.

        A score of half the files may be biased by their number (an overlap is smaller, a distance larger); deviations
        are taken from the halves' own median, so that the bias does not move the interval.

        Args:
            value: the score of the whole sets.
            drawn: [RESAMPLES] the score of each draw.
            lowest: the least that the score can be.
            highest: the most.
        """
        if not len(drawn) or not np.isfinite([value, *drawn]).all():
            return float("nan"), float("nan")
        low, high = np.percentile(self.deviations(drawn), [2.5, 97.5])
        return float(max(value + low, lowest)), float(min(value + high, highest))

    def deviations(self, drawn: Sequence[float] | FloatArray) -> FloatArray:
        """Return how far a score of the whole sets would deviate in each draw, [RESAMPLES]."""
        return self.shrink * (np.asarray(drawn) - np.median(drawn))


def draw_splits(gen: int, org: int, rng: np.random.Generator) -> list[tuple[IntArray, IntArray, IntArray]]:
    """Draw parts of equal size: of gen, and two of org that share no file. Places in the pooled set, gen first."""
    n = min(gen, org // 2, RESAMPLED)
    if n <= 1:
        return []
    draws = []
    for _ in range(SPLITS):
        shuffled = gen + rng.permutation(org)
        draws.append((rng.permutation(gen)[:n], shuffled[:n], shuffled[n : 2 * n]))
    return draws


def score(
    value: float,
    measure: Callable[[IntArray, IntArray], float],
    splits: Iterable[tuple[IntArray, IntArray, IntArray]],
    halves: Halves,
    drawn: Iterable[tuple[IntArray, IntArray]],
    highest: float = np.inf,
) -> Score:
    """Measure parts of two sets, and put the value of the whole sets beside them.

    Args:
        value: of the whole sets.
        measure: compares two parts, given as places in the pooled set.
        splits: from `draw_splits`.
        halves: for the interval.
        drawn: the pairs of `halves`, as places in the pooled set.
        highest: the most that the score can be.
    """
    splits = list(splits)
    ours = [measure(part, first) for part, first, _ in splits]
    ceiling = [measure(second, first) for _, first, second in splits]
    return Score.of(value, ours, ceiling, halves.interval(value, [measure(*pair) for pair in drawn], highest=highest))
