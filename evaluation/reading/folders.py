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
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import joblib

from evaluation.reading.midi import Loaded, as_notes
from evaluation.reading.notes import Notes
from manymodes.cli import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

SUFFIXES = {".mid", ".midi"}

SECONDS_A_FILE = 20.0
"""A file that takes longer is skipped."""

FILES_A_TASK = 500


@dataclass(frozen=True)
class Skipped:
    """A file without usable notes.

    Attributes:
        path: as reports show it: the set and the path in it.
        reason: in words.
    """

    path: str
    reason: str


@dataclass(frozen=True)
class ReadResult:
    """The contents of a folder: every file is either in `pieces` or in `skipped`."""

    pieces: list[Notes]
    skipped: list[Skipped]


def printable(name: str) -> str:
    """Replace bytes of a file name that are not UTF-8 by a mark, so that a report can be written."""
    return os.fsencode(name).decode("utf-8", "replace")


def find_files(folder: Path) -> tuple[list[Path], list[Skipped]]:
    """List the MIDI files under a folder in the order of their paths, and the folders in it that cannot be opened.

    Raises:
        UserError: there is no such folder.
    """
    if not folder.is_dir():
        what = "is a file, not a folder" if folder.exists() else "no such folder"
        raise UserError(f"{what}: {folder}; give a folder of .mid files")
    closed: list[Skipped] = []

    def note(error: OSError) -> None:
        closed.append(Skipped(printable(str(error.filename)), f"not readable: {error.strerror}"))

    found = [
        Path(parent) / name
        for parent, _, names in os.walk(folder, onerror=note)
        for name in names
        if Path(name).suffix.lower() in SUFFIXES
    ]
    return sorted(found, key=lambda path: path.relative_to(folder).parts), closed


def read_some(path: str | Path, jobs: int = -1, *, label: str | None = None) -> ReadResult:
    """Read a folder that must hold at least one readable piece; see `read_folder`.

    Raises:
        UserError: there is no such folder, or nothing in it is readable.
    """
    result = read_folder(path, jobs, label=label)
    if result.pieces:
        return result
    if not result.skipped:
        raise UserError(f"no .mid or .midi files: {path}; give a folder of MIDI files")
    first = result.skipped[0]
    what = (
        f"none of {len(result.skipped):,} MIDI files is readable"
        if len(result.skipped) > 1
        else "the only MIDI file is not readable"
    )
    raise UserError(f"{what}: {path} ({first.path}: {first.reason}); give a folder of MIDI files with notes")


def read_folder(path: str | Path, jobs: int = -1, *, label: str | None = None) -> ReadResult:
    """Read every .mid and .midi file under a folder.

    Work goes through joblib, so that inside `joblib.parallel_config("dask")` a cluster does it; its workers must see
    the same paths.

    Args:
        path: the folder, searched with its sub-folders.
        jobs: parallel readers; −1 is one per core.
        label: what to call the set; its folder's name when not given.

    Raises:
        UserError: there is no such folder.
    """
    folder = Path(path)
    files, closed = find_files(folder)
    label = label or folder.resolve().name
    named = [(str(file.absolute()), printable(f"{label}/{file.relative_to(folder).as_posix()}")) for file in files]
    workers = max(1, min(joblib.effective_n_jobs(jobs), len(named) // 50 + 1))
    size = max(1, min(FILES_A_TASK, -(-len(named) // workers)))
    tasks = [named[start : start + size] for start in range(0, len(named), size)]
    # threads are enough: each one only waits for its process
    parallel = joblib.Parallel(n_jobs=workers, prefer="threads")
    pieces: list[Notes] = []
    skipped = closed
    for results in parallel(joblib.delayed(read_guarded)(task) for task in tasks):
        pieces.extend(result for result in results if isinstance(result, Notes))
        skipped.extend(result for result in results if isinstance(result, Skipped))
    return ReadResult(pieces, skipped)


def parser_command() -> list[str]:
    """Return the command that starts a parsing process, without its last argument: the seconds a file may take."""
    return [sys.executable, "-P", "-m", "evaluation.reading.midi"]


def read_guarded(
    named: Sequence[tuple[str, str]], seconds_a_file: float = SECONDS_A_FILE, command: Sequence[str] | None = None
) -> list[Notes | Skipped]:
    """Read files in a process of their own, and in a new one after each file that ended the last.

    Args:
        named: (path, name) of each file.
        seconds_a_file: a file that takes longer is skipped.
        command: starts the parsing process; `parser_command` by default.

    Returns:
        [len(named)], in order.
    """
    answers: list[Loaded | Skipped] = []
    while len(answers) < len(named):
        answers.extend(_read_until_crash(named[len(answers) :], seconds_a_file, command or parser_command()))
    notes = iter(as_notes([answer for answer in answers if isinstance(answer, Loaded)]))
    results: list[Notes | Skipped] = []
    for answer in answers:
        if isinstance(answer, Skipped):
            results.append(answer)
        else:
            result = next(notes)
            results.append(Skipped(answer.name, result) if isinstance(result, str) else result)
    return results


def _read_until_crash(
    named: Sequence[tuple[str, str]], seconds_a_file: float, command: Sequence[str]
) -> list[Loaded | Skipped]:
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
    results: list[Loaded | Skipped] = [
        Skipped(name, answer) if isinstance(answer, str) else Loaded(*answer)
        for (_, name), answer in zip(named, answers[1:], strict=False)
    ]
    if len(results) < len(named):
        results.append(Skipped(named[len(results)][1], _reason(run.returncode, seconds_a_file)))
    return results


def _reason(code: int, seconds_a_file: float) -> str:
    """Say why a parsing process ended."""
    if code == -signal.SIGALRM:
        return f"no answer from the MIDI parser in {seconds_a_file:g} s"
    cause = signal.Signals(-code).name if code < 0 else f"exit code {code}"
    return f"the MIDI parser crashed on it ({cause})"
