"""Train a generator of letters: ``python -m fontgan.train --fix best``.

Leaves a run folder with the model, its history, figures, and coverage.json, which says how many letters it draws (its
keys are listed in `fontgan.metrics.assessment`).

history.csv has a row an epoch, the losses and lengths being means over its updates:

- ``epoch``: from 1.
- ``generator_loss``, ``discriminator_loss``: what each player minimises, penalties left out; in nats, but for
  ``--fix feature-matching``, where the generator's is a squared distance of features.
- ``loss_ratio``: the discriminator's loss divided by the generator's.
- ``score_gap``: by how much real images are scored higher than generated ones.
- ``generator_gradient``, ``discriminator_gradient``: length of the gradient over all weights of a player.
- ``penalty``: squared length of the critic's gradient by pixels (``--fix best``).

Every ten epochs and after the last one, of a thousand images, as the judge reads them that does not report:

- ``strict_coverage``, ``naive_coverage``, ``rejected``, ``kl_uniform``, ``frechet``, ``kid``, ``precision``,
  ``recall``, ``density``, ``coverage``, ``two_sample``: as in coverage.json.
- ``covered``: the letters covered, as a number with a bit for each, 1 for A to 2²⁵ for Z.
- ``shortfall``: 1 − ``strict_coverage`` / 26 + ``rejected`` + ``kl_uniform``; the epoch with the least is kept.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from manymodes import cli
from manymodes.cli import UserError, quiet_start
from manymodes.experiment.run import check_run_folder
from manymodes.experiment.training import open_run, settings_to_resume

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from fontgan.data.fonts import Letters

PROGRAM = "fontgan.train"
EXAMPLE = "  python -m fontgan.train --fix best\n  python -m fontgan.train --conditional --fonts ~/.local/share/fonts"
FIXES = ("none", "feature-matching", "unrolled", "minibatch", "best")
JUDGED, LEAST_JUDGED = 10_400, 26
_EPOCHS, _EPOCHS_OF_BEST = 100, 40
_BATCH_SIZE = 64
_FREE_WHEN_RESUMING = {"resume", "epochs", "force", "tensorboard", "count"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the verb."""
    args = _parser().parse_args(argv)
    if args.count < LEAST_JUDGED:
        raise UserError(f"--count {args.count} is too few to judge by: give at least {LEAST_JUDGED}, one a letter")
    settings = _settings_to_resume(args, argv) if args.resume else _settings(args)
    path = args.resume or args.out or Path("runs") / _run_name(settings)
    if not args.resume:
        check_run_folder(path, force=args.force)

    from fontgan.data.fonts import load_fonts

    letters = load_fonts(settings["fonts"], seed=settings["seed"])
    print(letters.table())
    settings = with_letters(settings, letters)
    run = open_run(path, settings, resume=bool(args.resume), data=settings["fonts"] or "the set of bundled fonts")

    with quiet_start():
        from fontgan.fitting import report, train_in
        from fontgan.metrics.judges import judges_of

    judges = judges_of(letters)
    print(judges.introduction())
    model, complete = train_in(run, letters, judges, tensorboard=args.tensorboard)
    print(f"wrote {run.path}/model.keras (epoch {run.best_epoch + 1 if run.history else 1})")
    if not complete:
        print(f"stopped; continue with: python -m {PROGRAM} --resume {run.path}")
        return cli.INTERRUPTED_EXIT
    found = report(run, model, letters, judges, count=args.count)
    print(
        f"wrote {run.path}/coverage.json: {found['strict_coverage']} of 26 letters, KL {found['kl_uniform']:.3f}, "
        f"{found['rejected']:.0%} of the images not read with confidence"
    )
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = cli.parser(PROGRAM, "Train a generator of letters and say how many of the 26 it draws.", EXAMPLE)
    model = parser.add_argument_group("model")
    model.add_argument(
        "--fix", choices=FIXES, default="best", help="what is done against mode collapse (default best; none: nothing)"
    )
    model.add_argument("--conditional", action="store_true", help="draw the letter that is asked for")
    training = parser.add_argument_group("training")
    training.add_argument(
        "--fonts", metavar="DIR|FILE", help="fonts to learn (default: ten faces that matplotlib brings along)"
    )
    training.add_argument(
        "--epochs", type=cli.positive_int,
        help=f"passes over the images (default {_EPOCHS}; best {_EPOCHS_OF_BEST}, ten minutes on two cores)",
    )  # fmt: skip
    training.add_argument(
        "--batch-size", type=cli.positive_int, default=_BATCH_SIZE, help=f"images an update (default {_BATCH_SIZE})"
    )
    training.add_argument("--updates-per-epoch", type=cli.positive_int, help="generator updates (default: one pass)")
    training.add_argument("--seed", type=cli.seed_value, default=0, help="same seed, same result (default 0)")
    training.add_argument("--resume", type=Path, metavar="RUN", help="continue the run in this folder")
    training.add_argument("--tensorboard", action="store_true", help="write logs for TensorBoard to RUN/tensorboard")
    output = parser.add_argument_group("output")
    output.add_argument("--out", type=Path, metavar="RUN", help="run folder (default runs/fontgan-FIX)")
    output.add_argument(
        "--count", type=cli.positive_int, default=JUDGED, help=f"images that are judged at the end (default {JUDGED})"
    )
    output.add_argument("--force", action="store_true", help="set aside what stands in the way, under another name")
    return parser


def _settings(args: argparse.Namespace) -> dict[str, Any]:
    return {
        "verb": PROGRAM,
        "fix": args.fix,
        "conditional": args.conditional,
        "fonts": _whole_path(args.fonts),
        "epochs": args.epochs or (_EPOCHS_OF_BEST if args.fix == "best" else _EPOCHS),
        "batch_size": args.batch_size,
        "updates_per_epoch": args.updates_per_epoch,
        "seed": args.seed,
        "monitor": "shortfall",
    }


def settings_of(arguments: Sequence[str]) -> dict[str, Any]:
    """Return the settings of a run that is started with these arguments, its letters not yet looked at."""
    return _settings(_parser().parse_args(arguments))


def with_letters(settings: dict[str, Any], letters: Letters) -> dict[str, Any]:
    """Return settings with what follows from the letters: their fingerprint, and how many updates are one pass."""
    updates = settings["updates_per_epoch"] or -(-len(letters.train.images) // settings["batch_size"])
    return {**settings, "updates_per_epoch": updates, "fingerprint": letters.fingerprint}


def _whole_path(fonts: str | None) -> str | None:
    return None if fonts is None else str(Path(fonts).expanduser().absolute())


def _settings_to_resume(args: argparse.Namespace, argv: Sequence[str] | None) -> dict[str, Any]:
    """Return the settings of the run to continue, more epochs allowed."""

    def as_kept(name: str, value: Any) -> Any:
        return _whole_path(value) if name == "fonts" else value

    return settings_to_resume(args.resume, argv, _parser(), verb=PROGRAM, free=_FREE_WHEN_RESUMING, as_kept=as_kept)


def _run_name(settings: dict[str, Any]) -> str:
    """Name a run after its variant: fontgan-minibatch-conditional."""
    return "-".join(["fontgan", settings["fix"]] + ["conditional"] * settings["conditional"])


if __name__ == "__main__":
    cli.run(main)
