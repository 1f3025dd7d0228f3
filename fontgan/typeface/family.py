"""A whole typeface as a font: outlines of fields, composed letters, kerning by the shapes of sides, TTF, WOFF2, UFO."""

from __future__ import annotations

import itertools
import math
import re
import unicodedata
from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pathops
from fontTools import agl
from fontTools.ttLib import newTable
from fontTools.ttLib.tables.ttProgram import Program
from ufo2ft import compileTTF
from ufo2ft.filters.removeOverlaps import RemoveOverlapsFilter
from ufoLib2 import Font

from fontgan.data.typefaces import CANVAS, CAPITAL, CHARACTERS, DESCENT
from fontgan.typeface.fontfile import BOX, EPOCH, draw_box
from fontgan.typeface.outlines import bounds, draw, trace_field

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fontTools.ttLib import TTFont

    from fontgan.typeface.outlines import Outline

MAKER = "manymodes fontgan.design"
"""The name of the program in the files."""

_MARKS = {
    "\u0308": "¨", "\u0301": "´", "\u0300": "`", "\u0302": "ˆ", "\u0303": "˜", "\u0327": "¸", "\u030a": "˚",
}  # fmt: skip
_DOTLESS = {"i": "ı"}
_ZONE = 7  # units from a line of heights within which level strokes are moved onto it

_SMOOTH = bytes([0xB8, 0x01, 0xFF, 0x85, 0xB0, 0x04, 0x8D])  # thin strokes of unhinted glyphs do not drop out

_ROOM = 12  # units above and below the glyphs, which quadratic curves may exceed a little
TOLERANCE = 0.002  # ems between a quadratic curve and a cubic one

_PITCH = 0.08  # least spread of advances, as a share of their mean, of a face without a fixed pitch
_SPACE = 0.93  # of the advance of i, mean over the faces of the training set, whose correlation is 0.85

# for kerning, in units
_BAND = 25  # between two measurements of a side
_DEEP = 220  # white space beyond this depth does not count
_STRENGTH, _LEAST, _MOST = 0.75, 10, 110
_KERNED = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz.,’-–"


class Shape(NamedTuple):
    """A character: its outline in units, y up from the base line and x from the pen; advance; left and right of ink."""

    outline: Outline
    advance: float
    left: float
    right: float


def shapes(fields: np.ndarray, bearings: np.ndarray, characters: Sequence[str] = CHARACTERS) -> dict[str, Shape]:
    """Return characters of a face by fields [C, S, S] and bearings [C, 2] in units, and the space beside an i.

    Characters without ink are left out. Where all are nearly of one width, they become so: a fixed pitch is one or
    is none.
    """
    unit = CANVAS / fields.shape[1]
    found = {}
    for character, field, (before, after) in zip(characters, fields, bearings, strict=True):
        outline = trace_field(field)
        if not outline:
            continue
        left, _, right, _ = bounds(outline)
        placed = [
            [segment * (unit, -unit) + (before - left * unit, CANVAS - DESCENT) for segment in contour]
            for contour in outline
        ]
        width = (right - left) * unit
        found[character] = Shape(placed, max(before + width + after, 0.0), before, before + width)
    advances = np.array([shape.advance for character, shape in found.items() if character.isalnum()])
    if len(advances) and advances.std() < _PITCH * advances.mean():
        found = {character: _set_in(shape, float(np.median(advances))) for character, shape in found.items()}
    if "i" in found:
        found[" "] = Shape([], _SPACE * found["i"].advance, 0, 0)
    return _aligned(found)


def _set_in(shape: Shape, advance: float) -> Shape:
    """Return a character in the middle of another advance."""
    aside = (advance - shape.advance) / 2
    outline = [[segment + np.array([aside, 0]) for segment in contour] for contour in shape.outline]
    return Shape(outline, advance, shape.left + aside, shape.right + aside)


def _aligned(found: dict[str, Shape]) -> dict[str, Shape]:
    """Move level strokes that are nearly on the base line, or at the height of x or H or l, onto it."""
    lines = [0.0, float(CAPITAL)]
    for characters in ("xvwz", "bdhkl"):
        tops = [_top(found[one]) for one in characters if one in found]
        if tops:
            lines.append(float(np.median(tops)))
    for shape in found.values():
        for contour in shape.outline:
            for number, segment in enumerate(contour):
                if len(segment) == 2 and abs(segment[0][1] - segment[1][1]) < 1:  # noqa: PLR2004 - a level line
                    height = segment[:, 1].mean()
                    nearest = min(lines, key=lambda line: abs(line - height))
                    level = nearest if abs(nearest - height) < _ZONE else height
                    segment[:, 1] = contour[number - 1][-1][1] = contour[(number + 1) % len(contour)][0][1] = level
    return found


def _top(shape: Shape) -> float:
    return max(float(segment[:, 1].max()) for contour in shape.outline for segment in contour)


def _bottom(shape: Shape) -> float:
    return min(float(segment[:, 1].min()) for contour in shape.outline for segment in contour)


def family_font(found: dict[str, Shape], name: str) -> Font:
    """Return a UFO of the characters of a face, with accented letters, kerning and names; see `compile_font`.

    Raises:
        KeyError: a letter or a digit is missing.
    """
    font = Font()
    box = font.newGlyph(".notdef")
    box.width = BOX
    draw_box(box.getPen())
    for character, shape in found.items():
        glyph = font.newGlyph(_name(character))
        glyph.unicodes = [ord(character)] + [0xA0] * (character == " ")
        glyph.width = round(shape.advance)
        draw(shape.outline, glyph.getPen())
    accented = _compose_letters(font, found)
    _compose_signs(font, found)
    _kern(font, found, accented)
    _describe(font, found, name)
    font.lib["public.glyphOrder"] = [".notdef", "space", *sorted(set(font.keys()) - {".notdef", "space"})]
    return font


def _describe(font: Font, found: dict[str, Shape], name: str) -> None:
    info = font.info
    info.familyName, info.styleName = name, "Regular"
    info.versionMajor, info.versionMinor = 1, 0
    info.unitsPerEm, info.capHeight, info.italicAngle = 1000, CAPITAL, 0
    info.xHeight = round(_top(found["x"]))
    info.ascender = round(max(_top(found[one]) for one in "bdhkl"))
    info.descender = round(min(_bottom(found[one]) for one in "gpqy"))
    info.openTypeHheaLineGap = info.openTypeOS2TypoLineGap = 0
    info.openTypeOS2Type, info.openTypeOS2Selection = [], [7]
    info.openTypeOS2WeightClass, info.openTypeOS2VendorID = 400, "NONE"
    info.openTypeNameDescription, info.openTypeNameManufacturer = "a typeface that a model drew", MAKER
    info.postscriptFontName = f"{re.sub('[^A-Za-z0-9]', '', name)[:50] or 'Letters'}-Regular"
    info.openTypeHeadCreated = "1980/01/01 00:00:00"
    info.postscriptUnderlinePosition, info.postscriptUnderlineThickness = -100, 50
    # A line is as high as the highest glyph and the lowest: nothing is cut off on any system.
    extents = [box for glyph in font if (box := glyph.getControlBounds(font)) is not None]
    highest = math.ceil(max(box.yMax for box in extents)) + _ROOM
    lowest = math.floor(min(box.yMin for box in extents)) - _ROOM
    info.openTypeHheaAscender = info.openTypeOS2TypoAscender = info.openTypeOS2WinAscent = highest
    info.openTypeHheaDescender = info.openTypeOS2TypoDescender = lowest
    info.openTypeOS2WinDescent = -lowest


def _name(character: str) -> str:
    return agl.UV2AGL.get(ord(character), f"uni{ord(character):04X}")


def _compose_letters(font: Font, found: dict[str, Shape]) -> Mapping[str, list[str]]:
    """Add the accented letters whose parts a face has; return their names by the letters without accents."""
    accented = defaultdict(list)
    slant, x_height = _slant(found), _top(found["x"])
    for character in map(chr, range(0xC0, 0x180)):
        letter, *accents = tuple(unicodedata.normalize("NFD", character))
        base, mark = _DOTLESS.get(letter, letter), _MARKS.get("".join(accents))
        if base not in found or mark not in found:
            continue
        under, over = found[base], found[mark]
        dy = 0.0
        if mark != "¸":
            low, top = _bottom(over), _top(under)
            gap = float(np.clip(low - x_height, 45, 110))
            top = next((line for line in (CAPITAL, x_height) if abs(top - line) < 4 * _ZONE), top)
            dy = top + gap - low
            if base.isupper():
                dy -= gap / 4  # marks sit closer to capitals
        middle = (_bottom(over) + _top(over)) / 2 + dy
        lean = slant * (middle - (_bottom(under) + _top(under)) / 2)
        dx = (under.left + under.right) / 2 + lean - (over.left + over.right) / 2
        _put(font, character, under.advance, (base, _at(0)), (mark, _at(dx, dy)))
        accented[letter].append(_name(character))
    return accented


def _compose_signs(font: Font, found: dict[str, Shape]) -> None:
    """Add signs that are others, moved, turned or repeated."""
    if "." in found:
        point = found["."]
        step = max(point.advance * 0.9, point.right - point.left + 40)
        _put(font, "…", 2 * step + point.advance, *((".", _at(number * step)) for number in range(3)))
        _put(font, "·", point.advance, (".", _at(0, CAPITAL / 2 - (_bottom(point) + _top(point)) / 2)))
    if "’" in found:
        mark = found["’"]
        step, high = mark.right - mark.left + 35, _top(mark) + _bottom(mark)
        down = _bottom(found[","]) - _bottom(mark) if "," in found else -high
        first, second = ("’", (-1, 0, 0, -1, mark.advance, high)), ("’", (-1, 0, 0, -1, mark.advance + step, high))
        _put(font, "”", mark.advance + step, ("’", _at(0)), ("’", _at(step)))
        _put(font, "‚", mark.advance, ("’", _at(0, down)))
        _put(font, "„", mark.advance + step, ("’", _at(0, down)), ("’", _at(step, down)))
        _put(font, "‘", mark.advance, first)
        _put(font, "“", mark.advance + step, first, second)
    for sign, of in (("¡", "!"), ("¿", "?")):
        if of in found:
            _put(font, sign, found[of].advance, (of, (-1, 0, 0, -1, found[of].advance, _top(found["x"]))))
    if "–" in found:
        dash = found["–"]
        width = dash.right - dash.left
        wide = 1000 / max(width, 1)
        _put(font, "—", 1000 + 2 * dash.left, ("–", (wide, 0, 0, 1, dash.left * (1 - wide), 0)))
        _put(font, "_", 500, ("–", (500 / width, 0, 0, 1, -dash.left * 500 / width, -100 - _top(dash))))


def _at(dx: float, dy: float = 0) -> tuple[float, ...]:
    return 1, 0, 0, 1, dx, dy


def _put(font: Font, character: str, advance: float, *parts: tuple[str, Sequence[float]]) -> None:
    """Add a character that is composed of others, each with its transformation as `draw` takes it."""
    glyph = font.newGlyph(_name(character))
    glyph.unicodes, glyph.width = [ord(character)], round(advance)
    pen = glyph.getPen()
    for of, placing in parts:
        pen.addComponent(_name(of), (*placing[:4], round(placing[4]), round(placing[5])))


def _slant(found: dict[str, Shape]) -> float:
    """Return how far the upright strokes of I, H and l lean to the right, per unit of height."""
    leans = []
    for character in "IHlhdb":
        for contour in found[character].outline if character in found else ():
            for segment in contour:
                across, up = segment[-1] - segment[0]
                if len(segment) == 2 and abs(up) > CAPITAL / 3:  # noqa: PLR2004 - a line
                    leans.append(across / up)
    return float(np.median(leans)) if leans else 0.0


def _kern(font: Font, found: dict[str, Shape], accented: Mapping[str, list[str]]) -> None:
    """Add kerning for pairs whose white space is more, or less, than that of upright strokes.

    The white space of a pair is the mean distance between the sides at heights that both have, up to a depth.
    """
    names = [one for one in _KERNED if one in found]
    for one in names:
        for side in (1, 2):
            font.groups[f"public.kern{side}.{_name(one)}"] = [_name(one), *accented.get(one, [])]
    profiles = {one: _profile(found[one]) for one in names}
    reference = {one: _white(profiles[one], profiles[one]) for one in ("H", "n")}
    for first, second in itertools.product(names, repeat=2):
        usual = reference["H" if first.isupper() and second.isupper() else "n"]
        value = _STRENGTH * (usual - _white(profiles[first], profiles[second]))
        nearest = float(np.min(profiles[first][1] + profiles[second][0]))
        value = max(value, -_MOST, usual * 0.35 - nearest)
        if value < -_LEAST:
            font.kerning[f"public.kern1.{_name(first)}", f"public.kern2.{_name(second)}"] = round(value)


def _profile(shape: Shape) -> np.ndarray:
    """Return the white space left and right of a character at heights from the descender on, [2, heights]."""
    heights = np.arange(-200, CAPITAL + 1, _BAND)
    left, right = np.full(len(heights), np.inf), np.full(len(heights), np.inf)
    for contour in shape.outline:
        points = np.concatenate([_along(segment) for segment in contour])
        place = np.clip(((points[:, 1] + 200) // _BAND).astype(int), 0, len(heights) - 1)
        np.minimum.at(left, place, points[:, 0])
        np.minimum.at(right, place, shape.advance - points[:, 0])
    return np.stack([left, right])


def _along(segment: np.ndarray) -> np.ndarray:
    line = len(segment) == 2  # noqa: PLR2004
    t = np.linspace(0, 1, 64 if line else 24)[:, None]
    weights = (1 - t, t) if line else ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3)
    return sum(weight * point for weight, point in zip(weights, segment, strict=True))


def _white(first: np.ndarray, second: np.ndarray) -> float:
    """Return the mean distance of two sides over the heights from the base line to that of the lower character."""
    right, left = first[1], second[0]
    begin = 200 // _BAND
    end = max([begin, *np.flatnonzero(np.isfinite(np.minimum(right, left)))]) + 1
    gaps = np.minimum(right[begin:end], _DEEP) + np.minimum(left[begin:end], _DEEP)
    return float(np.minimum(gaps, _DEEP).mean())


def compile_font(font: Font) -> TTFont:
    """Return a TrueType font of a UFO, overlaps removed, kerning as GPOS; the same UFO gives the same bytes."""
    compiled = compileTTF(
        font,
        filters=[..., RemoveOverlapsFilter(backend="pathops", include=_overlaps, pre=True)],
        useProductionNames=False,
        cubicConversionError=TOLERANCE,
        dropImpliedOnCurves=True,
    )
    return finished(compiled)


def finished(compiled: TTFont) -> TTFont:
    """Return a font, made independent of the clock and smooth at small sizes."""
    program = compiled["prep"] = newTable("prep")
    program.program = Program()
    program.program.fromBytecode(_SMOOTH)
    compiled["head"].modified = compiled["head"].created = EPOCH
    compiled.recalcTimestamp = False
    return compiled


def _overlaps(glyph: Any) -> bool:
    """Return whether contours cross: removing overlaps would give all others more points, too."""
    path = pathops.Path()
    if not glyph.components:
        glyph.draw(path.getPen())
    merged = pathops.simplify(path)
    return len(list(merged.contours)) != len(list(path.contours)) or abs(abs(merged.area) - abs(path.area)) > _ROOM
