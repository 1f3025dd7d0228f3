"""Equal and nearly equal pieces, in sets of a hundred thousand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evaluation.reading.notes import Packed, Stack, counted_up

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from evaluation.reading.notes import IntArray, Notes

    Hashes = NDArray[np.uint64]

_PER_QUARTER = 24


def mixed(values: IntArray | Hashes, seed: int = 0) -> Hashes:
    """Hash integers to 64 bits that look random: the finaliser of SplitMix64 (Steele, Lea and Flood 2014)."""
    x = np.asarray(values).astype(np.uint64) + np.uint64((seed + 1) * 0x9E3779B97F4A7C15 % 2**64)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def digests(pieces: Sequence[Notes]) -> Hashes:
    """Hash the counted notes of each piece, to 1/24 quarter; [n]. Equal pieces have equal digests.

    Different ones have different digests but for one pair of pieces in 10¹⁹.
    """
    packed = Packed.of(pieces)
    found = [np.empty(0, np.uint64)]
    for chunk in packed.chunks():
        stack = Stack.of(packed[chunk])
        sizes = np.bincount(stack.piece, minlength=stack.size)
        note = mixed(counted_up(sizes))
        for values in (stack.onset * _PER_QUARTER, stack.duration * _PER_QUARTER, stack.pitch):
            note = mixed(note ^ np.round(values).astype(np.int64).view(np.uint64))
        total = np.concatenate([np.zeros(1, np.uint64), np.cumsum(note)])  # modulo 2⁶⁴, and so are the differences
        end = np.cumsum(sizes)
        found.append(total[end] - total[end - sizes])
    return np.concatenate(found)


def exact_copies(pieces: Sequence[Notes]) -> int:
    """Count the pieces whose counted notes are those of an earlier piece, to 1/24 quarter."""
    return len(pieces) - len(np.unique(digests(pieces)))
