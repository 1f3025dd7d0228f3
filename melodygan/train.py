"""Train a melody model: ``python -m melodygan.train --wgan --noise --l2``.

Leaves a run folder, and for ``python -m evaluation.report gen/ org/`` a folder of generated tunes and one of
originals that the model has never seen.
"""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from manymodes import cli
from manymodes.cli import quiet_start
from manymodes.experiment.run import check_run_folder
from manymodes.experiment.training import open_run, settings_to_resume
from manymodes.files import check_output_folder

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

EXAMPLE = "  python -m melodygan.train --wgan --noise --l2\n  python -m melodygan.train --lstm --corpus ~/tunes"

DEFAULT_NOISE = 0.1
DEFAULT_L2 = 0.01
# What a run of each kind takes unless told otherwise: fixed numbers of updates, so that a seed fixes the result.
DEFAULTS: dict[str, dict[str, int | None]] = {
    "lstm": {"epochs": 18, "batch_size": 16, "units": 256, "updates_per_epoch": None},
    "gan": {"epochs": 20, "batch_size": 64, "units": 64, "updates_per_epoch": 100},
    "attention": {"epochs": 12, "batch_size": 64, "units": None, "updates_per_epoch": 150},
    "as_reported_gan": {"epochs": 10, "batch_size": 16, "units": 512, "updates_per_epoch": 10},
    "as_reported_wgan": {"epochs": 20, "batch_size": 16, "units": 512, "updates_per_epoch": 10},
}
_FREE_WHEN_RESUMING = {"resume", "epochs", "gen", "org", "count", "force", "tensorboard"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the verb."""
    args = _parser().parse_args(argv)
    settings = _settings_to_resume(args, argv) if args.resume else _settings(args)
    run_path = args.resume or args.out or Path("runs") / _run_name(settings)
    _check_outputs(args, run_path)

    from melodygan.data.corpus import load_corpus, split

    corpus = load_corpus(settings["corpus"])
    print(corpus.table())
    sides = split(corpus.tunes, settings["seed"])
    print(f"split: {len(sides.train)} tunes to learn, {len(sides.validation)} to choose by, {len(sides.test)} held out")
    if not (sides.validation and sides.test):
        raise cli.UserError(
            f"{settings['corpus']} has {len(corpus.tunes)} usable tunes, too few to hold any out: add more"
        )
    settings = {**settings, "fingerprint": corpus.fingerprint}

    with quiet_start():
        from melodygan.fitting import draw, evaluate_lstm, train_in
    from melodygan.data.bars import NoTunesError
    from melodygan.output import write_originals, write_tunes

    run = open_run(run_path, settings, resume=bool(args.resume), data=f"the corpus {settings['corpus']}")
    model, complete = train_in(run, sides, tensorboard=args.tensorboard)
    print(f"wrote {run.path}/model.keras (epoch {run.best_epoch + 1 if run.history else 1})")
    if not complete:
        print(f"stopped; continue with: python -m melodygan.train --resume {run.path}")
        return cli.INTERRUPTED_EXIT
    if settings["lstm"]:
        evaluate_lstm(run, model, sides.test)
    try:
        tunes = model.generate(args.count, seed=settings["seed"])
    except NoTunesError as error:
        raise cli.UserError(f"{run.path}/model.keras composes nothing usable ({error}): train it for longer") from error
    write_tunes(args.gen, tunes, force=args.force)
    draw(run, tunes, sides.test)
    originals = write_originals(args.org, sides.test, args.count, seed=settings["seed"], force=args.force)
    print(f"wrote {len(tunes)} generated tunes to {args.gen}/ and {originals} held-out originals to {args.org}/")
    print(f"next: python -m evaluation.report {args.gen} {args.org}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = cli.parser("melodygan.train", "Train an LSTM, a GAN or a Wasserstein GAN on a corpus of tunes.", EXAMPLE)
    model = parser.add_argument_group("model (without --lstm or --wgan: the GAN with cross-entropy)")
    kind = model.add_mutually_exclusive_group()
    kind.add_argument("--lstm", action="store_true", help="an LSTM that continues a tune symbol by symbol")
    kind.add_argument("--wgan", action="store_true", help="linear critic and Wasserstein loss")
    model.add_argument(
        "--noise", type=cli.between(0, 1, "a standard deviation"), nargs="?", const=DEFAULT_NOISE, default=0.0,
        metavar="STD", help=f"Gaussian noise after each layer (alone: {DEFAULT_NOISE})",
    )  # fmt: skip
    model.add_argument(
        "--l2", type=cli.non_negative_float, nargs="?", const=DEFAULT_L2, default=0.0, metavar="LAMBDA",
        help=f"L2 regularisation of the dense layers (alone: {DEFAULT_L2})",
    )  # fmt: skip
    model.add_argument(
        "--penalty", choices=("none", "clip", "gradient", "r1r2"),
        help="what keeps the critic smooth (default r1r2; with --as-reported none)",
    )  # fmt: skip
    model.add_argument(
        "--attention", action="store_true", help="a one-shot self-attention generator, a light critic, metre and mode"
    )
    model.add_argument("--as-reported", action="store_true", help="the report's own networks, encoding and updates")
    model.add_argument("--units", type=cli.positive_int, help="width of the LSTMs (LSTM 256, critic 64, reported 512)")
    training = parser.add_argument_group("training")
    training.add_argument(
        "--corpus", default="erk", metavar="NAME|PATH",
        help="a book of the Essen collection (erk, boehme, han …) or a folder or file of .krn .abc .mid .xml .mxl",
    )  # fmt: skip
    training.add_argument(
        "--epochs", type=cli.positive_int, help="epochs (LSTM 18, GAN 20, attention 12, reported 10 or 20)"
    )
    training.add_argument("--batch-size", type=cli.positive_int, help="tunes an update (LSTM 16, GAN 64, reported 16)")
    training.add_argument(
        "--updates-per-epoch", type=cli.positive_int,
        help="generator updates an epoch (GAN 100, attention 150, reported 10)",
    )  # fmt: skip
    training.add_argument("--mixed-precision", action="store_true", help="compute in bfloat16 where it is safe")
    training.add_argument("--seed", type=cli.seed_value, default=0, help="same seed, same result (default 0)")
    training.add_argument("--resume", type=Path, metavar="RUN", help="continue the run in this folder")
    training.add_argument("--tensorboard", action="store_true", help="write logs for TensorBoard to RUN/tensorboard")
    output = parser.add_argument_group("output")
    output.add_argument("--out", type=Path, metavar="RUN", help="run folder (default runs/melodygan-VARIANT)")
    output.add_argument("--gen", type=Path, default=Path("gen"), help="folder for generated tunes (default gen)")
    output.add_argument("--org", type=Path, default=Path("org"), help="folder for held-out originals (default org)")
    output.add_argument("--count", type=cli.positive_int, default=100, help="tunes in each of them (default 100)")
    output.add_argument("--force", action="store_true", help="set aside what stands in the way, under another name")
    return parser


def _settings(args: argparse.Namespace) -> dict[str, Any]:
    """Return all that decides the result of a run, as config.json keeps it.

    Raises:
        UserError: options that exclude each other.
    """
    if args.lstm:
        for option in ("noise", "l2", "penalty", "attention", "as_reported", "updates_per_epoch"):
            if getattr(args, option):
                raise cli.UserError(f"--{option.replace('_', '-')} belongs to the GANs: leave it out with --lstm")
    if args.attention:
        for option in ("as_reported", "units"):
            if getattr(args, option):
                raise cli.UserError(f"--{option.replace('_', '-')} has no meaning with --attention: leave it out")
    kind = "lstm" if args.lstm else "attention" if args.attention else "gan"
    if args.as_reported:
        kind = "as_reported_wgan" if args.wgan else "as_reported_gan"
    chosen = {name: getattr(args, name) or default for name, default in DEFAULTS[kind].items()}
    penalty = args.penalty or ("none" if args.as_reported or args.lstm else "r1r2")
    if penalty == "clip" and not args.wgan:
        raise cli.UserError("--penalty clip bounds a Wasserstein critic: add --wgan, or choose another penalty")
    corpus = _whole_path(args.corpus)
    return {
        "verb": "melodygan.train",
        "lstm": args.lstm,
        "wgan": args.wgan,
        "attention": args.attention,
        "as_reported": args.as_reported,
        "noise": args.noise,
        "l2": args.l2,
        "penalty": penalty,
        **chosen,
        "mixed_precision": args.mixed_precision,
        "corpus": corpus,
        "seed": args.seed,
        "monitor": "val_bits_per_step" if args.lstm else "musical_distance",
    }


def settings_of(arguments: Sequence[str]) -> dict[str, Any]:
    """Return the settings of a run that is started with these arguments, as config.json keeps them."""
    return _settings(_parser().parse_args(arguments))


def _whole_path(corpus: str) -> str:
    """Return a path as it is from anywhere, the name of a book as it is."""
    if os.sep not in corpus:
        return corpus
    return os.path.abspath(os.path.expanduser(corpus))  # noqa: PTH100, PTH111 - these leave ~nobody as it is


def _settings_to_resume(args: argparse.Namespace, argv: Sequence[str] | None) -> dict[str, Any]:
    """Return the settings of the run to continue, more epochs allowed."""

    def as_kept(name: str, value: Any) -> Any:
        return _whole_path(value) if name == "corpus" else value

    return settings_to_resume(
        args.resume, argv, _parser(), verb="melodygan.train", free=_FREE_WHEN_RESUMING, as_kept=as_kept
    )


def _run_name(settings: dict[str, Any]) -> str:
    """Name a run after its variant: melodygan-wgan-noise-l2."""
    parts = ["melodygan", "lstm" if settings["lstm"] else "wgan" if settings["wgan"] else "gan"]
    parts += [part for part in ("attention", "noise", "l2") if settings[part]]
    return "-".join(parts + ["as-reported"] * settings["as_reported"])


def _check_outputs(args: argparse.Namespace, run_path: Path) -> None:
    """Refuse before any work what would be refused after it.

    Raises:
        UserError: a folder that holds what this program did not write, or one folder given twice.
    """
    places = [path.resolve() for path in (run_path, args.gen, args.org)]
    if len(set(places)) < len(places):
        raise cli.UserError("--out, --gen and --org must be three different folders")
    for inner, outer in itertools.permutations(places, 2):
        if outer in inner.parents and outer != places[0]:
            raise cli.UserError(f"{inner} is within {outer}, which is replaced whole: choose folders side by side")
    if not args.resume:
        check_run_folder(run_path, force=args.force)
    for folder in (args.gen, args.org):
        check_output_folder(folder, force=args.force)


if __name__ == "__main__":
    cli.run(main)
