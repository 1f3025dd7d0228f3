"""Sounds for the studio: reconstructions, new ones, and the steps from one to another."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile

from audiovae.data.chunks import RATE_HZ
from audiovae.synthesis import interpolate, make_sounds, prior_of, read_sound, reconstruct
from manymodes.cli import UserError
from manymodes_studio.language import say

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["LONGEST_SECONDS", "RATE_HZ", "interpolate", "new_sounds", "one_after_the_other", "read", "reconstruct"]

LONGEST_SECONDS = 20
"""The longest sound that can be uploaded."""

_MOST_CHANNELS = 8
_PAUSE_SECONDS = 0.25
_prior_of = functools.cache(prior_of)  # loaded and compiled once, not at every click


def read(file: Path) -> np.ndarray:
    """Read an uploaded sound, float32 [samples]; its length is checked first, because small files may be days long.

    A file that is not a sound, silent or too long raises a UserError.
    """
    try:
        with soundfile.SoundFile(file) as opened:
            frames, rate, channels = opened.frames, opened.samplerate, opened.channels
    except soundfile.LibsndfileError as error:
        raise UserError(say("sound.unreadable", file=file)) from error
    if frames > LONGEST_SECONDS * rate or channels > _MOST_CHANNELS:
        raise UserError(say("sound.long", file=file, seconds=LONGEST_SECONDS))
    return read_sound(file)


def new_sounds(model: Any, instrument: str, count: int, *, temperature: float, seed: int) -> np.ndarray:
    """Make new sounds of an instrument, [count, 22050], see `audiovae.synthesis.make_sounds`."""
    prior = _prior_of(model, model.file)
    return make_sounds(model, instrument=instrument, count=count, seed=seed, temperature=temperature, prior=prior)


def one_after_the_other(sounds: Iterable[np.ndarray]) -> np.ndarray:
    """Return sounds as one, with a pause after each but the last."""
    pause = np.zeros(round(_PAUSE_SECONDS * RATE_HZ), np.float32)
    return np.concatenate([part for sound in sounds for part in (sound, pause)][:-1])
