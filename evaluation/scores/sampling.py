"""Scores beside their ceiling, and the random draws that ceilings and intervals come from.

No overlap means anything alone: two halves of one and the same set overlap by 0.8 when they have ten pieces, and by
0.95 when they have a hundred. So each score stands beside the same score of a random split of the originals at the same
number of pieces.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import ArrayLike

    from evaluation.reading.notes import FloatArray, IntArray

    Parts = tuple[IntArray, IntArray]

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
        interval: 95 % of `value` when files are drawn again; see `Draws`.
        at_n: of random parts of `n` pieces per set, averaged over `SPLITS` draws.
        ceiling: the same for two parts of the originals that share no file.
        ceiling_interval: within which 95 % of such splits fall.
        deviations: [RESAMPLES] how far `value` would be off in each draw of other files.
    """

    value: float
    interval: tuple[float, float]
    at_n: float
    ceiling: float
    ceiling_interval: tuple[float, float]
    deviations: FloatArray = field(default_factory=lambda: np.empty(0), repr=False, compare=False)

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

    Intervals come from random halves of the files. The usual bootstrap draws files with replacement, and so fills every
    draw with exact copies: each would be its own nearest neighbour, a near copy, and a loss of variety, and the
    intervals of just those scores would miss their values. Halves are drawn without replacement and have no copies. A
    mean over a half of n files varies around the mean over all of them as that one does around the truth: by
    σ²/m · (1 − m/n) = σ²/n for m = n/2. So deviations between halves need no rescaling but for sets of which only a
    part is looked at (the delete-half jackknife: J. Shao and C. F. J. Wu 1989; subsampling: D. N. Politis and
    J. P. Romano 1994).

    Attributes:
        ours: [SPLITS] parts of equal size of the generated set and of the originals; empty for too few pieces.
        ceiling: [SPLITS] the same of the originals, with another part of theirs in place of the generated one.
        halves: [RESAMPLES] halves of both sets; empty where a set has no halves of two files.
        shrink: what deviations of a score are multiplied by: √(m / (q − m) · q / n), where halves of m are drawn from
            q of a set's n files; of several sets the largest, which makes the interval rather too wide than too narrow.
    """

    ours: list[Parts]
    ceiling: list[Parts]
    halves: list[Parts]
    shrink: float

    @classmethod
    def of(
        cls,
        gen: int,
        org: int,
        rng: np.random.Generator,
        *,
        halves_rng: np.random.Generator | None = None,
        gen_alone: bool = False,
    ) -> Draws:
        """Draw parts of sets of these sizes.

        With `gen_alone`, halves are of the generated set only, and both of a pair are the same. Scores that need the
        same halves get a generator `halves_rng` for them.
        """
        ours, ceiling = [], []
        n = min(gen, org // 2, RESAMPLED)
        for _ in range(SPLITS if n > 1 else 0):
            shuffled = gen + rng.permutation(org)
            ours.append((rng.permutation(gen)[:n], shuffled[:n]))
            ceiling.append((shuffled[n : 2 * n], shuffled[:n]))
        sizes = [gen] if gen_alone else [gen, org]
        if min(sizes) < SMALLEST:
            return cls(ours, ceiling, [], 0.0)
        rng = halves_rng or rng
        halves, shrink = [], 0.0
        for first, size in zip((0, gen), sizes, strict=False):
            pool = rng.permutation(size)[:RESAMPLED]
            half = len(pool) // 2
            halves.append(first + rng.permuted(np.tile(pool, (RESAMPLES, 1)), axis=1)[:, :half])
            shrink = max(shrink, float(np.sqrt(half / (len(pool) - half) * len(pool) / size)))
        return cls(ours, ceiling, list(zip(halves[0], halves[-1], strict=True)), shrink)

    @property
    def n(self) -> int:
        """Pieces in each part of `ours` and `ceiling`; 0 if there are none."""
        return len(self.ours[0][0]) if self.ours else 0

    def score(
        self,
        value: float,
        measure: Callable[[IntArray, IntArray], float],
        *,
        highest: float = np.inf,
        splits: int = SPLITS,
    ) -> Score:
        """Put the value of the whole sets beside the measures of all pairs, or of the first splits and all halves."""
        parts = (self.ours[:splits], self.ceiling[:splits], self.halves)
        return self.beside(value, ([measure(*pair) for pair in pairs] for pairs in parts), highest)

    def beside(self, value: float, drawn: Iterable[ArrayLike], highest: float = np.inf) -> Score:
        """Put a value beside the scores of `ours`, `ceiling` and `halves`, each empty where nothing could be drawn.

        A score of half the files may be biased by their number (an overlap is smaller, a distance larger); deviations
        are taken from the halves' own median, so that the bias does not move the interval.
        """
        at_n, top, limits, interval = _NAN, _NAN, (_NAN, _NAN), (_NAN, _NAN)
        ours, ceiling, halves = drawn
        splits = np.array([ours, ceiling], np.float64)
        if splits.size and np.isfinite(splits).all():
            (at_n, top), limits = splits.mean(axis=1).tolist(), _middle(splits[1])
        deviations = np.asarray(halves, np.float64)
        if len(deviations):
            deviations = self.shrink * (deviations - np.median(deviations))
            if np.isfinite([value, *deviations]).all():
                low, high = _middle(deviations)
                interval = max(value + low, 0.0), min(value + high, highest)
        return Score(float(value), interval, at_n, top, limits, deviations)


def _middle(values: FloatArray) -> tuple[float, float]:
    """Return the limits of the middle 95 % of values."""
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)
