"""A classifier of instruments, trained on real chunks, that judges generated ones.

Reconstructions are noisier and duller than originals, and still recognisable to a listener. So the recogniser learns
from real chunks as they are and as a codec might return them. It is trained once for each set of sounds and kept in
the user's cache.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, NamedTuple

import keras
import numpy as np
from keras import layers
from scipy.ndimage import uniform_filter
from scipy.signal import istft, stft

from audiovae.data.chunks import normalise
from audiovae.metrics.spectra import log_mel
from manymodes.nn.classifiers import cached_model, fit_classifier
from manymodes.nn.randomness import make_deterministic

if TYPE_CHECKING:
    from collections.abc import Sequence

    from audiovae.data.sounds import Sounds

_MAKER_VERSION = 2  # of the recognisers in the cache: counts changes to their training
_SEED = 1
_BANDS = 128
_CHANNELS = (64, 96, 128)
_EPOCHS, _FEWEST_UPDATES = 8, 160  # of few sounds there are more epochs
_COPIES = 2  # of each chunk, as by a codec
_WINDOW, _OVERLAP = 1024, 768
_SPREAD = 17, 5  # frequencies and frames that the energy of a codec's noise follows
_NOISE_DB, _HISS_DB, _TONE_DB = (-40.0, -3.0), (-70.0, -30.0), 6.0
_TONE_KNOTS = 6  # frequencies, evenly spaced, between which the tone changes evenly
_BATCH = 32
_BLOCK = 64  # chunks whose spectra are computed at a time


class Recogniser(NamedTuple):
    """A classifier of instruments, and the share of the test chunks that it recognises, the ceiling for generated ones.

    The network maps log-mel spectrograms [B, frames, 128] to probabilities [B, K].
    """

    network: keras.Model
    hit_real: float

    def recognise(self, chunks: np.ndarray) -> np.ndarray:
        """Return the number of the instrument that each chunk [n, 22050] sounds like most, int64 [n]."""
        return self.network.predict(_spectra(chunks), batch_size=256, verbose=0).argmax(axis=1)

    def hit(self, chunks: np.ndarray, instruments: np.ndarray) -> float:
        """Return the share of chunks [n, 22050] that are recognised as these instruments [n]."""
        return float((self.recognise(chunks) == instruments).mean())


def build_recogniser(instruments: int) -> keras.Model:
    """Return an untrained recogniser: log-mel spectrograms [B, frames, 128] → probabilities [B, instruments]."""
    mels = keras.Input((None, _BANDS), name="mels")
    x = layers.GaussianNoise(0.1, seed=_SEED)(mels)
    x = layers.SpatialDropout1D(0.1, seed=_SEED + 1)(x)
    for channels in _CHANNELS:
        x = layers.Conv1D(channels, 3, padding="same")(x)
        # over each frame alone: statistics of real chunks would not suit generated ones
        x = layers.ReLU()(layers.LayerNormalization()(x))
        x = layers.MaxPooling1D(2, padding="same")(x)
    x = layers.Dropout(0.3, seed=_SEED + 2)(layers.GlobalAveragePooling1D()(x))
    return keras.Model(mels, layers.Dense(instruments, activation="softmax")(x), name="recogniser")


def train_recogniser(sounds: Sounds) -> keras.Model:
    """Train a recogniser on the training chunks and on copies of them; the same sounds give the same weights."""
    make_deterministic(_SEED)
    network = build_recogniser(len(sounds.names))
    train = sounds.train
    copies = [as_by_codec(train.chunks, seed=[_SEED, copy]) for copy in range(_COPIES)]
    spectra = np.concatenate([_spectra(chunks) for chunks in (train.chunks, *copies)])
    instruments = np.tile(train.instruments, 1 + _COPIES)
    fit_classifier(
        network,
        spectra,
        instruments,
        loss="sparse_categorical_crossentropy",
        learning_rate=2e-3,
        batch_size=_BATCH,
        epochs=max(_EPOCHS, -(-_FEWEST_UPDATES // -(-len(spectra) // _BATCH))),
        title="training the recogniser",
    )
    return network


@functools.lru_cache(maxsize=1)
def recogniser_of(sounds: Sounds) -> Recogniser:
    """Return the recogniser of a set of sounds, from the cache if it was trained before."""
    key = {"maker": _MAKER_VERSION, "sounds": sounds.fingerprint, "seed": _SEED}
    network = cached_model("recogniser", key, lambda: train_recogniser(sounds))
    recogniser = Recogniser(network, 0.0)
    return recogniser._replace(hit_real=recogniser.hit(sounds.test.chunks, sounds.test.instruments))


def as_by_codec(chunks: np.ndarray, *, seed: Sequence[int]) -> np.ndarray:
    """Return chunks [n, samples] as a codec may return them: with noise, and of another tone.

    The noise is 3 to 40 dB below the sound and follows it in frequency and time; in addition there is a hiss, 30 to 70
    dB below full scale. The tone differs by up to 6 dB at any frequency, smoothly.
    """
    made = np.empty_like(chunks)
    for start in range(0, len(chunks), _BLOCK):
        block = slice(start, start + _BLOCK)
        made[block] = _block_as_by_codec(chunks[block], np.random.default_rng([*seed, start]))
    return made


def _block_as_by_codec(chunks: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    def decibels(low: float, high: float, shape: tuple[int, ...]) -> np.ndarray:
        return (10 ** (generator.uniform(low, high, shape) / 20)).astype(np.float32)

    def normal(shape: tuple[int, ...]) -> np.ndarray:
        return generator.standard_normal(shape, np.float32)

    count, samples = chunks.shape
    spectrum = stft(chunks, nperseg=_WINDOW, noverlap=_OVERLAP)[2]
    energy = uniform_filter(np.square(np.abs(spectrum)), (0, *_SPREAD), mode="nearest")
    noise = np.sqrt(np.maximum(energy, 0) / 2) * (normal(spectrum.shape) + 1j * normal(spectrum.shape))
    place = np.linspace(0, _TONE_KNOTS - 1, spectrum.shape[1])
    knots = generator.uniform(-_TONE_DB, _TONE_DB, (count, _TONE_KNOTS))
    tone = 10 ** (np.stack([np.interp(place, np.arange(_TONE_KNOTS), each) for each in knots]) / 20)
    noisy = (spectrum + decibels(*_NOISE_DB, (count, 1, 1)) * noise) * tone[..., None]
    sound = istft(noisy, nperseg=_WINDOW, noverlap=_OVERLAP)[1][:, :samples]
    return sound + decibels(*_HISS_DB, (count, 1)) * normal(chunks.shape)


def _spectra(chunks: np.ndarray) -> np.ndarray:
    """Return log-mel spectrograms of chunks made equally loud, float32 [n, frames, 128]."""
    return log_mel(normalise(chunks)[0], _BANDS)
