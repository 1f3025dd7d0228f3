"""Train a melody model: ``python -m melodygan.train --wgan --noise --l2``.

Leaves a run folder, and for ``python -m evaluation.report gen/ org/`` a folder of generated tunes and one of
originals that the model has never seen.
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING

from manymodes import cli
from manymodes.experiment.config import config_of, training_parser
from manymodes.experiment.run import folder_of, open_run
from manymodes.files import check_folder
from melodygan.config import MelodyConfig

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

EXAMPLE = "  python -m melodygan.train --wgan --noise --l2\n  python -m melodygan.train --lstm --corpus ~/tunes"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command."""
    args = _parser().parse_args(argv)
    config = config_of(MelodyConfig, args)
    _check_folders(folder_of(args, config), args.gen, args.org)

    from melodygan.data.corpus import load_split

    corpus, parts = load_split(config.corpus, config.also, seed=config.seed)
    print(corpus.table())
    print(f"split: {len(parts.train)} tunes to train, {len(parts.validation)} to validate, {len(parts.test)} to test")
    if config.also:
        print(f"further tunes to train: {len(parts.others)} of {config.also}")
    if not (parts.validation and parts.test):
        raise cli.UserError(f"{config.corpus} has {len(corpus.tunes)} usable tunes, too few for a test set: add more")

    with cli.quiet_start():
        from manymodes.experiment.fit import fit
        from melodygan import plots
        from melodygan.trainer import evaluate, prepare
    from melodygan.composing import tunes_of
    from melodygan.data.form import NoTunesError
    from melodygan.output import write_originals, write_tunes

    run = open_run(args, config, corpus.fingerprint, data=f"the corpus {config.corpus}")
    model = fit(
        run, prepare, parts, tensorboard=args.tensorboard,
        draw=lambda history, folder: plots.save_history(history, folder / "history.png"),
    )  # fmt: skip
    if model is None:
        return cli.INTERRUPTED_EXIT
    try:
        composed = tunes_of(model, args.count, seed=config.seed)
    except NoTunesError as error:
        raise cli.UserError(f"{run.path}/model.keras composes nothing usable ({error}): train it for longer") from error
    write_tunes(args.gen, composed)
    tunes = [tune.notes for tune in composed]
    count = write_originals(args.org, parts.test, args.count, seed=config.seed)
    plots.save_generated(run.path / "plots", tunes, parts.test)
    metrics = evaluate(model, config, tunes, parts.test)
    run.write_metrics(metrics)
    print(f"wrote {run.path}/metrics.json: " + ", ".join(f"{name} {value:.3f}" for name, value in metrics.items()))
    print(f"wrote {len(tunes)} generated tunes to {args.gen}/ and {count} test tunes to {args.org}/")
    print(f"next: python -m evaluation.report {args.gen} {args.org}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = training_parser(MelodyConfig, "Train an LSTM, a GAN or a Wasserstein GAN on a corpus of tunes.", EXAMPLE)
    output = parser.add_argument_group("output")
    output.add_argument("--gen", type=Path, default=Path("gen"), help="folder for generated tunes (default gen)")
    output.add_argument("--org", type=Path, default=Path("org"), help="folder for test tunes (default org)")
    output.add_argument("--count", type=cli.positive_int, default=100, help="tunes in each of them (default 100)")
    return parser


def _check_folders(run: Path, gen: Path, org: Path) -> None:
    """Refuse before any work a folder that cannot be written, is given twice, or lies within gen or org."""
    places = [path.resolve() for path in (run, gen, org)]
    if len(set(places)) < len(places):
        raise cli.UserError("--out, --gen and --org must be three different folders")
    for inner, outer in itertools.permutations(places, 2):
        if outer in inner.parents and outer != places[0]:
            raise cli.UserError(f"{inner} is within {outer}, which is replaced whole: choose folders side by side")
    for folder in (run, gen, org):
        check_folder(folder)


if __name__ == "__main__":
    cli.run(main)
