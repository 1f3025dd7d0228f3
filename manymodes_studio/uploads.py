"""Files that visitors send: how large they may be, and archives that are unpacked without trusting a word in them.

A name is only ever shown. Where a file goes, and what it is called there, is decided here; and what an archive says of
sizes is held against what comes out of it.
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
"""What is received at most, whatever it is."""

_MEGA = 1_000_000
_MOST_ENTRIES = 5000  # of an archive, folders and what is left out included
_MOST_FILES = 2000
_LARGEST_UNPACKED = 64 * _MEGA  # all files together
_LARGEST_RATIO = 100  # of what comes out to what was sent, for archives that do not stay small
_SMALL = _MEGA
_OF_AN_ENTRY = b"PK\x01\x02"  # begins every entry of an archive's directory (APPNOTE 4.3.12)
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}  # others take as much memory as they like
_ARCHIVES = {".zip", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".tar", ".zst"}
_UNREADABLE = (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, OverflowError, RuntimeError)
_LONGEST_NAME = 40


class Kind(NamedTuple):
    """What is asked for.

    Attributes:
        what: in words, with its article.
        suffixes: that its name ends with one of.
        most_bytes: how large it may be.
    """

    what: str
    suffixes: tuple[str, ...]
    most_bytes: int


MIDI = Kind("a MIDI file", (".mid", ".midi"), _MEGA // 2)
TUNE = Kind("a tune", (".mid", ".midi", ".abc", ".musicxml", ".xml", ".krn"), _MEGA // 2)
SOUND = Kind("a sound", (".wav", ".flac", ".ogg", ".mp3"), 16 * _MEGA)
MIDI_ARCHIVE = Kind("a zip of MIDI files", (".zip",), LARGEST_BYTES)


class Unpacked(NamedTuple):
    """What was in an archive.

    Attributes:
        files: how many were unpacked.
        others: how many were left out, being of another kind.
    """

    files: int
    others: int


def received(path: str | Path | None, kind: Kind) -> Path:
    """Return a file that was sent, if it is as was asked for.

    Args:
        path: where it has been put; None where nothing was sent.
        kind: what was asked for.

    Raises:
        UserError: it is not.
    """
    if path is None:
        raise UserError(f"nothing was sent: give {kind.what} ({', '.join(kind.suffixes)})")
    file = Path(path)
    if file.is_symlink() or not file.is_file():
        raise UserError(f"{shown(file.name)} is not there any more: send it again")
    if file.suffix.lower() not in kind.suffixes:
        raise UserError(f"{shown(file.name)} is not {kind.what}: give one of {', '.join(kind.suffixes)}")
    size = file.stat().st_size
    if size > kind.most_bytes:
        raise UserError(f"{shown(file.name)} has {_bytes(size)}: give {kind.what} of at most {_bytes(kind.most_bytes)}")
    if not size:
        raise UserError(f"{shown(file.name)} is empty: give {kind.what} with something in it")
    return file


def shown(name: str) -> str:
    """Return a name as it can be shown: one line, not too long, nothing that cannot be printed."""
    name = "".join(letter if letter.isprintable() else "�" for letter in unicodedata.normalize("NFC", name))
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


# --- archives ----------------------------------------------------------------------------------------------


def unpack(archive: Path, folder: Path, kind: Kind = MIDI) -> Unpacked:
    """Unpack the files of a kind from a zip, each under its number and what may be kept of its name.

    Args:
        archive: see `received`.
        folder: empty; no file goes anywhere else.
        kind: of the files; others are left out.

    Raises:
        UserError: it is no zip, holds what no collection of files holds, is larger than it may be, or has no file of
            the kind.
    """
    name = shown(archive.name)
    if archive.read_bytes().count(_OF_AN_ENTRY) > _MOST_ENTRIES:
        raise UserError(f"{name} has more than {_MOST_ENTRIES} entries: give a zip of at most {_MOST_FILES} files")
    try:
        with zipfile.ZipFile(archive) as opened:
            wanted, others = _wanted(opened.infolist(), kind, name)
            _check_sizes(wanted, kind, name, archive.stat().st_size)
            left = _LARGEST_UNPACKED
            for number, entry in enumerate(wanted, start=1):
                left -= _extract(opened, entry, folder / _file_name(number, entry.filename), min(left, kind.most_bytes))
    except _UNREADABLE as error:
        raise UserError(f"{name} cannot be read as a zip: pack the files anew, without a password") from error
    if not wanted:
        raise UserError(f"{name} has no file of {', '.join(kind.suffixes)} in it: give {MIDI_ARCHIVE.what}")
    return Unpacked(len(wanted), others)


def _wanted(entries: list[zipfile.ZipInfo], kind: Kind, archive: str) -> tuple[list[zipfile.ZipInfo], int]:
    """Return the entries that are files of a kind, and how many others there are, folders and hidden ones not counted.

    Raises:
        UserError: an entry is nothing that a person packs.
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
    """Say what is wrong with an entry and what to do; None where nothing is."""
    mode = stat.S_IFMT(entry.external_attr >> 16)
    if mode not in {0, stat.S_IFREG, stat.S_IFDIR}:
        return "which is a link or a device: pack the files themselves"
    if ".." in _parts(entry) or PurePosixPath(entry.filename).is_absolute() or PureWindowsPath(entry.filename).anchor:
        return "a path that leads out of the archive: pack the files anew"
    if _suffix(entry) in _ARCHIVES:
        return "another archive: put the files into one zip"
    if entry.flag_bits & 1:
        return "which needs a password: pack the files without one"
    if entry.compress_type not in _METHODS:
        return "packed in a way that is not read here: pack the files as an ordinary zip"
    return None


def _check_sizes(entries: list[zipfile.ZipInfo], kind: Kind, archive: str, packed: int) -> None:
    """Refuse an archive that says itself that it is too large.

    Raises:
        UserError: it is.
    """
    for entry in entries:
        if entry.file_size > kind.most_bytes:
            what = f"{shown(entry.filename)}, which has {_bytes(entry.file_size)}"
            raise UserError(f"{archive} holds {what}: give files of at most {_bytes(kind.most_bytes)}")
    total = sum(entry.file_size for entry in entries)
    if total > _LARGEST_UNPACKED or total > max(_SMALL, _LARGEST_RATIO * packed):
        raise UserError(
            f"{archive} unpacks from {_bytes(packed)} to {_bytes(total)}: "
            f"give at most {_bytes(_LARGEST_UNPACKED)}, and no more than {_LARGEST_RATIO} times what is sent"
        )


def _extract(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path, most_bytes: int) -> int:
    """Write an entry to a new file, and return how many bytes it has.

    Raises:
        BadZipFile: more comes out than was said, or may.
    """
    with archive.open(entry) as stream:
        content = stream.read(most_bytes + 1)
    if len(content) > most_bytes or len(content) != entry.file_size:
        raise zipfile.BadZipFile("not as long as it says")
    with path.open("xb") as file:
        file.write(content)
    return len(content)


def _parts(entry: zipfile.ZipInfo) -> list[str]:
    """Return the folders and the name of an entry; some programs of Windows write backslashes between them."""
    return re.split(r"[/\\]", entry.filename)


def _is_folder(entry: zipfile.ZipInfo) -> bool:
    return entry.filename.endswith(("/", "\\"))


def _suffix(entry: zipfile.ZipInfo) -> str:
    return PurePosixPath(entry.filename).suffix.lower()


def _file_name(number: int, name: str) -> str:
    """Return a name of our own: a number, and of theirs the letters and digits."""
    path = PurePosixPath(re.split(r"[/\\]", name)[-1])
    kept = re.sub(r"[\W_]+", "-", unicodedata.normalize("NFC", path.stem)).strip("-")[:_LONGEST_NAME]
    return f"{number:04d}-{kept or 'file'}{path.suffix.lower()}"


def _bytes(size: int) -> str:
    return f"{size / _MEGA:.1f} MB" if size >= _MEGA / 10 else f"{size:,} bytes"
