"""A one-shot generator with self-attention whose phrases return, and a light critic.

Notation as in `melodygan.models.gan`; C is `FORM_WIDTH`: metre and mode (`melodygan.data.form`), one-hot each, whether
the tune closes on the tonic, and its lowest and highest pitch. Conditions are [B, C + L]: these, and for each place of
the tune where its note comes from (`melodygan.data.plan.sources_of`). A plan is the same in integers, [L +
`FORM_COLUMNS`].
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from manymodes import deadline
from manymodes.nn.layers import MinibatchDiscrimination
from melodygan.data.encoding import NoteVocabulary, length_of, pitches_in
from melodygan.data.form import METERS, MODES, Form, NoTunesError, cut_at, ends_on_the_tonic, form_of, places_of
from melodygan.data.plan import sources_of
from melodygan.models.gan import LEAK, MOST_ROUNDS, MelodyGAN, kernel_l2, with_noise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from melodygan.data.encoding import Note, Tune

FORM_WIDTH = len(METERS) + len(MODES) + 3
FORM_COLUMNS = 5
_OCTAVE = 12
_MIDDLE_C = 60
LATENT_DIM = 96
_TRIES = 16  # about one tune in twelve ends as it should
_LEAST_DRAWN = 256  # so that a request for few tunes does not depend on luck
_ROUNDS_FOR_WHOLE = 4  # after which cut tunes are accepted, where a length is requested at which hardly any ends
_PATIENCE = 8  # rounds after which a plan that no tune fits is replaced
_CERTAIN = 1e6  # added to the logit of a symbol that is fixed


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
    """Return the generator: [z, conditions], of [B, latent_dim + C + L], to logits [B, L, P + D], L divisible by 8.

    A dense layer makes a layout of an eighth of the places; each of three blocks doubles them and convolves, and before
    the last one every place attends to all others. In the last block a note that returns takes the features of its
    source, so that its neighbours can lead there. ``noise`` is the standard deviation of Gaussian noise after each
    block, ``l2`` the λ of the kernel regularisation of the dense layers and the convolutions.
    """
    inputs = keras.Input((latent_dim + FORM_WIDTH + length,), name="latents")
    at_places = Places(length)(inputs)
    count = layers.GlobalAveragePooling1D()(at_places)
    whole = layers.Concatenate()([inputs[:, :-length], count])
    x = layers.Dense(length // 8 * channels[0], kernel_regularizer=kernel_l2(l2))(whole)
    x = layers.Reshape((length // 8, channels[0]))(x)
    # Features of the whole tune reach every place, at every resolution.
    whole = layers.LeakyReLU(LEAK)(layers.Dense(channels[0], kernel_regularizer=kernel_l2(l2))(whole))
    for block, width in enumerate(channels):
        x = layers.UpSampling1D(2)(x)
        if block == len(channels) - 1:
            x = Returning()(x, inputs[:, -length:])
        here = layers.AveragePooling1D(length // x.shape[1])(at_places)
        x = layers.Conv1D(width, 5, padding="same", kernel_regularizer=kernel_l2(l2))(layers.Concatenate()([x, here]))
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
    """Return [notes [B, L, P + D], conditions [B, C + L]] → scores [B, 1], L divisible by 8.

    Convolutions of stride 2 over the embedded notes and their intervals, without recurrence. Beside them, as in
    `melodygan.models.gan.build_discriminator`, histograms of the tune's notes, of its intervals and of the first
    convolution's outputs, with minibatch discrimination on both. ``noise`` is the standard deviation of Gaussian noise
    after each convolution, ``l2`` the λ of the kernel regularisation of the dense layers and the convolutions.
    """
    notes = keras.Input((length, n_pitches + n_durations), name="notes")
    conditions = keras.Input((FORM_WIDTH + length,), name="conditions")
    regularised = {"kernel_regularizer": kernel_l2(l2)}
    both = layers.Concatenate()([notes, Intervals(n_pitches)(notes)])
    at_places = Places(length)(conditions)
    x = layers.Dense(embedding, **regularised)(layers.Concatenate()([both, at_places]))
    form = layers.Dense(embedding, **regularised)(conditions[:, :FORM_WIDTH])
    x = layers.Add()([x, layers.Reshape((1, embedding))(form)])
    x = layers.LeakyReLU(LEAK)(x)
    turns = None
    for filters in channels:
        x = layers.Conv1D(filters, 5, strides=2, padding="same", **regularised)(x)
        x = layers.LeakyReLU(LEAK)(x)
        turns = layers.GlobalAveragePooling1D(name="turns")(x) if turns is None else turns
        x = with_noise(x, noise)
    x = layers.Dense(width, **regularised)(layers.Flatten()(x))
    x = layers.LeakyReLU(LEAK)(x)
    histogram = layers.GlobalAveragePooling1D(name="histogram")(both)
    histogram = layers.Concatenate()([histogram, turns])
    histogram = layers.Dense(histogram_width, **regularised)(histogram)
    x = layers.Concatenate()([MinibatchDiscrimination(group_size=group_size)(features) for features in (x, histogram)])
    return keras.Model([notes, conditions], layers.Dense(1, dtype="float32", name="score")(x), name="critic")


@keras.saving.register_keras_serializable(package="melodygan")
class Intervals(keras.Layer):
    """The interval from the note before to each note of one-hot notes [B, L, P + D]: one-hot [B, L, 2 widest + 1].

    Intervals are counted in pitch symbols, which are semitones except for pitches that no tune uses. All values are 0
    for rests, the first note, and wider intervals.
    """

    def __init__(self, n_pitches: int, widest: int = 7, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.n_pitches, self.widest = n_pitches, widest

    def call(self, notes: tf.Tensor) -> tf.Tensor:
        """Map notes to their intervals."""
        sounding = notes[..., NoteVocabulary.PITCH_REST + 1 : self.n_pitches]
        before = tf.pad(sounding[:, :-1], [[0, 0], [1, 0], [0, 0]])
        count = sounding.shape[-1]
        # One product with all shifts: slices would be cheaper, but their gradients four times as expensive.
        shifts = np.stack([np.eye(count, k=step) for step in range(-self.widest, self.widest + 1)], axis=1)
        shifted = tf.tensordot(before, tf.constant(shifts, before.dtype), 1)
        return tf.reduce_sum(shifted * sounding[:, :, None], axis=-1)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "n_pitches": self.n_pitches, "widest": self.widest}


@keras.saving.register_keras_serializable(package="melodygan")
class Places(keras.Layer):
    """Features of each of the last L places of conditions [B, … + L]: [B, L, 4].

    Whether there is a note, whether it is new, the share of places left to the end, and how near the end is to it or
    to a note that returns from it: 1 at the last note, exponentially less before.
    """

    def __init__(self, length: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.length = length

    def call(self, conditions: tf.Tensor) -> tf.Tensor:
        """Map conditions to features."""
        sources = conditions[:, -self.length :]
        own = tf.range(self.length, dtype=sources.dtype)
        there = tf.cast(sources >= 0, sources.dtype)
        new = tf.cast(sources == own, sources.dtype)
        left = there * (tf.reduce_sum(there, axis=1, keepdims=True) - own)
        near = there * tf.exp(there - left)
        from_here = tf.one_hot(tf.cast(sources, tf.int32), self.length)
        near = tf.reduce_max(from_here * near[..., None], axis=1)
        return tf.stack([there, new, left / self.length, near], axis=-1)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "length": self.length}


@keras.saving.register_keras_serializable(package="melodygan")
class Returning(keras.Layer):
    """Replace each place of [B, L, …] by the one at its source [B, L]; where that is −1, it stays."""

    def call(self, values: tf.Tensor, sources: tf.Tensor) -> tf.Tensor:
        """Rearrange values along their second axis."""
        length = tf.shape(values)[1]
        sources = tf.cast(sources, tf.int32)
        return tf.gather(values, tf.where(sources < 0, tf.range(length), sources), axis=1, batch_dims=1)


@keras.saving.register_keras_serializable(package="melodygan")
class AttentionGAN(MelodyGAN):
    """A melody GAN under conditions: metre and mode, range and close, the number of notes, and which of them return.

    A batch is a pair: notes [B, L, 2] and their plans [B, L + `FORM_COLUMNS`], see `note_plans`; ``plans`` are those of
    the training tunes.
    """

    def __init__(self, *args: Any, plans: Sequence[Sequence[int]] | np.ndarray, **kwargs: Any) -> None:
        self.plans = np.asarray(plans, np.int32)
        super().__init__(*args, condition_dim=FORM_WIDTH + self.plans.shape[1] - FORM_COLUMNS, **kwargs)
        self.returning = Returning()

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments, plans included."""
        config = super().get_config()
        config.pop("condition_dim")
        return {**config, "plans": self.plans.tolist()}

    def prepare(self, batch: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        """Turn the notes of a batch into one-hot notes [B, L, P + D]."""
        return super().prepare(batch[0])

    def conditions(self, batch: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        """Turn the plans of a batch into conditions [B, C + L]."""
        return as_vector(batch[1])

    def constrained(self, logits: tf.Tensor, conditions: Any) -> tf.Tensor:
        """Let the tune end where the conditions say, and stay in its range, by logits [B, L, P + D]."""
        ended = tf.where(conditions[:, FORM_WIDTH:] < 0, _CERTAIN, -_CERTAIN)[..., None]
        lowest, highest = tf.split(_MIDDLE_C + _OCTAVE * conditions[:, FORM_WIDTH - 2 : FORM_WIDTH], 2, axis=-1)
        known = tf.constant(self.vocabulary.pitches, tf.float32)
        outside = tf.logical_or(known < lowest - 0.5, known > highest + 0.5)  # half a semitone for rounding
        beyond = tf.where(outside, -_CERTAIN, 0.0)[:, None]
        pitches, durations = self.parts(logits)
        first = NoteVocabulary.PITCH_REST + 1
        pitches = [pitches[..., :1] + ended, pitches[..., 1:first], pitches[..., first:] + beyond]
        return tf.concat([*pitches, durations[..., :1] + ended, durations[..., 1:]], axis=-1)

    def arranged(self, notes: tf.Tensor, conditions: Any) -> tf.Tensor:
        """Let notes [B, L, …] return where the conditions say."""
        return self.returning(notes, conditions[:, FORM_WIDTH:])

    def generate(
        self,
        count: int,
        *,
        seed: int,
        bars: int | None = None,
        meter: str | None = None,
        mode: str | None = None,
        **choice: Any,
    ) -> list[tuple[Note, ...]]:
        """Compose tunes, all at once, and keep those that end as a tune does.

        A generator that writes all notes at once cannot count to the last bar: only tunes are kept whose upbeat and
        last bar make a whole one, and which close on the tonic exactly where their plan says so. Tunes that end after
        ``bars`` by themselves come first; longer ones are cut there. Without ``meter`` or ``mode`` each tune has that
        of some training tune; temperature, top_k and top_p are those of `melodygan.models.sampling.filtered_logits`.

        Raises:
            ValueError: no training tune has this form.
            NoTunesError: hardly any tune ends on the bar, or is as long as ``bars``.
        """
        known = self.plans[places_of(map(form_in, self.plans), meter, mode)]
        rng = np.random.default_rng(seed)
        plans = known[rng.integers(len(known), size=count)]
        whole: dict[int, tuple[Note, ...]] = {}
        cut: list[tuple[Note, ...]] = []
        drawn = 0
        for number in range(MOST_ROUNDS):
            deadline.check()
            # Each plan is tried until a tune keeps to it: new plans would be mostly easy ones in the end.
            pending = [place for place in range(count) if place not in whole]
            if number % _PATIENCE == _PATIENCE - 1:
                plans[pending] = known[rng.integers(len(known), size=len(pending))]
            places = np.repeat(pending, max(_TRIES, -(-_LEAST_DRAWN // len(pending))))
            drawn += len(places)
            conditions = as_vector(tf.constant(plans[places]))
            tunes = self.compose(len(places), [seed, number], conditions=conditions, **choice)
            for place, notes in zip(places.tolist(), tunes, strict=True):
                form, closes = form_in(plans[place]), bool(plans[place, -3])
                if not pitches_in(notes) or ends_on_the_tonic(notes, form.mode) != closes:
                    continue
                bar, steps = METERS[form.meter], length_of(notes)
                if steps % bar == 0 and bars in {None, steps // bar}:
                    whole.setdefault(place, notes)
                elif bars is not None and steps >= bars * bar:
                    cut.append(cut_at(notes, bars * bar))
            if len(whole) == count or (number + 1 >= _ROUNDS_FOR_WHOLE and len(whole) + len(cut) >= count):
                break
        found = [*whole.values(), *cut] if bars is not None else [whole[place] for place in sorted(whole)]
        if len(found) < count:
            raise NoTunesError(f"only {len(found)} of {drawn} tunes were as asked: ask for less")
        return found[:count]


def note_plans(tunes: Sequence[Tune], length: int) -> np.ndarray:
    """Return the plans of tunes of at most ``length`` notes, int32 [n, L + 5].

    These are the sources, −1 after the end; the indices of metre and mode; 1 if the tune closes on the tonic; and its
    lowest and highest pitch.
    """
    meters = list(METERS)
    plans = np.full((len(tunes), length + FORM_COLUMNS), -1, np.int32)
    for row, tune in zip(plans, tunes, strict=True):
        form = form_of(tune)
        row[: len(tune.notes)] = sources_of(tune.notes)
        closes = ends_on_the_tonic(tune.notes, form.mode)
        pitches = pitches_in(tune.notes) or [_MIDDLE_C]
        row[-FORM_COLUMNS:] = meters.index(form.meter), MODES.index(form.mode), closes, min(pitches), max(pitches)
    return plans


def form_in(plan: np.ndarray) -> Form:
    """Return the form in a plan."""
    meter, mode = plan[-FORM_COLUMNS:][:2]
    return Form(list(METERS)[meter], MODES[mode])


def as_vector(plans: tf.Tensor) -> tf.Tensor:
    """Turn plans [B, L + 5] into conditions [B, C + L]; pitches are in octaves from middle C."""
    meter, mode = tf.one_hot(plans[:, -5], len(METERS)), tf.one_hot(plans[:, -4], len(MODES))
    numbers = tf.cast(plans, tf.float32)
    pitches = (numbers[:, -2:] - _MIDDLE_C) / _OCTAVE
    return tf.concat([meter, mode, numbers[:, -3:-2], pitches, numbers[:, :-FORM_COLUMNS]], axis=-1)
