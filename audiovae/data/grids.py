"""How many levels each dimension of a grid of codes has."""

from __future__ import annotations

__all__ = ["MOST_LEVELS", "levels_of"]

MOST_LEVELS = 8
"""Of a dimension: more are hard to tell apart in training."""


def levels_of(codes: int) -> tuple[int, ...]:
    """Return the levels of a grid of so many codes: the most for each dimension in turn, 256 = 8 · 8 · 4.

    Raises:
        ValueError: the number, at least 2, is no product of numbers up to 8.
    """
    levels = []
    rest = codes
    for level in range(MOST_LEVELS, 1, -1):
        while rest % level == 0:
            levels.append(level)
            rest //= level
    if rest > 1:
        raise ValueError(f"{codes} is not a product of numbers from 2 to {MOST_LEVELS}")
    return tuple(levels)
