import io

import numpy as np
import pytest
from fontTools.ttLib import TTFont
from PIL import Image, ImageDraw, ImageFont
from sklearn.svm import SVC

from fontgan.data.fonts import BUNDLED
from fontgan.data.glyphs import LETTERS, SIZE_PX
from fontgan.typeface.fontfile import CAPITAL, UNITS_PER_EM, font_bytes
from fontgan.typeface.typesetting import measure

CAPITAL_PX, BASELINE_PX = 20, 24  # as in the images that classifiers are trained on
SENTENCE = "Jackdaws love my big SPHINX OF QUARTZ"
FACES = [face.name for face in BUNDLED]
MADE = ("regular", "mono bold", "italic")


@pytest.fixture(scope="module")
def contents(letters):
    """Make fonts of some faces, by their names."""
    made = {}
    for face in MADE:
        measured = [measure(image) for image in letters.alphabets[FACES.index(face), ..., 0]]
        made[face] = font_bytes(measured, family=f"My {face}", description="one of some", maker="a test")
    return made


def opened(content):
    return TTFont(io.BytesIO(content))


def renderer(content, capital_px=CAPITAL_PX):
    """Open a font as FreeType does, of a size at which capitals are so high."""
    size = capital_px * UNITS_PER_EM / CAPITAL
    return ImageFont.truetype(io.BytesIO(content), size, layout_engine=ImageFont.Layout.BASIC)


def rendered(text, font, width, left):
    """Draw a text on its base line, [28, width] in [−1, 1], ink 1."""
    paper = Image.new("L", (width, SIZE_PX))
    ImageDraw.Draw(paper).text((left, BASELINE_PX), text, fill=255, font=font, anchor="ls")
    return np.asarray(paper) / np.float32(127.5) - 1


@pytest.mark.parametrize("face", MADE)
def test_a_classifier_reads_a_sentence(contents, classifier, face):
    font = renderer(contents[face])
    line = rendered(SENTENCE, font, round(font.getlength(SENTENCE)) + 2 * SIZE_PX, SIZE_PX)
    images = []
    for place, letter in enumerate(SENTENCE):
        if letter == " ":
            continue
        begin, end = (SIZE_PX + font.getlength(SENTENCE[:upto]) for upto in (place, place + 1))
        image = np.full((SIZE_PX, SIZE_PX), -1, np.float32)
        cell = line[:, round(begin) : round(end)][:, :SIZE_PX]
        left = (SIZE_PX - cell.shape[1]) // 2
        image[:, left : left + cell.shape[1]] = cell
        images.append(image)
    asked = [LETTERS.index(letter) for letter in SENTENCE.upper() if letter != " "]
    assert (classifier(np.stack(images)) == asked).mean() >= 0.9


@pytest.fixture(scope="module")
def classifier(letters):
    """Return a function that reads images of letters, as it has learned from real ones."""

    def flat(images):
        return images.reshape(len(images), -1)

    machine = SVC(C=10).fit(flat(letters.train.images), letters.train.labels)
    assert (machine.predict(flat(letters.validation.images)) == letters.validation.labels).mean() > 0.97
    return lambda images: machine.predict(flat(images))


def test_a_space_is_empty_and_what_is_missing_is_a_box(contents):
    font = renderer(contents["regular"])
    assert rendered(" ", font, SIZE_PX, 3).max() == -1
    assert font.getlength(" ") > 3
    box = rendered("Ä", font, SIZE_PX, 3)
    np.testing.assert_array_equal(box, rendered("1", font, SIZE_PX, 3))
    assert box.max() > 0


def test_letters_stand_on_the_base_line(contents):
    font = renderer(contents["regular"], 100)
    for letter in "HIEZ":
        _, top, _, bottom = font.getbbox(letter, anchor="ls")
        assert (top, bottom) == pytest.approx((-100, 0), abs=2)


def test_characters_and_names(contents):
    font = opened(contents["mono bold"])
    expected = {code(letter): letter for letter in LETTERS for code in (ord, lambda letter: ord(letter.lower()))}
    assert font.getBestCmap() == {**expected, 0x20: "space", 0xA0: "space"}
    names = {number: font["name"].getDebugName(number) for number in (1, 2, 4, 6, 8, 10)}
    family = "My mono bold"
    assert names == {1: family, 2: "Regular", 4: family, 6: "Mymonobold", 8: "a test", 10: "one of some"}


def test_measures_hold_all_glyphs(contents):
    for content in contents.values():
        font = opened(content)
        glyphs, advances = font["glyf"], font["hmtx"]
        assert font["head"].unitsPerEm == UNITS_PER_EM
        assert font["OS/2"].sCapHeight == CAPITAL
        tallest = max(glyphs[letter].yMax for letter in LETTERS)
        lowest = min(glyphs[letter].yMin for letter in LETTERS)
        assert font["hhea"].ascent == font["OS/2"].sTypoAscender == font["OS/2"].usWinAscent >= tallest
        assert font["hhea"].descent == font["OS/2"].sTypoDescender == -font["OS/2"].usWinDescent <= lowest < 0
        for letter in LETTERS:
            advance, before = advances[letter]
            assert before == glyphs[letter].xMin > 0
            assert glyphs[letter].xMax < advance
        assert np.median([glyphs[letter].yMax - glyphs[letter].yMin for letter in LETTERS]) == pytest.approx(
            CAPITAL, abs=2
        )


def signed_area(points):
    """Return the area within points [n, 2], y upwards: negative where they go round clockwise."""
    x, y = points.T
    return (x @ np.roll(y, -1) - np.roll(x, -1) @ y) / 2


def test_outer_contours_are_clockwise_and_holes_are_not(contents):
    glyphs = opened(contents["regular"])["glyf"]
    for letter, holes in {"H": 0, "O": 1, "B": 2}.items():
        points, ends, _ = glyphs[letter].getCoordinates(glyphs)
        areas = [signed_area(part) for part in np.split(np.array(points), np.array(ends[:-1], int) + 1)]
        outer, *inner = sorted(areas)
        assert (outer < 0, len(inner)) == (True, holes), letter
        assert all(0 < area < -outer for area in inner), letter
