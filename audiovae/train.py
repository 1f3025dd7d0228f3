"""Train an autoencoder of one-second sounds: ``python -m audiovae.train --model vqvae``.

Leaves a run folder with the model, its history, figures, and measures.json, which says how near what comes back is to
what went in (its keys are listed in `audiovae.metrics.measures`); of a VQ-VAE also the prior over its codes, from which
new sound is drawn.

history.csv has a row an epoch, means over its updates, and the same with ``val_`` of the validation chunks:

- ``epoch``: from 1.
- ``difference``: mean |x − y| of samples, or of log-mel spectrograms, 1 of which is 40 dB.
- ``spectral_loss``: see `audiovae.metrics.spectra.spectral_loss`; not of spectrograms.
- ``reconstruction_loss``: ``spectral_loss`` + 10 ``difference``.
- ``kl_all_nats``, or ``kl_top_nats`` and ``kl_bottom_nats``: divergence of posterior from prior.
- ``commitment_loss``: mean squared distance of encodings from their codes; ``perplexity``: of the codes of a batch.
- ``loss``: what is minimised: the reconstruction loss, plus β times the divergence, or plus the weighted commitment.

Of the validation chunks alone:

- ``val_loss``: with the divergence as it is and the whole β; the epoch with the least is kept.
- ``val_spectral_convergence``: not of spectrograms.
- ``val_codebook_use``, ``val_perplexity_nonsilent``: as in measures.json.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audiovae.data.chunks import CORPUS, enough_chunks
from audiovae.data.grids import MOST_LEVELS, levels_of
from manymodes import cli
from manymodes.cli import UserError, quiet_start
from manymodes.experiment.run import check_run_folder
from manymodes.experiment.training import open_run, settings_to_resume

if TYPE_CHECKING:
    from collections.abc import Sequence

PROGRAM = "audiovae.train"
EXAMPLE = (
    "  python -m audiovae.train --model vqvae\n"
    "  python -m audiovae.train --model hvae --input mel --mels 256 --sounds ~/recordings"
)
MODELS = ("vae", "hvae", "vqvae")
INPUTS = ("raw", "mel")
QUANTIZERS = ("vq", "fsq")
MELS = (128, 256)
ANNEALING = ("none", "linear", "cyclical", "sigmoid")
_MOST_CODES = 4096
_EPOCHS = 15
_UPDATES_PER_EPOCH = 250
_BATCH_SIZE = 16
_DEFAULTS = {
    "mels": 128,
    "quantizer": "vq",
    "codes": 256,
    "commitment": 0.25,
    "beta": 0.001,
    "anneal": "linear",
    "free_bits": 0.1,
}
_FREE_WHEN_RESUMING = {"resume", "epochs", "force", "tensorboard"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the verb."""
    args = _parser().parse_args(argv)
    settings = _settings_to_resume(args, argv) if args.resume else _settings(args)
    path = args.resume or args.out or Path("runs") / _run_name(settings)
    if not args.resume:
        check_run_folder(path, force=args.force)

    from audiovae.data.sounds import load_sounds

    sounds = load_sounds(settings["sounds"], seed=settings["seed"], chunks=settings["chunks"])
    print(sounds.table())
    settings["fingerprint"] = sounds.fingerprint
    run = open_run(path, settings, resume=bool(args.resume), data=f"the sounds of {settings['sounds']}")

    with quiet_start():
        from audiovae import prior
        from audiovae.fitting import report, train_in
        from audiovae.metrics.recognition import recogniser_of
        from audiovae.models.vae import AudioVQVAE

    recogniser = recogniser_of(sounds)
    print(f"recogniser: {recogniser.hit_real:.1%} of the test chunks taken for the instrument that they are of")
    model, complete = train_in(run, sounds, tensorboard=args.tensorboard)
    print(f"wrote {run.path}/model.keras (epoch {run.best_epoch + 1 if run.history else 1})")
    if not complete:
        print(f"stopped; continue with: python -m {PROGRAM} --resume {run.path}")
        return cli.INTERRUPTED_EXIT
    found = report(run, model, sounds, recogniser)
    print(f"wrote {run.path}/measures.json: {_summary(found)}")
    if isinstance(model, AudioVQVAE):
        print(prior.summary(run.path, prior.train_prior(run.path, model, sounds, seed=settings["seed"])))
    return 0


def _summary(found: dict[str, Any]) -> str:
    parts = [f"spectral convergence {found['spectral_convergence']:.3f}"]
    if found["codes"]:
        parts += [f"{found['codebook_use']:.0%} of {found['codes']} codes in use"]
        parts += [f"perplexity {found['perplexity_nonsilent']:.0f} where there is sound"]
    else:
        parts += [
            f"{found['active_units']:.0%} of {found['latents']} latents active",
            f"KL {found['kl_nats']:.1f} nats",
        ]
    return ", ".join([*parts, f"decoding {found['rtf_decode']:.0f} × real time"])


def _parser() -> argparse.ArgumentParser:
    parser = cli.parser(PROGRAM, "Train an autoencoder of one-second sounds.", EXAMPLE)
    data = parser.add_argument_group("data")
    data.add_argument(
        "--sounds", default=CORPUS, metavar="corpus|DIR",
        help="tunes and drums played by real instruments (default), or a folder of WAV, FLAC, OGG or MP3 files",
    )  # fmt: skip
    data.add_argument(
        "--chunks", type=enough_chunks, metavar="N",
        help="seconds of sound to use of each instrument (default 400 of the corpus, of a folder all)",
    )  # fmt: skip
    model = parser.add_argument_group("model")
    model.add_argument("--model", choices=MODELS, default="vqvae", help="kind of autoencoder (default vqvae)")
    model.add_argument("--input", choices=INPUTS, default="raw", help="samples, or log-mel spectrograms (default raw)")
    model.add_argument("--mels", type=int, choices=MELS, help="bands of the spectrograms (default 128)")
    model.add_argument("--quantizer", choices=QUANTIZERS, help="a codebook (default), or a grid of codes")
    model.add_argument(
        "--codes", type=_code_count, metavar="K",
        help=f"how many codes, 2 to {_MOST_CODES}; of a grid a product of numbers up to {MOST_LEVELS} (default 256)",
    )  # fmt: skip
    training = parser.add_argument_group("training")
    training.add_argument(
        "--commitment", type=_commitment, metavar="FLOAT|auto",
        help="weight of the encodings' distance from their codes; auto: from their variance (default 0.25)",
    )  # fmt: skip
    training.add_argument(
        "--beta", type=cli.non_negative_float, metavar="FLOAT",
        help="weight of the divergence, in nats, beside the reconstruction loss (default 0.001)",
    )  # fmt: skip
    training.add_argument("--anneal", choices=ANNEALING, help="how that weight rises (default linear)")
    training.add_argument(
        "--free-bits", type=cli.non_negative_float, metavar="NATS",
        help="divergence of a latent that costs nothing (default 0.1; 0: none)",
    )  # fmt: skip
    training.add_argument("--epochs", type=cli.positive_int, help=f"default {_EPOCHS}")
    training.add_argument(
        "--batch-size", type=cli.positive_int, default=_BATCH_SIZE, help=f"chunks an update (default {_BATCH_SIZE})"
    )
    training.add_argument(
        "--updates-per-epoch", type=cli.positive_int, default=_UPDATES_PER_EPOCH,
        help=f"updates between two looks at the validation chunks (default {_UPDATES_PER_EPOCH})",
    )  # fmt: skip
    training.add_argument("--seed", type=cli.seed_value, default=0, help="same seed, same result (default 0)")
    training.add_argument("--resume", type=Path, metavar="RUN", help="continue the run in this folder")
    training.add_argument("--tensorboard", action="store_true", help="write logs for TensorBoard to RUN/tensorboard")
    output = parser.add_argument_group("output")
    output.add_argument("--out", type=Path, metavar="RUN", help="run folder (default runs/audiovae-…)")
    output.add_argument("--force", action="store_true", help="set aside what stands in the way, under another name")
    return parser


def _code_count(text: str) -> int:
    """Argparse type: a number of codes."""
    codes = cli.positive_int(text)
    if not 2 <= codes <= _MOST_CODES:  # noqa: PLR2004 - one code says nothing
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of codes from 2 to {_MOST_CODES}")
    return codes


def _commitment(text: str) -> float | str:
    """Argparse type: a weight, or auto."""
    return text if text == "auto" else cli.non_negative_float(text)


def _settings(args: argparse.Namespace) -> dict[str, Any]:
    """Return the settings of a new run.

    Raises:
        UserError: an option has no meaning beside the others.
    """
    settings = {
        "verb": PROGRAM,
        "sounds": _as_kept("sounds", args.sounds),
        "chunks": args.chunks,
        "model": args.model,
        "input": args.input,
        **_chosen(args),
        "epochs": args.epochs or _EPOCHS,
        "batch_size": args.batch_size,
        "updates_per_epoch": args.updates_per_epoch,
        "seed": args.seed,
        "monitor": "val_loss",
    }
    if settings["quantizer"] == "fsq":
        try:
            levels_of(settings["codes"])
        except ValueError as error:
            raise UserError(f"--codes {error}, as --quantizer fsq needs it: give 240, 256 or 512, say") from error
    return settings


def settings_of(arguments: Sequence[str]) -> dict[str, Any]:
    """Return the settings of a run that is started with these arguments, its sounds not yet looked at.

    Raises:
        UserError: an option has no meaning beside the others.
    """
    return _settings(_parser().parse_args(arguments))


def _chosen(args: argparse.Namespace) -> dict[str, Any]:
    """Return the options that only some models have, with their defaults; None where they do not apply."""
    coded = args.model == "vqvae"
    learned = coded and args.quantizer != "fsq"
    applies = {
        "mels": (args.input == "mel", "--input mel"),
        "quantizer": (coded, "--model vqvae"),
        "codes": (coded, "--model vqvae"),
        "commitment": (learned, "--model vqvae --quantizer vq"),
        **dict.fromkeys(("beta", "anneal", "free_bits"), (not coded, "--model vae or hvae")),
    }
    chosen: dict[str, Any] = {}
    for name, (fitting, wanted) in applies.items():
        value = getattr(args, name)
        if value is not None and not fitting:
            raise UserError(f"--{name.replace('_', '-')} is for {wanted}: leave it out, or choose that")
        chosen[name] = (_DEFAULTS[name] if value is None else value) if fitting else None
    return chosen


def _as_kept(name: str, value: Any) -> Any:
    """Return an option's value as config.json has it."""
    if name == "sounds" and value != CORPUS:
        return str(Path(value).expanduser().absolute())
    return value


def _settings_to_resume(args: argparse.Namespace, argv: Sequence[str] | None) -> dict[str, Any]:
    """Return the settings of the run to continue, more epochs allowed."""
    return settings_to_resume(args.resume, argv, _parser(), verb=PROGRAM, free=_FREE_WHEN_RESUMING, as_kept=_as_kept)


def _run_name(settings: dict[str, Any]) -> str:
    """Name a run after its variant: audiovae-vqvae-raw, audiovae-vqvae-mel256-fsq."""
    parts = ["audiovae", settings["model"], f"{settings['input']}{settings['mels'] or ''}"]
    return "-".join(parts + ["fsq"] * (settings["quantizer"] == "fsq"))


if __name__ == "__main__":
    cli.run(main)
