import io
import unicodedata

import numpy as np
import pytest
from fontTools.ttLib import TTFont
from realfaces import face
from scipy import ndimage

from fontgan.data.sheets import bundled_fonts
from fontgan.data.typefaces import CAPITAL, CHARACTERS
from fontgan.designing import file_bytes
from fontgan.typeface.family import compile_font, family_font, shapes
from fontgan.typeface.weights import variable_font, weighted

REAL = "DejaVuSans.ttf"


@pytest.fixture(scope="module")
def font():
    """Make a font of the fields of a real one."""
    return compile_font(family_font(shapes(*face()), "Try"))


def points(font, character):
    glyphs = font["glyf"]
    return len(glyphs[font.getBestCmap()[ord(character)]].getCoordinates(glyphs)[0])


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
        ours, theirs = (one["glyf"][one.getBestCmap()[ord(character)]] for one in (font, real))
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
    glyphs = font["glyf"]
    for character in "ÄÉÑÅäéñåîç":
        base = unicodedata.normalize("NFD", character)[0].replace("i", "ı")
        whole, alone = (glyphs[font.getBestCmap()[ord(one)]] for one in (character, base))
        assert whole.yMax > alone.yMax + 50 or whole.yMin < alone.yMin - 50
        assert abs((whole.xMin + whole.xMax) - (alone.xMin + alone.xMax)) < 120
        assert font["hmtx"][font.getBestCmap()[ord(character)]][0] == font["hmtx"][font.getBestCmap()[ord(base)]][0]


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


@pytest.mark.slow
def test_a_font_passes_the_checks_of_the_trade(font, tmp_path):
    import subprocess
    import sys

    (tmp_path / "Try-Regular.ttf").write_bytes(file_bytes(font))
    (tmp_path / "Try[wght].ttf").write_bytes(file_bytes(variable_font(shapes(*face()), "Try")))
    command = "fontbakery check-universal --no-colors --no-progress -C -x fontdata_namecheck -e FAIL"
    for name in ("Try-Regular.ttf", "Try[wght].ttf"):
        done = subprocess.run(
            [sys.executable, "-m", *command.split(), name], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout[-3000:]
