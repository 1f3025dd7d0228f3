"""Folders of MIDI files to note arrays, whatever is in the files.

Files are parsed in watched processes, see `manymodes.watched`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from evaluation.reading.notes import CHUNK, Notes, Packed
from manymodes.cli import UserError
from manymodes.watched import each

SUFFIXES = {".mid", ".midi"}


class Skipped(NamedTuple):
    """A file without usable notes: its set and the path in it, and why."""

    path: str
    reason: str


class ReadResult(NamedTuple):
    """The contents of a folder: every file is either in `pieces` or in `skipped`."""

    pieces: Packed
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
    named = []
    for file in sorted(files, key=lambda file: file.parts):
        full, name = folder / file, printable(f"{label}/{file.as_posix()}")
        if full.is_file() or not full.exists():
            named.append((str(full.absolute()), name))
        else:  # a pipe or a device would keep its reader waiting
            skipped.append(Skipped(name, "not a regular file"))
    parts: list[Packed] = []
    some: list[Notes] = []
    notes = 0
    for (_, name), answer in zip(named, each("evaluation.reading.midi:read", named, jobs=jobs), strict=True):
        if isinstance(answer, Notes):
            some.append(answer)
            notes += len(answer)
        else:
            skipped.append(Skipped(name, answer))
        if notes > CHUNK:
            parts.append(Packed.of(some))
            some, notes = [], 0
    return ReadResult(Packed.join([*parts, Packed.of(some)]), skipped)
