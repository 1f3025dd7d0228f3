"""Play a beat in another style: ``python -m drumvae.transfer mybeat.mid --to latin``.

Its length, its tempo and the share ``--keep`` of its hits stay; the rest is in the other style.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from drumvae.data.kit import KEPT
from drumvae.output import add_beat_options, add_playing_options, output_file, read_bars, write_file
from drumvae.playing import load, style_number, transferred
from manymodes import cli

if TYPE_CHECKING:
    from collections.abc import Sequence

EXAMPLE = "  python -m drumvae.transfer mybeat.mid --to latin --keep 0.7 --out mybeat-latin.mid"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command."""
    parser = cli.parser("drumvae.transfer", "Play a beat of yours in another style, as long and as fast.", EXAMPLE)
    parser.add_argument("--to", metavar="STYLE", required=True, help="a style that the model knows")
    add_beat_options(parser, "STYLE")
    how = parser.add_argument_group("how")
    how.add_argument(
        "--keep", type=cli.between(0, 1, "a share"), default=KEPT, metavar="K",
        help=f"how much of its hits: 0 none, 1 all, so that only the playing changes (default {KEPT})",
    )  # fmt: skip
    add_playing_options(how, "1")
    args = parser.parse_args(argv)

    bars = read_bars(args.beat)
    model = load(args.model)
    style = style_number(model, args.to, "--to")
    out = output_file(args, model.styles[style])
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


if __name__ == "__main__":
    cli.run(main)
