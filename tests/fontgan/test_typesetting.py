import xml.etree.ElementTree as ET

import numpy as np
import pytest
from fontTools.pens.boundsPen import BoundsPen
from fontTools.svgLib.path import parse_path

from fontgan.data.glyphs import LETTERS, SIZE_PX
from fontgan.typeface.typesetting import measure, picture, set_lines, svg

EMPTY = np.full((SIZE_PX, SIZE_PX), -1.0)


@pytest.fixture(scope="module")
def alphabet(letters):
    """Measure the letters of one face, by their names."""
    return {name: measure(image) for name, image in zip(LETTERS, letters.alphabets[0, ..., 0], strict=True)}


@pytest.fixture
def line(alphabet):
    return lambda text: [None if letter == " " else alphabet[letter] for letter in text]


def box(top, bottom, left, right):
    """Return an image with ink in whole pixels."""
    image = EMPTY.copy()
    image[top:bottom, left:right] = 1.0
    return image


def columns_with_ink(page, magnification=4):
    return (np.asarray(picture(page, magnification)) < 128).any(axis=0)


def runs(flags):
    """Return where runs of what is true begin and end."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(int), [0]])))
    return edges.reshape(-1, 2)


def test_ink_is_measured_to_fractions_of_a_pixel():
    image = box(4, 24, 6, 20)
    image[4:24, 5] = 0.5  # covered by three quarters
    image[24, 6:20] = -0.2
    letter = measure(image)
    assert (letter.left, letter.right, letter.top, letter.bottom) == pytest.approx((5.25, 20, 4, 24.4), abs=0.1)
    assert letter.advance == pytest.approx(14.75 + letter.before + letter.after, abs=0.1)


def test_haze_is_no_ink():
    image = box(4, 24, 6, 20)
    image[image < 0] = -0.6
    assert (measure(image).left, measure(image).bottom) == pytest.approx((6, 24), abs=0.2)
    assert measure(np.full_like(image, -0.6)) is None
    assert measure(np.full_like(image, np.nan)) is None


def test_letters_that_recede_from_their_sides_want_less_room(alphabet):
    before = {name: letter.before for name, letter in alphabet.items()}
    after = {name: letter.after for name, letter in alphabet.items()}
    assert before["H"] > before["O"] > before["A"]
    assert before["L"] == pytest.approx(before["H"], abs=0.25)
    assert after["H"] > after["L"]
    assert after["D"] == pytest.approx(after["O"], abs=0.5)
    assert min(*before.values(), *after.values()) > 0


def test_letters_follow_each_other_without_touching(line):
    inked = runs(columns_with_ink(set_lines([line("HILL")])))
    assert len(inked) == 4
    gaps = inked[1:, 0] - inked[:-1, 1]
    assert gaps.min() >= 4 * 2
    assert gaps.max() <= 4 * 6


def test_aligned_letters_stand_below_each_other(line):
    page = set_lines([line("IWI"), line("WIW")], aligned=True)
    middles = [placed.x + (placed.letter.left + placed.letter.right) / 2 for placed in page.placed]
    assert middles[:3] == pytest.approx(middles[3:], abs=0.5)
    assert np.diff(middles[:3]).min() > line("W")[0].advance - 1


def test_paths_of_an_svg_lie_where_the_letters_of_the_picture_do(line):
    page = set_lines([line("HI"), line("LE")])
    root = ET.fromstring(svg(page, 3, "").encode())  # noqa: S314 - our own
    left, top, width, height = map(float, root.get("viewBox").split())
    assert (left, top) == (0, 0)
    assert (float(root.get("width")), float(root.get("height"))) == pytest.approx((3 * width, 3 * height), abs=0.1)
    for placed, path in zip(page.placed, root.iter("{http://www.w3.org/2000/svg}path"), strict=True):
        pen = BoundsPen(None)
        parse_path(path.get("d"), pen)
        seen = np.asarray(picture(page._replace(placed=[placed]), 10)) < 128
        rows, columns = (np.flatnonzero(seen.any(axis=axis)) / 10 for axis in (1, 0))
        assert pen.bounds == pytest.approx((columns[0], rows[0], columns[-1] + 0.1, rows[-1] + 0.1), abs=0.35)
        assert 0 < pen.bounds[0] < pen.bounds[2] < width
        assert 0 < pen.bounds[1] < pen.bounds[3] < height
