"""Models whose steps of training and of validation measure the same quantities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

if TYPE_CHECKING:
    from collections.abc import Iterable


class MeasuredModel(keras.Model):
    """A model that is built by its constructor and reports the means of quantities over an epoch.

    Attributes:
        arguments: names of the constructor's arguments, which are attributes.
        seed: of all draws of training.
    """

    arguments: tuple[str, ...]
    seed: int

    def _report(self, names: Iterable[str]) -> None:
        """Report these quantities, the loss among them; called by the constructor."""
        self._trackers = {name: keras.metrics.Mean(name=name) for name in names}
        self.built = True

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {name: getattr(self, name) for name in self.arguments}

    def build(self, input_shape: Any = None) -> None:
        """Mark the model as built: its parts are built by the constructor."""
        self.built = True

    def make_train_function(self, force: bool = False) -> Any:
        """Return the compiled `train_step`; the optimizer has its variables: else the first update is traced twice."""
        self.optimizer.build(self.trainable_variables)
        return super().make_train_function(force)

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """The trackers whose names are the keys that the steps return."""
        return list(self._trackers.values())

    def quantities(self, data: Any, seed: tf.Tensor, *, training: bool) -> dict[str, tf.Tensor]:
        """Return the quantities of a batch of ``fit`` by name, given a stateless seed [2]."""
        raise NotImplementedError

    def _measure(self, data: Any, seed: tf.Tensor, *, training: bool) -> tf.Tensor:
        values = self.quantities(data, seed, training=training)
        for name, value in values.items():
            self._trackers[name].update_state(value)
        return values["loss"]

    def train_step(self, data: Any) -> dict[str, tf.Tensor]:
        """Make one update."""
        seed = tf.stack([tf.constant(self.seed, tf.int64), tf.cast(self.optimizer.iterations, tf.int64)])
        with tf.GradientTape() as tape:
            loss = self._measure(data, seed, training=True)
        variables = self.trainable_variables
        self.optimizer.apply(tape.gradient(loss, variables), variables)
        return {tracker.name: tracker.result() for tracker in self.metrics}

    def test_step(self, data: Any) -> dict[str, tf.Tensor]:
        """Measure a batch, with noise that is the same every time."""
        self._measure(data, tf.constant([self.seed, -1], tf.int64), training=False)
        return {tracker.name: tracker.result() for tracker in self.metrics}
