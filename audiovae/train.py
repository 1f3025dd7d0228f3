"""Train an autoencoder of one-second sounds: ``python -m audiovae.train --model vqvae``.

Leaves a run folder with the model, its history, figures, and metrics.json, which compares test chunks with their
reconstructions (its keys are listed in `audiovae.metrics.measures`). A VQ-VAE also gets a prior over its codes, from
which new sounds are drawn.

history.csv has a row an epoch, means over its updates, and the same with ``val_`` of the validation chunks:

- ``epoch``: from 1.
- ``difference``: mean |x − y| of samples, or of log-mel spectrograms, 1 of which is 40 dB.
- ``spectral_loss``: see `audiovae.metrics.spectra.spectral_loss_tf`; not of spectrograms.
- ``reconstruction_loss``: ``spectral_loss`` + 10 ``difference``.
- ``kl_all_nats``, or ``kl_top_nats`` and ``kl_bottom_nats``: divergence of posterior from prior.
- ``commitment_loss``: mean squared distance of encodings from their codes; ``perplexity``: of the codes of a batch.
- ``loss``: is minimised: the reconstruction loss, plus β times the divergence, or plus the weighted commitment.

Of the validation chunks alone:

- ``val_loss``: with the divergence as it is and the whole β; the epoch with the least is kept.
- ``val_spectral_convergence``: not of spectrograms.
- ``val_codebook_use``, ``val_perplexity_nonsilent``: as in metrics.json.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from audiovae.config import AudioConfig
from manymodes import cli
from manymodes.experiment.config import config_of, training_parser
from manymodes.experiment.run import open_run

if TYPE_CHECKING:
    from collections.abc import Sequence

EXAMPLE = (
    "  python -m audiovae.train --model vqvae\n"
    "  python -m audiovae.train --model hvae --input mel --mels 256 --sounds ~/recordings"
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command."""
    args = training_parser(AudioConfig, "Train an autoencoder of one-second sounds.", EXAMPLE).parse_args(argv)
    config = config_of(AudioConfig, args)

    from audiovae.data.sounds import load_sounds

    sounds = load_sounds(config.sounds, seed=config.seed, chunks=config.chunks)
    print(sounds.table())
    run = open_run(args, config, sounds.fingerprint, data=f"the sounds of {config.sounds}")

    with cli.quiet_start():
        from audiovae import plots, prior, trainer
        from audiovae.metrics.recognition import recogniser_of
        from audiovae.models.vae import AudioVQVAE
        from manymodes.experiment.fit import fit, training_seconds

    recogniser = recogniser_of(sounds)
    print(f"recogniser: names the instrument of {recogniser.hit_real:.1%} of the test chunks")
    model = fit(run, trainer.prepare, sounds, tensorboard=args.tensorboard, draw=plots.save_training)
    if model is None:
        return cli.INTERRUPTED_EXIT
    metrics = trainer.evaluate(model, sounds, recogniser, seed=config.seed, train_seconds=training_seconds(run.path))
    run.write_metrics(metrics)
    plots.save_reconstructions(model, sounds, run.path / "plots")
    print(f"wrote {run.path}/metrics.json: {_summary(metrics)}")
    if isinstance(model, AudioVQVAE):
        print(prior.summary(run.path, trainer.train_prior(run.path, model, sounds, recogniser, seed=config.seed)))
    return 0


def _summary(metrics: dict[str, Any]) -> str:
    parts = [f"spectral convergence {metrics['spectral_convergence']:.3f}"]
    if metrics["codes"]:
        parts += [f"{metrics['codebook_use']:.0%} of {metrics['codes']} codes in use"]
        parts += [f"perplexity {metrics['perplexity_nonsilent']:.0f} without silence"]
    else:
        parts += [f"{metrics['active_units']:.0%} of {metrics['latents']} latents active"]
        parts += [f"KL {metrics['kl_nats']:.1f} nats"]
    return ", ".join([*parts, f"decoding {metrics['rtf_decode']:.0f} × real time"])


if __name__ == "__main__":
    cli.run(main)
