"""What data modules say on the terminal of what they found: rows in columns, and files that are not used."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence


class Skipped(NamedTuple):
    """A file, or a tune or font in one, that is not used, and why, in one line."""

    name: str
    reason: str


def in_columns(rows: Sequence[Sequence[str]], left: int = 1) -> list[str]:
    """Write rows of equally many cells as lines, with the columns under each other.

    Args:
        rows: their cells.
        left: how many columns, from the first, begin at the same place; the others end there.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    sides = "<" * left + ">" * (len(widths) - left)
    return [
        "  ".join(f"{cell:{side}{width}}" for cell, side, width in zip(row, sides, widths, strict=True)) for row in rows
    ]


def skipped_lines(skipped: Sequence[Skipped], limit: int) -> list[str]:
    """Count what is skipped and name the first ``limit`` of it; no line where nothing is."""
    lines = [f"skipped: {len(skipped):,}"] if skipped else []
    lines += [f"    {name}: {reason}" for name, reason in skipped[:limit]]
    return lines + ([f"    and {len(skipped) - limit:,} more"] if len(skipped) > limit else [])
