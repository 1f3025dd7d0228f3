import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from smallfonts import BlockClassifier, drawing_gan, marked, tiny_gan

from fontgan.data.glyphs import LETTERS, SIZE_PX
from fontgan.models.gan import FontGAN
from manymodes.files import save_keras

K = len(LETTERS)
BACKGROUND, INK = -1.0, 1.0
SEED = tf.constant([3, 4], tf.int64)


def dots(count, row, column):
    images = np.full((count, SIZE_PX, SIZE_PX, 1), BACKGROUND, np.float32)
    images[:, row, column] = INK
    return tf.constant(images)


@pytest.mark.parametrize("reach", [1, 2, 5])
def test_images_are_shifted_by_whole_pixels_to_all_sides(reach):
    shifted = tiny_gan(translation_px=reach).augment(dots(6000, 14, 9), SEED).numpy()
    # What is away from the border is kept as it is: one pixel of ink, and nothing but background around it.
    assert shifted.shape == (6000, SIZE_PX, SIZE_PX, 1)
    assert set(np.unique(shifted)) == {BACKGROUND, INK}
    image, row, column, _ = np.nonzero(shifted == INK)
    np.testing.assert_array_equal(image, np.arange(6000))
    result = np.stack([row - 14, column - 9], axis=1)
    steps = range(-reach, reach + 1)
    shifts, counts = np.unique(result, axis=0, return_counts=True)
    assert [tuple(shift) for shift in shifts] == list(itertools.product(steps, steps))
    # Each as often as any other: five standard errors.
    expected = 6000 / len(counts)
    assert np.abs(counts - expected).max() < 5 * expected**0.5


def test_background_comes_in_and_ink_goes_out():
    shifted = tiny_gan(translation_px=3).augment(tf.ones([200, SIZE_PX, SIZE_PX, 1]), SEED).numpy()[..., 0] == INK
    rows, columns = shifted.any(axis=2), shifted.any(axis=1)
    np.testing.assert_array_equal(shifted, rows[:, :, None] & columns[:, None])
    assert set(rows.sum(axis=1)) == set(columns.sum(axis=1)) == {SIZE_PX - step for step in range(4)}
    # At both ends, but never at both at once: what leaves at the top does not come in again at the bottom.
    for lines in (rows, columns):
        outside = ~lines[:, [0, -1]]
        assert outside.any(axis=0).all()
        assert not outside.all(axis=1).any()


def test_kinds_are_drawn_as_often_as_their_shares_say():
    shares = np.zeros(K)
    shares[[3, 10, 20]] = 0.6, 0.3, 0.1
    images = drawing_gan(marked(range(K)), shares=shares).generate(2000, seed=1)
    drawn = np.bincount(BlockClassifier().predict(images)[1].argmax(axis=1), minlength=K) / 2000
    # four standard errors of a share of ½ among 2,000
    assert drawn == pytest.approx(shares, abs=0.045)
    assert (drawn[shares == 0] == 0).all()


@pytest.mark.parametrize("condition_dim", [0, 5])
def test_a_saved_model_is_whole_and_the_same_seed_gives_the_same_images(condition_dim, tmp_path):
    shares = [0.1, 0.2, 0.3, 0.15, 0.25] if condition_dim else None
    gan = tiny_gan(condition_dim, translation_px=3, shares=shares, seed=8, averaging=0.5, spread=1.5)
    np.testing.assert_array_equal(gan.latents(3, 4), np.float32(1.5) * tiny_gan().latents(3, 4))
    first = gan.generate(600, seed=1)  # more than are drawn at once
    assert (first.shape, first.dtype) == ((600, SIZE_PX, SIZE_PX, 1), np.float32)
    assert (gan.generate(600, seed=2) != first).any(axis=(1, 2, 3)).all()
    np.testing.assert_allclose(gan.draw(gan.codes(600, 1)[590:]), first[590:], atol=1e-6)
    save_keras(gan, tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    assert isinstance(again, FontGAN)
    assert (again.translation_px, again.condition_dim, again.seed) == (3, condition_dim, 8)
    assert len(again.weights) == len(gan.weights)
    assert again.shares == pytest.approx(gan.shares)
    np.testing.assert_array_equal(again.generate(600, seed=1), first)
