"""The rows of `fontgan.compare`: which there are, and what each is made with."""

from __future__ import annotations

from typing import Any

from fontgan.train import settings_of
from manymodes.experiment import compare as comparison
from manymodes.experiment.compare import Row

PROGRAM = "fontgan.compare"
STEM = "fonts"
LOSSES = ("generator_loss", "discriminator_loss", "loss_ratio", "generator_gradient", "discriminator_gradient")
"""What is kept of the last epoch of a run, in the order of the table."""

CEILING = "real"
"""The name of the row that all others stand beside."""

ROWS = (
    Row(CEILING, "real letters (ceiling)"),
    Row("none", "vanilla", ("--fix", "none")),
    Row("feature-matching", "feature matching", ("--fix", "feature-matching")),
    Row("unrolled", "unrolled", ("--fix", "unrolled")),
    Row("minibatch", "minibatch discrimination", ("--fix", "minibatch")),
    Row("conditional", "conditional", ("--fix", "none", "--conditional")),
    Row("best", "best", ("--fix", "best")),
    Row("best-conditional", "best, conditional", ("--fix", "best", "--conditional")),
    Row("replay", "training letters replayed"),
    Row("one-letter", "one letter, again and again"),
    Row("noise", "noise"),
)
"""Every row, in the order of the tables; those without arguments need no training."""


class Terms(comparison.Terms):
    """What all rows of one seed share; ``data`` are the fonts as ``--fonts`` takes them, None those that are bundled.

    As in `fontgan.train`, the letters differ from seed to seed, and with them the fingerprint.
    """

    program = PROGRAM
    not_compared = frozenset({"verb", "fonts", "epochs"})

    def training_settings(self, row: Row, seed: int) -> dict[str, Any]:
        """Return the settings of a row's run as `fontgan.train` has them."""
        fonts = () if self.data is None else (f"--fonts={self.data}",)
        return settings_of([*(row.arguments or ()), *fonts, f"--seed={seed}"])
