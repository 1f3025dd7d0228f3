"""Letters for the studio: a text in a style or between two styles, and that style as a font."""

from __future__ import annotations

import textwrap
import unicodedata
from typing import TYPE_CHECKING, NamedTuple

from fontgan.data.glyphs import LETTERS
from fontgan.lettering import png_bytes, svg_text, ttf_bytes
from fontgan.lettering import typeset as typeset_alphabets
from fontgan.options import spelled
from fontgan.typeface.drawing import between, draw, style
from manymodes.cli import UserError
from manymodes_studio.language import say

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from fontgan.models.gan import FontGAN
    from fontgan.typeface.typesetting import Page

STYLES = 100
"""The number of styles."""

STEPS = 20
"""Steps from one style to another."""

LONGEST = 60
"""The most characters of a text."""

_LINE = 14  # characters of a line, unless a word is longer


class Text(NamedTuple):
    """A text to draw, lines of capitals and spaces, and the changes to what was typed, each in one line."""

    lines: tuple[str, ...]
    remarks: tuple[str, ...] = ()


def read_text(typed: str) -> Text:
    """Return a text in capitals: umlauts are spelled out, accents and other characters are left out.

    A text without a letter raises a UserError.
    """
    remarks = [say("letters.first", most=LONGEST)] if len(typed) > LONGEST else []
    composed = unicodedata.normalize("NFC", typed[:LONGEST]).upper()
    capitals = spelled(composed)
    if capitals != composed:
        remarks.append(say("letters.umlauts"))
    plain = "".join(part for part in unicodedata.normalize("NFD", capitals) if not unicodedata.combining(part))
    kept = "".join(letter if letter in LETTERS else " " for letter in plain)
    lost = sorted({letter for letter in plain if letter not in LETTERS and not letter.isspace()})
    if lost:
        remarks.append(say("letters.lost", letters=" ".join(lost)))
    lines = textwrap.wrap(" ".join(kept.split()), _LINE, break_long_words=False)
    if not lines:
        raise UserError(say("letters.none"))
    return Text(tuple(lines), tuple(remarks))


def alphabet(model: FontGAN, first: int, last: int, step: int) -> np.ndarray:
    """Return the images of A to Z, [26, 28, 28], at a step from one style (0) to another (`STEPS`)."""
    codes = between(style(model, first), style(model, last), STEPS + 1, model.latent_dim)
    return draw(model, codes[step])


def typeset(images: np.ndarray, text: Text) -> Page:
    """Set a text in an alphabet [26, 28, 28]; raise a UserError if a letter has no ink."""
    return typeset_alphabets(images[None], text.lines)


def write(stem: Path, images: np.ndarray, page: Page, name: str) -> dict[str, Path]:
    """Write a page as PNG and SVG at ``stem``, which has no suffix, and its alphabet [26, 28, 28] as a font."""
    contents = {"ttf": ttf_bytes(images, name), "svg": svg_text(page).encode(), "png": png_bytes(page)}
    files = {kind: stem.with_name(f"{stem.name}.{kind}") for kind in contents}
    for kind, file in files.items():
        file.write_bytes(contents[kind])
    return files


def described(first: int, last: int, step: int) -> str:
    """Return the position of a step between two styles in words."""
    if step in {0, STEPS}:
        return say("style.of", style=last if step else first)
    return say("style.between", first=first, last=last, share=f"{step / STEPS:.0%}")


def font_name(first: int, last: int, step: int) -> str:
    """Return the name of the font of a step."""
    if step in {0, STEPS}:
        return f"Manymodes {last if step else first}"
    return f"Manymodes {first} {last} {round(100 * step / STEPS)}"
