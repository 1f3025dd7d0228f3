"""Sounds for the studio: somebody's as a model hears it, new ones, and the way from one to another."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile

from audiovae.data.chunks import RATE_HZ
from audiovae.generate import from_prior, interpolate, reconstruct
from audiovae.output import prior_of, read_sound
from audiovae.pictures import save_picture
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
"""Of a sound that is sent."""

_MOST_CHANNELS = 8
_PAUSE_SECONDS = 0.25
_prior_of = functools.cache(prior_of)  # read, held against its model and compiled once, not at every click


def read(file: Path) -> np.ndarray:
    """Read somebody's sound, float32 [samples], after a look at how long it says it is: small files may be days long.

    Raises:
        UserError: it is no sound, silent, or too long.
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
    """Draw new sounds of an instrument, [count, 22050].

    Args:
        model: trained, with codes.
        file: where it is from; the prior over its codes is beside it.
        instrument: one that it knows.
        count: how many.
        temperature: below 1 safer, above 1 freer.
        seed: the same seed, the same sounds.

    Raises:
        UserError: there is no prior.
    """
    asked = [model.instruments.index(instrument)] * count
    return from_prior(model, _prior_of(model, file), asked, seed=seed, temperature=temperature)


def one_after_the_other(sounds: Iterable[np.ndarray]) -> np.ndarray:
    """Return sounds as one, with a pause after each but the last."""
    pause = np.zeros(round(_PAUSE_SECONDS * RATE_HZ), np.float32)
    return np.concatenate([part for sound in sounds for part in (sound, pause)][:-1])


def write_sound(place: Path, sound: np.ndarray) -> Path:
    """Write a sound as WAV.

    Args:
        place: path of the file without its ending.
        sound: [samples].
    """
    file = place.with_name(f"{place.name}.wav")
    write_audio(file, sound)
    return file


def write_picture(place: Path, sound: np.ndarray, title: str) -> Path:
    """Draw the waveform and the spectrogram of a sound as PNG.

    Args:
        place: path of the file without its ending.
        sound: [samples].
        title: stands above.
    """
    file = place.with_name(f"{place.name}.png")
    save_picture(file, sound, title)
    return file
