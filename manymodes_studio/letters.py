"""Letters for the studio: a word in a style, on the way from one style to another, and that style as a font."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, NamedTuple

from fontgan.data.glyphs import LETTERS
from fontgan.lettering import png_bytes, svg_text, ttf_bytes
from fontgan.lettering import typeset as typeset_alphabets
from fontgan.typeface.drawing import between, draw, style
from manymodes.cli import UserError

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from fontgan.models.gan import FontGAN
    from fontgan.typeface.typesetting import Page

__all__ = [
    "LONGEST",
    "STEPS",
    "STYLES",
    "Text",
    "alphabet",
    "described",
    "font_name",
    "read_text",
    "typeset",
    "write",
]

STYLES = 100
"""Styles that there are to choose from."""

STEPS = 20
"""Steps on the way from one style to another."""

LONGEST = 60
"""Characters that are drawn at once."""

_LINE = 14  # characters, beyond which a line is broken
_SPELLED = str.maketrans({"Ä": "AE", "Ö": "OE", "Ü": "UE", "Æ": "AE", "Œ": "OE", "Ø": "OE", "ẞ": "SS", "ß": "SS"})


class Text(NamedTuple):
    """What is to be drawn.

    Attributes:
        lines: of capitals and spaces.
        remarks: what of it is drawn otherwise, each in one line.
    """

    lines: tuple[str, ...]
    remarks: tuple[str, ...] = ()


def read_text(typed: str) -> Text:
    """Make a text of capitals: umlauts are spelled out, accents fall, and what is no letter is left out.

    Raises:
        UserError: there is no letter in it.
    """
    remarks = [f"the first {LONGEST} characters"] if len(typed) > LONGEST else []
    composed = unicodedata.normalize("NFC", typed[:LONGEST]).upper()
    spelled = composed.translate(_SPELLED)
    if spelled != composed:
        remarks.append("umlauts are spelled out")
    plain = "".join(part for part in unicodedata.normalize("NFD", spelled) if not unicodedata.combining(part))
    kept = "".join(letter if letter in LETTERS else " " for letter in plain)
    lost = sorted({letter for letter in plain if letter not in LETTERS and not letter.isspace()})
    if lost:
        remarks.append(f"left out: {' '.join(lost)}")
    lines = _broken(kept.split())
    if not lines:
        raise UserError("there is no letter to draw: type some of A to Z")
    return Text(tuple(lines), tuple(remarks))


def _broken(words: list[str]) -> list[str]:
    """Return words in lines that are not too long, where words are not."""
    lines: list[str] = []
    for word in words:
        if lines and len(lines[-1]) + 1 + len(word) <= _LINE:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def alphabet(model: FontGAN, first: int, last: int, step: int) -> np.ndarray:
    """Return the images of A to Z on the way from one style to another, [26, 28, 28].

    Args:
        model: trained with labels.
        first: number of the style where the way begins.
        last: where it ends.
        step: how far on it, 0 to `STEPS`.
    """
    way = between(style(model, first), style(model, last), STEPS + 1, model.latent_dim)
    return draw(model, way[step])


def typeset(images: np.ndarray, text: Text) -> Page:
    """Set a text in an alphabet [26, 28, 28].

    Raises:
        UserError: a letter has no ink.
    """
    return typeset_alphabets(images[None], text.lines)


def write(place: Path, images: np.ndarray, page: Page, name: str) -> dict[str, Path]:
    """Write a page as PNG and SVG, and its alphabet as a font.

    Args:
        place: path of the files without their suffixes.
        images: of A to Z, [26, 28, 28].
        page: the text, set.
        name: of the font.
    """
    files = {kind: place.with_name(f"{place.name}.{kind}") for kind in ("ttf", "svg", "png")}
    files["ttf"].write_bytes(ttf_bytes(images, name))
    files["svg"].write_text(svg_text(page), encoding="utf-8")
    files["png"].write_bytes(png_bytes(page))
    return files


def described(first: int, last: int, step: int) -> str:
    """Say where on the way from one style to another a step is."""
    share = step / STEPS
    if share in {0, 1}:
        return f"style {last if share else first}"
    return f"style {first} to {last}, {share:.0%} of the way"


def font_name(first: int, last: int, step: int) -> str:
    """Return what the font of a step is called."""
    share = step / STEPS
    if share in {0, 1}:
        return f"Manymodes {last if share else first}"
    return f"Manymodes {first} {last} {round(100 * share)}"
