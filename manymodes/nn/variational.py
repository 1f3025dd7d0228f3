"""Parts of variational autoencoders: diagonal Gaussians, their divergences with free bits, tighter bounds.

Notation: B batch, D latent dimensions, S samples. A Gaussian is a pair of mean and logarithm of the variance, each
[..., D]. All quantities are in nats.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import tensorflow as tf


class Gaussian(NamedTuple):
    """Independent normal distributions, one for each latent dimension, [..., D]."""

    mean: tf.Tensor
    log_variance: tf.Tensor

    def sample(self, noise: tf.Tensor) -> tf.Tensor:
        """Return mean + σ · noise (Kingma and Welling, 2014); ``noise`` [..., D] is standard normal."""
        return self.mean + tf.exp(0.5 * self.log_variance) * noise

    def log_density(self, values: tf.Tensor) -> tf.Tensor:
        """Return log N(values), summed over the dimensions: [..., D] → [...]."""
        squared = tf.square(values - self.mean) * tf.exp(-self.log_variance)
        return -0.5 * tf.reduce_sum(squared + self.log_variance + math.log(2 * math.pi), axis=-1)


def bounded(parameters: tf.Tensor, *, most: float = 8.0) -> Gaussian:
    """Split a layer's output [..., 2 D] into mean and log-variance, the latter smoothly bounded by ±``most``.

    Unbounded, one bad update sends exp(−log σ²) to infinity and training with it.
    """
    mean, log_variance = tf.split(parameters, 2, axis=-1)
    return Gaussian(mean, most * tf.tanh(log_variance / most))


def standard_normal_like(values: tf.Tensor) -> Gaussian:
    """Return N(0, I) of the shape of ``values``."""
    return Gaussian(tf.zeros_like(values), tf.zeros_like(values))


def kl_divergence(q: Gaussian, p: Gaussian) -> tf.Tensor:
    """Return KL(q ‖ p) of each dimension, [..., D]."""
    apart = tf.square(q.mean - p.mean) * tf.exp(-p.log_variance)
    ratio = tf.exp(q.log_variance - p.log_variance)
    return 0.5 * (p.log_variance - q.log_variance + ratio + apart - 1)


def with_free_bits(divergences: tf.Tensor, floor_nats: float) -> tf.Tensor:
    """Return the sum over dimensions of max(mean over the batch, floor): [B, D] → scalar (Kingma et al., 2016).

    Below the floor a dimension costs nothing, so that it is not given up before it has learned anything. Examples may
    differ in what they need, so the floor is under the batch's mean. Report the divergence itself, not this loss: a
    floor would hide collapse.
    """
    return tf.reduce_sum(tf.maximum(tf.reduce_mean(divergences, axis=0), floor_nats))


def importance_weighted_bound(log_weights: tf.Tensor) -> tf.Tensor:
    """Return log (1/S Σ exp w) over the first axis: [S, B] → [B] (Burda et al., 2016).

    With w = log p(x, z) − log q(z | x) it is a lower bound of log p(x) which rises with S; for S = 1 it is the ELBO.
    """
    return tf.reduce_logsumexp(log_weights, axis=0) - tf.math.log(tf.cast(tf.shape(log_weights)[0], log_weights.dtype))


def bernoulli_log_likelihood(logits: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    """Return log p(values) of each cell, whose probability of 1 is σ(logits); the shape of ``values``, 0 to 1."""
    return -tf.nn.sigmoid_cross_entropy_with_logits(labels=values, logits=logits)
