"""`python -m evaluation.features gen/`: measure every MIDI file of a folder."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from manymodes import cli

if TYPE_CHECKING:
    from collections.abc import Sequence

EXAMPLE = "  python -m evaluation.features gen/ --out features.csv"


def main(argv: Sequence[str] | None = None) -> int:
    """Write the table; raise a UserError if there is nothing to read, or it cannot be written."""
    parser = cli.parser(
        "evaluation.features", "Measure every MIDI file of a folder: one row per file, one column per feature.", EXAMPLE
    )
    add = parser.add_argument
    add("folder", type=Path, metavar="DIR", help="searched with its subfolders for .mid and .midi files")
    add("--out", type=Path, default=Path("features.csv"), metavar="FILE", help="default: %(default)s")
    add("--force", action="store_true", help="overwrite a file that exists")
    add("--mgeval", action="store_true", help="the twelve features of mgeval, by its own definitions")
    add("--jobs", type=cli.job_count, default=-1, metavar="N", help="parallel readers (default: one per core)")
    args = parser.parse_args(argv)

    from evaluation.features.catalogue import measured, suited
    from evaluation.features.feature import csv_text
    from evaluation.legacy import mgeval
    from evaluation.reading.folders import read_some
    from manymodes.files import check_new_file, replacing_file

    check_new_file(args.out, force=args.force)
    found = read_some(args.folder, args.jobs)
    features = mgeval.FEATURES if args.mgeval else suited(found.pieces)
    table = measured(found.pieces, features)
    with replacing_file(args.out) as partial, partial.open("w", encoding="utf-8", newline="") as stream:
        stream.writelines(csv_text([(found.pieces.names, table)], features))
    for skipped in found.skipped:
        print(f"skipped {skipped.path}: {skipped.reason}", file=sys.stderr)
    print(f"wrote {args.out}: {len(found.pieces):,} read, {len(found.skipped):,} skipped")
    return 0


if __name__ == "__main__":
    cli.run(main)
