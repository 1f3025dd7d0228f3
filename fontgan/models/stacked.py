"""Batches of stacked letters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras

from fontgan.data.stacks import PLANES, stacked
from manymodes.nn.randomness import RandomBatches

if TYPE_CHECKING:
    import numpy as np


class StackedBatches(RandomBatches):
    """Batches of stacks [B, 28, 28, 3] of letters that are drawn anew, with the kinds of their planes [B, 3] if any.

    They are built from letters [n, 28, 28, 1] and their kinds [n], or None; for the rest see `RandomBatches`.
    """

    def __init__(
        self, images: np.ndarray, kinds: np.ndarray | None, batch_size: int, batches: int, **options: Any
    ) -> None:
        super().__init__(images if kinds is None else (images, kinds), PLANES * batch_size, batches, **options)

    def __getitem__(self, index: int) -> Any:
        """Return batch ``index`` of the current epoch."""
        return keras.tree.map_structure(
            lambda rows: stacked(rows) if rows.ndim > 1 else rows.reshape(-1, PLANES), super().__getitem__(index)
        )
