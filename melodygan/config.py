"""The settings of a melody model."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

from manymodes import cli
from manymodes.cli import UserError
from manymodes.experiment.config import Config, data_path, option_of, setting

DEFAULT_NOISE = 0.1
DEFAULT_L2 = 0.01
PENALTIES = ("none", "clip", "gradient", "r1r2")


class _Size(NamedTuple):
    """How a kind of model is trained unless told otherwise."""

    epochs: int
    batch_size: int
    units: int | None
    updates_per_epoch: int | None


# Fixed numbers of updates, so that a seed fixes the result. An LSTM goes through all tunes in an epoch.
_SIZES = {
    "lstm": _Size(18, 16, 256, None),
    "gan": _Size(20, 64, 64, 100),
    "attention": _Size(12, 64, None, 150),
    "as_reported_gan": _Size(10, 16, 512, 10),
    "as_reported_wgan": _Size(20, 16, 512, 10),
}
_ONLY_GANS = ("noise", "l2", "penalty", "attention", "as_reported", "updates_per_epoch")


@dataclass(frozen=True)
class MelodyConfig(Config):
    """The settings of a melody model; without ``lstm`` or ``wgan`` it is the GAN with cross-entropy.

    Attributes:
        lstm: an LSTM, the only kind that is not adversarial.
        wgan: a linear critic and the Wasserstein loss.
        noise: standard deviation of the Gaussian noise after each layer.
        l2: weight λ of the L2 regularisation of dense layers.
        penalty: of the critic, see `melodygan.trainer.PENALTY_SETTINGS`.
        attention: a one-shot self-attention generator.
        as_reported: the report's networks, encoding and updates.
        units: width of the LSTMs.
        corpus: name of a book of the Essen collection, or a path.
        mixed_precision: compute in bfloat16 where it is safe.
    """

    program = "melodygan.train"

    lstm: bool = setting(False, "an LSTM that continues a tune symbol by symbol", group="model", exclusive="kind")
    wgan: bool = setting(False, "linear critic and Wasserstein loss", group="model", exclusive="kind")
    noise: float = setting(
        0.0,
        f"standard deviation of Gaussian noise after each layer (alone: {DEFAULT_NOISE}; default none)",
        convert=cli.between(0, 1, "a standard deviation"),
        const=DEFAULT_NOISE,
        metavar="STD",
        group="model",
    )
    l2: float = setting(
        0.0,
        f"L2 regularisation of the dense layers (alone: {DEFAULT_L2}; default none)",
        convert=cli.non_negative_float,
        const=DEFAULT_L2,
        metavar="LAMBDA",
        group="model",
    )
    penalty: str | None = setting(
        None,
        "what keeps the critic smooth (default r1r2; with --as-reported none)",
        choices=PENALTIES,
        group="model",
    )
    attention: bool = setting(
        False, "a one-shot self-attention generator, a light critic, metre and mode", group="model"
    )
    as_reported: bool = setting(False, "the report's own networks, encoding and updates", group="model")
    units: int | None = setting(
        None, "width of the LSTMs (LSTM 256, critic 64, reported 512)", convert=cli.positive_int, group="model"
    )
    corpus: str = setting(
        "erk",
        "a book of the Essen collection (erk, boehme, han …) or a folder or file of .krn .abc .mid .xml .mxl",
        convert=data_path,
        metavar="NAME|PATH",
    )
    epochs: int | None = setting(
        None, "epochs (LSTM 18, GAN 20, attention 12, reported 10 or 20)", convert=cli.positive_int
    )
    batch_size: int | None = setting(None, "tunes an update (LSTM 16, GAN 64, reported 16)", convert=cli.positive_int)
    updates_per_epoch: int | None = setting(
        None, "generator updates an epoch (GAN 100, attention 150, reported 10)", convert=cli.positive_int
    )
    mixed_precision: bool = setting(False, "compute in bfloat16 where it is safe")

    @property
    def monitor(self) -> str:
        """The column of history.csv whose least value names the best epoch."""
        return "val_bits_per_step" if self.lstm else "musical_distance"

    @property
    def name(self) -> str:
        """The variant, such as ``melodygan-wgan-noise-l2``."""
        parts = ["melodygan", "lstm" if self.lstm else "wgan" if self.wgan else "gan"]
        parts += [part for part in ("attention", "noise", "l2") if getattr(self, part)]
        return "-".join(parts + ["as-reported"] * self.as_reported)

    def check(self) -> Self:
        """Return the configuration with every default filled in.

        Raises:
            UserError: settings that exclude each other.
        """
        if self.lstm and (extra := self._first_given(_ONLY_GANS)):
            raise UserError(f"{option_of(extra)} belongs to the GANs: leave it out with --lstm")
        if self.attention and (extra := self._first_given(("as_reported", "units"))):
            raise UserError(f"{option_of(extra)} has no meaning with --attention: leave it out")
        if self.penalty == "clip" and not self.wgan:
            raise UserError("--penalty clip bounds a Wasserstein critic: add --wgan, or choose another penalty")
        kind = "lstm" if self.lstm else "attention" if self.attention else "gan"
        if self.as_reported:
            kind = "as_reported_wgan" if self.wgan else "as_reported_gan"
        filled: dict[str, Any] = {
            name: getattr(self, name) or default for name, default in _SIZES[kind]._asdict().items()
        }
        penalty = self.penalty or ("none" if self.as_reported or self.lstm else "r1r2")
        return dataclasses.replace(self, penalty=penalty, **filled)

    def _first_given(self, names: tuple[str, ...]) -> str | None:
        return next((name for name in names if getattr(self, name)), None)
