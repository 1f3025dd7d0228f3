"""Draw with a trained model: ``python -m fontgan.generate --text "HELLO WORLD" --out hello.png``.

Writes words, alphabets and ways between letters or styles as PNG or SVG, an alphabet as a font, or raw images as NPZ.
A file of raw images has ``images``, float32 [n, 28, 28] in [−1, 1], ink 1 on −1; of a model trained with labels
``letters``, [n], what each was asked to be; and ``maker``, the program.
"""

from __future__ import annotations

import functools
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fontgan.data.glyphs import LETTERS
from manymodes import cli, hub
from manymodes.cli import UserError
from manymodes.files import check_place, replacing_file, set_aside
from manymodes.hub import add_model_option, model_file, shipped_as

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    import numpy as np

    from fontgan.models.gan import FontGAN
    from fontgan.typeface.typesetting import Letter, Page

PROGRAM = "fontgan.generate"
EXAMPLE = (
    '  python -m fontgan.generate --text "HELLO WORLD" --style-seed 7 --out hello.png --svg\n'
    "  python -m fontgan.generate --alphabet --styles 8 --out alphabet.svg\n"
    "  python -m fontgan.generate --morph 3 9 --steps 8 --out morph.png\n"
    "  python -m fontgan.generate --ttf MyFont.ttf --style-seed 7"
)
LETTER_MODEL = hub.Kind("a model of letters", "fontgan.train", {"fontgan>FontGAN": "fontgan.models.gan"})
MAKER = f"manymodes {PROGRAM}"
"""What every file says that is written, so that the program knows it again."""

_MAGNIFICATION, _LARGEST = 8, 100
_INTERPOLATED, _MORPHED = 12, 8
_PICTURES = ("text", "alphabet", "morph", "interpolate")
# What each option says more about: without one of these it is of no use.
_SAYS_MORE = {
    "out": (*_PICTURES, "samples"),
    "svg": _PICTURES,
    "magnification": _PICTURES,
    "style_seed": ("text", "alphabet", "interpolate", "ttf"),
    "styles": ("text", "alphabet"),
    "steps": ("morph", "interpolate"),
    "seed": ("samples",),
}
_EXCLUDE = (
    ("morph", "interpolate", "one goes from style to style, the other from letter to letter"),
    ("morph", "samples", "samples are of all styles"),
    ("morph", "style_seed", "it has two seeds already"),
    ("morph", "styles", "it has its own"),
    ("morph", "ttf", "a font is of one style"),
    ("styles", "ttf", "a font is of one style"),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the verb."""
    args = _parser().parse_args(argv)
    _check_combination(args)
    lines = _lines(args.text)
    places = _places(args)
    for place in places.values():
        _check_file(place, force=args.force)
    file = model_file(args.model, LETTER_MODEL.program)
    model = load_model(file)
    contents: dict[str, bytes] = {}
    if args.samples:
        contents[".npz"] = _samples(model, args.samples, args.seed or 0)
    if places.keys() - {".npz"}:
        style = _styles(model, file)
        if kinds := places.keys() & {".png", ".svg"}:
            page = _page(args, model, style, lines)
            contents |= {kind: _picture(page, kind, args.magnification or _MAGNIFICATION) for kind in kinds}
        if args.ttf:
            contents[".ttf"] = _font(model, style, args.style_seed or 0, args.ttf.stem)
    for kind, place in places.items():
        _write(place, contents[kind])
        print(f"wrote {place}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = cli.parser(PROGRAM, "Draw letters with a model that fontgan.train has saved.", EXAMPLE)
    add_model_option(parser, LETTER_MODEL.program)
    drawn = parser.add_argument_group("what is drawn")
    one = drawn.add_mutually_exclusive_group()
    one.add_argument("--text", help="words in A–Z, spaces and new lines; small letters are drawn as capitals")
    one.add_argument("--alphabet", action="store_true", help="A to Z")
    one.add_argument("--interpolate", nargs=2, metavar="LETTER", help="the way from one letter to another")
    one.add_argument("--samples", type=cli.positive_int, metavar="N", help="raw images, as an NPZ file")
    drawn.add_argument(
        "--morph",
        nargs=2,
        type=cli.seed_value,
        metavar="SEED",
        help="the way from one style to another, of --text or of the alphabet",
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
        help=f"of --interpolate (default {_INTERPOLATED}) or --morph (default {_MORPHED}), ends included",
    )
    how.add_argument("--seed", type=cli.seed_value, help="of --samples (default 0)")
    how.add_argument(
        "--magnification",
        type=cli.positive_int,
        metavar="N",
        help=f"pixels for one of the model's, along each side (default {_MAGNIFICATION})",
    )
    output = parser.add_argument_group("output")
    output.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="a .png, or an .svg of outlines (default letters.png); for --samples an .npz (default samples.npz)",
    )
    output.add_argument("--svg", action="store_true", help="write outlines, too: x.svg beside x.png")
    output.add_argument("--force", action="store_true", help="set aside what stands in the way, under another name")
    return parser


# --- what a person can get wrong ---------------------------------------------------------------------------


def _check_combination(args: argparse.Namespace) -> None:
    """Refuse options that exclude each other or are of no use, and what is too small or too large.

    Raises:
        UserError: there are such.
    """
    given = {name for name, value in vars(args).items() if value is not None and value is not False}
    if not given & {*_PICTURES, "samples", "ttf"}:
        raise UserError(f"nothing to draw: give {_listed((*_PICTURES, 'samples', 'ttf'))}")
    for name, others in _SAYS_MORE.items():
        if name in given and not given & set(others):
            raise UserError(f"{_option(name)} goes with {_listed(others)}: add that, or leave it out")
    for name, other, reason in _EXCLUDE:
        if {name, other} <= given:
            raise UserError(f"{_option(other)} does not go with {_option(name)}, {reason}: leave one of them out")
    if args.steps == 1:
        raise UserError("--steps 1 is no way: give at least 2, both ends are among them")
    if (args.magnification or 1) > _LARGEST:
        raise UserError(f"--magnification {args.magnification} is too large: give at most {_LARGEST}")
    for letter in args.interpolate or ():
        if letter.upper() not in tuple(LETTERS):
            raise UserError(f"--interpolate {letter!r} is no letter that can be drawn: give two of A–Z")


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _listed(names: Sequence[str]) -> str:
    *others, last = map(_option, names)
    return f"{', '.join(others)} or {last}" if others else last


def _lines(text: str | None) -> list[str]:
    """Return the lines of a text in capitals; none without a text.

    Raises:
        UserError: something in it cannot be drawn, or there is nothing.
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
    """Return what is written, and where to: a path for each of .png, .svg, .npz and .ttf that is wanted.

    Raises:
        UserError: a name ends otherwise than what is to be written.
    """
    places = {}
    if args.samples:
        places[".npz"] = args.out or Path("samples.npz")
    elif any(getattr(args, name) for name in _PICTURES):
        path = args.out or Path("letters.png")
        kind = path.suffix.lower()
        if kind not in {".png", ".svg"}:
            raise UserError(f"--out {path} does not say what to write: give a name that ends with .png or .svg")
        places[kind] = path
        if args.svg and kind == ".png":
            places[".svg"] = path.with_suffix(".svg")
    if args.ttf:
        places[".ttf"] = args.ttf
    for kind in (".npz", ".ttf"):
        if kind in places and places[kind].suffix.lower() != kind:
            option = "--ttf" if kind == ".ttf" else "--out"
            raise UserError(f"{option} {places[kind]} would be a {kind} file: give a name that ends so")
    return places


def _check_file(path: Path, *, force: bool) -> None:
    """Make sure that a file may be written, before any work is done.

    Raises:
        UserError: something stands there that the program did not write, or nothing can be written there.
    """
    if path.is_dir():
        raise UserError(f"{path} is a folder: give the path of a file to write")
    check_place(path)
    if path.exists() and not _is_ours(path) and not force:
        raise UserError(f"{path} is not of this program's making: choose another name, or --force to set it aside")


def load_model(file: Path) -> FontGAN:
    """Load a model that `fontgan.train` has saved.

    Raises:
        UserError: see `manymodes.hub.load_model`.
    """
    return hub.load_model(file, LETTER_MODEL)


# --- what is drawn -----------------------------------------------------------------------------------------


def _styles(model: FontGAN, file: Path) -> Callable[[int], np.ndarray]:
    """Return what gives the codes of A to Z [26, D] in the style of a seed."""
    from fontgan.typeface import drawing

    if model.labelled:
        return functools.partial(drawing.style, model)

    from fontgan.data.fonts import load_fonts
    from fontgan.metrics.judges import judges_of

    print("note: this model was trained without labels: a judge chooses the letters among many images")
    learned = _learned(file)
    judges = judges_of(load_fonts(learned["fonts"], seed=learned["seed"]))
    return functools.partial(drawing.found_style, model, judges.selecting)


def _learned(file: Path) -> dict[str, Any]:
    """Return which fonts a model has learned, and with which seed they were drawn, as its run folder says."""
    if shipped := shipped_as(file):
        return {"fonts": None, "seed": shipped.seed}
    try:
        config = json.loads((file.parent / "config.json").read_text(encoding="utf-8"))
        return {name: config[name] for name in ("fonts", "seed")}
    except (OSError, ValueError, KeyError, TypeError):
        print(f"note: no config.json of a run beside {file}: the judge is one of the bundled fonts")
        return {"fonts": None, "seed": 0}


def _page(args: argparse.Namespace, model: FontGAN, style: Callable[[int], np.ndarray], lines: Sequence[str]) -> Page:
    import numpy as np

    from fontgan.typeface.drawing import between, draw
    from fontgan.typeface.typesetting import measure, set_lines

    seed = args.style_seed or 0
    if args.interpolate:
        first, last = (LETTERS.index(letter.upper()) for letter in args.interpolate)
        codes = style(seed)
        way = between(codes[first], codes[last], args.steps or _INTERPOLATED, model.latent_dim)
        drawn = [measure(image) for image in draw(model, way)]
        _check_ink({LETTERS[first]: drawn[0], LETTERS[last]: drawn[-1]})
        return set_lines([drawn])
    if args.morph:
        begin, end = map(style, args.morph)
        alphabets = between(begin, end, args.steps or _MORPHED, model.latent_dim)
    else:
        alphabets = np.stack([style(number) for number in range(seed, seed + (args.styles or 1))])
    wanted = lines or [LETTERS]
    rows: list[list[Letter | None]] = []
    for images in draw(model, alphabets):
        alphabet = measured(images, "".join(wanted))
        if rows and len(wanted) > 1:
            rows.append([])
        rows += [[None if name == " " else alphabet[name] for name in line] for line in wanted]
    return set_lines(rows, aligned=not lines)


def measured(images: np.ndarray, text: str = LETTERS) -> dict[str, Letter]:
    """Return the letters of a text, from images [26, 28, 28] of A to Z; others in it are passed over.

    Raises:
        UserError: there is nothing to be seen of one.
    """
    from fontgan.typeface.typesetting import measure

    found = {name: measure(image) for name, image in zip(LETTERS, images, strict=True) if name in text}
    return _check_ink(found)


def _check_ink(letters: dict[str, Letter | None]) -> dict[str, Letter]:
    empty = [name for name, letter in letters.items() if letter is None]
    if empty:
        raise UserError(f"this model draws nothing for {', '.join(empty)}: train it longer, or try another style")
    return {name: letter for name, letter in letters.items() if letter is not None}


def _picture(page: Page, kind: str, magnification: int) -> bytes:
    """Return a page as a file of a kind, .png or .svg."""
    from PIL.PngImagePlugin import PngInfo

    from fontgan.typeface.typesetting import picture, svg

    if kind == ".svg":
        return svg(page, magnification, MAKER).encode()
    content, text = io.BytesIO(), PngInfo()
    text.add_text("Software", MAKER)
    picture(page, magnification).save(content, format="png", pnginfo=text)
    return content.getvalue()


def _font(model: FontGAN, style: Callable[[int], np.ndarray], seed: int, name: str) -> bytes:
    from fontgan.typeface.drawing import draw
    from fontgan.typeface.fontfile import font_bytes

    letters = measured(draw(model, style(seed)))
    description = f"capitals that a model drew in style {seed}"
    return font_bytes(list(letters.values()), family=name, description=description, maker=MAKER)


def _samples(model: FontGAN, count: int, seed: int) -> bytes:
    import numpy as np

    kinds = np.arange(count) % len(LETTERS) if model.labelled else None
    arrays: dict[str, Any] = {
        "images": model.generate(count, seed=seed, kinds=kinds)[..., 0],
        "maker": np.bytes_(MAKER),
    }
    if kinds is not None:
        arrays["letters"] = np.array(list(LETTERS))[kinds]
    content = io.BytesIO()
    np.savez(content, **arrays)
    return content.getvalue()


# --- writing -----------------------------------------------------------------------------------------------


def _is_ours(path: Path) -> bool:
    try:
        content = path.read_bytes()
    except OSError:
        return False
    return MAKER.encode() in content or MAKER.encode("utf-16-be") in content  # as fonts have it


def _write(path: Path, content: bytes) -> None:
    """Write a file in one step; what somebody else put there is set aside."""
    if path.exists() and not _is_ours(path):
        set_aside(path)
    with replacing_file(path) as partial:
        partial.write_bytes(content)


if __name__ == "__main__":
    cli.run(main)
