import io

import pytest
from fontTools.ttLib import TTFont
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from manymodes.cli import UserError
from manymodes_studio import letters
from manymodes_studio.letters import Style


@pytest.fixture(scope="module")
def model(models):
    return models.loaded["typefaces"]


@pytest.fixture(scope="module")
def known(model):
    return letters.face(model, Style(1)).characters


@pytest.mark.parametrize(
    ("typed", "text", "remarks"),
    [
        ("Größe & 1984", "Größe & 1984", ()),
        ("A\u0308rger", "Ärger", ()),
        ("a日b", "ab", ("left out: 日",)),
        ("  spaced \n out  ", "spaced out", ()),
        ("a" * 201, "a" * 200, ("the first 200 characters",)),
    ],
)
def test_a_text_is_set_as_far_as_the_typeface_goes(known, typed, text, remarks):
    assert letters.read_text(typed, known) == (text, remarks)
    for nothing in ("", "   ", "日本"):
        with pytest.raises(UserError, match="nothing to set"):
            letters.read_text(nothing, known)


@given(typed=st.text())
def test_every_character_of_a_text_is_in_the_typeface(known, typed):
    try:
        text, _ = letters.read_text(typed, known)
    except UserError:
        return
    assert {*text} <= known
    assert text.strip() == text


def outlines(face):
    """Return the coordinates of each character."""
    font = TTFont(io.BytesIO(face.ttf))
    glyphs, names = font["glyf"], font.getBestCmap()
    return {chr(code): glyphs[name].getCoordinates(glyphs)[0] for code, name in names.items()}


def test_a_morph_begins_with_one_style_and_ends_with_the_other(model):
    begin, end, whole = (outlines(letters.face(model, style)) for style in (Style(1, 8), Style(1, 8, 1.0), Style(8)))
    assert begin == outlines(letters.face(model, Style(1)))
    assert end == whole
    assert begin["H"] != end["H"]


def test_a_character_that_is_drawn_anew_leaves_the_others(model):
    once = Style(1).with_another("g")
    before, first, second = (outlines(letters.face(model, style)) for style in (Style(1), once, once.with_another("g")))
    assert {one for one in before if before[one] != first[one]} == {"g", "ğ", "ģ", "ġ", "ĝ"} & before.keys()
    assert first["g"] != second["g"]
    for wrong in ("", "gg", "日"):
        with pytest.raises(UserError, match="one character"):
            once.with_another(wrong)


def test_files_are_fonts_and_a_picture(model, tmp_path):
    made = letters.face(model, Style(1, 8, 1.0))
    files = letters.write(tmp_path / "font", made, "Wörter " * 14)
    for kind in ("ttf", "woff2"):
        assert TTFont(io.BytesIO(files[kind].read_bytes()))["name"].getDebugName(1) == "Manymodes 1 8 100"
    with Image.open(files["png"]) as picture:
        assert picture.height > 6 * letters.PICTURE_PX  # lines


def test_samples_of_styles_follow_one_another(model, monkeypatch):
    monkeypatch.setattr(letters, "PAGE", 5)
    first, second = (letters.samples.__wrapped__(model, page) for page in (0, 1))  # not kept for other tests
    assert [seed for seed, _ in first + second] == list(range(10))
    assert len({svg for _, svg in first + second}) > 5
