"""Pictures of sounds: the waveform, and below it the mel spectrogram."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from audiovae.data.chunks import RATE_HZ
from audiovae.metrics.spectra import FLOOR_DB, MEL_HOP, log_mel
from manymodes.experiment.plots import REAL, saved_figure

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["LONGEST_SECONDS", "save_picture"]

LONGEST_SECONDS = 30
"""What is drawn of a sound: so much from its beginning."""

_BANDS = 128
_COLUMNS = 2000  # of the waveform: more than a picture has pixels


def save_picture(path: Path, sound: np.ndarray, title: str) -> None:
    """Draw a sound as a PNG, of a long one the first 30 seconds.

    Args:
        path: of the PNG.
        sound: [samples] in ±1.
        title: stands above, as it is.
    """
    shown = sound[: LONGEST_SECONDS * RATE_HZ]
    if len(shown) < len(sound):
        title += f", the first {LONGEST_SECONDS} seconds"
    seconds = len(shown) / RATE_HZ
    with saved_figure(path, (8, 4), grid=False) as figure:
        wave, mel = figure.subplots(2, sharex=True, height_ratios=(1, 2))
        begins = np.arange(0, len(shown), max(1, len(shown) // _COLUMNS))
        lowest, highest = np.minimum.reduceat(shown, begins), np.maximum.reduceat(shown, begins)
        wave.fill_between(begins / RATE_HZ, lowest, highest, step="post", color=REAL, linewidth=0.5)
        wave.set_ylim(-1, 1)
        wave.set_title(title, parse_math=False)  # between two dollars matplotlib would read a formula
        decibels = (log_mel(shown, _BANDS).T - 1) * -FLOOR_DB / 2
        half = MEL_HOP / 2 / RATE_HZ  # frames are centred
        image = mel.imshow(
            decibels, aspect="auto", origin="lower", cmap="magma", vmin=FLOOR_DB, vmax=0,
            extent=(-half, (decibels.shape[1] - 1) * MEL_HOP / RATE_HZ + half, 0, _BANDS),
        )  # fmt: skip
        mel.set_xlim(0, seconds)
        mel.set_xlabel("seconds")
        mel.set_ylabel("mel band")
        figure.colorbar(image, ax=mel, label="dB")
