import io

import numpy as np
import pytest
from fontTools.ttLib import TTFont
from hypothesis import given
from hypothesis import strategies as st

from fontgan.data.glyphs import LETTERS
from manymodes.cli import UserError
from manymodes_studio import letters


@pytest.fixture
def model(models):
    return models.loaded["letters-conditional"]


@pytest.mark.parametrize(
    ("typed", "lines", "remarks"),
    [
        ("Hallo", ("HALLO",), ()),
        ("ÄÖÜäöüßẞ", ("AEOEUEAEOEUESSSS",), ("umlauts are spelled out",)),
        ("A\u0308rger", ("AERGER",), ("umlauts are spelled out",)),
        ("Café Ñandú", ("CAFE NANDU",), ()),
        ("a1b?c", ("A B C",), ("left out: 1 ?",)),
        ("one two three four", ("ONE TWO THREE", "FOUR"), ()),
        ("  spaced   out  ", ("SPACED OUT",), ()),
        ("extraordinarily", ("EXTRAORDINARILY",), ()),
        ("a" * 61, ("A" * 60,), ("the first 60 characters",)),
    ],
)
def test_a_text_becomes_capitals(typed, lines, remarks):
    assert letters.read_text(typed) == (lines, remarks)


@pytest.mark.parametrize("typed", ["", "   ", "123", "日本", "!?"])
def test_a_text_without_letters_is_refused(typed):
    with pytest.raises(UserError, match="no letter to draw"):
        letters.read_text(typed)


@given(st.text())
def test_only_letters_are_drawn(typed):
    try:
        text = letters.read_text(typed)
    except UserError:
        return
    assert all(set(line) <= {*LETTERS, " "} and line.strip() == line for line in text.lines)


def test_a_morph_begins_with_one_style_and_ends_with_the_other(model):
    begin, end = (letters.alphabet(model, 3, 8, step) for step in (0, letters.STEPS))
    assert np.allclose(begin, letters.alphabet(model, 3, 99, 0))
    assert np.allclose(end, letters.alphabet(model, 50, 8, letters.STEPS))
    assert begin.shape == (26, 28, 28)
    assert not np.allclose(begin, end)


def test_files_are_a_picture_outlines_and_a_font(model, tmp_path):
    images = letters.alphabet(model, 1, 2, 5)
    page = letters.typeset(images, letters.read_text("Öl"))
    files = letters.write(tmp_path / "font", images, page, "Manymodes 1 2 25")
    font = TTFont(io.BytesIO(files["ttf"].read_bytes()))
    assert font["name"].getDebugName(1) == "Manymodes 1 2 25"
    assert {ord(letter) for letter in LETTERS} <= set(font.getBestCmap())
    assert files["svg"].read_text(encoding="utf-8").count("<path") == 3
    assert files["png"].read_bytes().startswith(b"\x89PNG")
