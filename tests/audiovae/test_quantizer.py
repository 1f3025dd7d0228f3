import math

import numpy as np
import pytest
import tensorflow as tf

from audiovae.models.quantizer import FiniteScalarQuantizer, VectorQuantizer, perplexity


def encodings(*shape, seed=0):
    return tf.constant(np.random.default_rng(seed).standard_normal(shape), tf.float32)


def test_the_nearest_code_wins():
    built, z = VectorQuantizer(6), encodings(4, 5, 3)
    built.build((None, None, 3))
    distances = np.linalg.norm(z.numpy()[:, :, None] - built.codebook.numpy(), axis=-1)
    result = built(z)
    assert result.codes.numpy().tolist() == distances.argmin(axis=-1).tolist()
    assert float(result.commitment) == pytest.approx(np.mean((z.numpy() - built.values_of(result.codes).numpy()) ** 2))


@pytest.mark.parametrize("layer", [VectorQuantizer(6), FiniteScalarQuantizer((4, 4, 4))])
def test_gradients_go_straight_through(layer):
    z = tf.Variable(0.01 * encodings(2, 7, 3))
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(layer(z).values * 3.0)
    gradient = tape.gradient(total, z).numpy()
    # A grid first squeezes encodings by tanh, which near 0 is the identity, and scales them to ±1: (1 + 1e-3) tanh.
    assert gradient == pytest.approx(np.full(z.shape, 3.0), rel=5e-3)


def test_the_first_batch_lays_the_codes_out_among_its_encodings():
    layer, z = VectorQuantizer(16, decay=1.0), encodings(8, 10, 3)
    layer(z, training=True)
    among = np.abs(z.numpy().reshape(-1, 1, 3) - layer.codebook.numpy()).sum(axis=-1).min(axis=0)
    assert among == pytest.approx(np.zeros(16), abs=1e-5)


def test_codes_are_moving_averages_of_what_they_win():
    layer = VectorQuantizer(2, decay=0.9, least_share=0.0)
    layer.build((None, None, 1))
    layer.updates.assign(1)  # laid out already, at −1 and 1, each with half of all encodings
    layer.codebook.assign([[-1.0], [1.0]])
    layer.counts.assign([0.5, 0.5])
    layer.sums.assign([[-0.5], [0.5]])
    layer(tf.constant([[[-3.0], [2.0], [4.0], [0.5]]]), training=True)
    # won: a quarter of the encodings with mean −3, three quarters with mean 13 / 6
    counts = np.array([0.9 * 0.5 + 0.1 * 0.25, 0.9 * 0.5 + 0.1 * 0.75])
    sums = np.array([0.9 * -0.5 + 0.1 * -0.75, 0.9 * 0.5 + 0.1 * 6.5 / 4])
    assert layer.counts.numpy() == pytest.approx(counts)
    assert layer.codebook.numpy()[:, 0] == pytest.approx(sums / counts)


def test_a_collapsed_codebook_comes_alive_again():
    rng = np.random.default_rng(3)
    centres = 10 * rng.standard_normal((16, 2))

    def batch():
        which = rng.integers(16, size=(8, 32))
        return tf.constant(centres[which] + 0.1 * rng.standard_normal((8, 32, 2)), tf.float32)

    used = {}
    for revived in (False, True):
        layer = VectorQuantizer(16, decay=0.9, least_share=0.2 if revived else 0.0)
        layer.build((None, None, 2))
        layer.updates.assign(1)
        layer.codebook.assign(np.full((16, 2), 50.0) + np.arange(16)[:, None])  # all far away, one of them nearest
        layer.counts.assign(np.full(16, 1 / 16))
        layer.sums.assign(layer.codebook / 16)
        learn = tf.function(lambda z, layer=layer: layer(z, training=True).codes)
        for _ in range(150):
            learn(batch())
        used[revived] = len(np.unique(layer(batch()).codes.numpy()))
    assert used[False] <= 2
    assert used[True] >= 13


@pytest.mark.parametrize("levels", [(8, 8, 4), (5, 3), (2,)])
def test_every_code_of_a_grid_is_its_own(levels):
    layer = FiniteScalarQuantizer(levels)
    every = tf.range(math.prod(levels))
    values = layer.values_of(every)
    assert len(np.unique(values.numpy(), axis=0)) == layer.codes == len(every)
    assert np.abs(values.numpy()).max() == 1
    inverse = tf.atanh(tf.clip_by_value(values, -0.999, 0.999))
    assert layer(inverse).codes.numpy().tolist() == list(range(layer.codes))


@pytest.mark.parametrize(
    ("codes", "expected"), [([3, 3, 3], 1), ([0, 0, 1, 1], 2), (list(range(8)) * 5, 8), ([0, 0, 0, 1], 4 / 3**0.75)]
)
def test_perplexity_counts_codes_that_are_used_evenly(codes, expected):
    assert float(perplexity(tf.constant(codes), 16)) == pytest.approx(expected)
