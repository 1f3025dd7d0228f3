import numpy as np
import pytest
import tensorflow as tf
from smallfonts import BlockClassifier, marked, tiny_gan

from fontgan.data.glyphs import LETTERS, SIZE_PX
from fontgan.metrics import alphabets as module
from fontgan.metrics.alphabets import alphabets, alphabets_of_styles, interpolations
from fontgan.metrics.classifiers import read

K = len(LETTERS)


class Drawer:
    """An unlabelled model that draws given letters, with one strength each."""

    labelled = False

    def __init__(self, labels, strength):
        self.images = marked(labels)
        self.images[self.images > 0] = np.repeat(strength, 16)

    def generate(self, count, **_):
        assert count == len(self.images)
        return self.images


class Painter:
    """An unlabelled model whose latent vectors are the amounts of ink of its letters."""

    labelled = False

    def __init__(self, letters):
        self.places = [LETTERS.index(letter) for letter in letters]

    def codes(self, count, seed, *, stream):
        return tf.random.stateless_normal([count, len(self.places)], [seed, stream])

    def draw(self, codes):
        ink = 9 + np.asarray(codes, np.float64)  # more than any other letter has
        return np.einsum("nk,khwc->nhwc", ink, marked(self.places) + 1) / 2


def test_the_images_read_best_come_first_and_missing_letters_stay_empty(monkeypatch):
    labels, strength = np.array([4, 4, 9, 4, 4]), np.array([0.2, 0.8, 0.5, 0.4, 0.6])
    monkeypatch.setattr(module, "_DRAWN", len(labels))
    sheet = alphabets(Drawer(labels, strength), BlockClassifier(), rows=3)
    assert sheet.shape == (3, K, SIZE_PX, SIZE_PX, 1)
    assert sheet[:, 4].max(axis=(1, 2, 3)) == pytest.approx([0.8, 0.6, 0.4])
    assert sheet[:, 9].max(axis=(1, 2, 3)) == pytest.approx([0.5, -1, -1])
    assert (np.delete(sheet, [4, 9], axis=1) == -1).all()


def test_a_labelled_model_is_asked_for_its_alphabet():
    model = tiny_gan(K, labelled=True)
    sheet = alphabets(model, None, rows=3)
    expected = model.generate(3 * K, seed=module._SEED, kinds=list(range(K)) * 3)
    np.testing.assert_array_equal(sheet.reshape(expected.shape), expected)


def test_a_row_of_styles_is_one_latent_vector_and_a_column_one_letter():
    model = tiny_gan(K, labelled=True)
    sheet = alphabets_of_styles(model, 3)
    styles = tf.random.stateless_normal([3, model.latent_dim], [module._SEED, 0])
    for letter in (0, 13, 25):
        asked = tf.one_hot([letter] * 3, K)
        np.testing.assert_allclose(sheet[:, letter], model.draw(tf.concat([styles, asked], axis=-1)), atol=1e-6)


EVEN = np.linspace(0, 1, module._STEPS)[:, None, None, None]


def test_a_labelled_model_goes_from_a_to_z_in_one_style():
    model = tiny_gan(K, labelled=True)
    ways, ends = interpolations(model, None, rows=3)
    assert (ways.shape, ends) == ((3, module._STEPS, SIZE_PX, SIZE_PX, 1), "AZ")
    style = tf.random.stateless_normal([3, model.latent_dim], [module._SEED, 1])
    first, last = (tf.one_hot([letter] * 3, K) for letter in (0, K - 1))
    for step, share in ((0, 0), (4, 4 / (module._STEPS - 1)), (-1, 1)):
        codes = tf.concat([style, (1 - share) * first + share * last], axis=-1)
        np.testing.assert_allclose(ways[:, step], model.draw(codes), atol=1e-5)


@pytest.mark.parametrize(("letters", "ends"), [(LETTERS, "AZ"), ("QEM", "EQ")])
def test_another_model_goes_from_the_clearest_first_letter_to_the_clearest_last_one(letters, ends):
    model, classifier = Painter(letters), BlockClassifier()
    ways, found = interpolations(model, classifier, rows=4)
    assert found == ends
    reading = read(classifier, model.draw(model.codes(module._DRAWN, module._SEED, stream=1)))
    for images, letter in ((ways[:, 0], ends[0]), (ways[:, -1], ends[1])):
        among = reading.confidence[reading.letters == LETTERS.index(letter)]
        at_end = read(classifier, images)
        assert set(at_end.letters) == {LETTERS.index(letter)}
        np.testing.assert_allclose(at_end.confidence, np.sort(among)[:-5:-1], rtol=1e-5)
    for way in ways:
        np.testing.assert_allclose(way, (1 - EVEN) * way[0] + EVEN * way[-1], atol=1e-5)
