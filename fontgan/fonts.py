"""Draw the letters A–Z of typefaces as PNG files: ``python -m fontgan.fonts --out data/fonts``."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from manymodes import cli
from manymodes.files import check_place

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

PROGRAM = "fontgan.fonts"
EXAMPLE = (
    "  python -m fontgan.fonts --out data/fonts\n"
    "  python -m fontgan.fonts --out data/mine --fonts ~/.local/share/fonts --train 500"
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command."""
    typed = list(sys.argv[1:] if argv is None else argv)
    args = _parser().parse_args(typed)
    check_place(args.out)

    from fontgan.data.fonts import load_fonts, write_letters

    letters = load_fonts(args.fonts, seed=args.seed, train=args.train, validation=args.validation)
    folder = write_letters(args.out, letters, command=shlex.join(["python", "-m", PROGRAM, *typed]))
    print(letters.table())
    print(f"wrote {len(letters.train.images) + len(letters.validation.images):,} images to {folder}/")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = cli.parser(PROGRAM, "Draw the letters A–Z in ten typefaces, or in your own fonts, as PNG files.", EXAMPLE)
    fonts = "folder of fonts, searched recursively, or one font (default matplotlib's)"
    parser.add_argument("--out", type=Path, default=Path("data/fonts"), help="folder to write (default data/fonts)")
    parser.add_argument("--fonts", metavar="PATH", help=fonts)
    parser.add_argument("--seed", type=cli.seed_value, default=0, help="same seed, same images (default 0)")
    for split, default, kind in (("train", 200, ""), ("validation", 60, "validation ")):
        help_text = f"{kind}images a letter (default {default})"
        parser.add_argument(f"--{split}", type=cli.positive_int, default=default, metavar="N", help=help_text)
    return parser


if __name__ == "__main__":
    cli.run(main)
