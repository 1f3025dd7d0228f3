"""The rows of `audiovae.compare`: which there are, and what each is made with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from audiovae.train import settings_of
from manymodes.experiment import compare as comparison
from manymodes.experiment.compare import Row

PROGRAM = "audiovae.compare"
STEM = "audio"
LOSSES = (
    "loss", "reconstruction_loss", "val_reconstruction_loss", "kl_all_nats", "kl_top_nats", "kl_bottom_nats",
    "commitment_loss",
)  # fmt: skip
"""What is kept of the last epoch of a run, in the order of the table."""

CEILING = "real"
"""The name of the row that all others stand beside."""

CHANGES = ("model", "input", "mels", "quantizer")
"""The settings in which rows differ."""

PRIOR_SHARE = 0.25
"""Of a model's minutes: what the training of a prior over its codes may take besides."""

_LOOKS = "--updates-per-epoch=100"  # as often as learning curves need it: some models make a few hundred updates


def _model(name: str, title: str, *arguments: str) -> Row:
    return Row(name, title, (*arguments, _LOOKS))


ROWS = (
    Row(CEILING, "real sounds (ceiling)"),
    Row("griffin-lim-256", "Griffin-Lim of true mel 256"),
    Row("griffin-lim-128", "Griffin-Lim of true mel 128"),
    _model("vae-raw", "VAE, raw", "--model=vae", "--input=raw"),
    _model("hvae-raw", "HVAE, raw", "--model=hvae", "--input=raw"),
    _model("vqvae-raw", "VQ-VAE, raw", "--model=vqvae", "--input=raw"),
    _model("fsq-raw", "FSQ, raw", "--model=vqvae", "--quantizer=fsq", "--input=raw"),
    _model("fsq-mel128", "FSQ, mel 128", "--model=vqvae", "--quantizer=fsq", "--input=mel", "--mels=128"),
    _model("vqvae-mel128", "VQ-VAE, mel 128", "--model=vqvae", "--input=mel", "--mels=128"),
    _model("vqvae-mel256", "VQ-VAE, mel 256", "--model=vqvae", "--input=mel", "--mels=256"),
    _model("vae-mel256", "VAE, mel 256", "--model=vae", "--input=mel", "--mels=256"),
    _model("vae-mel128", "VAE, mel 128", "--model=vae", "--input=mel", "--mels=128"),
    _model("hvae-mel128", "HVAE, mel 128", "--model=hvae", "--input=mel", "--mels=128"),
    Row("replay", "nearest training chunk"),
    Row("components-raw", "principal components, raw"),
    Row("components-mel128", "principal components, mel 128"),
    Row("mean-mel128", "mean mel 128 of the instrument"),
)
"""Every row, in the order of the tables; those without arguments need no training.

Of the others each differs from the one before it in a single thing, so that any two neighbours answer a question.
"""


@dataclass(frozen=True)
class Terms(comparison.Terms):
    """What all rows of one seed share; ``data`` are the sounds as ``--sounds`` takes them.

    As in `audiovae.train`, sounds differ from seed to seed, and with them the fingerprint. ``count`` is the number of
    new sounds of each instrument.

    Attributes:
        chunks: as ``--chunks`` takes it.
    """

    program = PROGRAM
    not_compared = frozenset({"verb", "sounds", "chunks", "epochs"})

    chunks: int | None

    def training_settings(self, row: Row, seed: int) -> dict[str, Any]:
        """Return the settings of a row's run as `audiovae.train` has them."""
        chunks = () if self.chunks is None else (f"--chunks={self.chunks}",)
        return settings_of([*(row.arguments or ()), f"--sounds={self.data}", *chunks, f"--seed={seed}"])
