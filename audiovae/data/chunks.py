"""Sound of any length as chunks of one second, and back: cutting, joining, loudness; defaults of commands."""

from __future__ import annotations

import numpy as np

from manymodes import cli
from manymodes.music.audio import RATE_HZ

CHUNK = RATE_HZ
"""Samples of a chunk: one second."""

HOP = CHUNK // 2
"""Samples from one chunk to the next by default."""

PEAK = 10 ** (-1 / 20)
"""The largest sample of a normalised chunk, −1 dB: it leaves room for the errors of decoders and lossy formats."""

QUIETEST_RMS = 1e-3
"""−60 dB of full scale: quieter sound counts as silence."""

CORPUS = "corpus"
"""The name of the tunes and grooves that come with the project, where commands take a folder."""

FEWEST_CHUNKS = 10
"""Of an instrument: one for validation, one for tests, and the others for training."""

enough_chunks = cli.integer(FEWEST_CHUNKS, what="a number of seconds for three splits: give one")
"""Argparse type: a number of chunks that suffices for three splits."""

_FRAME = 256
_LEAST_SOUNDING = 0.5  # share of a chunk's frames: a model of mostly silent ones learns silence


def chunk_count(length: int, hop: int) -> int:
    """Return the number of chunks of a sound, at least one: 1 + ⌈(samples − 22,050) / hop⌉."""
    return 1 + max(0, -(-(length - CHUNK) // hop))


def to_chunks(signal: np.ndarray, hop: int = HOP) -> np.ndarray:
    """Cut a sound, [samples], into chunks of one second that begin every ``hop`` samples, 1 to 22,050.

    Returns float32 [`chunk_count`, 22050], with zeros after the end.
    """
    count = chunk_count(len(signal), hop)
    padded = np.zeros((count - 1) * hop + CHUNK, np.float32)
    padded[: len(signal)] = signal
    return np.lib.stride_tricks.sliding_window_view(padded, CHUNK)[::hop].copy()


def from_chunks(chunks: np.ndarray, length: int, hop: int = HOP) -> np.ndarray:
    """Join chunks, [n, 22050], to one sound, float32 [length]; where several overlap, they crossfade.

    Each is weighted with sin²(π (k + ½) / 22,050), and the weights on a sample are divided by their sum, so that they
    add up to 1: at every hop, and at both ends.
    """
    reach = (len(chunks) - 1) * hop + CHUNK
    fade = np.sin(np.pi * (np.arange(CHUNK) + 0.5) / CHUNK) ** 2
    sound, weights = np.zeros(reach), np.zeros(reach)
    for number, chunk in enumerate(chunks):
        place = slice(number * hop, number * hop + CHUNK)
        sound[place] += fade * chunk
        weights[place] += fade
    return (sound[:length] / weights[:length]).astype(np.float32)


def normalise(chunks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Make chunks, float32 [n, samples], equally loud: the largest sample of each is ±`PEAK`.

    Returns (normalised, gains), float32 [n, samples] and [n]; normalised × gains gives the chunks back. A chunk of
    zeros stays as it is, with a gain of 1.
    """
    peaks = np.abs(chunks).max(axis=1)
    gains = np.where(peaks > 0, peaks / PEAK, 1).astype(np.float32)
    return chunks / gains[:, None], gains


def loudness(chunks: np.ndarray) -> np.ndarray:
    """Return the root mean square of each chunk, [n, samples] to float64 [n]."""
    return np.sqrt(np.mean(np.square(chunks, dtype=np.float64), axis=1))


def sounding_parts(chunks: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Return which parts of chunks have a root mean square of at least `QUIETEST_RMS`, bool [n, m].

    ``chunks`` are [n, samples], normalised; ``starts`` [m] are the first samples of the parts.
    """
    energy = np.add.reduceat(np.square(chunks, dtype=np.float64), starts, axis=1)
    return energy / np.diff([*starts, chunks.shape[1]]) >= QUIETEST_RMS**2


def is_sounding(chunks: np.ndarray) -> np.ndarray:
    """Return which chunks are worth learning from, [n, samples] → bool [n].

    As recorded, they are no quieter than `QUIETEST_RMS`; and when normalised, at least half of their frames sound.
    """
    frames = sounding_parts(normalise(chunks)[0], np.arange(0, chunks.shape[1], _FRAME))
    return (loudness(chunks) >= QUIETEST_RMS) & (frames.mean(axis=1) >= _LEAST_SOUNDING)
