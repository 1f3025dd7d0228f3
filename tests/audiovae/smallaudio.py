"""Models that are too small to be good and large enough to be used, and sounds for them."""

import functools

import numpy as np

from audiovae.codes import fingerprint
from audiovae.data.chunks import CHUNK, RATE_HZ
from audiovae.models.prior import CodePrior
from audiovae.models.vae import AudioVAE, AudioVQVAE
from manymodes.nn.randomness import make_deterministic

INSTRUMENTS = ["piano", "Bass drum", "flute"]
SIZES = {"fine": 4, "width": 8, "dilations": (1,)}


@functools.cache
def small_vqvae(seed=0):
    make_deterministic(seed)
    model = AudioVQVAE(INSTRUMENTS, codes=16, code_width=4, seed=seed, **SIZES)
    model.build()
    return model


@functools.cache
def small_vae():
    make_deterministic(1)
    model = AudioVAE(INSTRUMENTS, latent_dim=4, **SIZES)
    model.build()
    chunks = np.random.default_rng(0).uniform(-1, 1, (6, CHUNK)).astype(np.float32)
    model.fit_instruments(chunks, np.arange(6) % 3)
    return model


def small_prior(model, seed=0):
    make_deterministic(seed)
    maker = fingerprint(model.get_weights()).hex()
    prior = CodePrior(model.code_count, model.frames, model.instruments, maker=maker, units=8, embedding=4, seed=seed)
    prior.build()
    return prior


def noise(length, seed=0):
    return np.random.default_rng(seed).uniform(-0.5, 0.5, length).astype(np.float32)


def tone(frequency, seconds, amplitude=0.5):
    times = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return (amplitude * np.sin(2 * np.pi * frequency * times)).astype(np.float32)
