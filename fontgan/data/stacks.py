"""Stacked letters: images of three independent letters, each in a plane of its own, as Stacked MNIST has digits."""

from __future__ import annotations

import numpy as np

from fontgan.data.glyphs import LETTERS

PLANES = 3
MODES = len(LETTERS) ** PLANES
"""The combinations of three letters: 17,576."""


def stacked(images: np.ndarray) -> np.ndarray:
    """Lay every three images [3 n, 28, 28, 1] over each other, [n, 28, 28, 3]."""
    return np.moveaxis(images.reshape(-1, PLANES, *images.shape[1:3]), 1, -1)


def unstacked(stacks: np.ndarray) -> np.ndarray:
    """Return the planes of stacks [n, 28, 28, 3] as images [3 n, 28, 28, 1], those of one stack side by side."""
    return np.moveaxis(stacks, -1, 1).reshape(-1, *stacks.shape[1:3], 1)
