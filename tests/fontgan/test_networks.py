import keras
import numpy as np
import pytest
import tensorflow as tf

from fontgan.data.glyphs import LETTERS, SIZE_PX
from fontgan.models.networks import build_discriminator, build_generator, build_sharp_critic, build_sharp_generator
from manymodes.nn.adversarial import FEATURES
from manymodes.nn.layers import MinibatchDiscrimination

L = keras.layers
K = len(LETTERS)
GENERATORS = [build_generator, build_sharp_generator]
CRITICS = [build_discriminator, build_sharp_critic]


@pytest.fixture(autouse=True)
def _seeded():
    keras.utils.set_random_seed(0)


def of_kind(network, kind):
    return [layer for layer in network.layers if isinstance(layer, kind)]


def noise(*shape):
    return tf.random.stateless_normal(shape, [1, 2])


def pictures(count):
    return tf.tanh(noise(count, SIZE_PX, SIZE_PX, 1))


def letters_asked(*numbers):
    return tf.one_hot(numbers, K)


def inputs_for(network, count):
    inputs = [noise(count, *place.shape[1:]) for place in network.inputs]
    return inputs if len(inputs) > 1 else inputs[0]


# --- shapes


@pytest.mark.parametrize("condition_dim", [0, 5])
@pytest.mark.parametrize("build", GENERATORS)
def test_generators_turn_latents_and_conditions_into_images(build, condition_dim):
    network = build(latent_dim=7, condition_dim=condition_dim)
    images = network(noise(3, 7 + condition_dim))
    assert network.input_shape == (None, 7 + condition_dim)
    assert images.shape == (3, 28, 28, 1)
    assert images.dtype == tf.float32


@pytest.mark.parametrize("build", GENERATORS)
def test_images_reach_from_background_to_ink_and_no_farther(build):
    # Latents this large drive every pixel to one end or the other.
    images = build(latent_dim=7)(1e4 * noise(8, 7)).numpy()
    assert images.min() == pytest.approx(-1, abs=1e-3)
    assert images.max() == pytest.approx(1, abs=1e-3)
    assert np.abs(images).max() <= 1


@pytest.mark.parametrize("build", CRITICS)
def test_critics_turn_images_into_scores_of_any_size(build):
    network = build()
    assert network.input_shape == (None, 28, 28, 1)
    scores = network(1e3 * pictures(5))
    assert scores.shape == (5, 1)
    assert scores.dtype == tf.float32
    assert np.abs(scores).max() > 1  # not squashed


@pytest.mark.parametrize("build", CRITICS)
def test_conditional_critics_judge_one_image_by_what_was_asked_for(build):
    network = build(condition_dim=K)
    assert network.input_shape == [(None, 28, 28, 1), (None, K)]
    scores = network([tf.repeat(pictures(1), 3, axis=0), letters_asked(0, 1, 0)]).numpy()[:, 0]
    assert scores[0] == pytest.approx(scores[2], abs=1e-6)
    assert abs(scores[0] - scores[1]) > 1e-5


@pytest.mark.parametrize("build", [*GENERATORS, *CRITICS])
def test_mixed_precision_ends_in_full_precision(build):
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        network = build(condition_dim=2)
    finally:
        keras.mixed_precision.set_global_policy("float32")
    assert of_kind(network, L.Dense)[0].compute_dtype == "float16"
    outputs = network(inputs_for(network, 2))
    assert outputs.dtype == tf.float32
    assert np.isfinite(outputs).all()


# --- the course's networks


def test_the_generator_is_the_course_s():
    network = build_generator()
    assert network.input_shape == (None, 100)
    dense, reshape = of_kind(network, L.Dense)[0], of_kind(network, L.Reshape)[0]
    assert (dense.units, reshape.output.shape) == (7 * 7 * 128, (None, 7, 7, 128))
    convolutions = of_kind(network, L.Conv2DTranspose)
    assert [layer.output.shape[1:] for layer in convolutions] == [(14, 14, 64), (28, 28, 1)]
    assert {layer.strides for layer in convolutions} == {(2, 2)}
    assert [layer.activation for layer in convolutions] == [keras.activations.linear, keras.activations.tanh]
    assert len(of_kind(network, L.BatchNormalization)) == len(of_kind(network, L.ReLU)) == 2


def test_the_discriminator_is_the_course_s():
    network = build_discriminator()
    convolutions = of_kind(network, L.Conv2D)
    assert [layer.filters for layer in convolutions] == [64, 128, 256]
    assert [layer.output.shape[1:3] for layer in convolutions] == [(14, 14), (7, 7), (4, 4)]
    assert {layer.strides for layer in convolutions} == {(2, 2)}
    assert [layer.negative_slope for layer in of_kind(network, L.LeakyReLU)] == pytest.approx([0.2] * 3)
    assert [layer.rate for layer in of_kind(network, L.Dropout)] == [0.25] * 3
    # Normalisation would let examples of a batch see each other, real and generated ones at once.
    assert of_kind(network, L.BatchNormalization) == []


def test_dropout_is_for_training_and_as_strong_as_asked():
    images = pictures(2)
    for rate, alike in ((0.0, True), (0.5, False)):
        network = build_discriminator(dropout=rate)
        assert np.allclose(network(images, training=True), network(images, training=True), atol=1e-6) == alike
        np.testing.assert_array_equal(network(images), network(images))


def test_conditions_are_a_second_channel_of_the_discriminator():
    plain, asked = build_discriminator(), build_discriminator(condition_dim=K)
    first = [of_kind(network, L.Conv2D)[0].kernel.shape for network in (plain, asked)]
    assert first == [(4, 4, 1, 64), (4, 4, 2, 64)]


# --- what other modules rely on


@pytest.mark.parametrize("condition_dim", [0, K])
@pytest.mark.parametrize(
    ("build", "shape"), [(build_discriminator, (None, 4, 4, 256)), (build_sharp_critic, (None, 128))]
)
def test_features_are_the_last_that_are_an_image_s_own(build, shape, condition_dim):
    network = build(condition_dim=condition_dim)
    features = network.get_layer(FEATURES)
    assert isinstance(features, L.LeakyReLU)
    assert features.output.shape == shape
    after = network.layers[network.layers.index(features) + 1 :]
    assert not any(isinstance(layer, L.Conv2D | L.LeakyReLU) for layer in after)


def test_images_are_compared_only_where_that_is_asked_for():
    assert of_kind(build_discriminator(group_size=4), MinibatchDiscrimination) == []
    for network in (build_discriminator(minibatch=True, group_size=4), build_sharp_critic(group_size=4)):
        (layer,) = of_kind(network, MinibatchDiscrimination)
        assert layer.group_size == 4


@pytest.mark.parametrize("condition_dim", [0, K])
@pytest.mark.parametrize(
    "build", [lambda **options: build_discriminator(minibatch=True, **options), build_sharp_critic]
)
def test_images_are_compared_within_their_group(build, condition_dim):
    network = build(condition_dim=condition_dim, group_size=4)

    def score(images):
        asked = letters_asked(*[3] * len(images))
        return network([images, asked] if condition_dim else images).numpy()

    real = pictures(4)
    copies = tf.repeat(real[:1], 4, axis=0)
    together = score(tf.concat([real, copies], axis=0))
    assert together[:4] == pytest.approx(score(real), abs=1e-4)
    assert together[4:] == pytest.approx(score(copies), abs=1e-4)
    # the same image scores otherwise among copies of itself
    assert abs(together[4] - together[0]) > 1e-5


def test_the_sharp_critic_adds_a_projection_of_the_condition():
    network = build_sharp_critic(condition_dim=K)
    images = pictures(3)
    features = keras.Model(network.inputs[0], network.get_layer(FEATURES).output)(images).numpy()
    (projection,) = (layer.kernel.numpy() for layer in of_kind(network, L.Dense) if layer.kernel.shape[0] == K)
    without = network([images, tf.zeros([3, K])]).numpy()[:, 0]
    for letters in ((0, 1, 2), (25, 25, 25)):
        added = network([images, letters_asked(*letters)]).numpy()[:, 0] - without
        assert added == pytest.approx((features * projection[list(letters)]).sum(axis=1), abs=1e-4)


@pytest.mark.parametrize("network", [build_sharp_generator, build_sharp_critic])
def test_the_sharp_networks_do_not_normalise_across_the_batch(network):
    assert of_kind(network(), L.BatchNormalization) == []


# --- styles


def test_the_style_reaches_every_layer():
    network = build_sharp_generator(latent_dim=4, channels=(8, 8, 8), style=8)
    *_, layout, first = (
        position for position, layer in enumerate(of_kind(network, L.Dense)) if layer.units != 8 or position == 3
    )
    assert (layout, first) == (2, 3)
    dense = of_kind(network, L.Dense)
    assert len(of_kind(network, L.RMSNormalization)) == 5  # 7×7 once, 14×14 and 28×28 twice
    assert len(dense) == first + 2 * 5  # a scale and a shift for each
    # An image for the styles to work on: normalised zeros have nothing to scale.
    dense[layout].bias.assign(np.random.default_rng(0).normal(size=dense[layout].bias.shape))
    latents, kernels = noise(2, 4), [layer.kernel.numpy() for layer in dense]
    ways = range(layout, len(dense))

    def difference(only):
        """Draw with all ways closed but one, two latent vectors; return how far apart the images are."""
        for way in ways:
            dense[way].kernel.assign(kernels[way] if way == only else np.zeros_like(kernels[way]))
        images = network(latents).numpy()
        return np.abs(images[0] - images[1]).max()

    assert difference(None) < 1e-6  # but for rounding
    assert [way for way in ways if difference(way) < 1e-4] == []


def test_sizes_are_arguments():
    generator = build_sharp_generator(latent_dim=6, condition_dim=2, channels=(24, 16, 8), style=10)
    assert generator.input_shape == (None, 8)
    assert [layer.filters for layer in of_kind(generator, L.Conv2D)] == [24, 16, 8, 1]
    assert [layer.output.shape[1] for layer in of_kind(generator, L.Conv2D)] == [7, 14, 28, 28]
    assert [layer.filters for layer in of_kind(generator, L.Conv2DTranspose)] == [16, 8]
    assert [layer.output.shape[1] for layer in of_kind(generator, L.Conv2DTranspose)] == [14, 28]
    assert [layer.units for layer in of_kind(generator, L.Dense)][:3] == [10, 10, 7 * 7 * 24]
    critic = build_sharp_critic(channels=(4, 6, 8), width=12)
    assert [layer.filters for layer in of_kind(critic, L.Conv2D)] == [4, 6, 8]
    assert [layer.output.shape[1] for layer in of_kind(critic, L.Conv2D)] == [14, 14, 7]
    assert critic.get_layer(FEATURES).output.shape == (None, 12)


@pytest.mark.parametrize("build", [*GENERATORS, *CRITICS])
def test_networks_can_be_cloned_and_saved(build, tmp_path):
    network = build(condition_dim=2)
    clone = keras.models.clone_model(network)
    assert [weight.shape for weight in clone.weights] == [weight.shape for weight in network.weights]
    network.save(tmp_path / "network.keras")
    loaded = keras.models.load_model(tmp_path / "network.keras")
    inputs = inputs_for(network, 2)
    np.testing.assert_array_equal(loaded(inputs), network(inputs))
