"""Train a hierarchical VAE of drum patterns: ``python -m drumvae.train``.

Leaves a run folder with the model, its history, and metrics.json, whose keys are listed in
`drumvae.metrics.diagnostics`; ``python -m drumvae.analyze RUN`` draws and explains them.

history.csv has a row an epoch, means over its updates or, where the name begins with val, over the validation bars:

- ``epoch``: from 1.
- ``loss``: the minimised sum.
- ``elbo_nats``: a lower bound of log p of a bar's hits, given its style where that is known: higher is better.
- ``reconstruction_nats``: −log p of a bar's hits given its latents.
- ``kl_high_nats``, ``kl_low_nats``: divergence of each level from its prior, without free bits, nats a bar.
- ``playing_loss``: −log density of velocities and offsets up to a constant, nats a hit.
- ``style_loss``, ``style_accuracy``: of the classification of styles from z_high, nats a bar, and share of bars; if
  supervised.
- ``val_loss``, ``val_elbo_nats``, ``val_reconstruction_nats``, ``val_kl_high_nats``, ``val_kl_low_nats``,
  ``val_playing_loss``, ``val_style_loss``, ``val_style_accuracy``: the same of validation bars.
- ``val_nats``: a bound of −log p of a bar's hits with ten samples, style unknown; the epoch with the least is kept.
- ``kl_high_0`` …, ``kl_low_0`` …: divergence of each dimension on validation bars, nats a bar.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from drumvae.config import DrumConfig
from manymodes import cli
from manymodes.experiment.config import config_of, training_parser
from manymodes.experiment.run import open_run

if TYPE_CHECKING:
    from collections.abc import Sequence

EXAMPLE = "  python -m drumvae.train\n  python -m drumvae.train --grooves ~/groove --unsupervised --anneal cyclical"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command."""
    parser = training_parser(DrumConfig, "Train a hierarchical VAE of drum bars: 16 steps, 9 instruments.", EXAMPLE)
    args = parser.parse_args(argv)
    config = config_of(DrumConfig, args)

    from drumvae.data.grooves import load_grooves

    grooves = load_grooves(config.grooves, per_style=config.per_style, seed=config.seed)
    print(grooves.table())

    with cli.quiet_start():
        from drumvae.trainer import evaluate, prepare, too_few
        from manymodes.experiment.fit import fit, training_seconds

    run = open_run(args, config, grooves.fingerprint, data=grooves.name)
    model = fit(run, prepare, grooves, tensorboard=args.tensorboard)
    if model is None:
        return cli.INTERRUPTED_EXIT
    if problem := too_few(grooves):
        print(f"note: no metrics.json: {problem}")
        return 0
    metrics = evaluate(model, grooves, seed=config.seed, train_seconds=training_seconds(run.path))
    run.write_metrics(metrics)
    print(
        f"wrote {run.path}/metrics.json: {metrics['iwae_nats']:.2f} nats a bar, hit F1 {metrics['hit_f1']:.3f}, style "
        f"predicted from z_high {metrics['probe_high']:.0%}, from z_low {metrics['probe_low']:.0%}"
    )
    print(f"next: python -m drumvae.analyze {run.path}")
    return 0


if __name__ == "__main__":
    cli.run(main)
