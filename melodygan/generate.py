"""Compose with a trained model: ``python -m melodygan.generate --count 4 --out tunes``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from manymodes import cli
from manymodes.files import check_folder
from manymodes.hub import add_model_option, model_file
from manymodes.music.formats import SUFFIXES, add_format_option
from manymodes.music.score import signature
from melodygan.data.form import METERS, MODES, Key, read_key, transposed

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    from manymodes.music.score import Score
    from melodygan.compose import Given
    from melodygan.data.encoding import Note

EXAMPLE = (
    "  python -m melodygan.generate --count 4 --format midi,musicxml,png --key G --out tunes\n"
    '  python -m melodygan.generate --start "C4 D4 E4" --bars 8\n'
    "  python -m melodygan.generate --interpolate a.mid b.mid --steps 8\n"
    "  python -m melodygan.generate --model runs/melodygan-wgan-noise-l2 --count 20"
)
TRAINER = "melodygan.train"
TEMPI = (4, 1000)  # a MIDI file counts microseconds a quarter in 24 bits: just below 4 they run out
_FREEDOM = ("temperature", "top_k", "top_p")
_OF_ANY_GAN = {*_FREEDOM, "bars"}
_OF_A_FORM = {"meter", "mode"}
_OF_AN_LSTM = {"start", "vary", "interpolate"}
_FORMING = ("start", "bars", "meter")  # what a variation has from its tune, and a morph from both
_MIDI_PITCHES = range(128)
_OCTAVE = 12
_COUNT, _AMOUNT, _MORPHS = 100, 0.3, 8


def main(argv: Sequence[str] | None = None) -> int:
    """Run the verb."""
    args = _parser().parse_args(argv)
    _check_combination(args)
    args.model = model_file(args.model, TRAINER)
    check_folder(args.out)

    from manymodes.music.midi import instrument_program

    program = instrument_program(args.instrument)
    key = _key(args.key)

    from melodygan.output import load_model, write_scores

    model = load_model(args.model)
    _check_ability(args, model, key)
    compose, steering, shift = _asked(args, model, key)
    try:
        tunes = compose(seed=args.seed, **steering)
    except ValueError as error:
        raise cli.UserError(str(error)) from error
    tunes = [transposed(notes, shift) for notes in tunes]
    if any(note.pitch is not None and note.pitch not in _MIDI_PITCHES for notes in tunes for note in notes):
        raise cli.UserError("what follows is higher or lower than MIDI can write: give a tune nearer to the middle")
    scores = _scores(args, key, tunes, steering, shift, program)
    written = write_scores(args.out, scores, args.format)
    print(f"wrote {len(tunes)} tunes to {args.out}/: {written[0].name} to {written[-1].name}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = cli.parser("melodygan.generate", "Compose tunes with a model that melodygan.train has saved.", EXAMPLE)
    add_model_option(parser, TRAINER)
    parser.add_argument("--count", type=cli.positive_int, help=f"number of tunes (default {_COUNT})")
    parser.add_argument("--out", type=Path, default=Path("gen"), help="folder for the files (default gen)")
    add_format_option(parser, tuple(SUFFIXES))
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
    music.add_argument(
        "--interpolate", metavar="FILE|NOTES", nargs=2, help="morph one tune into another, both included"
    )
    music.add_argument(
        "--steps", type=cli.positive_int, metavar="N", help=f"tunes of --interpolate (default {_MORPHS})"
    )
    music.add_argument(
        "--bars",
        type=cli.positive_int,
        metavar="N",
        help="exact length in bars of --meter, of the metre that a --start file has, or of 4/4",
    )
    music.add_argument(
        "--meter",
        choices=tuple(METERS),
        help="the metre, for an LSTM or --attention, which have learnt to compose in it (default: as they like)",
    )
    music.add_argument(
        "--key",
        metavar="KEY",
        help='such as "D minor", Bb, F#m or H-Dur; the model composes in its mode, and the tune is transposed to its '
        "tonic (default: C major or A minor; with a file of yours, the key of the file)",
    )
    music.add_argument("--tempo", type=cli.between(*TEMPI, "a tempo"), default=120.0, help="BPM (default 120)")
    music.add_argument("--instrument", default="piano", help="General MIDI name or number (default piano)")
    return parser


def _key(text: str | None) -> Key | None:
    if text is None:
        return None
    try:
        return read_key(text)
    except ValueError as error:
        raise cli.UserError(f"--key {error}") from error


def _check_combination(args: argparse.Namespace) -> None:
    """Refuse options that exclude each other.

    Raises:
        UserError: they do.
    """
    if args.amount is not None and args.vary is None:
        raise cli.UserError("--amount says how much --vary changes: add --vary, or leave it out")
    if args.steps is not None and args.interpolate is None:
        raise cli.UserError("--steps says how many tunes --interpolate writes: add --interpolate, or leave it out")
    if args.interpolate is not None and (args.vary is not None or args.count is not None):
        other = "--vary" if args.vary is not None else "--count"
        raise cli.UserError(
            f"{other} does not go with --interpolate, which writes --steps tunes: leave one of them out"
        )
    for option in ("vary", "interpolate"):
        for name in _FORMING:
            if getattr(args, option) is not None and getattr(args, name) is not None:
                raise cli.UserError(
                    f"--{name} does not go with --{option}, which keeps its tune's form: leave one of them out"
                )


def _check_ability(args: argparse.Namespace, model: Any, key: Key | None) -> None:
    """Refuse what the model cannot do.

    Raises:
        UserError: an option needs another model.
    """
    from melodygan.models.attention import AttentionGAN
    from melodygan.models.gan import MelodyGAN
    from melodygan.models.lstm import MelodyLSTM

    asked = {name for name in (*_FREEDOM, *_FORMING, *_OF_AN_LSTM) if getattr(args, name) is not None}
    if key is not None:
        asked.add("mode")
    able: set[str] = set()
    if isinstance(model, MelodyLSTM):
        able = _OF_ANY_GAN | _OF_A_FORM | _OF_AN_LSTM
    elif isinstance(model, AttentionGAN):
        able = _OF_ANY_GAN | _OF_A_FORM
    elif isinstance(model, MelodyGAN):
        able = _OF_ANY_GAN
    for name in sorted(asked - able):
        others = "a model trained without --as-reported"
        if name in _OF_AN_LSTM:
            others = "an LSTM"
        elif name in _OF_A_FORM:
            others = "an LSTM or --attention"
        option = "key" if name == "mode" else name.replace("_", "-")
        raise cli.UserError(f"--{option} does not work with {args.model}: use {others}")


def _asked(args: argparse.Namespace, model: Any, key: Key | None) -> tuple[Callable[..., Any], dict[str, Any], int]:
    """Return the model's method that does what is asked, its arguments, and the semitones to transpose by."""
    steering = {name: getattr(args, name) for name in _FREEDOM if getattr(args, name) is not None}
    shift = key.shift if key else 0
    if args.interpolate is not None:
        first, second = (_given(text, "--interpolate", model, key) for text in args.interpolate)
        steering |= {"first": first.notes, "second": second.notes, "count": args.steps or _MORPHS}
        return model.interpolate, steering, first.shift
    steering["count"] = args.count or _COUNT
    if args.vary is not None:
        given = _given(args.vary, "--vary", model, key)
        amount = _AMOUNT if args.amount is None else args.amount
        return model.vary, {**steering, "notes": given.notes, "amount": amount, "form": given.form}, given.shift
    meter, mode = args.meter, key.mode if key else None
    if args.start is not None:
        given = _given(args.start, "--start", model, key)
        steering["start"] = given.notes
        shift = given.shift
        from melodygan.compose import form_after

        meter, mode = form_after(given, meter, mode, {plan.form for plan in model.plans})
    steering |= {name: value for name, value in (("meter", meter), ("mode", mode)) if value is not None}
    if args.bars is not None:
        steering["bars"] = args.bars
    return model.generate, steering, shift


def _given(text: str, option: str, model: Any, key: Key | None) -> Given:
    """Read what a person gave, make it fit the model, and say what that took."""
    from melodygan.compose import read_given, suited

    read = read_given(text, key, option=option)
    given = suited(read, model.vocabulary.pitches, f"{option} {Path(text).name[:40]}", key)
    for remark in given.remarks:
        print(f"note: {remark}")
    return given


def _scores(
    args: argparse.Namespace,
    key: Key | None,
    tunes: Sequence[Sequence[Note]],
    steering: dict[str, Any],
    shift: int,
    program: int,
) -> list[Score]:
    """Return tunes as they are written down: in the metre and the key asked for, or else in what they sound as."""
    from melodygan.data.barlines import USUAL
    from melodygan.output import numbers, score_of

    meter, mode = steering.get("form") or (steering.get("meter"), steering.get("mode"))
    fifths = key.fifths if key else signature(shift % _OCTAVE, MODES[0])
    scores = []
    for title, notes in zip(numbers(len(tunes)), tunes, strict=True):
        steps = sum(note.steps for note in notes)
        of_bars = [name for name, bar in METERS.items() if args.bars is not None and steps == args.bars * bar]
        meters = [meter] if meter else of_bars or USUAL
        scores.append(
            score_of(notes, title, meters=meters, mode=mode, fifths=fifths, tempo=args.tempo, program=program)
        )
    return scores


if __name__ == "__main__":
    cli.run(main)
