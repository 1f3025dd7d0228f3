"""Sounds for models that learn in seconds: an instrument that hums and one that hisses."""

import hashlib

import numpy as np

from audiovae.data.chunks import CHUNK, PEAK, RATE_HZ, normalise
from audiovae.data.sounds import SoundChunks, Sounds
from audiovae.models.prior import CodePrior
from audiovae.models.vae import AudioModel

NAMES = ("hum", "hiss")
TINY = {"fine": 4, "width": 8, "dilations": (1,)}
"""Sizes of networks that take no time."""


def use_tiny_networks(patch):
    """Have networks built that take no time to train."""
    for kind, sizes in ((AudioModel, TINY), (CodePrior, {"units": 2, "embedding": 2})):
        for name, size in sizes.items():
            patch.setitem(kind.__init__.__kwdefaults__, name, size)


def hums(count, rng):
    """Tones of 110 to 440 Hz with two overtones, dying away."""
    seconds = np.arange(CHUNK) / RATE_HZ
    turns = rng.uniform(110, 440, (count, 1)) * seconds + rng.random((count, 1))
    return sum(np.sin(2 * np.pi * part * turns) / part for part in (1, 2, 3)) * np.exp(-seconds)


def hisses(count, rng):
    """Noise that dies away."""
    return rng.standard_normal((count, CHUNK)) * np.exp(-3 * np.arange(CHUNK) / RATE_HZ)


def small_side(count, seed):
    """Return so many chunks of each instrument, all of one origin."""
    rng = np.random.default_rng(seed)
    chunks, gains = normalise(np.concatenate([hums(count, rng), hisses(count, rng)]).astype(np.float32))
    return SoundChunks(chunks, np.repeat([0, 1], count), gains, np.full(2 * count, seed))


def small_sounds(train=12, others=3, seed=0):
    """Return sounds with so many chunks of each instrument on the side to learn from, and on the two others."""
    sides = [small_side(count, 10 * seed + number) for number, count in enumerate((train, others, others))]
    digest = hashlib.sha256(b"".join(side.chunks.tobytes() for side in sides)).hexdigest()
    return Sounds("small", NAMES, ("a", "b", "c"), *sides, (), 0, seed, RATE_HZ, digest)


def click(place, height=PEAK):
    """Return a chunk that is silent but for one sample."""
    chunk = np.zeros((1, CHUNK), np.float32)
    chunk[0, place] = height
    return chunk
