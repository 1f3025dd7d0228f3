import keras
import numpy as np
import pytest

from manymodes.nn.layers import MinibatchDiscrimination


def closeness(inputs, projection, *, kernels=1, group_size=None):
    """Return what the layer appends, [batch, kernels], after checking that it only appends."""
    inputs, projection = np.asarray(inputs, np.float32), np.asarray(projection, np.float32)
    layer = MinibatchDiscrimination(kernels, projection.shape[1] // kernels, group_size)
    layer.build(inputs.shape)
    layer.projection.assign(projection)
    outputs = np.asarray(layer(inputs))
    np.testing.assert_array_equal(outputs[:, : inputs.shape[1]], inputs)
    assert outputs.shape == layer.compute_output_shape(inputs.shape)
    return outputs[:, inputs.shape[1] :]


def test_a_batch_of_three_by_hand():
    # The projected values are 0, ln 2 and ln 4: the closenesses of the pairs are 1/2, 1/2 and 1/4.
    inputs = [[0.0, 9.0], [np.log(2), -9.0], [np.log(4), 0.0]]
    result = closeness(inputs, [[1.0], [0.0]])
    np.testing.assert_allclose(result, [[(1 / 2 + 1 / 4) / 2], [1 / 2], [(1 / 4 + 1 / 2) / 2]], rtol=1e-5)


def test_distance_is_the_sum_over_the_dimensions_of_a_kernel():
    # Kernel 1 sees (x, y), kernel 2 sees (0, 3 x): the projections are kernel by kernel.
    inputs = [[0.0, 0.0], [np.log(2), -np.log(3)]]
    result = closeness(inputs, [[1.0, 0.0, 0.0, 3.0], [0.0, 1.0, 0.0, 0.0]], kernels=2)
    np.testing.assert_allclose(result, [[1 / 6, 1 / 8]] * 2, rtol=1e-5)


@pytest.mark.parametrize("group_size", [None, 4, 5, 100])
def test_without_whole_groups_the_batch_is_one_group(group_size):
    rng = np.random.default_rng(2)
    inputs, projection = rng.normal(size=(6, 3)), rng.normal(size=(3, 4)) / 3
    one_group = closeness(inputs, projection, kernels=2, group_size=6)
    np.testing.assert_array_equal(closeness(inputs, projection, kernels=2, group_size=group_size), one_group)
    assert (closeness(inputs, projection, kernels=2, group_size=3) != one_group).any()


def test_a_saved_model_with_it_loads_by_itself(tmp_path):
    inputs = keras.Input((3,))
    model = keras.Model(inputs, MinibatchDiscrimination(5, 2, group_size=2)(inputs))
    assert model.output_shape == (None, 8)
    assert model.count_params() == 3 * 5 * 2
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    batch = np.random.default_rng(4).normal(size=(4, 3)).astype("float32")
    # Not symbolic sizes alone: in one graph, a divisible and an indivisible batch.
    for rows in (4, 3):
        np.testing.assert_array_equal(loaded.predict(batch[:rows], verbose=0), model.predict(batch[:rows], verbose=0))
    np.testing.assert_allclose(loaded.predict(batch, verbose=0), model(batch), rtol=1e-5)
