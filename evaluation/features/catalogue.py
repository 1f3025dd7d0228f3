"""All features in one order, and the table of them for small and large sets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evaluation.features.contour import CONTOUR
from evaluation.features.drums import DRUM_FEATURES
from evaluation.features.form import FORM
from evaluation.features.metre import METRE
from evaluation.features.rhythm import RHYTHM
from evaluation.features.table import COMPARED
from evaluation.reading.notes import FloatArray, Notes, Packed, Stack, as_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evaluation.features.feature import Feature, Pieces

FEATURES: dict[str, Feature] = COMPARED | METRE | RHYTHM | CONTOUR | FORM
"""Every feature of pitched pieces by name; first those that reports compare."""

DRUMS: dict[str, Feature] = COMPARED | DRUM_FEATURES
"""Every feature of pieces of drums alone by name; first those that reports compare."""

_WIDEST = 12
"""Features of more numbers a piece are matrices."""


def suited(*sets: Sequence[Notes]) -> Mapping[str, Feature]:
    """Return the features that sets have: `DRUMS` when all their pieces are drums alone, else `FEATURES`."""
    alone = np.concatenate([one.drums_only[one.sizes > 0] for one in map(Packed.of, sets)])
    return DRUMS if len(alone) and alone.all() else FEATURES


def feature_table(pieces: Pieces, features: Mapping[str, Feature] = FEATURES) -> dict[str, FloatArray]:
    """Measure every feature of every piece: name → [n], or [n, d] with matrices row by row (d = 144 for 12×12)."""
    stack = Stack.of(pieces)
    found = {name: feature.function(stack) for name, feature in features.items()}
    return {name: as_rows(values) if values.ndim > 1 else values for name, values in found.items()}


def measured(pieces: Packed, features: Mapping[str, Feature] = FEATURES) -> dict[str, FloatArray]:
    """Measure the features of a large set as `feature_table`, chunk by chunk.

    Most of a table, matrices and features that reports do not compare, is in single precision, for six digits of it.
    """
    table: dict[str, FloatArray] = {}
    for chunk in pieces.chunks():
        for name, values in feature_table(pieces[chunk], features).items():
            if name not in table:
                compared = name in COMPARED and values[:1].size <= _WIDEST
                table[name] = np.empty((len(pieces), *values.shape[1:]), np.float64 if compared else np.float32)
            table[name][chunk] = values
    return table or feature_table(pieces, features)
