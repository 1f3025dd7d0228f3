"""Sheet music from MusicXML: verovio engraves pages as SVG, and resvg paints them as PNG.

Bar numbers use a font of matplotlib, so that a picture is the same on every computer.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

_LAYOUT: dict[str, Any] = {
    "pageWidth": 2100,  # tenths of a millimetre: A4, cut off below the last line
    "pageHeight": 2970,
    "adjustPageHeight": True,
    "svgViewBox": True,  # it takes the width of where it is shown
    "scale": 50,
    "staffLineWidth": 0.2,  # thinner ones vanish when a picture is shown smaller
    "header": "none",
    "footer": "none",
    "xmlIdChecksum": True,  # otherwise the names of elements are random
}
_SPACINGS = (0.22, 0.28, 0.19, 0.32)  # of notes; 0.25 is verovio's own
_ZOOM = 2  # pixels of a PNG for one of the SVG
_FONT = "STIXGeneral"  # shaped as Times, which verovio asks for


def svg_pages(musicxml: str) -> list[str]:
    """Engrave a score; a score of one line gets a narrow page, and no line has a single bar if that can be avoided.

    The same score gives the same pages.

    A text that verovio cannot read raises a ValueError.
    """
    pages = _engraved(musicxml, _LAYOUT)
    if "".join(pages).count('class="system"') == 1:
        pages = _engraved(musicxml, _LAYOUT | {"adjustPageWidth": True})  # of several lines, the margin would be ragged
    for spacing in _SPACINGS:
        bars = _bars(pages)
        if len(bars) == 1 or bars[-1] > 1:
            break
        other = _engraved(musicxml, _LAYOUT | {"spacingLinear": spacing})
        pages = other if _bars([other[-1]])[-1] > 1 else pages
    return pages


def _bars(pages: Sequence[str]) -> list[int]:
    """Return the number of bars of each line."""
    return [line.count('class="measure"') for page in pages for line in page.split('class="system"')[1:]]


def _engraved(musicxml: str, layout: dict[str, Any]) -> list[str]:
    import verovio

    # verovio needs the path of its fonts in each thread; importing it sets the path of the first thread only.
    verovio.setDefaultResourcePath(str(Path(verovio.__file__).with_name("data")))
    toolkit = verovio.toolkit()
    toolkit.setOptions(layout)
    if not toolkit.loadData(musicxml):
        raise ValueError("the score is not MusicXML that verovio can read")
    return [toolkit.renderToSVG(page) for page in range(1, toolkit.getPageCount() + 1)]


def png(svg: str) -> bytes:
    """Paint a page black on white."""
    import matplotlib as mpl
    import resvg_py

    font = Path(mpl.get_data_path()) / "fonts" / "ttf" / f"{_FONT}.ttf"
    return resvg_py.svg_to_bytes(
        svg_string=svg,
        background="white",
        zoom=_ZOOM,
        skip_system_fonts=True,
        font_files=[str(font)],
        font_family=_FONT,
        serif_family=_FONT,
    )
