"""`python -m evaluation.report gen/ org/`: is the generator close to the real music, has it collapsed, does it copy?"""

from __future__ import annotations

import argparse
import contextlib
import platform
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from evaluation.commandline import OneLineParser, counted, fail, jobs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from evaluation.features.table import Feature
    from evaluation.reading.notes import FloatArray
    from evaluation.scores.assessment import MusicSet, SetComparison

PROGRAM = "evaluation.report"

NOT_GOOD_ENOUGH = 1
"""Exit code when a threshold of `--fail-under` or `--fail-on` is not met."""

FAULTS = ("collapse", "copying")

EXAMPLE = """\
example:
  python -m evaluation.report gen/ org/ --train training/ --out report
  open report/index.html

The last folder holds the originals; every folder before it is a generated set. As a quality gate,
  python -m evaluation.report gen/ org/ --no-html --fail-under 0.85 --fail-on collapse,copying
ends with exit code 1 when the music is not good enough, and with 2 when it could not be judged.
"""


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not a share; give a number from 0 to 1")
    return value


def _seed(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text} is negative; give a seed from 0")
    return value


def _faults(text: str) -> tuple[str, ...]:
    names = tuple(filter(None, text.split(",")))
    for name in names:
        if name not in FAULTS:
            raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(FAULTS)}")
    return names


def build_parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = OneLineParser(
        prog=f"python -m {PROGRAM}",
        description="Compare folders of generated MIDI files with a folder of original ones: how close they are, "
        "whether the generator has collapsed, whether it copies.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folders", nargs="+", type=Path, metavar="DIR", help="generated sets, then the originals")
    parser.add_argument("--train", type=Path, metavar="DIR", help="where to look for copies (default: the originals)")
    parser.add_argument(
        "--out", type=Path, default=Path("report"), metavar="DIR", help="where to write (default: report)"
    )
    parser.add_argument("--no-html", action="store_true", help="write report.json and features.csv alone")
    parser.add_argument(
        "--mgeval", action="store_true", help="mgeval's twelve features, overlap and divergence as it does"
    )
    parser.add_argument(
        "--fail-under",
        type=_share,
        metavar="SHARE",
        help="exit 1 when a set reaches less of the originals' own overlap",
    )
    parser.add_argument(
        "--fail-on", type=_faults, default=(), metavar="FAULT,…", help=f"exit 1 on any of: {', '.join(FAULTS)}"
    )
    parser.add_argument("--seed", type=_seed, default=0, metavar="N", help="of every random draw (default: 0)")
    parser.add_argument("--jobs", type=jobs, default=-1, metavar="N", help="parallel workers (default: one a core)")
    parser.add_argument("--scheduler", metavar="URL", help="work on a Dask cluster, as in tcp://host:8786")
    parser.add_argument(
        "--force", action="store_true", help="move a folder that is in the way aside, to a numbered name"
    )
    return parser


def labels(folders: Sequence[Path]) -> list[str]:
    """Call each folder by its name, or by as much of its path as tells it from the others."""
    names = [folder.resolve().name or "root" for folder in folders]
    if len(set(names)) < len(names):
        names = [folder.as_posix().strip("/") for folder in folders]
    seen: dict[str, int] = {}
    unique = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        unique.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return unique


@contextlib.contextmanager
def cluster(scheduler: str | None) -> Iterator[None]:
    """Send joblib's work to a Dask cluster, if one is named.

    Raises:
        ConnectionError: with one line for the person at the prompt.
    """
    if scheduler is None:
        yield
        return
    try:
        from distributed import Client
    except ImportError:
        raise ConnectionError("--scheduler needs dask and distributed; install the extra [cluster]") from None
    import joblib

    try:
        client = Client(scheduler, timeout="5s")
    except (OSError, ValueError) as error:
        raise ConnectionError(
            f"no Dask scheduler answers: {scheduler} ({error}); start one or leave out --scheduler"
        ) from error
    with client, joblib.parallel_config(backend="dask"):
        yield


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 0 when done, 1 when the music is not good enough, 2 when it could not be judged."""
    typed = list(sys.argv[1:] if argv is None else argv)
    args = build_parser().parse_args(typed)
    if len(args.folders) < 2:  # noqa: PLR2004 - a pair
        return fail(
            PROGRAM, ValueError(f"one folder given: {args.folders[0]}; give generated sets and then the originals")
        )
    from evaluation.output import OutputError, check_folder, write_folder
    from evaluation.reading.reading import FolderError

    try:
        check_folder(args.out, force=args.force)
        with cluster(args.scheduler):
            comparisons, org, train, features = assess(args)
        files = contents(args, comparisons, org, train, features, shlex.join(["python", "-m", PROGRAM, *typed]))
        moved = write_folder(args.out, files, force=args.force)
    except (FolderError, OutputError, ConnectionError) as error:
        return fail(PROGRAM, error)
    summarise(comparisons, org, train)
    if moved is not None:
        print(f"moved what was in {args.out} to {moved}")
    print(f"wrote {', '.join(str(args.out / name) for name in files)}")
    return verdict_code(args, comparisons)


def assess(
    args: argparse.Namespace,
) -> tuple[list[SetComparison], MusicSet, MusicSet, Mapping[str, Feature]]:
    """Read all folders and compare each generated set with the originals."""
    from evaluation.features.table import FEATURES
    from evaluation.legacy import mgeval
    from evaluation.scores.assessment import compare_sets, read_set

    features = mgeval.FEATURES if args.mgeval else FEATURES
    folders = [*args.folders, *([args.train] if args.train else [])]
    sets = []
    for folder, label in zip(folders, labels(folders), strict=True):
        progress(f"reading {label}")
        sets.append(read_set(folder, args.jobs, label=label, features=features))
    generated = sets[: len(args.folders) - 1]
    org = sets[len(args.folders) - 1]
    train = sets[-1] if args.train else org
    found = []
    for gen in generated:
        progress(f"comparing {gen.label} with {org.label}")
        found.append(compare_sets(gen, org, train, seed=args.seed, jobs=args.jobs, features=features))
    progress("")
    return found, org, train, features


def progress(doing: str) -> None:
    """Show a person at a terminal what is being done, on one line that the next replaces."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{doing}", end="", file=sys.stderr, flush=True)


def contents(
    args: argparse.Namespace,
    comparisons: Sequence[SetComparison],
    org: MusicSet,
    train: MusicSet,
    features: Mapping[str, Feature],
    command: str,
) -> dict[str, str]:
    """Compose the files of the report."""
    from evaluation.features.table import csv_text
    from evaluation.scores.assessment import ranking
    from evaluation.scores.results import as_json

    ranked = ranking(comparisons)
    versions = program_versions()
    sets = [*(one.gen for one in comparisons), org]
    names = [piece.name for one in sets for piece in one.pieces]
    table = {name: _stacked([one.table[name] for one in sets]) for name in features}
    files = {
        "report.json": as_json(comparisons, ranked, org, train, command=command, seed=args.seed, versions=versions),
        "features.csv": csv_text(names, table, features),
    }
    if args.no_html:
        return files
    from evaluation.page.page import page

    text = page(ranked, org, train, features=features, command=command, seed=args.seed, versions=versions)
    return {"index.html": text, **files}


def _stacked(tables: Sequence[FloatArray]) -> FloatArray:
    import numpy as np

    return np.concatenate(tables)


def program_versions() -> dict[str, str]:
    """Name the programs that the numbers depend on, with their versions."""
    import numpy as np
    import scipy
    import symusic

    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "symusic": symusic.__version__,
    }


def summarise(comparisons: Sequence[SetComparison], org: MusicSet, train: MusicSet) -> None:
    """Print the verdict on each set."""
    for one in comparisons:
        print(f"{one.gen.label} ({_count(one.gen)}) against {org.label} ({_count(org)})")
        for sentence in (one.verdict.closeness, one.verdict.collapse, one.verdict.copying):
            print(f"  {sentence}")
    skipped = sum(
        len(one.skipped) for one in {id(one): one for one in (*(c.gen for c in comparisons), org, train)}.values()
    )
    if skipped:
        print(f"{counted(skipped, 'file')} skipped, each listed in the report with its reason")


def _count(one: MusicSet) -> str:
    return counted(len(one.pieces), "piece")


def verdict_code(args: argparse.Namespace, comparisons: Sequence[SetComparison]) -> int:
    """Hold the generated sets against the thresholds, and say which are not met."""
    failures = []
    for one in comparisons:
        # a score that is not known is not good enough
        if args.fail_under is not None and not one.score >= args.fail_under:
            failures.append(f"{one.gen.label}: {one.score:.3f} of the originals' own overlap, under {args.fail_under}")
        if "collapse" in args.fail_on and one.collapse.found:
            failures.append(f"{one.gen.label}: {one.verdict.collapse}")
        if "copying" in args.fail_on and one.copying.found:
            failures.append(f"{one.gen.label}: {one.verdict.copying}")
    for failure in failures:
        print(f"not good enough: {failure}", file=sys.stderr)
    return NOT_GOOD_ENOUGH if failures else 0


if __name__ == "__main__":
    sys.exit(main())
