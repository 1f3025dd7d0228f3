"""`python -m evaluation.report gen/ org/`: is the generator close to the real music, has it collapsed, does it copy?"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

EXAMPLE = """\
example:
  python -m evaluation.report gen/ org/ --train training/ --out report
  open report/index.html

The last folder holds the originals; every folder before it is a generated set. In continuous integration,
  python -m evaluation.report gen/ org/ --no-html --fail-under 0.85 --fail-on collapse,copying
ends with exit code 1 when the music is not good enough, and with 2 when it could not be judged.
"""


def build_parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m evaluation.report",
        description="Compare folders of generated MIDI files with a folder of original ones.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folders", nargs="+", type=Path, metavar="DIR", help="generated sets, then the originals")
    parser.add_argument("--out", type=Path, default=Path("report"), metavar="DIR", help="where to write (default: report)")
    parser.add_argument("--seed", type=int, default=0, help="of every random draw (default: 0)")
    parser.add_argument("--jobs", type=int, default=-1, metavar="N", help="parallel workers (default: one a core)")
    parser.add_argument("--force", action="store_true", help="move a folder that is in the way aside")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 0 when done, 2 when it could not be."""
    args = build_parser().parse_args(argv)
    from evaluation.assessment import compare_sets, measure  # noqa: PLC0415 - --help answers without them
    from evaluation.output import write_folder  # noqa: PLC0415
    from evaluation.page import page  # noqa: PLC0415
    from evaluation.reading import read_folder  # noqa: PLC0415

    sets = []
    for folder in args.folders:
        result = read_folder(folder, args.jobs)
        sets.append(measure(folder.resolve().name, result.pieces, result.skipped))
    found = [compare_sets(gen, sets[-1], seed=args.seed, jobs=args.jobs) for gen in sets[:-1]]
    write_folder(args.out, {"index.html": page(found, sets[-1])}, force=args.force)
    for one in found:
        print(f"{one.gen.label}: {one.score:.0%} of the overlap that the originals reach with themselves")
    print(f"wrote {args.out}/index.html")
    return 0


if __name__ == "__main__":
    sys.exit(main())
