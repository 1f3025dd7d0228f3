"""Play beats with a trained model: ``python -m drumvae.generate --style jazz --bars 4``.

Each beat is a MIDI file on channel 10, with velocities and micro-timing, and a sound or a picture if asked for.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from drumvae.output import FORMATS, add_playing_options, read_bars, write_beats, write_file
from drumvae.playing import AMOUNT, BARS, DRUM_MODEL, TEMPO, beats, load, style_number, varied
from manymodes import cli
from manymodes.files import in_words
from manymodes.hub import add_model_option, add_runtime_option
from manymodes.music.formats import add_output_options, file_format

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

EXAMPLE = (
    "  python -m drumvae.generate --style jazz --count 16 --bars 4 --tempo 140 --complexity 0.7 --format midi,wav\n"
    "  python -m drumvae.generate --blend jazz:rock --steps 8 --out jazz-to-rock\n"
    "  python -m drumvae.generate --vary mybeat.mid --count 4 --amount 0.3"
)
_TEMPI = (4, 1000)  # a MIDI file counts microseconds a quarter in 24 bits: just below 4 they run out
_STEPS = 8
# What each option needs one of.
_NEEDS = {
    "count": ("style", "vary"),
    "bars": ("style", "blend"),
    "tempo": ("style", "blend"),
    "steps": ("blend",),
    "amount": ("vary",),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command."""
    args = _parser().parse_args(argv)
    chosen = next(name for name in ("style", "blend", "vary") if getattr(args, name) is not None)
    for name, others in _NEEDS.items():
        if getattr(args, name) is not None and chosen not in others:
            needed = " or ".join(f"--{other}" for other in others)
            raise cli.UserError(f"--{name} goes with {needed}, not with --{chosen}: leave one of them out")
    if args.steps == 1:
        raise cli.UserError("--steps must be at least 2")
    count = (args.steps or _STEPS) if chosen == "blend" else (args.count or 1)
    asked = (*(args.format or ("midi",)), *["png"] * args.png)
    one = file_format(args.out, asked if args.format or args.png else None, FORMATS, count, force=args.force)
    source = read_bars(args.vary) if chosen == "vary" else None
    model = load(args.model, runtime=args.runtime)
    how = {"complexity": args.complexity, "temperature": args.temperature, "seed": args.seed}
    if source is not None:
        name, amount = args.vary.stem, args.amount or AMOUNT
        composed = varied(model, source, count=count, amount=amount, humanize=args.humanize, **how)
    else:
        names = args.blend.split(":") if chosen == "blend" else [args.style]
        if chosen == "blend" and len(names) != 2:  # noqa: PLR2004 - first, last
            raise cli.UserError(f"--blend {args.blend!r} does not have two styles: give two, such as jazz:rock")
        styles = [style_number(model, name, f"--{chosen}") for name in names]
        if len(set(styles)) < len(styles):
            raise cli.UserError(f"--blend {args.blend!r} has the same style twice: give two different ones")
        name = "-".join(model.styles[style] for style in styles)
        how |= {"bars": args.bars or BARS, "tempo": args.tempo or TEMPO}
        how["humanize"] = 1.0 if args.humanize is None else args.humanize
        if chosen == "style":
            composed = beats(model, name, count=count, **how)
        else:
            first, last = np.eye(len(model.styles))[styles]
            ways = np.linspace(0, 1, count)
            composed = [beat for way in ways for beat in beats(model, (1 - way) * first + way * last, **how)]
    if one:
        write_file(args.out, composed[0])
        written = [args.out]
    else:
        written = write_beats(args.out, name, composed, [kind for kind in FORMATS if kind in asked])
    print(in_words(written, args.seed))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = cli.parser("drumvae.generate", "Compose beats with a trained model.", EXAMPLE)
    add_model_option(parser, DRUM_MODEL.program)
    add_runtime_option(parser)
    played = parser.add_argument_group("what is played")
    one = played.add_mutually_exclusive_group(required=True)
    one.add_argument("--style", help="beats of this style")
    one.add_argument("--blend", metavar="STYLE:STYLE", help="from one style to the other, a beat a step")
    one.add_argument("--vary", type=Path, metavar="FILE", help="variations of your beat, of the same length and tempo")
    played.add_argument("--count", type=cli.positive_int, help="number of beats, with --style or --vary (default 1)")
    played.add_argument(
        "--steps",
        type=cli.positive_int,
        help=f"number of beats of --blend, both styles' own included (default {_STEPS})",
    )
    played.add_argument(
        "--amount", type=cli.probability, metavar="SHARE",
        help=f"how much --vary changes: near 0 hardly anything, at 1 nearly all (default {AMOUNT})",
    )  # fmt: skip
    played.add_argument(
        "--bars", type=cli.positive_int, help=f"of a beat; the last of several ends with a fill (default {BARS})"
    )
    how = parser.add_argument_group("how")
    how.add_argument("--tempo", type=cli.between(*_TEMPI, "a tempo"), help=f"BPM (default {TEMPO:g})")
    add_playing_options(how, "1; of what --vary adds to a beat that is on the grid, 0")
    output = parser.add_argument_group("output")
    add_output_options(output, FORMATS, "beats")
    output.add_argument("--png", action="store_true", help="a picture too, as with png in --format")
    return parser


if __name__ == "__main__":
    cli.run(main)
