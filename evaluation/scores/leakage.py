"""Whether the originals, music that was held out, are in the training set after all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from evaluation.scores.copying import PAIRS, longest_runs
from evaluation.scores.duplicates import NEAR, most_similar

if TYPE_CHECKING:
    from evaluation.reading.notes import Packed


class Leak(NamedTuple):
    """An original and what of the training set it repeats.

    The most similar training piece and its `similarity`; the piece with the longest shared run, and the run's share.
    """

    piece: str
    source: str
    similarity: float
    run_source: str
    run_share: float


@dataclass(frozen=True)
class Leakage:
    """How many originals the training set repeats.

    Attributes:
        pieces: number of originals.
        near: how many are near copies of a training piece.
        copied: how many share a run of half of their notes with one.
        either: how many are one or the other.
        pairs: the worst of them, at most `PAIRS`.
    """

    pieces: int
    near: int
    copied: int
    either: int
    pairs: list[Leak]

    def record(self) -> dict[str, Any]:
        """Return the findings as they appear in `report.json`."""
        return {
            "pieces": self.pieces,
            "near_copies": self.near,
            "copied": self.copied,
            "either": self.either,
            "pairs": [one._asdict() for one in self.pairs],
        }

    def sentence(self) -> str:
        """Say how many originals the training set repeats, and which first."""
        are = "is a near copy" if self.near == 1 else "are near copies"
        share = "shares half of its" if self.copied == 1 else "share half of their"
        counts = (
            f"{self.near} of {self.pieces:,} originals {are} of training tunes, {self.copied} {share} notes with one"
        )
        if not self.pairs:
            return f"{counts}."
        named = [f"{one.piece} of {one.source if one.similarity >= NEAR else one.run_source}" for one in self.pairs[:3]]
        return f"{counts}: {', '.join(named)}{' …' if self.either > len(named) else '.'}"


def find_leakage(org: Packed, train: Packed) -> Leakage:
    """Look for the originals in the training set."""
    place, alike = most_similar(org, train)
    runs, ours, _ = longest_runs(org, train)
    near, copied = alike >= NEAR, ours.copied > 0
    leaked = np.flatnonzero(near | copied)
    worst = leaked[np.argsort(-np.maximum(alike, ours.share)[leaked], kind="stable")][:PAIRS]
    return Leakage(
        pieces=len(org),
        near=int(near.sum()),
        copied=int(copied.sum()),
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
