"""Read and write sound files, change sampling rates, and read the notes of MIDI files.

A sound here is an array of float32 samples between −1 and 1, mono.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np
import soundfile
import soxr

from manymodes import watched
from manymodes.cli import UserError, existing_file
from manymodes.files import check_new_file, replacing_file
from manymodes.music.midifile import UnreadableMidiError, read_score
from manymodes.music.soundfont import PlayedNote, render  # noqa: F401 - render is used from here

if TYPE_CHECKING:
    from pathlib import Path

RATE_HZ = 22_050
"""Samples a second, unless given."""

FORMATS = {".wav": "PCM_16", ".flac": "PCM_16", ".ogg": "VORBIS", ".mp3": "MPEG_LAYER_III"}
"""File suffixes, and the encoding of samples."""

RATES_HZ = (1_000, 384_000)
"""The lowest and highest sampling rate of a file that is read."""

MOST_CHANNELS = 32
LONGEST_SECONDS = 30 * 60
MOST_SAMPLES = 60_000_000
"""Of a channel: 20 minutes at 48 kHz."""

_BLOCK = 1 << 16
_NOT_OPENED = 2  # SF_ERR_SYSTEM of libsndfile
_CANCELLED = 0.01  # of the energy of the louder channel: 20 dB less
_OVER = 1.12  # 1 dB above full scale; lossy formats overshoot by less


def read_audio(path: str | Path, rate_hz: int = RATE_HZ) -> np.ndarray:
    """Read a WAV, FLAC, OGG or MP3 file, mixed to mono and resampled: float32 [samples], at least one.

    A file that does not exist or is not a sound raises a UserError.
    """
    file = existing_file(path, "the sound")
    answer = watched.call("manymodes.music.audio:decoded", (str(file), rate_hz))
    if isinstance(answer, str):
        reason = f"cannot be read: {answer}" if isinstance(answer, watched.Death) else answer
        raise UserError(f"{file} {reason}: give a WAV, FLAC, OGG or MP3 file")
    samples, above = answer
    if above > 0:
        print(f"note: {file.name} goes {above:.0f} dB above full scale and was made as much softer", file=sys.stderr)
    return np.asarray(samples)


def decoded(request: tuple[str, int]) -> tuple[np.ndarray, float] | str:
    """Read a sound file, (path, rate in Hz); called in a watched process.

    Returns:
        float32 [samples] and by how many dB they were above full scale, or the reason why there are none.
    """
    try:
        return _decoded(*request)
    except soundfile.LibsndfileError as error:
        if error.code == _NOT_OPENED:
            return "cannot be opened (check its permissions)"
        return "cannot be read as sound (it is damaged, or in another format)"


class _Stream(soundfile.SoundFile):
    """A sound file that is read from its beginning to its end, whatever length it states."""

    def seekable(self) -> bool:
        return False


def _decoded(path: str, rate_hz: int) -> tuple[np.ndarray, float] | str:
    with _Stream(path) as sound:
        rate, channels = sound.samplerate, sound.channels
        if not RATES_HZ[0] <= rate <= RATES_HZ[1]:
            return f"has {rate:,} samples a second: there may be {RATES_HZ[0]:,} to {RATES_HZ[1]:,}"
        if channels > MOST_CHANNELS:
            return f"has {channels} channels: there may be {MOST_CHANNELS}"
        most = min(LONGEST_SECONDS * rate, MOST_SAMPLES)
        mixed, energies = _mixed(sound, None, most)
    if len(mixed) > most:
        return f"is longer than {most / rate / 60:.0f} minutes"
    if not len(mixed):
        return "is empty"
    if not np.isfinite(energies).all():
        return "has samples that are NaN or infinite"
    # channels of opposite phase cancel out: the louder one is the sound
    if np.square(mixed, dtype=np.float64).sum() < _CANCELLED * energies.max():
        with _Stream(path) as sound:
            mixed, _ = _mixed(sound, int(energies.argmax()), most)
    peak = float(np.abs(mixed).max())
    above = 20 * np.log10(peak) if peak > _OVER else 0.0
    return resample(mixed / peak if above else mixed, rate, rate_hz), float(above)


def _mixed(sound: soundfile.SoundFile, channel: int | None, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean of the channels, or one of them, up to one block more than ``most``, and the channels' energies.

    The length that a file states may be wrong or unknown, so it is read in blocks.
    """
    parts, energies, count = [np.zeros(0, np.float32)], np.zeros(sound.channels), 0
    while count <= most and len(block := sound.read(_BLOCK, dtype="float32", always_2d=True)):
        energies += np.square(block, dtype=np.float64).sum(axis=0)
        parts.append(block.mean(axis=1) if channel is None else block[:, channel].copy())
        count += len(block)
    return np.concatenate(parts), energies


def resample(samples: np.ndarray, from_hz: int, to_hz: int) -> np.ndarray:
    """Change the sampling rate of a sound, [samples] to float32 [samples × to_hz / from_hz], at least one."""
    if from_hz == to_hz:
        return samples.astype(np.float32, copy=False)
    changed = soxr.resample(samples.astype(np.float32, copy=False), from_hz, to_hz)
    return changed if len(changed) else np.zeros(1, np.float32)


def write_audio(path: Path, samples: np.ndarray, rate_hz: int = RATE_HZ) -> None:
    """Write a sound in one step, in the format of the file's suffix; a missing folder is created.

    The same sound gives the same bytes, except as OGG, whose streams carry a random number.

    Args:
        path: the file.
        samples: [samples] for mono, [samples, channels] otherwise; values beyond ±1 are clipped.
        rate_hz: samples a second.

    Raises:
        UserError: the suffix is of no known format, or the file cannot be made there, as on a full disk.
    """
    encoding = FORMATS.get(path.suffix.lower())
    if encoding is None:
        raise UserError(f"{path} does not say which format to write: give a name that ends with {', '.join(FORMATS)}")
    check_new_file(path, force=True)
    with replacing_file(path) as partial:
        try:
            soundfile.write(partial, np.clip(samples, -1, 1), rate_hz, subtype=encoding)
        except (soundfile.LibsndfileError, AssertionError):  # it asserts that all has been written
            raise UserError(f"{path} cannot be written: is there room for it?") from None


def read_midi(path: str | Path) -> list[PlayedNote]:
    """Read the notes of a MIDI file, without pedals and pitch bends; raise a UserError if it is missing or not MIDI."""
    file = existing_file(path, "the MIDI file")
    try:
        score = read_score(file.read_bytes()).to("second")
    except (UnreadableMidiError, OSError) as error:
        raise UserError(f"{file} cannot be read as MIDI ({error}): give a standard MIDI file") from error
    return [
        PlayedNote(note.time, note.duration, note.pitch, note.velocity, track.program, track.is_drum)
        for track in score.tracks
        for note in track.notes
    ]
