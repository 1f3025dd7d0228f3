"""Whether pieces repeat the training set: generated ones, which copy, or held-out originals, which are leaked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from evaluation.features.sequences import SharedRuns, longest_shared_runs
from evaluation.features.table import phrase_tokens
from evaluation.reading.notes import BoolArray, FloatArray, IntArray, Notes, Packed, Stack
from evaluation.scores.distances import pairwise
from evaluation.scores.duplicates import NEAR, most_similar
from evaluation.scores.sampling import PAIRWISE, sample

if TYPE_CHECKING:
    from collections.abc import Sequence

COPIED_SHARE, COPIED_NOTES = 0.5, 12
"""A piece counts as copied when one run covers this share of its melodic line, and has so many notes (three bars)."""

CHANCE = 0.01
"""How improbable a surplus of copies must be, were the generated pieces like the originals, to be called copying."""

PAIRS = 10
"""Pairs that a report names."""

SORTED = 500_000
"""Notes of generated pieces that runs are looked for in at a time, at least."""

_ROWS = 200
"""Pieces whose distances to a whole training set are in memory at a time."""


@dataclass(frozen=True)
class Pair:
    """A piece and the training piece that shares the longest run with it: names, and places in their sets.

    The length of the run, and where it begins in both, are in notes of the melodic line.
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

    Also whether each piece counts as copied [n], and the distances [q] of pieces to their nearest training piece.
    """

    notes: IntArray
    share: FloatArray
    copied: BoolArray
    nearest: FloatArray

    @property
    def copied_share(self) -> float:
        """Share of pieces that count as copied, 0–1; NaN for an empty set."""
        return float(self.copied.mean()) if len(self.copied) else float("nan")

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of `copied_share` by Wilson's formula (1927); NaN for an empty set.

        Whether a piece is copied depends on it and the training set alone: the number in files drawn again is binomial.
        """
        if not len(self.copied):
            return float("nan"), float("nan")
        from scipy.stats import binomtest

        low, high = binomtest(int(self.copied.sum()), len(self.copied)).proportion_ci(method="wilson")
        return float(low), float(high)

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
        gen, train: generated pieces against the training pieces, and each of these against the others.
        p: probability of as many copies or more among the generated pieces, if they copied as often as the training
            pieces resemble each other (Fisher's exact test, one-sided).
        found: whether that is under `CHANCE`.
        pairs: the pairs with the longest runs by share, at most `PAIRS`.
        closest: the same number of (piece, source, distance) that are nearest on standardised features.
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
    gen, train = Packed.of(gen), Packed.of(train)
    shared, ours, theirs = longest_runs(gen, train)
    rng = np.random.default_rng(seed)
    chosen, nearest, distances = _nearest(gen_space, train_space, rng)
    *_, train_distances = _nearest(train_space, train_space, rng, same=True)
    p = copied_more(int(ours.copied.sum()), len(gen), int(theirs.copied.sum()), len(train))
    order = np.lexsort((-ours.notes, -ours.share))[:PAIRS]
    pairs = [
        Pair(
            piece=gen.names[i],
            source=train.names[source],
            index=i,
            source_index=source,
            notes=ours.notes[i],
            share=ours.share[i],
            start=shared.start[i],
            source_start=shared.partner_start[i],
        )
        for i, source in zip(order, shared.partner[order], strict=True)
        if source >= 0
    ]
    return Copying(
        gen=replace(ours, nearest=distances),
        train=replace(theirs, nearest=train_distances),
        p=p,
        found=p < CHANCE,
        pairs=pairs,
        closest=[
            (gen.names[chosen[i]], train.names[nearest[i]], distances[i])
            for i in np.argsort(distances, kind="stable")[:PAIRS]
        ],
    )


def longest_runs(gen: Packed, train: Packed) -> tuple[SharedRuns, Runs, Runs]:
    """Find the longest run that each piece shares with a training piece other than itself.

    Gives those of the generated pieces in detail, and the lengths of these and of those of the training pieces. Sorting
    takes some 200 bytes a note, so that a large set is searched in chunks.
    """
    found, lines = [], []
    for chunk in list(gen.chunks(max(SORTED, int(train.first[-1])))) or [slice(0, 0)]:
        both = Stack.of(Packed.join([gen[chunk], train]))
        generated = both.size - len(train)
        tokens, owner = phrase_tokens(both)
        shared = longest_shared_runs(tokens, owner, both.size, np.arange(both.size) >= generated)
        line = np.bincount(both.piece[both.line], minlength=both.size)
        partner = np.where(shared.partner < 0, -1, shared.partner - generated)
        found.append([values[:generated] for values in shared._replace(partner=partner)])
        lines.append(line[:generated])
    whole = SharedRuns(*(np.concatenate(values) for values in zip(*found, strict=True)))
    return whole, _runs(whole.length, np.concatenate(lines)), _runs(shared.length[generated:], line[generated:])


def _runs(length: IntArray, line: IntArray) -> Runs:
    """Measure runs of these lengths in tokens [n] in melodic lines of so many notes [n]."""
    notes = np.where(length > 0, length + 1, 0)
    share = notes / np.maximum(line, 1)
    return Runs(notes, share, (share >= COPIED_SHARE) & (notes >= COPIED_NOTES), np.empty(0))


def _nearest(
    pieces: FloatArray, train: FloatArray, rng: np.random.Generator, *, same: bool = False
) -> tuple[IntArray, IntArray, FloatArray]:
    """Find the nearest training piece of each piece, or of a sample: places of both, and distances.

    With `same`, the pieces are the training pieces, and a piece is not its own neighbour.
    """
    chosen = sample(len(pieces), PAIRWISE, rng)
    if len(train) <= same:
        chosen = chosen[:0]
    nearest, distances = np.empty(len(chosen), np.int64), np.empty(len(chosen))
    for start in range(0, len(chosen), _ROWS):
        rows = slice(start, start + _ROWS)
        distance = pairwise(pieces[chosen[rows]], train)
        if same:
            distance[np.arange(len(distance)), chosen[rows]] = np.inf
        nearest[rows], distances[rows] = distance.argmin(axis=1), distance.min(axis=1)
    return chosen, nearest, distances


class Leak(NamedTuple):
    """An original, the most similar training piece, and the one with the longest shared run, with the run's share."""

    piece: str
    source: str
    similarity: float
    run_source: str
    run_share: float


class Leakage(NamedTuple):
    """How many originals, of so many pieces, the training set repeats, as in `report.json`.

    They are near copies of a training piece, share a run of half of their notes with one (``copied``), or either; the
    pairs are the worst of these, at most `PAIRS`.
    """

    pieces: int
    near_copies: int
    copied: int
    either: int
    pairs: list[Leak]

    def sentence(self) -> str:
        """Say how many originals the training set repeats, and which first."""
        near = f"{self.near_copies} of {self.pieces:,} originals"
        are = "is a near copy" if self.near_copies == 1 else "are near copies"
        share = "shares half of its" if self.copied == 1 else "share half of their"
        counts = f"{near} {are} of training tunes, {self.copied} {share} notes with one"
        if not self.pairs:
            return f"{counts}."
        named = [f"{one.piece} of {one.source if one.similarity >= NEAR else one.run_source}" for one in self.pairs[:3]]
        return f"{counts}: {', '.join(named)}{' …' if self.either > len(named) else '.'}"


def find_leakage(org: Packed, train: Packed) -> Leakage:
    """Look for the originals in the training set."""
    place, alike = most_similar(org, train)
    runs, ours, _ = longest_runs(org, train)
    near = alike >= NEAR
    leaked = np.flatnonzero(near | ours.copied)
    worst = leaked[np.argsort(-np.maximum(alike, ours.share)[leaked], kind="stable")][:PAIRS]
    return Leakage(
        pieces=len(org),
        near_copies=int(near.sum()),
        copied=int(ours.copied.sum()),
        either=len(leaked),
        pairs=[
            Leak(
                piece=org.names[i],
                source=train.names[place[i]],
                similarity=float(alike[i]),
                run_source=train.names[runs.partner[i]] if runs.partner[i] >= 0 else "",
                run_share=float(ours.share[i]),
            )
            for i in worst
        ],
    )
