"""The table of the report's chapter 5, every variant in equal time: ``python -m melodygan.compare --minutes 4``."""

from __future__ import annotations

import functools
import shlex
import sys
from typing import TYPE_CHECKING

from manymodes import cli
from manymodes.cli import quiet_start
from manymodes.experiment.compare import Record, Row, add_place_options, add_row_options, check_places
from manymodes.experiment.rows import LeftOutError, records_of
from melodygan.comparison import CEILING, PROGRAM, ROWS, STEM, Terms
from melodygan.data.bars import NoTunesError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from melodygan.data.corpus import Corpus, Split

EXAMPLE = (
    "  python -m melodygan.compare\n"
    "  python -m melodygan.compare --minutes 1 --seeds 3 --rows wgan-noise-l2,lstm,replay,random"
)
_LEAST_HELD_OUT = 4  # two halves of two tunes each: a distance needs two


def main(argv: Sequence[str] | None = None) -> int:
    """Run the verb."""
    typed = list(sys.argv[1:] if argv is None else argv)
    args = _parser().parse_args(typed)
    check_places(args, STEM, PROGRAM)

    from melodygan.data.corpus import load_corpus

    corpus = load_corpus(args.corpus)
    print(corpus.table())
    terms = Terms(args.corpus, corpus.fingerprint, args.minutes, args.count, args.work)
    found: dict[Row, list[Record]] = {row: [] for row in args.rows}
    try:
        for seed in range(args.seeds):
            make = functools.partial(_make, seed=seed, terms=terms, sides=_sides(corpus, seed))
            for row, record in records_of(args.rows, seed, terms, make, force=args.force):
                print(f"{row.name}, seed {seed}: {record.verdict['closeness']}")
                found[row].append(record)
    except KeyboardInterrupt:
        print(f"stopped; the same command continues with what is in {args.work}")
        return cli.INTERRUPTED_EXIT

    from melodygan.comparison_page import write_comparison

    command = shlex.join(["python", "-m", PROGRAM, *typed])
    known = {row: records for row, records in found.items() if records}
    write_comparison(args.out, known, terms, command, tunes=len(corpus.tunes), force=args.force)
    print(f"wrote {args.out}/{STEM}.md and {args.out}/{STEM}/index.html")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = cli.parser(
        PROGRAM, "Train every melody model for equally long and put what they compose beside real tunes.", EXAMPLE
    )
    add_row_options(parser, ROWS, CEILING)
    parser.add_argument("--corpus", default="erk", metavar="NAME|PATH", help="as for melodygan.train (default erk)")
    parser.add_argument("--count", type=cli.positive_int, default=200, help="tunes composed for a row (default 200)")
    add_place_options(parser, STEM, "runs/compare")
    return parser


def _sides(corpus: Corpus, seed: int) -> Split:
    """Part the corpus.

    Raises:
        UserError: there are too few tunes to hold any out.
    """
    from melodygan.data.corpus import split

    sides = split(corpus.tunes, seed)
    if not sides.validation or len(sides.test) < _LEAST_HELD_OUT:
        raise cli.UserError(
            f"{corpus.source} has {len(corpus.tunes)} usable tunes, too few to hold {_LEAST_HELD_OUT} out: add more"
        )
    return sides


def _make(row: Row, seed: int, terms: Terms, sides: Split) -> Record:
    """Make a row for one seed.

    Raises:
        LeftOutError: its model composes nothing usable.
        KeyboardInterrupt: Ctrl-C.
    """
    from melodygan.metrics.judging import CONTROLS, Judged, judge

    facts: dict[str, object] = {}
    if row.arguments is None:
        judged = CONTROLS[row.name](sides, terms.count, seed)
    else:
        with quiet_start():
            from melodygan.budget import train_row
        title = f"{row.name}, seed {seed}"
        trained = train_row(
            terms.run_folder(row, seed), terms.settings(row, seed), sides, 60 * terms.minutes, title=title
        )
        try:
            tunes = trained.model.generate(terms.count, seed=seed)
        except NoTunesError as error:
            raise LeftOutError(f"it composes nothing usable: {error}") from error
        judged, facts = Judged(tunes, sides.test), trained.facts
    return Record(terms.made_with(row, seed), facts, **judge(judged, sides.train, seed))


if __name__ == "__main__":
    cli.run(main)
