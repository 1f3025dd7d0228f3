"""The report's GAN exactly as in its code, for comparison.

One tanh scalar per note, 512-unit LSTMs, latent 1000, a dense layer where the text says minibatch discrimination,
no weight clipping; windows of 100 notes (`melodygan.data.encoding.ReportedCodec`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf
from keras import layers

from manymodes.nn.adversarial import AdversarialModel
from manymodes.nn.recurrent import HoistedLSTM
from melodygan.data.encoding import ReportedCodec
from melodygan.models.networks import LEAK, kernel_l2, with_noise

if TYPE_CHECKING:
    from melodygan.data.encoding import Note

LENGTH = 100
LATENT_DIM = 1000
UNITS = 512
BATCH_SIZE = 16


def build_reported_generator(latent_dim: int = LATENT_DIM, *, noise: float = 0.0, l2: float = 0.0) -> keras.Model:
    """Return z [B, latent_dim] → notes [B, LENGTH, 1] in (−1, 1)."""
    x = latents = keras.Input((latent_dim,), name="latents")
    for width in (256, 512, 1024):
        x = layers.Dense(width, kernel_regularizer=kernel_l2(l2))(x)
        x = with_noise(x, noise)
        x = layers.LeakyReLU(LEAK)(x)
        x = layers.BatchNormalization(momentum=0.8)(x)
    x = layers.Dense(LENGTH, activation="tanh", kernel_regularizer=kernel_l2(l2))(x)
    return keras.Model(latents, layers.Reshape((LENGTH, 1))(x), name="generator")


def build_reported_discriminator(
    units: int = UNITS,
    *,
    noise: float = 0.0,
    l2: float = 0.0,
    fused_lstm: bool = True,
    recurrence: type[layers.LSTM] = HoistedLSTM,
) -> keras.Model:
    """Return notes [B, LENGTH, 1] → scores [B, 1]; the sigmoid of the GAN is part of its loss.

    Arguments are as in `melodygan.models.networks.build_critic`; with another kind of LSTM layer as ``recurrence``,
    weights and results are the same, only the speed differs.
    """
    use_cudnn = "auto" if fused_lstm else False
    x = notes = keras.Input((LENGTH, 1), name="notes")
    x = with_noise(recurrence(units, return_sequences=True, use_cudnn=use_cudnn)(x), noise)
    x = with_noise(layers.Bidirectional(recurrence(units, use_cudnn=use_cudnn))(x), noise)
    for width in (512, 256, 100):
        x = layers.Dense(width, kernel_regularizer=kernel_l2(l2))(x)
        x = with_noise(x, noise)
        x = layers.LeakyReLU(LEAK)(x)
    x = layers.Dropout(0.5)(x)
    return keras.Model(notes, layers.Dense(1, name="score")(x), name="discriminator")


@keras.saving.register_keras_serializable(package="melodygan")
class ReportedGAN(AdversarialModel):
    """An adversarial model of windows of scalars; carries the note names of its scalars."""

    def __init__(self, *args: Any, codec: ReportedCodec | dict[str, Any], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.codec = ReportedCodec.from_config(codec)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments, codec included."""
        return {**super().get_config(), "codec": self.codec.to_config()}

    def generate(self, count: int, *, seed: int) -> list[tuple[Note, ...]]:
        """Compose windows; only z is random, so temperature, top-k and top-p have no meaning."""
        latents = tf.random.stateless_normal([count, self.latent_dim], [seed, 0])
        return [self.codec.decode(row) for row in self(latents).numpy()]
