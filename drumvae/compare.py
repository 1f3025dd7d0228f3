"""What keeps style in the upper latent, each cure in equal time: ``python -m drumvae.compare --minutes 4``."""

from __future__ import annotations

import functools
import shlex
import sys
from typing import TYPE_CHECKING

from drumvae.comparison import CEILING, PROGRAM, ROWS, STEM, Terms
from manymodes import cli
from manymodes.cli import quiet_start
from manymodes.experiment.compare import Record, Row, add_place_options, add_row_options, check_places
from manymodes.experiment.rows import records_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from drumvae.data.grooves import Grooves

EXAMPLE = (
    "  python -m drumvae.compare\n"
    "  python -m drumvae.compare --minutes 2 --seeds 3 --rows chain,top-down,supervised --grooves ~/groove"
)
_COUNT = 1000
_LEAST = 2  # bars of a style by rule: one to learn from, one to test with; bars composed: a pair


def main(argv: Sequence[str] | None = None) -> int:
    """Run the verb."""
    typed = list(sys.argv[1:] if argv is None else argv)
    args = _parser().parse_args(typed)
    for option, value in (("--count", args.count), ("--per-style", args.per_style)):
        if value < _LEAST:
            raise cli.UserError(f"{option} {value} is too few: give at least {_LEAST}")
    check_places(args, STEM, PROGRAM)

    from drumvae.data.grooves import load_grooves

    found: dict[Row, list[Record]] = {row: [] for row in args.rows}
    try:
        for seed in range(args.seeds):
            grooves = load_grooves(args.grooves, per_style=args.per_style, seed=seed)
            print(grooves.table())
            terms = Terms(args.grooves, grooves.fingerprint, args.minutes, args.count, args.work, args.per_style)
            make = functools.partial(_make, seed=seed, terms=terms, grooves=grooves)
            for row, record in records_of(args.rows, seed, terms, make, force=args.force):
                print(f"{row.name}, seed {seed}: {'; '.join(filter(None, record.verdict.values()))}")
                found[row].append(record)
    except KeyboardInterrupt:
        print(f"stopped; the same command continues with what is in {args.work}")
        return cli.INTERRUPTED_EXIT

    from drumvae.comparison_page import write_comparison

    command = shlex.join(["python", "-m", PROGRAM, *typed])
    known = {row: records for row, records in found.items() if records}
    write_comparison(args.out, known, terms, command, grooves=grooves, force=args.force)
    print(f"wrote {args.out}/{STEM}.md and {args.out}/{STEM}/index.html")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = cli.parser(
        PROGRAM, "Train every drum model for equally long and put what its latents hold beside real bars.", EXAMPLE
    )
    add_row_options(parser, ROWS, CEILING)
    parser.add_argument(
        "--grooves", default="styles", metavar="styles|DIR",
        help="as for drumvae.train (default styles: five styles made by rule)",
    )  # fmt: skip
    parser.add_argument(
        "--per-style", type=cli.positive_int, default=200, metavar="N", help="bars a style made by rule (default 200)"
    )
    parser.add_argument(
        "--count", type=cli.positive_int, default=_COUNT, help=f"bars composed for a row (default {_COUNT})"
    )
    add_place_options(parser, STEM, "runs/compare-drums")
    return parser


def _make(row: Row, seed: int, terms: Terms, grooves: Grooves) -> Record:
    """Make a row for one seed.

    Raises:
        DivergedError: the weights of its model are no numbers any more.
        KeyboardInterrupt: Ctrl-C.
    """
    from drumvae.comparison_judging import CONTROLS, judge

    if row.arguments is None:
        made = CONTROLS[row.name](grooves, terms.count, seed)
    else:
        with quiet_start():
            from drumvae.comparison_training import made_after_training
        made = made_after_training(row, seed, terms, grooves)
    return Record(terms.made_with(row, seed), dict(made.facts), **judge(made, grooves))


if __name__ == "__main__":
    cli.run(main)
