"""How a generated set fills the space that the originals span: Vendi score, precision and recall, Fréchet distance.

All of it works on standardised features: every feature that is one number per piece, and every histogram, each scaled
so that it varies by 1 over the originals. The 12×12 matrices stay out; at a hundred pieces they are mostly noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from evaluation.reading.notes import FloatArray, IntArray, as_rows, defined_rows
from evaluation.scores.distances import pairwise
from evaluation.scores.sampling import PAIRWISE, Draws, Score, generator, sample

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NEIGHBOURS = 5
"""k of the neighbourhoods in precision, recall, density and coverage."""

WIDEST = 12
"""Features of more numbers than this a piece are left out."""

_FEW_SPLITS = 12
"""Draws that the eigenvalue scores are averaged over; they vary little from draw to draw."""


def standardise(gen: Mapping[str, FloatArray], org: Mapping[str, FloatArray]) -> tuple[FloatArray, FloatArray]:
    """Scale the features of two sets by the originals' mean and deviation, side by side as [n, d] and [m, d].

    A feature in which the originals do not vary is scaled by the deviation of both sets, or by 1 if nothing varies. A
    histogram is scaled as a whole: its entries' variances sum to 1. An undefined value becomes the originals' mean.
    """
    left, right = [], []
    for name in org:
        a, b = (as_rows(table[name]) for table in (gen, org))
        if b.shape[1] > WIDEST:
            continue
        both = np.concatenate([a, b])
        defined, all_defined = defined_rows(b), defined_rows(both)
        if not len(defined):
            continue
        scale = np.sqrt(defined.var(axis=0).sum()) or np.sqrt(all_defined.var(axis=0).sum()) or 1.0
        centre = defined.mean(axis=0)
        left.append(np.nan_to_num((a - centre) / scale, nan=0.0))
        right.append(np.nan_to_num((b - centre) / scale, nan=0.0))
    return np.hstack(left), np.hstack(right)


def vendi_score(distance: FloatArray, scale: float) -> float:
    """Effective number of different pieces, 1 to n: exp(−Σ λ ln λ), λ the eigenvalues of K / n.

    K = exp(−½ (d / scale)²) is the similarity of two pieces at distance d. 1 when all are equal, n when none resemble.
    `distance` is [n, n]; at `scale` > 0, pieces count as rather different.
    Source: D. Friedman and A. B. Dieng, "The Vendi Score", TMLR 2023.
    """
    eigenvalues = np.linalg.eigvalsh(np.exp(-0.5 * (distance / scale) ** 2) / len(distance))
    kept = eigenvalues[eigenvalues > 1e-12]  # noqa: PLR2004 - rounding leaves specks on both sides of zero
    return float(np.exp(-(kept * np.log(kept)).sum()))


def precision_recall(real: FloatArray, between: FloatArray, fake: FloatArray, k: int = NEIGHBOURS) -> dict[str, float]:
    """Precision, recall, density and coverage of generated pieces, from distances.

    Distances are among the originals, [m, m], from generated pieces to originals, [n, m], and among the generated, [n,
    n]. With r_k(x) the distance from x to its k-th nearest neighbour in its own set, and k less than both sizes:

    - precision: share of generated pieces within r_k of some original (Kynkäänniemi et al. 2019);
    - recall: share of originals within r_k of some generated piece;
    - density: number of originals' neighbourhoods that a generated piece lies in, divided by k, on average; it may
      exceed 1 (Naeem et al. 2020);
    - coverage: share of originals whose neighbourhood holds a generated piece.
    """
    k = min(k, len(real) - 1, len(fake) - 1)
    # column 0 of a sorted row is the piece itself
    real_radius = np.partition(real, k, axis=1)[:, k]
    fake_radius = np.partition(fake, k, axis=1)[:, k]
    in_real = between <= real_radius[None, :]
    in_fake = between <= fake_radius[:, None]
    return {
        "precision": float(in_real.any(axis=1).mean()),
        "recall": float(in_fake.any(axis=0).mean()),
        "density": float(in_real.sum(axis=1).mean() / k),
        "coverage": float(in_real.any(axis=0).mean()),
    }


def frechet_distance(a: FloatArray, b: FloatArray) -> float:
    """Fréchet distance of the two sets' normal approximations: ‖μ_a − μ_b‖² + tr(C_a + C_b − 2 (C_a C_b)^½). ≥ 0.

    Of [n, d] and [m, d]; n, m ≥ 2. Biased upwards for small sets. Source: Dowson and Landau 1982.
    """
    shift = a.mean(axis=0) - b.mean(axis=0)
    cov_a, cov_b = (np.atleast_2d(np.cov(x, rowvar=False)) for x in (a, b))
    values, vectors = np.linalg.eigh(cov_a)
    root = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    mixed = np.linalg.eigvalsh(root @ cov_b @ root)
    distance = shift @ shift + np.trace(cov_a) + np.trace(cov_b) - 2 * np.sqrt(np.maximum(mixed, 0.0)).sum()
    return float(max(distance, 0.0))


@dataclass(frozen=True)
class Diversity:
    """How a generated set fills the originals' space, by `precision_recall` and `frechet_distance` (low is good).

    The Vendi score is divided by the originals', at equal numbers of pieces. The typical generated piece is the nearest
    to the originals' mean, the unusual one the farthest from any original.
    """

    vendi: Score
    precision: Score
    recall: Score
    density: Score
    coverage: Score
    frechet: Score
    typical: int
    unusual: int

    def record(self, names: Sequence[str]) -> dict[str, Any]:
        """Return the scores as they appear in `report.json`, where pieces have the given names."""
        scores = {key: score.record() for key, score in vars(self).items() if isinstance(score, Score)}
        return {**scores, "typical": names[self.typical], "unusual": names[self.unusual]}


def fill(gen: FloatArray, org: FloatArray, seed: int = 0) -> Diversity | None:
    """Measure how a set fills the originals' space, both from `standardise`; None for fewer than two pieces in one."""
    if min(len(gen), len(org)) <= 1:
        return None
    rng = generator(seed, "diversity")
    gen_kept, org_kept = sample(len(gen), PAIRWISE, rng), sample(len(org), PAIRWISE, rng)
    pooled = np.concatenate([gen[gen_kept], org[org_kept]])
    distance = pairwise(pooled, pooled)
    ours, theirs = np.arange(len(gen_kept)), len(gen_kept) + np.arange(len(org_kept))
    draws = Draws.of(len(ours), len(theirs), rng)
    among = distance[np.ix_(theirs, theirs)]
    scale = float(np.median(among[~np.eye(len(among), dtype=bool)])) or 1.0

    def ratio(part: IntArray, other: IntArray) -> float:
        n = min(len(part), len(other))
        one, two = part[:n], other[:n]
        return vendi_score(distance[np.ix_(one, one)], scale) / vendi_score(distance[np.ix_(two, two)], scale)

    def neighbourhoods(part: IntArray, other: IntArray) -> dict[str, float]:
        inside, across, own = (distance[np.ix_(x, y)] for x, y in ((other, other), (part, other), (part, part)))
        return precision_recall(inside, across, own)

    def frechet(part: IntArray, other: IntArray) -> float:
        return frechet_distance(pooled[part], pooled[other])

    vendi = ratio(rng.permutation(ours), rng.permutation(theirs))
    whole = neighbourhoods(ours, theirs)
    drawn = [[neighbourhoods(*pair) for pair in pairs] for pairs in (draws.ours, draws.ceiling, draws.without)]
    scores = {
        key: draws.beside(
            whole[key],
            ([one[key] for one in kind] for kind in drawn),
            files=0 if key == "density" else min(len(ours), len(theirs)),
        )
        for key in whole
    }
    return Diversity(
        vendi=draws.score(vendi, ratio, splits=_FEW_SPLITS),
        frechet=draws.score(frechet(ours, theirs), frechet, splits=_FEW_SPLITS),
        typical=int(gen_kept[np.linalg.norm(gen[gen_kept] - org.mean(axis=0), axis=1).argmin()]),
        unusual=int(gen_kept[distance[np.ix_(ours, theirs)].min(axis=1).argmax()]),
        **scores,
    )
