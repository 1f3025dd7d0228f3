"""Which autoencoder of sounds is best in equal time: ``python -m audiovae.compare --minutes 4``."""

from __future__ import annotations

import functools
import shlex
import sys
from typing import TYPE_CHECKING

from audiovae.comparison import CEILING, PROGRAM, ROWS, STEM, Terms
from audiovae.data.chunks import CORPUS, enough_chunks
from manymodes import cli
from manymodes.cli import quiet_start
from manymodes.experiment.compare import Record, Row, add_place_options, add_row_options, check_places
from manymodes.experiment.rows import records_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from audiovae.data.sounds import Sounds

EXAMPLE = (
    "  python -m audiovae.compare\n"
    "  python -m audiovae.compare --minutes 2 --seeds 3 --rows vqvae-raw,fsq-raw,replay --sounds ~/recordings"
)
_COUNT = 20
_LEAST_COUNT = 2  # new sounds of an instrument: they are to differ


def main(argv: Sequence[str] | None = None) -> int:
    """Run the verb."""
    typed = list(sys.argv[1:] if argv is None else argv)
    args = _parser().parse_args(typed)
    if args.count < _LEAST_COUNT:
        raise cli.UserError(f"--count {args.count} is too few to say how they differ: give at least {_LEAST_COUNT}")
    check_places(args, STEM, PROGRAM)

    from audiovae.data.sounds import load_sounds

    found: dict[Row, list[Record]] = {row: [] for row in args.rows}
    try:
        for seed in range(args.seeds):
            sounds = load_sounds(args.sounds, seed=seed, chunks=args.chunks)
            print(sounds.table())
            terms = Terms(args.sounds, sounds.fingerprint, args.minutes, args.count, args.work, args.chunks)
            make = functools.partial(_make, seed=seed, terms=terms, sounds=sounds)
            for row, record in records_of(args.rows, seed, terms, make, force=args.force):
                print(f"{row.name}, seed {seed}: {'; '.join(filter(None, record.verdict.values()))}")
                found[row].append(record)
    except KeyboardInterrupt:
        print(f"stopped; the same command continues with what is in {args.work}")
        return cli.INTERRUPTED_EXIT

    with quiet_start():
        from audiovae.comparison_page import write_comparison

    command = shlex.join(["python", "-m", PROGRAM, *typed])
    known = {row: records for row, records in found.items() if records}
    write_comparison(args.out, known, terms, command, sounds=sounds, force=args.force)
    print(f"wrote {args.out}/{STEM}.md and {args.out}/{STEM}/index.html")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = cli.parser(
        PROGRAM,
        "Train every model of sounds for equally long and put what comes back of sounds beside them.",
        EXAMPLE,
    )
    add_row_options(parser, ROWS, CEILING)
    parser.add_argument(
        "--sounds", default=CORPUS, metavar="corpus|DIR",
        help="as for audiovae.train (default corpus: tunes and drums played by real instruments)",
    )  # fmt: skip
    parser.add_argument(
        "--chunks", type=enough_chunks, metavar="N",
        help="seconds of sound to use of each instrument (default 400 of the corpus, of a folder all)",
    )  # fmt: skip
    parser.add_argument(
        "--count", type=cli.positive_int, default=_COUNT, metavar="N",
        help=f"new sounds of each instrument that a row is judged by (default {_COUNT})",
    )  # fmt: skip
    add_place_options(parser, STEM, "runs/compare-audio")
    return parser


def _make(row: Row, seed: int, terms: Terms, sounds: Sounds) -> Record:
    """Make a row for one seed.

    Raises:
        DivergedError: the weights of its model are no numbers any more.
        KeyboardInterrupt: Ctrl-C.
    """
    with quiet_start():
        from audiovae.comparison_judging import CONTROLS, judge
        from audiovae.comparison_training import made_after_training

    if row.arguments is None:
        made = CONTROLS[row.name](sounds, terms.count, seed)
    else:
        made = made_after_training(row, seed, terms, sounds)
    return Record(terms.made_with(row, seed), dict(made.facts), **judge(row, made, sounds))


if __name__ == "__main__":
    cli.run(main)
