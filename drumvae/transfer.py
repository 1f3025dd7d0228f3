"""Play a beat in another style: ``python -m drumvae.transfer mybeat.mid --to latin``.

Its length, its tempo and as many of its hits as ``--keep`` says stay; what is played, and how, is the other style's.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from drumvae.data.kit import KEPT
from drumvae.output import (
    add_model_option,
    add_playing_options,
    check_file,
    load_model,
    model_file,
    read_bars,
    write_file,
)
from manymodes import cli

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from drumvae.data.kit import Bars
    from drumvae.models.vae import DrumVAE

PROGRAM = "drumvae.transfer"
EXAMPLE = "  python -m drumvae.transfer mybeat.mid --to latin --keep 0.7 --out mybeat-latin.mid"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the verb."""
    args = _parser().parse_args(argv)
    source = cli.existing_file(args.beat, "the beat")
    bars = read_bars(source)
    model = load_model(model_file(args.model))
    style = cli.number_of(args.to, model.styles, "--to", "style")
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
    add_model_option(parser)
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
    output.add_argument("--force", action="store_true", help="set aside what stands in the way, under another name")
    return parser


def transferred(
    model: DrumVAE,
    bars: Bars,
    shares: Sequence[float],
    *,
    keep: float,
    seed: int,
    humanize: float = 1.0,
    complexity: float = 0.5,
    temperature: float = 1.0,
) -> Bars:
    """Play a beat in other styles, as long and as fast.

    Args:
        model: the trained one.
        bars: of the beat.
        shares: [S] how much of each style it is to have, adding up to 1.
        keep: how much of its hits, see `drumvae.beats.compose`, as are ``complexity`` and ``temperature``.
        seed: the same seed, the same beat.
        humanize: see ``amount`` of `drumvae.beats.humanise`.
        complexity: the same.
        temperature: the same.
    """
    import numpy as np

    from drumvae.beats import TYPICAL, draw_latents, humanise, rearrange, repeated, restyled

    drawn = draw_latents(model, np.array([shares]), seed=seed, spread=TYPICAL)
    latents, hits = rearrange(
        model,
        bars.hits,
        # One upper level for all bars: the beat is to be of one kind.
        lambda latents: restyled(latents, model, repeated(drawn, len(latents.high)).high),
        keep=keep,
        seed=seed,
        complexity=complexity,
        temperature=temperature,
    )
    return humanise(model, latents, hits, tempo=bars.tempos, amount=humanize, seed=seed)


if __name__ == "__main__":
    cli.run(main)
