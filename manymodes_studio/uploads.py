"""Uploaded files: limits of size, and archives that are unpacked without trusting them.

File names are only displayed: unpacked files get names of our own. The sizes that an archive states are checked
against what it really contains.
"""

from __future__ import annotations

import re
import shutil
import stat
import unicodedata
import zipfile
import zlib
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING, NamedTuple

from manymodes.cli import UserError
from manymodes_studio.language import say

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

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
    """A kind of file: the key of its name, the allowed endings of file names, and the largest allowed size."""

    key: str
    suffixes: tuple[str, ...]
    most_bytes: int

    @property
    def what(self) -> str:
        """Its name with an article."""
        return say(f"upload.kind.{self.key}")


MIDI = Kind("midi", (".mid", ".midi"), _MEGA // 2)
TUNE = Kind("tune", (".mid", ".midi", ".abc", ".musicxml", ".xml", ".krn"), _MEGA // 2)
SOUND = Kind("sound", (".wav", ".flac", ".ogg", ".mp3"), 16 * _MEGA)
MIDI_ARCHIVE = Kind("archive", (".zip",), LARGEST_BYTES)
MIDI_SET = Kind("set", (*MIDI.suffixes, *MIDI_ARCHIVE.suffixes), LARGEST_BYTES)


def received(path: str | Path | None, kind: Kind) -> Path:
    """Return an uploaded file; raise a UserError if it is missing, empty, too large or of another kind."""
    if path is None:
        raise UserError(say("upload.none", what=f"{kind.what} ({', '.join(kind.suffixes)})"))
    file = Path(path)
    if file.is_symlink() or not file.is_file():
        raise UserError(say("upload.gone", name=shown(file.name)))
    if file.suffix.lower() not in kind.suffixes:
        raise UserError(say("upload.other", name=shown(file.name), what=kind.what, suffixes=", ".join(kind.suffixes)))
    size = file.stat().st_size
    if size > kind.most_bytes:
        sizes = {"size": _bytes(size), "most": _bytes(kind.most_bytes)}
        raise UserError(say("upload.large", name=shown(file.name), what=kind.what, **sizes))
    if not size:
        raise UserError(say("upload.empty", name=shown(file.name), what=kind.what))
    return file


def shown(name: str) -> str:
    """Return a file name for display: shortened, without unprintable characters."""
    name = "".join(letter if letter.isprintable() else "�" for letter in unicodedata.normalize("NFC", name))
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


def gather(paths: Sequence[str] | None, folder: Path) -> int:
    """Copy uploaded MIDI files, and those in zips, to an empty folder; return the number of others in the zips.

    None, too many, or one that `received` or `unpack` refuses raise a UserError.
    """
    if not paths:
        raise UserError(say("upload.none", what=MIDI_SET.what))
    if len(paths) > _MOST_FILES:
        raise UserError(say("upload.many", number=len(paths), most=_MOST_FILES))
    skipped = 0
    for number, path in enumerate(paths, start=1):
        file = received(path, MIDI_SET)
        if file.suffix.lower() in MIDI_ARCHIVE.suffixes:
            unpacked = folder / f"zip-{number:04d}"
            unpacked.mkdir()
            skipped += unpack(file, unpacked)
        else:
            received(path, MIDI)
            shutil.copyfile(file, folder / _safe_name(number, PureWindowsPath(file.name)))
    return skipped


def unpack(archive: Path, folder: Path) -> int:
    """Unpack the MIDI files of a zip archive into an empty folder, each as its number and a safe form of its name.

    Returns the number of skipped files of other kinds, without hidden ones. An archive that is unreadable, unsafe or
    too large, or has no MIDI file, raises a UserError.
    """
    name = shown(archive.name)
    if archive.read_bytes().count(_OF_AN_ENTRY) > _MOST_ENTRIES:
        raise UserError(say("upload.zip.entries", name=name, entries=_MOST_ENTRIES, most=_MOST_FILES))
    try:
        with zipfile.ZipFile(archive) as opened:
            files = _files(opened.infolist(), name)
            wanted = {entry: path for entry, path in files.items() if path.suffix.lower() in MIDI.suffixes}
            _check_sizes(wanted, name, archive.stat().st_size)
            for number, (entry, path) in enumerate(wanted.items(), start=1):
                with opened.open(entry) as stream:
                    # Without a number, read() would unpack all that is there into memory and check the size later.
                    content = stream.read(entry.file_size + 1)
                (folder / _safe_name(number, path)).write_bytes(content)
    except _UNREADABLE as error:
        raise UserError(say("upload.zip.unreadable", name=name)) from error
    if not wanted:
        raise UserError(say("upload.zip.none", name=name, what=MIDI_ARCHIVE.what))
    return len(files) - len(wanted)


def _files(entries: list[zipfile.ZipInfo], archive: str) -> dict[zipfile.ZipInfo, PureWindowsPath]:
    """Return the entries of files that are not hidden, and their paths; some programs separate them by backslashes."""
    files = {}
    for entry in entries:
        path = PureWindowsPath(entry.filename)
        if problem := _problem(entry, path):
            raise UserError(say(f"upload.zip.{problem}", name=archive, entry=shown(entry.filename)))
        is_folder = entry.filename.endswith(("/", "\\"))
        if not is_folder and not any(part.startswith((".", "__MACOSX")) for part in path.parts):
            files[entry] = path
    return files


def _problem(entry: zipfile.ZipInfo, path: PureWindowsPath) -> str | None:
    """Return the key of an entry's problem, None if there is none."""
    problems = {
        "link": stat.S_IFMT(entry.external_attr >> 16) not in {0, stat.S_IFREG, stat.S_IFDIR},
        "outside": ".." in path.parts or path.anchor,
        "nested": path.suffix.lower() in _ARCHIVES,
        "locked": entry.flag_bits & 1,
        "compression": entry.compress_type not in _METHODS,
    }
    return next((key for key, found in problems.items() if found), None)


def _check_sizes(entries: Collection[zipfile.ZipInfo], archive: str, packed: int) -> None:
    """Refuse files that an archive states to be too large, too many, or too large together."""
    if len(entries) > _MOST_FILES:
        raise UserError(say("upload.zip.many", name=archive, number=len(entries), most=_MOST_FILES))
    for entry in entries:
        if entry.file_size > MIDI.most_bytes:
            sizes = {"size": _bytes(entry.file_size), "most": _bytes(MIDI.most_bytes)}
            raise UserError(say("upload.zip.large", name=archive, entry=shown(entry.filename), **sizes))
    total = sum(entry.file_size for entry in entries)
    if total > _LARGEST_UNPACKED or total > max(_SMALL, _LARGEST_RATIO * packed):
        sizes = {"packed": _bytes(packed), "total": _bytes(total), "most": _bytes(_LARGEST_UNPACKED)}
        raise UserError(say("upload.zip.bomb", name=archive, ratio=_LARGEST_RATIO, **sizes))


def _safe_name(number: int, path: PureWindowsPath) -> str:
    """Return a file name of a number and the letters and digits of a name."""
    kept = re.sub(r"[\W_]+", "-", unicodedata.normalize("NFC", path.stem)).strip("-")[:_LONGEST_NAME]
    return f"{number:04d}-{kept or 'file'}{path.suffix.lower()}"


def _bytes(size: int) -> str:
    return f"{size / _MEGA:.1f} MB" if size >= _MEGA / 10 else f"{size:,} bytes"
