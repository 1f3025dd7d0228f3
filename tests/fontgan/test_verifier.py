import functools

import numpy as np
import pytest

from fontgan.metrics.verifier import Glyphs, Verified, draw_pairs, pair_distances, threshold_of, train_verifier, verify

KINDS, FEW = 9, 400
LEARNED, OTHERS = np.linspace(-0.75, 1, 12), np.array([-0.7, -0.1, 0.4, 0.9])


def toy(levels, families=None):
    """Return faces: a character is a square in one of nine places, and a face has one level of ink.

    The levels are [faces], or those of each character, [faces, 9].
    """
    levels = np.broadcast_to(np.asarray(levels).reshape(len(levels), -1), (len(levels), KINDS))
    faces, characters = np.indices(levels.shape).reshape(2, -1)
    images = np.full((len(faces), 28, 28, 1), -1, np.float32)
    for image, level, place in zip(images, levels.ravel(), characters, strict=True):
        row, column = (9 * part for part in divmod(int(place), 3))
        image[row : row + 8, column : column + 8] = level
    families = np.arange(len(levels)) if families is None else np.asarray(families)
    return Glyphs(images, faces, families[faces], characters, KINDS)


@pytest.fixture(scope="module")
def trained():
    """Train for a second or two, and choose a threshold; return a function, what is said of faces."""
    verifier = train_verifier(toy(LEARNED), 0, updates=30)
    threshold = threshold_of(*pair_distances(verifier, toy(np.linspace(-0.65, 0.95, 5)), 0, count=FEW))
    return functools.partial(verify, verifier, threshold, count=FEW)


def test_faces_are_told_apart_by_their_style_alone(trained):
    different = trained(toy(OTHERS), 1)
    assert trained(toy(OTHERS), 1) == different
    assert min(different.accuracy, different.accepted) > 0.9
    alike = trained(toy([0.4, 0.4, 0.4]), 1)
    assert min(alike) > 0.9
    assert alike.accuracy == pytest.approx(0.5, abs=0.05)
    mixed = np.random.default_rng(0).permuted(np.resize(OTHERS, (4, KINDS)), axis=1)
    assert trained(toy(mixed), 1).accepted < 0.4


def test_pairs_are_of_different_characters_and_families():
    glyphs = toy(np.linspace(0, 1, 5), families=[0, 0, 0, 1, 2])
    same, other = draw_pairs(glyphs, 3, count=3000)
    assert same.shape == other.shape == (3000, 2)
    for pairs in (same, other):
        assert (glyphs.characters[pairs[:, 0]] != glyphs.characters[pairs[:, 1]]).all()
    assert (glyphs.faces[same[:, 0]] == glyphs.faces[same[:, 1]]).all()
    assert (glyphs.families[other[:, 0]] != glyphs.families[other[:, 1]]).all()
    for pairs in (same, other):  # the first of each face as often: five standard errors
        assert np.bincount(glyphs.faces[pairs[:, 0]]) == pytest.approx(600, abs=5 * 22)
    np.testing.assert_array_equal(draw_pairs(glyphs, 3, count=3000)[1], other)


@pytest.mark.parametrize("glyphs", [toy([0.1, 0.9], families=[4, 4]), toy([0.1])])
def test_one_family_has_no_pairs_of_two(glyphs):
    with pytest.raises(ValueError, match="two families"):
        draw_pairs(glyphs, 0)


def test_the_threshold_makes_the_fewest_errors():
    assert 3 < threshold_of(np.array([1.0, 2, 3, 9]), np.array([1.5, 4, 5, 6, 7])) < 4
    assert 3 < threshold_of(np.array([1.0, 3]), np.array([4.0] * 100 + [7])) < 4
    same = np.ones(3)
    assert threshold_of(same, same + 1) == 1.5


def test_accuracy_by_hand():
    assert Verified(accepted=0.8, mistaken=0.3).accuracy == pytest.approx(0.75)
    assert Verified(accepted=1.0, mistaken=1.0).accuracy == 0.5
