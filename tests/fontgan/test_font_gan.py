import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from smallfonts import marked, small_letters, tiny_critic, tiny_generator

from fontgan.data.glyphs import LETTERS, SIZE_PX
from fontgan.models.gan import FontGAN
from manymodes.files import save_keras
from manymodes.hub import save_slim
from manymodes.nn.randomness import RandomBatches

L = keras.layers
K = len(LETTERS)
BACKGROUND, INK = -1.0, 1.0
SEED = tf.constant([3, 4], tf.int64)


@pytest.fixture(autouse=True)
def _seeded():
    keras.utils.set_random_seed(0)


def small_gan(condition_dim=0, **options):
    networks = tiny_generator(condition_dim=condition_dim), tiny_critic(condition_dim=condition_dim, group_size=4)
    return FontGAN(*networks, condition_dim=condition_dim, **options)


def telling_gan(**options):
    """Build a GAN whose images are those of `marked` for the kind they are drawn for, latents not looked at."""
    drawn = np.zeros((3 + K, SIZE_PX**2), np.float32)
    drawn[3:] = 10 * marked(range(K)).reshape(K, -1)
    latents = keras.Input((3 + K,))
    pixels = L.Dense(SIZE_PX**2, activation="tanh", use_bias=False)(latents)
    generator = keras.Model(latents, L.Reshape((SIZE_PX, SIZE_PX, 1))(pixels))
    generator.set_weights([drawn])
    return FontGAN(generator, tiny_critic(condition_dim=K), condition_dim=K, **options)


def kinds_of(images):
    distances = np.abs(images[:, None] - marked(range(K))[None]).max(axis=(2, 3, 4))
    assert distances.min(axis=1).max() < 1e-3
    return distances.argmin(axis=1)


def dots(count, row, column):
    images = np.full((count, SIZE_PX, SIZE_PX, 1), BACKGROUND, np.float32)
    images[:, row, column] = INK
    return tf.constant(images)


# --- shifting


@pytest.mark.parametrize("reach", [1, 2, 5])
def test_images_are_shifted_by_whole_pixels_to_all_sides(reach):
    shifted = small_gan(translation_px=reach).augment(dots(6000, 14, 9), SEED).numpy()
    # What is away from the border is kept as it is: one pixel of ink, and nothing but background around it.
    assert shifted.shape == (6000, SIZE_PX, SIZE_PX, 1)
    assert set(np.unique(shifted)) == {BACKGROUND, INK}
    image, row, column, _ = np.nonzero(shifted == INK)
    np.testing.assert_array_equal(image, np.arange(6000))
    found = np.stack([row - 14, column - 9], axis=1)
    steps = range(-reach, reach + 1)
    shifts, counts = np.unique(found, axis=0, return_counts=True)
    assert [tuple(shift) for shift in shifts] == list(itertools.product(steps, steps))
    # Each as often as any other: five standard errors.
    expected = 6000 / len(counts)
    assert np.abs(counts - expected).max() < 5 * expected**0.5


def test_background_comes_in_and_ink_goes_out():
    shifted = small_gan(translation_px=3).augment(tf.ones([200, SIZE_PX, SIZE_PX, 1]), SEED).numpy()[..., 0] == INK
    rows, columns = shifted.any(axis=2), shifted.any(axis=1)
    np.testing.assert_array_equal(shifted, rows[:, :, None] & columns[:, None])
    assert set(rows.sum(axis=1)) == set(columns.sum(axis=1)) == {SIZE_PX - step for step in range(4)}
    # At both ends, but never at both at once: what leaves at the top does not come in again at the bottom.
    for lines in (rows, columns):
        outside = ~lines[:, [0, -1]]
        assert outside.any(axis=0).all()
        assert not outside.all(axis=1).any()


def test_the_seed_decides_how_images_are_shifted():
    gan, images = small_gan(translation_px=2), dots(50, 14, 14)
    first, again, other = (gan.augment(images, tf.constant([3, number], tf.int64)).numpy() for number in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


# --- kinds


def test_kinds_are_one_hot():
    gan, letters = small_gan(K), small_letters(train=1)
    batch = (tf.constant(letters.train.images), tf.constant(letters.train.labels))
    np.testing.assert_array_equal(gan.prepare(batch), letters.train.images)
    np.testing.assert_array_equal(gan.conditions(batch), np.eye(K))
    plain = small_gan()
    assert plain.prepare(batch[0]) is batch[0]
    assert plain.conditions(batch[0]) is None


def test_what_is_asked_for_is_drawn():
    asked = [2, 0, 25, 2, 7]
    images = telling_gan().generate(5, seed=1, kinds=asked)
    assert kinds_of(images).tolist() == asked


def test_kinds_are_drawn_as_often_as_their_shares_say():
    shares = np.zeros(K)
    shares[[3, 10, 20]] = 0.6, 0.3, 0.1
    drawn = np.bincount(kinds_of(telling_gan(shares=shares).generate(2000, seed=1)), minlength=K) / 2000
    # four standard errors of a share of ½ among 2,000
    assert drawn == pytest.approx(shares, abs=0.045)
    assert (drawn[shares == 0] == 0).all()


# --- generating


@pytest.mark.parametrize("condition_dim", [0, 5])
def test_same_seed_same_images(condition_dim):
    gan = small_gan(condition_dim)
    first = gan.generate(9, seed=1)
    assert first.shape == (9, SIZE_PX, SIZE_PX, 1)
    assert first.dtype == np.float32
    np.testing.assert_array_equal(gan.generate(9, seed=1), first)
    assert (gan.generate(9, seed=2) != first).any(axis=(1, 2, 3)).all()
    assert len(np.unique(first.reshape(9, -1), axis=0)) == 9


def test_many_images_are_drawn_as_few_are():
    gan = small_gan()
    latents = tf.random.stateless_normal([1030, 3], [1, 2])
    images = gan.draw(latents)
    assert images.shape == (1030, SIZE_PX, SIZE_PX, 1)
    for place in (0, 511, 512, 1024, 1029):
        np.testing.assert_allclose(images[place : place + 1], gan.draw(latents[place : place + 1]), atol=1e-6)


@pytest.mark.parametrize("condition_dim", [0, 5])
def test_a_model_without_its_critic_draws_the_same(condition_dim, tmp_path):
    gan = small_gan(condition_dim, averaging=0.5, shares=[0.1, 0.2, 0.3, 0.15, 0.25] if condition_dim else None)
    gan.averaged_generator.set_weights([array + 0.1 for array in gan.averaged_generator.get_weights()])
    alone = gan.generating()
    np.testing.assert_array_equal(alone.generate(20, seed=2), gan.generate(20, seed=2))
    assert alone.shares == pytest.approx(gan.shares)
    save_slim(gan, tmp_path / "slim.keras")
    slim = keras.models.load_model(tmp_path / "slim.keras")
    alone.set_weights([np.asarray(values, np.float16).astype(values.dtype) for values in alone.get_weights()])
    np.testing.assert_array_equal(slim.generate(20, seed=2), alone.generate(20, seed=2))
    assert np.abs(slim.generate(20, seed=2) - gan.generate(20, seed=2)).max() < 0.01


# --- saving and training


@pytest.mark.parametrize("condition_dim", [0, 5])
def test_a_saved_model_is_whole(condition_dim, tmp_path):
    shares = [0.1, 0.2, 0.3, 0.15, 0.25] if condition_dim else None
    gan = small_gan(condition_dim, translation_px=3, shares=shares, seed=8, averaging=0.5)
    save_keras(gan, tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    assert isinstance(again, FontGAN)
    # The networks are compared by what they draw: Keras tells the same layers by other numbers once they are loaded.
    settings = [
        {name: part for name, part in one.get_config().items() if not isinstance(part, dict)} for one in (gan, again)
    ]
    assert settings[0] == settings[1]
    assert settings[0].keys() >= {"translation_px", "shares", "condition_dim", "seed", "averaging"}
    assert (again.translation_px, again.condition_dim, again.seed) == (3, condition_dim, 8)
    assert len(again.weights) == len(gan.weights)
    assert again.shares == pytest.approx(gan.shares)
    # Without kinds, so that the shares have their say.
    np.testing.assert_array_equal(again.generate(20, seed=2), gan.generate(20, seed=2))


def trained(gan, data, **options):
    adam = keras.optimizers.Adam
    gan.compile(adam(1e-2), adam(1e-2), **options)
    before = [array.copy() for array in gan.get_weights()]
    logs = gan.fit(data, epochs=2, shuffle=False, verbose=0).history
    assert all(np.isfinite(values).all() for values in logs.values())
    changed = [(old != new).any() for old, new in zip(before, gan.get_weights(), strict=True)]
    assert int(gan.step) == 6
    assert sum(changed) > len(changed) * 0.7
    return gan


def test_fit_takes_images_and_their_kinds():
    letters = small_letters(train=1).train
    # in a graph, where the sizes of a batch are not known, and with all that makes the step long
    options = {"objective": "relativistic", "penalty": "r1r2", "penalty_interval": 2}
    batches = RandomBatches((letters.images, letters.labels), 4, 3, seed=0)
    gan = trained(small_gan(K, translation_px=2, averaging=0.5), batches, **options)
    assert np.isfinite(gan.generate(4, seed=0)).all()


def test_each_image_is_judged_with_its_own_kind():
    # The critic counts the ink at the place of the kind it is told: 1 where image and kind belong together.
    images, kinds = keras.Input((SIZE_PX, SIZE_PX, 1)), keras.Input((K,))
    blocks = L.Flatten()(L.AveragePooling2D(4)(images))
    places = L.Dense(K, use_bias=False)(blocks)
    critic = keras.Model([images, kinds], L.Dot(1)([places, kinds]))
    critic.set_weights([np.eye(49, K, dtype=np.float32)])
    gan = telling_gan()
    gan = FontGAN(gan.generator, critic, condition_dim=K)
    still = keras.optimizers.SGD
    gan.compile(still(0.0), still(0.0), objective="wasserstein", run_eagerly=True)
    labels = np.random.default_rng(0).integers(K, size=12)
    logs = gan.train_on_batch(marked(labels), labels, return_dict=True)
    assert logs["score_gap"] == pytest.approx(0, abs=1e-6)
    assert logs["generator_loss"] == pytest.approx(-1, abs=1e-6)  # what is generated shows its kind as well
    logs = gan.train_on_batch(marked((labels + 1) % K), labels, return_dict=True)
    assert logs["score_gap"] < -0.5
