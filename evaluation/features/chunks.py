"""The features of a large set, chunk by chunk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evaluation.features.catalogue import FEATURES, feature_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evaluation.features.feature import Feature
    from evaluation.reading.notes import FloatArray, Packed

_WIDEST = 12
"""Numbers per piece from which on a feature is a matrix."""


def measured(pieces: Packed, features: Mapping[str, Feature] = FEATURES) -> dict[str, FloatArray]:
    """Measure the features of a set as `feature_table`, chunk by chunk.

    Matrices, and features that are written and not compared, are kept in single precision: they are most of a table,
    and reports write six digits of them.
    """
    table: dict[str, FloatArray] = {}
    for chunk in pieces.chunks():
        for name, values in feature_table(pieces[chunk], features).items():
            if name not in table:
                compared = features[name].overlap and values[:1].size <= _WIDEST
                table[name] = np.empty((len(pieces), *values.shape[1:]), np.float64 if compared else np.float32)
            table[name][chunk] = values
    return table or feature_table(pieces, features)
