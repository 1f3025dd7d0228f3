"""Which instrument is heard: a recogniser that learned from real chunks, and says of made ones what they sound like.

It is trained once for each set of sounds and kept in the user's cache.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from typing import TYPE_CHECKING, Any, NamedTuple

import keras
import numpy as np
from keras import layers
from tqdm import tqdm

from audiovae.chunks import normalise
from audiovae.spectra import log_mel
from modelkit.files import cache_folder, save_keras
from modelkit.randomness import make_deterministic

if TYPE_CHECKING:
    from pathlib import Path

    from audiovae.sounds import Sounds

__all__ = ["Recogniser", "build_recogniser", "recogniser_of", "train_recogniser"]

_MAKER_VERSION = 1  # of the recognisers in the cache: another one where they would be others
_SEED = 1
_BANDS = 128
_CHANNELS = (64, 96, 128)
_EPOCHS, _FEWEST_UPDATES = 16, 160  # of few sounds there are more epochs
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
    # Decoded sound has a little noise in it, and lacks a band here and there: neither makes it another instrument.
    x = layers.GaussianNoise(0.1, seed=seed)(mels)
    x = layers.SpatialDropout1D(0.1, seed=seed + 1)(x)
    for channels in _CHANNELS:
        x = layers.Conv1D(channels, 3, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
        x = layers.MaxPooling1D(2, padding="same")(x)
    x = layers.Dropout(0.3, seed=seed + 2)(layers.GlobalAveragePooling1D()(x))
    return keras.Model(mels, layers.Dense(instruments, activation="softmax")(x), name="recogniser")


def train_recogniser(sounds: Sounds, seed: int = _SEED) -> keras.Model:
    """Train a recogniser on the chunks to learn from; the same seed gives the same one."""
    make_deterministic(seed)
    network = build_recogniser(len(sounds.names), seed)
    train = sounds.train
    batches = -(-len(train.chunks) // _BATCH)
    epochs = max(_EPOCHS, -(-_FEWEST_UPDATES // batches))
    rate = keras.optimizers.schedules.CosineDecay(2e-3, epochs * batches)
    network.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy")
    with tqdm(desc="training the recogniser", total=epochs, unit="epoch", leave=False, disable=None) as bar:
        progress = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: bar.update())
        network.fit(
            _spectra(train.chunks),
            train.instruments,
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
