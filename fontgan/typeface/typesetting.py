"""Images of letters set side by side in lines, as a picture or as an SVG.

All lengths are pixels of an image; the images of one style share their base line.
"""

from __future__ import annotations

import io
import itertools
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np
from fontTools.pens.svgPathPen import SVGPathPen
from PIL import Image, ImageChops
from PIL.PngImagePlugin import PngInfo

from fontgan.data.glyphs import SIZE_PX
from fontgan.typeface.outlines import bounds, draw, trace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fontgan.typeface.outlines import Outline

SPACE_PX = 8.0

_INK = 0.5  # least ink of a pixel that counts for the room beside a letter
_HAZE = 0.04  # ink of a pixel that counts as none; 1 less this counts as full
_MARGIN_PX = 4.0
_LEADING_PX = 5.0  # between the lowest ink of a line and the highest of the next
# room beside an upright stem; less where a letter recedes from its sides, but at least the last
_STEM_PX, _RECEDING, _DEEPEST_PX, _LEAST_PX = 2.2, 0.45, 4.0, 0.5


class Letter(NamedTuple):
    """An image with ink, [28, 28] in [−1, 1], its outline, and the outline's extent from the left and the upper edge.

    ``before`` and ``after`` are the room to the letters beside it.
    """

    image: np.ndarray
    outline: Outline
    left: float
    right: float
    top: float
    bottom: float
    before: float
    after: float

    @property
    def advance(self) -> float:
        """The distance to the next letter's place."""
        return self.before + self.right - self.left + self.after


Line: TypeAlias = "Sequence[Letter | None]"
"""The letters of a line; None is a space."""


class Placed(NamedTuple):
    """A letter, and the place of its image's upper left corner on a page."""

    letter: Letter
    x: float
    y: float


class Page(NamedTuple):
    """Letters in their places, and the size of the paper."""

    placed: list[Placed]
    width: float
    height: float


def measure(image: np.ndarray) -> Letter | None:
    """Trace and measure an image [28, 28]; None where it has no ink."""
    outline = trace(image)
    if not outline:
        return None
    left, top, right, bottom = bounds(outline)
    inked = (np.nan_to_num(image, nan=-1.0) + 1) / 2 > _INK
    rows = inked[inked.any(axis=1)]
    # distance of each row's ink from the letter's left and right side
    receding = np.stack([rows.argmax(axis=1) - left, right - rows.shape[1] + rows[:, ::-1].argmax(axis=1)])
    before, after = np.maximum(_STEM_PX - _RECEDING * np.clip(receding, 0, _DEEPEST_PX).mean(axis=1), _LEAST_PX)
    return Letter(image, outline, left, right, top, bottom, float(before), float(after))


def set_lines(lines: Sequence[Line], *, aligned: bool = False) -> Page:
    """Set lines below each other; one of them at least must have a letter, and one without is left empty.

    If ``aligned``, letters of the same number are below each other, instead of each after the one before it.
    """
    letters = [letter for line in lines for letter in line if letter]
    top, bottom = min(letter.top for letter in letters), max(letter.bottom for letter in letters)
    widths = [[letter.advance if letter else SPACE_PX for letter in line] for line in lines]
    if aligned:
        columns = [max(column) for column in itertools.zip_longest(*widths, fillvalue=0.0)]
        widths = [columns[: len(line)] for line in widths]
    pitch = bottom - top + _LEADING_PX
    placed = [
        Placed(letter, end - (width + letter.advance) / 2 + letter.before - letter.left, y)
        for line, line_widths, y in zip(lines, widths, _MARGIN_PX - top + pitch * np.arange(len(lines)), strict=True)
        for letter, width, end in zip(line, line_widths, _MARGIN_PX + np.cumsum(line_widths), strict=True)
        if letter
    ]
    width = 2 * _MARGIN_PX + max(sum(line) for line in widths)
    return Page(placed, width, 2 * _MARGIN_PX + pitch * len(lines) - _LEADING_PX)


def picture(page: Page, magnification: int) -> Image.Image:
    """Draw a page in grey, dark on white, with the given number of pixels along each side of one of an image."""
    width, height = (max(1, round(length * magnification)) for length in (page.width, page.height))
    paper = Image.new("L", (width, height), 255)
    enlarged = SIZE_PX * magnification
    for letter, x, y in page.placed:
        grey = Image.fromarray(255 - 255 * _clean(letter))
        large = np.asarray(grey.resize((enlarged, enlarged), Image.Resampling.LANCZOS))
        over = Image.fromarray(np.rint(np.clip(large, 0, 255)).astype(np.uint8))
        column, row = round(x * magnification), round(y * magnification)
        under = paper.crop((column, row, column + enlarged, row + enlarged))
        paper.paste(ImageChops.darker(under, over), (column, row))
    return paper


def png(picture: Image.Image, maker: str) -> bytes:
    """Return a picture as PNG, with the name of the program that made it."""
    content, text = io.BytesIO(), PngInfo()
    text.add_text("Software", maker)
    picture.save(content, format="png", pnginfo=text)
    return content.getvalue()


def svg(page: Page, magnification: int, comment: str) -> str:
    """Return a page as SVG, a path of black ink for each letter on transparent paper, with a comment at the top."""
    box = f"0 0 {_short(page.width)} {_short(page.height)}"
    size = [_short(length * magnification) for length in (page.width, page.height)]
    lines = [
        f"<!-- {comment} -->",
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" width="{size[0]}" height="{size[1]}">',
    ]
    for letter, x, y in page.placed:
        pen = SVGPathPen(None, ntos=_short)
        draw(letter.outline, pen, (1, 0, 0, 1, x, y))
        lines.append(f'  <path d="{pen.getCommands()}"/>')
    return "\n".join([*lines, "</svg>"]) + "\n"


def _clean(letter: Letter) -> np.ndarray:
    """Return the ink of each pixel, float32 [28, 28] in [0, 1], without faint ink around the letter."""
    ink = (np.nan_to_num(letter.image, nan=-1.0) + 1) / 2
    ink = np.clip((ink - _HAZE) / (1 - 2 * _HAZE), 0, 1)
    places = np.arange(SIZE_PX) + 0.5
    rows = (letter.top - 1 < places) & (places < letter.bottom + 1)
    columns = (letter.left - 1 < places) & (places < letter.right + 1)
    return (ink * rows[:, None] * columns).astype(np.float32)


def _short(number: float) -> str:
    return f"{number:.2f}".rstrip("0").rstrip(".")
