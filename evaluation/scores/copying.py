"""Whether generated pieces repeat the music that the generator learned from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from evaluation.features.sequences import longest_shared_runs
from evaluation.features.table import phrase_tokens
from evaluation.reading.notes import Stack
from evaluation.scores.distances import pairwise
from evaluation.scores.sampling import PAIRWISE, sample

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evaluation.reading.notes import FloatArray, IntArray, Notes

COPIED_SHARE = 0.5
"""A piece counts as copied when one run covers this share of its melodic line …"""

COPIED_NOTES = 12
"""… and has this many notes: about three bars of a folk tune."""

CHANCE = 0.01
"""How improbable a surplus of copies must be, were the generated pieces like the originals, to be called copying."""

PAIRS = 10
"""Pairs that a report names."""


@dataclass(frozen=True)
class Pair:
    """A piece and the training piece that shares the longest run with it: names, and places in their sets.

    The run is the same in intervals and note lengths, at any pitch level. Its length and where it begins are in notes
    of the melodic line, ``share`` is its share of the piece's.
    """

    piece: str
    source: str
    index: int
    source_index: int
    notes: int
    share: float
    start: int
    source_start: int


@dataclass(frozen=True)
class Runs:
    """Longest shared runs of a set: their lengths [n] in notes, 0 where nothing is shared, and their shares [n].

    ``copied`` [n] is whether a piece counts as copied; ``nearest`` [q] the distance of the pieces, or of a sample, to
    their nearest training piece on standardised features.
    """

    notes: IntArray
    share: FloatArray
    copied: FloatArray
    nearest: FloatArray

    @property
    def copied_share(self) -> float:
        """Share of pieces that count as copied, 0–1; NaN for an empty set."""
        return float(self.copied.mean()) if len(self.copied) else float("nan")

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of `copied_share`; see `share_interval`."""
        return share_interval(int(self.copied.sum()), len(self.copied))

    def record(self) -> dict[str, Any]:
        """Return the runs as they appear in `report.json`."""
        pieces = len(self.copied)
        return {
            "longest_run_mean": self.notes.mean() if pieces else None,
            "longest_run_max": self.notes.max() if pieces else None,
            "share_mean": self.share.mean() if pieces else None,
            "copied": int(self.copied.sum()),
            "pieces": pieces,
            "copied_share": self.copied_share,
            "copied_share_ci": self.interval,
            "nearest_median": np.median(self.nearest) if len(self.nearest) else None,
        }


@dataclass(frozen=True)
class Copying:
    """Copying by a generated set, and the same measured among the training pieces.

    Attributes:
        gen: generated pieces against the training pieces.
        train: each training piece against the others.
        p: probability of as many copies or more among the generated pieces, if they copied as often as the training
            pieces resemble each other (Fisher's exact test, one-sided).
        found: whether that is under `CHANCE`.
        pairs: the pairs with the longest runs by share, at most `PAIRS`.
        closest: (piece, source, distance) of the pieces that lie nearest to a training piece on standardised features,
            at most `PAIRS`.
    """

    gen: Runs
    train: Runs
    p: float
    found: bool
    pairs: list[Pair]
    closest: list[tuple[str, str, float]]

    def record(self) -> dict[str, Any]:
        """Return the findings as they appear in `report.json`."""
        return {
            "found": self.found,
            "p": self.p,
            "gen": self.gen.record(),
            "train": self.train.record(),
            "pairs": [
                {"file": pair.piece, "source": pair.source, "notes": pair.notes, "share": pair.share}
                for pair in self.pairs
            ],
            "nearest": [
                {"file": piece, "source": source, "distance": distance} for piece, source, distance in self.closest
            ],
        }


def share_interval(found: int, n: int) -> tuple[float, float]:
    """95 % interval of the share `found` / `n` of files, by Wilson's formula; NaN for no files.

    Whether a piece is copied depends on that piece and the training set alone, so that the number of copied pieces
    among files drawn again is binomial, and nothing need be drawn. Unlike draws, the formula says for no copy among n
    pieces how many there may be. Source: E. B. Wilson 1927.
    """
    if not n:
        return float("nan"), float("nan")
    from scipy.stats import binomtest

    low, high = binomtest(found, n).proportion_ci(method="wilson")
    return float(low), float(high)


def copied_more(copied_gen: int, gen: int, copied_train: int, train: int) -> float:
    """One-sided Fisher test: how probably at least `copied_gen` of all copies fall among the generated pieces."""
    from scipy.stats import hypergeom

    return float(hypergeom.sf(copied_gen - 1, gen + train, copied_gen + copied_train, gen))


def find_copies(
    gen: Sequence[Notes], train: Sequence[Notes], gen_space: FloatArray, train_space: FloatArray, seed: int = 0
) -> Copying:
    """Compare generated pieces with the training pieces, and the training pieces with each other.

    The spaces are [n, d] and [m, d] standardised features. In large sets, nearest neighbours are those of a sample.
    """
    both = Stack.of([*gen, *train])
    tokens, owner = phrase_tokens(both)
    is_train = np.arange(both.size) >= len(gen)
    shared = longest_shared_runs(tokens, owner, both.size, is_train)
    line = np.bincount(both.piece[both.line], minlength=both.size)
    notes = np.where(shared.length > 0, shared.length + 1, 0)
    share = notes / np.maximum(line, 1)
    copied = ((share >= COPIED_SHARE) & (notes >= COPIED_NOTES)).astype(np.float64)
    rng = np.random.default_rng(seed)
    chosen, nearest, distances = _nearest(gen_space, train_space, rng)
    *_, train_distances = _nearest(train_space, train_space, rng, same=True)
    ours, theirs = slice(0, len(gen)), slice(len(gen), None)
    p = copied_more(int(copied[ours].sum()), len(gen), int(copied[theirs].sum()), len(train))
    order = np.lexsort((-notes[ours], -share[ours]))[:PAIRS]
    pairs = [
        Pair(
            piece=gen[i].name,
            source=train[source].name,
            index=i,
            source_index=source,
            notes=notes[i],
            share=share[i],
            start=shared.start[i],
            source_start=shared.partner_start[i],
        )
        for i, source in zip(order, shared.partner[order] - len(gen), strict=True)
        if source >= 0
    ]
    return Copying(
        gen=Runs(notes[ours], share[ours], copied[ours], distances),
        train=Runs(notes[theirs], share[theirs], copied[theirs], train_distances),
        p=p,
        found=p < CHANCE,
        pairs=pairs,
        closest=[
            (gen[chosen[i]].name, train[nearest[i]].name, distances[i])
            for i in np.argsort(distances, kind="stable")[:PAIRS]
        ],
    )


def _nearest(
    pieces: FloatArray, train: FloatArray, rng: np.random.Generator, *, same: bool = False
) -> tuple[IntArray, IntArray, FloatArray]:
    """Find the nearest training piece of each piece, or of a sample: places of both, and distances.

    With `same`, the pieces are the training pieces, and a piece is not its own neighbour.
    """
    chosen = sample(len(pieces), PAIRWISE, rng)
    if len(train) <= same or not len(chosen):
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)
    distance = pairwise(pieces[chosen], train)
    if same:
        distance[np.arange(len(chosen)), chosen] = np.inf
    nearest = distance.argmin(axis=1)
    return chosen, nearest, distance[np.arange(len(chosen)), nearest]
