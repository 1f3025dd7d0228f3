"""All features in one order, and the table of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evaluation.features.contour import CONTOUR
from evaluation.features.drums import DRUM_FEATURES
from evaluation.features.endings import ENDINGS
from evaluation.features.form import FORM
from evaluation.features.metre import METRE
from evaluation.features.rhythm import RHYTHM
from evaluation.features.table import COMPARED
from evaluation.reading.notes import Stack, as_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from evaluation.features.feature import Feature, Pieces
    from evaluation.reading.notes import FloatArray, Notes

FEATURES: dict[str, Feature] = COMPARED | METRE | RHYTHM | CONTOUR | FORM | ENDINGS
"""Every feature of pitched pieces by name; first those that reports compare."""

DRUMS: dict[str, Feature] = COMPARED | DRUM_FEATURES
"""Every feature of pieces of drums alone by name; first those that reports compare."""


def suited(pieces: Iterable[Notes]) -> Mapping[str, Feature]:
    """Return the features that pieces have: `DRUMS` when all of them are drums alone, else `FEATURES`."""
    alone = [piece.drums_only for piece in pieces if len(piece)]
    return DRUMS if alone and all(alone) else FEATURES


def feature_table(pieces: Pieces, features: Mapping[str, Feature] = FEATURES) -> dict[str, FloatArray]:
    """Measure every feature of every piece: name → [n], or [n, d] with matrices row by row (d = 144 for 12×12)."""
    stack = Stack.of(pieces)
    measured = {name: feature.function(stack) for name, feature in features.items()}
    return {name: as_rows(values) if values.ndim > 1 else values for name, values in measured.items()}
