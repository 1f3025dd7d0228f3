"""The letters of one typeface: drawn once, large, by FreeType; then as 28×28 images with jitter.

A letter is kept as a field of signed distances to its outline. Size, position and slant change where the field is
read, weight changes which distance counts as ink (C. Green, "Improved Alpha-Tested Magnification for Vector Textures
and Special Effects", SIGGRAPH 2007).
"""

from __future__ import annotations

import hashlib
import os
import string
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = [
    "LETTERS",
    "SIZE_PX",
    "STILL",
    "USUAL",
    "Glyph",
    "Jitter",
    "Typeface",
    "UnusableFontError",
    "draw_images",
    "open_font",
    "read_glyph",
    "read_typeface",
]

LETTERS = string.ascii_uppercase
SIZE_PX = 28

# Where letters without jitter fit: most faces are limited by the descender of Q or J, or by the width of W.
_CAPITAL_PX, _TALLEST_PX, _WIDEST_PX = 20.0, 25.0, 26.0
_SMALLEST_PX = 9.0  # capitals that are lower, because one letter has a huge flourish, cannot be read
_MARGIN_PX = 0.5  # with jitter, ink keeps this far from the edge

_OVERSAMPLING = 8  # of the field, for each pixel of an image
_SUBSAMPLES = 2  # readings of the field along each side of a pixel
_PADDING_PX = 3  # of the field around the letter: no weight reaches farther
_INK_LEVEL = 128  # from half covered on, a pixel of the field is ink
_UNITS = 224  # font size to measure at
_LARGEST = 4096  # of a letter's sides then, or a broken font would fill the memory

_NOT_A_CHARACTER = "\uffff"  # no font has it: what is drawn for it is what stands for any missing letter


class UnusableFontError(Exception):
    """The reason why a font cannot be used, in one line."""


class Jitter(NamedTuple):
    """How far the images of one letter differ: drawn uniformly from minus to plus what is given here.

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
    """A face that has all letters, of one size and on one base line.

    Attributes:
        font: opened at the size of the fields.
        capital_px: height of capitals.
        middle_px: the middle of that height, from the top of the image.
        digest: a hash of the letters, equal for faces that draw the same.
    """

    font: ImageFont.FreeTypeFont
    capital_px: float
    middle_px: float
    digest: bytes


class Glyph(NamedTuple):
    """A letter of a face as a field; all measures but those of ``origin`` are pixels of an image.

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


class _Picture(NamedTuple):
    """A large letter: where it has ink, [rows, columns], without any margin, and how many rows are above the base line.

    Pillow's own boxes reach as far as the pen moves, which is farther than the ink.
    """

    ink: np.ndarray
    above: int


class _Extents(NamedTuple):
    """How far the letters of a face reach: capitals, the highest and the lowest from the base line, and the widest."""

    capital: float
    above: float
    below: float
    width: float


def open_font(path: Path, number: int = 0) -> ImageFont.FreeTypeFont:
    """Open one face of a font file.

    Raises:
        UnusableFontError: FreeType cannot.
    """
    try:
        # Not ImageFont.truetype: for a file that cannot be opened it takes one of that name from the system's fonts.
        # The basic layout draws what the character map says; the other may replace letters as the font asks for.
        # The name in bytes, because not every Pillow takes one that is no Unicode.
        name = os.fsencode(path)
        return ImageFont.FreeTypeFont(name, _UNITS, index=number, layout_engine=ImageFont.Layout.BASIC)
    except OSError as error:
        raise UnusableFontError(f"cannot be opened: {error}") from error


def read_typeface(font: ImageFont.FreeTypeFont) -> Typeface:
    """Measure a font, and make sure that it has all of A–Z.

    Raises:
        UnusableFontError: a letter is missing, has no ink, looks like another one or cannot be drawn.
    """
    try:
        scale = _scale(_extents(_pictures(font)))
        large = font.font_variant(size=_UNITS * scale * _OVERSAMPLING)
        pictures = _pictures(large)
    except (OSError, ValueError, MemoryError) as error:
        raise UnusableFontError(f"cannot be drawn: {error}") from error
    _check_different(pictures)
    capital, above, below, _ = (length / _OVERSAMPLING for length in _extents(pictures))
    edge = (SIZE_PX - _TALLEST_PX) / 2
    # Capitals stand in the middle, unless a descender needs the room.
    baseline = max(edge + above, min((SIZE_PX + capital) / 2, SIZE_PX - edge - below))
    digest = hashlib.sha256()
    for letter in LETTERS:
        digest.update(pictures[letter].ink.tobytes())
    return Typeface(large, capital, baseline - capital / 2, digest.digest())


def read_glyph(typeface: Typeface, label: int) -> Glyph:
    """Make the field of one letter, 0 for A to 25 for Z."""
    picture = _picture(typeface.font, LETTERS[label])
    padding = _PADDING_PX * _OVERSAMPLING
    ink = np.pad(picture.ink, padding)
    distances = ndimage.distance_transform_edt(ink) - ndimage.distance_transform_edt(~ink)
    distances -= np.sign(distances) / 2  # the outline lies halfway between two pixels, not on the nearer one
    distances = (distances / _OVERSAMPLING).astype(np.float32)
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


def draw_images(glyph: Glyph, jitter: Jitter, generators: Sequence[np.random.Generator]) -> np.ndarray:
    """Draw images of one letter.

    Args:
        glyph: the letter.
        jitter: how far images differ.
        generators: one an image, at least one; all that is random about an image is drawn from its own.

    Returns:
        uint8 [generators, 28, 28], ink 255 on 0.
    """
    size, across, down, slant, weight = np.array([rng.uniform(-1, 1, 5) for rng in generators]).T
    noise = np.array([rng.standard_normal((SIZE_PX, SIZE_PX)) for rng in generators])
    slant = jitter.slant * slant
    edge = jitter.weight * weight * glyph.stroke_px / 2  # each side of a stroke moves by half
    left, right, top, bottom = _slanted_box(glyph, slant)
    room = SIZE_PX - 2 * (_MARGIN_PX + edge)
    size = np.minimum(1 + jitter.size * size, room / np.maximum(right - left, bottom - top))
    x = _fitted(SIZE_PX / 2, jitter.shift_px * across, size * left - edge, size * right + edge)
    y = _fitted(glyph.middle_px, jitter.shift_px * down, size * top - edge, size * bottom + edge)
    distances = size[:, None, None] * _read(glyph, x, y, size, slant)
    # How much of a sample is ink: all or none of it where its middle is farther than half its width from the edge.
    ink = np.clip(0.5 + _SUBSAMPLES * (distances + edge[:, None, None]), 0, 1)
    ink = ink.reshape(-1, SIZE_PX, _SUBSAMPLES, SIZE_PX, _SUBSAMPLES).mean(axis=(2, 4))
    return np.rint(255 * np.clip(ink + jitter.noise * noise, 0, 1)).astype(np.uint8)


def _pictures(font: ImageFont.FreeTypeFont) -> dict[str, _Picture]:
    """Draw every letter, and what stands for one that is missing."""
    pictures = {letter: _picture(font, letter) for letter in (*LETTERS, _NOT_A_CHARACTER)}
    empty = [letter for letter in LETTERS if not pictures[letter].ink.any()]
    if empty:
        raise UnusableFontError(f"draws nothing for {_listed(empty)}")
    return pictures


def _picture(font: ImageFont.FreeTypeFont, letter: str) -> _Picture:
    left, top, right, bottom = (round(edge) for edge in font.getbbox(letter, anchor="ls"))
    width, height = right - left + 2, bottom - top + 2  # a pixel more on each side: boxes are rounded
    if max(width, height) > _LARGEST:
        raise UnusableFontError("some letters are far too large")
    image = Image.new("L", (width, height))
    ImageDraw.Draw(image).text((1 - left, 1 - top), letter, fill=255, font=font, anchor="ls")
    ink = np.asarray(image) >= _INK_LEVEL
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    if not len(rows):
        return _Picture(np.zeros((0, 0), bool), 0)
    return _Picture(ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], int(1 - top - rows[0]))


def _extents(pictures: Mapping[str, _Picture]) -> _Extents:
    drawn = [pictures[letter] for letter in LETTERS]
    return _Extents(
        capital=float(np.median([picture.above for picture in drawn])),
        above=max(picture.above for picture in drawn),
        below=max(picture.ink.shape[0] - picture.above for picture in drawn),
        width=max(picture.ink.shape[1] for picture in drawn),
    )


def _scale(extents: _Extents) -> float:
    """Return by how much to multiply lengths, so that all letters fit in an image."""
    height = extents.above + extents.below
    scale = min(_CAPITAL_PX / max(extents.capital, 1), _TALLEST_PX / height, _WIDEST_PX / extents.width)
    if extents.capital * scale < _SMALLEST_PX:
        raise UnusableFontError("some letters are so large that the others would be unreadable")
    return scale


def _check_different(pictures: Mapping[str, _Picture]) -> None:
    alike: dict[tuple[object, ...], list[str]] = defaultdict(list)
    for letter, picture in pictures.items():
        alike[picture.ink.tobytes(), picture.ink.shape, picture.above].append(letter)
    for group in alike.values():
        if len(group) > 1:
            *letters, last = group
            missing = last == _NOT_A_CHARACTER
            raise UnusableFontError(f"lacks {_listed(letters)}" if missing else f"draws {_listed(group)} alike")


def _slanted_box(glyph: Glyph, slant: np.ndarray) -> np.ndarray:
    """Return left, right, top and bottom of the ink from its origin, [4, images]; heights point down."""
    moved = -slant[:, None] * glyph.heights
    half_row = 0.5 / _OVERSAMPLING
    return np.stack(
        [
            (glyph.left + moved).min(axis=1),
            (glyph.right + moved).max(axis=1),
            np.full(len(slant), glyph.heights[0] - half_row),
            np.full(len(slant), glyph.heights[-1] + half_row),
        ]
    )


def _fitted(place: float, shift: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Shift a place, as far as ink from ``start`` to ``end`` around it stays within the margins."""
    return np.clip(place + shift, _MARGIN_PX - start, SIZE_PX - _MARGIN_PX - end)


def _read(glyph: Glyph, x: np.ndarray, y: np.ndarray, size: np.ndarray, slant: np.ndarray) -> np.ndarray:
    """Read distances, in pixels of the letter at size 1, at every subsample of images whose origin is at x, y."""
    centres = (np.arange(SIZE_PX * _SUBSAMPLES) + 0.5) / _SUBSAMPLES
    down = ((centres - y[:, None]) / size[:, None])[:, :, None]
    across = ((centres - x[:, None]) / size[:, None])[:, None, :] + slant[:, None, None] * down
    places = np.stack(np.broadcast_arrays(down, across)) * _OVERSAMPLING
    places += np.reshape(glyph.origin, (2, 1, 1, 1)) - 0.5  # a value of the field stands for its pixel's middle
    return ndimage.map_coordinates(glyph.distances, places, order=1, mode="constant", cval=-_PADDING_PX)


def _listed(letters: Sequence[str], limit: int = 5) -> str:
    others = len(letters) - limit
    return f"{', '.join(letters[:limit])} and {others} more" if others > 0 else ", ".join(letters)
