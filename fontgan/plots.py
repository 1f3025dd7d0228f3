"""Pictures of training and of letters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fontgan import coverage
from fontgan.glyphs import LETTERS
from fontgan.judges import read
from fontgan.sheets import letter_sheet
from modelkit.files import replacing_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import keras
    from PIL import Image

    from fontgan.fonts import Letters
    from fontgan.gan import FontGAN

_STYLE: Any = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.3,
    "font.size": 9,
}
_REPORTED = 13
"""Letters that the weakest of the reports ends with."""

_DRAWN = 1500  # images among which the letters of an unconditional model are looked for
_STYLES = 8
_STEPS = 12
_NEIGHBOURS = 12
_SEED = 7


def save_training(history: Sequence[Mapping[str, float]], folder: Path) -> None:
    """Draw a history: losses, their balance, letters, gradients, and what became of each letter."""
    panels = {
        "losses.png": ("losses", ("generator_loss", "discriminator_loss"), ()),
        "loss-balance.png": ("loss of the discriminator, divided by the generator's", ("loss_ratio",), (1,)),
        "coverage.png": ("letters covered", ("strict_coverage", "naive_coverage"), (len(LETTERS), _REPORTED)),
        "gradients.png": ("length of the gradients", ("generator_gradient", "discriminator_gradient"), ()),
    }
    for name, (title, columns, lines) in panels.items():
        save_curves({column: _curve(history, column) for column in columns}, title, folder / name, lines=lines)
    _save_survival(history, folder / "survival.png")


def save_curves(
    curves: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    title: str,
    path: Path,
    *,
    lines: Sequence[float] = (),
) -> None:
    """Draw curves over the epochs.

    Args:
        curves: by name, epochs and values.
        title: of the picture.
        path: of the PNG.
        lines: values at which a line is drawn.
    """
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(6, 3.2), layout="constrained")
        axes = figure.add_subplot()
        for name, (epochs, values) in curves.items():
            axes.plot(epochs, values, label=name.replace("_", " "), marker=".", markersize=3)
        for value in lines:
            axes.axhline(value, color="grey", linestyle="--", linewidth=0.8)
            axes.annotate(f"{value:g}", (1, value), xycoords=("axes fraction", "data"), va="center", color="grey")
        axes.set_title(title)
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend()
        _save(figure, path)


def save_alphabets(model: FontGAN, judge: keras.Model, path: Path) -> None:
    """Draw the alphabet as a model draws it now: of each letter the images that are read best."""
    _save_sheet(letter_sheet(alphabets(model, judge), columns=LETTERS), path)


def alphabets(model: FontGAN, judge: keras.Model, styles: int = _STYLES) -> np.ndarray:
    """Return images [styles, 26, 28, 28, 1] of every letter, empty where it does not occur.

    A conditional model draws them as asked, each row from one latent vector. Of one that is not, the images are
    taken that the judge reads with the greatest confidence among `_DRAWN`.
    """
    if model.condition_dim == len(LETTERS):
        return alphabet_of_styles(model, styles)
    images = model.generate(_DRAWN, seed=_SEED)
    reading = read(judge, images)
    sheet = np.full((styles, len(LETTERS), *images.shape[1:]), -1, np.float32)
    for letter in range(len(LETTERS)):
        places = np.flatnonzero(reading.letters == letter)
        best = places[np.argsort(-reading.confidence[places], kind="stable")][:styles]
        sheet[: len(best), letter] = images[best]
    return sheet


def alphabet_of_styles(model: FontGAN, styles: int) -> np.ndarray:
    """Return the alphabet of a conditional model in several styles, [styles, 26, 28, 28, 1]: a latent vector a row."""
    latents = tf.random.stateless_normal([styles, model.latent_dim], [_SEED, 0])
    rows = tf.repeat(latents, len(LETTERS), axis=0)
    asked = tf.one_hot(np.tile(np.arange(len(LETTERS)), styles), len(LETTERS))
    images = model.draw(tf.concat([rows, asked], axis=-1))
    return images.reshape(styles, len(LETTERS), *images.shape[1:])


def save_samples(model: FontGAN, images: np.ndarray, letters: Letters, judge: keras.Model, folder: Path) -> None:
    """Draw what a trained model draws: alphabets, ways from letter to letter, nearest training images.

    Args:
        model: the trained one.
        images: [n, 28, 28, 1] that it has drawn.
        letters: what it learned from.
        judge: the reporting one.
        folder: where to.
    """
    _save_sheet(letter_sheet(alphabets(model, judge), columns=LETTERS), folder / "alphabet.png")
    _save_sheet(letter_sheet(interpolations(model)), folder / "interpolation.png")
    some = images[:_NEIGHBOURS]
    flat = letters.train.images.reshape(len(letters.train.images), -1)
    nearest = [flat_image @ flat.T - (flat**2).sum(axis=1) / 2 for flat_image in some.reshape(len(some), -1)]
    found = letters.train.images[[int(scores.argmax()) for scores in nearest]]
    _save_sheet(letter_sheet(np.stack([some, found]), rows=("generated", "nearest")), folder / "nearest.png")


def interpolations(model: FontGAN, rows: int = 4) -> np.ndarray:
    """Return ways [rows, steps, 28, 28, 1] between two latent vectors; a conditional model goes from A to Z."""
    ends = tf.random.stateless_normal([rows, 2, model.latent_dim], [_SEED, 1])
    share = np.linspace(0, 1, _STEPS, dtype=np.float32)[None, :, None]
    latents = (1 - share) * ends[:, :1] + share * ends[:, 1:]
    if model.condition_dim == len(LETTERS):
        # one style, and the letter on its way
        latents = tf.repeat(ends[:, :1], _STEPS, axis=1)
    if model.condition_dim:
        kinds = np.random.default_rng(_SEED).integers(model.condition_dim, size=(rows, 2))
        if model.condition_dim == len(LETTERS):
            kinds[:] = 0, len(LETTERS) - 1
        first, second = (tf.one_hot(kinds[:, end], model.condition_dim)[:, None] for end in (0, 1))
        latents = tf.concat([latents, (1 - share) * first + share * second], axis=-1)
    images = model.draw(tf.reshape(latents, [rows * _STEPS, -1]))
    return images.reshape(rows, _STEPS, *images.shape[1:])


def covered_at(row: Mapping[str, float]) -> str:
    """Return the letters whose bits are set in a row of a history, such as ``ABDEF``."""
    bits = int(row["covered"])
    return "".join(letter for place, letter in enumerate(LETTERS) if bits >> place & 1)


def _save_survival(history: Sequence[Mapping[str, float]], path: Path) -> None:
    """Draw for how many of the epochs looked at each letter was covered, and how often it vanished."""
    rows = [
        {"epoch": epoch, "covered": covered_at(row)} for epoch, row in enumerate(history, start=1) if "covered" in row
    ]
    if not rows:
        return
    there = [sum(letter in str(row["covered"]) for row in rows) / len(rows) for letter in LETTERS]
    vanished = [len(found["vanished"]) for found in coverage.survival(rows).values()]
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(7, 3), layout="constrained")
        axes = figure.add_subplot()
        axes.bar(list(LETTERS), there, color="#31688e")
        for place, times in enumerate(vanished):
            if times:
                axes.annotate(f"−{times}", (place, there[place]), ha="center", va="bottom", fontsize=7, color="#d1495b")
        axes.set_title("share of the counts at which a letter was covered; in red how often it vanished")
        axes.set_ylim(0, 1.1)
        _save(figure, path)


def _curve(history: Sequence[Mapping[str, float]], column: str) -> tuple[list[float], list[float]]:
    points = [(epoch, row[column]) for epoch, row in enumerate(history, start=1) if column in row]
    return [float(epoch) for epoch, _ in points], [value for _, value in points]


def _save(figure: Figure, path: Path) -> None:
    with replacing_file(path) as partial:
        figure.savefig(partial, dpi=110, format="png", metadata={"Software": None})


def _save_sheet(sheet: Image.Image, path: Path) -> None:
    with replacing_file(path) as partial:
        sheet.save(partial, format="png")
