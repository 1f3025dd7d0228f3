"""Equal and nearly equal pieces, in sets of a hundred thousand.

Two pieces are near copies when they have half of their grams in common. In a large set these pairs are found by MinHash
(A. Broder 1997): of a random order of all grams, two pieces have the same first one with the probability of their
Jaccard similarity. Pieces that agree in all `ROWS` first grams of one of `BANDS` bands are compared exactly.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from evaluation.reading.notes import PITCHES, FloatArray, IntArray, Notes, Packed, Stack, counted_up

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    Hashes = NDArray[np.uint64]

GRAM = 3
"""Steps in a gram; a changed note touches GRAM + 1 of them."""

NEAR = 0.5
"""Similarity from which two pieces are near copies."""

BANDS = 64
ROWS = 3
"""With these, a pair of similarity 0.6 is missed once in 200 times, one of 0.5 once in 11 times, one of 0.7 never."""

CROWD = 16
"""Pieces of a bucket that are all compared with each other; in a larger one, each with the first and with the last."""

_PER_QUARTER = 24
_SLOWEST = 12
_STEPS = 2 * PITCHES * (2 * _SLOWEST + 1)
_TIMES_BITS = 20
_BATCH = 20_000


def mixed(values: IntArray | Hashes, seed: int = 0) -> Hashes:
    """Hash integers to 64 bits that look random: the finaliser of SplitMix64 (Steele, Lea and Flood 2014)."""
    x = np.asarray(values).astype(np.uint64) + np.uint64((seed + 1) * 0x9E3779B97F4A7C15 % 2**64)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def exact_copies(pieces: Sequence[Notes]) -> int:
    """Count the pieces whose counted notes are those of an earlier piece, to 1/24 quarter."""
    packed = Packed.of(pieces)
    different: set[bytes] = set()
    for chunk in packed.chunks():
        stack = Stack.of(packed[chunk])
        notes = np.stack([stack.onset * _PER_QUARTER, stack.duration * _PER_QUARTER, stack.pitch], axis=1)
        each = np.split(np.round(notes).astype(np.int64), np.cumsum(stack.notes.astype(np.int64))[:-1])
        different.update(blake2b(rows.tobytes(), digest_size=16).digest() for rows in each)
    return len(packed) - len(different)


def things(stack: Stack) -> tuple[IntArray, IntArray]:
    """Write the multiset of the grams of each piece as a set of numbers: ([K] piece, [K] number), in the order of both.

    A gram is a run of `GRAM` steps along the melodic line, each step an interval and the time to the next onset in half
    octaves (2 · log₂ quarters, rounded). The second time that a gram comes in a piece is a thing of its own. Equal
    things have equal numbers in every set.
    """
    before, after, piece = stack.steps
    interval = np.clip(stack.pitch[after] - stack.pitch[before] + PITCHES, 0, 2 * PITCHES - 1)
    gap = stack.onset[after] - stack.onset[before]
    pace = np.clip(np.round(2 * np.log2(np.maximum(gap, 1e-3))), -_SLOWEST, _SLOWEST).astype(np.int64) + _SLOWEST
    step = interval * (2 * _SLOWEST + 1) + pace
    count = max(len(step) - GRAM + 1, 0)
    gram = np.zeros(count, np.int64)
    for shift in range(GRAM):
        gram = gram * _STEPS + step[shift : shift + count]
    whole = piece[:count] == piece[GRAM - 1 :][:count]
    gram, owner = gram[whole], piece[:count][whole]
    order = np.lexsort((gram, owner))
    gram, owner = gram[order], owner[order]
    first = np.flatnonzero((np.diff(gram, prepend=-1) != 0) | (np.diff(owner, prepend=-1) != 0))
    times = counted_up(np.diff(first, append=len(gram)))
    return owner, (gram << _TIMES_BITS) + np.minimum(times, 2**_TIMES_BITS - 1)


def _presence(pieces: Sequence[Notes]) -> tuple[csr_array, FloatArray]:
    """Return which things each piece has, a sparse [n, different things], and how many, [n]."""
    packed = Packed.of(pieces)
    # no piece has as many things as notes; what is not filled takes no memory
    owners, numbers = (np.empty(packed.first[-1], kind) for kind in (np.int32, np.int64))
    count = 0
    for chunk in packed.chunks():
        owner, number = things(Stack.of(packed[chunk]))
        filled = slice(count, count + len(owner))
        owners[filled], numbers[filled] = owner + chunk.start, number
        count = filled.stop
    column = _numbered(numbers[:count])
    size = np.bincount(owners[:count], minlength=len(packed))
    # 32 bits count exactly to 16 million
    cells = (np.ones(count, np.float32), column, np.concatenate([[0], np.cumsum(size)]))
    return csr_array(cells, shape=(len(packed), int(column.max(initial=0)) + 1)), size.astype(np.float64)


def _numbered(values: IntArray) -> NDArray[np.int32]:
    """Number values in their order, equal ones alike: as `np.unique` does, with half of its memory."""
    order = np.argsort(values)
    ordered = values[order]
    new = np.empty(len(values), bool)
    new[:1], new[1:] = False, ordered[1:] != ordered[:-1]
    del ordered
    column = np.empty(len(values), np.int32)
    column[order] = np.cumsum(new, dtype=np.int32)
    return column


def _dice(shared: NDArray[np.float32], size: FloatArray, other: FloatArray) -> FloatArray:
    total = size + other
    return np.divide(2.0 * shared, total, out=np.zeros(total.shape), where=total > 0)


def similarity(pieces: Sequence[Notes]) -> FloatArray:
    """How much of two pieces is the same: 2 · |A ∩ B| / (|A| + |B|). [n, n], 0–1, 1 on the diagonal.

    A is the multiset of a piece's grams, see `things`. So neither transposition nor small irregularities of time
    matter, and one changed note changes four grams. Pieces with fewer steps are their own only match.
    """
    present, size = _presence(pieces)
    result = _dice((present @ present.T).toarray(), size[:, None], size[None, :])
    np.fill_diagonal(result, 1.0)
    return result


def most_similar(pieces: Sequence[Notes], others: Sequence[Notes]) -> tuple[IntArray, FloatArray]:
    """Find the most similar one of the others for each piece, exactly: its place [n] and the `similarity` [n]."""
    both = Packed.join([Packed.of(pieces), Packed.of(others)])
    n = len(pieces)
    present, size = _presence(both)
    theirs = present[n:].T.tocsr()
    step = max(1, 10_000_000 // max(len(others), 1))
    place, best = np.zeros(n, np.int64), np.zeros(n)
    for start in range(0, n if len(others) else 0, step):
        rows = slice(start, min(start + step, n))
        alike = _dice((present[rows] @ theirs).toarray(), size[rows, None], size[None, n:])
        place[rows], best[rows] = alike.argmax(axis=1), alike.max(axis=1)
    return place, best


def near_pairs(pieces: Sequence[Notes]) -> IntArray:
    """Find pairs of near copies: [k, 2] places, the smaller one first, in order.

    Every pair is verified; some are missed, see `ROWS`, and `CROWD` for sets with many copies of one piece, of which
    every one is paired with some others but not with all.
    """
    count = len(pieces)
    present, size = _presence(pieces)
    known = np.flatnonzero(size)
    found = np.empty(0, np.int64)
    for key in _bands(present.indices, present.indptr[known]):
        left, right = _candidates(known, key)
        code = np.setdiff1d(left * count + right, found)
        kept = [found]
        for start in range(0, len(code), _BATCH):
            some = code[start : start + _BATCH]
            a, b = np.divmod(some, count)
            shared = present[a].multiply(present[b]).sum(axis=1)
            kept.append(some[_dice(np.asarray(shared).ravel(), size[a], size[b]) >= NEAR])
        found = np.sort(np.concatenate(kept))
    return np.stack(np.divmod(found, max(count, 1)), axis=1)


def _bands(thing: IntArray, begin: IntArray) -> Iterator[Hashes]:
    """Yield the keys of each band, [m], of m pieces whose things begin at these places of all things, one at least."""
    hashed = mixed(thing)
    # multiplication by an odd number is another random order of what is well mixed
    factors = mixed(np.arange(BANDS * ROWS), 1) | np.uint64(1)
    for band in range(BANDS if len(begin) else 0):
        key = np.zeros(len(begin), np.uint64)
        for factor in factors[band * ROWS : (band + 1) * ROWS]:
            key = mixed(key ^ np.minimum.reduceat(hashed * factor, begin))
        yield key


def _candidates(known: IntArray, key: Hashes) -> tuple[IntArray, IntArray]:
    """Pair the pieces whose keys are equal: the smaller place and the larger one of each pair."""
    order = np.argsort(key, kind="stable")
    first = np.flatnonzero(np.append(True, np.diff(key[order]) != 0))
    size = np.diff(first, append=len(order))
    place = known[order]
    left, right = [], []
    for number in range(2, CROWD + 1):
        members = first[size == number][:, None] + np.arange(number)
        a, b = np.triu_indices(number, 1)
        left.append(place[members[:, a]].ravel())
        right.append(place[members[:, b]].ravel())
    crowded = size > CROWD
    within = counted_up(size[crowded])
    member = np.repeat(first[crowded], size[crowded]) + within
    begin, end = (np.repeat(place[edge[crowded]], size[crowded]) for edge in (first, first + size - 1))
    left += [begin[within > 0], place[member]]
    right += [place[member[within > 0]], end]
    low, high = np.concatenate(left), np.concatenate(right)
    return low[low < high], high[low < high]


def groups(pairs: IntArray, n: int) -> IntArray:
    """Number the groups of pieces that pairs connect, directly or through others: [k, 2] to [n], from 0."""
    links = csr_array((np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    return connected_components(links, directed=False)[1].astype(np.int64)
