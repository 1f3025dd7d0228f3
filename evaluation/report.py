"""`python -m evaluation.report gen/ org/`: is the generator close to the real music, has it collapsed, does it copy?"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from manymodes import cli
from manymodes.experiment.parallel import cluster

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

PROGRAM = "evaluation.report"

NOT_GOOD_ENOUGH = 1
"""Exit code when a limit of `--fail-over`, `--fail-under` or `--fail-on` is not met."""

FAULTS = ("collapse", "copying")

EXAMPLE = """\
  python -m evaluation.report gen/ org/ --train training/ --out report
  open report/index.html

The last folder holds the originals; every folder before it is a generated set. As a quality gate,
  python -m evaluation.report gen/ org/ --no-html --fail-over 0.7 --fail-on collapse,copying
ends with exit code 1 when the music is not good enough, and with 2 when the folders cannot be compared.
"""


def build_parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = cli.parser(
        PROGRAM,
        "Compare folders of generated MIDI files with a folder of original ones: how close they are, whether the "
        "generator has collapsed, whether it copies.",
        EXAMPLE,
    )
    add = parser.add_argument
    add("folders", nargs="+", type=Path, metavar="DIR", help="generated sets, then the originals")
    add("--train", type=Path, metavar="DIR", help="where to look for copies (default: the originals)")
    add("--out", type=Path, default=Path("report"), metavar="DIR", help="default: report, then report-2 and so on")
    add("--no-html", action="store_true", help="write report.json and features.csv only")
    add("--mgeval", action="store_true", help="the features, overlap and divergence of mgeval, by its own definitions")
    add(
        "--fail-over",
        type=cli.between(0, 1, "an accuracy"),
        metavar="ACCURACY",
        help="exit with 1 when a set is told from the originals with a higher accuracy (0.5 is chance)",
    )
    add(
        "--fail-under",
        type=cli.between(0, 1, "a share"),
        metavar="SHARE",
        help="exit with 1 when a set reaches less of the originals' own overlap",
    )
    faults = cli.some_of(FAULTS, "fault")
    add("--fail-on", type=faults, default=(), metavar="FAULT,…", help=f"exit with 1 on any of: {', '.join(FAULTS)}")
    add("--seed", type=cli.seed_value, default=0, metavar="N", help="of all random draws (default: 0)")
    add("--jobs", type=cli.job_count, default=-1, metavar="N", help="parallel workers (default: one per core)")
    add("--scheduler", metavar="URL", help="run on a Dask cluster, such as tcp://host:8786")
    add(
        "--force", action="store_true", help="write to --out itself; a folder that exists there is renamed, not deleted"
    )
    return parser


def show_progress(step: str) -> None:
    """Show the current step on one line of a terminal."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{step}", end="", file=sys.stderr, flush=True)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return 1 if the music is not good enough, and raise a UserError if there is no comparison."""
    from manymodes.files import check_folder

    typed = list(sys.argv[1:] if argv is None else argv)
    args = build_parser().parse_args(typed)
    *generated, original = args.folders
    if not generated:
        raise cli.UserError(f"only one folder given: {original}; give generated sets and then the originals")
    check_folder(args.out)
    from evaluation.comparison import compare_folders, write_report

    with cluster(args.scheduler):
        report = compare_folders(
            generated, original, args.train, mgeval=args.mgeval, seed=args.seed, jobs=args.jobs, progress=show_progress
        )
        show_progress("")
    files = report.files(shlex.join(["python", "-m", PROGRAM, *typed]), html=not args.no_html)
    folder = write_report(args.out, files, force=args.force)
    print("\n".join(report.summary()))
    print(f"wrote {', '.join(str(folder / name) for name in files)}")
    failures = report.failures(args.fail_over, args.fail_under, args.fail_on)
    for failure in failures:
        print(f"not good enough: {failure}", file=sys.stderr)
    return NOT_GOOD_ENOUGH if failures else 0


if __name__ == "__main__":
    cli.run(main)
