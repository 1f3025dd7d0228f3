"""The hierarchical variational autoencoder of drum patterns: z_high should hold the style, z_low the variation.

Notation: B batch, S styles, H = 16 steps × 9 instruments. Patterns are hits, velocities and offsets, each [B, 16, 9].
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from drumvae.models.latents import Latents, Played
from manymodes.nn.measured import MeasuredModel
from manymodes.nn.randomness import reseed_layers
from manymodes.nn.variational import (
    Gaussian,
    bernoulli_log_likelihood,
    bounded,
    importance_weighted_bound,
    kl_divergence,
    standard_normal_like,
    with_free_bits,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

STEPS, INSTRUMENTS = 16, 9
_APART = 4.0  # initial distance of the styles in z_high from its middle, in deviations
_PLAYING = 2 * STEPS * INSTRUMENTS + 1  # velocities, offsets, tempo
_PLAYING_DROPOUT = 0.25  # share of the bars of which in training only the hits are known
_USUAL_VELOCITY = 0.5
_OFFSETS_SCALE, _TEMPO_SCALE = 4.0, 3.0  # to velocities: an eighth of a step is 0.5, and so is a sixth more of tempo
_LEAST_DEVIATION = 0.02  # of velocities and offsets: training data that never vary would send it to 0


class Playing(NamedTuple):
    """How bars are played, as `drumvae.data.kit.Bars` has it: velocities and offsets [B, 16, 9], tempos [B]."""

    velocities: tf.Tensor
    offsets: tf.Tensor
    tempos: tf.Tensor


class Posterior(NamedTuple):
    """Latents drawn by the encoder, and the distributions they were drawn from."""

    latents: Latents
    high: Gaussian
    low: Gaussian


@keras.saving.register_keras_serializable(package="drumvae")
class DrumVAE(MeasuredModel):
    """Two levels of latents over drum patterns.

    ``top-down``: p(z_high) p(z_low | z_high) p(x | z_high, z_low), with q(z_high | x) q(z_low | x, z_high): z_high is
    inferred from the pattern itself, and the decoder reads it.

    ``chain``: p(z_high) p(z_low | z_high) p(x | z_low), with q(z_low | x) q(z_high | z_low), as in the reports: nothing
    needs z_high, and it collapses.

    Supervised, p(z_high | style) is a normal distribution around a mean of its own for each style, and the loss
    includes the cross-entropy of the style given z_high; patterns are then ``fit`` with their styles. Unsupervised,
    p(z_high) is standard normal.

    The velocity and offset of each cell are learned from the decoder's features and the hits. No gradient flows back
    from there, so the latents are those of the hits alone.

    Args:
        styles: their names.
        hierarchy: ``top-down`` or ``chain``.
        supervised: whether styles are known in training.
        high_dim, low_dim: dimensions of the levels.
        channels: of the encoder's convolutions, over 16, 8 and 4 steps; the decoder mirrors them.
        dropout: of the inputs of the convolutions of encoder and decoder.
        high_dropout: of the input of z_high's encoder, top-down.
        free_bits_nats: see `manymodes.nn.variational.with_free_bits`.
        style_weight: of the style's cross-entropy.
        tempo: mean of the training bars, BPM; the deviation of offsets is constant in milliseconds.
        seed: of all draws of training.
    """

    arguments = (
        *("name", "styles", "hierarchy", "supervised", "high_dim", "low_dim", "channels", "dropout", "high_dropout"),
        *("free_bits_nats", "style_weight", "tempo", "seed"),
    )

    def __init__(
        self,
        styles: Sequence[str],
        *,
        hierarchy: str = "top-down",
        supervised: bool = True,
        high_dim: int = 4,
        low_dim: int = 12,
        channels: Sequence[int] = (32, 64, 128),
        dropout: float = 0.0,
        high_dropout: float = 0.0,
        free_bits_nats: float = 0.35,
        style_weight: float = 1.0,
        tempo: float = 120.0,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.styles = list(styles)
        self.hierarchy, self.supervised = hierarchy, supervised
        self.high_dim, self.low_dim = high_dim, low_dim
        self.channels, self.dropout, self.high_dropout = tuple(channels), dropout, high_dropout
        self.free_bits_nats, self.style_weight, self.tempo, self.seed = free_bits_nats, style_weight, tempo, seed
        top_down = hierarchy == "top-down"
        self.encoder = _encoder(self.channels, dropout)
        width = int(self.encoder.output_shape[-1])
        if top_down:
            self.high_encoder = _high_encoder(width, 2 * high_dim, high_dropout)
        else:
            self.high_encoder = _dense("high_encoder", [low_dim], 2 * high_dim)
        self.low_encoder = _dense("low_encoder", [width, high_dim] if top_down else [width], 2 * low_dim)
        self.low_prior = _dense("low_prior", [high_dim], 2 * low_dim)
        self.decoder = _decoder(high_dim + low_dim if top_down else low_dim, self.channels, dropout)
        self.player = _player(self.channels[0])
        self.style_means = self.add_weight(
            name="style_means",
            shape=(len(self.styles), high_dim),
            # Nothing drives them apart later: the style's loss only narrows the posteriors.
            initializer=keras.initializers.Orthogonal(_APART, seed=seed),
            trainable=supervised,
        )
        # Both are learned or, without supervision, measured afterwards by `name_styles`.
        self.style_deviations = self.add_weight(
            name="style_deviations", shape=(len(self.styles), high_dim), initializer="ones", trainable=False
        )
        self.beta, self.temperature = (
            self.add_weight(name=name, shape=(), initializer="ones", trainable=False)
            for name in ("beta", "temperature")
        )
        reported = ["loss", "elbo_nats", "reconstruction_nats", "kl_high_nats", "kl_low_nats", "playing_loss"]
        reported += ["style_loss", "style_accuracy"] * supervised
        self._report(reported)

    def call(self, hits: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Return the probability of a hit in each cell, reconstructed from the means of the latents."""
        return tf.sigmoid(self.decode(self.means(hits), training=training))

    def encode(
        self, hits: tf.Tensor, noise: Latents, playing: Playing | None = None, training: bool = False
    ) -> Posterior:
        """Draw latents of patterns [B, 16, 9]; the noise is standard normal, or 0 for means.

        Only z_high depends on the playing, if known, and only top-down: swing and accents distinguish styles with the
        same hits.
        """
        features = self.encoder(hits, training=training)
        if self.hierarchy == "chain":
            low = bounded(self.low_encoder([features], training=training))
            drawn_low = low.sample(noise.low)
            high = bounded(self.high_encoder([drawn_low], training=training))
            return Posterior(Latents(high.sample(noise.high), drawn_low), high, low)
        high = bounded(self.high_encoder([features, self._playing_features(hits, playing)], training=training))
        drawn_high = high.sample(noise.high)
        low = bounded(self.low_encoder([features, drawn_high], training=training))
        return Posterior(Latents(drawn_high, low.sample(noise.low)), high, low)

    def means(self, hits: tf.Tensor, playing: Playing | None = None) -> Latents:
        """Return the means of the latents of patterns [B, 16, 9]; see `encode`."""
        count = tf.shape(hits)[0]
        still = Latents(tf.zeros([count, self.high_dim]), tf.zeros([count, self.low_dim]))
        return self.encode(hits, still, playing).latents

    def _playing_features(self, hits: tf.Tensor, playing: Playing | None) -> tf.Tensor:
        """Return velocities, offsets and tempos as numbers around 0, [B, 289]; all are 0 where unknown."""
        if playing is None:
            return tf.zeros([tf.shape(hits)[0], _PLAYING])
        cells = [hits * (playing.velocities - _USUAL_VELOCITY), hits * playing.offsets * _OFFSETS_SCALE]
        faster = tf.math.log(playing.tempos / self.tempo) * _TEMPO_SCALE
        return tf.concat([*(keras.ops.reshape(each, (-1, STEPS * INSTRUMENTS)) for each in cells), faster[:, None]], 1)

    def low_given(self, high: tf.Tensor) -> Gaussian:
        """Return p(z_low | z_high), [B, low_dim]."""
        return bounded(self.low_prior([high]))

    def _decoded(self, latents: Latents, training: bool = False) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the decoder's features [B, 16, channels] and the logits of hits [B, 16, 9]."""
        inputs = latents.low if self.hierarchy == "chain" else tf.concat(latents, axis=-1)
        features, logits = self.decoder(inputs, training=training)
        return features, logits / self.temperature

    def decode(self, latents: Latents, training: bool = False) -> tf.Tensor:
        """Return the logits of hits, [B, 16, 9]."""
        return self._decoded(latents, training)[1]

    def play(self, latents: Latents, hits: tf.Tensor) -> Played:
        """Return how hits [B, 16, 9] are played under latents."""
        return self._played(self._decoded(latents)[0], tf.convert_to_tensor(hits))

    def _played(self, features: tf.Tensor, hits: tf.Tensor, training: bool = False) -> Played:
        parts = self.player([tf.stop_gradient(features), hits], training=training)
        mean_v, scale_v, mean_o, scale_o = tf.split(parts, 4, axis=-1)
        velocity = Gaussian(tf.sigmoid(mean_v), 2 * tf.math.log(tf.nn.softplus(scale_v - 2) + _LEAST_DEVIATION))
        offset = Gaussian(0.5 * tf.tanh(mean_o), 2 * tf.math.log(tf.nn.softplus(scale_o - 2) + _LEAST_DEVIATION))
        return Played(velocity, offset)

    def style_logits(self, high: tf.Tensor) -> tf.Tensor:
        """Return log p(z_high | style), [B, S]: log p(style | z_high) up to a constant, for equally likely styles."""
        around = Gaussian(self.style_means, tf.zeros_like(self.style_means))
        return around.log_density(high[..., None, :])

    def name_styles(self, hits: np.ndarray, styles: np.ndarray) -> None:
        """Set means and deviations of styles in z_high from patterns [n, 16, 9] and their styles [n].

        An unsupervised model can then compose bars of a style; nothing else changes.
        """
        high = self.means(tf.constant(hits, tf.float32)).high.numpy()
        of_style = [high[styles == style] for style in range(len(self.styles))]
        self.style_means.assign(np.stack([values.mean(axis=0) for values in of_style]))
        self.style_deviations.assign(np.stack([values.std(axis=0) for values in of_style]))

    def log_prior_high(self, high: tf.Tensor) -> tf.Tensor:
        """Return log p(z_high), [...]; of a supervised model the mixture over all styles."""
        if not self.supervised:
            return standard_normal_like(high).log_density(high)
        return tf.reduce_logsumexp(self.style_logits(high), axis=-1) - math.log(len(self.styles))

    def prior_high(self, posterior: Gaussian, styles: tf.Tensor | None) -> Gaussian:
        """Return p(z_high | style), or p(z_high) without styles, in the shape of a posterior [B, high_dim]."""
        if styles is None:
            return standard_normal_like(posterior.mean)
        means = tf.gather(self.style_means, styles)
        return Gaussian(means, tf.zeros_like(means))

    def noise(self, count: tf.Tensor | int, seed: tf.Tensor | Sequence[int]) -> Latents:
        """Draw standard normal noise for latents, from a stateless seed of two numbers."""
        drawn = tf.random.stateless_normal([count, self.high_dim + self.low_dim], seed)
        return Latents(drawn[:, : self.high_dim], drawn[:, self.high_dim :])

    def graphs(self) -> dict[str, Any]:
        """Return the functions that composing needs, for `manymodes.export`."""
        high, low, hits = (
            tf.TensorSpec([None, *shape], tf.float32, name)
            for shape, name in (([self.high_dim], "high"), ([self.low_dim], "low"), ([STEPS, INSTRUMENTS], "hits"))
        )
        return {
            "means": tf.function(self.means, input_signature=[hits]),
            "low_given": tf.function(self.low_given, input_signature=[high]),
            "decode": tf.function(lambda high, low: self.decode(Latents(high, low)), input_signature=[high, low]),
            "play": tf.function(
                lambda high, low, hits: self.play(Latents(high, low), hits), input_signature=[high, low, hits]
            ),
        }

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the arrays that composing needs beside the graphs, by name."""
        return {name: getattr(self, name).numpy() for name in ("style_means", "style_deviations")}

    def train_step(self, data: Any) -> dict[str, tf.Tensor]:
        """Make one update. ``data`` is ((hits, velocities, offsets, tempos), styles), see `drumvae.data.kit.Bars`."""
        reseed_layers(
            [self.encoder, self.high_encoder, self.decoder, self.player], self.seed, self.optimizer.iterations
        )
        return super().train_step(data)

    def quantities(self, data: Any, seed: tf.Tensor, *, training: bool) -> dict[str, tf.Tensor]:
        """Return losses and divergences of a batch, as `train_step` gets it."""
        (hits, velocities, offsets, tempos), styles = data
        playing = Playing(velocities, offsets, tempos)
        posterior = self.encode(hits, self.noise(tf.shape(hits)[0], seed), playing, training=training)
        latents = posterior.latents
        features, logits = self._decoded(latents, training)
        likelihood = bernoulli_log_likelihood(logits, hits)
        reconstruction = -tf.reduce_mean(tf.reduce_sum(likelihood, axis=[1, 2]))
        known = styles if self.supervised else None
        high = kl_divergence(posterior.high, self.prior_high(posterior.high, known))
        low = kl_divergence(posterior.low, self.low_given(latents.high))
        costs = with_free_bits(high, self.free_bits_nats) + with_free_bits(low, self.free_bits_nats)
        played = self._played(features, hits, training)
        # deviations stay the same in milliseconds, so grow in steps with the tempo
        wider = 2 * tf.math.log(tf.cast(tempos / self.tempo, tf.float32))[:, None, None]
        offset = Gaussian(played.offset.mean, played.offset.log_variance + wider)
        playing = _playing_loss(played._replace(offset=offset), hits, velocities, offsets)
        loss = reconstruction + self.beta * costs + playing
        losses = {
            "elbo_nats": -(reconstruction + tf.reduce_mean(tf.reduce_sum(high, -1) + tf.reduce_sum(low, -1))),
            "reconstruction_nats": reconstruction,
            "kl_high_nats": tf.reduce_mean(tf.reduce_sum(high, axis=-1)),
            "kl_low_nats": tf.reduce_mean(tf.reduce_sum(low, axis=-1)),
            "playing_loss": playing,
        }
        if self.supervised:
            predicted = self.style_logits(latents.high)
            entropy = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(styles, predicted))
            correct = tf.argmax(predicted, -1) == tf.cast(styles, tf.int64)
            losses |= {"style_loss": entropy, "style_accuracy": tf.reduce_mean(tf.cast(correct, tf.float32))}
            loss += self.style_weight * entropy
        return {**losses, "loss": loss}

    def log_weights(self, hits: tf.Tensor, samples: int, seed: int) -> tf.Tensor:
        """Return log p(x, z) − log q(z | x) of patterns [B, 16, 9] for drawn latents: [samples, B], in nats."""
        count = tf.shape(hits)[0]
        repeated = tf.tile(hits, [samples, 1, 1])
        posterior = self.encode(repeated, self.noise(samples * count, [seed, 0]))
        high, low = posterior.latents
        likelihood = tf.reduce_sum(bernoulli_log_likelihood(self.decode(posterior.latents), repeated), axis=[1, 2])
        prior = self.log_prior_high(high) + self.low_given(high).log_density(low)
        weights = likelihood + prior - posterior.high.log_density(high) - posterior.low.log_density(low)
        return tf.reshape(weights, [samples, count])

    def log_likelihood(self, hits: np.ndarray, *, samples: int = 100, seed: int = 0) -> np.ndarray:
        """Return a lower bound of log p(x) for patterns [n, 16, 9]: [n], in nats; for one sample it is the ELBO."""
        weigh = tf.function(lambda part: importance_weighted_bound(self.log_weights(part, samples, seed)))
        parts = [weigh(tf.constant(hits[begin : begin + 64], tf.float32)) for begin in range(0, len(hits), 64)]
        return np.concatenate([part.numpy() for part in parts])


def _playing_loss(played: Played, hits: tf.Tensor, velocities: tf.Tensor, offsets: tf.Tensor) -> tf.Tensor:
    """Return the mean negative log-density of velocities and offsets, up to a constant, in nats a hit."""
    loss = tf.constant(0.0)
    for distribution, values in ((played.velocity, velocities), (played.offset, offsets)):
        squared = tf.square(values - distribution.mean) * tf.exp(-distribution.log_variance)
        loss += 0.5 * tf.reduce_sum(hits * (squared + distribution.log_variance))
    return loss / tf.maximum(tf.reduce_sum(hits), 1.0)


def _encoder(channels: Sequence[int], dropout: float) -> keras.Model:
    hits = keras.Input((STEPS, INSTRUMENTS), name="hits")
    x = layers.Dropout(dropout)(hits)
    for number, width in enumerate(channels):
        x = layers.Conv1D(width, 3 + (number > 0), strides=1 + (number > 0), padding="same", activation="relu")(x)
    return keras.Model(hits, layers.Dropout(dropout)(layers.Flatten()(x)), name="encoder")


def _high_encoder(width: int, outputs: int, dropout: float) -> keras.Model:
    """Return a network over the encoder's features [width] and optional features of the playing [289].

    It has no hidden layer: there are few drummers, and a network that recognises them is worse at styles of others.
    """
    features, playing = keras.Input((width,)), keras.Input((_PLAYING,))
    known = layers.Dropout(_PLAYING_DROPOUT, noise_shape=(None, 1))(playing)
    x = layers.Dropout(dropout)(layers.Concatenate()([features, known]))
    x = layers.Dense(outputs, kernel_initializer="orthogonal")(x)
    return keras.Model([features, playing], x, name="high_encoder")


def _dense(name: str, widths: Sequence[int], outputs: int, hidden: int = 128) -> keras.Model:
    """Return a network of one hidden layer over several inputs."""
    inputs = [keras.Input((width,)) for width in widths]
    joined = layers.Concatenate()(inputs) if len(inputs) > 1 else inputs[0]
    x = layers.Dense(hidden, activation="relu")(joined)
    return keras.Model(inputs, layers.Dense(outputs, kernel_initializer="orthogonal")(x), name=name)


def _decoder(latent_dim: int, channels: Sequence[int], dropout: float, hidden: int = 256) -> keras.Model:
    """Return a network from latents to features [16, channels[0]] and logits [16, 9], over 4, 8 and 16 steps."""
    latents = keras.Input((latent_dim,), name="latents")
    coarse = STEPS // 2 ** (len(channels) - 1)
    # Latents select whole patterns, which takes two layers: with one, bars cost 0.4 nats more.
    x = layers.Dense(hidden, activation="relu")(latents)
    x = layers.Dense(coarse * channels[-1], activation="relu")(layers.Dropout(dropout)(x))
    x = layers.Reshape((coarse, channels[-1]))(x)
    for width in reversed(channels[:-1]):
        x = layers.Dropout(dropout)(x)
        x = layers.Conv1DTranspose(width, 4, strides=2, padding="same", activation="relu")(x)
    logits = layers.Conv1D(INSTRUMENTS, 3, padding="same")(x)
    return keras.Model(latents, [x, logits], name="decoder")


def _player(width: int, hidden: int = 64) -> keras.Model:
    """Return a network from the decoder's features and hits to four values a cell, [16, 36]."""
    features = keras.Input((STEPS, width), name="features")
    hits = keras.Input((STEPS, INSTRUMENTS), name="hits")
    # Without dropout it memorises the playing of a thousand bars and is overconfident on others.
    x = layers.Concatenate()([layers.Dropout(0.5)(features), hits])
    for _ in range(2):
        x = layers.Dropout(0.3)(layers.Conv1D(hidden, 3, padding="same", activation="relu")(x))
    return keras.Model([features, hits], layers.Conv1D(4 * INSTRUMENTS, 1)(x), name="player")
