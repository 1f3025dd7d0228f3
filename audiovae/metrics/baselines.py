"""Rows of `audiovae.compare` that need no training: real sounds, Griffin-Lim, copies, principal components, means."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.decomposition import PCA

from audiovae.data.chunks import CHUNK
from audiovae.metrics import recognition
from audiovae.metrics.assessment import Made, nearest, spectral_rows
from audiovae.metrics.measures import distances, inverted, of_rebuilt
from audiovae.metrics.spectra import from_log_mel, log_mel

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from audiovae.data.sounds import SoundChunks, Sounds

_COMPONENTS = 128  # as many as a VAE has latents
_BANDS = 128
_PER_CHUNK = f"{_COMPONENTS} numbers describe a chunk, as in a VAE, but without a network"

EXPLAINED = {
    "real": "reconstructions are the sounds themselves, and new sounds are others that no row has learned from",
    "griffin-lim-256": "only the phases of the true spectrograms are lost: no model of 256 bands can do better",
    "griffin-lim-128": "only the phases of the true spectrograms are lost: no model of 128 bands can do better",
    "replay": "each reconstruction is the nearest training chunk of the instrument: the limit of learning by heart",
    "components-raw": f"{_PER_CHUNK}: samples are added up",
    "components-mel128": f"{_PER_CHUNK}: spectrograms are added up",
    "mean-mel128": "each reconstruction is the mean of its instrument: one number says which instrument it is",
}
"""What each baseline is, without a full stop."""


def real_sounds(sounds: Sounds, count: int, _seed: int) -> Made:
    """Return test chunks as their own reconstructions, and validation chunks as new sounds."""
    return _measured(sounds, sounds.test.chunks, *_unheard(sounds, count))


def griffin_lim(sounds: Sounds, count: int, _seed: int, *, bands: int) -> Made:
    """Make sounds of the log-mel spectrograms of real ones."""
    new, asked = _unheard(sounds, count)
    return _measured(sounds, inverted(sounds, bands), from_log_mel(log_mel(new, bands), CHUNK), asked)


def replayed_chunks(sounds: Sounds, count: int, seed: int) -> Made:
    """Return training chunks: as reconstructions the nearest ones, as new sounds any."""
    train, test = sounds.train, sounds.test
    rebuilt = np.empty_like(test.chunks)
    for instrument in np.unique(test.instruments):
        own, tested = train.chunks[_of(train, instrument)], test.instruments == instrument
        rebuilt[tested] = own[nearest(spectral_rows(test.chunks[tested]), spectral_rows(own))]
    asked = asked_instruments(sounds, count)
    rng = np.random.default_rng(seed)
    rows = [rng.choice(_of(train, instrument)) for instrument in asked]
    return _measured(sounds, rebuilt, train.chunks[rows], asked)


def principal_components(sounds: Sounds, count: int, seed: int, *, spectral: bool = False) -> Made:
    """Use principal components as latents: of samples, or of log-mel spectrograms.

    New ones are drawn from a normal distribution for each instrument.
    """
    train, test = (log_mel(split.chunks) if spectral else split.chunks for split in (sounds.train, sounds.test))
    flat = train.reshape(len(train), -1)
    model = PCA(min(_COMPONENTS, *flat.shape), svd_solver="randomized", random_state=seed).fit(flat)
    known, asked = model.transform(flat), asked_instruments(sounds, count)
    rng = np.random.default_rng(seed)
    drawn = []
    for instrument in np.unique(asked):
        own = known[sounds.train.instruments == instrument]
        spread = np.atleast_2d(np.cov(own, rowvar=False, bias=True))
        drawn.append(rng.multivariate_normal(own.mean(axis=0), spread, count, method="eigh"))
    latents = (model.transform(test.reshape(len(test), -1)), np.concatenate(drawn))
    rebuilt, new = (model.inverse_transform(each).astype(np.float32).reshape(-1, *train.shape[1:]) for each in latents)
    parameters = model.components_.size + model.mean_.size
    if not spectral:
        return _measured(sounds, rebuilt, new, asked, parameters=parameters)
    rebuilt, new = (from_log_mel(each, CHUNK) for each in (rebuilt, new))
    return _measured(sounds, rebuilt, new, asked, parameters=parameters, **_ceiling(sounds))


def mean_spectra(sounds: Sounds, count: int, _seed: int) -> Made:
    """Make a single sound of each instrument, from the mean of its log-mel spectrograms."""
    spectra = log_mel(sounds.train.chunks)
    means = [spectra[_of(sounds.train, instrument)].mean(axis=0) for instrument in range(len(sounds.names))]
    made = from_log_mel(np.stack(means), CHUNK)
    asked = asked_instruments(sounds, count)
    return _measured(sounds, made[sounds.test.instruments], made[asked], asked, **_ceiling(sounds))


BASELINES: dict[str, Callable[[Sounds, int, int], Made]] = {
    "real": real_sounds,
    "griffin-lim-256": functools.partial(griffin_lim, bands=256),
    "griffin-lim-128": functools.partial(griffin_lim, bands=128),
    "replay": replayed_chunks,
    "components-raw": principal_components,
    "components-mel128": functools.partial(principal_components, spectral=True),
    "mean-mel128": mean_spectra,
}
"""Functions of the sounds, the number of new ones an instrument, and a seed."""


def asked_instruments(sounds: Sounds, count: int) -> NDArray[np.int64]:
    """Return the instruments that new sounds are to be of, ``count`` of each that has training chunks."""
    return np.repeat(np.unique(sounds.train.instruments), count)


def _measured(sounds: Sounds, rebuilt: np.ndarray, new: np.ndarray, asked: np.ndarray, **measures: Any) -> Made:
    """Measure reconstructions of the test chunks as `audiovae.metrics.measures` does."""
    return Made(rebuilt, new, asked, {**of_rebuilt(sounds, rebuilt, recognition.recogniser_of(sounds)), **measures})


def _unheard(sounds: Sounds, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return ``count`` validation chunks of each instrument, [m, 22050], from the first again if there are fewer."""
    split = sounds.validation
    instruments = np.unique(split.instruments)
    rows = np.concatenate([np.resize(_of(split, instrument), count) for instrument in instruments])
    return split.chunks[rows], np.repeat(instruments, count)


def _of(split: SoundChunks, instrument: int) -> NDArray[np.int64]:
    """Return the numbers of an instrument's chunks, of all chunks if it has none."""
    own = np.flatnonzero(split.instruments == instrument)
    return own if len(own) else np.arange(len(split.chunks))


def _ceiling(sounds: Sounds) -> dict[str, Any]:
    return {"griffin_lim": distances(sounds.test.chunks, inverted(sounds, _BANDS))}
