"""Draw with a trained model: ``python -m fontgan.generate --text "HELLO WORLD" --out hello.png``.

Writes words, alphabets, and the steps between letters or styles as PNG or SVG, an alphabet as a font, or raw images as
NPZ (see `fontgan.lettering.npz_bytes`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fontgan import lettering
from fontgan.data.glyphs import LETTERS
from fontgan.lettering import INTERPOLATED, LETTER_MODEL, MAGNIFICATION, MORPHED
from manymodes import cli
from manymodes.cli import UserError
from manymodes.experiment.config import option_of
from manymodes.files import check_new_file, replacing_file
from manymodes.hub import add_model_option, load_model, model_file

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    import numpy as np

    from fontgan.models.gan import FontGAN
    from fontgan.typeface.typesetting import Page

PROGRAM = "fontgan.generate"
EXAMPLE = (
    '  python -m fontgan.generate --text "HELLO WORLD" --style-seed 7 --out hello.png --svg\n'
    "  python -m fontgan.generate --alphabet --styles 8 --out alphabet.svg\n"
    "  python -m fontgan.generate --morph 3 9 --steps 8 --out morph.png\n"
    "  python -m fontgan.generate --ttf MyFont.ttf --style-seed 7"
)
_LARGEST = 100
_PICTURES = ("text", "alphabet", "morph", "interpolate")
# What each option needs one of.
_NEEDS = {
    "out": (*_PICTURES, "samples"),
    "svg": _PICTURES,
    "magnification": _PICTURES,
    "style_seed": ("text", "alphabet", "interpolate", "ttf"),
    "styles": ("text", "alphabet"),
    "steps": ("morph", "interpolate"),
    "seed": ("samples",),
}
_EXCLUDE = (
    ("morph", "interpolate", "one changes the style, the other the letter"),
    ("morph", "samples", "samples are of all styles"),
    ("morph", "style_seed", "it has two seeds already"),
    ("morph", "styles", "it has its own"),
    ("morph", "ttf", "a font is of one style"),
    ("styles", "ttf", "a font is of one style"),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command."""
    args = _parser().parse_args(argv)
    _check_combination(args)
    lines = _lines(args.text)
    places = _places(args)
    for place in places.values():
        check_new_file(place, force=args.force)
    file = model_file(args.model, LETTER_MODEL.program)
    model = load_model(file, LETTER_MODEL)
    contents: dict[str, bytes] = {}
    if args.samples:
        contents[".npz"] = lettering.npz_bytes(model, args.samples, args.seed or 0)
    if places.keys() - {".npz"}:
        style, seed = lettering.styles_of(model, file), args.style_seed or 0
        if places.keys() & {".png", ".svg"}:
            page, magnification = _page(args, model, style, lines), args.magnification or MAGNIFICATION
            if ".svg" in places:
                contents[".svg"] = lettering.svg_text(page, magnification).encode()
            if ".png" in places:
                contents[".png"] = lettering.png_bytes(page, magnification)
        if args.ttf:
            images = lettering.letters(model, seed=seed, style=style)[0]
            description = f"capitals that a model drew in style {seed}"
            contents[".ttf"] = lettering.ttf_bytes(images, args.ttf.stem, description)
    for kind, place in places.items():
        with replacing_file(place) as partial:
            partial.write_bytes(contents[kind])
        print(f"wrote {place}")
    return 0


def _page(args: argparse.Namespace, model: FontGAN, style: Callable[[int], np.ndarray], lines: Sequence[str]) -> Page:
    seed = args.style_seed or 0
    if args.interpolate:
        ends, steps = [letter.upper() for letter in args.interpolate], args.steps or INTERPOLATED
        return lettering.interpolation(model, style, ends, seed=seed, steps=steps)
    alphabets = lettering.letters(
        model, seed=seed, styles=args.styles or 1, morph=args.morph, steps=args.steps or MORPHED, style=style
    )
    return lettering.typeset(alphabets, lines)


def _parser() -> argparse.ArgumentParser:
    parser = cli.parser(PROGRAM, "Draw letters with a model that fontgan.train has saved.", EXAMPLE)
    add_model_option(parser, LETTER_MODEL.program)
    drawn = parser.add_argument_group("what is drawn")
    one = drawn.add_mutually_exclusive_group()
    one.add_argument("--text", help="words in A–Z, spaces and new lines; small letters are drawn as capitals")
    one.add_argument("--alphabet", action="store_true", help="A to Z")
    one.add_argument("--interpolate", nargs=2, metavar="LETTER", help="the steps from one letter to another")
    one.add_argument("--samples", type=cli.positive_int, metavar="N", help="raw images, as an NPZ file")
    drawn.add_argument(
        "--morph",
        nargs=2,
        type=cli.seed_value,
        metavar="SEED",
        help="the steps from one style to another, of --text or of the alphabet",
    )
    drawn.add_argument(
        "--ttf", type=Path, metavar="FILE", help="the alphabet of one style as a font that can be installed"
    )
    how = parser.add_argument_group("how")
    how.add_argument("--style-seed", type=cli.seed_value, metavar="SEED", help="of the style (default 0)")
    how.add_argument("--styles", type=cli.positive_int, metavar="N", help="draw in N styles, from --style-seed on")
    how.add_argument(
        "--steps",
        type=cli.positive_int,
        metavar="N",
        help=f"of --interpolate (default {INTERPOLATED}) or --morph (default {MORPHED}), ends included",
    )
    how.add_argument("--seed", type=cli.seed_value, help="of --samples (default 0)")
    how.add_argument(
        "--magnification",
        type=cli.positive_int,
        metavar="N",
        help=f"pixels for one of the model's, along each side (default {MAGNIFICATION})",
    )
    output = parser.add_argument_group("output")
    output.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="a .png, or an .svg of outlines (default letters.png); for --samples an .npz (default samples.npz)",
    )
    output.add_argument("--svg", action="store_true", help="write outlines, too: x.svg beside x.png")
    output.add_argument("--force", action="store_true", help="overwrite files that exist")
    return parser


def _check_combination(args: argparse.Namespace) -> None:
    """Refuse options that exclude each other or have no effect, and numbers out of range.

    Raises:
        UserError: the first of these.
    """
    given = {name for name, value in vars(args).items() if value is not None and value is not False}
    if not given & {*_PICTURES, "samples", "ttf"}:
        raise UserError(f"nothing to draw: give {_listed((*_PICTURES, 'samples', 'ttf'))}")
    for name, others in _NEEDS.items():
        if name in given and not given & set(others):
            raise UserError(f"{option_of(name)} goes with {_listed(others)}: add one of these, or leave it out")
    for name, other, reason in _EXCLUDE:
        if {name, other} <= given:
            raise UserError(f"{option_of(other)} does not go with {option_of(name)}, {reason}: leave one of them out")
    if args.steps == 1:
        raise UserError("--steps must be at least 2")
    if (args.magnification or 1) > _LARGEST:
        raise UserError(f"--magnification {args.magnification} is too large: give at most {_LARGEST}")
    for letter in args.interpolate or ():
        if letter.upper() not in tuple(LETTERS):
            raise UserError(f"--interpolate {letter!r} is not a letter: give two of A–Z")


def _listed(names: Sequence[str]) -> str:
    *others, last = map(option_of, names)
    return f"{', '.join(others)} or {last}" if others else last


def _lines(text: str | None) -> list[str]:
    """Return the lines of a text in capitals; none without a text.

    Raises:
        UserError: a character cannot be drawn, or there is no letter.
    """
    if text is None:
        return []
    wrong = sorted({letter for letter in text if not set(letter.upper()) <= {*LETTERS, " ", "\n"}})
    if wrong:
        raise UserError(f"--text has {', '.join(map(repr, wrong))}, which cannot be drawn: use A–Z, spaces, new lines")
    if not text.strip():
        raise UserError("--text has no letters: give some")
    return text.upper().split("\n")


def _places(args: argparse.Namespace) -> dict[str, Path]:
    """Return the path of each file to write, by its kind: .png, .svg, .npz, .ttf.

    Raises:
        UserError: the suffix of a name is not that of its kind.
    """
    places = {}
    if args.samples:
        places[".npz"] = args.out or Path("samples.npz")
    elif any(getattr(args, name) for name in _PICTURES):
        path = args.out or Path("letters.png")
        kind = path.suffix.lower()
        if kind not in {".png", ".svg"}:
            raise UserError(f"--out {path} must end with .png or .svg")
        places[kind] = path
        if args.svg and kind == ".png":
            places[".svg"] = path.with_suffix(".svg")
    if args.ttf:
        places[".ttf"] = args.ttf
    for kind in (".npz", ".ttf"):
        if kind in places and places[kind].suffix.lower() != kind:
            option = "--ttf" if kind == ".ttf" else "--out"
            raise UserError(f"{option} {places[kind]} must end with {kind}")
    return places


if __name__ == "__main__":
    cli.run(main)
