"""Whether a generator has lost the variety of the music that it learned from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.linalg import block_diag
from scipy.sparse import csr_array

from evaluation.scores.duplicates import NEAR, exact_copies, near_pairs, similarity
from evaluation.scores.sampling import PAIRWISE, Draws, Score, generator, sample

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evaluation.features.feature import Feature
    from evaluation.reading.notes import BoolArray, FloatArray, IntArray, Notes
    from evaluation.scores.diversity import Diversity
    from evaluation.scores.overlap import FeatureComparison

NARROW, FROZEN = 0.25, 0.1
"""A feature has collapsed when gen's spread is under these shares of the originals', inside their range or anywhere.

Beyond their range, a narrow set is other music (random notes are all alike) and not a part of theirs."""

INSIDE = 2.0
"""How many standard deviations of the originals the mean may be off to count as inside their range."""

MORE_COPIES = 0.05
"""How much more often than the upper limit of the ceiling pieces must have a near copy in their own set."""

LEAST_VENDI = 0.5
"""Under this share of the originals' effective number of pieces per set has collapsed."""


class Cluster(NamedTuple):
    """The index of the piece with the most near copies in a group, and those of its near copies, without itself."""

    centre: int
    members: list[int]


@dataclass(frozen=True)
class Collapse:
    """The evidence for a collapse, and whether it is found.

    Attributes:
        narrow: names of the features that have collapsed, the narrowest first.
        near: share of pieces with a near copy in their own set; ``repeated``: whether these are too many.
        clusters: groups of near copies, the largest first, among as many pieces as ``compared``.
        exact: number of pieces that are an exact copy of an earlier one.
        few: whether the Vendi score has collapsed.
    """

    found: bool
    narrow: list[str]
    near: Score
    clusters: list[Cluster]
    compared: int
    exact: int
    few: bool
    repeated: bool

    def record(self, names: Sequence[str]) -> dict[str, Any]:
        """Return the findings as they appear in `report.json`, where pieces have the given names."""
        return {
            "found": self.found,
            "features": self.narrow,
            "near_copies": self.near.record(),
            "compared": self.compared,
            "exact_copies": self.exact,
            "clusters": [
                {"centre": names[centre], "members": [names[member] for member in members]}
                for centre, members in self.clusters
            ],
        }


def has_collapsed(one: FeatureComparison) -> bool:
    """Tell whether a generated set has lost the originals' variety in one feature."""
    ratio = one.spread
    if not np.isfinite(ratio.value) or (np.isfinite(ratio.ceiling) and ratio.at_n >= ratio.ceiling_interval[0]):
        return False
    off = float(np.linalg.norm(one.gen.mean - one.org.mean))
    inside = off <= INSIDE * float(np.linalg.norm(one.org.sd))
    return ratio.value < FROZEN or (ratio.value < NARROW and inside)


def find_collapse(
    gen: Sequence[Notes],
    org: Sequence[Notes],
    comparisons: Mapping[str, FeatureComparison],
    diversity: Diversity | None,
    seed: int,
    features: Mapping[str, Feature],
) -> Collapse:
    """Look for a collapse of a generated set, given its comparisons with the originals."""
    narrow = [name for name, one in comparisons.items() if features[name].variety and has_collapsed(one)]
    rng = generator(seed, "collapse")
    kept, org_kept = sample(len(gen), PAIRWISE, rng), sample(len(org), PAIRWISE, rng)
    alike = similarity([gen[i] for i in kept])
    pooled = block_diag(alike, similarity([org[i] for i in org_kept]))

    def near_copies(part: IntArray, _: IntArray) -> float:
        return share_with_near_copy(pooled[np.ix_(part, part)])

    draws = Draws.of(len(kept), len(org_kept), rng, gen_alone=True)
    sampled = share_with_near_copy(alike)
    # the more pieces, the more have a near copy: the share of a whole set stands beside parts of equal size
    pairs = near_pairs(gen) if len(gen) > len(kept) else np.argwhere(np.triu(_links(alike)))
    value = len(np.unique(pairs)) / len(gen) if len(gen) else sampled
    # how the share varies is known from these pieces alone
    near = draws.score(value, near_copies, files=len(kept))
    usual = near.ceiling_interval[1] if np.isfinite(near.ceiling) else 0.0
    repeated = (near.at_n if np.isfinite(near.at_n) else sampled) > usual + MORE_COPIES
    few = diversity is not None and diversity.vendi.at_n < min(LEAST_VENDI, diversity.vendi.ceiling_interval[0])
    return Collapse(
        found=bool(narrow) or repeated or few,
        narrow=sorted(narrow, key=lambda name: comparisons[name].spread.value),
        near=near,
        clusters=clusters(pairs, len(gen)),
        compared=len(gen),
        exact=exact_copies(gen),
        few=few,
        repeated=repeated,
    )


def _links(alike: FloatArray) -> BoolArray:
    """Return whether two different pieces are near copies, [n, n]."""
    return (alike >= NEAR) & ~np.eye(len(alike), dtype=bool)


def clusters(pairs: IntArray, n: int) -> list[Cluster]:
    """Group near copies, by [k, 2] pairs of n pieces, the largest group first; a piece is in one group at most."""
    ends = np.concatenate([pairs, pairs[:, ::-1]])
    links = csr_array((np.ones(len(ends), bool), (ends[:, 0], ends[:, 1])), shape=(n, n))
    links.sort_indices()
    copies = np.diff(links.indptr).astype(np.int64)
    free = np.ones(n, bool)
    found = []
    while copies.any():
        centre = int(copies.argmax())
        near = links.indices[links.indptr[centre] : links.indptr[centre + 1]]
        members = near[free[near]]
        found.append(Cluster(centre, members.tolist()))
        taken = np.append(members, centre)
        free[taken] = False
        np.subtract.at(copies, links[taken].indices, 1)
        copies[~free] = 0
    return found


def share_with_near_copy(alike: FloatArray) -> float:
    """Share of pieces that have a near copy in the set, 0–1, by their [n, n] similarity."""
    return float(_links(alike).any(axis=1).mean()) if len(alike) else float("nan")
