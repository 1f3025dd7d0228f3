"""Draw with a trained model: ``python -m fontgan.generate --text "HELLO WORLD" --out hello.png``.

Writes words, alphabets, and the steps between letters or styles as PNG or SVG, an alphabet as a font, or raw images as
NPZ (see `fontgan.lettering.npz_bytes`).
"""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING

from fontgan import lettering
from fontgan.data.glyphs import LETTERS
from fontgan.lettering import INTERPOLATED, LETTER_MODEL, MAKER, MORPHED
from fontgan.typeface import typesetting
from manymodes import cli
from manymodes.cli import UserError
from manymodes.experiment.config import option_of
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

_SPELLED = str.maketrans({"Ä": "AE", "Ö": "OE", "Ü": "UE", "Æ": "AE", "Œ": "OE", "Ø": "OE", "ẞ": "SS"})
_MAGNIFICATION, _LARGEST = 8, 100  # the default, and the greatest
_PICTURES = ("text", "alphabet", "morph", "interpolate")
# Each option needs one of these.
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
    _check_options(args)
    files = _files_of(args)
    for path in files.values():
        check_new_file(path, force=args.force)
    contents = _contents(args, files)
    for kind, path in files.items():
        with replacing_file(path) as partial:
            partial.write_bytes(contents[kind])
        print(f"wrote {path}")
    return 0


def _check_options(args: argparse.Namespace) -> None:
    """Refuse options that exclude each other or have no effect, and values out of range."""
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
    _check_text(args.text)


def _check_text(text: str | None) -> None:
    if text is None:
        return
    if wrong := sorted({letter for letter in text if not set(_spelled(letter)) <= {*LETTERS, " ", "\n"}}):
        raise UserError(f"--text has {', '.join(map(repr, wrong))}, which cannot be drawn: use A–Z, spaces, new lines")
    if not text.strip():
        raise UserError("--text has no letters: give some")


def _spelled(text: str) -> str:
    """Return a text in capitals, as it is drawn: umlauts, ligatures and ß as two letters."""
    return unicodedata.normalize("NFC", text).upper().translate(_SPELLED)


def _listed(names: Sequence[str]) -> str:
    *others, last = map(option_of, names)
    return f"{', '.join(others)} or {last}" if others else last


def _files_of(args: argparse.Namespace) -> dict[str, Path]:
    """Return the path of each file by its kind, .png, .svg, .npz or .ttf; refuse a name with another suffix."""
    files = {}
    if args.samples:
        files[".npz"] = args.out or Path("samples.npz")
    elif any(getattr(args, name) for name in _PICTURES):
        path = args.out or Path("letters.png")
        files[".svg" if path.suffix.lower() == ".svg" else ".png"] = path
        if args.svg:
            files.setdefault(".svg", path.with_suffix(".svg"))
    if args.ttf:
        files[".ttf"] = args.ttf
    for kind, path in files.items():
        if path.suffix.lower() != kind:
            option, kinds = "--ttf" if kind == ".ttf" else "--out", ".png or .svg" if kind == ".png" else kind
            raise UserError(f"{option} {path} must end with {kinds}")
    return files


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
            page = lettering.typeset(alphabets, _spelled(args.text).split("\n") if args.text else ())
        magnification = args.magnification or _MAGNIFICATION
        if ".svg" in files:
            contents[".svg"] = typesetting.svg(page, magnification, MAKER).encode()
        if ".png" in files:
            contents[".png"] = typesetting.png(typesetting.picture(page, magnification), MAKER)
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
    size = f"pixels for one of the model's, along each side (default {_MAGNIFICATION})"
    how.add_argument("--magnification", type=cli.positive_int, metavar="N", help=size)
    output = parser.add_argument_group("output")
    out = "a .png, or an .svg of outlines (default letters.png); for --samples an .npz (default samples.npz)"
    output.add_argument("--out", type=Path, metavar="FILE", help=out)
    output.add_argument("--svg", action="store_true", help="write outlines, too: x.svg beside x.png")
    output.add_argument("--force", action="store_true", help="overwrite files that exist")
    return parser


if __name__ == "__main__":
    cli.run(main)
