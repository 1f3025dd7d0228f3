"""A one-shot generator with self-attention, and a light critic that hears what returns.

Notation as in `melodygan.gan`; C is `CONDITION_WIDTH`: metre and mode (`melodygan.form`), one-hot each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from melodygan.bars import cut_at, reaches
from melodygan.form import METERS, MODES, Form, ends_on_the_bar
from melodygan.gan import LEAK, MOST_ROUNDS, MelodyGAN, NoTunesError, kernel_l2, sounds, with_noise
from modelkit.layers import MinibatchDiscrimination

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from melodygan.encoding import Note

CONDITION_WIDTH = len(METERS) + len(MODES)
LATENT_DIM = 96
_DRAWN_A_TUNE = 12  # about one tune in ten ends on the bar
_LEAST_COUNT = 16  # where few are asked for, luck must not decide


def build_attention_generator(
    length: int,
    symbols: int,
    *,
    latent_dim: int = LATENT_DIM,
    channels: Sequence[int] = (192, 128, 128),
    heads: int = 4,
    noise: float = 0.0,
    l2: float = 0.0,
) -> keras.Model:
    """Return [z, conditions] [B, latent_dim + C] → logits [B, L, P + D].

    A dense layer lays out an eighth of the places; each of three blocks doubles them and convolves, and before the
    last one every place looks at all others, so that a phrase can return.

    Args:
        length: notes a tune, divisible by 8.
        symbols: P + D.
        latent_dim: width of z.
        channels: of the three blocks.
        heads: of the attention.
        noise: standard deviation of Gaussian noise after each block.
        l2: λ of the kernel regularisation of the dense layer and the convolutions.
    """
    inputs = keras.Input((latent_dim + CONDITION_WIDTH,), name="latents")
    x = layers.Dense(length // 8 * channels[0], kernel_regularizer=kernel_l2(l2))(inputs)
    x = layers.Reshape((length // 8, channels[0]))(x)
    # What the whole tune shares reaches every place, at every resolution.
    whole = layers.LeakyReLU(LEAK)(layers.Dense(channels[0], kernel_regularizer=kernel_l2(l2))(inputs))
    for block, width in enumerate(channels):
        x = layers.UpSampling1D(2)(x)
        x = layers.Conv1D(width, 5, padding="same", kernel_regularizer=kernel_l2(l2))(x)
        x = layers.Add()([x, layers.Reshape((1, width))(layers.Dense(width)(whole))])
        x = layers.LayerNormalization()(x)
        x = layers.LeakyReLU(LEAK)(x)
        x = with_noise(x, noise)
        if block == len(channels) - 2:
            x = layers.Add()([x, layers.MultiHeadAttention(heads, width // heads)(x, x)])
            x = layers.LayerNormalization()(x)
    logits = layers.Conv1D(symbols, 3, padding="same", dtype="float32", name="logits")(x)
    return keras.Model(inputs, logits, name="generator")


def build_light_critic(
    length: int,
    n_pitches: int,
    n_durations: int,
    *,
    embedding: int = 64,
    channels: Sequence[int] = (96, 128, 160),
    width: int = 128,
    histogram_width: int = 64,
    group_size: int | None = None,
    noise: float = 0.0,
    l2: float = 0.0,
) -> keras.Model:
    """Return [notes [B, L, P + D], conditions [B, C]] → scores [B, 1].

    Convolutions without recurrence, told which phrases return; and, as in `melodygan.gan.build_discriminator`, the
    tune's histogram, with minibatch discrimination on both.

    Args:
        length: notes a tune, divisible by 8.
        n_pitches: P.
        n_durations: D.
        embedding: width that each note is embedded in.
        channels: of the convolutions, each of stride 2.
        width: of the dense layer.
        histogram_width: of the dense layer that reads the histogram.
        group_size: examples compared with each other, see `modelkit.layers.MinibatchDiscrimination`.
        noise: standard deviation of Gaussian noise after each convolution.
        l2: λ of the kernel regularisation of the dense layers and the convolutions.
    """
    notes = keras.Input((length, n_pitches + n_durations), name="notes")
    conditions = keras.Input((CONDITION_WIDTH,), name="conditions")
    regularised = {"kernel_regularizer": kernel_l2(l2)}
    heard = layers.Concatenate()([notes, Returns(n_pitches)(notes)])
    x = layers.Dense(embedding, **regularised)(heard)
    x = layers.Add()([x, layers.Reshape((1, embedding))(layers.Dense(embedding, **regularised)(conditions))])
    x = layers.LeakyReLU(LEAK)(x)
    for filters in channels:
        x = layers.Conv1D(filters, 5, strides=2, padding="same", **regularised)(x)
        x = layers.LeakyReLU(LEAK)(x)
        x = with_noise(x, noise)
    x = layers.Dense(width, **regularised)(layers.Flatten()(x))
    x = layers.LeakyReLU(LEAK)(x)
    histogram = layers.GlobalAveragePooling1D(name="histogram")(heard)
    histogram = layers.Dense(histogram_width, **regularised)(histogram)
    x = layers.Concatenate()([MinibatchDiscrimination(group_size=group_size)(features) for features in (x, histogram)])
    return keras.Model([notes, conditions], layers.Dense(1, dtype="float32", name="score")(x), name="critic")


@keras.saving.register_keras_serializable(package="melodygan")
class Returns(keras.Layer):
    """How far the notes up to each place have been heard before.

    From one-hot notes [B, L, P + D] to [B, L, len(windows)]: for every window of w notes that ends at a place, the
    greatest share of its notes that some window without overlap before it has in the same order; a note of another
    duration counts half. 1 where a phrase has just come back, 0 where nothing like it was there. The places after the
    end of a tune repeat nothing.

    Args:
        n_pitches: P.
        windows: lengths of the windows in notes, ascending powers of 2.
    """

    def __init__(self, n_pitches: int, windows: Sequence[int] = (2, 4, 8), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.n_pitches, self.windows = n_pitches, tuple(windows)

    def call(self, notes: tf.Tensor) -> tf.Tensor:
        """Map notes to how far they return."""
        length = notes.shape[1]
        sounding = notes[..., 1 : self.n_pitches]
        lasting = notes[..., self.n_pitches + 1 :]
        # Half for the pitch alone: were it both or nothing, a note wrong in both would not know which way to turn.
        same = tf.matmul(sounding, sounding, transpose_b=True)
        same *= (1 + tf.matmul(lasting, lasting, transpose_b=True)) / 2
        distance = tf.range(length)[:, None] - tf.range(length)
        found = []
        window = 1
        while window < max(self.windows):
            # Two windows of half the length, one after the other.
            same = (same + tf.pad(same[:, :-window, :-window], [[0, 0], [window, 0], [window, 0]])) / 2
            window *= 2
            if window in self.windows:
                before = tf.where(distance >= window, same, tf.zeros_like(same))
                found.append(tf.reduce_max(before, axis=-1))
        return tf.stack(found, axis=-1)

    def compute_output_shape(self, input_shape: Any) -> tuple[Any, ...]:
        """Return (B, L, windows)."""
        return (*input_shape[:2], len(self.windows))

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "n_pitches": self.n_pitches, "windows": self.windows}


@keras.saving.register_keras_serializable(package="melodygan")
class AttentionGAN(MelodyGAN):
    """A melody GAN under conditions: metre and mode (`melodygan.form`).

    A batch is int [B, L + 1, 2]: the notes, and after them the form, see `with_forms`.

    Args:
        forms: [n, 2] forms of the training tunes, which tunes are composed in where none is asked for.
    """

    def __init__(self, *args: Any, forms: Sequence[Sequence[int]] | np.ndarray, **kwargs: Any) -> None:
        super().__init__(*args, condition_dim=CONDITION_WIDTH, **kwargs)
        self.forms = np.asarray(forms, np.int32)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments, forms included."""
        config = super().get_config()
        config.pop("condition_dim")
        return {**config, "forms": self.forms.tolist()}

    def prepare(self, batch: tf.Tensor) -> tf.Tensor:
        """Turn the notes of a batch into one-hot notes [B, L, P + D]."""
        return super().prepare(batch[:, :-1])

    def conditions(self, batch: tf.Tensor) -> tf.Tensor:
        """Turn the forms of a batch into conditions [B, C]."""
        return as_vector(batch[:, -1])

    def generate(
        self,
        count: int,
        *,
        seed: int,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        bars: int | None = None,
        meter: str | None = None,
        mode: str | None = None,
    ) -> list[tuple[Note, ...]]:
        """Compose tunes, all at once, and keep those that end where a bar does.

        A generator that writes all notes at once cannot count to the last bar: of what it writes, only tunes are
        kept whose upbeat and last bar make a whole one. About one in ten does by chance.

        Args:
            count: number of tunes.
            seed: the same seed, the same tunes.
            temperature: see `melodygan.sampling.filtered_logits`, as are ``top_k`` and ``top_p``.
            top_k: the same.
            top_p: the same.
            bars: exact length. Tunes that end there by themselves come first; longer ones are cut there.
            meter: one of `melodygan.form.METERS`; without it each tune has that of some training tune.
            mode: ``major`` or ``minor``; the same.

        Raises:
            ValueError: the training tunes knew no such form.
            NoTunesError: hardly any tune ends on the bar, or is as long as ``bars`` asks for.
        """
        known = self._forms_like(meter, mode)
        whole: list[tuple[Note, ...]] = []
        cut: list[tuple[Note, ...]] = []
        drawn = _DRAWN_A_TUNE * max(count, _LEAST_COUNT)
        for number in range(MOST_ROUNDS):
            rng = np.random.default_rng([seed, number])
            forms = known[rng.integers(len(known), size=drawn)]
            tunes = self.compose(
                drawn,
                [seed, number],
                conditions=as_vector(tf.constant(forms)),
                temperature=temperature,
                top_k=top_k,
                top_p=top_p,
            )
            for notes, form in zip(tunes, map(from_integers, forms), strict=True):
                bar = METERS[form.meter]
                if not sounds(notes):
                    continue
                if ends_on_the_bar(notes, form.meter) and bars in {None, sum(note.steps for note in notes) // bar}:
                    whole.append(notes)
                elif bars is not None and reaches(notes, bars, bar):
                    cut.append(cut_at(notes, bars, bar))
            if len(whole) >= count:
                return whole[:count]
        if len(whole) + len(cut) < count:
            raise NoTunesError(
                f"only {len(whole) + len(cut)} of {drawn * MOST_ROUNDS} tunes were as long as asked: ask for less"
            )
        return (whole + cut)[:count]

    def _forms_like(self, meter: str | None, mode: str | None) -> np.ndarray:
        """Return the forms [n, 2] of the training tunes in a metre and a mode, or in any."""
        forms = map(from_integers, self.forms)
        fits = [meter in {None, form.meter} and mode in {None, form.mode} for form in forms]
        if not any(fits):
            asked = " ".join(part for part in (meter, mode) if part)
            raise ValueError(f"the model never heard a tune in {asked}: ask for another metre or mode")
        return self.forms[fits]


def with_forms(notes: np.ndarray, forms: np.ndarray) -> np.ndarray:
    """Join notes [n, L, 2] and forms [n, 2] to what `AttentionGAN` learns from, [n, L + 1, 2]."""
    return np.concatenate([notes, forms[:, None]], axis=1)


def as_integers(forms: Iterable[Form]) -> np.ndarray:
    """Write forms as int32 [n, 2]: metre and mode by their places."""
    meters = list(METERS)
    rows = [(meters.index(form.meter), MODES.index(form.mode)) for form in forms]
    return np.array(rows, np.int32).reshape(-1, 2)


def from_integers(row: Iterable[int]) -> Form:
    """Read one row of `as_integers`."""
    meter, mode = map(int, row)
    return Form(list(METERS)[meter], MODES[mode])


def as_vector(forms: tf.Tensor) -> tf.Tensor:
    """Turn integers [B, 2] into what networks read, one-hot each, [B, `CONDITION_WIDTH`]."""
    return tf.concat([tf.one_hot(forms[:, 0], len(METERS)), tf.one_hot(forms[:, 1], len(MODES))], axis=-1)
