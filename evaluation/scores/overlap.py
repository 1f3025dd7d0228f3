"""Two sets compared in one feature: overlap, divergences, distance and a permutation test."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from evaluation.features.feature import ratio
from evaluation.reading.notes import as_rows
from evaluation.scores.distances import BINS, bin_of, densities, divergences, pairwise, spread, wasserstein
from evaluation.scores.sampling import PAIRWISE, RESAMPLED, UNKNOWN, Draws, Score, generator

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from evaluation.reading.notes import FloatArray, IntArray

PERMUTATIONS = 999

_HIGHEST = {"overlap": 1.0, "overlap_intra": 1.0, "jsd": 1.0}
_NO_DISTANCES = {key: {"mean": float("nan"), "sd": float("nan")} for key in ("intra_gen", "intra_org", "inter")}

CURVE = 160
"""Points of a density curve kept for plotting."""


@dataclass(frozen=True)
class Sample:
    """One set in one feature: how many pieces have it, and how many do not (NaN) and are left out.

    Mean and deviation (n − 1) over pieces are [d], d = 1 for a single number; the spread is the mean distance of two.
    """

    n: int
    undefined: int
    mean: FloatArray
    sd: FloatArray
    spread: float

    def record(self) -> dict[str, Any]:
        """Return the description as it appears in `report.json`."""
        return vars(self) | ({"mean": self.mean[0], "sd": self.sd[0]} if len(self.mean) == 1 else {})


@dataclass(frozen=True)
class FeatureComparison:
    """A generated set against the originals in one feature; sets of fewer than two pieces have the defaults.

    Attributes:
        overlap: of the densities of distances within gen and between gen and org. It falls when gen lies elsewhere and
            when it is narrower or wider.
        overlap_intra: of the densities of distances within gen and within org: like `overlap`, but blind to a shift.
        kld: KL(within gen ‖ between) in nats.
        jsd: of the same two, in bits.
        wasserstein: of the feature values themselves.
        spread: mean distance within gen divided by that within org; NaN where the originals do not vary.
        n: pieces per set in `Score.at_n` and `Score.ceiling`.
        p: of a permutation test of the energy distance of the feature values.
        p_holm: the same, corrected for all features (Holm); NaN until all are compared.
        distances: mean and deviation of the distances within gen (`intra_gen`), within org and between.
        curves: [4, CURVE] distance, and the densities within gen, within org and between; each peaks at most at 1.
    """

    name: str
    gen: Sample
    org: Sample
    overlap: Score = UNKNOWN
    overlap_intra: Score = UNKNOWN
    kld: Score = UNKNOWN
    jsd: Score = UNKNOWN
    wasserstein: Score = UNKNOWN
    spread: Score = UNKNOWN
    n: int = 0
    p: float = float("nan")
    p_holm: float = float("nan")
    distances: Mapping[str, Mapping[str, float]] = field(default_factory=lambda: _NO_DISTANCES)
    curves: FloatArray = field(default_factory=lambda: np.empty((4, 0)))

    @property
    def relative_overlap(self) -> float:
        """Share of the reachable overlap: `overlap.at_n / overlap.ceiling`, at most 1."""
        if not np.isfinite(self.overlap.ceiling) or self.overlap.ceiling <= 0:
            return float("nan")
        return min(1.0, self.overlap.at_n / self.overlap.ceiling)

    def record(self) -> dict[str, Any]:
        """Return the comparison as it appears in `report.json`."""
        return {
            "gen": self.gen.record(),
            "org": self.org.record(),
            **self.distances,
            "overlap": self.overlap.value,
            "overlap_at_n": self.overlap.at_n,
            "overlap_ceiling": self.overlap.ceiling,
            "overlap_ceiling_interval": self.overlap.ceiling_interval,
            "relative_overlap": self.relative_overlap,
            "overlap_intra": self.overlap_intra.record(),
            "kld": self.kld.value,
            "kld_ci": self.kld.interval,
            "kld_ceiling": self.kld.ceiling,
            "jsd": self.jsd.value,
            "jsd_ci": self.jsd.interval,
            "jsd_ceiling": self.jsd.ceiling,
            "wasserstein": self.wasserstein.record(),
            "spread": self.spread.record(),
            "n": self.n,
            "ci": self.overlap.interval,
            "p": self.p,
            "p_holm": self.p_holm,
        }


def describe(values: FloatArray) -> tuple[Sample, FloatArray]:
    """Describe a set in one feature, and give its defined rows, [n, d], in the precision that they have."""
    rows = as_rows(values)
    defined = np.isfinite(rows).all(axis=1)
    if not defined.all():
        rows = rows[defined]
    n, width = rows.shape
    nothing = np.full(width, np.nan)
    # one number per piece is sorted, whatever the size of the set; vectors are compared pair by pair
    step = 1 if width == 1 else max(1, n // PAIRWISE)
    description = Sample(
        n=n,
        undefined=len(values) - n,
        mean=rows.mean(axis=0, dtype=np.float64) if n else nothing,
        # column by column, so that no deviations of a whole matrix are in memory
        sd=np.array([column.std(ddof=1, dtype=np.float64) for column in rows.T]) if n > 1 else nothing,
        spread=spread(rows[::step]),
    )
    return description, rows


def compare_feature(name: str, gen: FloatArray, org: FloatArray, seed: int = 0) -> FeatureComparison:
    """Compare two sets in one feature, [n] or [n, d] values each; rows with NaN are left out and counted.

    The name and the seed decide the random draws, the seed alone the groups: the same files are left out for every
    feature that all pieces have, so that the deviations of a mean over features are the means of theirs.
    """
    rng = generator(seed, name)
    gen_sample, gen_rows = describe(gen)
    org_sample, org_rows = describe(org)
    if min(len(gen_rows), len(org_rows)) <= 1:
        return FeatureComparison(name, gen_sample, org_sample)
    transport = _wasserstein_score(gen_rows, org_rows, rng)
    pairs = _Pairs.of(_draw(gen_rows, rng), _draw(org_rows, rng))
    draws = Draws.of(len(pairs.gen), len(pairs.org), rng, groups_rng=generator(seed, "groups"))
    whole = {key: float(values[0]) for key, values in _scores(*pairs.counts([(pairs.gen, pairs.org)])).items()}
    whole["spread"] = gen_sample.spread / org_sample.spread if org_sample.spread > 0 else float("nan")
    drawn = [_scores(*pairs.counts(parts)) for parts in (draws.ours, draws.ceiling, draws.without)]
    scores: dict[str, Any] = {
        key: draws.beside(value, (kind[key] for kind in drawn), _HIGHEST.get(key, np.inf))
        for key, value in whole.items()
    }
    return FeatureComparison(
        name=name,
        gen=gen_sample,
        org=org_sample,
        wasserstein=transport,
        **scores,
        n=len(draws.ours[0][0]) if draws.ours else 0,
        p=_permutation_p(pairs, rng),
        distances=pairs.moments(),
        curves=pairs.curves(),
    )


def _draw(rows: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Draw `PAIRWISE` rows of a larger set."""
    return rows if len(rows) <= PAIRWISE else rows[np.sort(rng.choice(len(rows), PAIRWISE, replace=False))]


@dataclass(frozen=True)
class _Pairs:
    """All distances among the pooled pieces, gen first, and the bins that they fall into."""

    gen: IntArray
    org: IntArray
    distance: FloatArray
    bins: NDArray[np.int16]

    @classmethod
    def of(cls, gen: FloatArray, org: FloatArray) -> _Pairs:
        pooled = np.concatenate([gen, org])
        distance = pairwise(pooled, pooled)
        # drawn from again and again: small numbers stay in the processor's cache
        bins = bin_of(distance, 0.0, float(distance.max())).astype(np.int16)
        return cls(np.arange(len(gen)), len(gen) + np.arange(len(org)), distance, bins)

    def within(self, part: IntArray) -> FloatArray:
        """Count the distances within a part by bin; [BINS]."""
        counts = self.between(part, part)
        counts[0] -= len(part)  # a piece is not compared with itself
        return counts

    def between(self, part: IntArray, other: IntArray) -> FloatArray:
        """Count the distances between two parts by bin; [BINS]."""
        return np.bincount(self.bins.take(part, 0).take(other, 1).ravel(), minlength=BINS).astype(np.float64)

    def counts(self, parts: Sequence[tuple[IntArray, IntArray]]) -> FloatArray:
        """Count the distances within both parts of each pair, and between them; [3, pairs, BINS]."""
        found = [(self.within(part), self.within(other), self.between(part, other)) for part, other in parts]
        return np.array(found).reshape(-1, 3, BINS).transpose(1, 0, 2)

    def moments(self) -> dict[str, dict[str, float]]:
        """Mean and deviation of the distances within gen, within org and between."""
        named = {"intra_gen": (self.gen, self.gen), "intra_org": (self.org, self.org), "inter": (self.gen, self.org)}
        result = {}
        for name, (part, other) in named.items():
            block = self.distance[np.ix_(part, other)]
            values = block[~np.eye(len(block), dtype=bool)] if part is other else block.ravel()
            result[name] = {"mean": float(values.mean()), "sd": float(values.std())}
        return result

    def curves(self) -> FloatArray:
        """Densities within gen, within org and between, for plotting."""
        counts = np.array([self.within(self.gen), self.within(self.org), self.between(self.gen, self.org)])
        smooth = densities(counts, counts.sum(axis=1))
        top = float(self.distance.max())
        grid = (np.arange(smooth.shape[1]) - (smooth.shape[1] - BINS) / 2 + 0.5) * top / BINS
        seen = np.flatnonzero((smooth.max(axis=0) > smooth.max() * 1e-3) & (grid >= -0.02 * top))
        picked = np.unique(np.linspace(seen[0], seen[-1], CURVE).astype(np.int64))
        return np.vstack([grid[picked], smooth[:, picked] / smooth.max()])


def _scores(within: FloatArray, within_other: FloatArray, between: FloatArray) -> dict[str, FloatArray]:
    """Score pairs of parts by how many distances fall into each bin, each [pairs, BINS]; every score [pairs]."""
    mine, theirs, both = (densities(counts, counts.sum(axis=1)) for counts in (within, within_other, between))
    kl, js = divergences(mine, both)
    places = np.arange(BINS)
    return {
        "overlap": np.minimum(mine, both).sum(axis=1),
        "overlap_intra": np.minimum(mine, theirs).sum(axis=1),
        "kld": kl,
        "jsd": js,
        "spread": ratio(within @ places / within.sum(axis=1), within_other @ places / within_other.sum(axis=1)),
    }


def _permutation_p(pairs: _Pairs, rng: np.random.Generator) -> float:
    """Share of random relabellings whose energy distance is at least the observed one, counting the observed one.

    Energy distance: 2·mean(between) − mean(within gen) − mean(within org) (Székely and Rizzo 2013). It is zero only for
    equal distributions, in any number of dimensions.
    """
    gen = rng.permutation(pairs.gen)[:RESAMPLED]
    org = rng.permutation(pairs.org)[:RESAMPLED]
    chosen = np.concatenate([gen, org])
    distance = pairs.distance[np.ix_(chosen, chosen)]
    if distance.max() == 0:
        return 1.0
    a, b = len(gen), len(org)
    labels = np.zeros((PERMUTATIONS + 1, a + b))
    labels[:, :a] = 1
    labels[1:] = rng.permuted(labels[1:], axis=1)
    to_gen = labels @ distance
    within_gen = (to_gen * labels).sum(axis=1)
    between = (to_gen * (1 - labels)).sum(axis=1)
    within_org = distance.sum() - within_gen - 2 * between
    energy = 2 * between / (a * b) - within_gen / a**2 - within_org / b**2
    # equal statistics must count as equal whatever the order of summation
    at_least = energy[1:] >= energy[0] - 1e-12 * distance.mean()
    return float((1 + at_least.sum()) / (PERMUTATIONS + 1))


def _wasserstein_score(gen: FloatArray, org: FloatArray, rng: np.random.Generator) -> Score:
    pooled = np.concatenate([gen, org])
    draws = Draws.of(len(gen), len(org), rng)

    def of_equal_sizes(part: IntArray, other: IntArray) -> float:
        """`wasserstein`, which needs no more than sorting."""
        apart = np.abs(np.sort(pooled[part], axis=0) - np.sort(pooled[other], axis=0))
        return float(apart.mean(dtype=np.float64))

    splits = [[of_equal_sizes(*pair) for pair in pairs] for pairs in (draws.ours, draws.ceiling)]
    return draws.beside(wasserstein(gen, org), (*splits, _wasserstein_without(pooled, draws)))


def _wasserstein_without(pooled: FloatArray, draws: Draws) -> FloatArray:
    """`wasserstein` of all parts of `Draws.without`, which share one sorting of the files."""
    if not draws.pools:
        return np.empty(0)
    weights = []
    for which, sign in enumerate((1.0, -1.0)):
        kept = draws.kept(which)
        weights.append(sign * kept / kept.sum(axis=1, keepdims=True))
    rows, weight = pooled[np.concatenate(draws.pools)].astype(np.float64), np.concatenate(weights, axis=1)
    total = np.zeros(len(weight))
    for column in rows.T:
        order = np.argsort(column)
        steps = np.diff(column[order])
        if steps.any():
            total += np.abs(np.cumsum(weight[:, order[:-1]], axis=1)) @ steps
    return total / pooled.shape[1]


def holm(p: FloatArray) -> FloatArray:
    """Correct p-values for their number by Holm's step-down method; [k] to [k], NaN stays NaN and is not counted.

    Sorted p_(1) ≤ … ≤ p_(k): p'_(i) = max over j ≤ i of min(1, (k − j + 1) · p_(j)). Source: Holm 1979.
    """
    corrected = np.full(len(p), np.nan)
    known = np.flatnonzero(np.isfinite(p))
    order = known[np.argsort(p[known], kind="stable")]
    steps = np.minimum(1.0, p[order] * (len(order) - np.arange(len(order))))
    corrected[order] = np.maximum.accumulate(steps)
    return corrected
