"""What helps against mode collapse, every fix in equal time: ``python -m fontgan.compare --minutes 4``."""

from __future__ import annotations

import functools
import shlex
import sys
from typing import TYPE_CHECKING

from fontgan.comparison import CEILING, PROGRAM, ROWS, STEM, Terms
from fontgan.train import JUDGED, LEAST_JUDGED
from manymodes import cli
from manymodes.cli import quiet_start
from manymodes.experiment.compare import Record, Row, add_place_options, add_row_options, check_places
from manymodes.experiment.rows import records_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    from fontgan.data.fonts import Letters
    from fontgan.metrics.judges import Judges

EXAMPLE = (
    "  python -m fontgan.compare\n"
    "  python -m fontgan.compare --minutes 1 --seeds 3 --rows none,minibatch,best --fonts ~/.local/share/fonts"
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the verb."""
    typed = list(sys.argv[1:] if argv is None else argv)
    args = _parser().parse_args(typed)
    if args.count < LEAST_JUDGED:
        raise cli.UserError(f"--count {args.count} is too few to judge by: give at least {LEAST_JUDGED}, one a letter")
    check_places(args, STEM, PROGRAM)

    from fontgan.data.fonts import load_fonts

    found: dict[Row, list[Record]] = {row: [] for row in args.rows}
    try:
        for seed in range(args.seeds):
            letters = load_fonts(args.fonts, seed=seed)
            print(letters.table())
            terms = Terms(args.fonts, letters.fingerprint, args.minutes, args.count, args.work)
            judges = functools.cache(functools.partial(_judges, letters))
            make = functools.partial(_make, seed=seed, terms=terms, letters=letters, judges=judges)
            for row, record in records_of(args.rows, seed, terms, make, force=args.force):
                print(f"{row.name}, seed {seed}: {record.verdict['letters']}")
                found[row].append(record)
    except KeyboardInterrupt:
        print(f"stopped; the same command continues with what is in {args.work}")
        return cli.INTERRUPTED_EXIT

    from fontgan.comparison_page import write_comparison

    command = shlex.join(["python", "-m", PROGRAM, *typed])
    known = {row: records for row, records in found.items() if records}
    write_comparison(args.out, known, terms, command, letters=letters, force=args.force)
    print(f"wrote {args.out}/{STEM}.md and {args.out}/{STEM}/index.html")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = cli.parser(
        PROGRAM, "Train every letter model for equally long and put what they draw beside real letters.", EXAMPLE
    )
    add_row_options(parser, ROWS, CEILING)
    parser.add_argument(
        "--fonts", metavar="DIR|FILE", help="as for fontgan.train (default: ten faces that matplotlib brings along)"
    )
    parser.add_argument(
        "--count", type=cli.positive_int, default=JUDGED, help=f"images judged of a row (default {JUDGED})"
    )
    add_place_options(parser, STEM, "runs/compare-fonts")
    return parser


def _judges(letters: Letters) -> Judges:
    with quiet_start():
        from fontgan.metrics.judges import judges_of
    judges = judges_of(letters)
    print(judges.introduction())
    return judges


def _make(row: Row, seed: int, terms: Terms, letters: Letters, judges: Callable[[], Judges]) -> Record:
    """Make a row for one seed.

    Raises:
        DivergedError: its model draws nothing any more.
        KeyboardInterrupt: Ctrl-C.
    """
    known = judges()
    from fontgan.comparison_judging import drawn_after_training, drawn_without_training, judge

    if row.arguments is None:
        drawn = drawn_without_training(row, seed, terms, letters)
    else:
        drawn = drawn_after_training(row, seed, terms, letters, known)
    return Record(terms.made_with(row, seed), dict(drawn.facts), **judge(drawn, letters, known, seed))


if __name__ == "__main__":
    cli.run(main)
