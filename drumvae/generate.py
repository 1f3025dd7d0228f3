"""Play beats with a trained model: ``python -m drumvae.generate --style jazz --bars 4``.

Each beat is a MIDI file on channel 10, with velocities and micro-timing, and what else is asked for: its sound, its
picture.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

from drumvae.output import (
    FORMATS,
    add_model_option,
    add_playing_options,
    load_model,
    model_file,
    read_bars,
    write_beats,
)
from manymodes import cli
from manymodes.cli import UserError
from manymodes.files import check_output_folder
from manymodes.music.formats import add_format_option

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    import numpy as np

    from drumvae.data.kit import Bars
    from drumvae.models.vae import DrumVAE

PROGRAM = "drumvae.generate"
EXAMPLE = (
    "  python -m drumvae.generate --style jazz --count 16 --bars 4 --tempo 140 --complexity 0.7 --format midi,wav\n"
    "  python -m drumvae.generate --blend jazz:rock --steps 8 --out jazz-to-rock\n"
    "  python -m drumvae.generate --vary mybeat.mid --count 4 --amount 0.3"
)
_TEMPI = (4, 1000)  # a MIDI file counts microseconds a quarter in 24 bits: just below 4 they run out
_COUNT, _BARS, _TEMPO, _STEPS, _AMOUNT = 16, 4, 120.0, 8, 0.3
_AT_ONCE = 64  # pieces, whose fills are each looked for among as many bars
# What each option says more about: without one of these it is of no use.
_SAYS_MORE = {
    "count": ("style", "vary"),
    "bars": ("style", "blend"),
    "tempo": ("style", "blend"),
    "steps": ("blend",),
    "amount": ("vary",),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the verb."""
    args = _parser().parse_args(argv)
    _check_combination(args)
    check_output_folder(args.out, force=args.force)
    source = read_bars(args.vary) if args.vary is not None else None
    model = load_model(model_file(args.model))
    styles = _styles(args, model)
    if source is not None:
        beats = _varied(args, model, source)
    elif args.blend is not None:
        beats = _blended(args, model, *styles)
    else:
        beats = _of_a_style(args, model, *styles)
    name = args.vary.stem if source is not None else "-".join(model.styles[style] for style in styles)
    digits = max(3, len(str(len(beats))))
    named = {f"{name}-{number:0{digits}d}": bars for number, bars in enumerate(beats, start=1)}
    formats = [kind for kind in FORMATS if kind in args.format or (kind == "png" and args.png)]
    write_beats(args.out, named, formats, force=args.force)
    print(f"wrote {len(beats)} beats to {args.out}/")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = cli.parser(PROGRAM, "Play beats with a model that drumvae.train has saved.", EXAMPLE)
    add_model_option(parser)
    played = parser.add_argument_group("what is played")
    one = played.add_mutually_exclusive_group(required=True)
    one.add_argument("--style", help="beats of this style")
    one.add_argument("--blend", metavar="STYLE:STYLE", help="from one style to the other, a beat a step")
    one.add_argument("--vary", type=Path, metavar="FILE", help="variations of a beat of yours, as long and as fast")
    played.add_argument(
        "--count", type=cli.positive_int, help=f"number of beats, with --style or --vary (default {_COUNT})"
    )
    played.add_argument(
        "--steps",
        type=cli.positive_int,
        help=f"number of beats of --blend, both styles' own included (default {_STEPS})",
    )
    played.add_argument(
        "--amount", type=cli.probability, metavar="SHARE",
        help=f"how much --vary changes: near 0 hardly anything, at 1 nearly all (default {_AMOUNT})",
    )  # fmt: skip
    played.add_argument(
        "--bars", type=cli.positive_int, help=f"of a beat; the last of several ends with a fill (default {_BARS})"
    )
    how = parser.add_argument_group("how")
    how.add_argument("--tempo", type=cli.between(*_TEMPI, "a tempo"), help=f"quarters a minute (default {_TEMPO:g})")
    add_playing_options(how, "1; of what --vary adds to a beat that is on the grid, 0")
    output = parser.add_argument_group("output")
    output.add_argument("--out", type=Path, default=Path("beats"), help="folder for the files (default beats)")
    add_format_option(output, FORMATS)
    output.add_argument("--png", action="store_true", help="a picture too, as with png in --format")
    output.add_argument("--force", action="store_true", help="set aside what stands in the way, under another name")
    return parser


def _check_combination(args: argparse.Namespace) -> None:
    """Refuse options that are of no use, and a source where the beats are to go.

    Raises:
        UserError: there are such.
    """
    chosen = next(name for name in ("style", "blend", "vary") if getattr(args, name) is not None)
    for name, others in _SAYS_MORE.items():
        if getattr(args, name) is not None and chosen not in others:
            with_these = " or ".join(f"--{other}" for other in others)
            raise UserError(f"--{name} goes with {with_these}, not with --{chosen}: leave one of them out")
    if args.steps == 1:
        raise UserError("--steps 1 is no way: give at least 2, both styles' own are among them")
    if args.vary is not None and args.vary.resolve().is_relative_to(args.out.resolve()):
        raise UserError(f"--out {args.out} is where {args.vary} is: choose another folder")


# --- what is played ----------------------------------------------------------------------------------------


def _styles(args: argparse.Namespace, model: DrumVAE) -> list[int]:
    """Return the numbers of the styles that are named: one, two of a blend, or none.

    Raises:
        UserError: there are no such styles, or they are no way.
    """
    if args.style is not None:
        return [cli.number_of(args.style, model.styles, "--style", "style")]
    if args.blend is None:
        return []
    names = args.blend.split(":")
    if len(names) != 2:  # noqa: PLR2004 - from, to
        raise UserError(f"--blend {args.blend!r} is no way from style to style: give two, such as jazz:rock")
    first, last = (cli.number_of(name, model.styles, "--blend", "style") for name in names)
    if first == last:
        raise UserError(f"--blend {args.blend!r} leads from a style to itself: give two different ones")
    return [first, last]


def _of_a_style(args: argparse.Namespace, model: DrumVAE, style: int) -> list[Bars]:
    import numpy as np

    share, count = np.eye(len(model.styles))[style], args.count or _COUNT
    begins = range(0, count, _AT_ONCE)
    return [beat for begin in begins for beat in _composed(args, model, share, begin, min(_AT_ONCE, count - begin))]


def _blended(args: argparse.Namespace, model: DrumVAE, first: int, last: int) -> list[Bars]:
    """Compose one beat in each mixture of two styles, all from the same draws."""
    import numpy as np

    ends = np.eye(len(model.styles))
    shares = [(1 - way) * ends[first] + way * ends[last] for way in np.linspace(0, 1, args.steps or _STEPS)]
    return [beat for share in shares for beat in _composed(args, model, share, 0, 1)]


def _composed(args: argparse.Namespace, model: DrumVAE, share: np.ndarray, begin: int, count: int) -> list[Bars]:
    """Compose beats.

    Args:
        args: of the verb.
        model: the trained one.
        share: [S] how much of each style they have.
        begin: the number of the first one; another number, other beats.
        count: how many.
    """
    import numpy as np

    from drumvae.beats import derived, draw_latents, humanise, loop, repeated

    seed, length = derived(args.seed, begin), args.bars or _BARS
    latents = draw_latents(model, np.tile(share, (count, 1)), seed=seed)
    hits = loop(model, latents, length, seed=seed, complexity=args.complexity, temperature=args.temperature)
    bars = humanise(
        model,
        repeated(latents, length),
        hits.reshape(-1, *hits.shape[2:]),
        tempo=_TEMPO if args.tempo is None else args.tempo,
        amount=1.0 if args.humanize is None else args.humanize,
        seed=seed,
    )
    return [bars[length * number : length * (number + 1)] for number in range(count)]


def _varied(args: argparse.Namespace, model: DrumVAE, source: Bars) -> list[Bars]:
    """Vary a beat; what stays of it is played as it was."""
    from drumvae.beats import derived, humanise, rearrange, vary

    amount = _AMOUNT if args.amount is None else args.amount
    uneven = float(source.offsets.any()) if args.humanize is None else args.humanize
    found = []
    for number in range(args.count or _COUNT):
        seed = derived(args.seed, number)
        latents, hits = rearrange(
            model,
            source.hits,
            functools.partial(vary, model=model, amount=amount, seed=seed),
            keep=1 - amount,
            seed=seed,
            complexity=args.complexity,
            temperature=args.temperature,
        )
        played = humanise(model, latents, hits, tempo=source.tempos, amount=uneven, seed=seed)
        found.append(_with_playing_of(source, played))
    return found


def _with_playing_of(source: Bars, played: Bars) -> Bars:
    """Return bars in which the hits that a source has are played as they are there."""
    import numpy as np

    velocities, offsets = (
        np.where(source.hits, theirs, ours)
        for theirs, ours in ((source.velocities, played.velocities), (source.offsets, played.offsets))
    )
    return type(source).of(played.hits, velocities, offsets, tempo=source.tempos)


if __name__ == "__main__":
    cli.run(main)
