"""Learn which codes of a VQ-VAE follow which, to draw new sound: ``python -m audiovae.prior RUN``.

`audiovae.train` does so once a VQ-VAE is trained; this does it anew, with another seed or for longer. Leaves
RUN/prior.keras, and says in RUN/measures.json

- ``prior_bits``: what the prior, knowing the instrument, pays for a code of test chunks, in bits;
- ``unigram_bits``, ``bigram_bits``: what whoever counts codes pays, see `audiovae.metrics.ngrams`;
- ``instrument_hit``: share of sounds drawn from the prior that are recognised as the instrument asked for;
- ``instrument_hit_real``: share of real sounds that are recognised, the ceiling.

`audiovae.metrics.measures` says what else is in the file.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from audiovae.output import PRIOR, load_model, quantised
from manymodes import cli
from manymodes.cli import UserError, quiet_start
from manymodes.experiment.run import read_config
from manymodes.files import save_keras, write_text

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from audiovae.data.sounds import SoundChunks, Sounds
    from audiovae.models.prior import CodePrior, LabelledCodes
    from audiovae.models.vae import AudioVQVAE

PROGRAM = "audiovae.prior"
EXAMPLE = "  python -m audiovae.prior runs/audiovae-vqvae-raw"
EPOCHS = 10
MEASURES = "measures.json"
TEMPERATURE, TOP_P = 1.0, 0.95
"""How sounds are drawn where nothing else is asked for."""

_DIGITS = 6


def main(argv: Sequence[str] | None = None) -> int:
    """Run the verb."""
    args = _parser().parse_args(argv)
    config = read_config(args.run)
    file = args.run / "model.keras"
    if config.get("verb") != "audiovae.train" or not file.is_file():
        raise UserError(f"{args.run} holds no trained model of sounds: give a run that audiovae.train has finished")
    if config.get("model") != "vqvae":
        raise UserError(f"{args.run} holds a model without codes: give a run of audiovae.train --model vqvae")

    from audiovae.data.sounds import load_sounds

    sounds = load_sounds(config["sounds"], seed=config["seed"], chunks=config["chunks"])
    if sounds.fingerprint != config["fingerprint"]:
        raise UserError(f"the sounds of {config['sounds']} have changed since {args.run} was trained: train anew")
    model = quantised(load_model(file, "the model"), file)
    seed = config["seed"] if args.seed is None else args.seed
    print(summary(args.run, train_prior(args.run, model, sounds, epochs=args.epochs, seed=seed)))
    return 0


def summary(run: Path, found: dict[str, float]) -> str:
    """Say in a line what a prior is worth, from what `train_prior` has returned."""
    return (
        f"wrote {run / PRIOR}: {found['prior_bits']:.2f} bits a code (bigram {found['bigram_bits']:.2f}, unigram "
        f"{found['unigram_bits']:.2f}); {found['instrument_hit']:.0%} of its sounds recognised as the instrument "
        f"asked for (of real ones {found['instrument_hit_real']:.0%})"
    )


def _parser() -> argparse.ArgumentParser:
    parser = cli.parser(PROGRAM, "Learn to draw new sounds from the codes of a trained VQ-VAE.", EXAMPLE)
    parser.add_argument("run", type=Path, metavar="RUN", help="folder that audiovae.train --model vqvae has left")
    parser.add_argument("--epochs", type=cli.positive_int, default=EPOCHS, help=f"at most (default {EPOCHS})")
    parser.add_argument("--seed", type=cli.seed_value, help="same seed, same prior (default that of the run)")
    return parser


def train_prior(run: Path, model: AudioVQVAE, sounds: Sounds, *, epochs: int = EPOCHS, seed: int) -> dict[str, float]:
    """Train a prior over a model's codes, write RUN/prior.keras, and add to RUN/measures.json what it is worth.

    Args:
        run: folder of the run.
        model: its trained model.
        sounds: what it was trained on.
        epochs: at most.
        seed: fixes the prior and the sounds that are drawn from it.

    Returns:
        the measures that were added.
    """
    with quiet_start():
        from audiovae.models.prior import CodePrior, fit_prior
    from audiovae.codes import fingerprint
    from manymodes.nn.randomness import make_deterministic

    train, validation = (_labelled_codes(model, side) for side in (sounds.train, sounds.validation))
    make_deterministic(seed)
    maker = fingerprint(model.get_weights()).hex()
    prior = CodePrior(model.code_count, model.frames, sounds.names, maker=maker, seed=seed)
    prior = fit_prior(prior, train, validation, epochs=epochs)
    save_keras(prior, run / PRIOR)
    return measure_prior(run, prior, model, sounds, seed=seed)


def measure_prior(run: Path, prior: CodePrior, model: AudioVQVAE, sounds: Sounds, *, seed: int) -> dict[str, float]:
    """Add to RUN/measures.json what a prior is worth.

    Args:
        run: folder of the run.
        prior: over the codes of ``model``, trained.
        model: its trained model.
        sounds: what both were trained on.
        seed: fixes the sounds that are drawn from the prior.

    Returns:
        the measures that were added.
    """
    from audiovae.metrics.ngrams import bigram_bits, unigram_bits
    from audiovae.models.prior import bits_per_code

    train, test = (_labelled_codes(model, side) for side in (sounds.train, sounds.test))
    found = {
        "prior_bits": bits_per_code(prior, test),
        "unigram_bits": unigram_bits(train.codes, test.codes, model.code_count),
        "bigram_bits": bigram_bits(train.codes, test.codes, model.code_count),
        **recognised(prior, model, sounds, seed=seed),
    }
    found = {name: round(value, _DIGITS) for name, value in found.items()}
    add_measures(run / MEASURES, found)
    return found


def _labelled_codes(model: AudioVQVAE, chunks: SoundChunks) -> LabelledCodes:
    from audiovae.models.prior import LabelledCodes

    return LabelledCodes(model.encode_codes(chunks.chunks), chunks.instruments)


def recognised(prior: CodePrior, model: AudioVQVAE, sounds: Sounds, *, seed: int) -> dict[str, float]:
    """Return ``instrument_hit`` and ``instrument_hit_real``, judged by a classifier that has learned real sounds."""
    import numpy as np

    from audiovae.metrics.measures import SAMPLES
    from audiovae.metrics.recognition import recogniser_of

    judge = recogniser_of(sounds)
    asked = np.repeat(np.arange(len(sounds.names)), SAMPLES)
    codes = prior.sample(asked, seed=seed, temperature=TEMPERATURE, top_p=TOP_P)
    return {"instrument_hit": judge.hit(model.decode_codes(codes), asked), "instrument_hit_real": judge.hit_real}


def add_measures(path: Path, found: dict[str, float]) -> None:
    """Add to a file of measures, which need not be there yet; measures of the same name are replaced."""
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    write_text(path, json.dumps({**known, **found}, indent=1, allow_nan=False) + "\n")


if __name__ == "__main__":
    cli.run(main)
