"""The networks of the melody GANs: the report's dense generator and recurrent critic, on the grid of bars.

Notation as in `melodygan.models.chain`; Z latents. Layers that read conditions compute in float32: 16 bits do not hold
the number of every cell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf
from keras import layers

from manymodes.nn.layers import MinibatchDiscrimination
from melodygan.data.form import METERS, MODES
from melodygan.data.grid import CONDITIONS, KINDS, LENGTH, ROW
from melodygan.models.chain import PHRASE, following_place, spelled

if TYPE_CHECKING:
    from collections.abc import Sequence

LEAK = 0.2


@keras.saving.register_keras_serializable(package="melodygan")
class PlanFeatures(keras.Layer):
    """What conditions [B, CONDITIONS] say about each cell, [B, L, 25]: its place, the end, and what returns."""

    def call(self, conditions: tf.Tensor) -> tf.Tensor:
        """Map conditions to features."""
        plan = spelled(conditions)
        place = tf.range(LENGTH)[None]
        inside = tf.cast(plan.layout.inside, tf.float32)
        cell = tf.one_hot(place % plan.row[:, None], 16)
        phrase = tf.one_hot(place // plan.row[:, None] % PHRASE, PHRASE)
        left = tf.cumsum(inside, axis=1, reverse=True) / 64
        new = [tf.cast(source == place, tf.float32) for source in (plan.layout.source, plan.layout.rhythm)]
        near = tf.exp(-8 * left) * inside
        return tf.concat([cell, phrase, tf.stack([inside, left, near, *new], axis=-1)], axis=-1) * inside[..., None]


@keras.saving.register_keras_serializable(package="melodygan")
class FormFeatures(keras.Layer):
    """Metre and mode of conditions [B, CONDITIONS], one-hot, [B, metres + modes]."""

    def call(self, conditions: tf.Tensor) -> tf.Tensor:
        """Map conditions to features."""
        plan = spelled(conditions)
        return tf.concat([tf.one_hot(plan.meter, len(METERS)), tf.one_hot(plan.mode, len(MODES))], axis=-1)


def kernel_l2(strength: float) -> keras.regularizers.Regularizer | None:
    """Return L2 regularisation of that strength, None for 0."""
    return keras.regularizers.L2(strength) if strength else None


def with_noise(x: Any, stddev: float) -> Any:
    """Add Gaussian noise while training; none for 0."""
    return layers.GaussianNoise(stddev)(x) if stddev else x


def build_generator(
    pitches: int,
    *,
    latent_dim: int = 64,
    widths: Sequence[int] = (256, 512, 1024),
    channels: Sequence[int] = (32, 96, 64),
    heads: int = 0,
    noise: float = 0.0,
    l2: float = 0.0,
) -> keras.Model:
    """Return the report's dense generator on the grid: [z, conditions], [B, Z + CONDITIONS], to [B, L, KINDS + P + 1].

    A dense layer has LeakyReLU 0.2, batch normalisation (momentum 0.8), Gaussian noise of standard deviation ``noise``,
    and kernel regularisation with λ = ``l2``. They make a layout of the tune in blocks of 16 cells; convolutions over
    blocks, over beats and over cells turn it into logits: of what begins, of its pitch, and the height of a contour, in
    semitones / 5 from the middle, towards which pitches are pulled. All are 0 at first, where the chains alone decide.
    With ``heads``, every beat attends to all others, by that many heads.
    """
    inputs = keras.Input((latent_dim + CONDITIONS,), name="latents")
    conditions = inputs[:, latent_dim:]
    x = layers.Concatenate()([inputs[:, :latent_dim], FormFeatures(dtype="float32")(conditions)])
    for width in widths:
        x = layers.Dense(width, kernel_regularizer=kernel_l2(l2))(x)
        x = layers.LeakyReLU(LEAK)(x)
        x = layers.BatchNormalization(momentum=0.8)(x)
        # After the normalisation: before it, L2 shrinks the signal until the noise is all that passes.
        x = with_noise(x, noise)
    cells = PlanFeatures(dtype="float32")(conditions)
    x = layers.Dense(LENGTH // 16 * channels[0], kernel_regularizer=kernel_l2(l2))(x)
    x = layers.Reshape((LENGTH // 16, channels[0]))(x)
    for width, step in zip(channels, (16, 4, 1), strict=True):
        x = layers.Concatenate()([x, layers.AveragePooling1D(step)(cells) if step > 1 else cells])
        x = layers.LeakyReLU(LEAK)(layers.Conv1D(width, 5, padding="same")(x))
        if heads and step == 4:  # noqa: PLR2004 - beats
            attended = layers.MultiHeadAttention(heads, width // heads)(x, x)
            x = layers.LayerNormalization()(layers.Add()([x, attended]))
        if step > 1:
            x = layers.Reshape((LENGTH * 4 // step, width))(layers.Dense(4 * width)(x))
    logits = layers.Dense(KINDS + pitches + 1, kernel_initializer="zeros", dtype="float32", name="logits")(x)
    return keras.Model(inputs, logits, name="generator")


@keras.saving.register_keras_serializable(package="melodygan")
class CarriedIntervals(keras.Layer):
    """Intervals of each onset to the notes before and after it: drawn cells [B, L, P + 3] to [B, L, 2 (2 widest + 1)].

    One-hot, in semitones from −widest to widest; 0 where there is no onset or no such note. The neighbours' pitches are
    taken as they are, without gradient: through them, a critic's gradient would explode.
    """

    def __init__(self, widest: int = 12, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.widest = widest

    def call(self, cells: tf.Tensor) -> tf.Tensor:
        """Map drawn cells to intervals."""
        pitches = cells.shape[-1] - 3
        symbols = tf.stop_gradient(tf.argmax(cells, axis=-1, output_type=tf.int32))
        place = tf.range(LENGTH)[None]
        sounding = symbols < pitches
        end = tf.fill([tf.shape(cells)[0], 1], LENGTH)
        following = following_place(tf.where(sounding, place, LENGTH), end)
        # the note before, found in the mirror
        backwards = tf.reverse(tf.where(sounding, LENGTH - 1 - place, LENGTH), [1])
        leading = LENGTH - 1 - tf.reverse(following_place(backwards, end), [1])
        steps = tf.range(-self.widest, self.widest + 1)[None, None]
        found = []
        for neighbour, there in ((leading, leading >= 0), (following, following < LENGTH)):
            pitch = tf.gather(symbols, tf.clip_by_value(neighbour, 0, LENGTH - 1), batch_dims=1)
            wanted = pitch[..., None] + steps
            valid = (wanted >= 0) & (wanted < pitches) & there[..., None]
            value = tf.gather(cells[..., :pitches], tf.clip_by_value(wanted, 0, pitches - 1), batch_dims=2)
            found.append(tf.where(valid, value, 0.0))
        return tf.concat(found, axis=-1)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "widest": self.widest}


@keras.saving.register_keras_serializable(package="melodygan")
class RowSimilarity(keras.Layer):
    """Similarity of the rows of a tune: beats [B, 96, width] and conditions to cosines [B, rows, rows]."""

    ROWS = LENGTH // min(ROW.values())

    def call(self, beats: tf.Tensor, conditions: tf.Tensor) -> tf.Tensor:
        """Compare all rows by the features of their beats, of 4 cells each."""
        size, in_row = tf.shape(beats)[0], spelled(conditions).row // 4
        beat = tf.range(self.ROWS)[None, :, None] * in_row[:, None, None] + tf.range(4)[None, None]
        there = (tf.range(4)[None, None] < in_row[:, None, None]) & (beat < LENGTH // 4)
        rows = tf.gather(beats, tf.clip_by_value(beat, 0, LENGTH // 4 - 1), batch_dims=1)
        rows = tf.reshape(rows * tf.cast(there, rows.dtype)[..., None], [size, self.ROWS, 4 * beats.shape[-1]])
        rows = rows / tf.sqrt(tf.reduce_sum(tf.square(rows), axis=-1, keepdims=True) + 1e-3)
        return tf.matmul(rows, rows, transpose_b=True)


def build_critic(
    pitches: int,
    *,
    units: int = 64,
    channels: Sequence[int] = (48, 96, 96),
    widths: Sequence[int] = (256, 128),
    dropout: float = 0.2,
    group_size: int | None = None,
    fused_lstm: bool = True,
    noise: float = 0.0,
    l2: float = 0.0,
    score_scale: float = 1.0,
) -> keras.Model:
    """Return the report's recurrent critic: [cells [B, L, P + 3], conditions [B, CONDITIONS]] → scores [B, 1].

    Cells and their intervals are read in beats of four; two convolutions, then an LSTM and a bidirectional one over
    beats. Beside them it sees how similar the rows are, and the mean over the tune of symbols and intervals, which
    reveal a generator that writes all tunes alike; minibatch discrimination is applied to both.

    Args:
        pitches: P.
        units: of the LSTM and of each direction of the bidirectional one; 0 for convolutions instead.
        channels: of the layer over cells and of the two over beats.
        widths: of the dense layers, each with LeakyReLU 0.2.
        dropout: share of the features that training drops before the score.
        group_size: examples compared with each other, see `manymodes.nn.layers.MinibatchDiscrimination`.
        fused_lstm: allow cuDNN's LSTM on a GPU. It has no second derivative, so a penalty on the critic's gradient
            needs False; otherwise the results are the same.
        noise: standard deviation of Gaussian noise after each recurrent and dense layer.
        l2: λ of the kernel regularisation of the dense layers.
        score_scale: factor of the scores. Those of a Wasserstein critic have no unit, but λ is relative to them.
    """
    cells = keras.Input((LENGTH, pitches + 3), name="cells")
    conditions = keras.Input((CONDITIONS,), name="conditions")
    regularised = {"kernel_regularizer": kernel_l2(l2)}
    both = layers.Concatenate()([cells, CarriedIntervals()(cells)])
    x = layers.LeakyReLU(LEAK)(layers.Dense(channels[0])(both))
    x = layers.Reshape((LENGTH // 4, 4 * channels[0]))(x)
    beats = x = layers.LeakyReLU(LEAK)(layers.Dense(channels[1])(x))
    for width in channels[1:]:
        x = layers.LeakyReLU(LEAK)(layers.Conv1D(width, 3, padding="same")(x))
    use_cudnn = "auto" if fused_lstm else False
    if units:
        x = with_noise(layers.LSTM(units, return_sequences=True, use_cudnn=use_cudnn)(x), noise)
        x = with_noise(layers.Bidirectional(layers.LSTM(units, use_cudnn=use_cudnn))(x), noise)
    else:
        for width in channels[1:]:
            x = layers.LeakyReLU(LEAK)(layers.Conv1D(width, 5, strides=2, padding="same")(x))
        x = with_noise(layers.LeakyReLU(LEAK)(layers.Dense(channels[1], **regularised)(layers.Flatten()(x))), noise)
    alike = layers.Flatten()(RowSimilarity(dtype="float32")(beats, conditions))
    alike = layers.LeakyReLU(LEAK)(layers.Dense(channels[1], **regularised)(alike))
    histogram = layers.GlobalAveragePooling1D(name="histogram")(both)
    histogram = layers.LeakyReLU(LEAK)(layers.Dense(64, **regularised)(histogram))
    x = layers.Concatenate()([x, alike, histogram, FormFeatures(dtype="float32")(conditions)])
    for width in widths:
        x = layers.Dense(width, **regularised)(x)
        # No normalisation: after one, only L2 acts on the size of a kernel, which Adam turns into a steady pull to
        # zero that ends the critic within a hundred updates.
        x = layers.LeakyReLU(LEAK)(with_noise(x, noise))
    x = layers.Dropout(dropout)(x)
    x = layers.Concatenate()([MinibatchDiscrimination(group_size=group_size)(part) for part in (x, histogram)])
    score = layers.Dense(1, dtype="float32", name="score")(x)
    if score_scale != 1:
        score = layers.Rescaling(score_scale, dtype="float32")(score)
    return keras.Model([cells, conditions], score, name="critic")
