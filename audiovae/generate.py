"""Make sounds with a trained model: ``python -m audiovae.generate --count 8 --instrument piano --out sounds/``.

Writes WAV files of 22,050 samples a second: new sounds of one second, a recording of any length as the model hears
it, or the way from one recording to another.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from audiovae.output import (
    add_model_option,
    levelled,
    load_model,
    model_file,
    prior_of,
    read_sound,
    write_sounds,
)
from audiovae.prior import TEMPERATURE, TOP_P
from manymodes import cli
from manymodes.cli import UserError
from manymodes.files import check_output_folder

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Sequence

    import numpy as np

    from audiovae.models.prior import CodePrior
    from audiovae.models.vae import AudioModel, AudioVQVAE, LatentModel

PROGRAM = "audiovae.generate"
EXAMPLE = (
    "  python -m audiovae.generate --count 8 --instrument piano --out sounds\n"
    "  python -m audiovae.generate --reconstruct my.wav --png\n"
    "  python -m audiovae.generate --interpolate a.wav b.wav --steps 8 --out morph"
)
_COUNT, _STEPS = 8, 8
_FADE = 110  # samples, 5 ms: a new sound begins and ends in the midst of a tone
_OF_NEW_SOUNDS = ("count", "instrument", "temperature", "top_p", "seed")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the verb."""
    args = _parser().parse_args(argv)
    _check_combination(args)
    check_output_folder(args.out, force=args.force)
    sources = [read_sound(path) for path in _sources(args)]
    file = model_file(args.model)
    model = load_model(file)
    if args.reconstruct is not None:
        made = {args.reconstruct.stem: reconstruct(model, sources[0])}
    elif args.interpolate is not None:
        way = interpolate(model, sources[0], sources[1], args.steps or _STEPS)
        made = _numbered(["-".join(path.stem for path in args.interpolate)] * len(way), way)
    else:
        made = _new_sounds(args, model, file)
    write_sounds(args.out, made, pictures=args.png, force=args.force)
    print(f"wrote {len(made)} sounds to {args.out}/")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = cli.parser(PROGRAM, "Make sounds with a model that audiovae.train has saved.", EXAMPLE)
    add_model_option(parser)
    made = parser.add_argument_group("what is made", "new sounds of one second, or one of these:")
    one = made.add_mutually_exclusive_group()
    one.add_argument("--reconstruct", type=Path, metavar="FILE", help="a sound of yours, as the model hears it")
    one.add_argument(
        "--interpolate", type=Path, nargs=2, metavar="FILE", help="from one sound of yours to another, a file a step"
    )
    made.add_argument(
        "--steps", type=cli.positive_int, help=f"files of --interpolate, both ends included (default {_STEPS})"
    )
    new = parser.add_argument_group("new sounds")
    new.add_argument("--count", type=cli.positive_int, help=f"how many (default {_COUNT})")
    new.add_argument("--instrument", metavar="NAME", help="which the model knows (default all of them in turn)")
    new.add_argument(
        "--temperature",
        type=cli.positive_float,
        help=f"of codes: below 1 safer, above 1 freer (default {TEMPERATURE:g})",
    )
    new.add_argument(
        "--top-p", type=cli.probability, metavar="P",
        help=f"of codes: draw from the likeliest that have this probability together (default {TOP_P:g})",
    )  # fmt: skip
    new.add_argument("--seed", type=cli.seed_value, help="same seed, same sounds (default 0)")
    output = parser.add_argument_group("output")
    output.add_argument("--out", type=Path, default=Path("sounds"), help="folder for the files (default sounds)")
    output.add_argument("--png", action="store_true", help="a picture beside every file: waveform and mel spectrogram")
    output.add_argument("--force", action="store_true", help="set aside what stands in the way, under another name")
    return parser


def _sources(args: argparse.Namespace) -> list[Path]:
    return [args.reconstruct] if args.reconstruct is not None else args.interpolate or []


def _check_combination(args: argparse.Namespace) -> None:
    """Refuse options that are of no use, and a source where the sounds are to go.

    Raises:
        UserError: there are such.
    """
    sources = _sources(args)
    for name in _OF_NEW_SOUNDS if sources else ():
        if getattr(args, name) is not None:
            option = f"--{name.replace('_', '-')}"
            raise UserError(f"{option} is for new sounds, not for recordings of yours: leave it out")
    if args.steps is not None and args.interpolate is None:
        raise UserError("--steps goes with --interpolate: add that, or leave it out")
    if args.steps == 1:
        raise UserError("--steps 1 is no way: give at least 2, both ends are among them")
    for path in sources:
        if path.resolve().is_relative_to(args.out.resolve()):
            raise UserError(f"--out {args.out} is where {path} is: choose another folder")


# --- new sounds ---------------------------------------------------------------------------------------------


def _new_sounds(args: argparse.Namespace, model: AudioModel, file: Path) -> dict[str, np.ndarray]:
    """Make sounds of one second, by name."""
    from audiovae.models.vae import AudioVQVAE

    count, seed = args.count or _COUNT, args.seed or 0
    instrument = None
    if args.instrument is not None:
        instrument = cli.number_of(args.instrument, model.instruments, "--instrument", "instrument")
    if isinstance(model, AudioVQVAE):
        asked = [number % len(model.instruments) if instrument is None else instrument for number in range(count)]
        sounds = from_prior(
            model,
            prior_of(model, file),
            asked,
            seed=seed,
            temperature=args.temperature or TEMPERATURE,
            top_p=args.top_p or TOP_P,
        )
        return _numbered([model.instruments[number] for number in asked], sounds)
    if args.temperature is not None or args.top_p is not None:
        raise UserError(f"--temperature and --top-p are for models with codes, and {file} has none: leave them out")
    name = "sound" if instrument is None else model.instruments[instrument]
    return _numbered([name] * count, from_latents(model, count, instrument, seed=seed))


def from_prior(
    model: AudioVQVAE,
    prior: CodePrior,
    instruments: Sequence[int],
    *,
    seed: int,
    temperature: float = TEMPERATURE,
    top_p: float = TOP_P,
) -> np.ndarray:
    """Draw sounds of one second from the prior over a model's codes.

    Args:
        model: trained.
        prior: over its codes.
        instruments: [n] of each sound.
        seed: the same seed, the same sounds.
        temperature: see `audiovae.models.prior.draw`, as is ``top_p``.
        top_p: the same.

    Returns:
        float32 [n, 22050], equally loud, rising from silence and falling back to it.
    """
    import numpy as np

    from audiovae.data.chunks import normalise

    codes = prior.sample(np.asarray(instruments), seed=seed, temperature=temperature, top_p=top_p)
    return faded(normalise(model.decode_codes(codes))[0])


def from_latents(model: LatentModel, count: int, instrument: int | None, *, seed: int) -> np.ndarray:
    """Draw sounds as `from_prior` does, from what a model without codes has learned of its latents.

    Args:
        model: trained.
        count: how many.
        instrument: of all of them; None is any.
        seed: the same seed, the same sounds.
    """
    from audiovae.data.chunks import normalise

    return faded(normalise(model.from_latents(model.sample_latents(count, seed, instrument)))[0])


def _numbered(names: Sequence[str], sounds: Iterable[np.ndarray]) -> dict[str, np.ndarray]:
    digits = max(3, len(str(len(names))))
    return {
        f"{name}-{number:0{digits}d}": sound
        for number, (name, sound) in enumerate(zip(names, sounds, strict=True), start=1)
    }


def faded(chunks: np.ndarray) -> np.ndarray:
    """Let chunks [n, samples] rise from silence and fall back to it within 5 ms, so that they do not click."""
    import numpy as np

    rise = np.sin(np.pi / 2 * np.arange(_FADE) / _FADE).astype(np.float32) ** 2
    chunks = chunks.copy()
    chunks[:, :_FADE] *= rise
    chunks[:, -_FADE:] *= rise[::-1]
    return chunks


# --- sounds of the user's -----------------------------------------------------------------------------------


def reconstruct(model: AudioModel, sound: np.ndarray) -> np.ndarray:
    """Return a sound of any length, [samples], as a model hears it: as long and, chunk by chunk, as loud."""
    from audiovae.data.chunks import from_chunks, to_chunks

    chunks, gains = levelled(to_chunks(sound))
    return from_chunks(model.reconstruct(chunks) * gains[:, None], len(sound))


def interpolate(model: AudioModel, first: np.ndarray, second: np.ndarray, steps: int) -> list[np.ndarray]:
    """Return sounds that lead from one to another, the model's reconstructions of both included.

    Chunk by chunk, what the model makes of them is mixed before it decodes it: latents, or encodings before they are
    rounded to codes. Their loudness and their lengths are mixed too. Where one of the sounds is silent or over, the
    other one's chunk only fades.

    Args:
        model: trained.
        first: [samples], any number of them.
        second: the same.
        steps: how many, at least 2.
    """
    import numpy as np

    from audiovae.data.chunks import from_chunks, to_chunks

    longest = max(len(first), len(second))
    ends = [levelled(to_chunks(np.pad(sound, (0, longest - len(sound))))) for sound in (first, second)]
    (chunks, gains), (other_chunks, other_gains) = ends
    points, other_points = (
        model.latents(np.where(mine[:, None] > 0, own, others))
        for mine, own, others in ((gains, chunks, other_chunks), (other_gains, other_chunks, chunks))
    )
    sounds = []
    for share in np.linspace(0, 1, steps):
        mixed = model.from_latents(_between(points, other_points, share))
        loud = mixed * _between(gains, other_gains, share)[:, None]
        sounds.append(from_chunks(loud, round(_between(len(first), len(second), share))))
    return sounds


def _between(first: Any, second: Any, share: float) -> Any:
    return (1 - share) * first + share * second


if __name__ == "__main__":
    cli.run(main)
