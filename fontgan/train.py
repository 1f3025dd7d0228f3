"""Train a generator of letters: ``python -m fontgan.train --fix best``.

Leaves a run folder with the model, its history, figures, and metrics.json, whose keys are listed in
`fontgan.metrics.assessment`.

history.csv has a row an epoch, the losses and lengths being means over its updates:

- ``epoch``: from 1.
- ``generator_loss``, ``discriminator_loss``: the losses without penalties; in nats, except the generator's of
  ``--fix feature-matching``, which is a squared distance of features.
- ``loss_ratio``: the discriminator's loss divided by the generator's.
- ``score_gap``: mean score of real images minus that of generated ones.
- ``generator_gradient``, ``discriminator_gradient``: length of the gradient over all weights of a network.
- ``penalty``: squared length of the critic's gradient by pixels (``--fix best``).

Every ten epochs and after the last one, of a thousand images, as the selecting classifier reads them:

- ``strict_coverage``, ``naive_coverage``, ``rejected``, ``kl_uniform``, ``frechet``, ``kid``, ``precision``,
  ``recall``, ``density``, ``coverage``, ``two_sample``: as in metrics.json.
- ``covered``: the letters covered, as a number with a bit for each, 1 for A to 2²⁵ for Z.
- ``shortfall``: 1 − ``strict_coverage`` / 26 + ``rejected`` + ``kl_uniform`` + 1 − ``precision`` + 1 − ``recall``; the
  epoch with the least is kept.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from fontgan.config import FontConfig
from manymodes import cli
from manymodes.experiment.config import config_of, training_parser
from manymodes.experiment.run import open_run

if TYPE_CHECKING:
    from collections.abc import Sequence

EXAMPLE = "  python -m fontgan.train --fix best\n  python -m fontgan.train --conditional --fonts ~/.local/share/fonts"
EVALUATED, LEAST_EVALUATED = 10_400, 26
"""Images evaluated at the end: the default, and the minimum of one a letter."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command."""
    parser = training_parser(FontConfig, "Train a generator of letters and count which of the 26 it draws.", EXAMPLE)
    count = f"images evaluated at the end (default {EVALUATED})"
    parser.add_argument("--count", type=cli.positive_int, default=EVALUATED, help=count)
    args = parser.parse_args(argv)
    if args.count < LEAST_EVALUATED:
        raise cli.UserError(f"--count {args.count} is too small: give at least {LEAST_EVALUATED}, one image a letter")
    config = config_of(FontConfig, args)

    from fontgan.data.fonts import load_fonts

    letters = load_fonts(config.fonts, seed=config.seed)
    print(letters.table())
    config = config.with_letters(letters)
    run = open_run(args, config, letters.fingerprint, data=config.fonts or "the set of bundled fonts")

    with cli.quiet_start():
        from fontgan import plots, trainer
        from fontgan.metrics.classifiers import introduced_classifiers
        from manymodes.experiment.fit import fit, training_seconds

    classifiers = introduced_classifiers(letters)
    prepare = functools.partial(trainer.prepare, plots_folder=run.path / "plots")
    model = fit(run, prepare, (letters, classifiers), tensorboard=args.tensorboard, draw=plots.save_training)
    if model is None:
        return cli.INTERRUPTED_EXIT
    images, metrics = trainer.evaluate(
        model, letters, classifiers, count=args.count, seed=config.seed, train_seconds=training_seconds(run.path)
    )
    run.write_metrics(metrics)
    plots.save_samples(model, images, letters, classifiers.reporting, run.path / "plots")
    print(
        f"wrote {run.path}/metrics.json: {metrics['strict_coverage']} of 26 letters, KL {metrics['kl_uniform']:.3f}, "
        f"{metrics['rejected']:.0%} of the images not read with confidence"
    )
    return 0


if __name__ == "__main__":
    cli.run(main)
