"""Writing a report folder: whole or not at all, and never over something that is not a report."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

PROGRAM = "evaluation.report"
"""What `report.json` names as its program; a folder with such a file may be written again."""

_RECORD = "report.json"


class OutputError(Exception):
    """A place that cannot be written to; the message is one line for the person at the prompt."""


def is_ours(folder: Path) -> bool:
    """Tell whether a folder holds a report that this program wrote."""
    try:
        record = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(record, dict) and record.get("program") == PROGRAM


def check_folder(folder: Path, *, force: bool) -> None:
    """Make sure that a report may be written here, before any work is done.

    Raises:
        OutputError: for a file in the way, and for a folder with other contents unless forced.
    """
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"not a folder: {folder}; give --out another place")
    foreign = folder.is_dir() and any(folder.iterdir()) and not is_ours(folder)
    if foreign and not force:
        raise OutputError(
            f"holds files that are not a report: {folder}; give --out another place, or --force to move them aside"
        )
    existing = folder if folder.exists() else _existing_parent(folder)
    if not os.access(existing, os.W_OK):
        raise OutputError(f"not writable: {existing}; give --out another place")


def _existing_parent(folder: Path) -> Path:
    parent = folder.absolute().parent
    while not parent.exists():
        parent = parent.parent
    if not parent.is_dir():
        raise OutputError(f"not a folder: {parent}; give --out another place")
    return parent


def backup_name(folder: Path) -> Path:
    """Return the first free name of folder.1, folder.2 and so on."""
    number = 1
    while (candidate := folder.with_name(f"{folder.name}.{number}")).exists():
        number += 1
    return candidate


def write_folder(folder: Path, files: Mapping[str, str], *, force: bool) -> Path | None:
    """Write the files of a report.

    A folder that holds other things is moved aside to a numbered name when forced. In a report of ours, the files are
    replaced one by one, each in one step; other files beside them stay.

    Returns:
        where the old folder went, if it was moved.

    Raises:
        OutputError: as `check_folder`, and when writing fails.
    """
    check_folder(folder, force=force)
    folder = folder.absolute()
    moved = None
    try:
        if folder.is_dir() and any(folder.iterdir()) and not is_ours(folder):
            moved = backup_name(folder)
            folder.rename(moved)
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            write_file(folder / name, text)
    except OSError as error:
        raise OutputError(f"cannot write {folder}: {error.strerror or error}; give --out another place") from error
    return moved


def write_file(path: Path, text: str) -> None:
    """Write a file beside its place and move it there in one step, so that no reader ever sees half of it.

    Raises:
        OutputError: when the place cannot be written to.
    """
    try:
        _write_in_one_step(path, text)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}; give --out another place") from error


def _write_in_one_step(path: Path, text: str) -> None:
    if path.is_dir():
        raise IsADirectoryError(None, "it is a folder")
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as stream:
            stream.write(text)
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
