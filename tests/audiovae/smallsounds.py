"""Sounds that are easy to tell apart, and models that are small enough to be built and trained in seconds."""

import functools

import numpy as np

from audiovae.data.chunks import CHUNK, PEAK, RATE_HZ, normalise
from audiovae.data.sounds import SoundChunks, Sounds
from audiovae.models.prior import CodePrior
from audiovae.models.vae import AudioModel, AudioVAE, AudioVQVAE, HierarchicalAudioVAE
from manymodes.nn.randomness import make_deterministic

NAMES = ("hum", "hiss")
INSTRUMENTS = ["piano", "Bass drum", "flute"]
TINY = {"fine": 4, "width": 8, "dilations": (1,)}
"""Sizes of networks that take no time."""


def use_tiny_networks(patch):
    """Have networks built that take no time to train."""
    for kind, sizes in ((AudioModel, TINY), (CodePrior, {"units": 2, "embedding": 2})):
        for name, size in sizes.items():
            patch.setitem(kind.__init__.__kwdefaults__, name, size)


KINDS = {
    "vq": (AudioVQVAE, {"codes": 16, "code_width": 4}),
    "fsq": (AudioVQVAE, {"quantizer_kind": "fsq", "codes": 16}),
    "vae": (AudioVAE, {"latent_dim": 3}),
    "hvae": (HierarchicalAudioVAE, {"top_dim": 3, "bottom_channels": 2}),
}
INPUTS = {"raw": {}, "mel": {"input_kind": "mel"}, "mel 256": {"input_kind": "mel", "mels": 256}}


def untrained(kind, reads="raw", instruments=NAMES, seed=0):
    make_deterministic(seed)
    model_class, sizes = KINDS[kind]
    return model_class(instruments, seed=seed, **TINY, **sizes, **INPUTS[reads])


@functools.cache
def made(kind, reads="raw"):
    """Return an untrained model; its decoder says something of what it is given, as a trained one does."""
    model = untrained(kind, reads)
    rng = np.random.default_rng(0)
    for weight in model.weights:
        if weight.path.endswith("kernel") and not np.any(weight.numpy()):
            weight.assign(rng.normal(0, 0.3, weight.shape))
    return model


@functools.cache
def small_vqvae(seed=0):
    return untrained("vq", instruments=INSTRUMENTS, seed=seed)


@functools.cache
def small_vae():
    model = untrained("vae", instruments=INSTRUMENTS, seed=1)
    model.fit_instruments(noise(6 * CHUNK).reshape(6, CHUNK), np.arange(6) % 3)
    return model


def small_prior(model, seed=0):
    make_deterministic(seed)
    sizes = {"units": 8, "embedding": 4}
    prior = CodePrior(model.code_count, model.frames, model.instruments, maker=model.maker, **sizes, seed=seed)
    prior.build()
    return prior


class Ears:
    """Tell what hums from what hisses by how often it changes its sign."""

    hit_real = 0.75

    def recognise(self, chunks):
        return (np.diff(np.signbit(chunks), axis=1).mean(axis=1) > 0.2).astype(np.int64)

    def hit(self, chunks, instruments):
        return float((self.recognise(chunks) == instruments).mean())


def noise(length, seed=0):
    return np.random.default_rng(seed).uniform(-0.5, 0.5, length).astype(np.float32)


def tone(frequency, seconds=2.0, amplitude=0.5, rate=RATE_HZ):
    times = np.arange(round(seconds * rate)) / rate
    return (amplitude * np.sin(2 * np.pi * frequency * times)).astype(np.float32)


def hums(count, rng):
    """Tones of 110 to 440 Hz with two overtones, dying away."""
    seconds = np.arange(CHUNK) / RATE_HZ
    turns = rng.uniform(110, 440, (count, 1)) * seconds + rng.random((count, 1))
    return sum(np.sin(2 * np.pi * part * turns) / part for part in (1, 2, 3)) * np.exp(-seconds)


def hisses(count, rng):
    """Noise that dies away."""
    return rng.standard_normal((count, CHUNK)) * np.exp(-3 * np.arange(CHUNK) / RATE_HZ)


def small_side(count, seed):
    """Return ``count`` chunks of each instrument, all of one origin."""
    rng = np.random.default_rng(seed)
    chunks, gains = normalise(np.concatenate([hums(count, rng), hisses(count, rng)]).astype(np.float32))
    return SoundChunks(chunks, np.repeat([0, 1], count), gains, np.full(2 * count, seed))


def small_sounds(train=12, others=3, seed=0):
    """Return sounds with that many chunks of each instrument for training, and in the other splits."""
    sides = [small_side(count, 10 * seed + number) for number, count in enumerate((train, others, others))]
    return Sounds("small", NAMES, ("a", "b", "c"), *sides, (), 0, seed)


def click(place, height=PEAK):
    """Return a chunk that is silent but for one sample."""
    chunk = np.zeros((1, CHUNK), np.float32)
    chunk[0, place] = height
    return chunk
