"""Sound of any length as chunks of one second, and back: cutting, joining, loudness.

`to_chunks` and `from_chunks` undo each other; `normalise` gives the factors that undo it. The defaults of commands that
load chunks are here, too.
"""

from __future__ import annotations

import argparse

import numpy as np

from manymodes import cli
from manymodes.music.audio import RATE_HZ

__all__ = [
    "CHUNK",
    "CORPUS",
    "FEWEST_CHUNKS",
    "HOP",
    "PEAK",
    "QUIETEST_RMS",
    "RATE_HZ",
    "enough_chunks",
    "from_chunks",
    "is_sounding",
    "loudness",
    "normalise",
    "sounding_frames",
    "to_chunks",
]

CHUNK = RATE_HZ
"""Samples of a chunk: one second."""

HOP = CHUNK // 2
"""Samples from one chunk to the next, where nothing else is said."""

PEAK = 10 ** (-1 / 20)
"""The largest sample of a normalised chunk, −1 dB: what a decoder or a lossy format adds does not clip at once."""

QUIETEST_RMS = 1e-3
"""−60 dB of full scale: what is quieter counts as silence."""

CORPUS = "corpus"
"""The name of the tunes and grooves that come with the project, where commands take a folder."""

FEWEST_CHUNKS = 10
"""Of an instrument: one for validation, one for tests, and the others for training."""

_FRAME = 256
_LEAST_SOUNDING = 0.5  # share of a chunk's frames: a model of mostly silent ones learns silence


def to_chunks(signal: np.ndarray, hop: int = HOP) -> np.ndarray:
    """Cut a sound into chunks of one second.

    Args:
        signal: [samples], any number of them.
        hop: samples from the start of one chunk to the start of the next, 1 to 22,050.

    Returns:
        float32 [1 + ⌈(samples − 22,050) / hop⌉, 22050], at least one chunk, zeros after the end.

    Raises:
        ValueError: the hop leaves gaps, or is none.
    """
    _check_hop(hop)
    count = 1 + max(0, -(-(len(signal) - CHUNK) // hop))
    padded = np.zeros((count - 1) * hop + CHUNK, np.float32)
    padded[: len(signal)] = signal
    return np.lib.stride_tricks.sliding_window_view(padded, CHUNK)[::hop].copy()


def from_chunks(chunks: np.ndarray, length: int, hop: int = HOP) -> np.ndarray:
    """Join chunks to one sound; where several overlap, they fade into one another.

    Each is weighted with sin²(π (k + ½) / 22,050), and the weights on a sample are divided by their sum, so that they
    add up to 1: at every hop, and at both ends.

    Args:
        chunks: [n, 22050], as `to_chunks` cuts them.
        length: samples of the sound.
        hop: that of `to_chunks`.

    Returns:
        float32 [length].

    Raises:
        ValueError: the hop leaves gaps, or is none, or so many chunks do not reach so far.
    """
    _check_hop(hop)
    reach = (len(chunks) - 1) * hop + CHUNK
    if not 0 <= length <= reach:
        raise ValueError(f"{len(chunks)} chunks at a hop of {hop} make up to {reach} samples, not {length}")
    fade = np.sin(np.pi * (np.arange(CHUNK) + 0.5) / CHUNK) ** 2
    sound, weights = np.zeros(reach), np.zeros(reach)
    for number, chunk in enumerate(chunks):
        place = slice(number * hop, number * hop + CHUNK)
        sound[place] += fade * chunk
        weights[place] += fade
    return (sound[:length] / weights[:length]).astype(np.float32)


def normalise(chunks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Make chunks equally loud at their peaks.

    Args:
        chunks: float32 [n, samples].

    Returns:
        (normalised, gains): float32 [n, samples] whose largest sample is ±`PEAK`, and float32 [n]; normalised ×
        gains gives the chunks back. A chunk of zeros stays as it is, its gain is 1.
    """
    peaks = np.abs(chunks).max(axis=1)
    gains = np.where(peaks > 0, peaks / PEAK, 1).astype(np.float32)
    return chunks / gains[:, None], gains


def loudness(chunks: np.ndarray) -> np.ndarray:
    """Return the root mean square of each chunk, [n, samples] to float64 [n]."""
    return np.sqrt(np.mean(np.square(chunks, dtype=np.float64), axis=1))


def sounding_frames(chunks: np.ndarray, frame: int = _FRAME) -> np.ndarray:
    """Say which frames are not silent: their root mean square is at least `QUIETEST_RMS`.

    Args:
        chunks: [n, samples], normalised.
        frame: samples a frame; a last one that is shorter is judged by what it has.

    Returns:
        bool [n, ⌈samples / frame⌉].
    """
    starts = np.arange(0, chunks.shape[1], frame)
    energy = np.add.reduceat(np.square(chunks, dtype=np.float64), starts, axis=1)
    return energy / np.diff([*starts, chunks.shape[1]]) >= QUIETEST_RMS**2


def is_sounding(chunks: np.ndarray) -> np.ndarray:
    """Say which chunks are worth learning from, bool [n].

    As they were recorded, [n, samples], they are no quieter than `QUIETEST_RMS`; and when normalised, at least half of
    their frames sound.
    """
    loud = loudness(chunks) >= QUIETEST_RMS
    return loud & (sounding_frames(normalise(chunks)[0]).mean(axis=1) >= _LEAST_SOUNDING)


def enough_chunks(text: str) -> int:
    """Argparse type: as many chunks as three splits need."""
    chunks = cli.positive_int(text)
    if chunks < FEWEST_CHUNKS:
        raise argparse.ArgumentTypeError(f"{text!r} is too few for three splits: give {FEWEST_CHUNKS} or more")
    return chunks


def _check_hop(hop: int) -> None:
    if not 1 <= hop <= CHUNK:
        raise ValueError(f"the hop between chunks is 1 to {CHUNK} samples, got {hop}")
