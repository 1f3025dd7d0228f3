"""Play a stiff beat as people do: ``python -m drumvae.humanize stiff.mid``.

Every hit stays in its step; how loud and how late it is comes from the model.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from drumvae.output import check_file, read_bars, write_file
from drumvae.playing import DRUM_MODEL, humanized, load
from manymodes import cli
from manymodes.hub import add_model_option

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

PROGRAM = "drumvae.humanize"
EXAMPLE = "  python -m drumvae.humanize stiff.mid --amount 0.8 --out human.mid"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command."""
    args = _parser().parse_args(argv)
    source = cli.existing_file(args.beat, "the beat")
    out = args.out or source.with_name(f"{source.stem}-human.mid")
    check_file(out, source, force=args.force)
    bars = read_bars(source)
    model = load(args.model)
    played = humanized(model, bars, amount=args.amount, seed=args.seed)
    write_file(out, played)
    print(f"wrote {out}: {len(bars)} bars, offsets of {played.offsets_ms.std():.0f} ms (standard deviation)")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = cli.parser(PROGRAM, "Give a beat of yours the velocities and the timing of people.", EXAMPLE)
    parser.add_argument("beat", type=Path, metavar="FILE", help="a MIDI file of drums on channel 10, in 4/4")
    add_model_option(parser, DRUM_MODEL.program)
    parser.add_argument(
        "--amount", type=cli.between(0, 1, "a share"), default=1.0, metavar="A",
        help="0 leaves how the beat is played, 1 takes the model's playing (default 1)",
    )  # fmt: skip
    parser.add_argument("--seed", type=cli.seed_value, default=0, help="same seed, same playing (default 0)")
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="a .mid, .wav or .png (default FILE-human.mid beside the beat)"
    )
    parser.add_argument("--force", action="store_true", help="overwrite a file that exists")
    return parser


if __name__ == "__main__":
    cli.run(main)
