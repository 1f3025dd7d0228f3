"""Recordings: sound files in a folder, cut into chunks of one second and divided into three splits."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from tqdm import tqdm

from audiovae.data.chunks import QUIETEST_RMS, is_sounding, loudness, to_chunks
from manymodes import watched
from manymodes.cli import UserError
from manymodes.files import Skipped, printable, readable_folder, visible_files
from manymodes.music.audio import FORMATS, RATE_HZ, decoded

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np

_SPLIT_SHARE = 0.1  # of an instrument's files, for validation and for tests
_FEWEST_TO_DEAL = 3


class Recording(NamedTuple):
    """The chunks of a file, float32 [n, 22050], without silent ones, which are counted.

    The name is the path of the file within the folder, the instrument its sub-folder, or the folder itself.
    """

    name: str
    instrument: str
    chunks: np.ndarray
    silent: int


def read_recordings(source: str | Path, hop: int) -> tuple[list[Recording], list[Skipped]]:
    """Read the sound files of a folder, searched recursively without hidden files and folders, and cut them.

    A folder that cannot be read, or has no sound file, raises a UserError.
    """
    folder = readable_folder(source, "--sounds", f"give a folder of sound files ({', '.join(FORMATS)})")
    files = visible_files(folder, FORMATS)
    if not files:
        raise UserError(f"no sounds in {folder}: it has no file of {', '.join(FORMATS)}")
    recordings, skipped = [], []
    answers = watched.each("audiovae.data.recordings:read_chunks", [(str(folder / file), hop) for file in files])
    shown = tqdm(answers, "reading", len(files), unit="file", leave=False, disable=None)
    for file, answer in zip(files, shown, strict=True):
        name = printable(file.as_posix())
        if isinstance(answer, str):
            skipped.append(Skipped(name, answer))
            continue
        chunks, silent = answer
        instrument = name.split("/")[0] if "/" in name else printable(folder.resolve().name)
        recordings.append(Recording(name, instrument, chunks, silent))
    return recordings, skipped


def read_chunks(request: tuple[str, int]) -> tuple[np.ndarray, int] | str:
    """Read and cut a sound file, (path, hop); called in a watched process.

    Returns:
        the chunks that are not silent, at least the loudest one, and the number of the others, or the reason why there
        are none.
    """
    path, hop = request
    sound = decoded((path, RATE_HZ))
    if isinstance(sound, str):
        return sound
    chunks = to_chunks(sound[0], hop)
    loud = loudness(chunks)
    if loud.max() < QUIETEST_RMS:
        return "is silent"
    kept = is_sounding(chunks)
    kept[loud.argmax()] = True  # a single short sound is worth learning too
    return chunks[kept], int(len(chunks) - kept.sum())


def deal(recordings: Sequence[Recording], seed: int) -> tuple[list[int], list[int], list[int]]:
    """Divide files at random into training, validation and test files; return their numbers in ascending order.

    Of each instrument a tenth goes to each of the last two, at least one file; with only one or two files, none does.
    The split of a file follows from the seed and the names alone.
    """
    train, validation, test = [], [], []
    for instrument in {recording.instrument for recording in recordings}:
        numbers = [number for number, recording in enumerate(recordings) if recording.instrument == instrument]
        numbers.sort(key=lambda number: hashlib.sha256(f"{seed} {recordings[number].name}".encode()).digest())
        size = max(round(_SPLIT_SHARE * len(numbers)), 1) if len(numbers) >= _FEWEST_TO_DEAL else 0
        test += numbers[:size]
        validation += numbers[size : 2 * size]
        train += numbers[2 * size :]
    return sorted(train), sorted(validation), sorted(test)
