"""An alphabet as a TrueType font that can be installed."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any

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

    from fontgan.typeface.typesetting import Letter

UNITS_PER_EM = 1000
CAPITAL = 700
"""Height of capitals in units."""

_TOLERANCE = 0.5  # units between a quadratic curve and a cubic one
BOX = 500
"""Width of the glyph of a missing character."""
_LINE_GAP = 100
EPOCH = timestampSinceEpoch(315532800)
"""1980, in seconds of a font's clock, so that a font does not depend on the time."""


def font_bytes(letters: Sequence[Letter], *, family: str, description: str, maker: str) -> bytes:
    """Return a TrueType font with A–Z, also for small letters, the space, and a box for missing characters.

    The same arguments give the same bytes.
    """
    scale = CAPITAL / float(np.median([letter.bottom - letter.top for letter in letters]))
    baseline = float(np.median([letter.bottom for letter in letters]))
    box = TTGlyphPen(None)
    draw_box(box)
    glyphs = {".notdef": box.glyph(), "space": TTGlyphPen(None).glyph()}
    advances = {".notdef": BOX, "space": round(SPACE_PX * scale)}
    for name, letter in zip(LETTERS, letters, strict=True):
        pen = TTGlyphPen(None)  # y upwards from the base line
        placing = (scale, 0, 0, -scale, (letter.before - letter.left) * scale, baseline * scale)
        draw(letter.outline, Cu2QuPen(pen, _TOLERANCE), placing)
        glyphs[name], advances[name] = pen.glyph(), round(letter.advance * scale)

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
    plain = re.sub("[^A-Za-z0-9_.-]", "", family)[:63] or "Letters"  # PostScript's limits
    names = {
        "familyName": family,
        "styleName": "Regular",
        "uniqueFontIdentifier": f"1.000;{plain}",
        "fullName": family,
        "version": "Version 1.000",
        "psName": plain,
        "manufacturer": maker,
        "description": description,
    }
    builder.setupNameTable(names, mac=False)
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
    builder.updateHead(created=EPOCH, modified=EPOCH, fontRevision=1.0)
    builder.font.recalcTimestamp = False
    content = io.BytesIO()
    builder.save(content)
    return content.getvalue()


def draw_box(pen: Any) -> None:
    """Draw the glyph of a missing character: a frame `BOX` wide and as high as a capital."""
    for inset in (0, 60):
        left, right, low, high = 50 + inset, BOX - 50 - inset, inset, CAPITAL - inset
        corners = [(left, low), (left, high), (right, high), (right, low)]
        pen.moveTo(corners[0])
        for corner in corners[1:] if not inset else corners[:0:-1]:
            pen.lineTo(corner)
        pen.closePath()
