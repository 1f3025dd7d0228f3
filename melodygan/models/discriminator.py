"""A discriminator of whole tunes, whose odds choose among the candidates of a composer.

Likelihood weighs each symbol and never hears a tune. To draw several tunes, and to keep one of them by its odds of
being real, makes up for what a discriminator can tell (for GANs: Azadi et al., 2019).

Notation: B tunes, N notes, K columns of `melodygan.models.choosing.as_rows`.
"""

from __future__ import annotations

import functools
import itertools
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from manymodes.nn.classifiers import fit_classifier
from manymodes.nn.randomness import reseed_layers
from melodygan.data.form import FORMS, METERS, UNKNOWN_METER
from melodygan.models.choosing import COLUMNS, NOTES, Choosing, as_rows
from melodygan.models.composer import BARS, LONGEST

if TYPE_CHECKING:
    from collections.abc import Sequence

    from melodygan.data.encoding import Tune

_LOWEST, _PITCHES = 48, 40  # others are as if there were no pitch
_WIDEST = 12  # semitones up to which intervals differ
_LEFT = 16  # notes up to which the distance to the end counts
_AGO = (1, 2, 4)  # bars before a note, where it may have been before
_DILATIONS = (1, 2, 4)
_EPOCHS, _LEARNING_RATE, _BATCH_SIZE = 12, 2e-3, 64
_SCALES = np.linspace(0, 1, 41)  # of the logits, from nothing said to as learned


@keras.saving.register_keras_serializable(package="melodygan")
class Discriminator(keras.Model):
    """Maps tunes [B, N, K] to the log odds that they are real, [B, 1]: dilated convolutions over their notes.

    Before it has learned, the odds of all tunes are even.
    """

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(dtype="float32", **kwargs)
        self.units = units
        # in single precision, whatever the model is computed in
        dense, dropout = (functools.partial(layer, dtype="float32") for layer in (layers.Dense, layers.Dropout))
        self.embedding = dense(units, use_bias=False, name="embedding")
        self.embedding_dropout = layers.SpatialDropout1D(0.1, dtype="float32", name="embedding_dropout")
        self.convolutions = [dense(units, activation="silu", name=f"convolution_{n}") for n in _DILATIONS]
        self.dropouts = [dropout(0.2, name=f"dropout_{n}") for n in _DILATIONS]
        self.pooled_dropout = dropout(0.3, name="pooled_dropout")
        self.hidden = dense(64, activation="silu", name="hidden")
        self.hidden_dropout = dropout(0.3, name="hidden_dropout")
        self.logits = dense(1, use_bias=False, kernel_initializer="zeros", name="logits")
        self.trainable = False  # by the training of the model that it belongs to
        self.build()

    def build(self, input_shape: Any = None) -> None:
        """Create all weights."""
        categories = (_PITCHES, LONGEST + 1, *BARS, 2 * _WIDEST + 2, _LEFT + 1, len(FORMS) + 1, *[4] * len(_AGO))
        self.embedding.build((None, None, sum(categories)))
        for convolution in self.convolutions:
            convolution.build((None, None, 3 * self.units))
        self.hidden.build((None, 3 * self.units))
        self.logits.build((None, self.hidden.units))
        self.built = True

    def call(self, rows: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Return log odds [B, 1]."""
        pitches, steps, onsets, form = tf.unstack(tf.cast(rows, tf.int32), axis=-1)
        sounds = tf.cast(steps > 0, tf.int32)
        there = tf.cast(sounds, tf.float32)[..., None]
        left = tf.cumsum(sounds, axis=1, reverse=True)
        before = tf.pad(pitches[:, :-1], [[0, 0], [1, 0]])
        moves = 1 + _WIDEST + tf.clip_by_value(pitches - before, -_WIDEST, _WIDEST)
        categories = [
            (pitches - _LOWEST, _PITCHES),
            (tf.minimum(steps, LONGEST), LONGEST + 1),
            *((onsets % meter, meter) for meter in BARS),
            (tf.where((pitches > 0) & (before > 0), moves, 0), 2 * _WIDEST + 2),
            (tf.minimum(left, _LEFT), _LEFT + 1),
            (form, len(FORMS) + 1),
            *((again, 4) for again in recurrences(pitches, steps, onsets, form)),
        ]
        known = tf.concat([tf.one_hot(*category) for category in categories], axis=-1) * there
        hidden = self.embedding_dropout(self.embedding(known), training=training)
        for distance, convolution, dropout in zip(_DILATIONS, self.convolutions, self.dropouts, strict=True):
            around = tf.pad(hidden, [[0, 0], [distance, distance], [0, 0]])
            around = tf.concat([around[:, : -2 * distance], hidden, around[:, 2 * distance :]], axis=-1)
            hidden = (hidden + dropout(convolution(around), training=training)) * there
        mean = tf.reduce_sum(hidden, axis=1) / tf.maximum(tf.reduce_sum(there, axis=1), 1)
        most = tf.reduce_max(tf.where(there > 0, hidden, hidden.dtype.min), axis=1)
        last = tf.reduce_sum(tf.where(left[..., None] == 1, hidden, 0) * there, axis=1)
        pooled = self.pooled_dropout(tf.concat([mean, most, last], axis=-1), training=training)
        return self.logits(self.hidden_dropout(self.hidden(pooled), training=training))

    @property
    def learned(self) -> bool:
        """Whether it tells any tunes apart."""
        return bool(np.any(self.logits.kernel))

    @functools.cached_property
    def log_odds(self) -> Any:
        """A function of tunes [B, N, K], in a graph."""
        return tf.function(self.call, input_signature=[tf.TensorSpec([None, NOTES, len(COLUMNS)], tf.int32, "rows")])

    def learn(self, real: Sequence[Tune], composed: Sequence[Tune], unseen: Sequence[Tune], *, seed: int) -> None:
        """Learn to tell composed tunes from real ones, as if there were as many of both.

        What it is surer of than is right for real tunes that it has not seen, and for as many of the composed ones,
        is made up for by a factor of its logits.
        """
        composed, others = composed[: -len(unseen)], composed[-len(unseen) :]
        size = max(len(real), len(composed))
        rows = np.concatenate([np.resize(as_rows(tunes), (size, NOTES, len(COLUMNS))) for tunes in (real, composed)])
        keras.utils.set_random_seed(seed)
        reseed_layers([self], seed, tf.constant(0))
        self.trainable = True
        fit_classifier(
            self, rows, np.repeat([1.0, 0.0], size), loss=keras.losses.BinaryCrossentropy(from_logits=True),
            learning_rate=_LEARNING_RATE, batch_size=_BATCH_SIZE, epochs=_EPOCHS, title="discriminator",
        )  # fmt: skip
        self.trainable = False
        wrong = np.concatenate([-self.log_odds(as_rows(unseen)), self.log_odds(as_rows(others))])
        loss = np.logaddexp(0, _SCALES[:, None] * wrong[:, 0]).mean(axis=1)
        self.logits.kernel.assign(_SCALES[loss.argmin()] * self.logits.kernel)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"name": self.name, "units": self.units}


class Discriminating(Choosing):
    """A composer with a `Discriminator`, its ``chooser``; None is none."""

    chooser: Discriminator | None

    @property
    def discriminates(self) -> bool:
        """Whether its discriminator has learned."""
        return self.chooser is not None and self.chooser.learned

    def run(self, name: str, *inputs: Any) -> Sequence[np.ndarray]:
        """Return the outputs of one of the `graphs`, see `Choosing`."""
        function = self.graphs()[name]
        typed = zip(inputs, function.input_signature, strict=True)
        return [part.numpy() for part in tf.nest.flatten(function(*(tf.constant(v, spec.dtype) for v, spec in typed)))]

    def graphs(self) -> dict[str, Any]:
        """Return the functions that choosing needs, for `manymodes.export`."""
        return {"discriminator": self.chooser.log_odds} if self.chooser is not None and self.chooser.learned else {}

    def learn_to_choose(self, real: Sequence[Tune], unseen: Sequence[Tune], *, count: int, seed: int) -> None:
        """Let the discriminator learn from real tunes and the candidates of some composed ones; see there."""
        assert self.chooser is not None
        composed = list(itertools.chain(*self.candidates(count, seed=seed)))
        self.chooser.learn(real, composed, unseen, seed=seed)


def recurrences(pitches: tf.Tensor, steps: tf.Tensor, onsets: tf.Tensor, form: tf.Tensor) -> list[tf.Tensor]:
    """Return what began `_AGO` bars before each note: 0 nothing, 1 another pitch, 2 its pitch, 3 its pitch and length.

    All are integers [B, N], the columns of `as_rows`.
    """
    bar = tf.gather([METERS[UNKNOWN_METER], *(METERS[known.meter] for known in FORMS)], form)[..., None]
    ago = onsets[:, :, None] - onsets[:, None, :]
    pitch, length = (tf.cast(part[:, :, None] == part[:, None, :], tf.int32) for part in (pitches, steps))
    found = (1 + pitch * (1 + length)) * tf.cast(steps[:, None, :] > 0, tf.int32)
    return [tf.reduce_max(tf.where(ago == bars * bar, found, 0), axis=2) for bars in _AGO]
