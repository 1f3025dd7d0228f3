"""Compose with a trained model: ``python -m melodygan.generate --count 4 --out tunes``."""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING, Any

from manymodes import cli
from manymodes.files import in_words
from manymodes.hub import add_model_option, add_runtime_option
from manymodes.music.formats import SUFFIXES, add_output_options, file_format
from melodygan import composing
from melodygan.composing import AMOUNT, MELODY_MODEL, TEMPI, TEMPO
from melodygan.data.form import ENDINGS, METERS, PLANS, Key, read_key
from melodygan.data.register import REGISTERS, middle_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from melodygan.data.given import Given

EXAMPLE = (
    "  python -m melodygan.generate --count 4 --format midi,musicxml,png --key G --out tunes\n"
    '  python -m melodygan.generate --start "C4 D4 E4" --bars 8\n'
    "  python -m melodygan.generate --vary tune.mid --recompose 5-8\n"
    "  python -m melodygan.generate --interpolate a.mid b.mid --steps 8\n"
    "  python -m melodygan.generate --model runs/melodygan-wgan-noise-l2 --count 20"
)
_MORPHS = 8
_PASSED_ON = (
    *("seed", "key", "meter", "bars", "recompose", "like", "ending", "plans", "register"),
    *("temperature", "top_k", "top_p", "tempo", "instrument"),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command."""
    args = _parser().parse_args(argv)
    _check_combination(args)
    count = (args.steps or _MORPHS) if args.interpolate else (args.count or 1)
    one = file_format(args.out, args.format, tuple(SUFFIXES), count, force=args.force)
    model = composing.load(args.model, runtime=args.runtime)
    options: dict[str, Any] = {name: getattr(args, name) for name in _PASSED_ON}
    options |= {"count": count, "amount": args.amount or AMOUNT}
    for name in ("start", "vary"):
        if getattr(args, name) is not None:
            options[name] = _given(model, getattr(args, name), args.key, f"--{name}")
    if args.interpolate:
        options["interpolate"] = [_given(model, tune, args.key, "--interpolate") for tune in args.interpolate]
    scores = composing.compose(model, **options)
    if one:
        composing.write_file(args.out, scores[0])
        written = [args.out]
    else:
        written = composing.write_scores(args.out, scores, args.format or ("midi",))
    left_out = getattr(model, "left_out", 0)
    print(in_words(written, args.seed) + (f", {left_out} candidates left out" if left_out else ""))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = cli.parser("melodygan.generate", "Compose tunes with a model that melodygan.train has saved.", EXAMPLE)
    add_model_option(parser, MELODY_MODEL.program)
    add_runtime_option(parser)
    parser.add_argument("--count", type=cli.positive_int, help="number of tunes (default 1)")
    add_output_options(parser, tuple(SUFFIXES), "gen")
    parser.add_argument("--seed", type=cli.seed_value, default=0, help="same seed, same tunes (default 0)")
    music = parser.add_argument_group("music")

    def add(option: str, text: str, **how: Any) -> None:
        music.add_argument(option, help=text, **how)

    tune = {"metavar": "FILE|NOTES"}
    add("--temperature", "below 1 safer, above 1 freer (default 1)", type=cli.positive_float)
    add("--top-k", "choose among the K likeliest symbols", type=cli.positive_int, metavar="K")
    add("--top-p", "choose among the likeliest, whose probabilities reach P", type=cli.probability, metavar="P")
    add("--start", 'begin with a tune: a file, or notes such as "C4 D4:0.5 E4"', **tune)
    add("--vary", "write variations of a tune: some of its bars are recomposed", **tune)
    add("--amount", f"share of bars that --vary changes (default {AMOUNT})", type=cli.probability, metavar="SHARE")
    add("--recompose", "recompose exactly these bars of the --vary tune, such as 5-8", type=_bars,
        metavar="FIRST-LAST")  # fmt: skip
    add("--like", "take over the form of a tune: metre, mode, length, and which bars return", **tune)
    add("--interpolate", "morph one tune into another, both included", nargs=2, **tune)
    add("--steps", f"number of tunes of --interpolate (default {_MORPHS})", type=cli.positive_int, metavar="N")
    add("--bars", "exact length, in bars of --meter, of the --start file's metre, or of 4/4", type=cli.positive_int,
        metavar="N")  # fmt: skip
    add("--meter", "metre (default: that of a given file, or chosen by the model)", choices=tuple(METERS))
    add("--key", 'such as "D minor", Bb, F#m or H-Dur (default: that of a given file, or C major or A minor)',
        type=_key, metavar="KEY")  # fmt: skip
    add("--plans", "forms of training tunes, or of a model of forms (default training)", choices=PLANS)
    add(
        "--ending",
        "what tunes end on: as songs do, four of five in major on the tonic (default); tonic; free",
        choices=ENDINGS,
    )
    add("--register", f"{', '.join(REGISTERS)} or a note such as C5: move tunes there by octaves (default middle, for "
        "the instrument; own with --start, --vary and --interpolate)", type=_register)  # fmt: skip
    add("--tempo", f"BPM (default {TEMPO:g}, or that of a given file)", type=cli.between(*TEMPI, "a tempo"))
    add("--instrument", "General MIDI name or number (default piano)", default="piano")
    return parser


def _key(text: str) -> Key:
    try:
        return read_key(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _bars(text: str) -> tuple[int, int]:
    """Read the numbers of the first and last of some bars, ``5-8`` or ``5``."""
    match = re.fullmatch(r"(\d{1,4})(?:-(\d{1,4}))?", text)
    first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
    if not 1 <= first <= last:
        raise argparse.ArgumentTypeError(f"{text!r} does not name bars: give the first and the last one, such as 5-8")
    return first, last


def _register(text: str) -> str:
    try:
        middle_of(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return text


def _check_combination(args: argparse.Namespace) -> None:
    """Refuse options that exclude each other."""
    for name, what, other in (("amount", "share of bars", "vary"), ("steps", "number of tunes", "interpolate")):
        if getattr(args, name) is not None and getattr(args, other) is None:
            raise cli.UserError(f"--{name} is the {what} of --{other}: add --{other}, or leave --{name} out")
    for name in ("vary", "count"):
        if args.interpolate and getattr(args, name) is not None:
            raise cli.UserError(f"--{name} does not go with --interpolate, which writes --steps tunes: leave one out")
    if args.recompose and args.amount is not None:
        raise cli.UserError("--amount does not go with --recompose, which says how many bars: leave one out")
    composing.check_form(**vars(args))


def _given(model: Any, text: str, key: Key | None, option: str) -> Given:
    """Read a given tune, and print what was changed to make it fit the model."""
    given = composing.given_to(model, text, key, option)
    for remark in given.remarks:
        print(f"note: {remark}")
    return given


if __name__ == "__main__":
    cli.run(main)
