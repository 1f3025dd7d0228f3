import itertools

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from fontgan.data.fonts import BUNDLED
from fontgan.data.glyphs import LETTERS, SIZE_PX
from fontgan.typeface.outlines import trace, trace_field

FINE = 32  # samples along a pixel's side
UPRIGHT = ("regular", "mono bold", "serif bold")
HAIRLINES = ("serif bold", "bold italic", "script")  # some strokes are thinner than a pixel
FACES = ("regular", "mono bold", *HAIRLINES)
HOLES = {"A": 1, "B": 2, "D": 1, "O": 1, "P": 1, "Q": 1, "R": 1}


@pytest.fixture(scope="module")
def alphabets(letters):
    """Return A to Z of every face, by the face's name, [26, 28, 28]."""
    return {face.name: images[..., 0] for face, images in zip(BUNDLED, letters.alphabets, strict=True)}


@pytest.fixture(scope="module")
def outlines(alphabets):
    """Trace every letter of some faces, by the face's name."""
    return {face: [trace(image) for image in alphabets[face]] for face in FACES}


def along(contour, count=12):
    """Return points [n, 2] along a contour, those of its curves at so many even parameters."""
    t = np.linspace(0, 1, count, endpoint=False)[:, None]
    points = []
    for segment in contour:
        if len(segment) == 2:
            points.append((1 - t) * segment[0] + t * segment[1])
        else:
            weights = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3
            points.append(sum(weight * point for weight, point in zip(weights, segment, strict=True)))
    return np.concatenate(points)


def area(contour):
    """Return the area of a contour, positive where it goes round clockwise as one sees it."""
    x, y = along(contour).T
    return (x @ np.roll(y, -1) - np.roll(x, -1) @ y) / 2


def filled(outline):
    """Return how much of each pixel an outline covers, [28, 28]."""
    ink = np.zeros([SIZE_PX * FINE] * 2, bool)
    for contour in outline:
        mask = Image.new("1", ink.shape)
        ImageDraw.Draw(mask).polygon([tuple(point) for point in along(contour) * FINE - 0.5], fill=1)
        ink ^= np.asarray(mask)
    return ink.reshape(SIZE_PX, FINE, SIZE_PX, FINE).mean(axis=(1, 3))


def covered(shape):
    """Return an image of what a function of x and y says is ink, each pixel as far as it is covered."""
    places = (np.arange(SIZE_PX * FINE) + 0.5) / FINE
    ink = shape(places[None, :], places[:, None])
    return ink.reshape(SIZE_PX, FINE, SIZE_PX, FINE).mean(axis=(1, 3)) * 2 - 1


def rectangle(left, top, right, bottom):
    return covered(lambda x, y: (left < x) & (x < right) & (top < y) & (y < bottom))


def likeness(outline, image):
    """Return the ink that an outline and an image share, as a share of what either has."""
    drawn, given_ink = filled(outline), (image + 1) / 2
    return np.minimum(drawn, given_ink).sum() / np.maximum(drawn, given_ink).sum()


@pytest.mark.parametrize("face", FACES)
def test_outlines_are_those_of_the_letters(outlines, alphabets, face):
    alike = list(map(likeness, outlines[face], alphabets[face]))
    assert min(alike) > (0.85 if face in HAIRLINES else 0.89)
    assert np.mean(alike) > (0.9 if face in HAIRLINES else 0.94)


@pytest.mark.parametrize("face", UPRIGHT)
def test_letters_have_their_holes(outlines, face):
    for letter, outline in zip(LETTERS, outlines[face], strict=True):
        areas = np.array([area(contour) for contour in outline])
        assert (areas > 0).sum() == 1, letter
        assert (areas < 0).sum() == HOLES.get(letter, 0), letter


@pytest.mark.parametrize("box", [(5, 4, 20, 25), (5.3, 4.6, 20.2, 25.9), (8.5, 3.25, 10.75, 24.5), (0, 0, 28, 28)])
def test_a_rectangle_is_four_lines_between_its_corners(box):
    ((*sides,),) = trace(rectangle(*box))
    assert [len(side) for side in sides] == [2] * 4
    left, top, right, bottom = box
    result = sorted(tuple(side[0]) for side in sides)
    np.testing.assert_allclose(result, [(left, top), (left, bottom), (right, top), (right, bottom)], atol=0.06)


@pytest.mark.parametrize("radius", [3, 6.4, 11])
def test_a_disc_is_a_few_smooth_curves(radius):
    ((*curves,),) = trace(covered(lambda x, y: np.hypot(x - 14.2, y - 13.7) < radius))
    assert len(curves) <= 12
    np.testing.assert_allclose(np.hypot(*(along(curves) - (14.2, 13.7)).T), radius, atol=0.2)
    for curve, following in zip(curves, curves[1:] + curves[:1], strict=True):
        before, after = curve[3] - curve[2], following[1] - following[0]
        assert before @ after / np.hypot(*before) / np.hypot(*after) > np.cos(np.radians(10))


@pytest.mark.parametrize("across", [0, 0.25, 0.5])
def test_a_hairline_is_not_broken(across):
    line = covered(lambda x, y: (np.abs(x - 12 - across - 0.2 * y) < 0.36) & (y > 3) & (y < 25))
    assert len(trace(line)) == 1


@pytest.mark.parametrize(("depth", "pieces"), [(0.05, 1), (0.3, 2)])
def test_a_shallow_gap_in_a_stroke_of_a_field_is_bridged(depth, pieces):
    down, across = np.indices((48, 48)) - 24.0
    stroke = np.minimum(0.8 - np.abs(across), 16 - np.abs(down)) / 4
    gap = (0.2 + depth) * np.exp(-(down**2) / 2)
    assert len(trace_field(np.clip(stroke - gap, -1, 1))) == pieces


def test_specks_are_left_out():
    image = rectangle(5, 5, 15, 25)
    expected = trace(image)
    image[10, 22] = 1.0
    assert len(trace(image)) == len(expected) == 1
    image[9:12, 21:24] = 1.0
    assert len(trace(image)) == 2


@given(st.integers(0, 2**32 - 1), st.floats(0.05, 3))
@example(577, 0.5)  # a level part at a corner
@settings(max_examples=15)
def test_whatever_is_traced_gives_closed_curves_near_the_image(seed, contrast):
    image = np.tanh(contrast * np.random.default_rng(seed).normal(size=(SIZE_PX, SIZE_PX)))
    for contour in trace(image):
        points = np.vstack(contour)
        assert np.isfinite(points).all()
        assert points.min() > -2
        assert points.max() < SIZE_PX + 2
        for before, piece in itertools.pairwise([contour[-1], *contour]):
            np.testing.assert_array_equal(piece[0], before[-1])
