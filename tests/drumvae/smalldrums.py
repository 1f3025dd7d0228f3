"""Readable bars, models made by hand whose latents are known, and the model that ships."""

import functools
from dataclasses import replace

import numpy as np
import tensorflow as tf

from drumvae import trainer
from drumvae.data.grooves import Grooves
from drumvae.data.kit import INSTRUMENTS, STEPS, Bars
from drumvae.data.rules import STYLES, bundled_rules
from drumvae.metrics import diagnostics
from drumvae.models.vae import DrumVAE, Latents, Posterior
from drumvae.playing import DRUM_MODEL
from manymodes.nn.variational import Gaussian, standard_normal_like

SMALL = ("--per-style", 12, "--epochs", 2, "--updates-per-epoch", 1, "--batch-size", 8, "--seed", 3)
"""Options of the run that several tests share."""

KICK, CLOSED = (INSTRUMENTS.index(name) for name in ("kick", "hihat_closed"))
NAMES = ("first", "second", "third")
KICKS = 4  # of a bar: in the beat that stands for its style
BITS = 12  # steps whose hi-hat varies
LOG_VARIANCE = -4.0
SURE = 40.0  # a logit that no draw changes


def spelled(styles, bits):
    """Return hits [n, 16, 9]: kicks in the beat that stands for the style [n], hi-hats where there is a bit [n, 12]."""
    hits = np.zeros((len(styles), STEPS, len(INSTRUMENTS)), bool)
    steps = KICKS * np.asarray(styles)[:, None] + np.arange(KICKS)
    hits[np.arange(len(styles))[:, None], steps, KICK] = True
    hits[:, :BITS, CLOSED] = bits
    return hits


def spelled_bars(each, seed, names=NAMES):
    """Return ``each`` bars of each style, with bits that are independent of it."""
    styles = np.arange(len(names)).repeat(each)
    bits = np.random.default_rng(seed).random((len(styles), BITS)) < 0.5
    hits = spelled(styles, bits)
    return replace(Bars.of(hits, np.full(hits.shape, 0.6), np.zeros(hits.shape), tempo=100), styles=styles)


def spelled_grooves(train=40, test=20, names=NAMES):
    """Return that many bars of each style for training, and for validation and testing each."""
    return Grooves(
        "by hand", names, *(spelled_bars(each, seed, names) for seed, each in enumerate((train, test, test)))
    )


def tiny(styles=NAMES, **options):
    """Return an untrained model with few weights."""
    return DrumVAE(styles, **{"channels": (4, 4, 4), "seed": 3, **options})


class Speller(DrumVAE):
    """Encodes and decodes bars as `spelled` writes them, without a network.

    The style is in z_high, at the mean that the style has there, and the bits are in z_low, ±1 each.

    Args:
        styles: their names.
        collapsed: whether z_high has no information.
        deaf: whether the decoder ignores z_high, and plays no kick.
        **options: of a `DrumVAE`.
    """

    def __init__(self, styles=NAMES, *, collapsed=False, deaf=False, **options):
        super().__init__(styles, **{"channels": (1, 1, 1), "seed": 3, **options})
        self.collapsed, self.deaf = collapsed, deaf

    def encode(self, hits, noise, playing=None, training=False):
        kicks = tf.reshape(hits[:, :, KICK], [-1, STEPS // KICKS, KICKS])
        styles = tf.argmax(tf.reduce_sum(kicks, axis=2), axis=1)
        high_mean = tf.gather(self.style_means, styles)
        high = Gaussian(high_mean, tf.fill(tf.shape(high_mean), LOG_VARIANCE))
        if self.collapsed:
            high = standard_normal_like(high_mean)
        low_mean = 2 * hits[:, :BITS, CLOSED] - 1
        low = Gaussian(low_mean, tf.fill(tf.shape(low_mean), LOG_VARIANCE))
        return Posterior(Latents(high.sample(noise.high), low.sample(noise.low)), high, low)

    def low_given(self, high):
        return standard_normal_like(tf.zeros([tf.shape(high)[0], self.low_dim]))

    def decode(self, latents, training=False):
        styles = tf.argmax(self.style_logits(latents.high), axis=1)
        kicks = tf.repeat(tf.one_hot(styles, STEPS // KICKS), KICKS, axis=1)
        if self.deaf:
            kicks = tf.zeros_like(kicks)
        bits = tf.pad(tf.cast(latents.low > 0, tf.float32), [[0, 0], [0, STEPS - BITS]])
        rest = tf.zeros_like(kicks)
        cells = [rest] * len(INSTRUMENTS)
        cells[KICK], cells[CLOSED] = kicks, bits
        return SURE * (2 * tf.stack(cells, axis=2) - 1)


def use_little(patch):
    """Have small networks trained, and few bars and samples measured."""
    patch.setattr(trainer, "DrumVAE", functools.partial(DrumVAE, channels=(8, 8, 8)))
    patch.setattr(diagnostics, "COMPOSED", 60)
    patch.setattr(diagnostics, "SAMPLES", 5)


@functools.cache
def pretrained():
    """Return the model that ships."""
    return DRUM_MODEL.load()


def ruled(count, seed=1):
    """Return ``count`` bars of each style by rule."""
    return Bars.join([bundled_rules().sample(style, count, [seed]) for style in range(len(STYLES))])
