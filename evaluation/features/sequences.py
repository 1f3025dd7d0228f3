"""Exact matching of runs in many sequences at once, by prefix doubling.

Ranks of all runs of 1, 2, 4, 8 … tokens are found by sorting (Karp, Miller and Rosenberg 1972; Manber and Myers 1993).
Two runs of any length L are then equal exactly when their first and their last 2^k tokens are, 2^k ≤ L < 2^(k+1), so
that nearly everything below is a handful of sorts over flat arrays, with no loop over notes and no hashing to trust.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.reading.notes import BoolArray, FloatArray, IntArray


def _rank(high: NDArray[Any], low: NDArray[Any]) -> IntArray:
    """Number the distinct pairs (high, low) in their order."""
    _, rank = np.unique(high.astype(np.int64) * (int(low.max(initial=0)) + 1) + low, return_inverse=True)
    return rank.astype(np.int64)


def _levels(tokens: IntArray, sequence: IntArray, count: int) -> tuple[list[NDArray[np.int32]], IntArray]:
    """Rank the runs of 1, 2, 4 … tokens that start at each position, until no two are equal.

    A mark of its own ends each sequence, so that no run that crosses an end equals any other. Gives ranks, each [T +
    count], and [T + count] the sequence of each position.
    """
    total = len(tokens)
    owner = np.concatenate([sequence, np.arange(count)])
    order = np.argsort(owner, kind="stable")  # puts each mark, which came last, behind its sequence
    _, symbols = np.unique(tokens, return_inverse=True)
    marked = np.concatenate([symbols.astype(np.int64), total + 1 + np.arange(count)])[order]
    owner = owner[order]
    rank = _rank(marked, np.zeros_like(marked))
    # 32 bits: the levels are most of the memory
    levels = [rank.astype(np.int32)]
    width = 1
    while len(rank) and int(rank.max()) + 1 < len(rank):
        follower = np.zeros_like(rank)
        follower[:-width] = rank[width:] + 1
        rank = _rank(rank, follower)
        levels.append(rank.astype(np.int32))
        width *= 2
    return levels, owner


def longest_repeats(tokens: IntArray, sequence: IntArray, count: int) -> FloatArray:
    """Find the longest run in each sequence that comes again in it, without a shared note.

    Of tokens [T], the steps between notes, and the sequence [T] of each, not falling; a run of L steps covers L + 1
    notes. Gives [count] tokens, 0 where nothing repeats.
    """
    levels, owner = _levels(tokens, sequence, count)
    ranks = np.stack(levels)
    longest = np.zeros(count, np.int64)
    # a repeat of length L contains one of every smaller length, so bits of the answer are found from the highest down
    for level in reversed(range(len(levels))):
        trial = longest + (1 << level)
        longest = np.where(_repeats(ranks, owner, trial), trial, longest)
    return longest.astype(np.float64)


def _repeats(ranks: NDArray[np.int32], owner: IntArray, length: IntArray) -> BoolArray:
    """Tell for each sequence whether a run of its trial length occurs twice in it without a shared note."""
    position = np.arange(len(owner))
    high = np.frexp(length.astype(np.float64))[1].astype(np.int64) - 1  # the power of two at or below each length
    begin = ranks[high[owner], position]
    tail = position + length[owner] - (1 << high[owner])
    inside = tail < len(owner)
    end = np.where(inside, ranks[high[owner], np.minimum(tail, len(owner) - 1)] + 1, 0)
    # positions without room for a run get a rank of their own
    run = _rank(owner, _rank(begin, end))
    first, last = np.zeros((2, len(run)), np.int64)
    last[run] = position  # of several positions the last is kept
    first[run[::-1]] = position[::-1]
    apart = last - first >= length[owner[first]] + 1
    repeated = np.zeros(len(length), bool)
    repeated[owner[first[apart]]] = True
    return repeated


def same_sequences(tokens: IntArray, sequence: IntArray, count: int) -> IntArray:
    """Number the sequences so that two have the same number exactly when all their tokens are equal, to [count].

    Tokens [T] and the sequence [T] of each, not falling. Sequences without tokens are equal, and have the number 0.
    """
    end = np.cumsum(np.bincount(sequence, minlength=count)) * tokens.itemsize
    data, numbers = tokens.tobytes(), {b"": 0}
    pairs = itertools.pairwise([0, *end.tolist()])
    return np.array([numbers.setdefault(data[start:stop], len(numbers)) for start, stop in pairs], np.int64)


class SharedRuns(NamedTuple):
    """The longest run that each sequence shares with any other, arrays [count].

    Lengths, and where the runs begin in both sequences, are in tokens; the partner is −1 where nothing is shared.
    """

    length: IntArray
    partner: IntArray
    start: IntArray
    partner_start: IntArray


def longest_shared_runs(tokens: IntArray, sequence: IntArray, count: int, reference: BoolArray) -> SharedRuns:
    """Find for each sequence the longest run that it shares with a reference sequence other than itself.

    In the order of the suffix array, the reference suffix that shares the longest prefix with any suffix is its
    nearest one above or below; the lengths follow from the ranks by binary lifting. Arguments as in
    `longest_repeats`, and [count] whether others may match this sequence.
    """
    levels, owner = _levels(tokens, sequence, count)
    total = len(owner)
    order = np.argsort(levels[-1], kind="stable")
    best = np.zeros(total, np.int64)
    other = np.full(total, -1, np.int64)
    for direction in (order, order[::-1]):
        neighbour = _nearest_reference(direction, owner, reference)
        shared = _common_prefix(levels, direction, neighbour)
        better = shared > best[direction]
        best[direction[better]] = shared[better]
        other[direction[better]] = neighbour[better]
    first = np.searchsorted(owner, np.arange(count))
    # per sequence the longest, and of equals the earliest
    top = np.lexsort((np.arange(total), -best, owner))[first]
    partner_place = other[top]
    found = partner_place >= 0
    partner = np.where(found, owner[partner_place], -1)
    return SharedRuns(
        length=best[top],
        partner=partner,
        start=top - first,
        partner_start=np.where(found, partner_place - first[np.maximum(partner, 0)], -1),
    )


def _nearest_reference(order: IntArray, owner: IntArray, reference: BoolArray) -> IntArray:
    """For each place of a suffix order, find the position of the last suffix before it of another, reference sequence.

    −1 where there is none.
    """
    sequence = owner[order]
    allowed = np.flatnonzero(reference[sequence])
    last = np.searchsorted(allowed, np.arange(len(order))) - 1
    # successive allowed places of one sequence form a block; the last entry of each array stands for "none"
    own = np.append(sequence[allowed], -1)
    block = np.flatnonzero(np.diff(own, prepend=-1))
    before_block = np.append(np.repeat(block, np.diff(block, append=len(allowed))) - 1, -1)
    chosen = np.where(own[last] == sequence, before_block[last], last)
    return np.append(order[allowed], -1)[chosen]


def _common_prefix(levels: list[NDArray[np.int32]], left: IntArray, right: IntArray) -> IntArray:
    """Length of the common prefix of pairs of suffixes; 0 where the right one is −1."""
    length = np.zeros(len(left), np.int64)
    valid = right >= 0
    for level in reversed(range(len(levels))):
        a, b = left + length, right + length
        inside = valid & (a < len(levels[0])) & (b < len(levels[0]))
        same = np.zeros(len(left), bool)
        same[inside] = levels[level][a[inside]] == levels[level][b[inside]]
        length += np.where(same, 1 << level, 0)
    return length
