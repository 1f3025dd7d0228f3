"""The settings of a melody model, without TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

from manymodes import cli
from manymodes.experiment.config import Config, data_path, option_of, setting

DEFAULT_NOISE = 0.1
DEFAULT_L2 = 0.01
GERMAN_BOOKS = "altdeu,ballad,boehme,dva,fink,kinder,lux,variant,zuccal"
"""The German books of the Essen collection beside Erk's; Luxembourg's songs are in German dialects."""

# Fixed numbers of updates, so that a seed fixes the result.
DEFAULTS: dict[str, dict[str, int | None]] = {
    "lstm": {"epochs": 18, "batch_size": 16, "units": 256, "updates_per_epoch": None},
    "gan": {"epochs": 5, "batch_size": 64, "units": 64, "updates_per_epoch": 100},
    "attention": {"epochs": 5, "batch_size": 64, "units": None, "updates_per_epoch": 100},
    "as_reported_gan": {"epochs": 10, "batch_size": 16, "units": 512, "updates_per_epoch": 10},
    "as_reported_wgan": {"epochs": 20, "batch_size": 16, "units": 512, "updates_per_epoch": 10},
}

_MEANINGLESS = {
    "lstm": ("noise", "l2", "attention", "as_reported", "updates_per_epoch", "penalty"),
    "attention": ("as_reported", "units"),
    "as_reported": ("also", "discriminator"),
}
"""The settings that another one excludes."""


@dataclass(frozen=True)
class MelodyConfig(Config):
    """The settings of a training; without ``lstm`` or ``wgan`` it is a GAN with cross-entropy."""

    program = "melodygan.train"

    lstm: bool = setting(False, "an LSTM that continues a tune symbol by symbol", group="model", exclusive="kind")
    discriminator: bool = setting(
        False, "learn at the end what gives the model's tunes away, to choose among candidates", group="model"
    )
    wgan: bool = setting(False, "linear critic and Wasserstein loss", group="model", exclusive="kind")
    noise: float = setting(
        0.0, f"Gaussian noise after each layer (without a value: {DEFAULT_NOISE})",
        convert=cli.between(0, 1, "a standard deviation"), const=DEFAULT_NOISE, metavar="STD", group="model",
    )  # fmt: skip
    l2: float = setting(
        0.0, f"L2 regularisation of the dense layers (without a value: {DEFAULT_L2})",
        convert=cli.non_negative_float, const=DEFAULT_L2, metavar="LAMBDA", group="model",
    )  # fmt: skip
    penalty: str = setting(
        None, "what keeps the critic smooth (default r1r2; with --as-reported none)",
        choices=("none", "clip", "gradient", "r1r2"), group="model",
    )  # fmt: skip
    attention: bool = setting(False, "a generator with self-attention and a critic without recurrence", group="model")
    as_reported: bool = setting(False, "the report's own networks, encoding and updates", group="model")
    units: int = setting(
        None, "width of the LSTMs (LSTM 256, critic 64, reported 512)", convert=cli.positive_int, group="model"
    )
    epochs: int = setting(None, "epochs (LSTM 18, GAN 5, reported 10 or 20)", convert=cli.positive_int)
    batch_size: int = setting(None, "tunes an update (LSTM 16, GAN 64, reported 16)", convert=cli.positive_int)
    updates_per_epoch: int = setting(
        None, "generator updates an epoch (GAN 100, reported 10)", convert=cli.positive_int
    )
    mixed_precision: bool = setting(False, "compute in bfloat16 where it is safe")
    corpus: str = setting(
        "erk", "a book of the Essen collection (erk, boehme, han …) or a folder or file of .krn .abc .mid .xml .mxl",
        convert=data_path, metavar="NAME|PATH",
    )  # fmt: skip
    also: str | None = setting(
        None, "further books, folders or files to learn from, with commas (without a value: all other German books)",
        convert=lambda text: ",".join(map(data_path, text.split(","))), const=GERMAN_BOOKS, metavar="NAME|PATH,…",
    )  # fmt: skip

    @property
    def monitor(self) -> str:
        """The column of history.csv whose least value names the best epoch."""
        return "val_bits_per_step" if self.lstm else "musical_distance"

    @property
    def name(self) -> str:
        """The variant as a file name, such as ``melodygan-wgan-noise-l2``."""
        parts = ["melodygan", "lstm" if self.lstm else "wgan" if self.wgan else "gan"]
        parts += [part for part in ("attention", "noise", "l2", "also", "discriminator") if getattr(self, part)]
        return "-".join(parts + ["as-reported"] * self.as_reported)

    def check(self) -> Self:
        """Return the configuration with every default; raise a UserError for settings that exclude each other."""
        for kind, names in _MEANINGLESS.items():
            for name in names:
                if getattr(self, kind) and getattr(self, name) not in (None, 0, "none"):
                    raise cli.UserError(f"{option_of(name)} has no meaning with {option_of(kind)}: leave it out")
        kind = "lstm" if self.lstm else "attention" if self.attention else "gan"
        if self.as_reported:
            kind = "as_reported_wgan" if self.wgan else "as_reported_gan"
        chosen: dict[str, Any] = {name: getattr(self, name) or default for name, default in DEFAULTS[kind].items()}
        penalty = self.penalty or ("none" if self.as_reported or self.lstm else "r1r2")
        if penalty == "clip" and not self.wgan:
            raise cli.UserError("--penalty clip bounds a Wasserstein critic: add --wgan, or choose another penalty")
        return replace(self, penalty=penalty, **chosen)
