"""The rows of `melodygan.compare`: which there are, and what each is made with."""

from __future__ import annotations

from typing import Any

from manymodes.experiment import compare as comparison
from manymodes.experiment.compare import Row
from melodygan.config import MelodyConfig
from melodygan.train import _parser

PROGRAM = "melodygan.compare"
STEM = "melody"
LOSSES = ("generator_loss", "discriminator_loss", "bits_per_step", "val_bits_per_step")
"""What is kept of the last epoch of a run, in the order of the table."""

CEILING = "real"
"""The name of the row that all others stand beside."""

ROWS = (
    Row(CEILING, "real tunes (ceiling)"),
    Row("as-reported-gan", "GAN, as reported", ("--as-reported",)),
    Row("as-reported-wgan", "WGAN, as reported", ("--as-reported", "--wgan")),
    Row("as-reported-wgan-noise", "WGAN + noise, as reported", ("--as-reported", "--wgan", "--noise")),
    Row("as-reported-wgan-noise-l2", "WGAN + noise + L2, as reported", ("--as-reported", "--wgan", "--noise", "--l2")),
    Row("gan", "GAN", ()),
    Row("wgan", "WGAN", ("--wgan",)),
    Row("wgan-noise", "WGAN + noise", ("--wgan", "--noise")),
    Row("wgan-noise-l2", "WGAN + noise + L2", ("--wgan", "--noise", "--l2")),
    Row("lstm", "LSTM", ("--lstm",)),
    Row("attention", "attention", ("--attention",)),
    Row("replay", "training tunes replayed"),
    Row("random", "random notes"),
)
"""Every row, in the order of the tables; those without arguments are `melodygan.metrics.judging.CONTROLS`."""


class Terms(comparison.Terms):
    """What all rows share; ``data`` is the name of a book or a path."""

    program = PROGRAM
    not_compared = frozenset({"verb", "corpus", "epochs"})

    def training_settings(self, row: Row, seed: int) -> dict[str, Any]:
        """Return the settings of a row's run as `melodygan.train` has them."""
        args = _parser().parse_args([*(row.arguments or ()), f"--corpus={self.data}", f"--seed={seed}"])
        config = MelodyConfig.from_args(args)
        return {**config.to_json(), "monitor": config.monitor}
