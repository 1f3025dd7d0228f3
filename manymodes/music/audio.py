"""Read and write sound files, change sampling rates, and read the notes of MIDI files.

A sound here is an array of float32 samples between −1 and 1, mono.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile
import soxr

from manymodes.cli import UserError, existing_file
from manymodes.files import check_place, replacing_file
from manymodes.music.soundfont import PlayedNote, render  # noqa: F401 - render is used from here

if TYPE_CHECKING:
    from pathlib import Path

RATE_HZ = 22_050
"""Samples a second, unless given."""

FORMATS = {".wav": "PCM_16", ".flac": "PCM_16", ".ogg": "VORBIS", ".mp3": "MPEG_LAYER_III"}
"""File suffixes, and the encoding of samples."""


class UnreadableSoundError(Exception):
    """The reason why a sound file is unusable, as one line."""


def read_audio(path: str | Path, rate_hz: int = RATE_HZ) -> np.ndarray:
    """Read a WAV, FLAC, OGG or MP3 file, mixed to mono and resampled: float32 [samples], at least one.

    A file that does not exist or is not a sound raises a UserError.
    """
    file = existing_file(path, "the sound")
    try:
        return decode(file, rate_hz)
    except UnreadableSoundError as error:
        raise UserError(f"{file} {error}: give a WAV, FLAC, OGG or MP3 file") from error


def decode(file: Path, rate_hz: int = RATE_HZ) -> np.ndarray:
    """Read a sound file as `read_audio` does; raise an UnreadableSoundError if it is empty, or not finite numbers."""
    try:
        with file.open("rb") as stream:
            samples, rate = soundfile.read(stream, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise UnreadableSoundError(f"cannot be read as sound ({error.error_string.rstrip('.')})") from error
    except OSError as error:
        raise UnreadableSoundError(f"cannot be opened ({error.strerror or error})") from error
    if not len(samples):
        raise UnreadableSoundError("is empty")
    if not np.isfinite(samples).all():
        raise UnreadableSoundError("has samples that are no numbers")
    return resample(samples.mean(axis=1), rate, rate_hz)


def resample(samples: np.ndarray, from_hz: int, to_hz: int) -> np.ndarray:
    """Change the sampling rate of a sound, [samples] to float32 [samples × to_hz / from_hz], at least one."""
    if from_hz == to_hz:
        return samples.astype(np.float32, copy=False)
    changed = soxr.resample(samples.astype(np.float32, copy=False), from_hz, to_hz)
    return changed if len(changed) else np.zeros(1, np.float32)


def write_audio(path: Path, samples: np.ndarray, rate_hz: int = RATE_HZ) -> None:
    """Write a sound in one step, in the format of the file's suffix; a missing folder is created.

    Samples are [samples] for mono, [samples, channels] otherwise, and those beyond ±1 are clipped. The same sound gives
    the same bytes, except as OGG, whose streams carry a random number.

    Raises:
        UserError: the suffix is of no known format, or the file cannot be made there.
    """
    encoding = FORMATS.get(path.suffix.lower())
    if encoding is None:
        raise UserError(f"{path} does not say which format to write: give a name that ends with {', '.join(FORMATS)}")
    if path.is_dir():
        raise UserError(f"{path} is a folder: give the path of a file to write")
    check_place(path)
    with replacing_file(path) as partial:
        soundfile.write(partial, np.clip(samples, -1, 1), rate_hz, subtype=encoding)


def read_midi(path: str | Path) -> list[PlayedNote]:
    """Read the notes of a MIDI file, without controllers such as pedals and pitch bends.

    A file that does not exist or is not MIDI raises a UserError.
    """
    import symusic

    file = existing_file(path, "the MIDI file")
    try:
        score: Any = symusic.Score.from_midi(file.read_bytes(), ttype="second")
    except (RuntimeError, ValueError, OSError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{file} cannot be read as MIDI ({reason}): give a standard MIDI file") from error
    return [
        PlayedNote(note.time, note.duration, note.pitch, note.velocity, track.program, track.is_drum)
        for track in score.tracks
        for note in track.notes
    ]
