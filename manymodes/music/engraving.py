"""Sheet music from MusicXML: pages as SVG, engraved by verovio, and these as PNG, painted by resvg.

Both come with pip alone. The numbers of the bars are set in a font that matplotlib brings along, so that a picture is
the same on every computer.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

__all__ = ["png", "svg_pages"]

_LAYOUT: dict[str, Any] = {
    "pageWidth": 2100,  # tenths of a millimetre: A4, cut off below the last line
    "pageHeight": 2970,
    "adjustPageHeight": True,
    "svgViewBox": True,  # it takes the width of where it is shown
    "scale": 50,
    "staffLineWidth": 0.2,  # thinner ones vanish when a picture is shown smaller
    "header": "none",
    "footer": "none",
    "xmlIdChecksum": True,  # names of elements follow from the music: else they are drawn at random
}
_ZOOM = 2  # pixels of a PNG for one of the SVG
_FONT = "STIXGeneral"  # shaped as Times, which verovio asks for


def svg_pages(musicxml: str) -> list[str]:
    """Engrave a score, on a page as narrow as it is where one line is enough; the same score gives the same pages.

    Raises:
        ValueError: verovio cannot read it.
    """
    pages = _engraved(musicxml, _LAYOUT)
    if "".join(pages).count('class="system"') == 1:
        pages = _engraved(musicxml, _LAYOUT | {"adjustPageWidth": True})  # several lines it would leave ragged
    return pages


def _engraved(musicxml: str, layout: dict[str, Any]) -> list[str]:
    import verovio

    # Where its fonts are, each thread has to be told; importing it tells only the first.
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
