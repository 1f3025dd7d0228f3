"""Show training bars: ``python -m drumvae.grooves --show jazz``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drumvae.config import DrumConfig
from manymodes import cli

if TYPE_CHECKING:
    from collections.abc import Sequence

EXAMPLE = "  python -m drumvae.grooves --show jazz\n  python -m drumvae.grooves --grooves ~/groove"
_SHOWN = 4


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command."""
    parser = cli.parser("drumvae.grooves", "Show the grooves that a model can learn from.", EXAMPLE)
    DrumConfig.add_options(parser, ("grooves", "per_style", "seed"))
    parser.add_argument("--show", metavar="STYLE", help="draw bars of this style (default: one of each)")
    args = parser.parse_args(argv)
    config = DrumConfig.from_args(args)

    from drumvae.data.grooves import load_grooves
    from drumvae.data.kit import draw
    from drumvae.data.rules import bundled_rules
    from manymodes.files import printable

    grooves = load_grooves(config.grooves, per_style=config.per_style, seed=config.seed)
    shown = cli.number_of(args.show, grooves.styles, "--show", "style") if args.show else None
    print(grooves.table())
    if grooves.by_rule:
        bound = bundled_rules().entropy_bound()
        print(
            f"entropy: {bound.total_nats:.2f} ± {bound.total_error:.3f} nats a bar, "
            f"{bound.given_style_nats:.2f} ± {bound.given_style_error:.3f} given its style; "
            f"independent cells {bound.factorised_nats:.2f}"
        )
    styles = range(len(grooves.styles)) if shown is None else [shown] * _SHOWN
    for place, style in enumerate(styles):
        bars = grooves.train[grooves.train.styles == style]
        number = 0 if shown is None else place * len(bars) // _SHOWN
        print(printable(f"\n{grooves.styles[style]}: {bars.sources[number]}, {bars.tempos[number]:.0f} BPM"))
        print(draw(bars.velocities[number]))
    return 0


if __name__ == "__main__":
    cli.run(main)
