"""The rows of `drumvae.compare`: which there are, and what each is made with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from drumvae.train import settings_of
from manymodes.experiment import compare as comparison
from manymodes.experiment.compare import Row

PROGRAM = "drumvae.compare"
STEM = "drums"
LOSSES = ("loss", "reconstruction_nats", "kl_high_nats", "kl_low_nats", "val_nats")
"""What is kept of the last epoch of a run, in the order of the table."""

CEILING = "real"
"""The name of the row that all others stand beside."""

CHANGES = {
    "hierarchy": "structure",
    "anneal": "annealing",
    "free_bits": "free bits",
    "unsupervised": "styles told",
}
"""The settings in which rows differ, and what they are called."""

_BARE = ("--unsupervised", "--free-bits=0")

ROWS = (
    Row(CEILING, "real bars (ceiling)"),
    Row("chain", "chain", ("--hierarchy=chain", "--anneal=none", *_BARE)),
    Row("chain-cyclical", "chain, cyclical", ("--hierarchy=chain", "--anneal=cyclical", *_BARE)),
    Row("cyclical", "top-down, cyclical", ("--hierarchy=top-down", "--anneal=cyclical", *_BARE)),
    Row("top-down", "top-down", ("--hierarchy=top-down", "--anneal=none", *_BARE)),
    Row("sigmoid", "top-down, sigmoid", ("--hierarchy=top-down", "--anneal=sigmoid", *_BARE)),
    Row("linear", "top-down, linear", ("--hierarchy=top-down", "--anneal=linear", *_BARE)),
    Row(
        "free-bits",
        "top-down, linear, free bits",
        ("--hierarchy=top-down", "--anneal=linear", "--unsupervised"),
    ),
    Row("supervised", "top-down, linear, free bits, styles told", ("--hierarchy=top-down", "--anneal=linear")),
    Row("chain-supervised", "chain, linear, free bits, styles told", ("--hierarchy=chain", "--anneal=linear")),
    Row("components", "principal components"),
    Row("replay", "training bars replayed"),
    Row("shuffled", "hits shuffled within styles"),
    Row("mean-pattern", "mean pattern"),
)
"""Every row, in the order of the tables; those without arguments need no training.

Of the others each differs from the one before it in a single setting, so that any two neighbours answer a question.
The first two are the chain of the reports, which was annealed cyclically.
"""


@dataclass(frozen=True)
class Terms(comparison.Terms):
    """What all rows of one seed share; ``data`` are the grooves as ``--grooves`` takes them.

    As in `drumvae.train`, bars by rule differ from seed to seed, and with them the fingerprint.

    Attributes:
        per_style: as ``--per-style`` takes it.
    """

    program = PROGRAM
    not_compared = frozenset({"verb", "grooves", "per_style", "epochs"})

    per_style: int

    def training_settings(self, row: Row, seed: int) -> dict[str, Any]:
        """Return the settings of a row's run as `drumvae.train` has them."""
        data = (f"--grooves={self.data}", f"--per-style={self.per_style}")
        return settings_of([*(row.arguments or ()), *data, f"--seed={seed}"])
