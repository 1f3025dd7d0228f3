"""Train a hierarchical VAE of drum patterns: ``python -m drumvae.train``.

Leaves a run folder with the model and its history; ``python -m drumvae.analyze RUN`` says what its latents hold.

history.csv has a row an epoch, means over its updates or, where the name begins with val, over the validation bars:

- ``epoch``: from 1.
- ``loss``: what is minimised.
- ``elbo_nats``: a lower bound of log p of a bar's hits, given its style where that is known: the more the better.
- ``reconstruction_nats``: −log p of a bar's hits given its latents.
- ``kl_high_nats``, ``kl_low_nats``: divergence of each level from its prior, no floor under it, nats a bar.
- ``playing_loss``: −log density of velocities and offsets but for a constant, nats a hit.
- ``style_loss``, ``style_accuracy``: of telling the style by z_high, nats a bar, and share of bars; if supervised.
- ``val_loss``, ``val_elbo_nats``, ``val_reconstruction_nats``, ``val_kl_high_nats``, ``val_kl_low_nats``,
  ``val_playing_loss``, ``val_style_loss``, ``val_style_accuracy``: the same of validation bars.
- ``val_nats``: a bound of −log p of a bar's hits with ten samples, style unknown; the epoch with the least is kept.
- ``kl_high_0`` …, ``kl_low_0`` …: divergence of each dimension on validation bars, nats a bar.
"""

from __future__ import annotations

import argparse
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from manymodes import cli
from manymodes.cli import quiet_start
from manymodes.experiment.run import check_run_folder
from manymodes.experiment.training import open_run, settings_to_resume

if TYPE_CHECKING:
    from collections.abc import Sequence

PROGRAM = "drumvae.train"
EXAMPLE = "  python -m drumvae.train\n  python -m drumvae.train --grooves ~/groove --unsupervised --anneal cyclical"
HIERARCHIES = ("top-down", "chain")
ANNEALING = ("none", "linear", "cyclical", "sigmoid")
_UPDATES_PER_EPOCH = 250
_BATCH_SIZE = 64
_BY_RULE = "styles"
_FREE_WHEN_RESUMING = {"resume", "epochs", "force", "tensorboard"}
_HOTTEST = 100.0


class _Recipe(NamedTuple):
    """What suits the data.

    Attributes:
        epochs: to train.
        beta: what the weight of the divergence rises to.
        learning_rate: at first.
        dropout: on what the convolutions read, where there are 800 bars; the more there are, the less of it.
        high_dropout: on what z_high is inferred from.
        style_weight: of telling the style by z_high.
    """

    epochs: int
    beta: float
    learning_rate: float
    dropout: float
    high_dropout: float
    style_weight: float


_RULES = _Recipe(epochs=24, beta=1.0, learning_rate=2e-3, dropout=0.15, high_dropout=0.0, style_weight=2.0)
# Of many bars there is more to learn before they are known by heart.
_MANY, _MANY_RULES = 1000, _RULES._replace(epochs=40)
# People never play a bar twice: at β = 1 much of it would not be told. And there are few of them: their styles are read
# from half of what is heard at a time, and not for long, for what tells some people's styles does not tell others'.
_PEOPLE = _Recipe(epochs=12, beta=0.2, learning_rate=1e-3, dropout=0.0, high_dropout=0.5, style_weight=1.0)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the verb."""
    args = _parser().parse_args(argv)
    settings = _settings_to_resume(args, argv) if args.resume else _settings(args)
    path = args.resume or args.out or Path("runs") / _run_name(settings)
    if not args.resume:
        check_run_folder(path, force=args.force)

    from drumvae.data.grooves import load_grooves

    grooves = load_grooves(settings["grooves"], per_style=settings["per_style"], seed=settings["seed"])
    print(grooves.table())
    settings["fingerprint"] = grooves.fingerprint

    with quiet_start():
        from drumvae.fitting import train_in

    data = "the set of grooves by rule" if grooves.by_rule else settings["grooves"]
    run = open_run(path, settings, resume=bool(args.resume), data=data)
    _, complete = train_in(run, grooves, tensorboard=args.tensorboard)
    print(f"wrote {run.path}/model.keras (epoch {run.best_epoch + 1 if run.history else 1})")
    if not complete:
        print(f"stopped; continue with: python -m {PROGRAM} --resume {run.path}")
        return cli.INTERRUPTED_EXIT
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = cli.parser(PROGRAM, "Train a hierarchical VAE of drum patterns, 16 steps of 9 instruments.", EXAMPLE)
    data = parser.add_argument_group("data")
    data.add_argument(
        "--grooves", default=_BY_RULE, metavar="styles|DIR",
        help="five styles made by rule (default), the Groove MIDI Dataset, or any folder whose sub-folders are styles",
    )  # fmt: skip
    data.add_argument(
        "--per-style",
        type=_at_least_two,
        default=200,
        metavar="N",
        help="bars a style made by rule (default 200)",
    )
    model = parser.add_argument_group("model")
    model.add_argument(
        "--hierarchy", choices=HIERARCHIES, default="top-down",
        help="how the levels hang together (default top-down; chain, as the reports have it, collapses)",
    )  # fmt: skip
    model.add_argument("--unsupervised", action="store_true", help="learn without being told any style")
    training = parser.add_argument_group("training")
    training.add_argument(
        "--anneal", choices=ANNEALING, default="linear", help="how the weight of the divergences rises (default linear)"
    )
    training.add_argument(
        "--beta", type=cli.positive_float, metavar="WEIGHT",
        help=f"what it rises to; at 1 the loss is a bound of the likelihood, at less latents tell more of a bar "
        f"(default {_RULES.beta:g}, of a folder {_PEOPLE.beta:g})",
    )  # fmt: skip
    training.add_argument(
        "--free-bits", type=cli.non_negative_float, default=0.35, metavar="NATS",
        help="divergence of a latent dimension that costs nothing (default 0.35; 0: none)",
    )  # fmt: skip
    training.add_argument(
        "--temperature", type=_temperatures, default=(1.0, 1.0), metavar="FIRST:LAST",
        help="what logits are divided by, from the first update to the last, which the model keeps (default 1:1)",
    )  # fmt: skip
    training.add_argument(
        "--epochs",
        type=cli.positive_int,
        help=f"default {_RULES.epochs}, of {_MANY} bars a style and more {_MANY_RULES.epochs}, "
        f"of a folder {_PEOPLE.epochs}",
    )
    training.add_argument(
        "--batch-size", type=cli.positive_int, default=_BATCH_SIZE, help=f"bars an update (default {_BATCH_SIZE})"
    )
    training.add_argument(
        "--updates-per-epoch", type=cli.positive_int, default=_UPDATES_PER_EPOCH,
        help=f"updates between two looks at the validation bars (default {_UPDATES_PER_EPOCH})",
    )  # fmt: skip
    training.add_argument("--seed", type=cli.seed_value, default=0, help="same seed, same result (default 0)")
    training.add_argument("--resume", type=Path, metavar="RUN", help="continue the run in this folder")
    training.add_argument("--tensorboard", action="store_true", help="write logs for TensorBoard to RUN/tensorboard")
    output = parser.add_argument_group("output")
    output.add_argument("--out", type=Path, metavar="RUN", help="run folder (default runs/drumvae-…)")
    output.add_argument("--force", action="store_true", help="set aside what stands in the way, under another name")
    return parser


def _at_least_two(text: str) -> int:
    """Argparse type: an integer of at least 2."""
    value = cli.positive_int(text)
    if value < 2:  # noqa: PLR2004 - one to learn from and one to test with
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 2")
    return value


def _temperatures(text: str) -> tuple[float, float]:
    """Argparse type: two temperatures, as 2.0:0.5; one stays as it is."""
    parts = text.split(":")
    try:
        first, last = (cli.positive_float(part) for part in (parts[0], parts[-1]))
    except argparse.ArgumentTypeError:
        first = last = 0.0
    if len(parts) > 2 or not 0 < min(first, last) <= max(first, last) <= _HOTTEST:  # noqa: PLR2004 - from, to
        raise argparse.ArgumentTypeError(f"{text!r} is no temperature: give one or two above 0, such as 2.0:0.5")
    return first, last


def _settings(args: argparse.Namespace) -> dict[str, Any]:
    recipe = _recipe(args)
    return {
        "verb": PROGRAM,
        "grooves": _as_kept("grooves", args.grooves),
        "per_style": args.per_style,
        "hierarchy": args.hierarchy,
        "unsupervised": args.unsupervised,
        "anneal": args.anneal,
        "beta": args.beta or recipe.beta,
        "free_bits": args.free_bits,
        "temperature": list(args.temperature),
        "epochs": args.epochs or recipe.epochs,
        "learning_rate": recipe.learning_rate,
        "dropout": recipe.dropout,
        "high_dropout": recipe.high_dropout,
        "style_weight": recipe.style_weight,
        "batch_size": args.batch_size,
        "updates_per_epoch": args.updates_per_epoch,
        "seed": args.seed,
        "monitor": "val_nats",
    }


def _recipe(args: argparse.Namespace) -> _Recipe:
    if args.grooves != _BY_RULE:
        return _PEOPLE
    return _MANY_RULES if args.per_style >= _MANY else _RULES


def settings_of(arguments: Sequence[str]) -> dict[str, Any]:
    """Return the settings of a run that is started with these arguments, its grooves not yet looked at."""
    return _settings(_parser().parse_args(arguments))


def _as_kept(name: str, value: Any) -> Any:
    """Return an option's value as config.json has it."""
    if name == "grooves" and value not in {"", _BY_RULE}:
        path = Path(value)
        with contextlib.suppress(RuntimeError):  # the home of nobody: then the path stands as it is
            path = path.expanduser()
        return str(path.absolute())
    return list(value) if isinstance(value, tuple) else value


def _settings_to_resume(args: argparse.Namespace, argv: Sequence[str] | None) -> dict[str, Any]:
    """Return the settings of the run to continue, more epochs allowed."""
    return settings_to_resume(args.resume, argv, _parser(), verb=PROGRAM, free=_FREE_WHEN_RESUMING, as_kept=_as_kept)


def _run_name(settings: dict[str, Any]) -> str:
    """Name a run after its variant: drumvae-styles, drumvae-groove-chain-unsupervised."""
    parts = ["drumvae", Path(settings["grooves"]).name]
    parts += ["chain"] * (settings["hierarchy"] == "chain") + ["unsupervised"] * settings["unsupervised"]
    return "-".join(parts)


if __name__ == "__main__":
    cli.run(main)
