"""Writing to the user's disk without ever losing what was there.

Files and folders are written beside their place and moved into it. What exists is kept: files that join a folder get
new names, folders get numbered successors.
"""

from __future__ import annotations

import contextlib
import fcntl
import glob
import itertools
import json
import os
import re
import shutil
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import platformdirs

from manymodes.cli import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CACHE_VARIABLE = "MANYMODES_CACHE"
_PARTIAL = ".partial-"
_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)


def cache_folder() -> Path:
    """Give the folder for what can be made again: $MANYMODES_CACHE, else the user's cache directory."""
    return Path(os.environ.get(CACHE_VARIABLE) or platformdirs.user_cache_dir("manymodes"))


@contextlib.contextmanager
def replacing_file(path: Path) -> Iterator[Path]:
    """Give a path beside ``path`` to write to; on success it takes the place of ``path`` in one step."""
    partial = _partial(path)
    try:
        yield partial
        _flush_to_disk(partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file in one step, UTF-8."""
    with replacing_file(path) as partial:
        partial.write_text(text, encoding="utf-8")


@contextlib.contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Give a folder beside ``path`` to fill; on success it becomes ``path``, which must not exist, in one step."""
    partial = _partial(path)
    partial.mkdir()
    try:
        yield partial
        for file in partial.rglob("*"):
            _flush_to_disk(file)
        partial.rename(path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def check_place(path: Path) -> None:
    """Make sure that a folder may be made, replaced or moved at ``path``.

    Raises:
        UserError: it is the folder you are in or around you, or stands where nothing may be written.
    """
    if path.resolve() in (Path.cwd(), *Path.cwd().parents):
        raise UserError(f"{path} is the folder you are in: choose another one to write to")
    parent = next(p for p in path.absolute().parents if p.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK):
        kind = "" if parent.is_dir() else "the file "
        raise UserError(f"{path} cannot be made in {kind}{parent}: choose a place you may write to")


def save_keras(model: object, path: Path) -> None:
    """Save a Keras model in one step, without the clock: the same model gives the same bytes."""
    with replacing_file(path) as partial:
        stamped = partial.with_name(f"{partial.name}.stamped.keras")
        try:
            model.save(stamped)  # type: ignore[attr-defined]
            with zipfile.ZipFile(stamped) as source, zipfile.ZipFile(partial, "w") as target:
                for name in sorted(source.namelist()):
                    content = source.read(name)
                    if name == "metadata.json":
                        content = json.dumps({**json.loads(content), "date_saved": "1980-01-01@00:00:00"}).encode()
                    if name == "config.json":
                        content = _numbered(content.decode()).encode()
                    target.writestr(zipfile.ZipInfo(name, _ZIP_EPOCH), content)
        finally:
            stamped.unlink(missing_ok=True)


def _numbered(config: str) -> str:
    """Number the shared objects of a Keras config in order: Keras tells them apart by their place in memory."""
    numbers: dict[str, int] = {}
    return re.sub(
        r'("shared_object_id": )(\d+)',
        lambda found: f"{found[1]}{numbers.setdefault(found[2], len(numbers) + 1)}",
        config,
    )


def _flush_to_disk(path: Path) -> None:
    """Have the system write a file or folder out, so that a later rename never outruns its content."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def new_run_folder(path: Path) -> Path:
    """Make the folder ``path``, or the first free one of ``path-2``, ``path-3`` and so on, and return it.

    An empty folder counts as free, and so does one that a process was killed in before it had written anything whole.

    Raises:
        UserError: nothing may be written there.
    """
    check_place(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    for chosen in _successors(path):
        try:
            chosen.mkdir()
        except FileExistsError:
            if not chosen.is_dir() or any(not entry.name.startswith(_PARTIAL) for entry in chosen.iterdir()):
                continue
        return chosen
    raise AssertionError


class Addition(NamedTuple):
    """Files on their way into a folder.

    Attributes:
        path: a folder to write them to.
        written: where they are, once they have been moved.
    """

    path: Path
    written: list[Path]


@contextlib.contextmanager
def adding_files(folder: Path) -> Iterator[Addition]:
    """Give a folder to write files to; on success they move into ``folder``, beside what is there.

    Nothing there is overwritten. Files that begin with a number, such as 001.mid and 001-2.png, or have it after a
    prefix without digits, such as beat-001.wav, go on after the greatest number there: four more join sixteen as 017
    to 020. Another file whose name is taken becomes NAME-2, NAME-3 and so on.

    Raises:
        UserError: ``folder`` is a file, or nothing may be written there.
    """
    check_folder(folder)
    partial = _partial(folder)
    partial.mkdir()
    addition = Addition(partial, [])
    try:
        yield addition
        for file in partial.iterdir():
            _flush_to_disk(file)
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder):
            addition.written.extend(_move_all(partial, folder))
    finally:
        shutil.rmtree(partial, ignore_errors=True)


@contextlib.contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Give a folder to fill; on success it becomes ``path``, and the one that was there ``path-1``, or the next number.

    Raises:
        UserError: ``path`` is a file, or nothing may be written there.
    """
    check_folder(path)
    path = path.resolve()
    partial = _partial(path)
    partial.mkdir()
    try:
        yield partial
        for file in partial.rglob("*"):
            _flush_to_disk(file)
        if path.exists() and not any(path.iterdir()):
            path.rmdir()
        elif path.exists():
            kept = next(older for older in _successors(path, first=1) if not older.exists())
            path.rename(kept)
            print(f"{path} was moved to {kept}")
        partial.rename(path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def check_folder(path: Path) -> None:
    """Make sure that files may be written to a folder, before any work is done.

    Raises:
        UserError: it is a file, or nothing may be written there.
    """
    if path.exists() and not path.is_dir():
        raise UserError(f"{path} is a file: choose a folder")
    parent = next(p for p in (path.absolute(), *path.absolute().parents) if p.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK):
        kind = "" if parent.is_dir() else "the file "
        raise UserError(f"{path} cannot be written in {kind}{parent}: choose a place you may write to")


def check_new_file(path: Path, *, force: bool) -> None:
    """Make sure that a file may be written, before any work is done.

    Raises:
        UserError: it is a folder, nothing may be written there, or it exists and ``force`` is not given.
    """
    if path.is_dir():
        raise UserError(f"{path} is a folder: name a file")
    check_folder(path.absolute().parent)
    if path.exists() and not force:
        raise UserError(f"{path} exists: choose another name, or --force to overwrite it")


def _successors(path: Path, *, first: int = 2) -> Iterator[Path]:
    """Yield ``path`` and its numbered successors; from ``path-1``, without ``path``, if ``first`` is 1."""
    if first > 1:
        yield path
    for number in itertools.count(first):
        yield path.with_name(f"{path.stem}-{number}{path.suffix}" if path.is_file() else f"{path.name}-{number}")


_NUMBERED = re.compile(r"(\D*)(\d+)(\D.*)?")
_COUNTER = itertools.count()


def _move_all(source: Path, folder: Path) -> list[Path]:
    """Move every file of one folder into another, as `adding_files` names them."""
    highest: dict[str, int] = {}
    for file in folder.iterdir():
        if (match := _NUMBERED.fullmatch(file.name)) is not None:
            highest[match[1]] = max(highest.get(match[1], 0), int(match[2]))
    written = []
    for file in sorted(source.iterdir()):
        target = folder / file.name
        if (match := _NUMBERED.fullmatch(file.name)) is not None:
            prefix, number, rest = match.groups(default="")
            target = folder / f"{prefix}{int(number) + highest.get(prefix, 0):0{len(number)}d}{rest}"
        if target.exists():
            names = (target.with_name(f"{target.stem}-{count}{target.suffix}") for count in itertools.count(2))
            target = next(name for name in names if not name.exists())
        file.rename(target)
        written.append(target)
    return written


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep other processes of ours from moving files into a folder at the same time."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _partial(path: Path) -> Path:
    """Name a place beside ``path`` that no other process uses, and clear those of processes that were killed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for stale in path.parent.glob(f"{_PARTIAL}*-{glob.escape(path.name)}"):
        owner = stale.name.split("-")[1]
        if owner.isdecimal() and not _is_running(int(owner)):
            shutil.rmtree(stale) if stale.is_dir() else stale.unlink(missing_ok=True)
    return path.with_name(f"{_PARTIAL}{os.getpid()}-{next(_COUNTER)}-{path.name}")


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        return True
    return True


class Skipped(NamedTuple):
    """A file, or a tune or font in one, that is not used, and why, in one line."""

    name: str
    reason: str


def skipped_lines(skipped: Sequence[Skipped], limit: int) -> list[str]:
    """Count what is skipped and name the first ``limit`` of it; no lines if nothing is."""
    lines = [f"skipped: {len(skipped):,}"] if skipped else []
    lines += [f"    {name}: {reason}" for name, reason in skipped[:limit]]
    return lines + ([f"    and {len(skipped) - limit:,} more"] if len(skipped) > limit else [])


def in_columns(rows: Sequence[Sequence[str]], left: int = 1) -> list[str]:
    """Write rows of equally many cells as lines of aligned columns.

    Args:
        rows: their cells.
        left: how many of the first columns are aligned left; the others are aligned right.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    alignments = "<" * left + ">" * (len(widths) - left)
    return [
        "  ".join(f"{cell:{align}{width}}" for cell, align, width in zip(row, alignments, widths, strict=True))
        for row in rows
    ]
