"""Every random draw of training follows from the seed and the number of the update."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

_DRAWS_AN_UPDATE = 1000  # more than any layer is called within one update


def make_deterministic(seed: int) -> None:
    """Reset all random state, as in a new process, for models that are built afterwards.

    Python, NumPy and TensorFlow are seeded, TensorFlow uses only deterministic ops, and Keras counts layers anew, whose
    names are saved with a model. The chosen precision stays.
    """
    policy = keras.config.dtype_policy()
    keras.utils.clear_session(free_memory=False)
    keras.config.set_dtype_policy(policy)
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()


def reseed_layers(models: list[keras.Model], seed: int, step: tf.Tensor) -> None:
    """Set the state of every noise and dropout layer, which Keras does not save, from the seed and the update."""
    layers = [layer for model in models for layer in model._flatten_layers()]  # noqa: SLF001 - also nested ones
    generators = [layer.seed_generator for layer in layers if getattr(layer, "seed_generator", None) is not None]
    for number, generator in enumerate(generators):
        state = tf.stack([tf.constant(seed + number, tf.int64), tf.cast(step, tf.int64) * _DRAWS_AN_UPDATE])
        generator.state.assign(tf.cast(state, generator.state.dtype))


class RandomBatches(keras.utils.PyDataset):
    """Batches drawn with replacement from arrays, each fixed by the seed, the epoch and its number.

    Args:
        examples: [n, …], or a nested tuple of such arrays, whose rows belong together.
        batch_size: rows a batch.
        batches: batches an epoch.
        seed: fixes every batch.
        first_epoch: number of epochs already trained.
        weights: [n] relative frequency of each row; equal by default.
    """

    def __init__(
        self,
        examples: np.ndarray | tuple[Any, ...],
        batch_size: int,
        batches: int,
        *,
        seed: int,
        first_epoch: int = 0,
        weights: np.ndarray | None = None,
    ) -> None:
        super().__init__()
        self.examples, self.batch_size, self.batches = examples, batch_size, batches
        self._below = None if weights is None else np.cumsum(weights, dtype=np.float64)
        self.seed, self.epoch = seed, first_epoch

    def __len__(self) -> int:
        return self.batches

    def __getitem__(self, index: int) -> Any:
        """Return batch ``index`` of the current epoch: as ``examples``, but [batch_size, …]."""
        rng = np.random.default_rng([self.seed, self.epoch, index])
        if self._below is None:
            rows = rng.integers(len(keras.tree.flatten(self.examples)[0]), size=self.batch_size)
        else:
            rows = np.searchsorted(self._below, rng.random(self.batch_size) * self._below[-1], side="right")
        return keras.tree.map_structure(lambda array: array[rows], self.examples)

    def on_epoch_end(self) -> None:
        """Go on to the next epoch."""
        self.epoch += 1
