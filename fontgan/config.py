"""The settings of a model of letters; needs no TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from manymodes import cli
from manymodes.experiment.config import Config, absolute_path, data_path, setting

if TYPE_CHECKING:
    from fontgan.data.fonts import Letters

FIXES = ("none", "feature-matching", "unrolled", "minibatch", "best")
_EPOCHS, _EPOCHS_OF_BEST = 100, 40


@dataclass(frozen=True)
class FontConfig(Config):
    """The settings of a training; fonts are as `fontgan.data.fonts.load_fonts` takes them.

    Unless given, there are 40 epochs for the best fix and 100 for the others; `with_letters` makes each of them one
    pass.
    """

    program = "fontgan.train"
    monitor = "shortfall"

    fix: str = setting(
        "best", "what is done against mode collapse (default best; none: nothing)", choices=FIXES, group="model"
    )
    conditional: bool = setting(False, "draw the letter that is asked for", group="model")
    fonts: str | None = setting(
        None,
        "fonts to learn (default: ten typefaces included with matplotlib)",
        convert=data_path,
        metavar="DIR|FILE",
    )
    epochs: int = setting(
        None,
        f"passes over the images (default {_EPOCHS}; best {_EPOCHS_OF_BEST}, ten minutes on two cores)",
        convert=cli.positive_int,
    )
    batch_size: int = setting(64, "images an update", convert=cli.positive_int)
    updates_per_epoch: int = setting(None, "generator updates (default: one pass)", convert=cli.positive_int)

    @property
    def name(self) -> str:
        """The variant as a file name, such as ``fontgan-minibatch-conditional``."""
        return "-".join(["fontgan", self.fix] + ["conditional"] * self.conditional)

    def check(self) -> Self:
        """Return the configuration with its number of epochs."""
        return replace(self, epochs=self.epochs or (_EPOCHS_OF_BEST if self.fix == "best" else _EPOCHS))

    def with_letters(self, letters: Letters) -> Self:
        """Return the configuration with the updates of an epoch; by default one pass over the letters."""
        updates = self.updates_per_epoch or -(-len(letters.train.images) // self.batch_size)
        return replace(self, updates_per_epoch=updates)


@dataclass(frozen=True)
class StackedConfig(FontConfig):
    """The settings of a model of three letters at once, see `fontgan.stacked`.

    Unless ``grouped``, the best fix has no groups of images as conditions.
    """

    program = "fontgan.compare"

    grouped: bool = setting(True)


@dataclass(frozen=True)
class TypefaceConfig(Config):
    """The settings of a training of whole typefaces, see `fontgan.data.typefaces`."""

    program = "fontgan.train_typefaces"
    monitor = "missing_edge_error"

    fonts: str | None = setting(
        None,
        "fonts to learn (default: those of matplotlib and of the extra manymodes[fonts])",
        convert=absolute_path,
        metavar="DIR|FILE",
    )
    size: int = setting(
        48, "side of a character in pixels, a multiple of 8", convert=cli.integer(16, 128), group="model"
    )
    as_pixels: bool = setting(False, "learn grey pixels, not distances", group="model")
    style_dim: int = setting(64, "width of the style of a face", convert=cli.positive_int, group="model")
    epochs: int = setting(12, "times --updates-per-epoch", convert=cli.positive_int)
    batch_size: int = setting(64, "characters an update", convert=cli.positive_int)
    updates_per_epoch: int = setting(200, "updates between two measurements", convert=cli.positive_int)

    @property
    def name(self) -> str:
        """The variant as a file name, such as ``typefaces-as-pixels``."""
        return "typefaces" + "-as-pixels" * self.as_pixels

    def check(self) -> Self:
        """Return the configuration; raise a UserError for a size that the networks cannot double."""
        if self.size % 8:
            raise cli.UserError(f"--size {self.size} is not a multiple of 8: give {self.size // 8 * 8 or 8} or so")
        return self
