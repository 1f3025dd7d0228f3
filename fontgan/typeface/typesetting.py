"""Images of letters set side by side in lines, as a picture or as an SVG.

All lengths are pixels of an image, in which letters of one style already stand on one base line.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np
from fontTools.pens.svgPathPen import SVGPathPen
from PIL import Image

from fontgan.data.glyphs import SIZE_PX
from fontgan.typeface.outlines import bounds, draw, trace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fontgan.typeface.outlines import Outline

SPACE_PX = 8.0

_INK = 0.5  # of a pixel from which on it counts, where the room beside a letter is found
_HAZE = 0.04  # of ink, which is as good as none; as much lacks of what is as good as full
_MARGIN_PX = 4.0
_LEADING_PX = 5.0  # between the lowest ink of a line and the highest of the next
# Beside an upright stem; less where a letter recedes from its sides, and never less than the least.
_STEM_PX, _RECEDING, _DEEPEST_PX, _LEAST_PX = 2.2, 0.45, 4.0, 0.5


class Letter(NamedTuple):
    """An image with ink, where this is, and how much room it wants beside it.

    Attributes:
        image: [28, 28] in [−1, 1].
        outline: of its ink.
        left, right: how far the outline reaches, from the image's left edge.
        top, bottom: the same, from its upper edge.
        before, after: the room to the letters beside it.
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
        """How far the next letter's place is from this one's."""
        return self.before + self.right - self.left + self.after


Line: TypeAlias = "Sequence[Letter | None]"
"""What stands in a line; None is a space."""


class Placed(NamedTuple):
    """A letter, and where on a page the upper left corner of its image is."""

    letter: Letter
    x: float
    y: float


class Page(NamedTuple):
    """What is set, and the size of the paper."""

    placed: list[Placed]
    width: float
    height: float


def measure(image: np.ndarray) -> Letter | None:
    """Trace an image [28, 28], and say how it is to be set; None where it has no ink."""
    outline = trace(image)
    if not outline:
        return None
    left, top, right, bottom = bounds(outline)
    inked = (np.nan_to_num(image, nan=-1.0) + 1) / 2 > _INK
    rows = inked[inked.any(axis=1)]
    # How far each row of the letter recedes from its left and from its right side.
    receding = np.stack([rows.argmax(axis=1) - left, right - rows.shape[1] + rows[:, ::-1].argmax(axis=1)])
    before, after = np.maximum(_STEM_PX - _RECEDING * np.clip(receding, 0, _DEEPEST_PX).mean(axis=1), _LEAST_PX)
    return Letter(image, outline, left, right, top, bottom, float(before), float(after))


def set_lines(lines: Sequence[Line], *, aligned: bool = False) -> Page:
    """Set lines below each other; there must be a letter in one of them at least.

    Args:
        lines: from above; one without letters is left empty.
        aligned: whether letters of the same number stand below each other; otherwise each follows the one before it.
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
    """Draw a page in grey, dark on white, so many pixels along each side for one of an image."""
    size = [max(1, round(length * magnification)) for length in (page.height, page.width)]
    paper = np.full(size, 255, np.uint8)
    enlarged = SIZE_PX * magnification
    for letter, x, y in page.placed:
        grey = Image.fromarray(255 - 255 * _clean(letter))
        large = np.asarray(grey.resize((enlarged, enlarged), Image.Resampling.LANCZOS))
        large = np.rint(np.clip(large, 0, 255)).astype(np.uint8)
        row, column = round(y * magnification), round(x * magnification)
        # An image may reach beyond the paper, where it has no ink.
        under = paper[max(row, 0) : row + enlarged, max(column, 0) : column + enlarged]
        over = large[max(-row, 0) :, max(-column, 0) :][: under.shape[0], : under.shape[1]]
        np.minimum(under, over, out=under)
    return Image.fromarray(paper)


def svg(page: Page, magnification: int, comment: str) -> str:
    """Write a page as an SVG, a path of black ink for each letter on no ground.

    Args:
        page: what is set.
        magnification: of the size in which it is shown.
        comment: the first thing in the file.
    """
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
    """Return how much of each pixel is ink, float32 [28, 28] in [0, 1], without the haze that may lie around it."""
    ink = (np.nan_to_num(letter.image, nan=-1.0) + 1) / 2
    ink = np.clip((ink - _HAZE) / (1 - 2 * _HAZE), 0, 1)
    places = np.arange(SIZE_PX) + 0.5
    rows = (letter.top - 1 < places) & (places < letter.bottom + 1)
    columns = (letter.left - 1 < places) & (places < letter.right + 1)
    return (ink * rows[:, None] * columns).astype(np.float32)


def _short(number: float) -> str:
    return f"{number:.2f}".rstrip("0").rstrip(".")
