"""The course's networks for letters, and sharper ones of the same size.

Notation: B batch, K width of the conditions (0 for none). Images are [B, 28, 28, planes] in [−1, 1]; a letter has one
plane.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
from keras import layers

from fontgan.data.glyphs import SIZE_PX
from manymodes.nn.adversarial import FEATURES
from manymodes.nn.layers import MinibatchDiscrimination

if TYPE_CHECKING:
    from collections.abc import Sequence

_LEAK = 0.2
_WIDTH = 128  # of the critic's features
_COARSE = SIZE_PX // 4  # the side of the coarsest layer, which doubles twice


def build_generator(*, latent_dim: int = 100, condition_dim: int = 0, planes: int = 1) -> keras.Model:
    """Return the course's generator: [B, latent_dim + K] → images.

    Dense 7·7·128, then transposed convolutions to 14×14×64 and 28×28×planes, with batch normalisation and ReLU; tanh.
    """
    latents = keras.Input((latent_dim + condition_dim,), name="latents")
    x = layers.Dense(_COARSE * _COARSE * 128, use_bias=False)(latents)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.Reshape((_COARSE, _COARSE, 128))(x)
    x = layers.Conv2DTranspose(64, 4, strides=2, padding="same", use_bias=False)(x)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    images = layers.Conv2DTranspose(planes, 4, strides=2, padding="same", activation="tanh", dtype="float32")(x)
    return keras.Model(latents, images, name="generator")


def build_discriminator(
    *, condition_dim: int = 0, planes: int = 1, minibatch: bool = False, group_size: int | None = None
) -> keras.Model:
    """Return the course's discriminator: images, or [images, conditions] → logits [B, 1].

    Convolutions of stride 2 with 64, 128 and 256 channels, LeakyReLU 0.2 and dropout. Conditions are laid out as
    another plane. ``minibatch`` compares the last features across the batch (`MinibatchDiscrimination`).
    """
    inputs = x = keras.Input((SIZE_PX, SIZE_PX, planes), name="images")
    if condition_dim:
        conditions = keras.Input((condition_dim,), name="conditions")
        plane = layers.Reshape((SIZE_PX, SIZE_PX, 1))(layers.Dense(SIZE_PX * SIZE_PX)(conditions))
        inputs, x = [x, conditions], layers.Concatenate()([x, plane])
    for number, channels in enumerate((64, 128, 256), start=1):
        x = layers.Conv2D(channels, 4, strides=2, padding="same")(x)
        x = layers.LeakyReLU(_LEAK, name=FEATURES if number == 3 else None)(x)  # noqa: PLR2004 - the last one
        x = layers.Dropout(0.25)(x)
    x = layers.Flatten()(x)
    if minibatch:
        x = MinibatchDiscrimination(group_size=group_size)(x)
    return keras.Model(inputs, layers.Dense(1, dtype="float32", name="score")(x), name="discriminator")


def build_sharp_generator(
    *,
    latent_dim: int = 64,
    condition_dim: int = 0,
    planes: int = 1,
    channels: Sequence[int] = (96, 48, 16),
    style: int = 128,
) -> keras.Model:
    """Return a generator whose latents set the style of every layer: [B, latent_dim + K] → images.

    Two dense layers turn the latents into a style; it lays out the coarsest layer, and scales and shifts the channels
    of every convolution after their normalisation (Karras et al., 2019). Kernels that double the size are as wide as
    two strides, so that no chequerboard appears. The ``channels`` are those of the layers 7×7, 14×14 and 28×28.
    """
    latents = keras.Input((latent_dim + condition_dim,), name="latents")
    styles = latents
    for _ in range(2):
        styles = layers.LeakyReLU(_LEAK)(layers.Dense(style)(styles))
    x = grown(styles, _COARSE, channels)
    images = layers.Conv2D(planes, 3, padding="same", activation="tanh", dtype="float32")(x)
    return keras.Model(latents, images, name="generator")


def grown(styles: Any, coarse: int, channels: Sequence[int]) -> Any:
    """Lay styles [B, D] out as ``coarse`` × ``coarse`` places, and double their sides for each further width."""
    x = layers.Reshape((coarse, coarse, channels[0]))(layers.Dense(coarse * coarse * channels[0])(styles))
    for number, width in enumerate(channels):
        if number:
            x = styled(layers.Conv2DTranspose(width, 4, strides=2, padding="same")(x), styles)
        x = styled(layers.Conv2D(width, 3, padding="same")(x), styles)
    return x


def styled(x: Any, styles: Any) -> Any:
    """Normalise the channels of each pixel of x [B, …, C], then scale and shift them as the styles set it."""
    channels = x.shape[-1]
    x = layers.RMSNormalization()(x)  # per pixel (Karras et al., 2018): half the time of statistics over images
    scale = layers.Reshape((1, 1, channels))(layers.Dense(channels, bias_initializer="ones")(styles))
    shift = layers.Reshape((1, 1, channels))(layers.Dense(channels)(styles))
    return layers.LeakyReLU(_LEAK)(layers.Add()([layers.Multiply()([x, scale]), shift]))


def build_sharp_critic(*, condition_dim: int = 0, planes: int = 1, group_size: int | None = None) -> keras.Model:
    """Return a critic without normalisation: images, or [images, conditions] → scores [B, 1].

    Its features are compared across the batch; conditions enter as a projection (Miyato and Koyama, 2018).
    """
    images = keras.Input((SIZE_PX, SIZE_PX, planes), name="images")
    x = images
    for filters, size, stride in ((24, 4, 2), (48, 3, 1), (96, 4, 2)):
        x = layers.LeakyReLU(_LEAK)(layers.Conv2D(filters, size, strides=stride, padding="same")(x))
    x = layers.LeakyReLU(_LEAK, name=FEATURES)(layers.Dense(_WIDTH)(layers.Flatten()(x)))
    score = layers.Dense(1, dtype="float32", name="score")(MinibatchDiscrimination(group_size=group_size)(x))
    if not condition_dim:
        return keras.Model(images, score, name="critic")
    conditions = keras.Input((condition_dim,), name="conditions")
    projection = layers.Dot(1, dtype="float32")([layers.Dense(_WIDTH, use_bias=False)(conditions), x])
    return keras.Model([images, conditions], layers.Add(dtype="float32")([score, projection]), name="critic")
