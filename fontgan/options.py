"""The checks of the command line of `fontgan.generate`."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING

from fontgan.data.glyphs import LETTERS
from manymodes.cli import UserError
from manymodes.experiment.config import option_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

_SPELLED = str.maketrans({"Ä": "AE", "Ö": "OE", "Ü": "UE", "Æ": "AE", "Œ": "OE", "Ø": "OE", "ẞ": "SS"})
_LARGEST = 100
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


def check_options(args: argparse.Namespace) -> None:
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


def spelled(text: str) -> str:
    """Return a text in capitals, as it is drawn: umlauts, ligatures and ß as two letters."""
    return unicodedata.normalize("NFC", text).upper().translate(_SPELLED)


def _check_text(text: str | None) -> None:
    if text is None:
        return
    if wrong := sorted({letter for letter in text if not set(spelled(letter)) <= {*LETTERS, " ", "\n"}}):
        raise UserError(f"--text has {', '.join(map(repr, wrong))}, which cannot be drawn: use A–Z, spaces, new lines")
    if not text.strip():
        raise UserError("--text has no letters: give some")


def _listed(names: Sequence[str]) -> str:
    *others, last = map(option_of, names)
    return f"{', '.join(others)} or {last}" if others else last


def files_of(args: argparse.Namespace) -> dict[str, Path]:
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
