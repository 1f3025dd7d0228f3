"""Play a stiff beat as people do: ``python -m drumvae.humanize stiff.mid``.

Every hit stays in its step; how loud and how late it is comes from the model.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from drumvae.output import add_model_option, check_file, load_model, model_file, read_bars, write_file
from manymodes import cli

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from drumvae.data.kit import Bars
    from drumvae.models.vae import DrumVAE

PROGRAM = "drumvae.humanize"
EXAMPLE = "  python -m drumvae.humanize stiff.mid --amount 0.8 --out human.mid"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the verb."""
    args = _parser().parse_args(argv)
    source = cli.existing_file(args.beat, "the beat")
    out = args.out or source.with_name(f"{source.stem}-human.mid")
    check_file(out, source, force=args.force)
    bars = read_bars(source)
    model = load_model(model_file(args.model))
    played = _played(model, bars, amount=args.amount, seed=args.seed)
    write_file(out, played)
    print(f"wrote {out}: {len(bars)} bars, offsets of {played.offsets_ms.std():.0f} ms (standard deviation)")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = cli.parser(PROGRAM, "Give a beat of yours the velocities and the timing of people.", EXAMPLE)
    parser.add_argument("beat", type=Path, metavar="FILE", help="a MIDI file of drums on channel 10, in 4/4")
    add_model_option(parser)
    parser.add_argument(
        "--amount", type=cli.between(0, 1, "a share"), default=1.0, metavar="A",
        help="0 leaves how the beat is played, 1 takes the model's playing (default 1)",
    )  # fmt: skip
    parser.add_argument("--seed", type=cli.seed_value, default=0, help="same seed, same playing (default 0)")
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="a .mid, .wav or .png (default FILE-human.mid beside the beat)"
    )
    parser.add_argument("--force", action="store_true", help="set aside what stands in the way, under another name")
    return parser


def _played(model: DrumVAE, bars: Bars, *, amount: float, seed: int) -> Bars:
    """Return bars played between how they are and how people play them."""
    import tensorflow as tf

    from drumvae.beats import humanise

    latents = model.means(tf.constant(bars.hits, tf.float32))
    human = humanise(model, latents, bars.hits, tempo=bars.tempos, amount=1.0, seed=seed)
    velocities, offsets = (
        (1 - amount) * theirs + amount * ours
        for theirs, ours in ((bars.velocities, human.velocities), (bars.offsets, human.offsets))
    )
    return type(bars).of(bars.hits, velocities, offsets, tempo=bars.tempos)


if __name__ == "__main__":
    cli.run(main)
