"""The LSTM that continues a melody symbol by symbol, its metrics, and its batches.

Notation: B tunes, T steps (sixteenths), V symbols (`melodygan.data.encoding.StepVocabulary`).
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from manymodes.nn.randomness import reseed_layers
from manymodes.nn.recurrent import HoistedLSTM
from melodygan.data.encoding import DELIMITER, HOLD, StepVocabulary, Tune, to_steps
from melodygan.data.grid import STEP_COLUMNS, as_steps, to_grid
from melodygan.models.composer import (
    BARS,
    COMING,
    DISTANCE,
    KINDS,
    LONGEST,
    REMEMBERED,
    RHYTHM,
    RUNS,
    Composer,
    Seen,
    heights_of,
    kinds_of,
)
from melodygan.models.discriminator import Discriminating, Discriminator

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LOOKBACK = (8, 12, 16, 24, 32, 48, 64, 96, 128)
"""One, two, four and eight bars of 2/4, 3/4 and 4/4, in sixteenths."""

_BUCKET = 32  # sixteenths by which the lengths of batches differ, so that few shapes occur
_PLAN_WITHHELD = 0.3  # share of training tunes without their plan
_LOOKBACK_WIDTH = 16
_DOUBLINGS = tuple(2**power for power in range(10))  # together longer than any note
# the columns of a plan that are one-hot inputs
_ONE_HOT = ("form", "place", "phrase", "left", "near", "rhythm_near", "until")
_NEAR = tuple(STEP_COLUMNS).index("near")
_WIDEST = 8  # semitones of the widest interval that is told from wider ones
_CLOSE, _CLOSE_WEIGHT = 16, 2.0  # sixteenths before the end that weigh more in training, and how much


@keras.saving.register_keras_serializable(package="melodygan")
class BitsPerStep(keras.metrics.Metric):
    """Mean −log₂ p of the target symbol over the steps whose weight is not 0."""

    def __init__(self, name: str = "bits_per_step", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.bits = self.add_weight(name="bits", initializer="zeros")
        self.count = self.add_weight(name="count", initializer="zeros")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch: targets [B, T], logits [B, T, V], weights [B, T]."""
        nats = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.cast(y_true, tf.int32), y_pred)
        weight = tf.ones_like(nats) if sample_weight is None else tf.cast(sample_weight, nats.dtype)
        self.bits.assign_add(tf.reduce_sum(nats * weight) / math.log(2))
        self.count.assign_add(tf.reduce_sum(weight * self.counted(y_true)))

    def counted(self, y_true: Any) -> Any:
        """Return 1 where a target counts in the denominator, [B, T]."""
        return tf.ones_like(tf.cast(y_true, tf.float32))

    def result(self) -> Any:
        """Return bits a counted target."""
        return tf.math.divide_no_nan(self.bits.value, self.count.value)


@keras.saving.register_keras_serializable(package="melodygan")
class BitsPerNote(BitsPerStep):
    """All bits of a tune divided by its notes and rests: what an onset and its length cost together."""

    def __init__(self, hold: int, name: str = "bits_per_note", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.hold = hold

    def counted(self, y_true: Any) -> Any:
        """Return 1 at onsets; the end of a tune counts as one, because it is predicted too."""
        return tf.cast(tf.not_equal(tf.cast(y_true, tf.int32), self.hold), tf.float32)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "hold": self.hold}


@keras.saving.register_keras_serializable(package="melodygan")
class OnsetAccuracy(keras.metrics.SparseCategoricalAccuracy):
    """Accuracy where something starts or the tune ends, so that always predicting "hold" scores 0."""

    def __init__(self, hold: int, name: str = "onset_accuracy", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.hold = hold

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch: targets [B, T], logits [B, T, V], weights [B, T]."""
        onset = tf.cast(tf.not_equal(tf.cast(y_true, tf.int32), self.hold), tf.float32)
        weight = onset if sample_weight is None else onset * tf.cast(sample_weight, tf.float32)
        super().update_state(y_true, y_pred, weight)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"name": self.name, "hold": self.hold}


@keras.saving.register_keras_serializable(package="melodygan")
class MelodyLSTM(Discriminating, Composer, keras.Model):
    """LSTM → dropout → softmax over the vocabulary, a prediction at every step; the softmax sees the inputs as well.

    It maps symbols [B, T], the first of which is the delimiter, to the logits of the symbols that follow them,
    [B, T, V]. With [B, T, 1 + K], the inputs also have K columns of the tune's plan for each coming symbol
    (`melodygan.data.plan.as_steps`). It is trained with and without plans.

    The inputs of the LSTM are the newest symbol and features that it can hardly remember: the sounding note and its
    length so far, the place in the bar, and, as in the lookback network of Waite (2016), the symbols one, two, four and
    eight bars before the coming one. The lookback with which the tune has agreed for longest is an input of its own,
    with the length of the agreement: it predicts the next symbol where a phrase returns. From 1,400 tunes the LSTM does
    not learn to find it. The last intervals are inputs, because a melody that goes on in its direction is the same
    thing at every pitch. Where the plan says that music returns, its symbol is an input, too, or its kind and length if
    only the rhythm does; in composing, what returns by the plan returns exactly.

    Args:
        vocabulary: its symbols, which are saved with the model.
        units: width of the LSTM.
        dropout: share of its outputs, and of the embedded lookbacks, that training drops.
        weight_dropout: share of its recurrent weights that an update drops.
        lookback: distances in sixteenths, ascending, of the earlier symbols among its inputs.
        plans: those of the training tunes, to which it composes, integers [n, PLAN_COLUMNS].
        discriminator_units: width of its `Discriminator`, whose odds choose among candidates in composing; 0 for none.
        seed: fixes, with the number of the update, every random draw of training.
    """

    def __init__(
        self,
        vocabulary: StepVocabulary | dict[str, Any],
        *,
        units: int = 256,
        dropout: float = 0.2,
        weight_dropout: float = 0.3,
        lookback: Sequence[int] = LOOKBACK,
        plans: Any = (),
        discriminator_units: int = 0,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.vocabulary = vocabulary = StepVocabulary.from_config(vocabulary)
        self.units, self.rate, self.seed = units, dropout, seed
        self.lookback = tuple(lookback)
        self.plans = np.asarray(plans, np.int32)
        self.embedding = layers.Embedding(len(vocabulary), _LOOKBACK_WIDTH, name="embedding")
        self.forgetting = layers.Dropout(dropout, name="forgetting")
        self.lstm = HoistedLSTM(units, return_sequences=True, weight_dropout=weight_dropout, name="lstm")
        self.dropout = layers.Dropout(dropout, name="dropout")
        self.logits = layers.Dense(len(vocabulary), dtype="float32", name="logits")
        self.shortcut = layers.Dense(len(vocabulary), use_bias=False, dtype="float32", name="shortcut")
        self.chooser = Discriminator(discriminator_units) if discriminator_units else None

    def build(self, input_shape: Any = None) -> None:
        """Create all weights."""
        inputs = 5 * len(self.vocabulary) + LONGEST + 1 + sum(BARS) + len(RUNS) + 1 + KINDS
        inputs += (REMEMBERED - 1) * (2 * _WIDEST + 2) + LONGEST + 1
        inputs += sum(1 + STEP_COLUMNS[name] for name in _ONE_HOT) + len(self.lookback) * _LOOKBACK_WIDTH
        self.embedding.build((None, None, len(self.lookback)))
        self.lstm.build((None, None, inputs))
        self.logits.build((None, None, self.units))
        self.shortcut.build((None, None, inputs))
        self.built = True

    def call(self, symbols: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Map symbols [B, T], or symbols and their plans [B, T, 1 + K], to logits [B, T, V]."""
        symbols = tf.cast(symbols, tf.int32)
        plan = tf.zeros([*tf.unstack(tf.shape(symbols)[:2]), len(STEP_COLUMNS)], tf.int32)
        if len(symbols.shape) == 3:  # noqa: PLR2004 - with its plan
            symbols, plan = symbols[..., 0], symbols[..., 1:]
        hold = self.vocabulary.index(HOLD)
        sounding, since = self._latest(symbols, symbols != hold)
        earlier = tf.stack([self._delayed(symbols, distance - 1) for distance in self.lookback], axis=-1)
        places = tf.broadcast_to(tf.range(tf.shape(symbols)[1]), tf.shape(symbols))
        returning, of_rhythm = (self._at_source(symbols, plan[..., column]) for column in (DISTANCE, RHYTHM))
        coming = self._at_source(sounding, plan[..., COMING])
        kinds, agreed = tf.gather(tf.constant(kinds_of(self.vocabulary), tf.int32), of_rhythm), self._agreement(symbols)
        kind = tf.where(plan[..., RHYTHM] > 0, kinds, 0)
        size = tf.where((plan[..., RHYTHM] > 0) & (of_rhythm != hold), self._size(symbols, plan[..., RHYTHM]), 0)
        lasted, heights = tf.minimum(since, LONGEST), self._heights(symbols)
        seen = Seen(plan, symbols, sounding, lasted, places, earlier, agreed, returning, kind, coming, heights, size)
        inputs = self._inputs(seen, training=training)
        return self.logits(self.dropout(self.lstm(inputs), training=training)) + self.shortcut(inputs)

    def _at_source(self, symbols: tf.Tensor, distance: tf.Tensor) -> tf.Tensor:
        """Return the symbols [B, T] that stood at a distance before the coming one, which is one place after each."""
        source = tf.range(tf.shape(symbols)[1]) - tf.maximum(distance, 1) + 1
        return tf.gather(symbols, tf.maximum(source, 0), axis=1, batch_dims=1)

    def _size(self, symbols: tf.Tensor, distance: tf.Tensor) -> tf.Tensor:
        """Return how long the notes at a distance before the coming symbols have lasted, up to `LONGEST`, [B, T]."""
        onsets = symbols != self.vocabulary.index(HOLD)
        # how far each place is before the next onset, found in the mirror
        _, since = self._latest(tf.reverse(symbols, [1]), tf.reverse(onsets, [1]))
        after = tf.pad(tf.reverse(since, [1])[:, 1:] + 1, [[0, 0], [0, 1]], constant_values=LONGEST)
        return tf.minimum(tf.minimum(self._at_source(after, distance), tf.maximum(distance, 1)), LONGEST)

    def _heights(self, symbols: tf.Tensor) -> tf.Tensor:
        """Return the last pitches at each place of [B, T], see `Seen`."""
        heights = tf.gather(tf.constant(heights_of(self.vocabulary), tf.int32), symbols)
        newest, since = self._latest(heights, heights > 0)
        before = tf.range(tf.shape(symbols)[1]) - since - 1
        found = [newest]
        for _ in range(REMEMBERED - 1):
            earlier = tf.gather(found[-1], tf.maximum(before, 0), axis=1, batch_dims=1)
            found.append(tf.where(before >= 0, earlier, 0))
        return tf.stack(found, axis=-1)

    def _inputs(self, seen: Seen, *, training: bool = False) -> tf.Tensor:
        """Return the inputs of the LSTM, [..., width]; training drops some of the embedded lookbacks."""
        size, of_plan = len(self.vocabulary), dict(zip(STEP_COLUMNS, tf.unstack(seen.plan, axis=-1), strict=True))
        chosen = tf.one_hot(tf.argmax(seen.agreed, axis=-1), len(self.lookback), dtype=tf.int32)
        run = tf.reduce_sum(tf.cast(tf.reduce_max(seen.agreed, axis=-1)[..., None] >= RUNS, tf.int32), axis=-1)
        shape = tf.shape(seen.symbols)
        newer, older = seen.heights[..., :-1], seen.heights[..., 1:]
        moves = tf.where(older > 0, 1 + _WIDEST + tf.clip_by_value(newer - older, -_WIDEST, _WIDEST), 0)
        categories = [
            *((seen.symbols, size), (seen.sounding, size), (seen.lasted, LONGEST + 1)),
            *((seen.places % meter, meter) for meter in BARS),
            *((of_plan[name], 1 + STEP_COLUMNS[name]) for name in _ONE_HOT),
            # none of the symbols without a source; as −1, ONNX would count from the last one
            (tf.where(of_plan["distance"] > 0, seen.returning, size), size),
            (tf.reduce_sum(seen.earlier * chosen, axis=-1), size),
            (run, len(RUNS) + 1),
            (seen.kind, KINDS),
            (tf.where(of_plan["coming"] > 0, seen.coming, size), size),
            *((move, 2 * _WIDEST + 2) for move in tf.unstack(moves, axis=-1)),
            (seen.size, LONGEST + 1),
        ]
        embedded = self.forgetting(self.embedding(seen.earlier), training=training)
        flat = tf.reshape(embedded, tf.concat([shape, [len(self.lookback) * _LOOKBACK_WIDTH]], axis=0))
        return tf.concat([*(tf.one_hot(*category, dtype=self.compute_dtype) for category in categories), flat], axis=-1)

    def _delayed(self, symbols: tf.Tensor, steps: int, before: int | None = None) -> tf.Tensor:
        """Return symbols [B, T, ...] delayed by a number of steps; delimiters, or ``before``, precede the tune."""
        before = self.vocabulary.index(DELIMITER) if before is None else before
        paddings = [[0, 0], [steps, 0]] + [[0, 0]] * (len(symbols.shape) - 2)
        return tf.pad(symbols, paddings, constant_values=before)[:, : tf.shape(symbols)[1]]

    def _agreement(self, symbols: tf.Tensor) -> tf.Tensor:
        """Return for how many steps, up to `RUNS`' last, symbols [B, T] have equalled those of earlier bars."""
        before = tf.stack([self._delayed(symbols, distance) for distance in self.lookback], axis=-1)
        agreed = tf.where(symbols[..., None] == before, RUNS[-1], 0)
        for steps in _DOUBLINGS:
            if steps < RUNS[-1]:
                agreed = tf.minimum(agreed, steps + self._delayed(agreed, steps, 0))
        return agreed

    def _latest(self, values: tf.Tensor, there: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the last value that is there, and how many steps ago it was, at each place of [B, T].

        Before the first, it is the value itself, and longer ago than any tune.
        """
        since = tf.where(there, 0, sum(_DOUBLINGS))
        for steps in _DOUBLINGS:
            # The range of the search doubles each time.
            further = steps + self._delayed(since, steps, sum(_DOUBLINGS))
            values = tf.where(further < since, self._delayed(values, steps, 0), values)
            since = tf.minimum(since, further)
        return values, since

    def compile_for_tunes(self, optimizer: keras.optimizers.Optimizer) -> None:
        """Compile with cross-entropy and the metrics of `melodygan.models.lstm`; padding has no weight in them."""
        hold, accuracy = self.vocabulary.index(HOLD), keras.metrics.SparseCategoricalAccuracy(name="accuracy")
        self.compile(
            optimizer,
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="mean_with_sample_weight"),
            weighted_metrics=[BitsPerStep(), BitsPerNote(hold), accuracy, OnsetAccuracy(hold)],
        )
        if not self.built:
            self.build()
        # A first update that creates variables is traced twice.
        self.optimizer.build(self.trainable_variables)

    def train_step(self, data: Any) -> Any:
        """Make one update; its dropout follows from the seed and the number of the update."""
        reseed_layers([self], self.seed, self.optimizer.iterations)
        return super().train_step(data)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {
            "name": self.name,
            "vocabulary": self.vocabulary.to_config(),
            "units": self.units,
            "dropout": self.rate,
            "weight_dropout": self.lstm.weight_dropout.rate,
            "lookback": self.lookback,
            "plans": self.plans.tolist(),
            "discriminator_units": self.chooser.units if self.chooser else 0,
            "seed": self.seed,
        }

    # -- composing ----------------------------------------------------------------------------------------

    def graphs(self) -> dict[str, Any]:
        """Return the functions that composing needs, for `manymodes.export`."""
        return {"step": self._step} | super().graphs()

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the arrays that composing needs beside the graphs, by name."""
        return {"plans": self.plans}

    @functools.cached_property
    def _step(self) -> Any:
        """One step of the network, from `Seen` and two states to logits and the next states."""
        shapes = {"plan": [len(STEP_COLUMNS)], "heights": [REMEMBERED]}
        shapes |= {key: [len(self.lookback)] for key in ("earlier", "agreed")}
        known = [tf.TensorSpec([None, *shapes.get(name, [])], tf.int32, name) for name in Seen._fields]
        states = [tf.TensorSpec([None, self.units], tf.float32, name) for name in ("hidden", "carry")]

        def step(*inputs: tf.Tensor) -> tuple[tf.Tensor, ...]:
            *seen, hidden, carry = inputs
            read = self._inputs(Seen(*seen))
            # one product instead of the two of Keras' cell
            kernel = tf.concat([self.lstm.cell.kernel, self.lstm.cell.recurrent_kernel], axis=0)
            gates = tf.concat([tf.cast(read, tf.float32), hidden], axis=-1) @ kernel + self.lstm.cell.bias
            i, f, g, o = tf.split(gates, 4, axis=-1)
            carry = tf.sigmoid(f) * carry + tf.sigmoid(i) * tf.tanh(g)
            hidden = tf.sigmoid(o) * tf.tanh(carry)
            return self.logits(hidden) + self.shortcut(read), hidden, carry

        return tf.function(step, input_signature=[*known, *states])


class TuneBatches(keras.callbacks.Callback):
    """Whole tunes as (inputs [B, T, 1 + K], targets [B, T], weights [B, T]).

    There is a target at every step, with weight 0 on padding; each input has the plan of its target beside it. In
    training, the last bar of a tune with its plan weighs `_CLOSE_WEIGHT` times as much: a tune has only one. Tunes of
    similar length share a batch, so that little of it is padding. Until the epoch ``others_until``, each has all tunes
    and as many of the others, drawn again; then all tunes twice. The seed fixes, with the epoch, the draw, the order,
    and which tunes have their plans; None keeps the order of the tunes, and withholds all plans, as for validation.

    Attributes:
        epoch: the epoch of the next pass; as a callback of ``fit`` they follow its epochs.
    """

    def __init__(
        self,
        tunes: Sequence[Tune],
        vocabulary: StepVocabulary,
        batch_size: int,
        *,
        seed: int | None = None,
        others: Sequence[Tune] = (),
        others_until: int = 0,
    ) -> None:
        super().__init__()
        self.encoded = [vocabulary.encode(to_steps(tune.notes)) for tune in (*tunes, *others)]
        self.plans = [grid.plan if (grid := to_grid(tune)) else None for tune in (*tunes, *others)]
        self.own, self.drawn, self.others_until = len(tunes), min(len(tunes), len(others)), others_until
        self.delimiter = vocabulary.index(DELIMITER)
        self.batch_size, self.seed, self.epoch = batch_size, seed, 0

    def __len__(self) -> int:
        return math.ceil((self.own + self.drawn) / self.batch_size)

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Set the epoch, so that a continued run has the order of one that was never interrupted."""
        self.epoch = epoch

    def dataset(self) -> tf.data.Dataset:
        """Return a dataset for ``fit``; each pass is in the order of the epoch at its beginning.

        T differs from batch to batch, which must be declared: Keras would infer it from the first batches.
        """
        of_any_width = (
            tf.TensorSpec([None, None, 1 + len(STEP_COLUMNS)], tf.int32),
            tf.TensorSpec([None, None], tf.int32),
            tf.TensorSpec([None, None], tf.float32),
        )
        passes = tf.data.Dataset.from_generator(lambda: iter(self), output_signature=of_any_width)
        return passes.apply(tf.data.experimental.assert_cardinality(len(self)))

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Make one pass over the tunes."""
        lengths = np.array([len(tune) for tune in self.encoded])
        drawn, noise, numbers = np.arange(self.own), np.ones(self.own), np.arange(len(self))
        planned = np.zeros(len(lengths), bool)
        if self.seed is not None:
            rng, of_plans, of_others = (
                np.random.default_rng([self.seed, self.epoch, *more]) for more in ((), (1,), (2,))
            )
            beside = self.own + np.arange(len(lengths) - self.own) if self.epoch < self.others_until else drawn
            drawn = np.append(drawn, of_others.permutation(beside)[: self.drawn])
            # Noise before sorting: tunes of similar length meet others every epoch.
            noise = rng.uniform(0.85, 1.15, len(drawn))
            numbers = rng.permutation(len(self))
            planned = of_plans.random(len(lengths)) >= _PLAN_WITHHELD
        order = drawn[np.argsort(noise * lengths[drawn], kind="stable")]
        for number in numbers:
            rows = order[number * self.batch_size : (number + 1) * self.batch_size]
            # Rounded up, and with a place for the end, which is a target too.
            width = (lengths[rows].max() // _BUCKET + 1) * _BUCKET
            plans = [self.plans[row] if planned[row] else None for row in rows]
            tunes = [self.encoded[row] for row in rows]
            targets = keras.utils.pad_sequences(tunes, width, padding="post", value=self.delimiter)
            before = np.pad(targets[:, :-1], ((0, 0), (1, 0)), constant_values=self.delimiter)
            inputs = np.concatenate([before[..., None], [as_steps(plan, width) for plan in plans]], axis=-1)
            weights = (np.arange(width) <= lengths[rows, None]).astype(np.float32)
            if self.seed is not None:
                close = (inputs[..., 1 + _NEAR] > 0) & (inputs[..., 1 + _NEAR] <= 1 + _CLOSE)
                weights *= np.where(close, _CLOSE_WEIGHT, 1.0).astype(np.float32)
            yield inputs, targets, weights
