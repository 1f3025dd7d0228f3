"""Which instrument is heard: a recogniser that learned from real chunks, and says of made ones what they sound like.

What models give back is noisier and duller than what they were given, and still a violin to anyone who hears it. So
the recogniser learns from real chunks as they are and as a codec might bring them back. It is trained once for each set
of sounds and kept in the user's cache.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from typing import TYPE_CHECKING, Any, NamedTuple

import keras
import numpy as np
from keras import layers
from scipy.ndimage import uniform_filter
from scipy.signal import istft, stft
from tqdm import tqdm

from audiovae.data.chunks import normalise
from audiovae.metrics.spectra import log_mel
from manymodes.files import cache_folder, save_keras
from manymodes.nn.randomness import make_deterministic

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from audiovae.data.sounds import Sounds

__all__ = ["Recogniser", "as_by_codec", "build_recogniser", "recogniser_of", "train_recogniser"]

_MAKER_VERSION = 2  # of the recognisers in the cache: another one where they would be others
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
    """What tells instruments apart.

    Attributes:
        network: log-mel spectrograms [B, frames, 128] → probabilities [B, K].
        hit_real: share of the test chunks that are recognised as what they are: what made ones can reach.
    """

    network: keras.Model
    hit_real: float

    def recognise(self, chunks: np.ndarray) -> np.ndarray:
        """Return the number of the instrument that each chunk [n, 22050] sounds like most, int64 [n]."""
        return _recognise(self.network, chunks)

    def hit(self, chunks: np.ndarray, instruments: np.ndarray) -> float:
        """Return the share of chunks [n, 22050] that are recognised as these instruments [n]."""
        return float((self.recognise(chunks) == instruments).mean())


def build_recogniser(instruments: int, seed: int) -> keras.Model:
    """Return an untrained recogniser: log-mel spectrograms [B, frames, 128] → probabilities [B, instruments]."""
    mels = keras.Input((None, _BANDS), name="mels")
    x = layers.GaussianNoise(0.1, seed=seed)(mels)
    x = layers.SpatialDropout1D(0.1, seed=seed + 1)(x)
    for channels in _CHANNELS:
        x = layers.Conv1D(channels, 3, padding="same")(x)
        # Of its own frame alone: means of real chunks say nothing of made ones.
        x = layers.ReLU()(layers.LayerNormalization()(x))
        x = layers.MaxPooling1D(2, padding="same")(x)
    x = layers.Dropout(0.3, seed=seed + 2)(layers.GlobalAveragePooling1D()(x))
    return keras.Model(mels, layers.Dense(instruments, activation="softmax")(x), name="recogniser")


def train_recogniser(sounds: Sounds, seed: int = _SEED) -> keras.Model:
    """Train a recogniser on the chunks to learn from, and on copies of them; the same seed gives the same one."""
    make_deterministic(seed)
    network = build_recogniser(len(sounds.names), seed)
    train = sounds.train
    copies = [as_by_codec(train.chunks, seed=[seed, copy]) for copy in range(_COPIES)]
    spectra = np.concatenate([_spectra(chunks) for chunks in (train.chunks, *copies)])
    batches = -(-len(spectra) // _BATCH)
    epochs = max(_EPOCHS, -(-_FEWEST_UPDATES // batches))
    rate = keras.optimizers.schedules.CosineDecay(2e-3, epochs * batches)
    network.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy")
    with tqdm(desc="training the recogniser", total=epochs, unit="epoch", leave=False, disable=None) as bar:
        progress = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: bar.update())
        network.fit(
            spectra,
            np.tile(train.instruments, 1 + _COPIES),
            batch_size=_BATCH,
            epochs=epochs,
            callbacks=[progress],
            verbose=0,
        )
    return network


def recogniser_of(sounds: Sounds) -> Recogniser:
    """Return the recogniser of a set of sounds, from the cache if it was trained before."""
    network = _kept(sounds)
    test = sounds.test
    return Recogniser(network, float((_recognise(network, test.chunks) == test.instruments).mean()))


def as_by_codec(chunks: np.ndarray, *, seed: Sequence[int]) -> np.ndarray:
    """Return chunks as a codec may bring them back: with noise, and of another tone.

    The noise is 3 to 40 dB below the sound and where the sound is, in frequency and in time; besides there is a hiss,
    30 to 70 dB below full scale. The tone differs by up to 6 dB at any frequency, smoothly.

    Args:
        chunks: float32 [n, samples].
        seed: fixes how.

    Returns:
        float32 [n, samples].
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


def _recognise(network: keras.Model, chunks: np.ndarray) -> np.ndarray:
    return network.predict(_spectra(chunks), batch_size=256, verbose=0).argmax(axis=1)


def _spectra(chunks: np.ndarray) -> np.ndarray:
    """Return log-mel spectrograms of chunks made equally loud, float32 [n, frames, 128]."""
    starts = range(0, len(chunks), _BLOCK)
    return np.concatenate([log_mel(normalise(chunks[start : start + _BLOCK])[0], _BANDS) for start in starts])


def _kept(sounds: Sounds) -> keras.Model:
    place = _place(sounds)
    try:
        return keras.models.load_model(place)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):  # there is none, or a damaged one
        network = train_recogniser(sounds)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        save_keras(network, place)
    except OSError as error:
        print(f"note: the recogniser cannot be kept in {place.parent}: {error}")
    return network


def _place(sounds: Sounds) -> Path:
    made_of: dict[str, Any] = {
        "maker": _MAKER_VERSION,
        "sounds": sounds.fingerprint,
        "seed": _SEED,
        "keras": keras.__version__,
    }
    name = hashlib.sha256(json.dumps(made_of).encode()).hexdigest()
    return cache_folder() / f"recogniser-{name}.keras"
