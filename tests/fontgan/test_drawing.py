import numpy as np
import pytest
from smallfonts import LATENTS, BlockClassifier, drawing_gan, marked

from fontgan.data.glyphs import LETTERS, SIZE_PX
from fontgan.typeface.drawing import between, draw, found_style, style
from manymodes.cli import UserError

K = len(LETTERS)
BLOCK = (slice(20, 24), slice(20, 24))  # no letter's: it shows a latent vector's first number


@pytest.fixture(scope="module")
def labelled():
    letters, latents = marked(range(K)), np.zeros((LATENTS, SIZE_PX, SIZE_PX, 1))
    letters[(slice(None), *BLOCK)], latents[(0, *BLOCK)] = 0, 0.5
    return drawing_gan(letters, latents=latents, labelled=True)


def letters_of(images):
    return BlockClassifier().predict(images[..., None])[1].argmax(axis=1)


def test_a_style_is_one_latent_vector_and_every_letter_as_the_model_draws_it(labelled):
    codes = style(labelled, 7)
    assert codes.shape == (K, LATENTS + K)
    assert (codes[:, :LATENTS] == codes[0, :LATENTS]).all()
    images = draw(labelled, codes)
    np.testing.assert_array_equal(letters_of(images), range(K))
    np.testing.assert_allclose(images[3], labelled.generate(1, seed=7, kinds=[3])[0, ..., 0], atol=1e-6)


def test_found_letters_are_of_one_style_and_follow_from_the_seed():
    # groups are the letters, from Z to A, first bold, then light, and two that are nothing
    light = marked(range(K))[::-1]
    bold = np.maximum(light, np.roll(light, 1, axis=1))
    searched = drawing_gan(np.concatenate([bold, light, np.full((2, SIZE_PX, SIZE_PX, 1), -1.0)]))
    weights = set()
    for seed in range(8):
        codes = found_style(searched, BlockClassifier(), seed)
        np.testing.assert_array_equal(found_style(searched, BlockClassifier(), seed), codes)
        images = draw(searched, codes)
        np.testing.assert_array_equal(letters_of(images), range(K))
        (weight,) = set((images > 0).sum(axis=(1, 2)))
        weights.add(int(weight))
    assert weights == {16, 20}


def test_letters_that_are_not_found_are_named():
    some = marked([letter for letter in range(K) if LETTERS[letter] not in "QX"])
    with pytest.raises(UserError, match="draws no Q, X that can be read in style 3"):
        found_style(drawing_gan(some), BlockClassifier(), 3)


def test_a_model_that_draws_nan_is_refused():
    broken = drawing_gan(np.full((K, SIZE_PX, SIZE_PX, 1), np.nan), labelled=True)
    with pytest.raises(UserError, match="has diverged"):
        draw(broken, style(broken, 0))


def test_a_way_has_both_ends(labelled):
    first, last = style(labelled, 1), style(labelled, 2)
    way = between(first, last, 5, LATENTS)
    assert way.shape == (5, K, LATENTS + K)
    np.testing.assert_allclose(way[0], first, atol=1e-6)
    np.testing.assert_allclose(way[-1], last, atol=1e-6)
    np.testing.assert_array_equal(way[:, :, LATENTS:], np.broadcast_to(np.eye(K), (5, K, K)))


def test_latent_vectors_keep_their_length_on_the_way():
    rng = np.random.default_rng(0)
    ends = rng.normal(size=(2, 64))
    ends *= 8 / np.linalg.norm(ends, axis=1, keepdims=True)
    way = between(*ends, 9, 64)
    np.testing.assert_allclose(np.linalg.norm(way, axis=1), 8, rtol=1e-5)
    steps = np.linalg.norm(np.diff(way, axis=0), axis=1)
    np.testing.assert_allclose(steps, steps[0], rtol=1e-4)
