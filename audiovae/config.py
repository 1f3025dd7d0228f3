"""The settings of an autoencoder of sounds; needs no TensorFlow."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Self

from audiovae.data.chunks import CORPUS, enough_chunks
from manymodes import cli
from manymodes.experiment.config import Config, absolute_path, option_of, setting

MODELS = ("vae", "hvae", "vqvae")
INPUTS = ("raw", "mel")
QUANTIZERS = ("vq", "fsq")
MELS = (128, 256)
ANNEALING = ("none", "linear", "cyclical", "sigmoid")
PRIOR = "prior.keras"
"""The file of the prior over a model's codes, beside the model's own; beside NAME.keras also NAME-prior.keras."""

PRIOR_EPOCHS = 10
TEMPERATURE, TOP_P = 1.0, 0.95
"""How codes are drawn from the prior by default."""

_FEWEST_CODES, _MOST_CODES = 2, 4096
_MOST_LEVELS = 8  # of a dimension of a grid: more are hard to tell apart in training


def levels_of(codes: int) -> tuple[int, ...]:
    """Return the levels of each dimension of a grid of codes, as many as possible in turn: 256 = 8 · 8 · 4.

    A number, at least 2, that is not a product of numbers up to 8 raises a ValueError.
    """
    levels = []
    rest = codes
    for level in range(_MOST_LEVELS, 1, -1):
        while rest % level == 0:
            levels.append(level)
            rest //= level
    if rest > 1:
        raise ValueError(f"{codes} is not a product of numbers from 2 to {_MOST_LEVELS}")
    return tuple(levels)


def _commitment(text: str) -> float | str:
    """Argparse type: a weight, or auto."""
    return text if text == "auto" else cli.non_negative_float(text)


@dataclass(frozen=True)
class AudioConfig(Config):
    """The settings of an autoencoder of one-second sounds; those that do not apply to the model are None."""

    program = "audiovae.train"
    monitor = "val_loss"

    sounds: str = setting(
        CORPUS,
        "tunes and drums played by real instruments (default), or a folder of WAV, FLAC, OGG or MP3 files",
        convert=lambda text: text if text == CORPUS else absolute_path(text),
        metavar="corpus|DIR",
        group="data",
    )
    chunks: int | None = setting(
        None,
        "seconds of sound to use of each instrument (default: corpus 400, folder all)",
        convert=enough_chunks,
        metavar="N",
        group="data",
    )
    model: str = setting("vqvae", "kind of autoencoder", choices=MODELS, group="model")
    input: str = setting("raw", "samples, or log-mel spectrograms", choices=INPUTS, group="model")
    mels: int | None = setting(
        None, "bands of the spectrograms (default 128)", convert=int, choices=MELS, group="model"
    )
    quantizer: str | None = setting(None, "a codebook (default), or a grid", choices=QUANTIZERS, group="model")
    codes: int | None = setting(
        None,
        f"number of codes, 2 to {_MOST_CODES}; of a grid a product of numbers up to {_MOST_LEVELS} (default 256)",
        convert=cli.integer(_FEWEST_CODES, _MOST_CODES, "a number of codes"),
        metavar="K",
        group="model",
    )
    commitment: float | str | None = setting(
        None,
        "weight of the encodings' distance from their codes; auto: from their variance (default 0.25)",
        convert=_commitment,
        metavar="FLOAT|auto",
    )
    beta: float | None = setting(
        None, "weight of the KL divergence in nats (default 0.001)", convert=cli.non_negative_float, metavar="FLOAT"
    )
    anneal: str | None = setting(None, "schedule of that weight (default linear)", choices=ANNEALING)
    free_bits: float | None = setting(
        None, "free KL divergence of a latent (default 0.1; 0: none)", convert=cli.non_negative_float, metavar="NATS"
    )
    epochs: int = setting(15, "epochs to train", convert=cli.positive_int)
    batch_size: int = setting(16, "chunks an update", convert=cli.positive_int)
    updates_per_epoch: int = setting(250, "updates between two validations", convert=cli.positive_int)

    @property
    def name(self) -> str:
        """The variant, such as ``audiovae-vqvae-raw`` or ``audiovae-vqvae-mel256-fsq``."""
        parts = ["audiovae", self.model, f"{self.input}{self.mels or ''}"]
        return "-".join(parts + ["fsq"] * (self.quantizer == "fsq"))

    def check(self) -> Self:
        """Return the configuration with every default; raise a UserError for settings that exclude each other."""
        coded, of_codes, of_latents = self.model == "vqvae", "--model vqvae", "--model vae or hvae"
        defaults: dict[str, tuple[Any, bool, str]] = {
            "mels": (128, self.input == "mel", "--input mel"),
            "quantizer": ("vq", coded, of_codes),
            "codes": (256, coded, of_codes),
            "commitment": (0.25, coded and self.quantizer != "fsq", f"{of_codes} --quantizer vq"),
            "beta": (0.001, not coded, of_latents),
            "anneal": ("linear", not coded, of_latents),
            "free_bits": (0.1, not coded, of_latents),
        }
        filled: dict[str, Any] = {}
        for name, (default, fitting, needed) in defaults.items():
            value = getattr(self, name)
            if value is not None and not fitting:
                raise cli.UserError(f"{option_of(name)} needs {needed}: leave it out, or choose that")
            filled[name] = default if value is None and fitting else value
        checked = dataclasses.replace(self, **filled)
        if checked.quantizer == "fsq" and checked.codes is not None:
            try:
                levels_of(checked.codes)
            except ValueError as error:
                raise cli.UserError(f"--codes {error}, as --quantizer fsq needs it: give 240, 256 or 512") from error
        return checked
