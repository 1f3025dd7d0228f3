"""Folders of MIDI files to note arrays, whatever is in the files.

Parsing happens in processes of its own, each watched: one that dies or does not answer costs the file it was
reading, which is listed with the reason, and a new one goes on with the next file.
"""

from __future__ import annotations

import json
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import joblib

from evaluation.reading.notes import Notes
from evaluation.reading.parsing import Loaded, as_notes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SUFFIXES = {".mid", ".midi"}

SECONDS_A_FILE = 20.0
"""How long one file may take before it counts as a hang."""

SECONDS_TO_START = 120.0
FILES_A_TASK = 500


@dataclass(frozen=True)
class Skipped:
    """A file that gave no notes.

    Attributes:
        path: as reports show it, the set and the path in it.
        reason: in words.
    """

    path: str
    reason: str


@dataclass(frozen=True)
class ReadResult:
    """What a folder held: every file is either in `pieces` or in `skipped`."""

    pieces: list[Notes] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)


class FolderError(Exception):
    """A folder that cannot be read as a set of pieces; the message is one line for the person at the prompt."""


def printable(name: str) -> str:
    """Put a mark for bytes of a file name that are not UTF-8, so that a report can be written."""
    return os.fsencode(name).decode("utf-8", "replace")


def find_files(folder: Path) -> tuple[list[Path], list[Skipped]]:
    """List the MIDI files under a folder in the order of their paths, and the folders in it that cannot be opened.

    Raises:
        FolderError: where there is no such folder.
    """
    if not folder.is_dir():
        what = "is a file, not a folder" if folder.exists() else "no such folder"
        raise FolderError(f"{what}: {folder}; give a folder of .mid files")
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
    """Read a folder as `read_folder` does, and insist on a piece.

    Raises:
        FolderError: where there is no such folder, and where nothing in it is readable.
    """
    result = read_folder(path, jobs, label=label)
    if result.pieces:
        return result
    if not result.skipped:
        raise FolderError(f"no .mid or .midi files: {path}; give a folder of MIDI files")
    first = result.skipped[0]
    what = (
        f"none of {len(result.skipped):,} MIDI files is readable"
        if len(result.skipped) > 1
        else "the only MIDI file is not readable"
    )
    raise FolderError(f"{what}: {path} ({first.path}: {first.reason}); give a folder of MIDI files with notes")


def read_folder(
    path: str | Path,
    jobs: int = -1,
    *,
    label: str | None = None,
    seconds_a_file: float = SECONDS_A_FILE,
) -> ReadResult:
    """Read every .mid and .midi file under a folder.

    Work goes through joblib, so that inside `joblib.parallel_config("dask")` a cluster does it; its workers must see
    the same paths.

    Args:
        path: the folder, searched with its sub-folders.
        jobs: parallel readers; −1 is one for each core.
        label: what to call the set; its folder's name when not given.
        seconds_a_file: after how long a file counts as a hang.

    Raises:
        FolderError: where there is no such folder.
    """
    folder = Path(path)
    files, closed = find_files(folder)
    label = label or folder.resolve().name
    named = [(str(file.absolute()), printable(f"{label}/{file.relative_to(folder).as_posix()}")) for file in files]
    workers = max(1, min(joblib.effective_n_jobs(jobs), len(named) // 50 + 1))
    size = max(1, min(FILES_A_TASK, -(-len(named) // workers)))
    tasks = [named[start : start + size] for start in range(0, len(named), size)]
    # threads are enough here: each one only waits for the process that it watches
    parallel = joblib.Parallel(n_jobs=workers, prefer="threads")
    pieces: list[Notes] = []
    skipped = closed
    for results in parallel(joblib.delayed(read_guarded)(task, seconds_a_file) for task in tasks):
        pieces.extend(result for result in results if isinstance(result, Notes))
        skipped.extend(result for result in results if isinstance(result, Skipped))
    return ReadResult(pieces, skipped)


def parser_command() -> list[str]:
    """Return the command of a parsing process."""
    return [sys.executable, "-m", "evaluation.reading.parsing"]


def read_guarded(
    named: Sequence[tuple[str, str]],
    seconds_a_file: float = SECONDS_A_FILE,
    command: Callable[[], list[str]] = parser_command,
) -> list[Notes | Skipped]:
    """Read files in a watched process, and in a new one after each file that crashed or stopped the last.

    Args:
        named: (path, name) of each file.
        seconds_a_file: after how long a file counts as a hang.
        command: starts the parsing process.

    Returns:
        [len(named)], in order.
    """
    answers: list[Loaded | Skipped] = []
    while len(answers) < len(named):
        answers.extend(_read_until_trouble(named[len(answers) :], seconds_a_file, command()))
    loaded = [answer for answer in answers if isinstance(answer, Loaded)]
    notes = iter(as_notes(loaded))
    results: list[Notes | Skipped] = []
    for answer in answers:
        if isinstance(answer, Skipped):
            results.append(answer)
            continue
        result = next(notes)
        results.append(Skipped(answer.name, result) if isinstance(result, str) else result)
    return results


def _read_until_trouble(
    named: Sequence[tuple[str, str]], seconds_a_file: float, command: list[str]
) -> list[Loaded | Skipped]:
    """Read files in one process, up to and including the first that it does not survive."""
    # one thread each: linear algebra has no part in parsing, and its pools take long to start
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    environment["PYTHONPATH"] = os.pathsep.join(
        [str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]
    )
    process = subprocess.Popen(  # noqa: S603 - our own module, by our own interpreter
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    )
    messages: queue.SimpleQueue[Loaded | str | None] = queue.SimpleQueue()
    printed: list[bytes] = []
    threads = [
        threading.Thread(target=_collect, args=(process, messages), daemon=True),
        threading.Thread(target=lambda: printed.append(_drain(process)), daemon=True),
        threading.Thread(target=_ask, args=(process, named), daemon=True),
    ]
    for thread in threads:
        thread.start()
    results: list[Loaded | Skipped] = []
    try:
        if messages.get(timeout=SECONDS_TO_START) != "ready":
            process.wait()
            threads[1].join()
            last_words = b"".join(printed).decode(errors="replace").strip().splitlines()
            raise RuntimeError(f"the parsing process did not start: {last_words[-1] if last_words else 'no message'}")
        for _, name in named:
            message = messages.get(timeout=seconds_a_file)
            if message is None:
                results.append(Skipped(name, f"the MIDI parser crashed on it ({_cause_of_death(process)})"))
                break
            results.append(Skipped(name, message) if isinstance(message, str) else message)
    except queue.Empty:
        results.append(Skipped(named[len(results)][1], f"no answer from the MIDI parser in {seconds_a_file:g} s"))
    finally:
        process.kill()
        process.wait()
        for thread in threads:
            thread.join()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()
    return results


def _ask(process: subprocess.Popen[bytes], named: Sequence[tuple[str, str]]) -> None:
    assert process.stdin is not None
    try:
        process.stdin.write(json.dumps(named).encode())
        process.stdin.close()
    except BrokenPipeError:
        return  # it died first; the reader of its answers reports that


def _drain(process: subprocess.Popen[bytes]) -> bytes:
    assert process.stderr is not None
    return process.stderr.read()


def _collect(process: subprocess.Popen[bytes], messages: queue.SimpleQueue[Loaded | str | None]) -> None:
    """Pass on each answer, and None when there are no more."""
    assert process.stdout is not None
    try:
        while True:
            answer = pickle.load(process.stdout)  # noqa: S301 - written by our own process, not by a file
            messages.put(Loaded(*answer) if isinstance(answer, tuple) else answer)
    except (EOFError, pickle.UnpicklingError):
        pass  # it ended, or died in the middle of an answer
    finally:
        messages.put(None)


def _cause_of_death(process: subprocess.Popen[bytes]) -> str:
    code = process.wait()
    if code < 0:
        return signal.Signals(-code).name
    return f"exit code {code}"
