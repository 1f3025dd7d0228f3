"""Typefaces of a trained model: styles, characters, fonts and specimens; shared by the command and the studio."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from fontgan.data.typefaces import CHARACTERS, NEEDED, load_typefaces
from fontgan.typeface import family as families
from fontgan.typeface import typesetting
from fontgan.typeface.weights import variable_font
from manymodes import hub
from manymodes.cli import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fontTools.ttLib import TTFont

    from fontgan.models.portable import TypeDesigner
    from fontgan.models.typeface import TypefaceModel
    from fontgan.typeface.family import Shape

TYPEFACE_MODEL = hub.Kind(
    "a model of typefaces",
    "fontgan.train_typefaces",
    {"fontgan>TypefaceModel": "fontgan.models.typeface"},
    portable={"fontgan>TypefaceModel": "fontgan.models.portable:PortableTypefaces"},
)
KEY_CHARACTERS = "ABC"
"""The characters by which the style of a given font is found."""

_MARGIN = 0.6  # around a specimen, in sizes of its text
_LEADING = 1.35

load = TYPEFACE_MODEL.load
font_of, compiled, variable = families.family_font, families.compile_font, variable_font


def style(model: TypeDesigner, seed: int) -> np.ndarray:
    """Return the style of a seed, [D]: that of a face that nobody has drawn."""
    return model.new_styles(1, seed)[0]


def style_of(model: TypefaceModel, font: Path, characters: str = KEY_CHARACTERS) -> np.ndarray:
    """Return the style [D] of a given font, found by some of its characters alone.

    Raises:
        UserError: the font cannot be used, or lacks one of the characters; or the model does not draw it.
    """
    if unknown := [one for one in characters if one not in CHARACTERS]:
        raise UserError(f"--by has {', '.join(map(repr, unknown))}, which no model draws: give others, such as ABC")
    face = load_typefaces(font, size=model.size, only=characters, progress=False)
    numbers = np.array([CHARACTERS.index(one) for one in characters])
    return model.style_of(numbers, face.fields[0][numbers], face.bearings[0][numbers])


def between(first: np.ndarray, last: np.ndarray, share: float) -> np.ndarray:
    """Return the style at a share of the way from one to another."""
    return ((1 - share) * first + share * last).astype(np.float32)


def characters(model: TypeDesigner, styles: np.ndarray) -> list[dict[str, Shape]]:
    """Return the characters of the faces of styles [n, D], in units, with the space.

    Raises:
        UserError: a letter or a digit has no ink.
    """
    return [complete(families.shapes(*drawn)) for drawn in zip(*model.draw(styles), strict=True)]


def complete(shapes: dict[str, Shape]) -> dict[str, Shape]:
    """Return the characters of a face; raise a UserError if a letter or a digit has no ink."""
    if empty := [one for one in NEEDED if one not in shapes]:
        raise UserError(f"this model draws nothing for {', '.join(empty)}: train it longer, or try another style")
    return shapes


def file_bytes(font: TTFont, *, woff2: bool = False) -> bytes:
    """Return a font as a TTF or WOFF2 file; the same font gives the same bytes."""
    content = io.BytesIO()
    font.flavor = "woff2" if woff2 else None
    font.save(content)
    return content.getvalue()


def specimen(fonts: Sequence[TTFont], lines: Sequence[str], size_px: int = 72) -> Image.Image:
    """Set lines in each font, black on white, with kerning."""
    loaded = [ImageFont.truetype(io.BytesIO(file_bytes(font)), size_px) for font in fonts]
    rows = [(font, line) for font in loaded for line in lines]
    margin, pitch = round(_MARGIN * size_px), round(_LEADING * size_px)
    width = max(round(font.getlength(line)) for font, line in rows) + 2 * margin
    picture = Image.new("L", (width, 2 * margin + pitch * len(rows)), 255)
    pen = ImageDraw.Draw(picture)
    for number, (font, line) in enumerate(rows):
        baseline = margin + pitch * number + size_px  # its em, so that fonts of all extents stand evenly
        pen.text((margin, baseline), line, fill=0, font=font, anchor="ls")
    return picture


def png_bytes(picture: Image.Image) -> bytes:
    """Return a picture as PNG."""
    return typesetting.png(picture, families.MAKER)


def uncovered(fonts: Sequence[TTFont], text: str) -> list[str]:
    """Return the characters of a text that fonts lack."""
    covered = set.intersection(*(set(font.getBestCmap()) for font in fonts))
    return sorted({one for one in text if ord(one) not in covered and one != "\n"})
