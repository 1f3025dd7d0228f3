"""Writing to the user's disk without ever losing what was there.

Files are written beside their place and moved into it; folders too. A folder that the program wrote carries a
manifest of its files, so that the program knows its own work from anybody else's.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from manymodes.cli import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

MANIFEST = ".manymodes.json"
CACHE_VARIABLE = "MANYMODES_CACHE"
_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)


def cache_folder() -> Path:
    """Give the folder for what can be made again: $MANYMODES_CACHE, else the user's cache directory."""
    return Path(os.environ.get(CACHE_VARIABLE) or platformdirs.user_cache_dir("manymodes"))


@contextlib.contextmanager
def replacing_file(path: Path) -> Iterator[Path]:
    """Give a path beside ``path`` to write to; on success it takes the place of ``path`` in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".partial-{path.name}")
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
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".partial-{path.name}")
    if partial.exists():
        shutil.rmtree(partial)
    partial.mkdir()
    try:
        yield partial
        for file in partial.rglob("*"):
            _flush_to_disk(file)
        partial.rename(path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def check_output_folder(path: Path, *, force: bool) -> None:
    """Make sure that ``path`` may be written as an output folder, before any work is done.

    It may when it is missing or empty, when everything in it is what the program wrote there, unchanged, or with
    ``force`` (it is then set aside, never deleted).

    Raises:
        UserError: it is a file, holds something of somebody else's, or cannot be moved.
    """
    check_place(path)
    foreign = _first_foreign(path)
    if foreign and not force:
        raise UserError(
            f"{path} holds {foreign}, which this program did not write: "
            f"choose another folder, or --force to set {path} aside as {_free_backup(path).name}"
        )


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


@contextlib.contextmanager
def output_folder(path: Path, *, force: bool) -> Iterator[Path]:
    """Give a folder to fill; on success it replaces what the program wrote at ``path`` before.

    What the program did not write is set aside under a numbered name when ``force`` is given.

    Raises:
        UserError: as `check_output_folder`.
    """
    check_output_folder(path, force=force)
    path = path.resolve()
    partial = path.with_name(f".partial-{path.name}")
    if partial.exists():
        shutil.rmtree(partial)
    partial.mkdir(parents=True)
    try:
        yield partial
        _write_manifest(partial)
        old = path.with_name(f".old-{path.name}")
        shutil.rmtree(old, ignore_errors=True)
        if _first_foreign(path):
            set_aside(path)
        elif path.exists():
            path.rename(old)
        partial.rename(path)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def set_aside(path: Path) -> Path:
    """Rename a file or folder to the first free ``name.1``, ``name.2`` …, say so, and return the new path."""
    backup = _free_backup(path)
    path.rename(backup)
    print(f"{path} was there already: it is now {backup}")
    return backup


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


def _write_manifest(folder: Path) -> None:
    files = {str(f.relative_to(folder)): _digest(f) for f in sorted(folder.rglob("*")) if f.is_file()}
    text = json.dumps({"written by": "manymodes", "sha256": files}, indent=1)
    (folder / MANIFEST).write_text(text, encoding="utf-8")


def _first_foreign(path: Path) -> str | None:
    """Name the first thing at ``path`` that the program did not write; None when there is none."""
    if not path.exists():
        return None
    if not path.is_dir():
        return "a file of that name"
    contents = sorted(f for f in path.rglob("*") if not f.is_dir() and f.name != MANIFEST)
    if not contents:
        return None
    manifest = path / MANIFEST
    known = _read_manifest(manifest)
    for file in contents:
        name = str(file.relative_to(path))
        if name not in known or _digest(file) != known[name]:
            return name
    return None


def _read_manifest(file: Path) -> dict[str, str]:
    """Return {name: digest}; nothing when there is no manifest or none that can be read."""
    try:
        known = json.loads(file.read_text(encoding="utf-8"))["sha256"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return known if isinstance(known, dict) else {}


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _free_backup(path: Path) -> Path:
    number = 1
    while path.with_name(f"{path.name}.{number}").exists():
        number += 1
    return path.with_name(f"{path.name}.{number}")


def _flush_to_disk(path: Path) -> None:
    """Have the system write a file or folder out, so that a later rename never outruns its content."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def new_run_folder(path: Path) -> Path:
    """Make the folder ``path``, or the first free one of ``path-2``, ``path-3`` …, and return it."""
    number, chosen = 1, path
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        try:
            chosen.mkdir()
        except FileExistsError:
            number += 1
            chosen = path.with_name(f"{path.name}-{number}")
        else:
            return chosen
