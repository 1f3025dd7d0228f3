"""Encoders and decoders of sound: convolutions over time, strided on the way in, learned upsampling on the way out.

A sound of 22,050 samples is read at 688 places 32 samples apart, 96 samples at each; four places make a frame. On the
way back each place adds to 96 samples; only padding is cut off at the two ends. A log-mel spectrogram has a frame every
256 samples, and is read directly.

Notation: B batch, T frames (172 of a sound, 88 of a spectrogram), N codes a chunk (172 or 176), D width of an
encoding, C channels. Networks read and write features: sounds [B, 22050] or log-mel spectrograms [B, 88, mels].
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from audiovae.data.chunks import CHUNK
from audiovae.metrics.spectra import MEL_HOP

if TYPE_CHECKING:
    from collections.abc import Callable

_PATCH = 32  # samples from place to place
_STRIDE = 4  # places a frame, and frames a coarse frame
_FRAMES = {"raw": CHUNK // (_PATCH * _STRIDE), "mel": 1 + -(-CHUNK // MEL_HOP)}
_PLACES = _FRAMES["raw"] * _STRIDE
_PATCHES = _PLACES + 2  # each place reads three
_BEFORE = (_PATCHES * _PATCH - CHUNK) // 2
_AFTER = _PATCHES * _PATCH - CHUNK - _BEFORE
_CODES_A_FRAME = {"raw": 1, "mel": 2}  # nearly as many a second
_MOMENTUM = 0.95  # of batch normalisation, over some twenty updates
_LATENT_DEVIATION = 0.8  # of the means of a latent over a batch


class Form(NamedTuple):
    """The features of networks, ``raw`` or ``mel`` with a number of bands, and their sizes.

    ``fine`` are channels of the places of a sound, ``width`` those of frames, and ``dilations`` those of the
    convolutions over frames, one after the other.
    """

    kind: str = "raw"
    mels: int = 128
    fine: int = 96
    width: int = 128
    dilations: tuple[int, ...] = (1, 3, 9, 27)

    @property
    def frames(self) -> int:
        """T, of which four make a coarse frame."""
        return _FRAMES[self.kind]

    @property
    def coarse_frames(self) -> int:
        """T / 4."""
        return self.frames // _STRIDE

    @property
    def codes(self) -> int:
        """N."""
        return self.frames * _CODES_A_FRAME[self.kind]


def build_code_encoder(form: Form, code_width: int, *, normalised: bool) -> keras.Model:
    """Return a network from features to encodings [B, N, D].

    If ``normalised``, each of the D values has mean 0 and variance 1 over a batch: a codebook then need not follow
    encodings that grow, and cannot pull them together.
    """
    features = _features(form)
    x = layers.Conv1D(code_width * _CODES_A_FRAME[form.kind], 1)(_read(features, form))
    if normalised:
        x = _normalised(x, center=False)
    return keras.Model(features, layers.Reshape((form.codes, code_width))(x), name="encoder")


def build_code_decoder(form: Form, code_width: int) -> keras.Model:
    """Return a network from encodings [B, N, D] to features."""
    encodings = keras.Input((form.codes, code_width), name="encodings")
    x = layers.Reshape((form.frames, code_width * _CODES_A_FRAME[form.kind]))(encodings)
    x = layers.Conv1D(form.width, 3, padding="same")(x)
    return keras.Model(encodings, _write(x, form), name="decoder")


def build_latent_encoder(form: Form, latent_dim: int, *, local: bool = False) -> keras.Model:
    """Return a network from features to the means and log-variances of latents, [B, 2 latent_dim].

    Over a batch each mean has a fixed deviation: batch normalisation without a learned scale, so that no latent can
    collapse (Zhu et al., "A Batch Normalized Inference Network Keeps the KL Vanishing Away", 2020). If ``local``, also
    return an encoding of each coarse frame, [B, T/4, C].
    """
    features = _features(form)
    frames = _read(features, form)
    # pooling loses the order of frames unless each is marked with its place
    x = _residual(Positions()(frames))
    x = layers.GlobalAveragePooling1D()(_activated(x))
    means = layers.Rescaling(_LATENT_DEVIATION)(_normalised(layers.Dense(latent_dim)(x)))
    parameters = layers.Concatenate()([means, layers.Dense(latent_dim)(x)])
    if not local:
        return keras.Model(features, parameters, name="encoder")
    coarse = layers.Conv1D(form.width, 2 * _STRIDE, strides=_STRIDE, padding="same")(_activated(frames))
    return keras.Model(features, [parameters, coarse], name="encoder")


def build_bottom_network(form: Form, top_dim: int, bottom_channels: int, *, local: bool, name: str) -> keras.Model:
    """Return a network from the latents of the top to means and log-variances of those of the bottom.

    At the bottom are ``bottom_channels`` latents for each coarse frame, flattened: [B, 2 T/4 bottom_channels]. If
    ``local``, it also reads an encoding of each coarse frame, [B, T/4, C].
    """
    coarse = form.coarse_frames
    top = keras.Input((top_dim,), name="top")
    x = layers.Reshape((coarse, form.width // _STRIDE))(layers.Dense(coarse * (form.width // _STRIDE))(top))
    inputs = [top]
    if local:
        inputs.append(keras.Input((coarse, form.width), name="heard"))
        x = layers.Concatenate()([x, inputs[-1]])
    x = _residual(layers.Conv1D(form.width, 3, padding="same")(x))
    x = layers.Conv1D(2 * bottom_channels, 1)(_activated(x))
    x = layers.Permute((2, 1, 3))(layers.Reshape((coarse, 2, bottom_channels))(x))
    return keras.Model(inputs, layers.Flatten()(x), name=name)


def build_latent_decoder(form: Form, top_dim: int, bottom_channels: int = 0) -> keras.Model:
    """Return a network from latents [B, top_dim + T/4 bottom_channels], those of the top first, to features."""
    coarse, width = form.coarse_frames, form.width
    latents = keras.Input((top_dim + coarse * bottom_channels,), name="latents")
    x = layers.Reshape((coarse, width // 2))(layers.Dense(coarse * (width // 2))(latents[:, :top_dim]))
    if bottom_channels:
        bottom = layers.Reshape((coarse, bottom_channels))(latents[:, top_dim:])
        x = layers.Concatenate()([x, bottom])
    x = _residual(layers.Conv1D(width, 3, padding="same")(x))
    return keras.Model(latents, _write(_upsampled(_activated(x), width), form), name="decoder")


@keras.saving.register_keras_serializable(package="audiovae")
class Positions(keras.Layer):
    """Add a learned vector for its place to each frame, [B, T, C]."""

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the values [T, C]."""
        self.values = self.add_weight(name="values", shape=input_shape[1:], initializer="random_normal")

    def call(self, frames: Any) -> Any:
        """Return frames with the vectors added."""
        return frames + self.values


@keras.saving.register_keras_serializable(package="audiovae")
class LayerNormalization(layers.LayerNormalization):
    """The layer of Keras with its gradient written out, [B, T, C]: a third less time in training."""

    def call(self, inputs: Any) -> Any:
        """Bring the channels of each place to mean 0 and variance 1, then to a learned scale and centre."""
        return _scaled(inputs, tf.convert_to_tensor(self.gamma), tf.convert_to_tensor(self.beta), self.epsilon)


@tf.custom_gradient
def _scaled(x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, epsilon: float) -> tuple[tf.Tensor, Callable[..., Any]]:
    """Return layer-normalised values, [..., C], and their gradient (Ba et al., "Layer Normalization", 2016)."""

    def mean(values: tf.Tensor) -> tf.Tensor:
        return tf.reduce_mean(values, axis=-1, keepdims=True)

    centred = x - mean(x)
    scale = tf.math.rsqrt(mean(tf.square(centred)) + epsilon)
    normal = centred * scale

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, ...]:
        inner = upstream * gamma
        axes = tuple(range(len(upstream.shape) - 1))
        of_x = scale * (inner - mean(inner) - normal * mean(inner * normal))
        return of_x, tf.reduce_sum(upstream * normal, axes), tf.reduce_sum(upstream, axes), None

    return normal * gamma + beta, gradient


def _features(form: Form) -> Any:
    return keras.Input((CHUNK,) if form.kind == "raw" else (form.frames, form.mels), name="features")


def _read(features: Any, form: Form) -> Any:
    """Return frames [B, T, C] of features."""
    if form.kind == "raw":
        x = layers.ZeroPadding1D((_BEFORE, _AFTER))(layers.Reshape((CHUNK, 1))(features))
        x = _residual(layers.Conv1D(form.fine, 3)(layers.Reshape((_PATCHES, _PATCH))(x)))
        x = layers.Conv1D(form.width, 2 * _STRIDE, strides=_STRIDE, padding="same")(_activated(x))
    else:
        x = layers.Conv1D(form.width, 3, padding="same")(features)
    for dilation in form.dilations:
        x = _residual(x, dilation)
    return x


def _write(frames: Any, form: Form) -> Any:
    """Return features of frames [B, T, C]."""
    x = frames
    for dilation in form.dilations:
        x = _residual(x, dilation)
    if form.kind == "mel":
        return layers.Conv1D(form.mels, 3, padding="same")(_activated(x))
    x = _residual(_upsampled(_activated(x), form.fine))
    x = layers.Conv1D(_PATCH, 3)(layers.ZeroPadding1D(2)(_activated(x)))
    x = layers.Cropping1D((_BEFORE, _AFTER))(layers.Reshape((_PATCHES * _PATCH, 1))(x))
    return layers.Reshape((CHUNK,))(x)


def _upsampled(x: Any, channels: int) -> Any:
    """Return four learned frames for each, [B, T, C] → [B, 4 T, channels]; equal receptive fields avoid artefacts."""
    x = layers.Conv1D(_STRIDE * channels, 3, padding="same")(x)
    return layers.Reshape((-1, channels))(x)


def _residual(x: Any, dilation: int = 1) -> Any:
    """Add the output of a dilated convolution, at first 0."""
    added = LayerNormalization()(x)
    added = layers.Conv1D(x.shape[-1], 3, padding="same", dilation_rate=dilation)(added)
    added = layers.Conv1D(x.shape[-1], 1, kernel_initializer="zeros")(_activated(added))
    return layers.Add()([x, added])


def _normalised(x: Any, *, center: bool = True) -> Any:
    """Bring each channel to a variance of 1 over the batch, and to a mean of 0 or a learned one."""
    return layers.BatchNormalization(momentum=_MOMENTUM, epsilon=1e-5, center=center, scale=False)(x)


def _activated(x: Any) -> Any:
    return layers.Activation("swish")(x)


def in_batches(function: Callable[..., Any], *arrays: np.ndarray, size: int = 32) -> Any:
    """Apply a function to ``size`` rows of all arrays at a time; return its results, a structure of arrays, joined."""
    starts = range(0, len(arrays[0]), size)
    parts = [function(*(array[start : start + size] for array in arrays)) for start in starts]
    return keras.tree.map_structure(lambda *some: np.concatenate(some), *parts)
