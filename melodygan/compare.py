"""The table of the report's chapter 5, every variant in equal time: ``python -m melodygan.compare --minutes 4``."""

from __future__ import annotations

import argparse
import difflib
import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from melodygan.bars import NoTunesError
from melodygan.comparison import CEILING, PROGRAM, ROWS, Record, Row, Terms, read_record, record_file, run_folder
from modelkit import cli
from modelkit.files import check_output_folder, check_place, set_aside
from modelkit.quiet import quiet_start
from modelkit.runs import read_config

if TYPE_CHECKING:
    from collections.abc import Sequence

    from melodygan.corpus import Corpus

EXAMPLE = (
    "  python -m melodygan.compare\n"
    "  python -m melodygan.compare --minutes 1 --seeds 3 --rows wgan-noise-l2,lstm,replay,random"
)
_LEAST_HELD_OUT = 4  # two halves of two tunes each: a distance needs two


def main(argv: Sequence[str] | None = None) -> int:
    """Run the verb."""
    typed = list(sys.argv[1:] if argv is None else argv)
    args = _parser().parse_args(typed)
    _check_places(args)

    from melodygan.corpus import load_corpus  # noqa: PLC0415 - only after the arguments are known to be right

    corpus = load_corpus(args.corpus)
    print(corpus.table())
    terms = Terms(args.corpus, corpus.fingerprint, args.minutes, args.count, args.work)
    found: dict[Row, list[Record]] = {}
    for row in args.rows:
        for seed in range(args.seeds):
            try:
                record = terms.finished(row, seed) or _make(row, seed, terms, corpus, force=args.force)
            except NoTunesError as error:
                print(f"{row.name}, seed {seed}: left out of the tables, for it composes nothing usable: {error}")
                continue
            if record is None:
                print(f"stopped; the same command continues with what is in {args.work}")
                return cli.INTERRUPTED_EXIT
            print(f"{row.name}, seed {seed}: {record.verdict['closeness']}")
            found.setdefault(row, []).append(record)

    from melodygan.comparison_page import write_comparison  # noqa: PLC0415 - the same

    command = shlex.join(["python", "-m", PROGRAM, *typed])
    write_comparison(args.out, found, terms, command, tunes=len(corpus.tunes), force=args.force)
    print(f"wrote {args.out}/melody.md and {args.out}/melody/index.html")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = cli.parser(
        PROGRAM, "Train every melody model for equally long and put what they compose beside real tunes.", EXAMPLE
    )
    parser.add_argument(
        "--rows", type=_rows, default=ROWS, metavar="NAME,…",
        help=f"rows of the table (default all: {', '.join(row.name for row in ROWS)}); {CEILING} always joins",
    )  # fmt: skip
    parser.add_argument(
        "--minutes", type=cli.positive_float, default=4.0, help="what the updates of each model may take (default 4)"
    )
    parser.add_argument("--seeds", type=cli.positive_int, default=1, metavar="N", help="seeds 0 to N − 1 (default 1)")
    parser.add_argument("--corpus", default="erk", metavar="NAME|PATH", help="as for melodygan.train (default erk)")
    parser.add_argument("--count", type=cli.positive_int, default=200, help="tunes composed for a row (default 200)")
    parser.add_argument(
        "--out", type=Path, default=Path("results"), metavar="DIR",
        help="folder for melody.md and melody/ (default results)",
    )  # fmt: skip
    parser.add_argument(
        "--work", type=Path, default=Path("runs/compare"), metavar="DIR",
        help="folder for runs and finished rows, which are not made again (default runs/compare)",
    )  # fmt: skip
    parser.add_argument("--force", action="store_true", help="set aside what stands in the way, under another name")
    return parser


def _rows(text: str) -> tuple[Row, ...]:
    """Argparse type: names of rows, put in the order of the table."""
    known = [row.name for row in ROWS]
    wanted = {CEILING, *(name.strip() for name in text.split(","))}
    for name in wanted - set(known):
        near = difflib.get_close_matches(name, known, n=2)
        hint = f"did you mean {' or '.join(near)}?" if near else f"rows are {', '.join(known)}"
        raise argparse.ArgumentTypeError(f"no row is called {name!r}: {hint}")
    return tuple(row for row in ROWS if row.name in wanted)


def _check_places(args: argparse.Namespace) -> None:
    """Refuse before any work what would be refused after it.

    Raises:
        UserError: a place holds what this program did not write, or one place is within another that is replaced.
    """
    from melodygan.comparison_text import check_text  # noqa: PLC0415

    page, work = (args.out / "melody").resolve(), args.work.resolve()
    if page == work or page in work.parents:
        raise cli.UserError(f"--work {args.work} is within {args.out}/melody, which is replaced whole: choose another")
    check_output_folder(args.out / "melody", force=args.force)
    check_text(args.out / "melody.md", force=args.force)
    for row in args.rows:
        for seed in range(args.seeds):
            _check_work(args.work, row, seed, force=args.force)


def _check_work(work: Path, row: Row, seed: int, *, force: bool) -> None:
    """Make sure that what is kept of a row is this program's.

    Raises:
        UserError: it is somebody else's, and ``force`` is not given.
    """
    for path in _foreign(work, row, seed):
        if not force:
            raise cli.UserError(
                f"{path} was not written by this program: choose another --work, or --force to set it aside"
            )
    check_place(record_file(work, row, seed))


def _foreign(work: Path, row: Row, seed: int) -> list[Path]:
    """List what stands where a row is kept and is not this program's."""
    record, run = record_file(work, row, seed), run_folder(work, row, seed)
    found = [record] if record.exists() and read_record(record) is None else []
    if run.is_file() or (run.is_dir() and any(run.iterdir()) and not _is_run_of_ours(run)):
        found.append(run)
    return found


def _is_run_of_ours(path: Path) -> bool:
    try:
        return read_config(path).get("verb") == PROGRAM
    except cli.UserError:
        return False


def _make(row: Row, seed: int, terms: Terms, corpus: Corpus, *, force: bool) -> Record | None:
    """Make a row for one seed and keep its record; None after Ctrl-C.

    Raises:
        UserError: there are too few tunes to hold any out.
    """
    from melodygan.corpus import split  # noqa: PLC0415 - not for --help
    from melodygan.judging import CONTROLS, Judged, judge  # noqa: PLC0415 - the same

    sides = split(corpus.tunes, seed)
    if not sides.validation or len(sides.test) < _LEAST_HELD_OUT:
        raise cli.UserError(
            f"{terms.corpus} has {len(corpus.tunes)} usable tunes, too few to hold {_LEAST_HELD_OUT} out: add more"
        )
    if force:
        for path in _foreign(terms.work, row, seed):
            set_aside(path)
    facts: dict[str, object] = {}
    if row.arguments is None:
        judged = CONTROLS[row.name](sides, terms.count, seed)
    else:
        with quiet_start():
            from melodygan.budget import train_row  # noqa: PLC0415 - imports TensorFlow
        title = f"{row.name}, seed {seed}"
        trained = train_row(
            terms.run_folder(row, seed), terms.settings(row, seed), sides, 60 * terms.minutes, title=title
        )
        if trained is None:
            return None
        judged, facts = Judged(trained.model.generate(terms.count, seed=seed), sides.test), trained.facts
    record = Record(terms.made_with(row, seed), facts, **judge(judged, sides.train, seed))
    terms.keep(record, row, seed)
    if row.arguments is not None:
        # Only what is unfinished needs its checkpoints; those of the report's networks are 90 MB each.
        shutil.rmtree(terms.run_folder(row, seed) / "checkpoints", ignore_errors=True)
    return record


if __name__ == "__main__":
    cli.run(main)
