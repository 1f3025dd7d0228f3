"""Write files and folders in one step, without losing anything that was there.

Files and folders are written beside their place and moved into it.
"""

from __future__ import annotations

import contextlib
import fcntl
import glob
import hashlib
import itertools
import json
import os
import re
import shutil
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import platformdirs

from manymodes.cli import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from contextlib import AbstractContextManager

CACHE_VARIABLE = "MANYMODES_CACHE"
_PARTIAL = ".partial-"
_COUNTER = itertools.count()
_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)
_ENDING = re.compile(r"\w\.[a-zA-Z]\w{1,8}$")
_NUMBERED = re.compile(r"(\D*)(\d+)(\D.*)?")


def cache_folder() -> Path:
    """Return the folder of cached files: $MANYMODES_CACHE, else the user's cache directory."""
    return Path(os.environ.get(CACHE_VARIABLE) or platformdirs.user_cache_dir("manymodes"))


def cache_file(name: str, key: object, suffix: str) -> Path:
    """Return the path of a cached file whose content follows from ``key``, JSON values."""
    return cache_folder() / f"{name}-{hashlib.sha256(json.dumps(key).encode()).hexdigest()}{suffix}"


def write_cache(path: Path, what: str, write: Callable[[Path], object]) -> None:
    """Write a cached file in one step by a function of its path, or print a note that it cannot be written."""
    try:
        with replacing_file(path) as partial:
            write(partial)
    except OSError as error:
        print(f"note: {what} cannot be cached in {path.parent}: {error.strerror or error}", file=sys.stderr)


def readable_folder(source: str | Path, option: str, advice: str) -> Path:
    """Return a folder given with an option, ``~`` expanded; raise a UserError, with the advice, if it is unreadable."""
    if not str(source):
        raise UserError(f"{option} is empty: {advice}")
    folder = Path(os.path.expanduser(source))  # noqa: PTH111 - leaves ~nobody as it is
    try:
        os.scandir(folder).close()  # a search would pass over a folder that cannot be read
    except (FileNotFoundError, NotADirectoryError):
        problem = "is a file" if folder.exists() else "does not exist"
        raise UserError(f"{folder} {problem}: {advice}") from None
    except OSError as error:
        raise UserError(f"cannot read {folder}: {error.strerror or error}; check its permissions") from error
    return folder


def visible_files(folder: Path, suffixes: Collection[str]) -> list[Path]:
    """Return the sorted paths in a folder of all files with these suffixes, without hidden files and folders."""
    names = (path.relative_to(folder) for path in folder.rglob("*") if path.suffix.lower() in suffixes)
    # macOS writes a hidden double called ._name beside a file
    return sorted(
        name for name in names if (folder / name).is_file() and not any(part[0] == "." for part in name.parts)
    )


def printable(text: str) -> str:
    """Return a text whose bytes that are not Unicode, from old file names, are escaped."""
    return text.encode("utf-8", "backslashreplace").decode()


def check_place(path: Path) -> None:
    """Raise a UserError if ``path`` is or contains the current folder, or no folder can be made there."""
    if path.resolve() in (Path.cwd(), *Path.cwd().parents):
        raise UserError(f"{path} is the folder you are in: choose another one to write to")
    _check_writable(path, path.absolute().parent)


def check_folder(path: Path) -> None:
    """Raise a UserError unless files may be written to a folder."""
    if path.exists() and not path.is_dir():
        raise UserError(f"{path} is a file: choose a folder")
    _check_writable(path, path.absolute())


def _check_writable(path: Path, folder: Path) -> None:
    existing = next(place for place in (folder, *folder.parents) if place.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        kind = "" if existing.is_dir() else "the file "
        raise UserError(f"{path} cannot be made in {kind}{existing}: choose a place you may write to")


def check_new_file(path: Path, *, force: bool) -> None:
    """Raise a UserError if a file is a folder, its folder is not writable, or it exists, unless by ``force``."""
    if path.is_dir():
        raise UserError(f"{path} is a folder: name a file")
    check_folder(path.absolute().parent)
    if path.exists() and not force:
        raise UserError(f"{path} exists: choose another name, or --force to overwrite it")


def is_one_file(path: Path, suffixes: Collection[str], count: int, *, force: bool) -> bool:
    """Return whether output goes to one file, which its name's ending says, or to a folder.

    What `check_folder` or `check_new_file` refuses, another ending, or several outputs for a file raise a UserError.
    """
    if path.is_dir() or not _ENDING.search(path.name):
        check_folder(path)
        return False
    if path.suffix.lower() not in suffixes:
        raise UserError(f"--out {path}: give a name that ends with {', '.join(suffixes)}, or a folder")
    if count > 1:
        raise UserError(f"--out {path} is one file, and there are {count} to write: give a folder")
    check_new_file(path, force=force)
    return True


def replacing_file(path: Path) -> AbstractContextManager[Path]:
    """Yield a path to write to; on success it replaces ``path`` in one step."""
    return _beside(path, lambda partial: partial.replace(path))


def write_text(path: Path, text: str) -> None:
    """Write a text file in one step, UTF-8."""
    with replacing_file(path) as partial:
        partial.write_text(text, encoding="utf-8")


def save_keras(model: object, path: Path) -> None:
    """Save a Keras model in one step, without timestamps: the same model gives the same bytes."""
    with tempfile.TemporaryDirectory() as folder, replacing_file(path) as partial:
        stamped = Path(folder) / "model.keras"
        model.save(stamped)  # type: ignore[attr-defined]
        with zipfile.ZipFile(stamped) as source, zipfile.ZipFile(partial, "w") as target:
            for name in sorted(source.namelist()):
                content = source.read(name)
                if name == "metadata.json":
                    content = json.dumps({**json.loads(content), "date_saved": "1980-01-01@00:00:00"}).encode()
                if name == "config.json":
                    content = _numbered(content.decode()).encode()
                target.writestr(zipfile.ZipInfo(name, _ZIP_EPOCH), content)


def _numbered(config: str) -> str:
    """Number the shared objects of a Keras config in order, instead of by their place in memory."""
    numbers: dict[str, int] = {}
    return re.sub(
        r'("shared_object_id": )(\d+)',
        lambda match: f"{match[1]}{numbers.setdefault(match[2], len(numbers) + 1)}",
        config,
    )


def new_folder(path: Path) -> AbstractContextManager[Path]:
    """Yield a folder to fill; on success it becomes ``path``, which must be missing or empty, in one step."""
    return _folder_beside(path, lambda partial: partial.rename(path))


def replacing_folder(path: Path) -> AbstractContextManager[Path]:
    """Yield a folder to fill; on success it becomes ``path``, and an existing one ``path-1``, or the next number.

    A place that `check_folder` refuses raises a UserError.
    """
    check_folder(path)
    place = path.resolve()

    def move(partial: Path) -> None:
        if place.exists() and any(place.iterdir()):
            kept = next(older for older in _successors(place, first=1) if not older.exists())
            place.rename(kept)
            print(f"{place} was moved to {kept}")
        partial.rename(place)

    return _folder_beside(place, move)


def new_run_folder(path: Path) -> Path:
    """Make the folder ``path``, or the first free one of ``path-2``, ``path-3`` and so on, and return it.

    An empty folder counts as free, and so does one with nothing but partial files of a killed process. A place that
    `check_place` refuses raises a UserError.
    """
    check_place(path)
    free = next(
        folder
        for folder in itertools.chain([path], _successors(path, first=2))
        if not folder.exists()
        or (folder.is_dir() and all(entry.name.startswith(_PARTIAL) for entry in folder.iterdir()))
    )
    free.mkdir(parents=True, exist_ok=True)
    return free


def replacing_pages(path: Path) -> AbstractContextManager[Path]:
    """Yield a folder to write ``path``'s name to, and its other pages; on success they replace those beside it."""
    return _folder_beside(
        path, lambda partial: [file.replace(path.with_name(file.name)) for file in sorted(partial.iterdir())]
    )


class Addition(NamedTuple):
    """Files that are added to a folder: a path to write them to, and their final places once they have been moved."""

    path: Path
    written: list[Path]


@contextlib.contextmanager
def adding_files(folder: Path) -> Iterator[Addition]:
    """Yield a folder to write files to; on success they move into ``folder`` without overwriting anything.

    Files that begin with a number, such as 001.mid and 001-2.png, or have it after a prefix without digits, such as
    beat-001.wav, continue after the greatest number there: four more join sixteen as 017 to 020. Another file whose
    name is taken becomes NAME-2, NAME-3 and so on. A place that `check_folder` refuses raises a UserError.
    """
    check_folder(folder)
    written: list[Path] = []

    def move(partial: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        with _opened(folder) as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)  # other processes may be adding files as well
            written.extend(_move_all(partial, folder))

    with _folder_beside(folder, move) as partial:
        yield Addition(partial, written)


def in_words(written: Sequence[Path], seed: int | None = None) -> str:
    """Return what a command says it wrote: the first file, the last one, and the seed."""
    last = f" to {written[-1].name}" if len(written) > 1 else ""
    return f"wrote {written[0]}{last}" + ("" if seed is None else f" (seed {seed}; another --seed, another result)")


def _move_all(source: Path, folder: Path) -> list[Path]:
    """Move every file of one folder into another, as `adding_files` names them."""
    highest: dict[str, int] = {}
    for file in folder.iterdir():
        if match := _NUMBERED.fullmatch(file.name):
            highest[match[1]] = max(highest.get(match[1], 0), int(match[2]))
    written = []
    for file in sorted(source.iterdir()):
        target = folder / file.name
        if match := _NUMBERED.fullmatch(file.name):
            prefix, number, rest = match.groups(default="")
            target = folder / f"{prefix}{int(number) + highest.get(prefix, 0):0{len(number)}d}{rest}"
        if target.exists():
            target = next(place for place in _successors(target, first=2) if not place.exists())
        written.append(file.rename(target))
    return written


def _successors(path: Path, *, first: int) -> Iterator[Path]:
    """Yield paths with a number at the end of a folder's name, or before the suffix of a file."""
    stem, suffix = (path.stem, path.suffix) if path.is_file() else (path.name, "")
    return (path.with_name(f"{stem}-{number}{suffix}") for number in itertools.count(first))


@contextlib.contextmanager
def _folder_beside(path: Path, move: Callable[[Path], object]) -> Iterator[Path]:
    """Yield a folder to fill; on success a function moves it, or what is in it, to its place."""
    with _beside(path, move) as partial:
        partial.mkdir()
        yield partial


@contextlib.contextmanager
def _beside(path: Path, move: Callable[[Path], object]) -> Iterator[Path]:
    """Yield a path for a file or folder that no other process uses; on success a function moves it to its place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for stale in path.parent.glob(f"{_PARTIAL}*-{glob.escape(path.name)}"):  # of processes that were killed
        owner = stale.name.split("-")[1]
        if owner.isdecimal() and not _is_running(int(owner)):
            _remove(stale)
    partial = path.with_name(f"{_PARTIAL}{os.getpid()}-{next(_COUNTER)}-{path.name}")
    try:
        yield partial
        for written in (partial, *partial.rglob("*")):
            with _opened(written) as handle:
                os.fsync(handle)  # so that the rename never comes before the content
        move(partial)
    except OSError as error:
        error.filename = error.filename or str(path)
        raise
    finally:
        _remove(partial)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # a process of another user
        pass
    return True


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    handle = os.open(path, os.O_RDONLY)
    try:
        yield handle
    finally:
        os.close(handle)


class Skipped(NamedTuple):
    """A file, or a tune or font in one, that is not used, and the reason in one line."""

    name: str
    reason: str


def skipped_lines(skipped: Sequence[Skipped], limit: int) -> list[str]:
    """Return lines that count the skipped files and name the first ``limit``; no lines without any."""
    lines = [f"skipped: {len(skipped):,}"] if skipped else []
    lines += [f"    {name}: {reason}" for name, reason in skipped[:limit]]
    return lines + ([f"    and {len(skipped) - limit:,} more"] if len(skipped) > limit else [])


def in_columns(rows: Sequence[Sequence[str]], left: int = 1) -> list[str]:
    """Return rows of equally many cells as lines of columns, the first ``left`` aligned left, the others right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    alignments = "<" * left + ">" * (len(widths) - left)
    return [
        "  ".join(f"{cell:{align}{width}}" for cell, align, width in zip(row, alignments, widths, strict=True)).rstrip()
        for row in rows
    ]
