"""Typefaces for the studio: styles to choose from, a face of a style, a text that is set in it."""

from __future__ import annotations

import functools
import io
import textwrap
import unicodedata
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from fontTools.pens.svgPathPen import SVGPathPen
from fontTools.ttLib import TTFont

from fontgan import designing
from fontgan.data.typefaces import CHARACTERS
from fontgan.typeface.family import shapes
from fontgan.typeface.outlines import draw
from manymodes.cli import UserError
from manymodes_studio.language import say

if TYPE_CHECKING:
    from pathlib import Path

    from fontgan.models.portable import TypeDesigner

PAGE = 24
"""Styles to choose from at a time."""

LONGEST = 200
"""The most characters of a text."""

PICTURE_PX = 144
"""Size of the text of a picture."""

_SAMPLE = "Rag"  # of a style
_OTHERS = 2**31  # seeds of other styles begin here
_ANEW = 0.5  # how far a character that is redrawn goes towards another style
_LINE = 20  # characters


class Style(NamedTuple):
    """A style, on the way to the style of another seed, with characters that are redrawn: each with how often.

    Attributes:
        share: of the way, 0 to 1.
    """

    seed: int
    other: int = 0
    share: float = 0.0
    anew: tuple[tuple[str, int], ...] = ()

    @property
    def name(self) -> str:
        """The name of its typeface."""
        between = f" {self.other} {round(100 * self.share)}" if self.share else ""
        return f"Manymodes {self.seed}{between}{' anew' if self.anew else ''}"

    def with_another(self, character: str) -> Style:
        """Return the style with a character redrawn once more; raise a UserError for any that is not drawn."""
        if len(character) != 1 or character not in CHARACTERS:
            raise UserError(say("letters.one"))
        return self._replace(anew=(*self.anew, (character, sum(one == character for one, _ in self.anew) + 1)))


FIRST = Style(4, other=4)
"""The style with which the page opens."""


class Face(NamedTuple):
    """A typeface of a style: its name, the characters that it has, and its files."""

    name: str
    characters: frozenset[str]
    ttf: bytes
    woff2: bytes


@functools.lru_cache(maxsize=64)
def face(model: TypeDesigner, style: Style) -> Face:
    """Return the typeface of a style; raise a UserError if the model draws nothing for a letter."""
    vector = designing.style(model, style.seed)
    if style.share:
        vector = designing.between(vector, designing.style(model, style.other), style.share)
    fields, bearings = model.draw(vector[None])
    for character, number in style.anew:
        place = CHARACTERS.index(character)
        towards = designing.style(model, _OTHERS + number)
        another = designing.between(vector, towards, _ANEW)[None]
        fields[:, place : place + 1], bearings[:, place : place + 1] = model.draw(another, [place])
    font = designing.compiled(designing.font_of(designing.complete(shapes(fields[0], bearings[0])), style.name))
    characters = frozenset(map(chr, font.getBestCmap()))
    return Face(style.name, characters, designing.file_bytes(font), designing.file_bytes(font, woff2=True))


def described(style: Style) -> str:
    """Return a style in words."""
    if not style.share:
        return say("style.of", style=style.seed)
    return say("style.between", first=style.seed, last=style.other, share=f"{style.share:.0%}")


@functools.lru_cache(maxsize=64)
def samples(model: TypeDesigner, page: int) -> tuple[tuple[int, str], ...]:
    """Return the seeds of a page of styles, counted from 0, and a few letters of each as SVG."""
    seeds = range(page * PAGE, (page + 1) * PAGE)
    styles = np.stack([designing.style(model, seed) for seed in seeds])
    drawn = zip(*model.draw(styles, [CHARACTERS.index(one) for one in _SAMPLE]), strict=True)
    return tuple((seed, _svg(fields, bearings)) for seed, (fields, bearings) in zip(seeds, drawn, strict=True))


def _svg(fields: np.ndarray, bearings: np.ndarray) -> str:
    """Return the letters of `_SAMPLE` side by side."""
    pen, x = SVGPathPen(None, lambda number: f"{number:.0f}"), 0.0
    for shape in shapes(fields, bearings, _SAMPLE).values():
        draw(shape.outline, pen, (1, 0, 0, -1, x, 0))
        x += shape.advance
    return f'<svg viewBox="0 -800 {x:.0f} 1100" aria-hidden="true"><path d="{pen.getCommands()}"/></svg>'


def read_text(typed: str, known: frozenset[str]) -> tuple[str, tuple[str, ...]]:
    """Return a text without the characters that are not known, and remarks on what was changed, each in one line.

    If nothing is left, a UserError is raised.
    """
    remarks = [say("letters.first", most=LONGEST)] if len(typed) > LONGEST else []
    composed = " ".join(unicodedata.normalize("NFC", typed[:LONGEST]).split())
    if lost := sorted({*composed} - known):
        remarks.append(say("letters.lost", letters=" ".join(lost)))
    kept = " ".join("".join(one for one in composed if one in known).split())
    if not kept:
        raise UserError(say("letters.none"))
    return kept, tuple(remarks)


def write(stem: Path, made: Face, text: str) -> dict[str, Path]:
    """Write a typeface as TTF and WOFF2, and a text in it as PNG, at ``stem``, which has no suffix."""
    lines = textwrap.wrap(text, _LINE)
    png = designing.png_bytes(designing.specimen([TTFont(io.BytesIO(made.ttf))], lines, PICTURE_PX))
    contents = {"ttf": made.ttf, "woff2": made.woff2, "png": png}
    files = {kind: stem.with_name(f"{stem.name}.{kind}") for kind in contents}
    for kind, file in files.items():
        file.write_bytes(contents[kind])
    return files
