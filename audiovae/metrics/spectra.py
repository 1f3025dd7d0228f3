"""Spectra of sound, the way back from mel spectrograms, and measures of how near one sound is to another.

All spectra are short-time Fourier transforms with a periodic Hann window, four windows overlapping, the signal
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
from scipy import signal, sparse

from manymodes.music.audio import RATE_HZ

if TYPE_CHECKING:
    from collections.abc import Callable

RESOLUTIONS = (256, 1024, 2048)
"""Windows of the multi-resolution measures, in samples: 12, 46 and 93 ms, to tell apart clicks and semitones."""

MEL_WINDOW = 2048
MEL_HOP = 256
"""Samples from one frame of a mel spectrogram to the next."""

FLOOR_DB = -80.0
"""Quieter values count as this loud."""

_OVERLAP = 4
_FLOOR = 10 ** (FLOOR_DB / 20)
_UPDATES = 100
_ITERATIONS = 32


def magnitudes(signals: np.ndarray, window: int, hop: int | None = None) -> np.ndarray:
    """Return |STFT|, scaled so that a sine of amplitude 1 has magnitude 1.

    ``window`` samples make a frame, an even number; frames begin every ``hop`` samples, by default a quarter of that.
    [..., samples] → float32 [..., 1 + samples // hop, 1 + window // 2].
    """
    overlap = window - (hop or window // _OVERLAP)
    spectra = signal.stft(signals.astype(np.float32, copy=False), nperseg=window, noverlap=overlap, padded=False)[2]
    return 2 * np.abs(spectra).swapaxes(-1, -2)  # half of the energy is at negative frequencies


def log_mel(signals: np.ndarray, bands: int = 128) -> np.ndarray:
    """Return log-mel spectrograms, on a fixed scale from −1 for −80 dB to 1 for 0 dB.

    A band's magnitude is the mean of the magnitudes under its triangle (Slaney's mel scale, 0 to 11,025 Hz), so that a
    sound within ±1 exceeds 1 only by rounding, or at frequency 0.

    [..., samples] → float32 [..., frames, bands] with 1 + ⌈samples / 256⌉ frames: 88 a second.
    """
    padding = [(0, 0)] * (signals.ndim - 1) + [(0, -signals.shape[-1] % MEL_HOP)]
    filters = _filters(bands).T
    # one signal at a time: spectra take some ten times the memory of their signals
    mel = np.apply_along_axis(lambda one: magnitudes(one, MEL_WINDOW, MEL_HOP) @ filters, -1, np.pad(signals, padding))
    return np.maximum(1 - 2 / FLOOR_DB * 20 * np.log10(np.maximum(mel, np.float32(_FLOOR))), -1)


def decibels_of(log_mels: np.ndarray) -> np.ndarray:
    """Return log-mel spectrograms in dB, from −80 to 0."""
    return (log_mels - 1) * -FLOOR_DB / 2


def from_log_mel(mels: np.ndarray, samples: int, *, iterations: int = _ITERATIONS) -> np.ndarray:
    """Return sounds with log-mel spectrograms [n, frames, bands], as near as Griffin-Lim comes, float32 [n, samples].

    Magnitudes of the frequencies are the non-negative ones whose mel bands come nearest to the ones given, by 100
    multiplicative updates (Lee & Seung, "Algorithms for Non-negative Matrix Factorization", 2001); their phases are
    librosa's fast Griffin-Lim (Perraudin et al., 2013). Values above 1 count as 1; a sound has up to 256 × (frames − 1)
    samples.
    """
    import librosa

    def inverted(mel: np.ndarray) -> np.ndarray:
        # The floor is silence; a decoder may be louder than sound is where it gets codes in an unknown combination.
        levels = np.minimum(mel.astype(np.float32), 1)
        linear = np.where(levels > -1, 10 ** ((levels - 1) * -FLOOR_DB / 40), 0)
        spectrum = _unmel(linear).T / (4 / MEL_WINDOW)
        # starting with phases of 0 comes as near as with random ones, and needs no seed
        whole = librosa.griffinlim(spectrum, n_iter=iterations, hop_length=MEL_HOP, n_fft=MEL_WINDOW, init=None)
        return whole[:samples]

    with ThreadPoolExecutor(os.cpu_count()) as pool:  # most of the time goes into transforms, which release the GIL
        return np.stack(list(pool.map(inverted, mels)))


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


def _for_each_pair(measure: Callable[[np.ndarray, np.ndarray], Any]) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Return a measure of two sounds as one of the rows of two arrays; divisions by 0 give NaN and infinity."""

    @functools.wraps(measure)
    def measured(reference: np.ndarray, estimate: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore", invalid="ignore"):
            pairs = zip(reference.astype(np.float64), estimate.astype(np.float64), strict=True)
            return np.array([measure(x, y) for x, y in pairs], np.float64)

    return measured


@_for_each_pair
def mse(x: np.ndarray, y: np.ndarray) -> np.floating:
    """Return the mean squared error, Σ (x − y)² / samples: 0 for equal sounds."""
    return np.mean((x - y) ** 2)


@_for_each_pair
def cosine_similarity(x: np.ndarray, y: np.ndarray) -> float:
    """Return ⟨x, y⟩ / (‖x‖ ‖y‖): 1 for equal sounds, however loud. With silence it is 0, of two silences 1."""
    norms = np.linalg.norm(x) * np.linalg.norm(y)
    return x @ y / norms if norms else float(not (x.any() or y.any()))


@_for_each_pair
def si_sdr(x: np.ndarray, y: np.ndarray) -> np.floating:
    """Return the scale-invariant signal-to-distortion ratio, in dB (Le Roux et al., "SDR – half-baked or well done?").

    10 log₁₀ (‖a x‖² / ‖a x − y‖²) with a = ⟨x, y⟩ / ‖x‖². It is ∞ for equal sounds, −∞ for an estimate without any of
    the reference, such as silence, and NaN where the reference is silent.
    """
    wanted = x @ y / (x @ x) * x
    power = wanted @ wanted
    return 10 * np.log10(power / np.sum((wanted - y) ** 2) if power else power)


@_for_each_pair
def spectral_convergence(x: np.ndarray, y: np.ndarray) -> float:
    """Return the multi-resolution spectral convergence: 0 for equal magnitudes, 1 for silence instead of a sound.

    The mean over `RESOLUTIONS` of ‖|X| − |Y|‖ / ‖|X|‖, Frobenius norms over frames and frequencies (Arık et al.,
    "Fast Spectrogram Inversion Using Multi-Head Convolutional Neural Networks", 2019). Where the reference is silent
    it is ∞, or 0 if the estimate is silent too.
    """
    total = 0.0
    for window in RESOLUTIONS:
        reference, estimate = (magnitudes(sound, window).astype(np.float64) for sound in (x, y))
        distance = np.linalg.norm(reference - estimate)
        total += float(distance / np.linalg.norm(reference)) if distance else 0.0
    return total / len(RESOLUTIONS)


@_for_each_pair
def mel_distance(x: np.ndarray, y: np.ndarray) -> np.floating:
    """Return the mean distance of log-mel spectrograms, |20 log₁₀ Mx − 20 log₁₀ My| over frames and bands, in dB."""
    return np.mean(np.abs(log_mel(x) - log_mel(y)), dtype=np.float64) * -FLOOR_DB / 2


def spectral_loss_tf(reference: Any, estimate: Any) -> Any:
    """Return the multi-resolution spectral loss, [batch, samples] → float32 [batch]: 0 for equal magnitudes.

    The mean over `RESOLUTIONS` of the spectral convergence, which counts loud parts, plus the mean of
    |ln (|X| + ε) − ln (|Y| + ε)|, which counts quiet ones, with ε for −80 dB (Yamamoto et al.,
    "Parallel WaveGAN", 2020). It has gradients everywhere.
    """
    import tensorflow as tf

    tiny = np.finfo(np.float32).tiny  # the root of 0 has no gradient
    losses = []
    for window in RESOLUTIONS:
        x, y = (_magnitudes_tf(tf.cast(signals, tf.float32), window) for signals in (reference, estimate))
        distance = tf.sqrt(tf.reduce_sum((x - y) ** 2, axis=(1, 2)) + tiny)
        size = tf.sqrt(tf.reduce_sum(x**2, axis=(1, 2)) + tiny)
        logs = tf.reduce_mean(tf.abs(tf.math.log(x + _FLOOR) - tf.math.log(y + _FLOOR)), axis=(1, 2))
        losses.append(distance / size + logs)
    return sum(losses) / len(losses)


def _magnitudes_tf(signals: Any, window: int) -> Any:
    """Return `magnitudes` as a tensor, [batch, samples] → [batch, frames, frequencies].

    Its gradient is written out: TensorFlow's own of `frame`, `rfft` and `abs` takes twice as long. Where a magnitude is
    0, it is 0.
    """
    import tensorflow as tf

    hop, ends = window // _OVERLAP, [[0, 0], [window // 2, window // 2]]
    hann = tf.signal.hann_window(window) * (4 / window)

    @tf.custom_gradient
    def of_padded(padded: Any) -> tuple[Any, Callable[[Any], Any]]:
        spectrum = tf.signal.rfft(tf.signal.frame(padded, window, hop) * hann)
        real, imaginary = tf.math.real(spectrum), tf.math.imag(spectrum)
        found = tf.sqrt(real**2 + imaginary**2)

        def gradient(upstream: Any) -> Any:
            # Every frequency but the first and the last stands for two of the whole spectrum.
            halves = np.pad(np.full(window // 2 - 1, window / 2, np.float32), 1, constant_values=window)
            unit = tf.math.divide_no_nan(upstream * halves, found)
            frames = tf.signal.irfft(tf.complex(real * unit, imaginary * unit), [window]) * hann
            whole = tf.signal.overlap_and_add(frames, hop)
            return tf.pad(whole, [[0, 0], [0, tf.shape(padded)[1] - tf.shape(whole)[1]]])

        return found, gradient

    return of_padded(tf.pad(signals, ends))
