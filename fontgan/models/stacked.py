"""The adversarial model of three letters at once, and its batches."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from fontgan.data.stacks import PLANES, stacked
from fontgan.models.gan import FontGAN
from manymodes.nn.randomness import RandomBatches


@keras.saving.register_keras_serializable(package="fontgan")
class StackedGAN(FontGAN):
    """Images of three letters, each in a plane of its own, chosen independently.

    ``fit`` takes images [n, 28, 28, 3], or images and the kinds of their planes [n, 3], 0 to G − 1; `condition_dim` is
    3 G, and the ``shares`` [G] are those of the kinds of any plane.
    """

    def conditions(self, batch: Any) -> tf.Tensor | None:
        """Return the kinds of a batch, three one-hot vectors side by side, [B, 3 G]."""
        if not self.condition_dim:
            return None
        return tf.reshape(tf.one_hot(batch[1], self.condition_dim // PLANES), [-1, self.condition_dim])

    def codes(self, count: int, seed: int, *, kinds: Any = None, stream: int = 0) -> np.ndarray:
        """Draw latent vectors with the kinds of each plane, float32 [count, latent_dim + 3 G]; see `Coder.codes`."""
        latents = self.latents(count, seed, stream)
        if not self.condition_dim:
            return latents
        groups = self.condition_dim // PLANES
        if kinds is None:
            kinds = np.random.default_rng(seed).choice(groups, (count, PLANES), p=self.shares)
        asked = np.eye(groups, dtype=np.float32)[kinds].reshape(count, self.condition_dim)
        return np.concatenate([latents, asked], axis=1)


class StackedBatches(RandomBatches):
    """Batches of stacks [B, 28, 28, 3] of letters that are drawn anew, with the kinds of their planes [B, 3] if any.

    Args:
        images: letters [n, 28, 28, 1].
        kinds: of the letters [n], or None.
        batch_size: B.
        batches: batches an epoch.
        seed: fixes every batch.
        first_epoch: number of epochs already trained.
    """

    def __init__(
        self,
        images: np.ndarray,
        kinds: np.ndarray | None,
        batch_size: int,
        batches: int,
        *,
        seed: int,
        first_epoch: int = 0,
    ) -> None:
        examples: Any = images if kinds is None else (images, kinds)
        super().__init__(examples, PLANES * batch_size, batches, seed=seed, first_epoch=first_epoch)

    def __getitem__(self, index: int) -> Any:
        """Return batch ``index`` of the current epoch."""
        return keras.tree.map_structure(
            lambda rows: stacked(rows) if rows.ndim > 1 else rows.reshape(-1, PLANES), super().__getitem__(index)
        )
