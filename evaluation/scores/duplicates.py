"""Pieces of one set that are copies, or nearly copies, of each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.sparse import csr_array

from evaluation.reading.notes import PITCHES, Stack, counted_up

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from evaluation.reading.notes import FloatArray, Notes

GRAM = 3
"""Steps in a gram; a changed note touches GRAM + 1 of them."""

NEAR = 0.5
"""Similarity from which two pieces are near copies."""

_PER_QUARTER = 24
_SLOWEST = 12


def exact_copies(pieces: Sequence[Notes]) -> int:
    """Count the pieces whose counted notes are those of an earlier piece, to 1/24 quarter."""
    contents = set()
    for piece in pieces:
        kept = piece.counted()
        times = np.round(np.stack([piece.onset[kept], piece.duration[kept]]) * _PER_QUARTER)
        contents.add(np.vstack([times, piece.pitch[kept]]).astype(np.int32).tobytes())
    return len(pieces) - len(contents)


def similarity(pieces: Sequence[Notes] | Stack) -> FloatArray:
    """How much of two pieces is the same: 2 · |A ∩ B| / (|A| + |B|). [n, n], 0–1, 1 on the diagonal.

    A is the multiset of a piece's grams: runs of `GRAM` steps along the melodic line, each step an interval and the
    time to the next onset in half octaves (2 · log₂ quarters, rounded). So neither transposition nor small
    irregularities of time matter, and one changed note changes four grams. Pieces with fewer steps are their own only
    match.
    """
    stack = Stack.of(pieces)
    before, after, piece = stack.steps
    interval = stack.pitch[after] - stack.pitch[before] + PITCHES
    gap = stack.onset[after] - stack.onset[before]
    pace = np.clip(np.round(2 * np.log2(np.maximum(gap, 1e-3))), -_SLOWEST, _SLOWEST).astype(np.int64) + _SLOWEST
    _, step = np.unique(interval * (2 * _SLOWEST + 1) + pace, return_inverse=True)
    width = int(step.max(initial=0)) + 1
    gram = step[: max(len(step) - GRAM + 1, 0)].astype(np.int64)
    for shift in range(1, GRAM):
        _, gram = np.unique(gram * width + step[shift : len(step) - GRAM + 1 + shift], return_inverse=True)
    whole = piece[: len(gram)] == piece[GRAM - 1 :]
    gram, owner = gram[whole].astype(np.int64), piece[: len(whole)][whole]
    # the second time that a gram comes in a piece is a thing of its own: sets of such things are multisets of grams
    key = owner * (int(gram.max(initial=0)) + 1) + gram
    order = np.argsort(key, kind="stable")
    first = np.flatnonzero(np.diff(key[order], prepend=-1) > 0)
    times = counted_up(np.diff(first, append=len(key)))
    _, column = np.unique(gram[order] * (int(times.max(initial=0)) + 1) + times, return_inverse=True)
    shape = (stack.size, int(column.max(initial=0)) + 1)
    present = csr_array((np.ones(len(column), np.float32), (owner[order], column)), shape=shape)
    size = np.bincount(owner, minlength=stack.size).astype(np.float64)
    total = size[:, None] + size[None, :]
    shared = (present @ present.T).toarray()
    result = np.divide(2.0 * shared, total, out=np.zeros_like(total), where=total > 0)
    np.fill_diagonal(result, 1.0)
    return result


class Cluster(NamedTuple):
    """The index of the piece with the most near copies in a group, and those of its near copies, without itself."""

    centre: int
    members: list[int]


def _links(alike: FloatArray) -> NDArray[np.bool_]:
    """Return whether two different pieces are near copies, [n, n]."""
    return (alike >= NEAR) & ~np.eye(len(alike), dtype=bool)


def clusters(alike: FloatArray) -> list[Cluster]:
    """Group near copies, by their [n, n] similarity, the largest group first; a piece is in one group at most."""
    linked = _links(alike)
    found = []
    while linked.any():
        centre = int(linked.sum(axis=1).argmax())
        members = np.flatnonzero(linked[centre])
        found.append(Cluster(centre, members.tolist()))
        taken = np.append(members, centre)
        linked[taken] = False
        linked[:, taken] = False
    return found


def share_with_near_copy(alike: FloatArray) -> float:
    """Share of pieces that have a near copy in the set, 0–1, by their [n, n] similarity."""
    return float(_links(alike).any(axis=1).mean()) if len(alike) else float("nan")
