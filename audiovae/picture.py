"""The picture of a sound: its waveform above its spectrogram."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import librosa
import numpy as np

from audiovae.data.chunks import RATE_HZ
from audiovae.metrics.spectra import FLOOR_DB, MEL_HOP, decibels_of, log_mel
from manymodes.experiment.plots import REAL, saved_figure

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes

LONGEST_SECONDS = 30
"""Sounds are drawn up to this point."""

_TICKS_HZ = (250, 500, 1000, 2000, 4000, 8000)
_COLUMNS = 2000  # of the waveform: more than a picture has pixels


def save_picture(path: Path, sound: np.ndarray, title: str, *, dark: bool = False) -> None:
    """Draw a sound, [samples] in ±1, as a PNG on white or on black; of a long one the first 30 seconds."""
    drawn = sound[: LONGEST_SECONDS * RATE_HZ]
    if len(drawn) < len(sound):
        title += f", the first {LONGEST_SECONDS} seconds"
    with saved_figure(path, (8, 4), grid=False, dark=dark) as figure:
        wave, mel = figure.subplots(2, sharex=True, height_ratios=(1, 2))
        begins = np.arange(0, len(drawn), max(1, len(drawn) // _COLUMNS))
        lowest, highest = np.minimum.reduceat(drawn, begins), np.maximum.reduceat(drawn, begins)
        wave.fill_between(begins / RATE_HZ, lowest, highest, step="post", color=REAL, linewidth=0.5)
        wave.set_ylim(-1, 1)
        wave.set_title(title, parse_math=False)  # between two dollars matplotlib would read a formula
        spectrum = decibels_of(log_mel(drawn))
        half = MEL_HOP / 2 / RATE_HZ  # frames are centred
        image = draw_spectrum(mel, spectrum.T, (-half, (len(spectrum) - 1) * MEL_HOP / RATE_HZ + half), cmap="magma")
        mel.set_xlim(0, len(drawn) / RATE_HZ)
        mel.set_xlabel("seconds")
        count = spectrum.shape[1]
        centres = librosa.mel_frequencies(count + 2, fmax=RATE_HZ / 2)[1:-1]
        bands = np.interp(_TICKS_HZ, centres, np.arange(count) + 0.5)
        mel.set_yticks(bands, [f"{hertz:,}" for hertz in _TICKS_HZ])
        mel.set_ylabel("Hz")
        figure.colorbar(image, ax=mel, label="dB")


def draw_spectrum(axes: Axes, decibels: np.ndarray, seconds: tuple[float, float] = (0, 1), **options: Any) -> Any:
    """Draw a log-mel spectrogram, [bands, frames], by default of one second."""
    extent = (*seconds, 0, len(decibels))
    return axes.imshow(decibels, origin="lower", aspect="auto", extent=extent, vmin=FLOOR_DB, vmax=0, **options)
