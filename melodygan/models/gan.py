"""The networks of the melody GANs and the model that trains them and turns latents into tunes.

Notation: B batch, L notes per tune, P pitch symbols, D duration symbols (`melodygan.data.encoding.NoteVocabulary`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf
from keras import layers

from manymodes.nn.adversarial import AdversarialModel
from manymodes.nn.layers import MinibatchDiscrimination
from melodygan.data.encoding import NoteVocabulary, length_of, pitches_in
from melodygan.data.form import METERS, UNKNOWN_METER, NoTunesError, cut_at
from melodygan.models.sampling import filtered_logits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from melodygan.data.encoding import Note

LEAK = 0.2
SAMPLING_TEMPERATURE = 0.25
"""The logits are divided by this before a symbol is drawn, in training and in composing.

At 1 the symbols of a tune are drawn nearly independently for a long time, and averages over a tune (its register,
its pace) differ too little. Sharper draws leave the differences to the latent vector, which a whole tune shares.
"""
MOST_ROUNDS = 20
_LEAST_DRAWN = 64


def build_generator(
    length: int,
    symbols: int,
    *,
    latent_dim: int = 128,
    widths: Sequence[int] = (256, 512, 1024),
    plan: int = 64,
    channels: Sequence[int] = (96, 64),
    noise: float = 0.0,
    l2: float = 0.0,
) -> keras.Model:
    """Return the report's dense generator with a categorical head: [B, latent_dim] → logits [B, L, P + D].

    The dense layers make a layout of the tune at a quarter of its resolution, ``plan`` channels at each place; two
    upsampling convolutions, shared by all places, turn it into notes. A dense head would have to learn every melodic
    turn anew at each of the L places. L is divisible by 4; a dense layer has LeakyReLU 0.2, batch normalisation
    (momentum 0.8), Gaussian noise of standard deviation ``noise``, and kernel regularisation with λ = ``l2``.
    """
    x = latents = keras.Input((latent_dim,), name="latents")
    places = length // 4
    for width in widths:
        x = layers.Dense(width, kernel_regularizer=kernel_l2(l2))(x)
        x = layers.LeakyReLU(LEAK)(x)
        x = layers.BatchNormalization(momentum=0.8)(x)
        # After the normalisation: before it, L2 shrinks the signal until the noise is all that passes.
        x = with_noise(x, noise)
    x = layers.Dense(places * plan, kernel_regularizer=kernel_l2(l2))(x)
    x = layers.Reshape((places, plan))(x)
    for width in channels:
        x = layers.LeakyReLU(LEAK)(x)
        x = layers.BatchNormalization(momentum=0.8)(x)
        x = layers.UpSampling1D(2)(x)
        x = layers.Conv1D(width, 5, padding="same")(x)
    x = layers.LeakyReLU(LEAK)(x)
    logits = layers.Conv1D(symbols, 3, padding="same", dtype="float32", name="logits")(x)
    return keras.Model(latents, logits, name="generator")


def build_discriminator(
    length: int,
    symbols: int,
    *,
    units: int = 64,
    channels: Sequence[int] = (64, 96, 128),
    widths: Sequence[int] = (256, 128),
    histogram_width: int = 64,
    dropout: float = 0.2,
    group_size: int | None = None,
    fused_lstm: bool = True,
    noise: float = 0.0,
    l2: float = 0.0,
    score_scale: float = 1.0,
) -> keras.Model:
    """Return the report's recurrent discriminator: one-hot notes [B, L, P + D] → scores [B, 1], unbounded.

    A convolutional stem reads the notes in groups of four, so that the LSTMs take L/4 steps instead of L: they
    are what a training step waits for.

    The histogram of a tune, how often each pitch and each duration occurs, is joined to the output of the recurrent
    layers, and minibatch discrimination is applied to both. The histograms of a batch reveal a generator that writes
    all its tunes in one register at one pace, long before their turns do.

    Args:
        length: notes per tune, divisible by 4.
        symbols: P + D.
        units: of the LSTM and of each direction of the bidirectional one.
        channels: of the stem's convolutions.
        widths: of the dense layers, each with LeakyReLU 0.2.
        histogram_width: of the dense layer that reads the histogram.
        dropout: share of the features that training drops before the score.
        group_size: examples compared with each other, see `manymodes.nn.layers.MinibatchDiscrimination`.
        fused_lstm: allow cuDNN's LSTM on a GPU. It has no second derivative, so a penalty on the critic's
            gradient needs False; otherwise the results are the same.
        noise: standard deviation of Gaussian noise after each recurrent and dense layer.
        l2: λ of the kernel regularisation of the dense layers.
        score_scale: factor of the scores. Those of a Wasserstein critic have no unit, but λ is relative to them.
    """
    x = notes = keras.Input((length, symbols), name="notes")
    for width, stride in zip(channels, (1, 2, 2), strict=True):
        x = layers.Conv1D(width, 5, strides=stride, padding="same")(x)
        x = layers.LeakyReLU(LEAK)(x)
    use_cudnn = "auto" if fused_lstm else False
    x = layers.LSTM(units, return_sequences=True, use_cudnn=use_cudnn)(x)
    x = with_noise(x, noise)
    x = layers.Bidirectional(layers.LSTM(units, use_cudnn=use_cudnn))(x)
    x = with_noise(x, noise)
    for width in widths:
        x = layers.Dense(width, kernel_regularizer=kernel_l2(l2))(x)
        # No normalisation: after one, only L2 acts on the size of a kernel, which Adam turns into a steady pull to
        # zero that ends the critic within a hundred updates.
        x = with_noise(x, noise)
        x = layers.LeakyReLU(LEAK)(x)
    x = layers.Dropout(dropout)(x)
    histogram = layers.GlobalAveragePooling1D(name="histogram")(notes)
    histogram = layers.Dense(histogram_width, kernel_regularizer=kernel_l2(l2))(histogram)
    x = layers.Concatenate()([MinibatchDiscrimination(group_size=group_size)(features) for features in (x, histogram)])
    score = layers.Dense(1, dtype="float32", name="score")(x)
    if score_scale != 1:
        score = layers.Rescaling(score_scale, dtype="float32")(score)
    return keras.Model(notes, score, name="discriminator")


def kernel_l2(strength: float) -> keras.regularizers.Regularizer | None:
    """Return L2 regularisation of that strength, None for 0."""
    return keras.regularizers.L2(strength) if strength else None


def with_noise(x: Any, stddev: float) -> Any:
    """Add Gaussian noise while training; none for 0."""
    return layers.GaussianNoise(stddev)(x) if stddev else x


@keras.saving.register_keras_serializable(package="melodygan")
class MelodyGAN(AdversarialModel):
    """An adversarial model of tunes as notes (pitch symbol, duration symbol); carries its vocabulary."""

    def __init__(self, *args: Any, vocabulary: NoteVocabulary | dict[str, Any], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.vocabulary = NoteVocabulary.from_config(vocabulary)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments, vocabulary included."""
        return {**super().get_config(), "vocabulary": self.vocabulary.to_config()}

    def prepare(self, batch: tf.Tensor) -> tf.Tensor:
        """Turn indices [B, L, 2] into one-hot notes [B, L, P + D]."""
        pitches = tf.one_hot(batch[..., 0], self.vocabulary.n_pitches)
        durations = tf.one_hot(batch[..., 1], self.vocabulary.n_durations)
        return tf.concat([pitches, durations], axis=-1)

    def parts(self, notes: tf.Tensor) -> list[tf.Tensor]:
        """Split one-hot notes or logits [B, L, P + D] into [B, L, P] and [B, L, D]."""
        return tf.split(notes, [self.vocabulary.n_pitches, self.vocabulary.n_durations], axis=-1)

    def constrained(self, logits: tf.Tensor, conditions: tf.Tensor | None) -> tf.Tensor:
        """Exclude what the conditions forbid, by logits [B, L, P + D]; by default nothing."""
        return logits

    def arranged(self, notes: tf.Tensor, conditions: tf.Tensor | None) -> tf.Tensor:
        """Rearrange drawn notes [B, L, …] as the conditions require; by default not."""
        return notes

    def emit(self, outputs: tf.Tensor, conditions: tf.Tensor | None, seed: tf.Tensor) -> tf.Tensor:
        """Draw a pitch and a duration from logits [B, L, P + D]: one-hot forwards, softmax backwards."""
        seeds = tf.unstack(tf.random.experimental.stateless_split(seed, 2))
        drawn = [
            straight_through(logits, part_seed, temperature=SAMPLING_TEMPERATURE)
            for logits, part_seed in zip(self.parts(self.constrained(outputs, conditions)), seeds, strict=True)
        ]
        return self.arranged(tf.concat(drawn, axis=-1), conditions)

    def generate(self, count: int, *, seed: int, bars: int | None = None, **choice: Any) -> list[tuple[Note, ...]]:
        """Compose tunes, all at once, by temperature, top_k and top_p of `filtered_logits`.

        With ``bars``, all have this length in 4/4; shorter ones are composed again.

        Raises:
            NoTunesError: hardly any tune is that long, or all of them are silent.
        """
        # Never few at once: where many are too short, a single tune must not run out of rounds.
        drawn = max(count, _LEAST_DRAWN)
        steps = 0 if bars is None else bars * METERS[UNKNOWN_METER]
        tunes: list[tuple[Note, ...]] = []
        for number in range(MOST_ROUNDS):
            composed = self.compose(drawn, [seed, number], **choice)
            usable = [notes for notes in composed if pitches_in(notes) and length_of(notes) >= steps]
            tunes += [cut_at(notes, steps) for notes in usable] if steps else usable
            if len(tunes) >= count:
                return tunes[:count]
        raise NoTunesError(f"only {len(tunes)} of {drawn * MOST_ROUNDS} tunes were as long as asked: ask for less")

    def compose(
        self,
        count: int,
        seed: Sequence[int],
        *,
        conditions: tf.Tensor | None = None,
        temperature: float = 1.0,
        **choice: Any,
    ) -> list[tuple[Note, ...]]:
        """Compose tunes, silent ones too, from a seed of two integers.

        A conditional model needs conditions [count, condition_dim]; ``choice`` is top_k and top_p of `filtered_logits`.
        """
        latent_seed, *part_seeds = tf.unstack(tf.random.experimental.stateless_split(tf.constant(seed, tf.int64), 3))
        latents = tf.random.stateless_normal([count, self.latent_dim], latent_seed)
        logits = self(latents if conditions is None else tf.concat([latents, conditions], axis=-1))
        symbols = []
        for part, part_seed in zip(self.parts(self.constrained(logits, conditions)), part_seeds, strict=True):
            kept = filtered_logits(part, temperature=temperature * SAMPLING_TEMPERATURE, **choice)
            flat = tf.reshape(kept, [-1, kept.shape[-1]])
            drawn = tf.random.stateless_categorical(flat, 1, part_seed, dtype=tf.int32)
            symbols.append(tf.reshape(drawn, tf.shape(kept)[:-1]))
        notes = self.arranged(tf.stack(symbols, axis=-1), conditions)
        return [self.vocabulary.decode(row) for row in notes.numpy()]


def straight_through(logits: tf.Tensor, seed: tf.Tensor, *, temperature: float = 1.0) -> tf.Tensor:
    """Sample one-hot vectors from softmax(logits / temperature), with the gradient of softmax(logits).

    The straight-through Gumbel-softmax of Jang et al., 2017: shape [..., symbols] in and out.
    """
    uniform = tf.random.stateless_uniform(tf.shape(logits), seed, minval=1e-6, maxval=1.0)
    noisy = logits - temperature * tf.math.log(-tf.math.log(uniform))
    soft = tf.nn.softmax(noisy)
    hard = tf.one_hot(tf.argmax(noisy, axis=-1), logits.shape[-1])
    return soft + tf.stop_gradient(hard - soft)
