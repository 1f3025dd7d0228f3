"""Pictures of letters: images to grey levels and back, and sheets of them in rows and columns with names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from manymodes.files import replacing_file

if TYPE_CHECKING:
    from collections.abc import Sequence

_BLACK, _GREY, _WHITE = 0, 96, 255
_GAP_PX = 6  # around names


def to_pixels(images: np.ndarray) -> np.ndarray:
    """Round images [...] in [−1, 1] to grey levels, uint8; values outside are clipped, and NaN is background."""
    return np.rint((np.clip(np.nan_to_num(images, nan=-1), -1, 1) + 1) * 127.5).astype(np.uint8)


def from_pixels(pixels: np.ndarray) -> np.ndarray:
    """Return grey levels of 0 to 255 as images, float32 in [−1, 1]; `to_pixels` gives the same levels again."""
    return pixels.astype(np.float32) / np.float32(127.5) - np.float32(1)


def bundled_fonts() -> Path:
    """Return the folder of the fonts that come with matplotlib."""
    return Path(mpl.get_data_path()) / "fonts" / "ttf"


def letter_sheet(
    images: np.ndarray, *, rows: Sequence[str] = (), columns: Sequence[str] = (), magnification: int = 2
) -> Image.Image:
    """Lay images [rows, columns, height, width] or [rows, columns, height, width, 1] out in a grid, white on black.

    Names are written to the left of the rows and above the columns, if any; ``magnification`` is the number of pixels
    of the sheet for one of an image, along each side.
    """
    count = images.shape[:2]
    cells = to_pixels(images.reshape(*images.shape[:4])).repeat(magnification, axis=2).repeat(magnification, axis=3)
    height, width = cells.shape[2:]
    grid = Image.fromarray(cells.transpose(0, 2, 1, 3).reshape(count[0] * height, count[1] * width))
    font = ImageFont.truetype(bundled_fonts() / "DejaVuSans.ttf", max(10, height // 4))
    left = round(max((font.getlength(name) for name in rows), default=-2 * _GAP_PX)) + 2 * _GAP_PX
    top = round(font.getbbox("Ag")[3]) + _GAP_PX if columns else 0
    sheet = Image.new("L", (left + grid.width, top + grid.height), _BLACK)
    sheet.paste(grid, (left, top))
    draw = ImageDraw.Draw(sheet)
    for number, name in enumerate(rows):
        draw.text((_GAP_PX, top + (number + 0.5) * height), name, fill=_WHITE, font=font, anchor="lm")
        draw.line([(0, top + number * height), (sheet.width, top + number * height)], fill=_GREY)
    for number, name in enumerate(columns):
        draw.text((left + (number + 0.5) * width, top / 2), name, fill=_WHITE, font=font, anchor="mm")
    return sheet


def save_sheet(images: np.ndarray, path: Path, *, rows: Sequence[str] = (), columns: Sequence[str] = ()) -> None:
    """Write a `letter_sheet` as PNG in one step."""
    with replacing_file(path) as partial:
        letter_sheet(images, rows=rows, columns=columns).save(partial, format="png")
