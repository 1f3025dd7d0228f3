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
    ("typed", "lines"),
    [
        ("Hallo", ("HALLO",)),
        ("Größe", ("GROESSE",)),
        ("ÄÖÜäöüß", ("AEOEUEAEOEUESS",)),
        ("A\u0308rger", ("AERGER",)),
        ("Café Ñandú", ("CAFE NANDU",)),
        ("a1b?c", ("A B C",)),
        ("one two three four", ("ONE TWO THREE", "FOUR")),
        ("  spaced   out  ", ("SPACED OUT",)),
        ("extraordinarily", ("EXTRAORDINARILY",)),
    ],
)
def test_a_text_becomes_capitals(typed, lines):
    assert letters.read_text(typed).lines == lines


@pytest.mark.parametrize("typed", ["", "   ", "123", "日本", "!?"])
def test_without_a_letter_there_is_a_message(typed):
    with pytest.raises(UserError, match="no letter to draw"):
        letters.read_text(typed)


def test_what_is_drawn_otherwise_is_said():
    assert letters.read_text("Hallo").remarks == ()
    assert letters.read_text("Öl").remarks == ("umlauts are spelled out",)
    assert letters.read_text("a1b").remarks == ("left out: 1",)
    assert letters.read_text("a" * 61).remarks == ("the first 60 characters",)


@given(st.text())
def test_whatever_is_typed_only_letters_are_drawn(typed):
    try:
        text = letters.read_text(typed)
    except UserError:
        return
    assert all(set(line) <= {*LETTERS, " "} for line in text.lines)
    assert all(line.strip() == line for line in text.lines)


def test_the_way_begins_with_one_style_and_ends_with_the_other(models):
    """The small model hears no style: what is drawn says only that the ends are those of the styles."""
    model = models.loaded["letters-conditional"]
    begin, end = (letters.alphabet(model, 3, 8, step) for step in (0, letters.STEPS))
    assert np.allclose(begin, letters.alphabet(model, 3, 99, 0))
    assert np.allclose(end, letters.alphabet(model, 50, 8, letters.STEPS))
    assert begin.shape == (26, 28, 28)


def test_files_are_a_picture_outlines_and_a_font(model, tmp_path):
    images = letters.alphabet(model, 1, 2, 5)
    page = letters.typeset(images, letters.read_text("Öl"))
    made = letters.write(tmp_path / "font", images, page, "Manymodes 1 2 25")
    font = TTFont(io.BytesIO(made["ttf"].read_bytes()))
    assert font["name"].getDebugName(1) == "Manymodes 1 2 25"
    assert {ord(letter) for letter in LETTERS} <= set(font.getBestCmap())
    assert made["svg"].read_text(encoding="utf-8").count("<path") == 3
    assert made["png"].read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("step", "said", "named"),
    [
        (0, "style 3", "Manymodes 3"),
        (20, "style 8", "Manymodes 8"),
        (5, "style 3 to 8, 25% of the way", "Manymodes 3 8 25"),
    ],
)
def test_a_step_has_a_name(step, said, named):
    assert letters.described(3, 8, step) == said
    assert letters.font_name(3, 8, step) == named
