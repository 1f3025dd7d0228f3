"""Recordings: sound files in a folder, cut into chunks of one second and divided into three splits."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tqdm import tqdm

from audiovae.data.chunks import QUIETEST_RMS, is_sounding, loudness, to_chunks
from manymodes.cli import UserError
from manymodes.files import Skipped
from manymodes.music.audio import FORMATS, UnreadableSoundError, decode

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

__all__ = ["Recording", "deal", "find_recordings", "read_recordings"]

_SPLIT_SHARE = 0.1  # of an instrument's files, for validation and for tests
_FEWEST_TO_DEAL = 3


class Recording(NamedTuple):
    """What was read from one file.

    Attributes:
        name: the path of the file, relative to the folder that was searched.
        instrument: the sub-folder that it is in, or the name of the folder itself.
        chunks: float32 [n, 22050], those in which there is sound.
        silent: how many others there were.
    """

    name: str
    instrument: str
    chunks: np.ndarray
    silent: int


def read_recordings(source: str | Path, hop: int, *, progress: bool) -> tuple[list[Recording], list[Skipped]]:
    """Read the sound files of a folder.

    Args:
        source: the folder, searched recursively, hidden files and folders left out.
        hop: samples from one chunk to the next.
        progress: show a bar, if the terminal can.

    Returns:
        What can be used, and what cannot.

    Raises:
        UserError: there is no such folder, it cannot be read, or there is no sound file in it.
    """
    folder, files = find_recordings(source)
    recordings, skipped = [], []
    for file in tqdm(files, "reading", unit="file", leave=False, disable=None if progress else True):
        name = _shown(file.relative_to(folder).as_posix())
        try:
            chunks, silent = _cut(decode(file), hop)
        except UnreadableSoundError as error:
            skipped.append(Skipped(name, str(error)))
            continue
        instrument = name.split("/")[0] if "/" in name else _shown(folder.resolve().name)
        recordings.append(Recording(name, instrument, chunks, silent))
    return recordings, skipped


def _cut(sound: np.ndarray, hop: int) -> tuple[np.ndarray, int]:
    """Return the chunks in which there is sound, at least the loudest one, and how many others there are.

    Raises:
        UnreadableSoundError: it is silent throughout.
    """
    chunks = to_chunks(sound, hop)
    loud = loudness(chunks)
    if loud.max() < QUIETEST_RMS:
        raise UnreadableSoundError("is silent")
    kept = is_sounding(chunks)
    kept[loud.argmax()] = True  # a single short sound is worth learning too
    return chunks[kept], int(len(chunks) - kept.sum())


def find_recordings(source: str | Path) -> tuple[Path, list[Path]]:
    """Return a folder, and the sound files in it and below, in the order of their names.

    Raises:
        UserError: there is no such folder, it cannot be read, or there is no sound file in it.
    """
    if not str(source):
        raise UserError("--sounds is empty: give a folder of sound files")
    folder = Path(source)
    try:
        folder = folder.expanduser()
        if not folder.is_dir():
            problem = "is a file" if folder.exists() else "does not exist"
            raise UserError(f"{folder} {problem}: give a folder of sound files ({', '.join(FORMATS)})")
        with os.scandir(folder):  # os.walk would pass over a folder that may not be read
            pass
    except OSError as error:
        raise UserError(f"cannot read {folder}: {error.strerror or error}; check its permissions") from error
    except RuntimeError as error:  # ~name, and nobody is called so
        raise UserError(f"{folder} does not exist: the home of that user is not known") from error
    files = []
    for parent, subfolders, names in os.walk(folder):
        # Hidden ones are left out: macOS writes a double called ._name beside a file.
        subfolders[:] = [name for name in subfolders if not name.startswith(".")]
        paths = [Path(parent) / name for name in names if not name.startswith(".")]
        files += [path for path in paths if path.suffix.lower() in FORMATS and path.is_file()]
    if not files:
        raise UserError(f"no sounds in {folder}: it has no file of {', '.join(FORMATS)}")
    return folder, sorted(files)


def _shown(name: str) -> str:
    """Return a file's name as text; an old one may be no Unicode."""
    return name.encode("utf-8", "backslashreplace").decode()


def deal(recordings: Sequence[Recording], seed: int) -> tuple[list[int], list[int], list[int]]:
    """Divide files at random into training, validation and test files.

    Of each instrument a tenth goes to each of the last two, at least one file; of an instrument that has only one or
    two files, none does. The split of a file follows from the seed and the names alone.

    Returns:
        The numbers of the files in each split, in their order.
    """
    train: list[int] = []
    validation: list[int] = []
    test: list[int] = []
    for instrument in {recording.instrument for recording in recordings}:
        numbers = [number for number, recording in enumerate(recordings) if recording.instrument == instrument]
        numbers.sort(key=lambda number: hashlib.sha256(f"{seed} {recordings[number].name}".encode()).digest())
        size = max(round(_SPLIT_SHARE * len(numbers)), 1) if len(numbers) >= _FEWEST_TO_DEAL else 0
        test += numbers[:size]
        validation += numbers[size : 2 * size]
        train += numbers[2 * size :]
    return sorted(train), sorted(validation), sorted(test)
