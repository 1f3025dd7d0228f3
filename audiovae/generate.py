"""Make sounds with a trained model: ``python -m audiovae.generate --count 8 --instrument piano --out sounds/``.

Writes WAV files of 22,050 samples a second: new sounds of one second, the reconstruction of a recording of any length,
or the steps from one recording to another.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from audiovae.config import TEMPERATURE, TOP_P
from manymodes import cli
from manymodes.experiment.config import option_of
from manymodes.files import adding_files, in_words, is_one_file
from manymodes.hub import add_model_option, add_runtime_option

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

EXAMPLE = (
    "  python -m audiovae.generate --count 8 --instrument piano --out sounds\n"
    "  python -m audiovae.generate --reconstruct my.wav --png\n"
    "  python -m audiovae.generate --interpolate a.wav b.wav --steps 8 --out morph"
)
_STEPS = 8
SUFFIXES = (".wav", ".flac", ".ogg", ".mp3")
_OF_NEW_SOUNDS = ("count", "instrument", "temperature", "top_p", "seed")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command."""
    args = _parser().parse_args(argv)
    paths = [args.reconstruct] if args.reconstruct else args.interpolate or []
    _check_combination(args, recordings=bool(paths))
    count = (args.steps or _STEPS) if args.interpolate else (args.count or 1)
    is_file = is_one_file(args.out, SUFFIXES, count, force=args.force)
    if is_file and args.png:
        raise cli.UserError(f"--png does not go with --out {args.out}, which is one file: give a folder")

    from audiovae.synthesis import interpolate, load, make_sounds, names_of, read_sound, reconstruct
    from manymodes.music.audio import write_audio

    sources = [read_sound(path) for path in paths]
    model = load(args.model, runtime=args.runtime)
    seed = None if sources else args.seed or 0
    if args.reconstruct:
        sounds = [reconstruct(model, sources[0])]
    elif args.interpolate:
        sounds = interpolate(model, sources[0], sources[1], count)
    else:
        how: dict[str, Any] = {"seed": seed, "temperature": args.temperature, "top_p": args.top_p}
        sounds = [*make_sounds(model, instrument=args.instrument, count=count, **how)]
    if is_file:
        write_audio(args.out, sounds[0])
        print(in_words([args.out], seed))
        return 0
    kinds = ["-".join(path.stem for path in paths)] * count if paths else names_of(model, args.instrument, count)
    names = kinds if args.reconstruct else [f"{kind}-{number:03d}" for number, kind in enumerate(kinds, 1)]
    if args.png:
        from audiovae.picture import save_picture

    with adding_files(args.out) as addition:
        for name, sound in zip(names, sounds, strict=True):
            write_audio(addition.path / f"{name}.wav", sound)
            if args.png:
                save_picture(addition.path / f"{name}.png", sound, name)
    print(in_words(addition.written, seed))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = cli.parser("audiovae.generate", "Make sounds with a model that audiovae.train has saved.", EXAMPLE)
    add_model_option(parser, "audiovae.train")
    add_runtime_option(parser)
    made = parser.add_argument_group("what is made", "new sounds of one second, or one of these:")
    one = made.add_mutually_exclusive_group()
    one.add_argument("--reconstruct", type=Path, metavar="FILE", help="the model's reconstruction of a sound")
    one.add_argument(
        "--interpolate", type=Path, nargs=2, metavar="FILE", help="from one sound to another, a file for each step"
    )
    made.add_argument("--steps", type=cli.positive_int, help=f"of --interpolate, ends included (default {_STEPS})")
    new = parser.add_argument_group("new sounds")
    new.add_argument("--count", type=cli.positive_int, help="number of sounds (default 1)")
    new.add_argument("--instrument", metavar="NAME", help="one that the model knows (default all of them in turn)")
    new.add_argument(
        "--temperature", type=cli.positive_float,
        help=f"of codes: below 1 safer, above 1 freer (default {TEMPERATURE:g})",
    )  # fmt: skip
    new.add_argument(
        "--top-p", type=cli.probability, metavar="P",
        help=f"of codes: draw from the likeliest that have this probability together (default {TOP_P:g})",
    )  # fmt: skip
    new.add_argument("--seed", type=cli.seed_value, help="same seed, same sounds (default 0)")
    output = parser.add_argument_group("output")
    output.add_argument(
        "--out", type=Path, default=Path("sounds"), metavar="DIR|FILE",
        help=f"folder to add files to (default sounds), or one file: a name that ends with {', '.join(SUFFIXES)}",
    )  # fmt: skip
    output.add_argument("--force", action="store_true", help="overwrite a file that exists")
    output.add_argument("--png", action="store_true", help="draw waveform and spectrogram of each, too")
    return parser


def _check_combination(args: argparse.Namespace, *, recordings: bool) -> None:
    """Raise a UserError for an option that has no effect."""
    for name in _OF_NEW_SOUNDS if recordings else ():
        if getattr(args, name) is not None:
            raise cli.UserError(f"{option_of(name)} is for new sounds, not for recordings: leave it out")
    if args.steps is not None and not args.interpolate:
        raise cli.UserError("--steps goes with --interpolate: add that, or leave it out")
    if args.steps == 1:
        raise cli.UserError("--steps must be at least 2")


if __name__ == "__main__":
    cli.run(main)
