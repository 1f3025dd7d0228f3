"""The settings of a drum VAE, each once, and the values that suit the data."""

from __future__ import annotations

import argparse
import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from manymodes import cli
from manymodes.experiment.config import Config, absolute_path, setting

HIERARCHIES = ("top-down", "chain")
ANNEALING = ("none", "linear", "cyclical", "sigmoid")
BY_RULE = "styles"
"""The built-in set of bars made by rule; a folder of that name is ./styles."""

_HOTTEST = 100.0


RULES = {"epochs": 24, "beta": 1.0, "learning_rate": 2e-3, "dropout": 0.15, "high_dropout": 0.0, "style_weight": 2.0}
MANY, MANY_RULES = 1000, {**RULES, "epochs": 40}
# People never play a bar twice: at β = 1 the latents would leave much of a bar out. There are few drummers, so styles
# are learned from half of the input at a time and in few epochs: what marks a style in some players does not in others.
PEOPLE = {"epochs": 12, "beta": 0.2, "learning_rate": 1e-3, "dropout": 0.0, "high_dropout": 0.5, "style_weight": 1.0}


def temperatures(text: str) -> tuple[float, float]:
    """Argparse type: the first and the last temperature, such as 2.0:0.5; one value stands for both."""
    parts = text.split(":")
    try:
        first, last = (cli.positive_float(part) for part in (parts[0], parts[-1]))
    except argparse.ArgumentTypeError:
        first = last = 0.0
    if len(parts) > 2 or not 0 < min(first, last) <= max(first, last) <= _HOTTEST:  # noqa: PLR2004 - first, last
        raise argparse.ArgumentTypeError(f"{text!r} is no temperature: give one or two above 0, such as 2.0:0.5")
    return first, last


@dataclass(frozen=True)
class DrumConfig(Config):
    """The settings of `drumvae.train`; those that are None are filled in by `check`, by the data.

    Attributes:
        learning_rate: at first.
        dropout: of the convolutions' input, for 800 bars; more bars need less.
        high_dropout: of the input from which z_high is inferred.
        style_weight: of the classification of styles from z_high.
    """

    program = "drumvae.train"
    monitor = "val_nats"

    grooves: str = setting(
        BY_RULE,
        "five styles made by rule (default), the Groove MIDI Dataset, or any folder whose sub-folders are styles",
        convert=lambda text: text if text == BY_RULE else absolute_path(text),
        metavar="styles|DIR",
        group="data",
    )
    per_style: int = setting(200, "bars of each style made by rule", convert=cli.integer(2), metavar="N", group="data")
    hierarchy: str = setting(
        "top-down",
        "how the levels depend on each other (default top-down; chain, as reported, collapses)",
        choices=HIERARCHIES,
        group="model",
    )
    unsupervised: bool = setting(False, "learn without style labels", group="model")
    anneal: str = setting("linear", "how the weight of the divergences rises", choices=ANNEALING)
    beta: float = setting(
        None,
        "final weight of the divergences: at 1 the loss is a bound of the likelihood, below 1 the latents describe a "
        f"bar in more detail (default {RULES['beta']:g}, for a folder {PEOPLE['beta']:g})",
        convert=cli.positive_float,
        metavar="WEIGHT",
    )
    free_bits: float = setting(
        0.35,
        "divergence of a latent dimension that costs nothing (default 0.35; 0: none)",
        convert=cli.non_negative_float,
        metavar="NATS",
    )
    temperature: tuple[float, float] = setting(
        (1.0, 1.0),
        "divides the logits, from the first update to the last, whose value the model keeps (default 1:1)",
        convert=temperatures,
        metavar="FIRST:LAST",
    )
    epochs: int = setting(
        None,
        f"epochs to train (default {RULES['epochs']}, from {MANY} bars a style {MANY_RULES['epochs']}, "
        f"for a folder {PEOPLE['epochs']})",
        convert=cli.positive_int,
    )
    batch_size: int = setting(64, "bars an update", convert=cli.positive_int)
    updates_per_epoch: int = setting(250, "updates between two validations", convert=cli.positive_int)
    learning_rate: float = setting(None)
    dropout: float = setting(None)
    high_dropout: float = setting(None)
    style_weight: float = setting(None)

    @property
    def name(self) -> str:
        """The variant: drumvae-styles, drumvae-groove-chain-unsupervised."""
        parts = ["drumvae", Path(self.grooves).name]
        parts += ["chain"] * (self.hierarchy == "chain") + ["unsupervised"] * self.unsupervised
        return "-".join(parts)

    def check(self) -> Self:
        """Return the configuration with every default filled in."""
        by_rule = MANY_RULES if self.per_style >= MANY else RULES
        suitable: dict[str, Any] = by_rule if self.grooves == BY_RULE else PEOPLE
        missing = {name: value for name, value in suitable.items() if getattr(self, name) is None}
        return dataclasses.replace(self, **missing)
