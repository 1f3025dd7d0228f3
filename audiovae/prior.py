"""Learn which codes of a VQ-VAE follow which, to draw new sounds: ``python -m audiovae.prior RUN``.

`audiovae.train` does so once a VQ-VAE is trained; this does it again, with another seed or for longer. Leaves
RUN/prior.keras, and in RUN/metrics.json its measures, see `audiovae.metrics.measures`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from audiovae.config import PRIOR, PRIOR_EPOCHS, AudioConfig
from manymodes import cli
from manymodes.experiment.run import read_config

if TYPE_CHECKING:
    from collections.abc import Sequence

EXAMPLE = "  python -m audiovae.prior runs/audiovae-vqvae-raw"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command."""
    parser = cli.parser("audiovae.prior", "Learn to draw new sounds from the codes of a trained VQ-VAE.", EXAMPLE)
    parser.add_argument("run", type=Path, metavar="RUN", help="folder that audiovae.train --model vqvae has left")
    parser.add_argument(
        "--epochs", type=cli.positive_int, default=PRIOR_EPOCHS, help=f"at most (default {PRIOR_EPOCHS})"
    )
    parser.add_argument("--seed", type=cli.seed_value, help="same seed, same prior (default that of the run)")
    args = parser.parse_args(argv)
    config, file = AudioConfig.from_run(args.run), args.run / "model.keras"
    if not file.is_file():
        raise cli.UserError(
            f"{args.run} has no model.keras: finish it with python -m audiovae.train --resume {args.run}"
        )
    if config.model != "vqvae":
        raise cli.UserError(f"{args.run} holds a model without codes: give a run of audiovae.train --model vqvae")

    from audiovae.data.sounds import load_sounds

    sounds = load_sounds(config.sounds, seed=config.seed, chunks=config.chunks)
    if sounds.fingerprint != read_config(args.run)["fingerprint"]:
        raise cli.UserError(f"the sounds of {config.sounds} have changed since {args.run} was trained: train it again")

    with cli.quiet_start():
        from audiovae import trainer
        from audiovae.metrics.recognition import recogniser_of
        from audiovae.synthesis import load, with_codes

    model = with_codes(load(file), file)
    seed = config.seed if args.seed is None else args.seed
    metrics = trainer.train_prior(args.run, model, sounds, recogniser_of(sounds), epochs=args.epochs, seed=seed)
    print(summary(args.run, metrics))
    return 0


def summary(run: Path, metrics: dict[str, float]) -> str:
    """Describe a prior in a line, from what `audiovae.trainer.train_prior` has returned."""
    return (
        f"wrote {run / PRIOR}: {metrics['prior_bits']:.2f} bits a code (bigram {metrics['bigram_bits']:.2f}, unigram "
        f"{metrics['unigram_bits']:.2f}); {metrics['instrument_hit']:.0%} of its sounds recognised as the "
        f"requested instrument (of real ones {metrics['instrument_hit_real']:.0%})"
    )


if __name__ == "__main__":
    cli.run(main)
