from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from smallfonts import BlockClassifier, marked, tiny_gan

from fontgan.data.glyphs import LETTERS, SIZE_PX
from fontgan.metrics import alphabets as module
from fontgan.metrics.alphabets import alphabets, alphabets_of_styles, interpolations

K = len(LETTERS)


def test_the_images_read_best_come_first_and_missing_letters_stay_empty():
    images = marked([4, 4, 9, 4, 4])
    images[images > 0] = np.repeat([0.2, 0.8, 0.5, 0.4, 0.6], 16)
    model = SimpleNamespace(labelled=False, generate=lambda *_, **__: images)
    sheet = alphabets(model, BlockClassifier(), rows=3)
    assert sheet.shape == (3, K, SIZE_PX, SIZE_PX, 1)
    assert sheet[:, 4].max(axis=(1, 2, 3)) == pytest.approx([0.8, 0.6, 0.4])
    assert sheet[:, 9].max(axis=(1, 2, 3)) == pytest.approx([0.5, -1, -1])
    assert (np.delete(sheet, [4, 9], axis=1) == -1).all()


def test_a_row_of_styles_is_one_latent_vector_and_a_column_one_letter():
    model = tiny_gan(K, labelled=True)
    sheet = alphabets_of_styles(model, 3)
    styles = model.latents(3, module._SEED)
    for letter in (0, 13, 25):
        asked = tf.one_hot([letter] * 3, K)
        np.testing.assert_allclose(sheet[:, letter], model.draw(tf.concat([styles, asked], axis=-1)), atol=1e-6)


def test_a_labelled_model_goes_from_a_to_z_in_one_style():
    model = tiny_gan(K, labelled=True)
    ways, ends = interpolations(model, None, rows=3)
    assert (ways.shape, ends) == ((3, module._STEPS, SIZE_PX, SIZE_PX, 1), "AZ")
    style = model.latents(3, module._SEED, 1)
    first, last = (tf.one_hot([letter] * 3, K) for letter in (0, K - 1))
    for step, share in ((0, 0), (4, 4 / (module._STEPS - 1)), (-1, 1)):
        codes = tf.concat([style, (1 - share) * first + share * last], axis=-1)
        np.testing.assert_allclose(ways[:, step], model.draw(codes), atol=1e-5)
