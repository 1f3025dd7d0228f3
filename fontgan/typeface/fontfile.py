"""An alphabet as a TrueType font that can be installed."""

from __future__ import annotations

import io
import string
from typing import TYPE_CHECKING

import numpy as np
from fontTools.fontBuilder import FontBuilder
from fontTools.misc.timeTools import timestampSinceEpoch
from fontTools.pens.cu2quPen import Cu2QuPen
from fontTools.pens.ttGlyphPen import TTGlyphPen

from fontgan.data.glyphs import LETTERS
from fontgan.typeface.outlines import draw
from fontgan.typeface.typesetting import SPACE_PX

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fontTools.ttLib.tables._g_l_y_f import Glyph

    from fontgan.typeface.typesetting import Letter

UNITS_PER_EM = 1000
CAPITAL = 700
"""Height of capitals in units."""

_STRAYING = 0.5  # units that a quadratic curve may stray from a cubic one
_BOX = 500  # width of what stands for a missing character
_LINE_GAP = 100
_EPOCH = timestampSinceEpoch(315532800)  # 1980: when a font was made would make it another one each time
_POSTSCRIPT = set(string.ascii_letters + string.digits + "-_.")
_POSTSCRIPT_LENGTH = 63


def font_bytes(letters: Sequence[Letter], *, family: str, description: str, maker: str) -> bytes:
    """Return a TrueType font; the same arguments give the same bytes.

    It has A–Z, which small letters are shown as, too, the space, and a box for what is missing.

    Args:
        letters: A to Z.
        family: its name in menus.
        description: kept in the font.
        maker: the same.
    """
    scale = CAPITAL / float(np.median([letter.bottom - letter.top for letter in letters]))
    baseline = float(np.median([letter.bottom for letter in letters]))

    space = round(SPACE_PX * scale)
    glyphs = {".notdef": _box(), "space": TTGlyphPen(None).glyph()}
    advances = {".notdef": _BOX, "space": space}
    for name, letter in zip(LETTERS, letters, strict=True):
        glyphs[name] = _glyph(letter, scale, baseline)
        advances[name] = round(letter.advance * scale)

    builder = FontBuilder(UNITS_PER_EM, isTTF=True)
    builder.setupGlyphOrder(list(glyphs))
    characters = {" ": "space", "\u00a0": "space", **{name: name for name in LETTERS}}
    characters |= {name.lower(): name for name in LETTERS}
    builder.setupCharacterMap({ord(character): glyph for character, glyph in characters.items()})
    builder.setupGlyf(glyphs)
    table = builder.font["glyf"]
    builder.setupHorizontalMetrics({name: (advances[name], getattr(table[name], "xMin", 0)) for name in glyphs})
    ascent = max(table[name].yMax for name in (".notdef", *LETTERS))
    descent = min(0, *(table[name].yMin for name in LETTERS))
    builder.setupHorizontalHeader(ascent=ascent, descent=descent, lineGap=_LINE_GAP)
    builder.setupNameTable(_names(family, description, maker), mac=False)
    builder.setupOS2(
        sTypoAscender=ascent,
        sTypoDescender=descent,
        sTypoLineGap=_LINE_GAP,
        usWinAscent=ascent,
        usWinDescent=-descent,
        sCapHeight=CAPITAL,
        sxHeight=CAPITAL,
        usWeightClass=400,
        fsType=0,  # may be installed and embedded
        fsSelection=1 << 6,  # regular
        achVendID="    ",
    )
    builder.setupPost()
    builder.updateHead(created=_EPOCH, modified=_EPOCH, fontRevision=1.0)
    builder.font.recalcTimestamp = False
    content = io.BytesIO()
    builder.save(content)
    return content.getvalue()


def _glyph(letter: Letter, scale: float, baseline: float) -> Glyph:
    """Draw a letter with quadratic curves, y upwards from the base line."""
    pen = TTGlyphPen(None)
    across = (letter.before - letter.left) * scale
    draw(letter.outline, Cu2QuPen(pen, _STRAYING), (scale, 0, 0, -scale, across, baseline * scale))
    return pen.glyph()


def _box() -> Glyph:
    pen = TTGlyphPen(None)
    for inset in (0, 60):
        left, right, low, high = 50 + inset, _BOX - 50 - inset, inset, CAPITAL - inset
        corners = [(left, low), (left, high), (right, high), (right, low)]
        pen.moveTo(corners[0])
        for corner in corners[1:] if not inset else corners[:0:-1]:
            pen.lineTo(corner)
        pen.closePath()
    return pen.glyph()


def _names(family: str, description: str, maker: str) -> dict[str, str]:
    plain = "".join(letter for letter in family if letter in _POSTSCRIPT)[:_POSTSCRIPT_LENGTH] or "Letters"
    return {
        "familyName": family,
        "styleName": "Regular",
        "uniqueFontIdentifier": f"1.000;{plain}",
        "fullName": family,
        "version": "Version 1.000",
        "psName": plain,
        "manufacturer": maker,
        "description": description,
    }
