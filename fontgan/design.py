"""Design a typeface with a trained model: ``python -m fontgan.design --seed 7 --out MyFace.ttf``.

The font has A–Z, a–z, 0–9, punctuation and accented letters, kerning, and the metrics that installing needs.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fontgan import designing
from fontgan.designing import KEY_CHARACTERS, TYPEFACE_MODEL
from manymodes import cli
from manymodes.files import check_new_file, replacing_file, replacing_folder
from manymodes.hub import add_model_option, add_runtime_option

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from fontgan.models.typeface import TypefaceModel

EXAMPLE = (
    '  python -m fontgan.design --seed 7 --out MyFace.ttf --text "Hello World" --picture hello.png\n'
    '  python -m fontgan.design --seed 1 --styles 5 --text "Hamburgefonstiv" --picture styles.png\n'
    "  python -m fontgan.design --style-of drawn-by-me.ttf --by ABC --out completed.ttf"
)
_LONGEST_NAME = 30


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command."""
    args = _parser().parse_args(argv)
    _check(args)
    outputs = [path for path in (args.out, args.picture) if path]
    for path in outputs:
        check_new_file(path, force=args.force)
    # the style of a given font is searched by gradients
    model = designing.load(args.model, runtime="tensorflow" if args.style_of else args.runtime)
    drawn = designing.characters(model, _styles(model, args))
    name = args.name or (args.out or Path("Letters")).stem
    made = [designing.font_of(shapes, name) for shapes in drawn]
    fonts = [designing.compiled(font) for font in made]
    text = args.text or ""
    if lacking := designing.uncovered(fonts, text):
        raise cli.UserError(f"--text has {', '.join(map(repr, lacking))}, which these fonts lack: leave them out")
    if args.out:
        font = designing.variable(drawn[0], name) if args.variable else fonts[0]
        with replacing_file(args.out) as partial:
            partial.write_bytes(designing.file_bytes(font, woff2=args.out.suffix.lower() == ".woff2"))
    if args.picture:
        with replacing_file(args.picture) as partial:
            partial.write_bytes(designing.png_bytes(designing.specimen(fonts, text.split("\n"), args.point_size)))
    if args.ufo:
        with replacing_folder(args.ufo) as partial:
            made[0].save(partial, overwrite=True)
        outputs.append(args.ufo)
    for path in outputs:
        print(f"wrote {path}")
    return 0


def _styles(model: TypefaceModel, args: argparse.Namespace) -> np.ndarray:
    """Return the styles that are asked for, [n, D]."""
    if args.style_of:
        return designing.style_of(model, args.style_of, args.by)[None]
    if args.between:
        first, last = (designing.style(model, seed) for seed in args.between)
        shares = np.linspace(0, 1, args.styles) if args.styles else [0.5]
        return np.stack([designing.between(first, last, float(share)) for share in shares])
    seed = args.seed or 0
    return np.stack([designing.style(model, number) for number in range(seed, seed + (args.styles or 1))])


def _check(args: argparse.Namespace) -> None:
    """Refuse options that exclude each other or have no effect, and names with another suffix."""
    if not (args.out or args.picture or args.ufo):
        raise cli.UserError("nothing to write: give --out FILE.ttf, --picture FILE.png or --ufo FOLDER")
    if bool(args.picture) != bool(args.text and args.text.strip()):
        raise cli.UserError("--picture shows a --text: give both, or none of them")
    if args.styles and (args.out or args.ufo or args.style_of):
        raise cli.UserError("--styles is for a --picture alone: a font has one style")
    if args.style_of and args.runtime == "onnx":
        raise cli.UserError("--style-of needs gradients, which ONNX graphs do not have: leave --runtime out")
    if args.variable and not args.out:
        raise cli.UserError("--variable is for the font of --out: give --out FILE.ttf")
    for option, path, suffixes in (
        ("--out", args.out, (".ttf", ".woff2")),
        ("--picture", args.picture, (".png",)),
        ("--ufo", args.ufo, (".ufo",)),
    ):
        if path and path.suffix.lower() not in suffixes:
            raise cli.UserError(f"{option} {path} must end with {' or '.join(suffixes)}")
    if args.name is not None and not (
        args.name.isascii() and args.name.isprintable() and 0 < len(args.name.strip()) <= _LONGEST_NAME
    ):
        raise cli.UserError(f"--name {args.name!r}: give up to {_LONGEST_NAME} letters, digits and spaces")


def _parser() -> argparse.ArgumentParser:
    parser = cli.parser("fontgan.design", "Design a typeface with a model of fontgan.train_typefaces.", EXAMPLE)
    add_model_option(parser, TYPEFACE_MODEL.program)
    add_runtime_option(parser)
    how = parser.add_argument_group("style")
    one = how.add_mutually_exclusive_group()
    one.add_argument("--seed", type=cli.seed_value, help="of a new style (default 0)")
    between = "the middle of two styles, or with --styles the way"
    one.add_argument("--between", nargs=2, type=cli.seed_value, metavar="SEED", help=between)
    one.add_argument("--style-of", type=Path, metavar="FONT", help="the style of a font, to complete it")
    by = f"characters of --style-of that are looked at (default {KEY_CHARACTERS})"
    how.add_argument("--by", default=KEY_CHARACTERS, metavar="TEXT", help=by)
    styles = "show N styles, from --seed on or --between two"
    how.add_argument("--styles", type=cli.positive_int, metavar="N", help=styles)
    output = parser.add_argument_group("output")
    output.add_argument("--out", type=Path, metavar="FILE", help="a font: .ttf or .woff2")
    output.add_argument("--variable", action="store_true", help="give the font of --out an axis of weights, 300 to 700")
    output.add_argument("--ufo", type=Path, metavar="FOLDER", help="the font as a UFO, for editors of fonts")
    output.add_argument("--name", help="of the font (default: that of the file)")
    output.add_argument("--text", help="what the picture shows; lines with new lines between them")
    output.add_argument("--picture", type=Path, metavar="FILE", help="a .png of --text")
    size = "of the text, in pixels an em (default 72)"
    output.add_argument("--point-size", type=cli.integer(6, 400), default=72, metavar="N", help=size)
    output.add_argument("--force", action="store_true", help="overwrite files that exist")
    return parser


if __name__ == "__main__":
    cli.run(main)
