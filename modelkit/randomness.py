"""Every random draw of training follows from the seed and the number of the update."""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras
import numpy as np
import tensorflow as tf

if TYPE_CHECKING:
    from collections.abc import Iterator

_DRAWS_AN_UPDATE = 1000  # more than any layer is called within one update


def make_deterministic(seed: int) -> None:
    """Seed Python, NumPy and TensorFlow, and have TensorFlow use only ops that give the same bits every time."""
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()


def reseed_layers(models: list[keras.Model], seed: int, step: tf.Tensor) -> None:
    """Set the state of every noise and dropout layer from the seed and the number of the update.

    Keras does not save the states of its seed generators; derived anew at each update they need no saving.
    """
    for number, generator in enumerate(_seed_generators(models)):
        state = tf.stack([tf.constant(seed + number, tf.int64), tf.cast(step, tf.int64) * _DRAWS_AN_UPDATE])
        generator.state.assign(tf.cast(state, generator.state.dtype))


def _seed_generators(models: list[keras.Model]) -> Iterator[keras.random.SeedGenerator]:
    for model in models:
        for layer in model._flatten_layers():  # noqa: SLF001 - the only way through nested models and wrappers
            generator = getattr(layer, "seed_generator", None)
            if generator is not None:
                yield generator


class RandomBatches(keras.utils.PyDataset):
    """Batches drawn with replacement from arrays, each fixed by the seed, the epoch and its number.

    Args:
        examples: [n, …], or a tuple of such arrays, whose rows belong together.
        batch_size: rows a batch.
        batches: batches an epoch.
        seed: fixes every batch.
        first_epoch: number of epochs already trained; the first pass is the one after them.
    """

    def __init__(
        self,
        examples: np.ndarray | tuple[np.ndarray, ...],
        batch_size: int,
        batches: int,
        *,
        seed: int,
        first_epoch: int = 0,
    ) -> None:
        super().__init__()
        self.examples = examples
        self.batch_size = batch_size
        self.batches = batches
        self.seed = seed
        self.epoch = first_epoch

    def __len__(self) -> int:
        return self.batches

    def __getitem__(self, index: int) -> np.ndarray | tuple[np.ndarray, ...]:
        """Return batch ``index`` of the current epoch, [batch_size, …], or a tuple of such."""
        rng = np.random.default_rng([self.seed, self.epoch, index])
        if isinstance(self.examples, tuple):
            rows = rng.integers(len(self.examples[0]), size=self.batch_size)
            return tuple(array[rows] for array in self.examples)
        return self.examples[rng.integers(len(self.examples), size=self.batch_size)]

    def on_epoch_end(self) -> None:
        """Go on to the next epoch."""
        self.epoch += 1
