import keras
import numpy as np
import pytest
import tensorflow as tf

from fontgan.data.glyphs import LETTERS, SIZE_PX
from fontgan.models.networks import build_discriminator, build_generator, build_sharp_critic, build_sharp_generator

L = keras.layers
K = len(LETTERS)


@pytest.fixture(autouse=True)
def _seeded():
    keras.utils.set_random_seed(0)


def of_kind(network, kind):
    return [layer for layer in network.layers if isinstance(layer, kind)]


def noise(*shape):
    return tf.random.stateless_normal(shape, [1, 2])


def pictures(count, planes=1):
    return tf.tanh(noise(count, SIZE_PX, SIZE_PX, planes))


@pytest.mark.parametrize("build", [build_generator, build_sharp_generator])
@pytest.mark.parametrize("planes", [1, 3])
def test_images_reach_from_background_to_ink_and_no_farther(build, planes):
    network = build(latent_dim=7, condition_dim=5, planes=planes)
    # Latents this large drive every pixel to one end or the other.
    images = network(1e4 * noise(8, 12)).numpy()
    assert (images.shape, images.dtype) == ((8, 28, 28, planes), np.float32)
    assert images.min() == pytest.approx(-1, abs=1e-3)
    assert images.max() == pytest.approx(1, abs=1e-3)
    assert np.abs(images).max() <= 1


@pytest.mark.parametrize("build", [build_discriminator, build_sharp_critic])
@pytest.mark.parametrize(("condition_dim", "planes"), [(0, 1), (0, 3), (5, 3)])
def test_critics_turn_images_into_scores_of_any_size(build, condition_dim, planes):
    network, images = build(condition_dim=condition_dim, planes=planes), 1e3 * pictures(5, planes)
    asked = [noise(5, condition_dim)] if condition_dim else []
    whole, part = (network([one, *asked] if asked else one) for one in (images, images * [*[1.0] * (planes - 1), 0.0]))
    assert (whole.shape, whole.dtype) == ((5, 1), tf.float32)
    assert np.abs(whole).max() > 1  # not squashed
    assert np.abs(whole - part).max() > 0  # the last plane counts


def test_the_networks_are_the_course_s():
    generator, discriminator = build_generator(), build_discriminator()
    assert generator.input_shape == (None, 100)
    assert of_kind(generator, L.Dense)[0].units == 7 * 7 * 128
    assert [layer.output.shape[1:] for layer in of_kind(generator, L.Conv2DTranspose)] == [(14, 14, 64), (28, 28, 1)]
    assert len(of_kind(generator, L.BatchNormalization)) == len(of_kind(generator, L.ReLU)) == 2
    convolutions = of_kind(discriminator, L.Conv2D)
    assert [layer.output.shape[1:] for layer in convolutions] == [(14, 14, 64), (7, 7, 128), (4, 4, 256)]
    assert [layer.negative_slope for layer in of_kind(discriminator, L.LeakyReLU)] == pytest.approx([0.2] * 3)
    assert [layer.rate for layer in of_kind(discriminator, L.Dropout)] == [0.25] * 3
    # Normalisation would let examples of a batch see each other, real and generated ones at once.
    assert of_kind(discriminator, L.BatchNormalization) == []


@pytest.mark.parametrize("condition_dim", [0, K])
@pytest.mark.parametrize(
    "build", [lambda **options: build_discriminator(minibatch=True, **options), build_sharp_critic]
)
def test_images_are_compared_within_their_group(build, condition_dim):
    network = build(condition_dim=condition_dim, group_size=4)

    def score(images):
        asked = tf.one_hot([3] * len(images), K)
        return network([images, asked] if condition_dim else images).numpy()

    real = pictures(4)
    copies = tf.repeat(real[:1], 4, axis=0)
    together = score(tf.concat([real, copies], axis=0))
    assert together[:4] == pytest.approx(score(real), abs=1e-4)
    assert together[4:] == pytest.approx(score(copies), abs=1e-4)
    # the same image scores otherwise among copies of itself
    assert abs(together[4] - together[0]) > 1e-5


def test_the_style_reaches_every_layer():
    network = build_sharp_generator(latent_dim=4, channels=(8, 8, 8), style=8)
    _, _, layout, *ways = dense = of_kind(network, L.Dense)
    assert len(of_kind(network, L.RMSNormalization)) == 5  # 7×7 once, 14×14 and 28×28 twice
    assert len(ways) == 2 * 5  # a scale and a shift for each
    # An image for the styles to work on: normalised zeros have nothing to scale.
    layout.bias.assign(np.random.default_rng(0).normal(size=layout.bias.shape))
    latents, kernels = noise(2, 4), [layer.kernel.numpy() for layer in dense]

    def difference(only):
        """Return how far two images are apart if the style only reaches one layer."""
        for layer, kernel in zip(dense[2:], kernels[2:], strict=True):
            layer.kernel.assign(kernel if layer is only else np.zeros_like(kernel))
        images = network(latents).numpy()
        return np.abs(images[0] - images[1]).max()

    assert difference(None) < 1e-6
    assert min(difference(layer) for layer in (layout, *ways)) >= 1e-4
