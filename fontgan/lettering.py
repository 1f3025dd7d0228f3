"""Letters of a trained model as arrays, pages and files."""

from __future__ import annotations

import functools
import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from fontgan.data.glyphs import LETTERS
from fontgan.typeface import drawing, typesetting
from fontgan.typeface.fontfile import font_bytes
from manymodes import hub
from manymodes.cli import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from fontgan.models.gan import FontGAN
    from fontgan.typeface.typesetting import Letter, Page

LETTER_MODEL = hub.Kind(
    "a model of letters",
    "fontgan.train",
    {"fontgan>FontGAN": "fontgan.models.gan"},
    portable={"fontgan>FontGAN": "fontgan.models.portable:PortableFontGAN"},
)
MAKER = "manymodes fontgan.generate"
"""The name of the program in the files."""

INTERPOLATED, MORPHED = 12, 8
"""Steps from letter to letter, and from style to style."""

load = LETTER_MODEL.load


def letters(
    model: FontGAN,
    *,
    seed: int = 0,
    styles: int = 1,
    morph: tuple[int, int] | None = None,
    steps: int = MORPHED,
    style: Callable[[int], np.ndarray] | None = None,
) -> np.ndarray:
    """Draw alphabets, float32 [styles or steps, 26, 28, 28] in [−1, 1], in several styles or from one style to another.

    The styles have the seeds from ``seed`` on; ``morph`` are the seeds of two styles, with both of them among the
    steps. Models without labels need a ``style`` as `styles_of` returns it.

    Raises:
        UserError: the model has diverged.
    """
    style = style or functools.partial(drawing.style, model)
    if morph:
        first, last = map(style, morph)
        return drawing.draw(model, drawing.between(first, last, steps, model.latent_dim))
    return drawing.draw(model, np.stack([style(number) for number in range(seed, seed + styles)]))


def interpolation(
    model: FontGAN, style: Callable[[int], np.ndarray], ends: Sequence[str], *, seed: int, steps: int
) -> Page:
    """Set the steps from one letter to another in one style in a line, both letters included.

    A letter without ink, or a model that has diverged, raises a UserError.
    """
    first, last = style(seed)[[LETTERS.index(letter) for letter in ends]]
    images = drawing.draw(model, drawing.between(first, last, steps, model.latent_dim))
    drawn = [typesetting.measure(image) for image in images]
    _check_ink({ends[0]: drawn[0], ends[1]: drawn[-1]})
    return typesetting.set_lines([drawn])


def styles_of(model: FontGAN, file: Path) -> Callable[[int], np.ndarray]:
    """Return a function that gives the codes of A to Z [26, D] in the style of a seed.

    A classifier finds the letters of a model without labels; the run folder around its file names the fonts to learn.
    """
    if model.labelled:
        return functools.partial(drawing.style, model)

    from fontgan.data.fonts import load_fonts
    from fontgan.metrics.classifiers import classifiers_of

    print("note: this model was trained without labels: a classifier chooses the letters among many images")
    fonts, seed = None, 0
    if shipped := hub.shipped_as(file):
        seed = shipped.seed
    else:
        try:
            config = json.loads((file.parent / "config.json").read_text(encoding="utf-8"))
            fonts, seed = config["fonts"], config["seed"]
        except (OSError, ValueError, KeyError, TypeError):
            print(f"note: no config.json of a run beside {file}: the classifier learns the bundled fonts")
    classifiers = classifiers_of(load_fonts(fonts, seed=seed))
    return functools.partial(drawing.found_style, model, classifiers.selecting)


def typeset(alphabets: np.ndarray, lines: Sequence[str] = ()) -> Page:
    """Set lines of A to Z and spaces in each alphabet [n, 26, 28, 28]; the alphabets themselves without lines.

    A letter without ink raises a UserError.
    """
    rows: list[list[Letter | None]] = []
    for images in alphabets:
        alphabet: dict[str, Letter | None] = {" ": None, **_measured(images, "".join(lines or LETTERS))}
        if rows and len(lines) > 1:
            rows.append([])
        rows += [[alphabet[name] for name in line] for line in lines or [LETTERS]]
    return typesetting.set_lines(rows, aligned=not lines)


def _measured(images: np.ndarray, text: str = LETTERS) -> dict[str, Letter]:
    """Return the letters that occur in a text, from images [26, 28, 28] of A to Z."""
    names = zip(LETTERS, images, strict=True)
    return _check_ink({name: typesetting.measure(image) for name, image in names if name in text})


def _check_ink(drawn: dict[str, Letter | None]) -> dict[str, Letter]:
    if empty := [name for name, letter in drawn.items() if letter is None]:
        raise UserError(f"this model draws nothing for {', '.join(empty)}: train it longer, or try another style")
    return {name: letter for name, letter in drawn.items() if letter is not None}


def ttf_bytes(images: np.ndarray, name: str, description: str) -> bytes:
    """Return an alphabet [26, 28, 28] as a TrueType font; raise a UserError if a letter has no ink."""
    return font_bytes(list(_measured(images).values()), family=name, description=description, maker=MAKER)


def npz_bytes(model: FontGAN, count: int, seed: int) -> bytes:
    """Draw images of all styles, and return them as NPZ.

    It has ``images``, float32 [count, 28, 28] in [−1, 1], ink 1 on −1; of a model trained with labels ``letters``,
    [count], the letters asked for; and ``maker``, the program.
    """
    kinds = np.arange(count) % len(LETTERS) if model.labelled else None
    images = model.generate(count, seed=seed, kinds=kinds)[..., 0]
    arrays: dict[str, Any] = {"images": images, "maker": np.bytes_(MAKER)}
    if kinds is not None:
        arrays["letters"] = np.array(list(LETTERS))[kinds]
    content = io.BytesIO()
    np.savez(content, **arrays)
    return content.getvalue()
