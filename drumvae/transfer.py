"""Play a beat in another style: ``python -m drumvae.transfer mybeat.mid --to latin``.

Its length, its tempo and as many of its hits as ``--keep`` says stay; what is played, and how, is the other style's.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from drumvae.data.kit import KEPT
from drumvae.output import add_playing_options, check_file, read_bars, write_file
from drumvae.playing import DRUM_MODEL, load, style_number, transferred
from manymodes import cli
from manymodes.hub import add_model_option

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

PROGRAM = "drumvae.transfer"
EXAMPLE = "  python -m drumvae.transfer mybeat.mid --to latin --keep 0.7 --out mybeat-latin.mid"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command."""
    args = _parser().parse_args(argv)
    source = cli.existing_file(args.beat, "the beat")
    bars = read_bars(source)
    model = load(args.model)
    style = style_number(model, args.to, "--to")
    out = args.out or source.with_name(f"{source.stem}-{model.styles[style]}.mid")
    check_file(out, source, force=args.force)
    played = transferred(
        model,
        bars,
        [float(number == style) for number in range(len(model.styles))],
        keep=args.keep,
        seed=args.seed,
        humanize=1.0 if args.humanize is None else args.humanize,
        complexity=args.complexity,
        temperature=args.temperature,
    )
    write_file(out, played)
    stayed = (played.hits & bars.hits).sum() / bars.hits.sum()
    print(f"wrote {out}: {len(bars)} bars, {played.hits.sum()} hits; {stayed:.0%} of the {bars.hits.sum()} stayed")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = cli.parser(PROGRAM, "Play a beat of yours in another style, as long and as fast.", EXAMPLE)
    parser.add_argument("beat", type=Path, metavar="FILE", help="a MIDI file of drums on channel 10, in 4/4")
    parser.add_argument("--to", metavar="STYLE", required=True, help="a style that the model knows")
    add_model_option(parser, DRUM_MODEL.program)
    how = parser.add_argument_group("how")
    how.add_argument(
        "--keep", type=cli.between(0, 1, "a share"), default=KEPT, metavar="K",
        help=f"how much of its hits: 0 none, 1 all, so that only the playing changes (default {KEPT})",
    )  # fmt: skip
    add_playing_options(how, "1")
    output = parser.add_argument_group("output")
    output.add_argument(
        "--out", type=Path, metavar="FILE", help="a .mid, .wav or .png (default FILE-STYLE.mid beside the beat)"
    )
    output.add_argument("--force", action="store_true", help="overwrite a file that exists")
    return parser


if __name__ == "__main__":
    cli.run(main)
