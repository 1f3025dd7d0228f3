"""Pictures of the pretrained model's typefaces: ``python -m pretraining.specimens``.

Writes results/fonts/alphabet.png, beside a real face; paragraph.png, at 72, 24 and 12 points; weights.png, of a
variable font; and docs/images/typefaces.png, five styles.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from fontTools.ttLib import TTFont
from fontTools.varLib.instancer import instantiateVariableFont
from PIL import Image

from fontgan import designing
from fontgan.data.sheets import bundled_fonts
from manymodes import cli

if TYPE_CHECKING:
    from collections.abc import Sequence

EXAMPLE = "  python -m pretraining.specimens"

STYLE, STYLES = 17, range(14, 19)
ALPHABET = ("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz", "0123456789 &@#%?!.,:;()*+=/")
PARAGRAPH = {
    72: ("Sphinx of black quartz, judge my vow", "ABCDEFGHIJKLMNOPQRSTUVWXYZ &@#%"),
    24: (
        "A typeface that nobody has drawn: letters of one style, with weight, serifs and width in common.",
        "Großzügig wäre es, für „Äpfel“ und “façades” Akzente zu haben – él, niño, où, ça… (1234567890)?",
    ),
    12: (
        "Small sizes show whether the spacing is even: the quick brown fox jumps over the lazy dog.",
        "Pack my box with five dozen liquor jugs. How vexingly quick daft zebras jump! 1,234.56 + 78 % = 90/3",
        "AVATAR, To, Ty, LT, Wave: kerning follows from the white space between the sides of letters.",
    ),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command."""
    cli.parser("pretraining.specimens", "Draw typefaces of the pretrained model.", EXAMPLE).parse_args(argv)
    model = designing.load("typefaces")
    styles = np.stack([designing.style(model, seed) for seed in STYLES])
    drawn = dict(zip(STYLES, designing.characters(model, styles), strict=True))
    fonts = {seed: designing.compiled(designing.font_of(shapes, f"Style {seed}")) for seed, shapes in drawn.items()}
    ours, real = fonts[STYLE], TTFont(bundled_fonts() / "DejaVuSans.ttf")
    variable = designing.variable(drawn[STYLE], "Weights")
    weights = [instantiateVariableFont(variable, {"wght": weight}) for weight in (300, 400, 550, 700)]
    results = Path("results/fonts")
    pictures = {
        results / "alphabet.png": stacked([designing.specimen([font], ALPHABET, 56) for font in (ours, real)]),
        results / "paragraph.png": stacked([designing.specimen([ours], *part[::-1]) for part in PARAGRAPH.items()]),
        results / "weights.png": designing.specimen(weights, ["Hamburgefonstiv 0123456789 ÄÖÜäöüß"], 48),
        Path("docs/images/typefaces.png"): designing.specimen(
            list(fonts.values()), ["HELLO WORLD Hamburgefonstiv 0123456789 ÄÖÜäöüß"], 44
        ),
    }
    for path, picture in pictures.items():
        path.write_bytes(designing.png_bytes(picture))
        print(f"wrote {path}")
    return 0


def stacked(pictures: list[Image.Image]) -> Image.Image:
    """Return grey pictures below each other."""
    width = max(one.width for one in pictures)
    page = [np.pad(np.asarray(one), ((0, 0), (0, width - one.width)), constant_values=255) for one in pictures]
    return Image.fromarray(np.concatenate(page))


if __name__ == "__main__":
    cli.run(main)
