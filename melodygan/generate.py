"""Compose with a trained model: ``python -m melodygan.generate --model runs/melodygan-lstm/model.keras``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from melodygan.form import METERS, Key, read_key, transposed
from modelkit import cli
from modelkit.files import check_output_folder

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

EXAMPLE = (
    "  python -m melodygan.generate --model runs/melodygan-wgan-noise-l2/model.keras --count 20 --out tunes\n"
    '  python -m melodygan.generate --model runs/melodygan-lstm/model.keras --start "C4 D4 E4" --bars 8'
)
TEMPI = (4, 1000)  # a MIDI file counts microseconds a quarter in 24 bits: just below 4 they run out
_ABLE = {"start": "an LSTM", "vary": "an LSTM", "meter": "an LSTM or --attention", "mode": "an LSTM or --attention"}
_STEERING = ("temperature", "top_k", "top_p", "start", "bars", "meter", "vary")
_FORMING = ("start", "bars", "meter")  # what a variation has from its tune
_AMOUNT = 0.3


def main(argv: Sequence[str] | None = None) -> int:
    """Run the verb."""
    args = _parser().parse_args(argv)
    _check_variation(args)
    cli.existing_file(args.model, "--model")
    check_output_folder(args.out, force=args.force)

    from modelkit.midi import instrument_program  # noqa: PLC0415 - only after the arguments are known to be right

    program = instrument_program(args.instrument)
    key = _key(args.key)

    from melodygan.output import load_model, write_tunes  # noqa: PLC0415 - the same

    model = load_model(args.model)
    steering = _steering(args, model, key)
    compose = model.generate if args.vary is None else model.vary
    try:
        tunes = compose(count=args.count, seed=args.seed, **steering)
    except ValueError as error:
        raise cli.UserError(str(error)) from error
    if key is not None:
        tunes = [transposed(notes, key.shift) for notes in tunes]
    write_tunes(args.out, tunes, tempo=args.tempo, program=program, force=args.force)
    print(f"wrote {len(tunes)} tunes to {args.out}/")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = cli.parser("melodygan.generate", "Compose tunes with a model that melodygan.train has saved.", EXAMPLE)
    parser.add_argument("--model", type=Path, required=True, help="a model.keras; nothing else is needed")
    parser.add_argument("--count", type=cli.positive_int, default=100, help="number of tunes (default 100)")
    parser.add_argument("--out", type=Path, default=Path("gen"), help="folder for the MIDI files (default gen)")
    parser.add_argument("--seed", type=cli.seed_value, default=0, help="same seed, same tunes (default 0)")
    music = parser.add_argument_group("music")
    music.add_argument("--temperature", type=cli.positive_float, help="below 1 safer, above 1 freer (default 1)")
    music.add_argument("--top-k", type=cli.positive_int, metavar="K", help="choose among the K likeliest symbols")
    music.add_argument("--top-p", type=cli.probability, metavar="P", help="… whose probabilities reach P")
    music.add_argument(
        "--start", metavar="FILE|NOTES", help='begin with a tune\'s file or notes such as "C4 D4:0.5 E4"'
    )
    music.add_argument(
        "--vary", metavar="FILE|NOTES", help="write variations of a tune: some of its bars are composed anew"
    )
    music.add_argument(
        "--amount", type=cli.probability, metavar="SHARE", help=f"of the bars that --vary opens (default {_AMOUNT})"
    )
    music.add_argument("--bars", type=cli.positive_int, metavar="N", help="exact length in bars of --meter, or of 4/4")
    music.add_argument(
        "--meter",
        choices=tuple(METERS),
        help="the metre, for an LSTM or --attention, which have learnt to compose in it (default: as they like)",
    )
    music.add_argument(
        "--key",
        metavar="KEY",
        help='such as "D minor" or Bb: the mode is learnt as metres are, the rest transposed',
    )
    music.add_argument(
        "--tempo", type=cli.between(*TEMPI, "a tempo"), default=120.0, help="quarters a minute (default 120)"
    )
    music.add_argument("--instrument", default="piano", help="General MIDI name or number (default piano)")
    parser.add_argument("--force", action="store_true", help="set aside what stands in the way, under another name")
    return parser


def _key(text: str | None) -> Key | None:
    if text is None:
        return None
    try:
        return read_key(text)
    except ValueError as error:
        raise cli.UserError(f"--key {error}") from error


def _check_variation(args: argparse.Namespace) -> None:
    if args.amount is not None and args.vary is None:
        raise cli.UserError("--amount says how much --vary changes: add --vary, or leave it out")
    for name in _FORMING:
        if args.vary is not None and getattr(args, name) is not None:
            raise cli.UserError(f"--{name} does not go with --vary, which keeps its tune's form: leave one of them out")


def _steering(args: argparse.Namespace, model: Any, key: Key | None) -> dict[str, Any]:
    """Return the options that were given, as the model's ``generate`` takes them.

    Raises:
        UserError: the model cannot do what one of them asks.
    """
    from melodygan.attention import AttentionGAN  # noqa: PLC0415 - imports TensorFlow
    from melodygan.gan import MelodyGAN  # noqa: PLC0415 - the same
    from melodygan.lstm import MelodyLSTM  # noqa: PLC0415 - the same

    given = {name: getattr(args, name) for name in _STEERING if getattr(args, name) is not None}
    if key is not None:
        given["mode"] = key.mode
    able = {*_STEERING, "mode"}
    if isinstance(model, MelodyGAN):
        able -= {"start", "vary"} if isinstance(model, AttentionGAN) else {"start", "vary", "meter", "mode"}
    if not isinstance(model, (MelodyGAN, MelodyLSTM)):
        able = set()
    for name in given:
        if name not in able:
            others = _ABLE.get(name, "a model trained without --as-reported")
            option = "key" if name == "mode" else name.replace("_", "-")
            raise cli.UserError(f"--{option} does not work with {args.model}: use {others}")
    from melodygan.start import read_start  # noqa: PLC0415 - reads a corpus

    shift = key.shift if key else 0
    if "start" in given:
        given["start"] = read_start(given["start"], shift)
    if "vary" in given:
        given.pop("mode", None)  # the tune has one
        given["notes"] = read_start(given.pop("vary"), shift, option="--vary")
        given["amount"] = _AMOUNT if args.amount is None else args.amount
    return given


if __name__ == "__main__":
    cli.run(main)
