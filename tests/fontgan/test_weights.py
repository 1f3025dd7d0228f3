import itertools

import pathops
import pytest
from fontTools.pens.areaPen import AreaPen
from fontTools.ttLib import TTFont
from fontTools.varLib.instancer import instantiateVariableFont
from realfaces import OneFace

from fontgan import design, designing
from fontgan.data.typefaces import CHARACTERS

LETTERS = CHARACTERS[:62]


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """Write a variable font."""
    path = tmp_path_factory.mktemp("weights") / "Mine.woff2"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(designing, "load", lambda *_, **__: OneFace())
        assert design.main(["--out", str(path), "--variable"]) == 0
    return path


@pytest.fixture(scope="module")
def weights(file):
    """Return static fonts of four weights, light to bold."""
    return [instantiateVariableFont(TTFont(file), {"wght": weight}) for weight in (300, 400, 550, 700)]


def areas(font):
    glyphs, drawn = font.getGlyphSet(), []
    for letter in LETTERS:
        pen = AreaPen(glyphs)
        glyphs[font.getBestCmap()[ord(letter)]].draw(pen)
        drawn.append(abs(pen.value))
    return drawn


def test_the_axis_has_three_named_weights(file):
    font = TTFont(file)
    assert font.flavor == "woff2"
    (axis,) = font["fvar"].axes
    assert (axis.axisTag, axis.minValue, axis.defaultValue, axis.maxValue) == ("wght", 300, 400, 700)
    names = [font["name"].getDebugName(one.subfamilyNameID) for one in font["fvar"].instances]
    assert names == ["Light", "Regular", "Bold"]


def test_weights_grow_in_ink_and_in_room_but_not_in_height(weights):
    for lighter, heavier in itertools.pairwise(weights):
        assert all(less < more for less, more in zip(areas(lighter), areas(heavier), strict=True))
        for letter in "Hno":
            name = heavier.getBestCmap()[ord(letter)]
            assert lighter["hmtx"][name][0] < heavier["hmtx"][name][0] < 1.05 * lighter["hmtx"][name][0]
            assert lighter["glyf"][name].yMax == pytest.approx(heavier["glyf"][name].yMax, abs=2)


def test_contours_do_not_cross_in_any_weight(weights):
    for font in weights:
        glyphs = font.getGlyphSet()
        for letter in LETTERS:
            path = pathops.Path()
            glyphs[font.getBestCmap()[ord(letter)]].draw(path.getPen(glyphs))
            merged = pathops.simplify(path)
            assert len(list(merged.contours)) == len(list(path.contours)), letter
            assert abs(merged.area) == pytest.approx(abs(path.area), rel=0.002)
