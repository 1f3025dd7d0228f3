"""Sounds for the studio: reconstructions, new ones, and the steps from one to another."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile

from audiovae.data.chunks import RATE_HZ
from audiovae.plots import save_picture
from audiovae.synthesis import interpolate, make_sounds, prior_of, read_sound, reconstruct
from manymodes.cli import UserError
from manymodes.music.audio import write_audio

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = [
    "LONGEST_SECONDS",
    "RATE_HZ",
    "interpolate",
    "new_sounds",
    "one_after_the_other",
    "read",
    "reconstruct",
    "write_picture",
    "write_sound",
]

LONGEST_SECONDS = 20
"""Of a sound that is uploaded."""

_MOST_CHANNELS = 8
_PAUSE_SECONDS = 0.25
_prior_of = functools.cache(prior_of)  # loaded and compiled once, not at every click


def read(file: Path) -> np.ndarray:
    """Read an uploaded sound, float32 [samples]; its length is checked first, because small files may be days long.

    Raises:
        UserError: it is not a sound, silent, or too long.
    """
    try:
        with soundfile.SoundFile(file) as opened:
            frames, rate, channels = opened.frames, opened.samplerate, opened.channels
    except soundfile.LibsndfileError as error:
        raise UserError(f"{file} cannot be read as sound: give a WAV, FLAC, OGG or MP3 file") from error
    if frames > LONGEST_SECONDS * rate or channels > _MOST_CHANNELS:
        raise UserError(f"{file} is longer than {LONGEST_SECONDS} seconds: give a shorter sound")
    return read_sound(file)


def new_sounds(model: Any, file: Path, instrument: str, count: int, *, temperature: float, seed: int) -> np.ndarray:
    """Make new sounds of an instrument, [count, 22050].

    Args:
        model: trained, with codes.
        file: where it is from; the prior over its codes is beside it.
        instrument: one that it knows.
        count: number of sounds.
        temperature: below 1 safer, above 1 freer.
        seed: same seed, same sounds.

    Raises:
        UserError: there is no prior.
    """
    prior = _prior_of(model, file)
    return make_sounds(model, instrument=instrument, count=count, seed=seed, temperature=temperature, prior=prior)


def one_after_the_other(sounds: Iterable[np.ndarray]) -> np.ndarray:
    """Return sounds as one, with a pause after each but the last."""
    pause = np.zeros(round(_PAUSE_SECONDS * RATE_HZ), np.float32)
    return np.concatenate([part for sound in sounds for part in (sound, pause)][:-1])


def write_sound(place: Path, sound: np.ndarray) -> Path:
    """Write a sound as WAV.

    Args:
        place: path of the file without its suffix.
        sound: [samples].
    """
    file = place.with_name(f"{place.name}.wav")
    write_audio(file, sound)
    return file


def write_picture(place: Path, sound: np.ndarray, title: str) -> Path:
    """Draw the waveform and the spectrogram of a sound as PNG.

    Args:
        place: path of the file without its suffix.
        sound: [samples].
        title: stands above.
    """
    file = place.with_name(f"{place.name}.png")
    save_picture(file, sound, title)
    return file
