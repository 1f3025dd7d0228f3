import keras
import numpy as np
import tensorflow as tf

from manymodes.nn.randomness import RandomBatches, make_deterministic, reseed_layers

L = keras.layers
ONES = np.ones((4, 6, 50), np.float32)


def noisy_model():
    """Build dropout and noise at the top, in a model within, in a wrapper and in a recurrent cell."""
    inner = keras.Sequential([keras.Input((6, 50)), L.Dropout(0.5)])
    inputs = keras.Input((6, 50))
    recurrent = L.Bidirectional(L.LSTM(2, dropout=0.5, kernel_initializer="ones", recurrent_initializer="zeros"))
    layers = (L.Dropout(0.5), L.Dropout(0.5), L.GaussianNoise(1.0), inner, L.TimeDistributed(L.Dropout(0.5)))
    return keras.Model(inputs, [*(layer(inputs) for layer in layers), recurrent(inputs / 50)])


def draws(models, seed, step):
    reseed_layers(models, seed, tf.constant(step, tf.int64))
    return [np.asarray(output) for model in models for output in model(ONES, training=True)]


def test_the_draws_follow_from_seed_and_step_alone():
    model = noisy_model()
    first = draws([model], 3, 7)
    model(ONES, training=True)  # what was drawn in between leaves no trace
    draws([model], 5, 2)
    again = draws([model], 3, 7)
    elsewhere = draws([noisy_model()], 3, 7)  # another object, other initial states
    for one, two, three in zip(first, again, elsewhere, strict=True):
        np.testing.assert_array_equal(one, two)
        np.testing.assert_array_equal(one, three)
    for seed, step in ((4, 7), (3, 8), (2**31 - 50, 7)):
        for one, other in zip(first, draws([model], seed, step), strict=True):
            assert (one != other).any()


def test_it_works_inside_a_compiled_step():
    small = keras.Sequential([keras.Input((50,)), L.Dropout(0.5)])

    @tf.function
    def update(step):
        reseed_layers([small], 3, step)
        return small(ONES[:, 0], training=True)

    compiled = [update(tf.constant(step, tf.int64)).numpy() for step in (7, 8, 7)]
    np.testing.assert_array_equal(compiled[0], compiled[2])
    assert (compiled[0] != compiled[1]).any()
    reseed_layers([small], 3, tf.constant(8, tf.int64))
    np.testing.assert_array_equal(compiled[1], small(ONES[:, 0], training=True))


def test_a_model_is_the_same_whatever_was_built_before():
    def built(seed):
        make_deterministic(seed)
        model = keras.Sequential([keras.Input((3,)), L.Dense(2), L.Dropout(0.5), L.Dense(1)])
        return [model.name, *(layer.name for layer in model.layers)], [array.tolist() for array in model.get_weights()]

    names, weights = built(3)
    noisy_model()
    keras.Sequential([keras.Input((3,)), L.Dense(2)])
    assert built(3) == (names, weights)
    other_names, other_weights = built(4)
    assert other_names == names  # which are saved with the model
    assert other_weights != weights


EXAMPLES = np.arange(1000, dtype=np.float32).reshape(500, 2)


def epoch_of(batches):
    results = np.stack([batches[index] for index in range(len(batches))])
    batches.on_epoch_end()
    return results


def test_rows_are_drawn_in_proportion_to_their_weights():
    weights = np.array([0, 1, 2, 0, 5, 2, 0])
    batches = RandomBatches(np.arange(7)[:, None], 100, 100, seed=1, weights=weights)
    counts = np.bincount(epoch_of(batches).ravel(), minlength=7)
    assert (counts[weights == 0] == 0).all()
    assert np.abs(counts - 1000 * weights).max() < 5 * np.sqrt(2500)  # five standard deviations


def test_a_batch_follows_from_seed_epoch_and_number_alone():
    one = RandomBatches(EXAMPLES, 8, 5, seed=1)
    other = RandomBatches(EXAMPLES, 8, 9, seed=1)
    backwards = [other[index] for index in reversed(range(5))][::-1]
    np.testing.assert_array_equal(epoch_of(one), backwards)
    seen = [batch.tobytes() for seed in (1, 2) for batch in epoch_of(RandomBatches(EXAMPLES, 8, 5, seed=seed))]
    seen += [batch.tobytes() for batch in epoch_of(one)]
    assert len(set(seen)) == 15


def test_rows_of_several_arrays_belong_together():
    images, labels = RandomBatches((EXAMPLES, EXAMPLES[:, 0] * 2), 16, 3, seed=1)[2]
    np.testing.assert_array_equal(labels, images[:, 0] * 2)
    np.testing.assert_array_equal(images, RandomBatches(EXAMPLES, 16, 3, seed=1)[2])
