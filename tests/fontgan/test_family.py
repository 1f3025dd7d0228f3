import io
import itertools
import subprocess
import sys
import unicodedata

import numpy as np
import pathops
import pytest
from fontTools.pens.areaPen import AreaPen
from fontTools.ttLib import TTFont
from fontTools.varLib.instancer import instantiateVariableFont
from realfaces import face
from scipy import ndimage

from fontgan.data.sheets import bundled_fonts
from fontgan.data.typefaces import CAPITAL, CHARACTERS, NEEDED
from fontgan.designing import file_bytes
from fontgan.typeface.family import compile_font, family_font, shapes
from fontgan.typeface.weights import variable_font, weighted

REAL = "DejaVuSans.ttf"


@pytest.fixture(scope="module")
def font():
    """Make a font of the fields of a real one."""
    return compile_font(family_font(shapes(*face()), "Try"))


def glyph(font, character):
    return font["glyf"][font.getBestCmap()[ord(character)]]


def points(font, character):
    return len(glyph(font, character).getCoordinates(font["glyf"])[0])


def advance(font, character):
    return font["hmtx"][font.getBestCmap()[ord(character)]][0]


def kerning(font, first, second):
    names = [font.getBestCmap()[ord(one)] for one in (first, second)]
    for lookup in font["GPOS"].table.LookupList.Lookup:
        for table in (getattr(one, "ExtSubTable", one) for one in lookup.SubTable):
            if table.Format == 2 and names[0] in table.Coverage.glyphs:
                left = table.ClassDef1.classDefs.get(names[0], 0)
                right = table.ClassDef2.classDefs.get(names[1], 0)
                value = table.Class1Record[left].Class2Record[right].Value1
                return value.XAdvance if value else 0
    return 0


def test_a_font_has_all_characters_and_accented_letters(font):
    covered = set(font.getBestCmap())
    assert {ord(one) for one in CHARACTERS + " \u00a0ÄÖÜäöüßÉéèàçñÅåÎî…“”‘’„—¿¡"} <= covered


def test_outlines_are_those_of_the_real_font(font):
    real = TTFont(bundled_fonts() / REAL)
    scale = CAPITAL / real["glyf"]["H"].yMax
    for character in "HOagkQ&@3":
        ours, theirs = (glyph(one, character) for one in (font, real))
        for side in ("xMin", "yMin", "xMax", "yMax"):
            assert getattr(ours, side) == pytest.approx(getattr(theirs, side) * scale, abs=9)


def test_straight_sides_are_lines(font):
    assert [points(font, character) for character in "HEFTLI"] == [12, 12, 10, 8, 6, 4]


def test_faces_have_the_points_of_drawn_ones(font):
    real = TTFont(bundled_fonts() / REAL)
    ours, theirs = (sum(points(one, character) for character in CHARACTERS[:85]) for one in (font, real))
    assert ours < 1.3 * theirs


def test_edges_that_waver_have_few_points():
    characters = "HEFTLI"
    fields, bearings = (part[[CHARACTERS.index(one) for one in characters]] for part in face())
    waves = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=fields.shape), (0, 1.2, 1.2))
    drawn = shapes(np.where(np.abs(fields) < 1, fields + 0.03 * waves / waves.std(), fields), bearings, characters)
    assert np.mean([len(shape.outline[0]) for shape in drawn.values()]) < 14


def test_marks_stand_over_their_letters(font):
    for character in "ÄÉÑÅäéñåîç":
        base = unicodedata.normalize("NFD", character)[0].replace("i", "ı")
        whole, alone = glyph(font, character), glyph(font, base)
        assert whole.yMax > alone.yMax + 50 or whole.yMin < alone.yMin - 50
        assert abs((whole.xMin + whole.xMax) - (alone.xMin + alone.xMax)) < 120
        assert advance(font, character) == advance(font, base)


def test_open_pairs_move_together_and_straight_ones_do_not(font):
    assert kerning(font, "A", "V") < -20
    assert kerning(font, "T", "o") < -20
    assert kerning(font, "Ä", "V") == kerning(font, "A", "V")
    assert kerning(font, "H", "H") == kerning(font, "n", "n") == 0


def test_a_fixed_pitch_is_exact_in_all_weights():
    regular = shapes(*face("DejaVuSansMono.ttf"))
    for drawn in (regular, weighted(regular, 0.2)):
        assert len({round(shape.advance, 3) for character, shape in drawn.items() if character.isalnum()}) == 1


def test_the_same_fields_give_the_same_bytes(font):
    again = compile_font(family_font(shapes(*face()), "Try"))
    assert file_bytes(again) == file_bytes(font)
    packed = TTFont(io.BytesIO(file_bytes(font, woff2=True)))
    assert packed.flavor == "woff2"
    assert packed.getBestCmap() == font.getBestCmap()


def test_characters_without_ink_are_left_out():
    fields, bearings = face()
    assert shapes(np.stack([fields[0], np.full_like(fields[0], -1)]), bearings[:2], "A%").keys() == {"A"}


@pytest.fixture(scope="module")
def variable():
    return variable_font(shapes(*face()), "Try")


@pytest.fixture(scope="module")
def weights(variable):
    """Return static fonts of four weights, light to bold."""
    return [instantiateVariableFont(variable, {"wght": weight}) for weight in (300, 400, 550, 700)]


def test_the_axis_has_three_named_weights(variable):
    (axis,) = variable["fvar"].axes
    assert (axis.axisTag, axis.minValue, axis.defaultValue, axis.maxValue) == ("wght", 300, 400, 700)
    names = [variable["name"].getDebugName(one.subfamilyNameID) for one in variable["fvar"].instances]
    assert names == ["Light", "Regular", "Bold"]


def areas(font):
    glyphs, drawn = font.getGlyphSet(), []
    for letter in NEEDED:
        pen = AreaPen(glyphs)
        glyphs[font.getBestCmap()[ord(letter)]].draw(pen)
        drawn.append(abs(pen.value))
    return drawn


def test_weights_grow_in_ink_and_in_room_but_not_in_height(weights):
    for lighter, heavier in itertools.pairwise(weights):
        assert all(less < more for less, more in zip(areas(lighter), areas(heavier), strict=True))
        for letter in "Hno":
            assert advance(lighter, letter) < advance(heavier, letter) < 1.05 * advance(lighter, letter)
            assert glyph(lighter, letter).yMax == pytest.approx(glyph(heavier, letter).yMax, abs=2)


def test_contours_do_not_cross_in_any_weight(weights):
    for font in weights:
        glyphs = font.getGlyphSet()
        for letter in NEEDED:
            path = pathops.Path()
            glyphs[font.getBestCmap()[ord(letter)]].draw(path.getPen(glyphs))
            merged = pathops.simplify(path)
            assert len(list(merged.contours)) == len(list(path.contours)), letter
            assert abs(merged.area) == pytest.approx(abs(path.area), rel=0.002)


@pytest.mark.slow
def test_fonts_pass_the_checks_of_the_trade(font, variable, tmp_path):
    command = "fontbakery check-universal --no-colors --no-progress -C -x fontdata_namecheck -e FAIL"
    for name, made in (("Try-Regular.ttf", font), ("Try[wght].ttf", variable)):
        (tmp_path / name).write_bytes(file_bytes(made))
        done = subprocess.run(
            [sys.executable, "-m", *command.split(), name], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout[-3000:]
