"""`HoistedLSTM` computes what Keras' LSTM computes, to every derivative that training takes."""

import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from manymodes.nn.recurrent import HoistedLSTM


def pair(wrap=lambda layer: layer, **arguments):
    """Return Keras' layer and ours with equal weights, built for 3 features."""
    both = [wrap(kind(4, use_cudnn=False, **arguments)) for kind in (layers.LSTM, HoistedLSTM)]
    for layer in both:
        layer.build((None, None, 3))
    rng = np.random.default_rng(1)
    weights = [rng.normal(size=weight.shape) for weight in both[0].get_weights()]
    for layer in both:
        layer.set_weights(weights)
    return both


@pytest.fixture
def sequences():
    return tf.constant(np.random.default_rng(2).normal(size=(5, 7, 3)), tf.float32)


def assert_equal(expected, result):
    for theirs, ours in zip(tf.nest.flatten(expected), tf.nest.flatten(result), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "wrap"),
    [
        ({"return_sequences": True, "return_state": True}, lambda layer: layer),
        ({"return_sequences": True, "go_backwards": True}, lambda layer: layer),
        ({}, layers.Bidirectional),
    ],
    ids=["state", "backwards", "both directions"],
)
def test_outputs_and_gradients_are_those_of_keras(sequences, arguments, wrap):
    def outputs_and_gradients(layer):
        with tf.GradientTape() as tape:
            tape.watch(sequences)
            outputs = tf.nest.flatten(layer(sequences))
            # A different weight for each number shows a gradient in the wrong place.
            total = sum(
                tf.reduce_sum(output * tf.reshape(tf.range(tf.size(output), dtype=tf.float32), tf.shape(output)))
                for output in outputs
            )
        return outputs, tape.gradient(total, [sequences, *layer.trainable_variables])

    assert_equal(*map(outputs_and_gradients, pair(wrap, **arguments)))


def test_the_gradient_of_a_gradient_penalty_is_that_of_keras(sequences):
    @tf.function
    def penalty_gradients(layer):
        with tf.GradientTape() as outer:
            with tf.GradientTape() as inner:
                inner.watch(sequences)
                total = tf.reduce_sum(tf.square(layer(sequences)))
            penalty = tf.reduce_sum(tf.square(inner.gradient(total, sequences)))
        return outer.gradient(penalty, layer.trainable_variables)

    assert_equal(*map(penalty_gradients, pair()))


def test_masked_steps_are_left_to_keras(sequences):
    theirs, ours = pair(return_sequences=True)
    mask = tf.sequence_mask([7, 3, 1, 5, 2], 7)
    assert_equal(theirs(sequences, mask=mask), ours(sequences, mask=mask))


def test_half_precision_computes_near_full_precision(sequences):
    full = pair(return_sequences=True)[1]
    half = HoistedLSTM(4, return_sequences=True, dtype="mixed_bfloat16")
    half.build((None, None, 3))
    half.set_weights(full.get_weights())
    outputs = half(sequences)
    assert outputs.dtype == tf.bfloat16
    np.testing.assert_allclose(tf.cast(outputs, tf.float32), full(sequences), atol=0.05)


def test_weight_dropout_drops_recurrent_weights_for_a_whole_sequence(sequences):
    kept, dropped = HoistedLSTM(4), HoistedLSTM(4, weight_dropout=0.5)
    for layer in (kept, dropped):
        layer.build((None, None, 3))
    dropped.set_weights(kept.get_weights() + dropped.get_weights()[3:])
    np.testing.assert_array_equal(dropped(sequences), kept(sequences))
    dropped.cell.recurrent_kernel.assign(tf.ones((4, 16)))
    generator = dropped.weight_dropout.seed_generator
    state = generator.state.numpy()
    trained = dropped(sequences, training=True)
    generator.state.assign(state)
    kept.cell.recurrent_kernel.assign(dropped.weight_dropout(tf.ones((4, 16)), training=True))
    assert set(np.unique(kept.cell.recurrent_kernel)) == {0.0, 2.0}
    np.testing.assert_allclose(trained, kept(sequences), rtol=1e-5)


def test_weight_dropout_is_refused_where_it_would_not_be_applied(sequences):
    with pytest.raises(ValueError, match="weight_dropout"):
        HoistedLSTM(4, weight_dropout=0.5)(sequences, mask=tf.ones((5, 7), tf.bool))
