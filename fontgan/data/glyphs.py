"""The letters of one typeface: drawn once, large, by FreeType; then as 28×28 images with jitter.

A letter is kept as a field of signed distances to its outline. Size, position and slant change where the field is
read, weight changes which distance counts as ink (C. Green, "Improved Alpha-Tested Magnification for Vector Textures
and Special Effects", SIGGRAPH 2007).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import string
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from manymodes.cli import UserError
from manymodes.files import readable_folder, visible_files

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FORMATS = (".ttf", ".otf", ".ttc", ".otc")
LETTERS = string.ascii_uppercase
SIZE_PX = 28

# The room of letters without jitter: most faces are limited by the descender of Q or J, or by the width of W.
_CAPITAL_PX, _TALLEST_PX, _WIDEST_PX = 20.0, 25.0, 26.0
_SMALLEST_PX = 9.0  # of readable capitals, which one letter with a huge flourish can make smaller
_MARGIN_PX = 0.5  # between ink with jitter and the edge

_OVERSAMPLING = 8  # pixels of the field for each pixel of an image
_SUBSAMPLES = 2  # samples of the field along each side of a pixel
_PADDING_PX = 3  # of the field around the letter: more than any weight adds
_INK_LEVEL = 128  # a pixel of the field that is at least half covered is ink
_UNITS = 224  # font size for measuring
_LARGEST = 4096  # limit of a letter's sides then: a broken font could fill the memory
_LISTED = 5  # letters that a message names

_NOT_A_CHARACTER = "\uffff"  # no font has it: FreeType draws it as it draws any missing letter


class UnusableFontError(Exception):
    """The reason why a font cannot be used, in one line."""


class Jitter(NamedTuple):
    """The greatest differences between images of one letter; each is drawn uniformly from minus to plus its value.

    Attributes:
        size: of the letter's size, a share; less where the letter would leave the frame.
        shift_px: across and down, pixels; less where the letter would leave the frame.
        slant: pixels to the right for each pixel up.
        weight: of the thickness of strokes, a share of the letter's mean.
        noise: standard deviation of Gaussian noise on every pixel, where ink goes from 0 to 1.
    """

    size: float = 0.08
    shift_px: float = 1.2
    slant: float = 0.08
    weight: float = 0.12
    noise: float = 0.02


USUAL = Jitter()
STILL = Jitter(0, 0, 0, 0, 0)


class Typeface(NamedTuple):
    """A face that has all letters, opened at the size of the fields, and scaled to the size of the images.

    In pixels of an image, capitals have a height, whose middle is so far from the top. Faces that draw the same have
    the same digest.
    """

    font: ImageFont.FreeTypeFont
    capital_px: float
    middle_px: float
    digest: bytes


class Glyph(NamedTuple):
    """A letter of a face as a field; all measures but ``origin`` are pixels of an image.

    Attributes:
        distances: float32 [rows, columns], from the outline, positive in ink.
        origin: row and column of the field, at the middle of the capitals' height and of this letter's width.
        heights, left, right: [rows with ink], where ink starts and ends from the origin.
        stroke_px: mean thickness of strokes.
        middle_px: where the origin is in an image, from the top.
    """

    distances: np.ndarray
    origin: tuple[float, float]
    heights: np.ndarray
    left: np.ndarray
    right: np.ndarray
    stroke_px: float
    middle_px: float


_FIRST_SYMBOL = 0xF000  # of a Microsoft symbol character map


class _Picture(NamedTuple):
    """The ink of a large letter, [rows, columns] without margins, and its number of rows above the base line."""

    ink: np.ndarray
    above: int


def font_files(source: str | Path) -> tuple[Path, list[Path]]:
    """Return a folder and the fonts in it, or those of one font; raise a UserError if there are none."""
    path = Path(os.path.expanduser(source))  # noqa: PTH111 - leaves ~nobody as it is
    with contextlib.suppress(OSError):  # why a path cannot be read, `readable_folder` says
        if path.is_file():
            return path.parent, [Path(path.name)]
    folder = readable_folder(source, "--fonts", f"give a folder of fonts ({', '.join(FORMATS)}), or one font")
    if files := visible_files(folder, FORMATS):
        return folder, files
    raise UserError(f"no fonts in {folder}: it has no file of {', '.join(FORMATS)}")


def open_font(path: Path, number: int = 0) -> ImageFont.FreeTypeFont:
    """Open one face of a font file; raise an UnusableFontError if FreeType cannot."""
    try:
        # Not ImageFont.truetype: for a file that cannot be opened it takes one of that name from the system's fonts.
        # The basic layout draws by the character map; the other may replace letters as the font asks for.
        # The name in bytes, because not every Pillow takes one that is not Unicode.
        name = os.fsencode(path)
        return ImageFont.FreeTypeFont(name, _UNITS, index=number, layout_engine=ImageFont.Layout.BASIC)
    except OSError as error:
        raise UnusableFontError(f"cannot be opened: {error}") from error


def read_typeface(font: ImageFont.FreeTypeFont) -> Typeface:
    """Measure a font, by its Microsoft symbol character map if the usual one does not serve.

    Raises:
        UnusableFontError: one of A–Z is missing, has no ink, looks like another one or cannot be drawn.
    """
    try:
        return _measured(font)
    except UnusableFontError:
        try:
            symbols = font.font_variant(encoding="symb")
        except OSError:
            symbols = None
        if symbols is None:
            raise
        return _measured(symbols)


def _measured(font: ImageFont.FreeTypeFont) -> Typeface:
    try:
        capital, above, below, width = _extents(_pictures(font))
        # the factor for all lengths with which every letter fits in an image
        scale = min(_CAPITAL_PX / max(capital, 1), _TALLEST_PX / (above + below), _WIDEST_PX / width)
        if capital * scale < _SMALLEST_PX:
            raise UnusableFontError("some letters are so large that the others would be unreadable")
        large = font.font_variant(size=_UNITS * scale * _OVERSAMPLING)
        pictures = _pictures(large)
    except (OSError, ValueError, MemoryError) as error:
        raise UnusableFontError(f"cannot be drawn: {error}") from error
    _check_different(pictures)
    capital, above, below, _ = (length / _OVERSAMPLING for length in _extents(pictures))
    edge = (SIZE_PX - _TALLEST_PX) / 2
    # Capitals are in the middle, unless a descender needs the room.
    baseline = max(edge + above, min((SIZE_PX + capital) / 2, SIZE_PX - edge - below))
    digest = hashlib.sha256(b"".join(pictures[letter].ink.tobytes() for letter in LETTERS)).digest()
    return Typeface(large, capital, baseline - capital / 2, digest)


def read_glyph(typeface: Typeface, label: int) -> Glyph:
    """Make the field of one letter, 0 for A to 25 for Z."""
    picture = _picture(typeface.font, LETTERS[label])
    padding = _PADDING_PX * _OVERSAMPLING
    ink = np.pad(picture.ink, padding)
    distances = (signed_distances(ink) / _OVERSAMPLING).astype(np.float32)
    origin = padding + picture.above - typeface.capital_px * _OVERSAMPLING / 2, ink.shape[1] / 2
    rows = np.flatnonzero(ink.any(axis=1))
    left, right = ink[rows].argmax(axis=1), ink.shape[1] - ink[rows, ::-1].argmax(axis=1)
    return Glyph(
        distances,
        origin,
        heights=(rows + 0.5 - origin[0]) / _OVERSAMPLING,
        left=(left - origin[1]) / _OVERSAMPLING,
        right=(right - origin[1]) / _OVERSAMPLING,
        # Within a straight stroke the mean distance to its edges is a quarter of its thickness.
        stroke_px=4 * float(distances[ink].mean()),
        middle_px=typeface.middle_px,
    )


def signed_distances(ink: np.ndarray) -> np.ndarray:
    """Return the distance of each pixel of ink [rows, columns] from its outline, in pixels, positive in ink."""
    from scipy import ndimage  # which playing does without

    distances = ndimage.distance_transform_edt(ink) - ndimage.distance_transform_edt(~ink)
    return distances - np.sign(distances) / 2  # the outline lies halfway between two pixels, not on the nearer one


def draw_images(glyph: Glyph, jitter: Jitter, generators: Sequence[np.random.Generator]) -> np.ndarray:
    """Draw an image of a letter with each generator, uint8 [generators, 28, 28], ink 255 on 0."""
    size, across, down, slant, weight = np.array([rng.uniform(-1, 1, 5) for rng in generators]).T
    noise = np.array([rng.standard_normal((SIZE_PX, SIZE_PX)) for rng in generators])
    slant = jitter.slant * slant
    edge = jitter.weight * weight * glyph.stroke_px / 2  # each side of a stroke moves by half
    leaning = -slant[:, None] * glyph.heights  # heights point down
    left, right = (glyph.left + leaning).min(axis=1), (glyph.right + leaning).max(axis=1)
    top, bottom = glyph.heights[0] - 0.5 / _OVERSAMPLING, glyph.heights[-1] + 0.5 / _OVERSAMPLING
    room = SIZE_PX - 2 * (_MARGIN_PX + edge)
    size = np.minimum(1 + jitter.size * size, room / np.maximum(right - left, bottom - top))
    first, last = _MARGIN_PX, SIZE_PX - _MARGIN_PX
    x = np.clip(SIZE_PX / 2 + jitter.shift_px * across, first - (size * left - edge), last - (size * right + edge))
    y = np.clip(glyph.middle_px + jitter.shift_px * down, first - (size * top - edge), last - (size * bottom + edge))
    distances = size[:, None, None] * _read(glyph, x, y, size, slant)
    # The share of ink in a sample: none or all of it where its middle is farther than half its width from the edge.
    ink = np.clip(0.5 + _SUBSAMPLES * (distances + edge[:, None, None]), 0, 1)
    ink = ink.reshape(-1, SIZE_PX, _SUBSAMPLES, SIZE_PX, _SUBSAMPLES).mean(axis=(2, 4))
    return np.rint(255 * np.clip(ink + jitter.noise * noise, 0, 1)).astype(np.uint8)


def _pictures(font: ImageFont.FreeTypeFont) -> dict[str, _Picture]:
    """Draw every letter, and a character that the font lacks."""
    pictures = {letter: _picture(font, letter) for letter in (*LETTERS, _NOT_A_CHARACTER)}
    if empty := [letter for letter in LETTERS if not pictures[letter].ink.size]:
        raise UnusableFontError(f"draws nothing for {_listed(empty)}")
    return pictures


def _picture(font: ImageFont.FreeTypeFont, letter: str) -> _Picture:
    if font.encoding == "symb":
        letter = chr(_FIRST_SYMBOL + ord(letter))
    # Pillow's box also holds the movement of the pen. It is rounded: a pixel more on each side.
    left, top, right, bottom = (round(edge) for edge in font.getbbox(letter, anchor="ls"))
    width, height = right - left + 2, bottom - top + 2
    if max(width, height) > _LARGEST:
        raise UnusableFontError("some letters are far too large")
    image = Image.new("L", (width, height))
    ImageDraw.Draw(image).text((1 - left, 1 - top), letter, fill=255, font=font, anchor="ls")
    ink = image.point(lambda level: 255 * (level >= _INK_LEVEL))
    box = ink.getbbox()
    if box is None:
        return _Picture(np.zeros((0, 0), bool), 0)
    return _Picture(np.asarray(ink.crop(box)) > 0, 1 - top - box[1])


def _extents(pictures: Mapping[str, _Picture]) -> tuple[float, float, float, float]:
    """Return the height of capitals, the highest and the lowest letter from the base line, and the greatest width."""
    drawn = [pictures[letter] for letter in LETTERS]
    return (
        float(np.median([picture.above for picture in drawn])),
        max(picture.above for picture in drawn),
        max(picture.ink.shape[0] - picture.above for picture in drawn),
        max(picture.ink.shape[1] for picture in drawn),
    )


def _check_different(pictures: Mapping[str, _Picture]) -> None:
    alike: dict[tuple[object, ...], list[str]] = defaultdict(list)
    for letter, picture in pictures.items():
        alike[picture.ink.tobytes(), picture.ink.shape, picture.above].append(letter)
    for group in alike.values():
        if len(group) > 1:
            missing = group[-1] == _NOT_A_CHARACTER
            raise UnusableFontError(f"lacks {_listed(group[:-1])}" if missing else f"draws {_listed(group)} alike")


def _read(glyph: Glyph, x: np.ndarray, y: np.ndarray, size: np.ndarray, slant: np.ndarray) -> np.ndarray:
    """Return distances, in pixels of the letter at size 1, at every subsample of images whose origin is at x, y."""
    from scipy import ndimage  # which playing does without

    centres = (np.arange(SIZE_PX * _SUBSAMPLES) + 0.5) / _SUBSAMPLES
    down = ((centres - y[:, None]) / size[:, None])[:, :, None]
    across = ((centres - x[:, None]) / size[:, None])[:, None, :] + slant[:, None, None] * down
    places = np.stack(np.broadcast_arrays(down, across)) * _OVERSAMPLING
    places += np.reshape(glyph.origin, (2, 1, 1, 1)) - 0.5  # values are those of the pixels' middles
    return ndimage.map_coordinates(glyph.distances, places, order=1, mode="constant", cval=-_PADDING_PX)


def _listed(letters: Sequence[str]) -> str:
    others = len(letters) - _LISTED
    return f"{', '.join(letters[:_LISTED])} and {others} more" if others > 0 else ", ".join(letters)
