import numpy as np
import pytest
from fontTools.pens.boundsPen import BoundsPen
from fontTools.ttLib import TTFont
from realfaces import SIZE, face

from fontgan.data.sheets import bundled_fonts
from fontgan.data.typefaces import (
    CANVAS,
    CAPITAL,
    CHARACTERS,
    DESCENT,
    HELD_OUT,
    JUDGING,
    REACH_PX,
    TRAINING,
    Family,
    as_floats,
    load_typefaces,
)
from manymodes.cli import UserError

UNIT = CANVAS / SIZE


def drawn_bounds(font, character):
    pen = BoundsPen(font.getGlyphSet())
    font.getGlyphSet()[font.getBestCmap()[ord(character)]].draw(pen)
    return pen.bounds


@pytest.mark.parametrize("character", "HIgQ.@")
def test_a_field_is_0_where_the_outline_is(character):
    font = TTFont(bundled_fonts() / "DejaVuSans.ttf")
    left, low, right, high = np.array(drawn_bounds(font, character)) * CAPITAL / drawn_bounds(font, "H")[3]
    field, (before, after) = (part[CHARACTERS.index(character)] for part in face())
    rows, columns = (np.flatnonzero((field > 0).any(axis=axis)) for axis in (1, 0))
    assert CANVAS - DESCENT - rows[0] * UNIT == pytest.approx(high, abs=UNIT)
    assert CANVAS - DESCENT - (rows[-1] + 1) * UNIT == pytest.approx(low, abs=UNIT)
    assert (columns[-1] - columns[0] + 1) * UNIT == pytest.approx(right - left, abs=2 * UNIT)
    advance = font["hmtx"][font.getBestCmap()[ord(character)]][0] * CAPITAL / drawn_bounds(font, "H")[3]
    assert before + after + right - left == pytest.approx(advance, abs=8)


def test_distances_are_in_pixels():
    field = face()[0][CHARACTERS.index("H")]
    stem = field[SIZE // 2 - 4]  # across both stems, above the bar
    assert np.abs(np.diff(stem)).max() <= 1 / REACH_PX + 0.02
    assert np.abs(np.diff(stem)).max() >= 1 / REACH_PX - 0.05


def test_pixels_end_half_a_pixel_from_the_outline(cache):
    source = bundled_fonts() / "DejaVuSans.ttf"
    fields = as_floats(load_typefaces(source, only="AB", progress=False).fields[0])
    pixels = as_floats(load_typefaces(source, only="AB", as_pixels=True, progress=False).fields[0])
    assert pixels == pytest.approx(np.clip(2 * REACH_PX * fields, -1, 1), abs=0.02)


def test_what_was_measured_comes_from_the_cache(cache, monkeypatch):
    source = bundled_fonts() / "DejaVuSansMono.ttf"
    first = load_typefaces(source, size=16, only="AB", progress=False)
    monkeypatch.delattr("fontgan.data.typefaces.measure_face")
    assert first.fingerprint == load_typefaces(source, size=16, only="AB", progress=False).fingerprint
    assert first.names == ("DejaVu Sans Mono Book",)
    assert first.present.sum() == 2


@pytest.mark.parametrize(
    ("name", "reason"),
    [("cmsy10.ttf", "has no room on the canvas for p"), ("DejaVuSansDisplay.ttf", "has no H")],
)
def test_a_face_without_a_character_is_told_which(cache, name, reason):
    with pytest.raises(UserError, match=f"no usable font in .*{reason}"):
        load_typefaces(bundled_fonts() / name, progress=False)


def test_families_that_are_not_installed_are_named(cache):
    with pytest.raises(UserError, match="fonts"):
        load_typefaces((Family("no_such_package_of_fonts"),))


def test_no_family_is_both_learned_and_tested():
    sets = [set(one) for one in (TRAINING, JUDGING, HELD_OUT)]
    assert sum(map(len, sets)) == len(set.union(*sets))
    assert len(sets[2]) >= 5
