"""Layers that several packages use; they are registered, so that saved models load without further imports."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="manymodes")
class MinibatchDiscrimination(keras.Layer):
    """Append to each example how close it is to the others of its batch (Salimans et al., 2016).

    Features [batch, width] are projected to M [batch, kernels, kernel_dim]; the appended feature of kernel b is
    Σ_j exp(−‖M_ib − M_jb‖₁) over the other examples j, divided by their number so that it does not depend on
    the size of the batch. A generator that repeats itself drives it to 1, which the discriminator can see.

    Args:
        kernels: number of appended features.
        kernel_dim: dimensions in which each of them measures distance.
        group_size: examples are compared within consecutive groups of this size, such as real and generated ones that
            share a call. None, or a batch that is not divisible, makes the whole batch one group.
    """

    def __init__(self, kernels: int = 16, kernel_dim: int = 8, group_size: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.kernels, self.kernel_dim, self.group_size = kernels, kernel_dim, group_size

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the projection [width, kernels × kernel_dim]."""
        self.projection = self.add_weight(
            name="projection",
            shape=(input_shape[-1], self.kernels * self.kernel_dim),
            # At Glorot's scale, distances over kernel_dim are so large that exp(−distance) has no gradient.
            initializer=keras.initializers.VarianceScaling(self.kernel_dim**-2.0, "fan_in", "uniform"),
        )

    def call(self, inputs: Any) -> Any:
        """Map [batch, width] to [batch, width + kernels]."""
        batch = ops.shape(inputs)[0]
        group = batch
        if self.group_size is not None:
            group = ops.where(batch % self.group_size == 0, self.group_size, batch)
        projected = ops.matmul(inputs, self.projection)
        projected = ops.reshape(projected, (-1, group, self.kernels, self.kernel_dim))
        distances = ops.sum(ops.abs(projected[:, :, None] - projected[:, None]), axis=-1)
        closeness = ops.sum(ops.exp(-distances), axis=2) - 1.0  # the example itself contributes exp(0)
        others = ops.maximum(ops.cast(group, closeness.dtype) - 1.0, 1.0)
        closeness = ops.reshape(closeness / others, (-1, self.kernels))
        return ops.concatenate([inputs, closeness], axis=-1)

    def compute_output_shape(self, input_shape: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return (batch, width + kernels)."""
        return (input_shape[0], input_shape[-1] + self.kernels)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        names = ("kernels", "kernel_dim", "group_size")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
