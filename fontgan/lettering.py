"""Letters of a trained model as arrays, pages and files: what the command and the studio share."""

from __future__ import annotations

import functools
import io
import json
from typing import TYPE_CHECKING, Any

from fontgan.data.glyphs import LETTERS
from manymodes import hub
from manymodes.cli import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import numpy as np

    from fontgan.models.gan import FontGAN
    from fontgan.typeface.typesetting import Letter, Page

LETTER_MODEL = hub.Kind("a model of letters", "fontgan.train", {"fontgan>FontGAN": "fontgan.models.gan"})
MAKER = "manymodes fontgan.generate"
"""The program, as the files name it."""

MAGNIFICATION = 8
INTERPOLATED, MORPHED = 12, 8
"""Steps from letter to letter, and from style to style."""


def load(model: str | Path | None = None) -> FontGAN:
    """Load a model of letters.

    Args:
        model: a run folder, a .keras file, or the name of a pretrained model; the default one unless given.

    Raises:
        UserError: there is no such model, or it cannot be loaded.
    """
    return hub.load(model, LETTER_MODEL)


def letters(
    model: FontGAN,
    *,
    seed: int = 0,
    styles: int = 1,
    morph: tuple[int, int] | None = None,
    steps: int = MORPHED,
    style: Callable[[int], np.ndarray] | None = None,
) -> np.ndarray:
    """Draw alphabets in several styles, or on the way from one style to another.

    Args:
        model: a trained one.
        seed: of the first style; the next ones have the seeds that follow.
        styles: number of alphabets.
        morph: seeds of two styles; the alphabets then go from one to the other.
        steps: of the morph, both ends included.
        style: as `styles_of` returns it; needed for models without labels.

    Returns:
        float32 [styles or steps, 26, 28, 28] in [−1, 1], A to Z.

    Raises:
        UserError: the model has diverged.
    """
    import numpy as np

    from fontgan.typeface.drawing import between, draw
    from fontgan.typeface.drawing import style as style_of_labelled

    style = style or functools.partial(style_of_labelled, model)
    if morph:
        first, last = map(style, morph)
        return draw(model, between(first, last, steps, model.latent_dim))
    return draw(model, np.stack([style(number) for number in range(seed, seed + styles)]))


def interpolation(
    model: FontGAN, style: Callable[[int], np.ndarray], ends: Sequence[str], *, seed: int, steps: int
) -> Page:
    """Set a letter, the steps to another one in one style, and that one in a line.

    Raises:
        UserError: one of the two letters has no ink, or the model has diverged.
    """
    from fontgan.typeface.drawing import between, draw
    from fontgan.typeface.typesetting import measure, set_lines

    codes = style(seed)
    first, last = (LETTERS.index(letter) for letter in ends)
    drawn = [measure(image) for image in draw(model, between(codes[first], codes[last], steps, model.latent_dim))]
    _check_ink({ends[0]: drawn[0], ends[1]: drawn[-1]})
    return set_lines([drawn])


def styles_of(model: FontGAN, file: Path) -> Callable[[int], np.ndarray]:
    """Return a function that gives the codes of A to Z [26, D] in the style of a seed.

    Args:
        model: a trained one; of one without labels, a classifier reads the images to find the letters.
        file: where the model comes from: the run folder around it names the fonts that the classifier learns.
    """
    from fontgan.typeface import drawing

    if model.labelled:
        return functools.partial(drawing.style, model)

    from fontgan.data.fonts import load_fonts
    from fontgan.metrics.classifiers import classifiers_of

    print("note: this model was trained without labels: a classifier chooses the letters among many images")
    fonts, seed = _training_fonts(file)
    classifiers = classifiers_of(load_fonts(fonts, seed=seed))
    return functools.partial(drawing.found_style, model, classifiers.selecting)


def _training_fonts(file: Path) -> tuple[str | None, int]:
    """Return the fonts that a model has learned, and the seed with which they were drawn."""
    if shipped := hub.shipped_as(file):
        return None, shipped.seed
    try:
        config = json.loads((file.parent / "config.json").read_text(encoding="utf-8"))
        return config["fonts"], config["seed"]
    except (OSError, ValueError, KeyError, TypeError):
        print(f"note: no config.json of a run beside {file}: the classifier learns the bundled fonts")
        return None, 0


def typeset(alphabets: np.ndarray, lines: Sequence[str] = ()) -> Page:
    """Set lines of A to Z and spaces in each alphabet [n, 26, 28, 28]; the alphabets themselves without lines.

    Raises:
        UserError: a letter has no ink.
    """
    from fontgan.typeface.typesetting import set_lines

    rows: list[list[Letter | None]] = []
    for images in alphabets:
        alphabet = measured(images, "".join(lines or LETTERS))
        if rows and len(lines) > 1:
            rows.append([])
        rows += [[None if name == " " else alphabet[name] for name in line] for line in lines or [LETTERS]]
    return set_lines(rows, aligned=not lines)


def measured(images: np.ndarray, text: str = LETTERS) -> dict[str, Letter]:
    """Return the letters of a text, from images [26, 28, 28] of A to Z; others in it are passed over.

    Raises:
        UserError: a letter has no ink.
    """
    from fontgan.typeface.typesetting import measure

    return _check_ink({name: measure(image) for name, image in zip(LETTERS, images, strict=True) if name in text})


def _check_ink(drawn: dict[str, Letter | None]) -> dict[str, Letter]:
    if empty := [name for name, letter in drawn.items() if letter is None]:
        raise UserError(f"this model draws nothing for {', '.join(empty)}: train it longer, or try another style")
    return {name: letter for name, letter in drawn.items() if letter is not None}


def svg_text(page: Page, magnification: int = MAGNIFICATION) -> str:
    """Return a page as SVG."""
    from fontgan.typeface.typesetting import svg

    return svg(page, magnification, MAKER)


def png_bytes(page: Page, magnification: int = MAGNIFICATION) -> bytes:
    """Return a page as PNG."""
    from PIL.PngImagePlugin import PngInfo

    from fontgan.typeface.typesetting import picture

    content, text = io.BytesIO(), PngInfo()
    text.add_text("Software", MAKER)
    picture(page, magnification).save(content, format="png", pnginfo=text)
    return content.getvalue()


def ttf_bytes(images: np.ndarray, name: str, description: str = "capitals that a model drew") -> bytes:
    """Return an alphabet [26, 28, 28] as a TrueType font.

    Raises:
        UserError: a letter has no ink.
    """
    from fontgan.typeface.fontfile import font_bytes

    return font_bytes(list(measured(images).values()), family=name, description=description, maker=MAKER)


def npz_bytes(model: FontGAN, count: int, seed: int) -> bytes:
    """Draw images of all styles, and return them as NPZ.

    It has ``images``, float32 [count, 28, 28] in [−1, 1], ink 1 on −1; of a model trained with labels ``letters``,
    [count], the letters asked for; and ``maker``, the program.
    """
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
