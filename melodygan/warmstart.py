"""A generator that knows every kind of tune before the adversarial game begins.

A GAN has no way to a mode it has lost: a tune in another register differs in every note, and every step towards it
sounds worse. So the generator first learns as the decoder of a variational autoencoder, whose likelihood punishes each
tune that it cannot say (Kingma and Welling, 2014); what the critic then teaches is to sound real.
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf
from keras import layers

from melodygan.gan import LEAK, MelodyGAN
from modelkit.randomness import RandomBatches, reseed_layers


def build_encoder(length: int, symbols: int, latent_dim: int) -> keras.Model:
    """Return one-hot notes [B, length, symbols] → mean and log variance of z, [B, 2 · latent_dim]."""
    x = notes = keras.Input((length, symbols), name="notes")
    for width, stride in ((64, 1), (96, 2), (128, 2), (128, 2)):
        x = layers.Conv1D(width, 5, strides=stride, padding="same")(x)
        x = layers.LeakyReLU(LEAK)(x)
    x = layers.Flatten()(x)
    return keras.Model(notes, layers.Dense(2 * latent_dim, dtype="float32")(x), name="encoder")


class TuneAutoencoder(keras.Model):
    """A variational autoencoder whose decoder is a melody GAN's generator.

    Its loss is the negative evidence lower bound of a tune in nats: the cross-entropy of both symbols of every note,
    plus KL(q(z|x) ‖ N(0, 1)).
    """

    def __init__(self, gan: MelodyGAN) -> None:
        super().__init__()
        self.gan = gan
        length, symbols = gan.generator.output_shape[1:]
        self.encoder = build_encoder(length, symbols, gan.latent_dim)
        self.reconstruction = keras.metrics.Mean(name="reconstruction_nats")
        self.divergence = keras.metrics.Mean(name="kl_nats")

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """The trackers whose names are the keys that `train_step` returns."""
        return [self.reconstruction, self.divergence]

    def train_step(self, data: Any) -> dict[str, tf.Tensor]:
        """Make one update of encoder and generator; its draws follow from the seed and the number of the update."""
        step = tf.cast(self.optimizer.iterations, tf.int64)
        reseed_layers([self.gan.generator], self.gan.seed, step)
        batch, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        examples = self.gan.prepare(batch)
        variables = self.encoder.trainable_variables + self.gan.generator.trainable_variables
        with tf.GradientTape() as tape:
            mean, log_variance = tf.split(self.encoder(examples, training=True), 2, axis=-1)
            # Kept apart from the seeds of adversarial training, whose counters are not negative.
            noise = tf.random.stateless_normal(tf.shape(mean), tf.stack([tf.cast(self.gan.seed, tf.int64), -1 - step]))
            logits = self.gan.generator(mean + tf.exp(log_variance / 2) * noise, training=True)
            nats = tf.add_n(
                [
                    tf.nn.softmax_cross_entropy_with_logits(target, predicted)
                    for target, predicted in zip(self.gan.parts(examples), self.gan.parts(logits), strict=True)
                ]
            )
            reconstruction = tf.reduce_mean(tf.reduce_sum(nats, axis=1))
            divergence = tf.reduce_mean(
                tf.reduce_sum(tf.square(mean) + tf.exp(log_variance) - 1 - log_variance, axis=1) / 2
            )
            loss = reconstruction + divergence
        self.optimizer.apply(tape.gradient(loss, variables), variables)
        self.reconstruction.update_state(reconstruction)
        self.divergence.update_state(divergence)
        return {"reconstruction_nats": self.reconstruction.result(), "kl_nats": self.divergence.result()}


def warm_start(gan: MelodyGAN, batches: RandomBatches) -> None:
    """Train the generator as a decoder on one pass over ``batches``, and start its moving average there.

    Args:
        gan: compiled or not; its discriminator is not touched.
        batches: notes as indices, [B, length, 2].
    """
    autoencoder = TuneAutoencoder(gan)
    autoencoder.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(1e-3, len(batches), alpha=0.1)))
    print("warm start: the generator learns as the decoder of an autoencoder")
    autoencoder.fit(batches, shuffle=False)
    gan.averaged_generator.set_weights(gan.generator.get_weights())
