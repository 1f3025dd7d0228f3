"""Pictures of training and of letters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from fontgan.data.glyphs import LETTERS
from fontgan.metrics import coverage
from fontgan.metrics.judges import read
from fontgan.sheets import letter_sheet
from manymodes.experiment.plots import GENERATED, REAL, curve, draw_curves, saved_figure
from manymodes.files import replacing_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import keras
    from PIL import Image

    from fontgan.data.fonts import Letters
    from fontgan.models.gan import FontGAN

_REPORTED = 13
"""Letters that the weakest of the reports ends with."""

_DRAWN = 1500  # images among which the letters of an unlabelled model are looked for
_STYLES = 8
_STEPS = 12
_NEIGHBOURS = 12
_SEED = 7
_SIZE = (6, 3.2)  # inches


def save_training(history: Sequence[Mapping[str, float]], folder: Path) -> None:
    """Draw a history: losses, their balance, letters, gradients, and what became of each letter."""
    panels: dict[str, tuple[str, tuple[str, ...], tuple[float, ...]]] = {
        "losses.png": ("losses", ("generator_loss", "discriminator_loss"), ()),
        "loss-balance.png": ("loss of the discriminator, divided by the generator's", ("loss_ratio",), (1,)),
        "coverage.png": ("letters covered", ("strict_coverage", "naive_coverage"), (len(LETTERS), _REPORTED)),
        "gradients.png": ("length of the gradients", ("generator_gradient", "discriminator_gradient"), ()),
    }
    for name, (title, columns, lines) in panels.items():
        with saved_figure(folder / name, _SIZE) as figure:
            axes = figure.add_subplot()
            draw_curves(axes, {column: curve(history, column) for column in columns}, title)
            for value in lines:
                axes.axhline(value, color="grey", linestyle="--", linewidth=0.8)
                axes.annotate(
                    f"{value:g}",
                    (1, value),
                    xycoords=("axes fraction", "data"),
                    xytext=(3, 0),
                    textcoords="offset points",
                    va="center",
                    color="grey",
                )
            axes.set_xlim(right=len(history))
            if lines:
                axes.set_ylim(bottom=0)
    _save_survival(history, folder / "survival.png")


def save_alphabets(model: FontGAN, judge: keras.Model, path: Path) -> None:
    """Draw the alphabet as a model draws it now, see `alphabets`."""
    _save_sheet(letter_sheet(alphabets(model, judge), columns=LETTERS), path)


def alphabets(model: FontGAN, judge: keras.Model, rows: int = _STYLES) -> np.ndarray:
    """Return images [rows, 26, 28, 28, 1] of every letter, each of a latent vector of its own.

    A labelled model draws them as asked. Of another one those images are taken that the judge reads with the greatest
    confidence among `_DRAWN`; a letter that does not occur so often leaves places empty.
    """
    if model.labelled:
        asked = np.tile(np.arange(len(LETTERS)), rows)
        images = model.generate(len(asked), seed=_SEED, kinds=asked)
        return images.reshape(rows, len(LETTERS), *images.shape[1:])
    images = model.generate(_DRAWN, seed=_SEED)
    return best_of_each(images, read(judge, images), rows)


def best_of_each(images: np.ndarray, reading: coverage.Reading, rows: int) -> np.ndarray:
    """Return the images [rows, 26, 28, 28, 1] of each letter that are read best, empty where there are fewer."""
    sheet = np.full((rows, len(LETTERS), *images.shape[1:]), -1, np.float32)
    for letter in range(len(LETTERS)):
        best = _read_best(reading, letter)[:rows]
        sheet[: len(best), letter] = images[best]
    return sheet


def alphabet_of_styles(model: FontGAN, styles: int) -> np.ndarray:
    """Return the alphabet of a labelled model in several styles, [styles, 26, 28, 28, 1]: a latent vector a row."""
    latents = tf.random.stateless_normal([styles, model.latent_dim], [_SEED, 0])
    rows = tf.repeat(latents, len(LETTERS), axis=0)
    asked = tf.one_hot(np.tile(np.arange(len(LETTERS)), styles), len(LETTERS))
    images = model.draw(tf.concat([rows, asked], axis=-1))
    return images.reshape(styles, len(LETTERS), *images.shape[1:])


def save_samples(model: FontGAN, images: np.ndarray, letters: Letters, judge: keras.Model, folder: Path) -> None:
    """Draw what a trained model draws: alphabets, ways from letter to letter, nearest training images.

    Args:
        model: the trained one; of a labelled one, there are alphabets of one style each as well.
        images: [n, 28, 28, 1] that it has drawn.
        letters: what it learned from.
        judge: the reporting one.
        folder: where to.
    """
    save_alphabets(model, judge, folder / "alphabet.png")
    if model.labelled:
        styles = [f"z {number}" for number in range(1, _STYLES + 1)]
        sheet = letter_sheet(alphabet_of_styles(model, _STYLES), rows=styles, columns=LETTERS)
        _save_sheet(sheet, folder / "styles.png")
    ways, ends = interpolations(model, judge)
    _save_sheet(letter_sheet(ways, rows=[" → ".join(ends)] * len(ways)), folder / "interpolation.png")
    some = images[:_NEIGHBOURS]
    found = letters.train.images[coverage.nearest(some, letters.train.images)]
    _save_sheet(letter_sheet(np.stack([some, found]), rows=("generated", "nearest")), folder / "nearest.png")


def interpolations(model: FontGAN, judge: keras.Model, rows: int = 4) -> tuple[np.ndarray, str]:
    """Return ways [rows, steps, 28, 28, 1] from A to Z in even steps between two latent vectors, and ``AZ``.

    A labelled model is asked for both letters in one style, another one each row. Of another model's latent vectors
    those are taken whose images the judge reads as A and as Z with the greatest confidence among `_DRAWN`; where they
    do not occur, as the first and the last letter that do.
    """
    if model.labelled:
        first, last = 0, len(LETTERS) - 1
        style = tf.random.stateless_normal([rows, model.latent_dim], [_SEED, 1])
        begin, end = (tf.concat([style, tf.one_hot([one] * rows, len(LETTERS))], axis=-1) for one in (first, last))
    else:
        latents = _latents(model)
        reading = read(judge, model.draw(latents))
        first, last = int(reading.letters.min()), int(reading.letters.max())
        begin, end = (tf.gather(latents, np.resize(_read_best(reading, one), rows)) for one in (first, last))
    share = np.linspace(0, 1, _STEPS, dtype=np.float32)[None, :, None]
    ways = (1 - share) * begin[:, None] + share * end[:, None]
    images = model.draw(tf.reshape(ways, [rows * _STEPS, -1]))
    return images.reshape(rows, _STEPS, *images.shape[1:]), LETTERS[first] + LETTERS[last]


def covered_at(row: Mapping[str, float]) -> str:
    """Return the letters whose bits are set in a row of a history, such as ``ABDEF``."""
    bits = int(row["covered"])
    return "".join(letter for place, letter in enumerate(LETTERS) if bits >> place & 1)


def _latents(model: FontGAN) -> tf.Tensor:
    """Return latents [_DRAWN, latent_dim + K], with kinds as often as `FontGAN.generate` draws them."""
    latents = tf.random.stateless_normal([_DRAWN, model.latent_dim], [_SEED, 1])
    if not model.condition_dim:
        return latents
    kinds = np.random.default_rng(_SEED).choice(model.condition_dim, _DRAWN, p=model.shares)
    return tf.concat([latents, tf.one_hot(kinds, model.condition_dim)], axis=-1)


def _read_best(reading: coverage.Reading, letter: int) -> np.ndarray:
    """Return which images are read as a letter, those read with the greatest confidence first."""
    places = np.flatnonzero(reading.letters == letter)
    return places[np.argsort(-reading.confidence[places], kind="stable")]


def _save_survival(history: Sequence[Mapping[str, float]], path: Path) -> None:
    """Draw for how many of the epochs looked at each letter was covered, and how often it vanished."""
    rows = [
        {"epoch": epoch, "covered": covered_at(row)} for epoch, row in enumerate(history, start=1) if "covered" in row
    ]
    if not rows:
        return
    there = [sum(letter in str(row["covered"]) for row in rows) / len(rows) for letter in LETTERS]
    vanished = [len(found["vanished"]) for found in coverage.survival(rows).values()]
    with saved_figure(path, (7, 3)) as figure:
        axes = figure.add_subplot()
        axes.bar(list(LETTERS), there, color=REAL)
        for place, times in enumerate(vanished):
            if times:
                axes.annotate(f"−{times}", (place, there[place]), ha="center", va="bottom", fontsize=7, color=GENERATED)
        axes.set_title("share of the counts at which a letter was covered; in red how often it vanished")
        axes.set_ylim(0, 1.1)


def _save_sheet(sheet: Image.Image, path: Path) -> None:
    with replacing_file(path) as partial:
        sheet.save(partial, format="png")
