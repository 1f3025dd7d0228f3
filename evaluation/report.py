"""`python -m evaluation.report gen/ org/`: is the generator close to the real music, has it collapsed, does it copy?"""

from __future__ import annotations

import argparse
import json
import math
import platform
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from manymodes import cli
from manymodes.cli import UserError
from manymodes.experiment.parallel import cluster

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from evaluation.features.feature import Feature
    from evaluation.scores.sets import MusicSet, SetComparison

PROGRAM = "evaluation.report"

FORMAT = 1
"""Raised when a key of `report.json` changes its meaning or goes; new keys do not raise it."""

NOT_GOOD_ENOUGH = 1
"""Exit code when a threshold of `--fail-under` or `--fail-on` is not met."""

FAULTS = ("collapse", "copying")

EXAMPLE = """\
  python -m evaluation.report gen/ org/ --train training/ --out report
  open report/index.html

The last folder holds the originals; every folder before it is a generated set. As a quality gate,
  python -m evaluation.report gen/ org/ --no-html --fail-under 0.85 --fail-on collapse,copying
ends with exit code 1 when the music is not good enough, and with 2 when the folders cannot be compared.
"""

_DIGITS = 8


def _faults(text: str) -> tuple[str, ...]:
    names = tuple(filter(None, text.split(",")))
    for name in names:
        if name not in FAULTS:
            raise argparse.ArgumentTypeError(f"unknown fault {name!r}; choose from {', '.join(FAULTS)}")
    return names


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
        "--fail-under",
        type=cli.between(0, 1, "a share"),
        metavar="SHARE",
        help="exit with 1 when a set reaches less of the originals' own overlap",
    )
    add("--fail-on", type=_faults, default=(), metavar="FAULT,…", help=f"exit with 1 on any of: {', '.join(FAULTS)}")
    add("--seed", type=cli.seed_value, default=0, metavar="N", help="of all random draws (default: 0)")
    add("--jobs", type=cli.job_count, default=-1, metavar="N", help="parallel workers (default: one per core)")
    add("--scheduler", metavar="URL", help="run on a Dask cluster, such as tcp://host:8786")
    add(
        "--force", action="store_true", help="write to --out itself; a folder that exists there is renamed, not deleted"
    )
    return parser


def labels(folders: Sequence[Path]) -> list[str]:
    """Name each folder: by its own name, or by its path where two have the same."""
    names = [folder.resolve().name or "root" for folder in folders]
    if len(set(names)) < len(names):
        names = [folder.as_posix().strip("/") for folder in folders]
    seen: dict[str, int] = {}
    unique = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        unique.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return unique


@dataclass(frozen=True)
class Report:
    """Generated sets compared with the originals.

    Attributes:
        comparisons: one for each generated set, in the order given.
        org: the originals.
        train: the set in which copies are looked for.
        features: of all sets.
        seed: of all random numbers.
    """

    comparisons: list[SetComparison]
    org: MusicSet
    train: MusicSet
    features: Mapping[str, Feature]
    seed: int

    @property
    def sets(self) -> list[MusicSet]:
        """The generated sets, the originals, and the training set where it is another one."""
        training = [self.train] if self.train is not self.org else []
        return [*(one.gen for one in self.comparisons), self.org, *training]

    def files(self, command: str, *, html: bool = True) -> dict[str, str]:
        """Compose the files of the report: their texts by name.

        Args:
            command: as it was typed.
            html: whether to make `index.html`.
        """
        import numpy as np

        from evaluation.features.feature import csv_text
        from evaluation.page.html import page
        from evaluation.scores.sets import ranking

        ranked, versions = ranking(self.comparisons), program_versions()
        measured = [*(one.gen for one in self.comparisons), self.org]
        names = [piece.name for one in measured for piece in one.pieces]
        table = {name: np.concatenate([one.table[name] for one in measured]) for name in self.features}
        files = {
            "report.json": self._json([one.gen.label for one in ranked], command, versions),
            "features.csv": csv_text(names, table, self.features),
        }
        if not html:
            return files
        org, train, features, seed = self.org, self.train, self.features, self.seed
        text = page(ranked, org, train, features=features, command=command, seed=seed, versions=versions)
        return {"index.html": text, **files}

    def _json(self, ranked: Sequence[str], command: str, versions: Mapping[str, str]) -> str:
        """Compose `report.json`, with the keys that the README documents."""
        from evaluation.scores import overlap, sampling

        roles = ["generated"] * len(self.comparisons) + ["original", "training"]
        details = [one.record() for one in self.comparisons]
        record = {
            "program": PROGRAM,
            "format": FORMAT,
            "command": command,
            "seed": self.seed,
            "versions": versions,
            "sets": {one.label: one.record(role) for one, role in zip(self.sets, roles, strict=False)},
            "sampling": {
                "pairwise": sampling.PAIRWISE,
                "resampled": sampling.RESAMPLED,
                "splits": sampling.SPLITS,
                "resamples": sampling.RESAMPLES,
                "permutations": overlap.PERMUTATIONS,
                "sampled_sets": [one.label for one in self.sets if len(one.pieces) > sampling.PAIRWISE],
            },
            "ranking": ranked,
            **details[0],
            "skipped": [{"path": file.path, "reason": file.reason} for one in self.sets for file in one.skipped],
        }
        if len(details) > 1:
            record["comparisons"] = {one.gen.label: entry for one, entry in zip(self.comparisons, details, strict=True)}
        return json.dumps(_plain(record), indent=1, ensure_ascii=False, allow_nan=False) + "\n"

    def summary(self) -> list[str]:
        """Describe the result in lines for a terminal."""
        from evaluation.scores.verdict import counted

        lines = []
        for one in self.comparisons:
            sizes = [f"{each.label} ({counted(len(each.pieces), 'piece')})" for each in (one.gen, self.org)]
            lines.append(" against ".join(sizes))
            lines += [f"  {sentence}" for sentence in one.verdict]
        if skipped := sum(len(one.skipped) for one in self.sets):
            lines.append(f"{counted(skipped, 'file')} skipped; the report gives the reasons")
        return lines

    def failures(self, least: float | None, faults: Sequence[str]) -> list[str]:
        """Name each threshold that a generated set does not meet.

        Args:
            least: share of the originals' own overlap; an unknown score does not reach it.
            faults: those that are not allowed, of `FAULTS`.
        """
        failures = []
        for one in self.comparisons:
            if least is not None and not one.score >= least:
                failures.append(f"{one.gen.label}: {one.score:.3f} of the originals' own overlap, under {least}")
            if "collapse" in faults and one.collapse.found:
                failures.append(f"{one.gen.label}: {one.verdict.collapse}")
            if "copying" in faults and one.copying.found:
                failures.append(f"{one.gen.label}: {one.verdict.copying}")
        return failures


def _plain(value: Any) -> Any:
    """Turn arrays and tuples into lists and unknown numbers into None, and round numbers to eight digits."""
    import numpy as np

    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return _plain(value.tolist())
    if isinstance(value, float):
        # the last digits depend on how many threads the linear algebra ran on
        return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None
    return value


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


def compare_folders(
    generated: Sequence[Path],
    original: Path,
    train: Path | None = None,
    *,
    mgeval: bool = False,
    seed: int = 0,
    jobs: int = -1,
    progress: Callable[[str], None] = lambda _: None,
) -> Report:
    """Read folders of MIDI files, and compare each generated one with the originals.

    Args:
        generated: the generated sets.
        original: the originals.
        train: where to look for copies; the originals by default.
        mgeval: use mgeval's features and definitions.
        seed: of all random numbers.
        jobs: parallel workers; −1 is one per core.
        progress: called with a description of each step.

    Raises:
        UserError: a folder does not exist, or nothing in it is readable.
    """
    from evaluation.features.table import FEATURES
    from evaluation.legacy import mgeval as legacy
    from evaluation.scores.sets import compare_sets, read_set

    features = legacy.FEATURES if mgeval else FEATURES
    folders = [*generated, original, *([train] if train else [])]
    sets = []
    for folder, label in zip(folders, labels(folders), strict=True):
        progress(f"reading {label}")
        sets.append(read_set(folder, jobs, label=label, features=features))
    org, training = sets[len(generated)], sets[-1]
    comparisons = []
    for gen in sets[: len(generated)]:
        progress(f"comparing {gen.label} with {org.label}")
        comparisons.append(compare_sets(gen, org, training, seed=seed, jobs=jobs, features=features))
    return Report(comparisons, org, training, features, seed)


def show_progress(step: str) -> None:
    """Show the current step on one line of a terminal."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{step}", end="", file=sys.stderr, flush=True)


def write_report(out: Path, files: Mapping[str, str], *, force: bool) -> Path:
    """Write a report as a new folder, and return its path.

    Args:
        out: the folder; if it exists, `out-2` or the next free number is used.
        files: texts by name.
        force: use `out` itself, and rename a folder that exists there.

    Raises:
        UserError: nothing may be written there.
    """
    from manymodes.files import new_run_folder, replacing_folder

    folder = out if force else new_run_folder(out)
    with replacing_folder(folder) as partial:
        for name, text in files.items():
            (partial / name).write_text(text, encoding="utf-8", newline="")
    return folder


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 0 when done, 1 when the music is not good enough.

    Raises:
        UserError: the folders cannot be compared, or the report cannot be written.
    """
    from manymodes.files import check_folder

    typed = list(sys.argv[1:] if argv is None else argv)
    args = build_parser().parse_args(typed)
    *generated, original = args.folders
    if not generated:
        raise UserError(f"only one folder given: {original}; give generated sets and then the originals")
    check_folder(args.out)
    with cluster(args.scheduler):
        report = compare_folders(
            generated,
            original,
            args.train,
            mgeval=args.mgeval,
            seed=args.seed,
            jobs=args.jobs,
            progress=show_progress,
        )
        show_progress("")
    files = report.files(shlex.join(["python", "-m", PROGRAM, *typed]), html=not args.no_html)
    folder = write_report(args.out, files, force=args.force)
    print("\n".join(report.summary()))
    print(f"wrote {', '.join(str(folder / name) for name in files)}")
    failures = report.failures(args.fail_under, args.fail_on)
    for failure in failures:
        print(f"not good enough: {failure}", file=sys.stderr)
    return NOT_GOOD_ENOUGH if failures else 0


if __name__ == "__main__":
    cli.run(main)
