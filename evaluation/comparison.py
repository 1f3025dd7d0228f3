"""Folders of MIDI files compared, and the files of the report about them."""

from __future__ import annotations

import json
import math
import platform
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from evaluation.features.catalogue import suited
from evaluation.features.feature import Feature, csv_text
from evaluation.legacy import mgeval as legacy
from evaluation.page.html import page
from evaluation.reading.folders import read_some
from evaluation.scores import overlap, sampling
from evaluation.scores.copying import Leakage, find_leakage
from evaluation.scores.sets import MusicSet, SetComparison, compare_sets, measure, ranking
from evaluation.scores.two_sample import TwoSampleTest
from evaluation.scores.verdict import counted
from manymodes.files import new_run_folder, replacing_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

FORMAT = 2
"""Raised when a key of `report.json` changes its meaning or goes; new keys do not raise it."""

_DIGITS = 8
_PACKAGES = ("numpy", "scipy", "symusic")


def labels(folders: Sequence[Path]) -> list[str]:
    """Name each folder: by its own name, or by its path where two have the same."""
    names = [folder.resolve().name or "root" for folder in folders]
    if len(set(names)) < len(names):
        names = [folder.as_posix().strip("/") for folder in folders]
    before = [names[:index].count(name) for index, name in enumerate(names)]
    return [f"{name} ({number + 1})" if number else name for name, number in zip(names, before, strict=True)]


@dataclass(frozen=True)
class Report:
    """Generated sets compared with the originals, in the order given; no leakage if the originals are `train`."""

    comparisons: list[SetComparison]
    org: MusicSet
    train: MusicSet
    features: Mapping[str, Feature]
    seed: int
    leakage: Leakage | None = None

    @property
    def sampling(self) -> dict[str, Any]:
        """How much of a set is looked at, how often is drawn, and which sets are larger than that."""
        return {
            "pairwise": sampling.PAIRWISE,
            "resampled": sampling.RESAMPLED,
            "splits": sampling.SPLITS,
            "resamples": sampling.RESAMPLES,
            "permutations": overlap.PERMUTATIONS,
            "sampled_sets": [one.label for one in self.sets if len(one.pieces) > sampling.PAIRWISE],
        }

    @property
    def sets(self) -> list[MusicSet]:
        """The generated sets, the originals, and the training set where it is another one."""
        training = [self.train] if self.train is not self.org else []
        return [*(one.gen for one in self.comparisons), self.org, *training]

    def files(self, command: str, *, html: bool = True) -> dict[str, Iterable[str]]:
        """Compose the files of the report: the blocks of their text by name. They name the command as it was typed."""
        ranked = ranking(self.comparisons)
        versions = {"python": platform.python_version(), **{name: version(name) for name in _PACKAGES}}
        measured = [*(one.gen for one in self.comparisons), self.org]
        pages = {"index.html": [page(self, ranked, command=command, versions=versions)]} if html else {}
        return pages | {
            "report.json": [self._json([one.gen.label for one in ranked], command, versions)],
            "features.csv": csv_text([(one.pieces.names, one.table) for one in measured], self.features),
        }

    def _json(self, ranked: Sequence[str], command: str, versions: Mapping[str, str]) -> str:
        """Compose `report.json`, with the keys that the README documents."""
        roles = ["generated"] * len(self.comparisons) + ["original", "training"]
        details = {one.gen.label: one.record() for one in self.comparisons}
        record = {
            "program": "evaluation.report",
            "format": FORMAT,
            "command": command,
            "seed": self.seed,
            "versions": versions,
            "sets": {one.label: one.record(role) for one, role in zip(self.sets, roles, strict=False)},
            "sampling": self.sampling,
            "ranking": ranked,
            **next(iter(details.values())),
            "leakage": self.leakage,
            "skipped": [file for one in self.sets for file in one.skipped],
        }
        if len(details) > 1:
            record["comparisons"] = details
        return json.dumps(_plain(record), indent=1, ensure_ascii=False, allow_nan=False) + "\n"

    def summary(self) -> list[str]:
        """Describe the result in lines for a terminal."""
        lines = []
        for one in self.comparisons:
            sizes = [f"{each.label} ({counted(len(each.pieces), 'piece')})" for each in (one.gen, self.org)]
            lines.append(" against ".join(sizes))
            lines += [f"  {sentence}" for sentence in one.verdict]
        if self.leakage:
            lines.append(self.leakage.sentence())
        if skipped := sum(len(one.skipped) for one in self.sets):
            lines.append(f"{counted(skipped, 'file')} skipped; the report gives the reasons")
        return lines

    def failures(self, most: float | None, least: float | None, faults: Sequence[str]) -> list[str]:
        """Name each generated set that is not good enough.

        It is told apart with more than the accuracy `most`, or has fewer than `least` of the originals' own overlap, or
        one of the faults "collapse" and "copying". An unknown score meets no limit.
        """
        failures = []
        for one in self.comparisons:
            accuracy, score = one.told.accuracy, one.score
            checks = [
                (most is None or accuracy <= most, f"told apart with accuracy {accuracy:.3f}, over {most}"),
                (least is None or score >= least, f"{score:.3f} of the originals' own overlap, under {least}"),
                ("collapse" not in faults or not one.collapse.found, one.verdict.collapse),
                ("copying" not in faults or not one.copying.found, one.verdict.copying),
            ]
            failures += [f"{one.gen.label}: {complaint}" for passed, complaint in checks if not passed]
        return failures


def _plain(value: Any) -> Any:
    """Turn named tuples into dicts, other tuples and arrays into lists; round floats, NaN and infinity to None."""
    if hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_plain(entry) for entry in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float):
        # the last digits depend on how many threads the linear algebra ran on
        return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None
    return value


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

    Copies are looked for in `train`, by default in the originals. `mgeval` stands for its features and definitions; if
    all pieces are drums alone, their own features are measured. `progress` is called with a description of each step.

    Raises:
        UserError: a folder does not exist, or nothing in it is readable.
    """
    folders = [*generated, original, *([train] if train else [])]
    names = labels(folders)
    read = []
    for folder, label in zip(folders, names, strict=True):
        progress(f"reading {label}")
        read.append(read_some(folder, jobs, label=label))
    features = legacy.FEATURES if mgeval else suited(*(found.pieces for found in read))
    sets = []
    for folder, label, found in zip(folders, names, read, strict=True):
        progress(f"measuring {label}")
        sets.append(measure(label, *found, folder=str(folder), features=features))
    org, training = sets[len(generated)], sets[-1]
    comparisons = []
    test: TwoSampleTest | None = None
    for gen in sets[: len(generated)]:
        progress(f"comparing {gen.label} with {org.label}")
        heard = suited(gen.pieces, org.pieces)
        if test is None or test.features is not heard:  # one test, and one set of halves, for all generated sets
            test = TwoSampleTest(org.pieces, heard, seed)
        comparisons.append(compare_sets(gen, org, training, seed=seed, jobs=jobs, features=features, test=test))
    leakage = find_leakage(org.pieces, training.pieces) if train else None
    return Report(comparisons, org, training, features, seed, leakage)


def write_report(out: Path, files: Mapping[str, Iterable[str]], *, force: bool) -> Path:
    """Write files, blocks of text by name, to a new folder, and return its path; raise a UserError if it may not be.

    It is `out-2` or the next free number if `out` exists. With `force` it is `out`, and a folder there is renamed.
    """
    folder = out if force else new_run_folder(out)
    with replacing_folder(folder) as partial:
        for name, blocks in files.items():
            with (partial / name).open("w", encoding="utf-8", newline="") as stream:
                stream.writelines(blocks)
    return folder
