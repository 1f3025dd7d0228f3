"""Folders of MIDI files to note arrays, whatever is in the files.

Files are parsed in separate processes. When one crashes or hangs, the file that it was reading is skipped with the
reason, and a new process reads the rest.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import joblib

from evaluation.reading.notes import Notes
from manymodes.cli import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

SUFFIXES = {".mid", ".midi"}

SECONDS_A_FILE = 20.0
"""A file that takes longer is skipped."""

FILES_A_TASK = 500

PARSER = (sys.executable, "-P", "-m", "evaluation.reading.midi")
"""Starts a parsing process; its last argument, the seconds that a file may take, is added."""


class Skipped(NamedTuple):
    """A file without usable notes: its set and the path in it, and why."""

    path: str
    reason: str


class ReadResult(NamedTuple):
    """The contents of a folder: every file is either in `pieces` or in `skipped`."""

    pieces: list[Notes]
    skipped: list[Skipped]


def printable(name: str) -> str:
    """Replace bytes of a file name that are not UTF-8 by a mark, so that a report can be written."""
    return os.fsencode(name).decode("utf-8", "replace")


def read_some(path: str | Path, jobs: int = -1, *, label: str | None = None) -> ReadResult:
    """Read a folder as `read_folder`; raise a UserError if nothing in it is readable."""
    result = read_folder(path, jobs, label=label)
    if result.pieces:
        return result
    count = len(result.skipped)
    if not count:
        raise UserError(f"no .mid or .midi files: {path}; give a folder of MIDI files")
    what = f"none of {count:,} MIDI files is readable" if count > 1 else "the only MIDI file is not readable"
    name, reason = result.skipped[0]
    raise UserError(f"{what}: {path} ({name}: {reason}); give a folder of MIDI files with notes")


def read_folder(path: str | Path, jobs: int = -1, *, label: str | None = None) -> ReadResult:
    """Read every .mid and .midi file under a folder and its subfolders, in the order of their paths.

    Work goes through joblib, so that inside `joblib.parallel_config("dask")` a cluster does it; its workers must see
    the same paths. −1 jobs are one per core. The set is called by its folder's name if no label is given.

    Raises:
        UserError: there is no such folder.
    """
    folder = Path(path)
    if not folder.is_dir():
        what = "is a file, not a folder" if folder.exists() else "no such folder"
        raise UserError(f"{what}: {folder}; give a folder of .mid files")
    skipped: list[Skipped] = []

    def skip(error: OSError) -> None:
        skipped.append(Skipped(printable(str(error.filename)), f"not readable: {error.strerror}"))

    files = [
        Path(parent, name).relative_to(folder)
        for parent, _, names in os.walk(folder, onerror=skip)
        for name in names
        if Path(name).suffix.lower() in SUFFIXES
    ]
    label = label or folder.resolve().name
    named = [
        (str((folder / file).absolute()), printable(f"{label}/{file.as_posix()}"))
        for file in sorted(files, key=lambda file: file.parts)
    ]
    workers = max(1, min(joblib.effective_n_jobs(jobs), len(named) // 50 + 1))
    size = max(1, min(FILES_A_TASK, -(-len(named) // workers)))
    tasks = [named[start : start + size] for start in range(0, len(named), size)]
    # threads are enough: each one only waits for its process
    parallel = joblib.Parallel(n_jobs=workers, prefer="threads")
    pieces: list[Notes] = []
    for results in parallel(joblib.delayed(read_guarded)(task) for task in tasks):
        pieces.extend(result for result in results if isinstance(result, Notes))
        skipped.extend(result for result in results if isinstance(result, Skipped))
    return ReadResult(pieces, skipped)


def read_guarded(
    named: Sequence[tuple[str, str]], seconds_a_file: float = SECONDS_A_FILE, command: Sequence[str] = PARSER
) -> list[Notes | Skipped]:
    """Read files, (path, name) each, in a separate process, and in a new one after each file that ended the last."""
    results: list[Notes | Skipped] = []
    while len(results) < len(named):
        results.extend(_read_until_crash(named[len(results) :], seconds_a_file, command))
    return results


def _read_until_crash(
    named: Sequence[tuple[str, str]], seconds_a_file: float, command: Sequence[str]
) -> list[Notes | Skipped]:
    """Read files in one process, up to and including the first that it does not survive."""
    # one thread each: linear algebra has no part in parsing, and its pools take long to start
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    paths = [str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]
    run = subprocess.run(  # noqa: S603 - our own module, by our own interpreter
        [*command, str(seconds_a_file)],
        input=json.dumps(named).encode(),
        capture_output=True,
        env=environment | {"PYTHONPATH": os.pathsep.join(paths)},
        check=False,
    )
    stream, answers = io.BytesIO(run.stdout), []
    with contextlib.suppress(EOFError, pickle.UnpicklingError):  # the end, or the middle of an answer
        while True:
            answers.append(pickle.load(stream))  # noqa: S301 - written by our own process, not by a file
    if not answers:
        printed = run.stderr.decode(errors="replace").strip().splitlines() or ["no message"]
        raise RuntimeError(f"the parsing process did not start: {printed[-1]}")
    results: list[Notes | Skipped] = [
        Skipped(name, answer) if isinstance(answer, str) else answer
        for (_, name), answer in zip(named, answers[1:], strict=False)
    ]
    if len(results) < len(named):
        if run.returncode == -signal.SIGALRM:
            reason = f"no answer from the MIDI parser in {seconds_a_file:g} s"
        else:
            code = run.returncode
            cause = signal.Signals(-code).name if code < 0 else f"exit code {code}"
            reason = f"the MIDI parser crashed on it ({cause})"
        results.append(Skipped(named[len(results)][1], reason))
    return results
