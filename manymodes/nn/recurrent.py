"""An LSTM layer whose training does not pay for its weights at every step.

Differentiating a loop makes TensorFlow add up the gradient of the recurrent kernel step by step, reading and writing
the whole of it each time: for 512 units 4 MB a step, more work than the step itself at small batches. Written by hand,
the backward loop keeps only what it needs at each step, and the kernels' gradients are one product after it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf
from keras import layers

if TYPE_CHECKING:
    from collections.abc import Callable


@keras.saving.register_keras_serializable(package="manymodes")
class HoistedLSTM(layers.LSTM):
    """`keras.layers.LSTM` with the same weights and results, faster to train on a CPU.

    Products that need no state are hoisted out of the loops: the input's before the forward one, the weight
    gradients' after the backward one. With a GPU, a mask, dropout, other activations, or carried or unrolled state,
    Keras' own loop runs.

    Args:
        weight_dropout: share of the recurrent weights that training drops, the same ones at every step (Merity et al.,
            "Regularizing and optimizing LSTM language models", 2018). It needs the loop of this layer.
    """

    def __init__(self, *args: Any, weight_dropout: float = 0.0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.weight_dropout = layers.Dropout(weight_dropout, dtype=self.dtype_policy)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "weight_dropout": self.weight_dropout.rate}

    def inner_loop(self, sequences: Any, initial_state: Any, mask: Any, training: bool = False) -> Any:
        """Run over a batch."""
        plain = (
            mask is None
            and not (self.dropout or self.recurrent_dropout or self.stateful or self.unroll)
            and self.use_bias
            and (self.activation, self.recurrent_activation) == (keras.activations.tanh, keras.activations.sigmoid)
            and (self.weight_dropout.rate or not tf.config.list_physical_devices("GPU"))
        )
        if self.weight_dropout.rate and not plain:
            raise ValueError("weight_dropout needs a plain LSTM: without a mask, other dropout, or carried state")
        if not plain:
            return super().inner_loop(sequences, initial_state, mask=mask, training=training)
        steps = tf.transpose(sequences, [1, 0, 2])
        if self.go_backwards:
            steps = steps[::-1]
        kernel, recurrent_kernel, bias = (
            tf.cast(weight, self.compute_dtype)
            for weight in (self.cell.kernel, self.cell.recurrent_kernel, self.cell.bias)
        )
        recurrent_kernel = self.weight_dropout(recurrent_kernel, training=training)
        # Flat, because the gradient of a batched product has a kernel for every step before they are added up.
        flat = tf.matmul(tf.reshape(steps, [-1, kernel.shape[0]]), kernel) + bias
        gates = tf.reshape(flat, [*tf.unstack(tf.shape(steps)[:2]), kernel.shape[1]])
        outputs, carries = _recur(gates, recurrent_kernel, *initial_state)
        every = tf.transpose(outputs, [1, 0, 2]) if self.return_sequences else outputs[-1:]
        return outputs[-1], every, [outputs[-1], carries[-1]]


@tf.custom_gradient
def _recur(
    inputs: tf.Tensor, recurrent_kernel: tf.Tensor, hidden: tf.Tensor, carry: tf.Tensor
) -> tuple[tuple[tf.Tensor, tf.Tensor], Callable[..., tuple[tf.Tensor, ...]]]:
    """Run the recurrence (Hochreiter and Schmidhuber, 1997, with forget gates), gates in the order i, f, g, o.

    The inputs are their part of the gates before the nonlinearities, bias included, [T, B, 4·U]; the recurrent kernel
    is [U, 4·U], and the states before the first step are [B, U]. Gives hidden and carry states after every step, each
    [T, B, U]; and the function of their gradients.
    """
    length = tf.shape(inputs)[0]
    arrays = [tf.TensorArray(inputs.dtype, size=length, element_shape=hidden.shape) for _ in range(2)]
    activated = tf.TensorArray(inputs.dtype, size=length, element_shape=inputs.shape[1:])

    def forward(step: tf.Tensor, hidden: tf.Tensor, carry: tf.Tensor, *written: Any) -> tuple[Any, ...]:
        i, f, g, o = tf.split(inputs[step] + tf.matmul(hidden, recurrent_kernel), 4, axis=-1)
        i, f, g, o = tf.sigmoid(i), tf.sigmoid(f), tf.tanh(g), tf.sigmoid(o)
        carry = f * carry + i * g
        hidden = o * tf.tanh(carry)
        values = (hidden, carry, tf.concat([i, f, g, o], axis=-1))
        written = tuple(array.write(step, value) for array, value in zip(written, values, strict=True))
        return (step + 1, hidden, carry, *written)

    *_, hiddens, carries, activated = tf.while_loop(
        lambda step, *_: step < length, forward, (0, hidden, carry, *arrays, activated), maximum_iterations=length
    )
    hiddens, carries, activated = hiddens.stack(), carries.stack(), activated.stack()

    def gradients(upstream_hidden: tf.Tensor, upstream_carry: tf.Tensor) -> tuple[tf.Tensor, ...]:
        hiddens_before = tf.concat([hidden[None], hiddens[:-1]], axis=0)
        carries_before = tf.concat([carry[None], carries[:-1]], axis=0)
        # Everything that does not depend on another step, for all steps at once.
        i, f, g, o = tf.split(activated, 4, axis=-1)
        squashed = tf.tanh(carries)
        slopes = (g * i * (1 - i), carries_before * f * (1 - f), i * (1 - tf.square(g)))
        to_carries = tf.concat(slopes, axis=-1)
        to_output = squashed * o * (1 - o)
        through_output = o * (1 - tf.square(squashed))
        # Once for all steps: multiplying by a matrix that is read transposed takes four times as long.
        transposed = tf.transpose(recurrent_kernel)

        def backward(
            step: tf.Tensor, to_hidden: tf.Tensor, to_carry: tf.Tensor, written: tf.TensorArray
        ) -> tuple[Any, ...]:
            to_hidden += upstream_hidden[step]
            to_carry += upstream_carry[step] + to_hidden * through_output[step]
            to_gates = tf.concat([tf.tile(to_carry, [1, 3]) * to_carries[step], to_hidden * to_output[step]], axis=-1)
            to_hidden = tf.matmul(to_gates, transposed)
            return step - 1, to_hidden, to_carry * f[step], written.write(step, to_gates)

        zeros = tf.zeros_like(hidden)
        written = tf.TensorArray(inputs.dtype, size=length, element_shape=inputs.shape[1:])
        _, to_hidden, to_carry, written = tf.while_loop(
            lambda step, *_: step >= 0, backward, (length - 1, zeros, zeros, written), maximum_iterations=length
        )
        to_inputs = written.stack()
        units = recurrent_kernel.shape[0]
        to_kernel = tf.matmul(
            tf.reshape(hiddens_before, [-1, units]), tf.reshape(to_inputs, [-1, 4 * units]), transpose_a=True
        )
        return to_inputs, to_kernel, to_hidden, to_carry

    return (hiddens, carries), gradients
