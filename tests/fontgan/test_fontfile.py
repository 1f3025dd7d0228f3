import io

import numpy as np
import pytest
from fontTools.pens.areaPen import AreaPen
from fontTools.ttLib import TTFont
from PIL import Image, ImageDraw, ImageFont

from fontgan.data.fonts import BUNDLED
from fontgan.data.glyphs import LETTERS, SIZE_PX
from fontgan.typeface.fontfile import CAPITAL, UNITS_PER_EM, font_bytes
from fontgan.typeface.typesetting import measure

FINE = 8  # samples along a pixel's side
MADE = ("regular", "mono bold", "italic")


@pytest.fixture(scope="module")
def made(letters):
    """Make fonts of some faces: by their names the measured letters, and the content of the file."""
    faces = {face.name: images for face, images in zip(BUNDLED, letters.alphabets[..., 0], strict=True)}
    fonts = {}
    for face in MADE:
        measured = [measure(image) for image in faces[face]]
        fonts[face] = measured, font_bytes(measured, family=f"My {face}", description="one of some", maker="a test")
    return fonts


def rendered(text, content, size_px, place):
    """Draw a text as FreeType does, [28, 28], ink 1; the place is that of its base line's beginning."""
    font = ImageFont.truetype(io.BytesIO(content), FINE * size_px, layout_engine=ImageFont.Layout.BASIC)
    paper = Image.new("L", (FINE * SIZE_PX, FINE * SIZE_PX))
    ImageDraw.Draw(paper).text([FINE * part for part in place], text, fill=255, font=font, anchor="ls")
    return np.asarray(paper).reshape(SIZE_PX, FINE, SIZE_PX, FINE).mean(axis=(1, 3)) / 255


@pytest.mark.parametrize("face", MADE)
def test_letters_are_drawn_as_in_the_images_on_one_base_line(made, face):
    measured, content = made[face]
    size = np.median([letter.bottom - letter.top for letter in measured]) * UNITS_PER_EM / CAPITAL
    baseline = np.median([letter.bottom for letter in measured])
    for name, letter in zip(LETTERS, measured, strict=True):
        drawn, ink = rendered(name, content, size, (letter.left - letter.before, baseline)), (letter.image + 1) / 2
        assert np.minimum(drawn, ink).sum() > 0.86 * np.maximum(drawn, ink).sum(), name


def test_a_space_is_empty_and_what_is_missing_is_a_box(made):
    space, one, other = (rendered(text, made["regular"][1], SIZE_PX, (3, 24)) for text in " Ä1")
    assert space.max() == 0 < one.max()
    np.testing.assert_array_equal(one, other)


def test_characters_and_names(made):
    font = TTFont(io.BytesIO(made["mono bold"][1]))
    expected = {code(letter): letter for letter in LETTERS for code in (ord, lambda letter: ord(letter.lower()))}
    assert font.getBestCmap() == {**expected, 0x20: "space", 0xA0: "space"}
    names = {number: font["name"].getDebugName(number) for number in (1, 2, 4, 6, 8, 10)}
    family = "My mono bold"
    assert names == {1: family, 2: "Regular", 4: family, 6: "Mymonobold", 8: "a test", 10: "one of some"}


def test_measures_hold_all_glyphs(made):
    for _, content in made.values():
        font = TTFont(io.BytesIO(content))
        glyphs, advances = font["glyf"], font["hmtx"]
        assert font["head"].unitsPerEm == UNITS_PER_EM
        assert font["OS/2"].sCapHeight == CAPITAL
        tallest = max(glyphs[letter].yMax for letter in LETTERS)
        lowest = min(glyphs[letter].yMin for letter in LETTERS)
        assert font["hhea"].ascent == font["OS/2"].sTypoAscender == font["OS/2"].usWinAscent >= tallest
        assert font["hhea"].descent == font["OS/2"].sTypoDescender == -font["OS/2"].usWinDescent <= lowest < 0
        assert advances["space"][0] > 100
        for letter in LETTERS:
            advance, before = advances[letter]
            assert before == glyphs[letter].xMin > 0
            assert glyphs[letter].xMax < advance
            pen = AreaPen()
            font.getGlyphSet()[letter].draw(pen)
            assert pen.value < 0  # outer contours are clockwise
        heights = [glyphs[letter].yMax - glyphs[letter].yMin for letter in LETTERS]
        assert np.median(heights) == pytest.approx(CAPITAL, abs=2)
