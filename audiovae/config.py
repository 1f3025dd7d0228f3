"""The settings of an autoencoder of sounds; needs no TensorFlow."""

from __future__ import annotations

import argparse
import dataclasses
import os
from dataclasses import dataclass
from typing import Any, Self

from audiovae.data.chunks import CORPUS, enough_chunks
from audiovae.data.grids import MOST_LEVELS, levels_of
from manymodes import cli
from manymodes.cli import UserError
from manymodes.experiment.config import Config, option_of, setting

MODELS = ("vae", "hvae", "vqvae")
INPUTS = ("raw", "mel")
QUANTIZERS = ("vq", "fsq")
MELS = (128, 256)
ANNEALING = ("none", "linear", "cyclical", "sigmoid")
PRIOR = "prior.keras"
"""The file of the prior over a model's codes, beside the model's own; beside NAME.keras also NAME-prior.keras."""

PRIOR_EPOCHS = 10
TEMPERATURE, TOP_P = 1.0, 0.95
"""How codes are drawn from the prior unless something else is asked for."""

_FEWEST_CODES, _MOST_CODES = 2, 4096
_DEFAULTS = {
    "mels": 128,
    "quantizer": "vq",
    "codes": 256,
    "commitment": 0.25,
    "beta": 0.001,
    "anneal": "linear",
    "free_bits": 0.1,
}


def _code_count(text: str) -> int:
    """Argparse type: a number of codes."""
    codes = cli.positive_int(text)
    if not _FEWEST_CODES <= codes <= _MOST_CODES:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of codes from {_FEWEST_CODES} to {_MOST_CODES}")
    return codes


def _commitment(text: str) -> float | str:
    """Argparse type: a weight, or auto."""
    return text if text == "auto" else cli.non_negative_float(text)


def _sounds(text: str) -> str:
    """Argparse type: the corpus, or a folder as an absolute path, so that a run can be resumed from anywhere."""
    if text in {CORPUS, ""}:
        return text
    return os.path.abspath(os.path.expanduser(text))  # noqa: PTH100, PTH111 - these leave ~nobody as it is


@dataclass(frozen=True)
class AudioConfig(Config):
    """The settings of an autoencoder of one-second sounds. Settings that a model does not have are None.

    Attributes:
        sounds: ``corpus``, or a folder of recordings.
        chunks: seconds of sound of each instrument.
        model: one of `MODELS`.
        input: samples or log-mel spectrograms.
        mels: bands of the spectrograms.
        quantizer: a learned codebook or a fixed grid (VQ-VAE only).
        codes: size of the codebook or grid (VQ-VAE only).
        commitment: weight of the distance of encodings from their codes, or ``auto`` (codebook only).
        beta: weight of the KL divergence in nats (VAEs only).
        anneal: schedule of that weight (VAEs only).
        free_bits: KL divergence of a latent without cost, in nats (VAEs only).
    """

    program = "audiovae.train"
    monitor = "val_loss"

    sounds: str = setting(
        CORPUS,
        "tunes and drums played by real instruments (default), or a folder of WAV, FLAC, OGG or MP3 files",
        convert=_sounds,
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
        f"number of codes, 2 to {_MOST_CODES}; of a grid a product of numbers up to {MOST_LEVELS} (default 256)",
        convert=_code_count,
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
        """Return the configuration with every default filled in.

        Raises:
            UserError: settings that exclude each other, or a grid that cannot have this many codes.
        """
        coded = self.model == "vqvae"
        applies = {
            "mels": (self.input == "mel", "--input mel"),
            "quantizer": (coded, "--model vqvae"),
            "codes": (coded, "--model vqvae"),
            "commitment": (coded and self.quantizer != "fsq", "--model vqvae --quantizer vq"),
            **dict.fromkeys(("beta", "anneal", "free_bits"), (not coded, "--model vae or hvae")),
        }
        filled: dict[str, Any] = {}
        for name, (fitting, needed) in applies.items():
            value = getattr(self, name)
            if value is not None and not fitting:
                raise UserError(f"{option_of(name)} needs {needed}: leave it out, or choose that")
            filled[name] = (_DEFAULTS[name] if value is None else value) if fitting else None
        checked = dataclasses.replace(self, **filled)
        if checked.quantizer == "fsq" and checked.codes is not None:
            try:
                levels_of(checked.codes)
            except ValueError as error:
                raise UserError(f"--codes {error}, as --quantizer fsq needs it: give 240, 256 or 512") from error
        return checked
