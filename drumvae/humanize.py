"""Play a stiff beat as people do: ``python -m drumvae.humanize stiff.mid``.

Every hit stays in its step; its velocity and timing come from the model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from drumvae.output import add_beat_options, output_file, read_bars, write_file
from drumvae.playing import humanized, load
from manymodes import cli

if TYPE_CHECKING:
    from collections.abc import Sequence

EXAMPLE = "  python -m drumvae.humanize stiff.mid --amount 0.8 --out human.mid"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command."""
    parser = cli.parser("drumvae.humanize", "Give a beat of yours the velocities and the timing of people.", EXAMPLE)
    add_beat_options(parser, "human")
    how = parser.add_argument_group("how")
    how.add_argument(
        "--amount", type=cli.between(0, 1, "a share"), default=1.0, metavar="A",
        help="0 leaves how the beat is played, 1 takes the model's playing (default 1)",
    )  # fmt: skip
    how.add_argument("--seed", type=cli.seed_value, default=0, help="same seed, same playing (default 0)")
    args = parser.parse_args(argv)

    out = output_file(args, "human")
    bars = read_bars(args.beat)
    played = humanized(load(args.model), bars, amount=args.amount, seed=args.seed)
    write_file(out, played)
    print(f"wrote {out}: {len(bars)} bars, offsets of {played.offsets_ms.std():.0f} ms (standard deviation)")
    return 0


if __name__ == "__main__":
    cli.run(main)
