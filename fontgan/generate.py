"""Draw with a trained model: ``python -m fontgan.generate --text "HELLO WORLD" --out hello.png``.

Writes words, alphabets, and the steps between letters or styles as PNG or SVG, an alphabet as a font, or raw images as
NPZ (see `fontgan.lettering.npz_bytes`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fontgan import lettering
from fontgan.lettering import INTERPOLATED, LETTER_MODEL, MAGNIFICATION, MORPHED
from fontgan.options import check_options, files_of, spelled
from manymodes import cli
from manymodes.files import check_new_file, replacing_file
from manymodes.hub import add_model_option, add_runtime_option, load_from, model_file

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

EXAMPLE = (
    '  python -m fontgan.generate --text "HELLO WORLD" --style-seed 7 --out hello.png --svg\n'
    "  python -m fontgan.generate --alphabet --styles 8 --out alphabet.svg\n"
    "  python -m fontgan.generate --morph 3 9 --steps 8 --out morph.png\n"
    "  python -m fontgan.generate --ttf MyFont.ttf --style-seed 7"
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command."""
    args = _parser().parse_args(argv)
    check_options(args)
    files = files_of(args)
    for path in files.values():
        check_new_file(path, force=args.force)
    contents = _contents(args, files)
    for kind, path in files.items():
        with replacing_file(path) as partial:
            partial.write_bytes(contents[kind])
        print(f"wrote {path}")
    return 0


def _contents(args: argparse.Namespace, files: dict[str, Path]) -> dict[str, bytes]:
    """Draw everything that goes into the files, by their kinds."""
    file = model_file(args.model, LETTER_MODEL.program)
    model = load_from(file, LETTER_MODEL, runtime=args.runtime)
    contents: dict[str, bytes] = {}
    if ".npz" in files:
        contents[".npz"] = lettering.npz_bytes(model, args.samples, args.seed or 0)
    if files.keys() - {".npz"}:
        style, seed = lettering.styles_of(model, file), args.style_seed or 0
    if files.keys() & {".png", ".svg"}:
        if args.interpolate:
            ends, steps = [letter.upper() for letter in args.interpolate], args.steps or INTERPOLATED
            page = lettering.interpolation(model, style, ends, seed=seed, steps=steps)
        else:
            styles, steps = args.styles or 1, args.steps or MORPHED
            alphabets = lettering.letters(model, seed=seed, styles=styles, morph=args.morph, steps=steps, style=style)
            page = lettering.typeset(alphabets, spelled(args.text).split("\n") if args.text else ())
        magnification = args.magnification or MAGNIFICATION
        if ".svg" in files:
            contents[".svg"] = lettering.svg_text(page, magnification).encode()
        if ".png" in files:
            contents[".png"] = lettering.png_bytes(page, magnification)
    if ".ttf" in files:
        images = lettering.letters(model, seed=seed, style=style)[0]
        contents[".ttf"] = lettering.ttf_bytes(images, args.ttf.stem, f"capitals that a model drew in style {seed}")
    return contents


def _parser() -> argparse.ArgumentParser:
    parser = cli.parser("fontgan.generate", "Draw letters with a model that fontgan.train has saved.", EXAMPLE)
    add_model_option(parser, LETTER_MODEL.program)
    add_runtime_option(parser)
    drawn = parser.add_argument_group("contents")
    one = drawn.add_mutually_exclusive_group()
    one.add_argument("--text", help="words in A–Z, spaces and new lines; small letters are drawn as capitals")
    one.add_argument("--alphabet", action="store_true", help="A to Z")
    one.add_argument("--interpolate", nargs=2, metavar="LETTER", help="the steps from one letter to another")
    one.add_argument("--samples", type=cli.positive_int, metavar="N", help="raw images, as an NPZ file")
    morph = "the steps from one style to another, of --text or of the alphabet"
    drawn.add_argument("--morph", nargs=2, type=cli.seed_value, metavar="SEED", help=morph)
    ttf = "the alphabet of one style as a font that can be installed"
    drawn.add_argument("--ttf", type=Path, metavar="FILE", help=ttf)
    how = parser.add_argument_group("style")
    how.add_argument("--style-seed", type=cli.seed_value, metavar="SEED", help="of the style (default 0)")
    how.add_argument("--styles", type=cli.positive_int, metavar="N", help="draw in N styles, from --style-seed on")
    steps = f"of --interpolate (default {INTERPOLATED}) or --morph (default {MORPHED}), ends included"
    how.add_argument("--steps", type=cli.positive_int, metavar="N", help=steps)
    how.add_argument("--seed", type=cli.seed_value, help="of --samples (default 0)")
    size = f"pixels for one of the model's, along each side (default {MAGNIFICATION})"
    how.add_argument("--magnification", type=cli.positive_int, metavar="N", help=size)
    output = parser.add_argument_group("output")
    out = "a .png, or an .svg of outlines (default letters.png); for --samples an .npz (default samples.npz)"
    output.add_argument("--out", type=Path, metavar="FILE", help=out)
    output.add_argument("--svg", action="store_true", help="write outlines, too: x.svg beside x.png")
    output.add_argument("--force", action="store_true", help="overwrite files that exist")
    return parser


if __name__ == "__main__":
    cli.run(main)
