"""Uploaded files: limits of size, and archives that are unpacked without trusting them.

File names are only displayed: unpacked files get names of our own. The sizes that an archive states are checked
against what it really contains.
"""

from __future__ import annotations

import re
import stat
import unicodedata
import zipfile
import zlib
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import NamedTuple

from manymodes.cli import UserError

__all__ = ["LARGEST_BYTES", "MIDI", "MIDI_ARCHIVE", "SOUND", "TUNE", "Kind", "Unpacked", "received", "unpack"]

LARGEST_BYTES = 32_000_000
"""The largest upload of any kind."""

_MEGA = 1_000_000
_MOST_ENTRIES = 5000  # of an archive, including folders and skipped files
_MOST_FILES = 2000
_LARGEST_UNPACKED = 64 * _MEGA  # all files together
_LARGEST_RATIO = 100  # unpacked to packed size, checked above _SMALL
_SMALL = _MEGA
_OF_AN_ENTRY = b"PK\x01\x02"  # start of each entry of the central directory (APPNOTE 4.3.12)
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}  # others can use unlimited memory
_ARCHIVES = {".zip", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".tar", ".zst"}
_UNREADABLE = (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, OverflowError, RuntimeError)
_LONGEST_NAME = 40


class Kind(NamedTuple):
    """A kind of file.

    Attributes:
        what: its name with an article.
        suffixes: the allowed endings of file names.
        most_bytes: the largest allowed size.
    """

    what: str
    suffixes: tuple[str, ...]
    most_bytes: int


MIDI = Kind("a MIDI file", (".mid", ".midi"), _MEGA // 2)
TUNE = Kind("a tune", (".mid", ".midi", ".abc", ".musicxml", ".xml", ".krn"), _MEGA // 2)
SOUND = Kind("a sound", (".wav", ".flac", ".ogg", ".mp3"), 16 * _MEGA)
MIDI_ARCHIVE = Kind("a zip of MIDI files", (".zip",), LARGEST_BYTES)


class Unpacked(NamedTuple):
    """The contents of an archive.

    Attributes:
        files: number of unpacked files.
        others: number of skipped files of other kinds.
    """

    files: int
    others: int


def received(path: str | Path | None, kind: Kind) -> Path:
    """Return an uploaded file after checking its kind and size.

    Args:
        path: the uploaded file; None if there is none.
        kind: the expected kind.

    Raises:
        UserError: the file is missing, empty, too large or of another kind.
    """
    if path is None:
        raise UserError(f"no file was uploaded: give {kind.what} ({', '.join(kind.suffixes)})")
    file = Path(path)
    if file.is_symlink() or not file.is_file():
        raise UserError(f"{shown(file.name)} is no longer available: upload it again")
    if file.suffix.lower() not in kind.suffixes:
        raise UserError(f"{shown(file.name)} is not {kind.what}: give one of {', '.join(kind.suffixes)}")
    size = file.stat().st_size
    if size > kind.most_bytes:
        raise UserError(f"{shown(file.name)} has {_bytes(size)}: give {kind.what} of at most {_bytes(kind.most_bytes)}")
    if not size:
        raise UserError(f"{shown(file.name)} is empty: give {kind.what} with content")
    return file


def shown(name: str) -> str:
    """Return a file name for display: shortened, without unprintable characters."""
    name = "".join(letter if letter.isprintable() else "�" for letter in unicodedata.normalize("NFC", name))
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


# --- archives ----------------------------------------------------------------------------------------------


def unpack(archive: Path, folder: Path, kind: Kind = MIDI) -> Unpacked:
    """Unpack the files of a kind from a zip archive, each as its number and a safe form of its name.

    Args:
        archive: see `received`.
        folder: an empty folder; nothing is written elsewhere.
        kind: the kind to unpack; other files are skipped.

    Raises:
        UserError: the archive is unreadable, unsafe or too large, or has no file of the kind.
    """
    name = shown(archive.name)
    if archive.read_bytes().count(_OF_AN_ENTRY) > _MOST_ENTRIES:
        raise UserError(f"{name} has more than {_MOST_ENTRIES} entries: give a zip of at most {_MOST_FILES} files")
    try:
        with zipfile.ZipFile(archive) as opened:
            wanted, others = _selected(opened.infolist(), kind, name)
            _check_sizes(wanted, kind, name, archive.stat().st_size)
            left = _LARGEST_UNPACKED
            for number, entry in enumerate(wanted, start=1):
                left -= _extract(opened, entry, folder / _file_name(number, entry.filename), min(left, kind.most_bytes))
    except _UNREADABLE as error:
        raise UserError(f"{name} cannot be read as a zip: create the zip again, without a password") from error
    if not wanted:
        raise UserError(f"{name} contains no {' or '.join(kind.suffixes)} file: give {MIDI_ARCHIVE.what}")
    return Unpacked(len(wanted), others)


def _selected(entries: list[zipfile.ZipInfo], kind: Kind, archive: str) -> tuple[list[zipfile.ZipInfo], int]:
    """Return the files of a kind and the number of other files, without folders and hidden files.

    Raises:
        UserError: an entry is unsafe, or there are too many files.
    """
    files = [entry for entry in entries if not _is_folder(entry)]
    for entry in entries:
        problem = _problem(entry)
        if problem:
            raise UserError(f"{archive} holds {shown(entry.filename)}, {problem}")
    seen = [entry for entry in files if not any(part.startswith((".", "__MACOSX")) for part in _parts(entry))]
    wanted = [entry for entry in seen if _suffix(entry) in kind.suffixes]
    if len(wanted) > _MOST_FILES:
        raise UserError(f"{archive} holds {len(wanted)} files: give at most {_MOST_FILES}")
    return wanted, len(seen) - len(wanted)


def _problem(entry: zipfile.ZipInfo) -> str | None:
    """Return the problem of an entry and its remedy; None if there is none."""
    mode = stat.S_IFMT(entry.external_attr >> 16)
    if mode not in {0, stat.S_IFREG, stat.S_IFDIR}:
        return "which is a link or a device: pack the files themselves"
    if ".." in _parts(entry) or PurePosixPath(entry.filename).is_absolute() or PureWindowsPath(entry.filename).anchor:
        return "a path outside the archive: create the zip again"
    if _suffix(entry) in _ARCHIVES:
        return "another archive: put the files into one zip"
    if entry.flag_bits & 1:
        return "which needs a password: pack the files without one"
    if entry.compress_type not in _METHODS:
        return "which has an unsupported compression: create an ordinary zip"
    return None


def _check_sizes(entries: list[zipfile.ZipInfo], kind: Kind, archive: str, packed: int) -> None:
    """Check the sizes that an archive states.

    Raises:
        UserError: a file, or all together, are too large.
    """
    for entry in entries:
        if entry.file_size > kind.most_bytes:
            what = f"{shown(entry.filename)}, which has {_bytes(entry.file_size)}"
            raise UserError(f"{archive} holds {what}: give files of at most {_bytes(kind.most_bytes)}")
    total = sum(entry.file_size for entry in entries)
    if total > _LARGEST_UNPACKED or total > max(_SMALL, _LARGEST_RATIO * packed):
        raise UserError(
            f"{archive} unpacks from {_bytes(packed)} to {_bytes(total)}: "
            f"give at most {_bytes(_LARGEST_UNPACKED)}, and at most {_LARGEST_RATIO} times the size of the upload"
        )


def _extract(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path, most_bytes: int) -> int:
    """Write an entry to a new file and return its size in bytes.

    Raises:
        BadZipFile: the size is not the stated one, or too large.
    """
    with archive.open(entry) as stream:
        content = stream.read(most_bytes + 1)
    if len(content) > most_bytes or len(content) != entry.file_size:
        raise zipfile.BadZipFile("another size than stated")
    with path.open("xb") as file:
        file.write(content)
    return len(content)


def _parts(entry: zipfile.ZipInfo) -> list[str]:
    """Return the folders and the name of an entry; some Windows programs separate them by backslashes."""
    return re.split(r"[/\\]", entry.filename)


def _is_folder(entry: zipfile.ZipInfo) -> bool:
    return entry.filename.endswith(("/", "\\"))


def _suffix(entry: zipfile.ZipInfo) -> str:
    return PurePosixPath(entry.filename).suffix.lower()


def _file_name(number: int, name: str) -> str:
    """Return a safe file name: the number, and the letters and digits of the given name."""
    path = PurePosixPath(re.split(r"[/\\]", name)[-1])
    kept = re.sub(r"[\W_]+", "-", unicodedata.normalize("NFC", path.stem)).strip("-")[:_LONGEST_NAME]
    return f"{number:04d}-{kept or 'file'}{path.suffix.lower()}"


def _bytes(size: int) -> str:
    return f"{size / _MEGA:.1f} MB" if size >= _MEGA / 10 else f"{size:,} bytes"
