"""Encoders and decoders of sound: convolutions over time, strided on the way in, learned upsampling on the way out.

A sound of 22,050 samples is read in 688 places 32 samples apart, each looking at 96 samples, so that all are seen;
four places make a frame. On the way back each place adds to 96 samples, and what is cut off at the two ends lies
outside of the sound. A log-mel spectrogram has a frame every 256 samples, and is read as it is.

Notation: B batch, T frames (172 of a sound, 88 of a spectrogram), N codes a chunk (172 or 176), D width of an
encoding, C channels. Networks read and write features: sounds [B, 22050] or log-mel spectrograms [B, 88, mels].
"""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
from keras import layers

from audiovae.data.chunks import CHUNK
from audiovae.metrics.spectra import MEL_HOP

__all__ = [
    "INPUTS",
    "Form",
    "Positions",
    "build_bottom_network",
    "build_code_decoder",
    "build_code_encoder",
    "build_latent_decoder",
    "build_latent_encoder",
]

INPUTS = ("raw", "mel")
"""What networks can read: samples, or log-mel spectrograms."""

_PATCH = 32  # samples from place to place
_STRIDE = 4  # places a frame, and frames a coarse frame
_FRAMES = {"raw": CHUNK // (_PATCH * _STRIDE), "mel": 1 + -(-CHUNK // MEL_HOP)}
_PLACES = _FRAMES["raw"] * _STRIDE
_PATCHES = _PLACES + 2  # each place reads three
_BEFORE = (_PATCHES * _PATCH - CHUNK) // 2
_AFTER = _PATCHES * _PATCH - CHUNK - _BEFORE
_CODES_A_FRAME = {"raw": 1, "mel": 2}  # which makes nearly as many a second
_MOMENTUM = 0.95  # of batch normalisation: what is seen in some twenty updates
_LATENT_DEVIATION = 0.8  # of the means of a latent over a batch


class Form(NamedTuple):
    """What networks read, and how large they are.

    Attributes:
        kind: one of `INPUTS`.
        mels: bands of a spectrogram.
        fine: channels of the places of a sound.
        width: channels of frames.
        dilations: of the convolutions over frames, one after the other.
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


# --- codes -------------------------------------------------------------------------------------------------


def build_code_encoder(form: Form, code_width: int, *, normalised: bool) -> keras.Model:
    """Return a network from features to encodings [B, N, D].

    Args:
        form: of the features.
        code_width: D.
        normalised: whether each of the D values has mean 0 and variance 1 over a batch. A codebook need then not chase
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


# --- latents -----------------------------------------------------------------------------------------------


def build_latent_encoder(form: Form, latent_dim: int, *, local: bool = False) -> keras.Model:
    """Return a network from features to the means and log-variances of latents, [B, 2 latent_dim].

    Over a batch each mean has a fixed deviation: batch normalisation without a learned scale, so that no latent can
    fall silent (Zhu et al., "A Batch Normalized Inference Network Keeps the KL Vanishing Away", 2020).

    Args:
        form: of the features.
        latent_dim: latents.
        local: also return what is heard in each coarse frame, [B, T/4, C].
    """
    features = _features(form)
    frames = _read(features, form)
    # Pooling forgets when something was, unless each frame knows its place.
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

    At the bottom are ``bottom_channels`` latents for each coarse frame, flattened: [B, 2 T/4 bottom_channels].

    Args:
        form: of the features.
        top_dim: latents of the top.
        bottom_channels: latents of the bottom in a coarse frame.
        local: whether it reads what is heard in each coarse frame as well, [B, T/4, C].
        name: of the network.
    """
    coarse = form.coarse_frames
    top = keras.Input((top_dim,), name="top")
    x = layers.Reshape((coarse, form.width // _STRIDE))(layers.Dense(coarse * (form.width // _STRIDE))(top))
    inputs = [top]
    if local:
        heard = keras.Input((coarse, form.width), name="heard")
        inputs.append(heard)
        x = layers.Concatenate()([x, heard])
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
    """Add to each frame what is learned of its place: [B, T, C] to the same."""

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the values [T, C]."""
        self.values = self.add_weight(name="values", shape=input_shape[1:], initializer="random_normal")

    def call(self, frames: Any) -> Any:
        """Add them."""
        return frames + self.values


# --- frames ------------------------------------------------------------------------------------------------


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
    """Return four learned frames for each, [B, T, C] to [B, 4 T, channels]; all see the same, so none stands out."""
    x = layers.Conv1D(_STRIDE * channels, 3, padding="same")(x)
    return layers.Reshape((-1, channels))(x)


def _residual(x: Any, dilation: int = 1) -> Any:
    """Add what a dilated convolution finds, at first nothing."""
    found = layers.LayerNormalization()(x)
    found = layers.Conv1D(x.shape[-1], 3, padding="same", dilation_rate=dilation)(found)
    found = layers.Conv1D(x.shape[-1], 1, kernel_initializer="zeros")(_activated(found))
    return layers.Add()([x, found])


def _normalised(x: Any, *, center: bool = True) -> Any:
    """Bring each channel to a variance of 1 over the batch, and to a mean of 0 or a learned one."""
    return layers.BatchNormalization(momentum=_MOMENTUM, epsilon=1e-5, center=center, scale=False)(x)


def _activated(x: Any) -> Any:
    return layers.Activation("swish")(x)
