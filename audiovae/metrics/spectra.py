"""Spectra of sound, the way back from mel spectrograms, and measures of how near one sound is to another.

All spectra here are short-time Fourier transforms with a periodic Hann window, four windows overlapping, the signal
centred in them with zeros around it. Magnitudes are scaled so that a sine of amplitude 1 has magnitude 1, whatever the
window, and decibels are of that.

The measures take a reference and an estimate, [n, samples] each, and give one value a pair, [n].
"""

from __future__ import annotations

import functools
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import fft, sparse

from manymodes.music.audio import RATE_HZ

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "FLOOR_DB",
    "MEL_HOP",
    "RESOLUTIONS",
    "cosine_similarity",
    "from_log_mel",
    "log_mel",
    "magnitudes",
    "mel_distance",
    "mse",
    "si_sdr",
    "spectral_convergence",
    "spectral_loss",
    "spectral_loss_tf",
]

RESOLUTIONS = (256, 1024, 2048)
"""Windows of the multi-resolution measures, in samples: 12, 46 and 93 ms; clicks are told apart, and semitones."""

MEL_WINDOW = 2048
MEL_HOP = 256
"""Samples from one frame of a mel spectrogram to the next."""

FLOOR_DB = -80.0
"""What is quieter counts as this loud."""

_OVERLAP = 4
_FLOOR = 10 ** (FLOOR_DB / 20)
_UPDATES = 100
_ITERATIONS = 32
_BLOCK = 32  # signals at a time: spectra take some ten times the memory of their signals


# --- spectra -----------------------------------------------------------------------------------------------


def magnitudes(signals: np.ndarray, window: int, hop: int | None = None) -> np.ndarray:
    """Return how loud each frequency is in each frame: |STFT|, a sine of amplitude 1 being 1.

    Args:
        signals: [..., samples].
        window: samples a frame, even.
        hop: samples from one frame to the next, by default a quarter of the window.

    Returns:
        float32 [..., 1 + samples // hop, 1 + window // 2].
    """
    half = window // 2
    padded = np.pad(signals.astype(np.float32, copy=False), [(0, 0)] * (signals.ndim - 1) + [(half, half)])
    frames = np.lib.stride_tricks.sliding_window_view(padded, window, axis=-1)[..., :: hop or window // _OVERLAP, :]
    return np.abs(fft.rfft(frames * _hann(window))) * np.float32(_scale(window))


@functools.cache
def _hann(window: int) -> np.ndarray:
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)).astype(np.float32)


def _scale(window: int) -> float:
    """Return the inverse of what a sine of amplitude 1 adds up to: half of the window's sum."""
    return 4 / window


def log_mel(signals: np.ndarray, bands: int = 128) -> np.ndarray:
    """Return log-mel spectrograms, on a fixed scale from −1 for −80 dB to 1 for 0 dB.

    A band's magnitude is the mean of the magnitudes under its triangle (Slaney's mel scale, 0 to 11,025 Hz), so that
    no sound within ±1 is above 1 by more than rounding, but for one of frequency 0.

    Args:
        signals: [..., samples].
        bands: 128 or 256, say.

    Returns:
        float32 [..., frames, bands] with 1 + ⌈samples / 256⌉ frames: 88 a second.
    """
    missing = -signals.shape[-1] % MEL_HOP
    padded = np.pad(signals, [(0, 0)] * (signals.ndim - 1) + [(0, missing)])
    mel = magnitudes(padded, MEL_WINDOW, MEL_HOP) @ _filters(bands).T
    return np.maximum(1 - 2 / FLOOR_DB * 20 * np.log10(np.maximum(mel, np.float32(_FLOOR))), -1)


def from_log_mel(
    mels: np.ndarray, samples: int, *, iterations: int = _ITERATIONS, progress: bool = False
) -> np.ndarray:
    """Return sounds with such log-mel spectrograms, as near as Griffin-Lim comes.

    Magnitudes of the frequencies are those, not negative, whose mel bands come nearest to the ones given, by 100
    multiplicative updates (Lee & Seung, "Algorithms for Non-negative Matrix Factorization", 2001); their phases are
    librosa's fast Griffin-Lim (Perraudin et al., 2013).

    Args:
        mels: [n, frames, bands], as `log_mel` returns them; what is above 1 is taken for 1.
        samples: of each sound, up to 256 × (frames − 1).
        iterations: of Griffin-Lim.
        progress: show a bar, if the terminal can.

    Returns:
        float32 [n, samples].
    """
    import librosa
    from tqdm import tqdm

    def inverted(mel: np.ndarray) -> np.ndarray:
        # The floor is silence; and a decoder that is given codes it has never met together may be louder than sound is.
        levels = np.minimum(mel.astype(np.float32), 1)
        linear = np.where(levels > -1, 10 ** ((levels - 1) * -FLOOR_DB / 40), 0)
        spectrum = _unmel(linear).T / _scale(MEL_WINDOW)
        # starting with phases of 0 comes as near as with random ones, and needs no seed
        whole = librosa.griffinlim(spectrum, n_iter=iterations, hop_length=MEL_HOP, n_fft=MEL_WINDOW, init=None)
        return whole[:samples]

    sounds = np.zeros((len(mels), samples), np.float32)
    bar = tqdm(total=len(mels), desc="inverting", unit="sound", leave=False, disable=None if progress else True)
    with bar, ThreadPoolExecutor(os.cpu_count()) as pool:  # its time goes into transforms, which let others work
        for sound, made in zip(sounds, pool.map(inverted, mels), strict=True):
            sound[:] = made
            bar.update()
    return sounds


def _unmel(mel: np.ndarray) -> np.ndarray:
    """Return magnitudes [frames, frequencies] ≥ 0 whose bands are nearly ``mel`` [frames, bands]."""
    filters = sparse.csr_array(_filters(mel.shape[1]).astype(mel.dtype))
    wanted = filters.T @ mel.T
    mixing = (filters.T @ filters).tocsr()
    spectrum = wanted.copy()
    for _ in range(_UPDATES):
        spectrum *= wanted / (mixing @ spectrum + np.finfo(mel.dtype).tiny)
    return spectrum.T


@functools.cache
def _filters(bands: int) -> np.ndarray:
    """Return the weights of a mel spectrogram's bands, float32 [bands, frequencies]; those of a band add up to 1."""
    import librosa

    filters = librosa.filters.mel(sr=RATE_HZ, n_fft=MEL_WINDOW, n_mels=bands, norm=None)
    return filters / filters.sum(axis=1, keepdims=True)


# --- measures ----------------------------------------------------------------------------------------------


def mse(reference: np.ndarray, estimate: np.ndarray) -> np.ndarray:
    """Return the mean squared error, Σ (x − y)² / samples: 0 for equal sounds."""
    return np.mean(np.square(reference.astype(np.float64) - estimate), axis=1)


def cosine_similarity(reference: np.ndarray, estimate: np.ndarray) -> np.ndarray:
    """Return ⟨x, y⟩ / (‖x‖ ‖y‖): 1 for equal sounds, however loud. With silence it is 0, of two silences 1."""
    x, y = reference.astype(np.float64), estimate.astype(np.float64)
    product = np.sum(x * y, axis=1)
    norms = np.linalg.norm(x, axis=1) * np.linalg.norm(y, axis=1)
    both_silent = ~(x.any(axis=1) | y.any(axis=1))
    return np.where(both_silent, 1.0, _divide(product, norms, 0.0))


def si_sdr(reference: np.ndarray, estimate: np.ndarray) -> np.ndarray:
    """Return the scale-invariant signal-to-distortion ratio, in dB (Le Roux et al., "SDR – half-baked or well done?").

    10 log₁₀ (‖a x‖² / ‖a x − y‖²) with a = ⟨x, y⟩ / ‖x‖². It is ∞ for equal sounds, −∞ for what has nothing of the
    reference in it, such as silence, and NaN where the reference is silent.
    """
    x, y = reference.astype(np.float64), estimate.astype(np.float64)
    power = np.sum(x**2, axis=1)
    wanted = _divide(np.sum(x * y, axis=1), power, 0.0)[:, None] * x
    signal, noise = np.sum(wanted**2, axis=1), np.sum((wanted - y) ** 2, axis=1)
    ratio = np.where(signal > 0, _divide(signal, noise, np.inf), 0.0)
    decibels = 10 * np.log10(ratio, out=np.full_like(ratio, -np.inf), where=ratio > 0)
    return np.where(power > 0, decibels, np.nan)


def spectral_convergence(reference: np.ndarray, estimate: np.ndarray) -> np.ndarray:
    """Return the multi-resolution spectral convergence: 0 for equal magnitudes, 1 for silence instead of a sound.

    The mean over `RESOLUTIONS` of ‖|X| − |Y|‖ / ‖|X|‖, Frobenius norms over frames and frequencies (Arık et al.,
    "Fast Spectrogram Inversion Using Multi-Head Convolutional Neural Networks", 2019). Where the reference is silent
    it is ∞, or 0 if the estimate is silent too.
    """

    def convergence(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.stack([_convergence(x, y, window) for window in RESOLUTIONS]).mean(axis=0)

    return _in_blocks(convergence)(reference, estimate)


def spectral_loss(reference: np.ndarray, estimate: np.ndarray) -> np.ndarray:
    """Return the multi-resolution spectral loss: 0 for equal magnitudes.

    The mean over `RESOLUTIONS` of the spectral convergence, which counts what is loud, plus the mean of
    |ln (|X| + ε) − ln (|Y| + ε)|, which counts what is quiet, with ε for −80 dB (Yamamoto et al., "Parallel WaveGAN",
    2020). `spectral_loss_tf` is the same for training.
    """

    def loss(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        of_windows = [_convergence(x, y, window) + _log_distance(x, y, window) for window in RESOLUTIONS]
        return np.stack(of_windows).mean(axis=0)

    return _in_blocks(loss)(reference, estimate)


def mel_distance(reference: np.ndarray, estimate: np.ndarray, bands: int = 128) -> np.ndarray:
    """Return the mean distance of log-mel spectrograms, |20 log₁₀ Mx − 20 log₁₀ My| over frames and bands, in dB."""

    def distance(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        difference = np.abs(log_mel(x, bands) - log_mel(y, bands)) * (-FLOOR_DB / 2)
        return difference.mean(axis=(1, 2), dtype=np.float64)

    return _in_blocks(distance)(reference, estimate)


def _convergence(x: np.ndarray, y: np.ndarray, window: int) -> np.ndarray:
    reference, estimate = magnitudes(x, window), magnitudes(y, window)
    distance = np.sqrt(np.sum((reference - estimate) ** 2, axis=(1, 2), dtype=np.float64))
    size = np.sqrt(np.sum(reference**2, axis=(1, 2), dtype=np.float64))
    return np.where(distance > 0, _divide(distance, size, np.inf), 0.0)


def _log_distance(x: np.ndarray, y: np.ndarray, window: int) -> np.ndarray:
    reference, estimate = (np.log(magnitudes(signals, window) + np.float32(_FLOOR)) for signals in (x, y))
    return np.abs(reference - estimate).mean(axis=(1, 2), dtype=np.float64)


def _divide(numerator: np.ndarray, denominator: np.ndarray, otherwise: float) -> np.ndarray:
    """Return the quotient, or something else where the denominator is 0."""
    return np.divide(numerator, denominator, out=np.full_like(numerator, otherwise), where=denominator > 0)


def _in_blocks(measure: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Callable[..., np.ndarray]:
    """Return the measure, taken of some pairs at a time."""

    def measured(reference: np.ndarray, estimate: np.ndarray) -> np.ndarray:
        starts = range(0, len(reference), _BLOCK)
        parts = [measure(reference[start : start + _BLOCK], estimate[start : start + _BLOCK]) for start in starts]
        return np.concatenate(parts) if parts else np.zeros(0)

    return measured


# --- for training ------------------------------------------------------------------------------------------


def spectral_loss_tf(reference: Any, estimate: Any) -> Any:
    """Return `spectral_loss` as TensorFlow computes it, with gradients everywhere.

    Args:
        reference: float tensor [batch, samples].
        estimate: the same.

    Returns:
        float32 [batch].
    """
    losses = [_loss_at(reference, estimate, window) for window in RESOLUTIONS]
    return sum(losses) / len(losses)


def _loss_at(reference: Any, estimate: Any, window: int) -> Any:
    import tensorflow as tf

    x, y = (_magnitudes_tf(signals, window) for signals in (reference, estimate))
    tiny = np.finfo(np.float32).tiny  # the root of 0 has no gradient
    distance = tf.sqrt(tf.reduce_sum((x - y) ** 2, axis=(1, 2)) + tiny)
    size = tf.sqrt(tf.reduce_sum(x**2, axis=(1, 2)) + tiny)
    logs = tf.reduce_mean(tf.abs(tf.math.log(x + _FLOOR) - tf.math.log(y + _FLOOR)), axis=(1, 2))
    return distance / size + logs


def _magnitudes_tf(signals: Any, window: int) -> Any:
    """Return `magnitudes` of [batch, samples]."""
    import tensorflow as tf

    padded = tf.pad(tf.cast(signals, tf.float32), [[0, 0], [window // 2, window // 2]])
    return tf.abs(tf.signal.stft(padded, window, window // _OVERLAP)) * _scale(window)
