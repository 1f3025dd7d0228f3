import keras
import numpy as np
import pytest
import tensorflow as tf
from smallfonts import BlockClassifier, marked, tiny_critic, tiny_generator

from fontgan.data.fonts import SIZE_PX
from fontgan.data.glyphs import LETTERS
from fontgan.data.sheets import to_pixels
from fontgan.metrics import alphabets as module
from fontgan.metrics.alphabets import alphabets, alphabets_of_styles, interpolations
from fontgan.metrics.classifiers import read
from fontgan.models.gan import FontGAN

K = len(LETTERS)


@pytest.fixture(autouse=True)
def _seeded():
    keras.utils.set_random_seed(0)


def gan(condition_dim=0, **options):
    networks = tiny_generator(condition_dim=condition_dim), tiny_critic(condition_dim=condition_dim)
    return FontGAN(*networks, condition_dim=condition_dim, labelled=condition_dim == K, **options)


class Drawer:
    """Stands in for a model that knows no letters to ask for: draws those it is told to, some more faintly."""

    labelled = False

    def __init__(self, labels, strength):
        self.images = marked(labels)
        self.images[self.images > 0] = np.repeat(strength, 16)

    def generate(self, count, **_):
        assert count == len(self.images)
        return self.images


class Painter:
    """Stands in for a model that knows no letters to ask for: its latent vectors say how much ink each letter gets."""

    labelled = False
    condition_dim = 0

    def __init__(self, letters):
        self.places = [LETTERS.index(letter) for letter in letters]
        self.latent_dim = len(letters)

    def draw(self, latents):
        # More than enough for each, so that no other letter ever has as much.
        ink = 9 + np.asarray(latents, np.float64)
        return np.einsum("nk,khwc->nhwc", ink, marked(self.places) + 1) / 2


# --- alphabets


def test_each_letter_stands_in_its_column(monkeypatch):
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(K), 3))
    monkeypatch.setattr(module, "_DRAWN", len(labels))
    sheet = alphabets(Drawer(labels, np.ones(len(labels))), BlockClassifier(), rows=3)
    assert sheet.shape == (3, K, SIZE_PX, SIZE_PX, 1)
    for row in sheet:
        np.testing.assert_array_equal(row, marked(range(K)))


def test_the_images_read_best_come_first(monkeypatch):
    labels, strength = np.array([4, 4, 4, 4, 9]), np.array([0.2, 0.8, 0.4, 0.6, 0.5])
    monkeypatch.setattr(module, "_DRAWN", len(labels))
    sheet = alphabets(Drawer(labels, strength), BlockClassifier(), rows=3)
    assert sheet[:, 4].max(axis=(1, 2, 3)) == pytest.approx([0.8, 0.6, 0.4])
    assert sheet[:, 9].max(axis=(1, 2, 3)) == pytest.approx([0.5, -1, -1])


def test_letters_that_do_not_occur_are_left_empty(monkeypatch):
    labels = np.repeat([0, 7, 25], 9)
    monkeypatch.setattr(module, "_DRAWN", len(labels))
    sheet = alphabets(Drawer(labels, np.ones(len(labels))), BlockClassifier())
    there = (sheet > -1).any(axis=(0, 2, 3, 4))
    assert "".join(letter for letter, found in zip(LETTERS, there, strict=True) if found) == "AHZ"
    assert (sheet[:, ~there] == -1).all()


def test_a_labelled_model_is_asked_for_its_alphabet():
    model = gan(K)
    # No classifier: what is asked for needs none.
    sheet = alphabets(model, None, rows=3)
    np.testing.assert_array_equal(
        sheet.reshape(-1, *sheet.shape[2:]), model.generate(3 * K, seed=module._SEED, kinds=list(range(K)) * 3)
    )
    assert (np.abs(np.diff(sheet, axis=0)).max(axis=(2, 3, 4)) > 1e-4).all()


def test_a_row_of_styles_is_one_latent_vector_and_a_column_one_letter():
    model = gan(K)
    sheet = alphabets_of_styles(model, 3)
    styles = tf.random.stateless_normal([3, model.latent_dim], [module._SEED, 0])
    for letter in (0, 13, 25):
        asked = tf.one_hot([letter] * 3, K)
        np.testing.assert_allclose(sheet[:, letter], model.draw(tf.concat([styles, asked], axis=-1)), atol=1e-6)
    assert (np.abs(np.diff(sheet, axis=0)).max(axis=(2, 3, 4)) > 1e-4).all()
    assert (np.abs(np.diff(sheet, axis=1)).max(axis=(2, 3, 4)) > 1e-4).all()


# --- ways from A to Z

EVEN = np.linspace(0, 1, module._STEPS)[:, None, None, None]


def test_a_labelled_model_goes_from_a_to_z_in_one_style():
    model = gan(K)
    ways, ends = interpolations(model, None, rows=3)
    assert (ways.shape, ends) == ((3, module._STEPS, SIZE_PX, SIZE_PX, 1), "AZ")
    style = tf.random.stateless_normal([3, model.latent_dim], [module._SEED, 1])
    first, last = (tf.one_hot([letter] * 3, K) for letter in (0, K - 1))
    for step, share in ((0, 0), (4, 4 / (module._STEPS - 1)), (-1, 1)):
        latents = tf.concat([style, (1 - share) * first + share * last], axis=-1)
        np.testing.assert_allclose(ways[:, step], model.draw(latents), atol=1e-5)


@pytest.mark.parametrize(("letters", "ends"), [(LETTERS, "AZ"), ("QEM", "EQ")])
def test_another_model_goes_from_where_it_draws_an_a_to_where_it_draws_a_z(letters, ends):
    model, classifier = Painter(letters), BlockClassifier()
    ways, found = interpolations(model, classifier, rows=4)
    assert found == ends
    drawn = model.draw(module._latents(model))
    reading = read(classifier, drawn)
    for images, letter in ((ways[:, 0], ends[0]), (ways[:, -1], ends[1])):
        among = reading.confidence[reading.letters == LETTERS.index(letter)]
        at_end = read(classifier, images)
        assert set(at_end.letters) == {LETTERS.index(letter)}
        np.testing.assert_allclose(at_end.confidence, np.sort(among)[:-5:-1], rtol=1e-5)
    # What is drawn changes as the latent vectors do, here, and they change evenly.
    for way in ways:
        np.testing.assert_allclose(way, (1 - EVEN) * way[0] + EVEN * way[-1], atol=1e-5)


def test_nan_is_background():
    assert to_pixels(np.array([np.nan, -1, 1, np.inf, -np.inf])).tolist() == [0, 0, 255, 255, 0]
