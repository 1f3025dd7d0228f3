"""The LSTM that continues a melody symbol by symbol, its metrics, and its batches.

Notation: B tunes, T steps (sixteenths), V symbols (`melodygan.data.encoding.StepVocabulary`).
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from manymodes.nn.randomness import reseed_layers
from manymodes.nn.recurrent import HoistedLSTM
from melodygan.data.encoding import (
    DELIMITER,
    HOLD,
    REST,
    STEPS_PER_QUARTER,
    StepVocabulary,
    Tune,
    from_steps,
    length_of,
    pitch_name,
    pitches_in,
    to_steps,
)
from melodygan.data.form import ENDINGS, METERS, MODES, PLANS, TONIC_NAMES, UNKNOWN_METER, ends_on_the_tonic, form_of
from melodygan.data.grid import (
    LENGTH,
    STEP_COLUMNS,
    Plan,
    as_steps,
    from_row,
    going_on,
    opened,
    plans_in,
    to_grid,
    with_upbeat,
)
from melodygan.data.plan_model import PlanModel
from melodygan.models.sampling import filtered_logits

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from melodygan.data.encoding import Note
    from melodygan.data.form import Form

LOOKBACK = (8, 12, 16, 24, 32, 48, 64, 96, 128)
"""One, two, four and eight bars of 2/4, 3/4 and 4/4, in sixteenths."""

_BUCKET = 32  # sixteenths by which the lengths of batches differ, so that few shapes occur
_PLAN_WITHHELD = 0.3  # share of training tunes without their plan
_CERTAIN = 1e6  # added to the logit of a symbol that is fixed
_PLANNED = 1e5  # of one that returns by the plan: what is fixed comes first
_PULL = 8.0  # nats added to the logit of a symbol that both tunes of a morph have
_MOST_ROUNDS = 2  # in which tunes are drawn until they end on the tonic: one song in four does not
_CANDIDATES = 8  # ways to fill the open bars of a variation, of which one is chosen
_LOOKBACK_WIDTH = 16
_METERS = (16, 12)  # sixteenths of a bar of 4/4 (or two of 2/4) and of 3/4
_LONGEST = 16  # sixteenths up to which the length of a sounding note is counted
_RUNS = (1, 4, 8, 16, 32)  # thresholds, in sixteenths, of agreement with earlier bars
_DOUBLINGS = tuple(2**power for power in range(10))  # together longer than any note
_ONE_HOT = ("form", "place", "phrase", "left", "near", "rhythm_near")  # the columns of a plan that are one-hot inputs
_DISTANCE, _RHYTHM, _NEAR = map(tuple(STEP_COLUMNS).index, ("distance", "rhythm", "near"))
_CLOSE, _CLOSE_WEIGHT = 16, 2.0  # sixteenths before the end that weigh more in training, and how much
_KINDS = 4  # of a symbol: unknown, hold, rest, note


class _Seen(NamedTuple):
    """What is known before the coming symbol."""

    plan: tf.Tensor  # of the coming symbol, [..., K]
    symbols: tf.Tensor  # the newest ones, [...]
    sounding: tf.Tensor  # the symbol at the onset of the current note or rest, [...]
    lasted: tf.Tensor  # steps since then, [...]
    places: tf.Tensor  # steps since the beginning of the tune, [...]
    earlier: tf.Tensor  # symbols `lookback` steps before the coming one, [..., lookback]
    agreed: tf.Tensor  # steps for which the tune has equalled itself `lookback` steps before, [..., lookback]
    returning: tf.Tensor  # the source of the coming symbol according to the plan, [...]
    kind: tf.Tensor  # the kind of the symbol that its rhythm comes from, [...]


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
class MelodyLSTM(keras.Model):
    """LSTM → dropout → softmax over the vocabulary, a prediction at every step.

    It maps symbols [B, T], the first of which is the delimiter, to the logits of the symbols that follow them,
    [B, T, V]. With [B, T, 1 + K], the inputs also have K columns of the tune's plan for each coming symbol
    (`melodygan.data.plan.as_steps`). It is trained with and without plans.

    The inputs of the LSTM are the newest symbol and features that it can hardly remember: the sounding note and its
    length so far, the place in the bar, and, as in the lookback network of Waite (2016), the symbols one, two, four and
    eight bars before the coming one. The lookback with which the tune has agreed for longest is an input of its own,
    with the length of the agreement: it predicts the next symbol where a phrase returns. From 1,400 tunes the LSTM does
    not learn to find it. Where the plan says that music returns, its symbol is an input, too, or its kind if only the
    rhythm does; in composing, what returns by the plan returns exactly.

    Args:
        vocabulary: its symbols, which are saved with the model.
        units: width of the LSTM.
        dropout: share of its outputs, and of the embedded lookbacks, that training drops.
        lookback: distances in sixteenths, ascending, of the earlier symbols among its inputs.
        plans: those of the training tunes, to which it composes, integers [n, PLAN_COLUMNS].
        seed: fixes, with the number of the update, every random draw of training.
    """

    def __init__(
        self,
        vocabulary: StepVocabulary | dict[str, Any],
        *,
        units: int = 256,
        dropout: float = 0.2,
        lookback: Sequence[int] = LOOKBACK,
        plans: Any = (),
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.vocabulary = vocabulary = StepVocabulary.from_config(vocabulary)
        self.units, self.rate, self.seed = units, dropout, seed
        self.redrawn = 0  # tunes that the last call drew again
        self.lookback = tuple(lookback)
        self.plans = np.asarray(plans, np.int32)
        self.embedding = layers.Embedding(len(vocabulary), _LOOKBACK_WIDTH, name="embedding")
        self.forgetting = layers.Dropout(dropout, name="forgetting")
        self.lstm = HoistedLSTM(units, return_sequences=True, name="lstm")
        self.dropout = layers.Dropout(dropout, name="dropout")
        self.logits = layers.Dense(len(vocabulary), dtype="float32", name="logits")

    def build(self, input_shape: Any = None) -> None:
        """Create all weights."""
        inputs = 4 * len(self.vocabulary) + _LONGEST + 1 + sum(_METERS) + len(_RUNS) + 1 + _KINDS
        inputs += sum(1 + STEP_COLUMNS[name] for name in _ONE_HOT) + len(self.lookback) * _LOOKBACK_WIDTH
        self.embedding.build((None, None, len(self.lookback)))
        self.lstm.build((None, None, inputs))
        self.logits.build((None, None, self.units))
        self.built = True

    def call(self, symbols: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Map symbols [B, T], or symbols and their plans [B, T, 1 + K], to logits [B, T, V]."""
        symbols = tf.cast(symbols, tf.int32)
        plan = tf.zeros([*tf.unstack(tf.shape(symbols)[:2]), len(STEP_COLUMNS)], tf.int32)
        if len(symbols.shape) == 3:  # noqa: PLR2004 - with its plan
            symbols, plan = symbols[..., 0], symbols[..., 1:]
        sounding, lasted = self._sounding(symbols)
        earlier = tf.stack([self._delayed(symbols, distance - 1) for distance in self.lookback], axis=-1)
        places = tf.broadcast_to(tf.range(tf.shape(symbols)[1]), tf.shape(symbols))
        # The coming symbol is the one after place, so its source `distance` before it is one place nearer.
        returning, of_rhythm = (
            tf.gather(symbols, tf.maximum(places - tf.maximum(plan[..., column], 1) + 1, 0), axis=1, batch_dims=1)
            for column in (_DISTANCE, _RHYTHM)
        )
        kind, agreed = self._kind(of_rhythm, plan), self._agreement(symbols)
        seen = _Seen(plan, symbols, sounding, lasted, places, earlier, agreed, returning, kind)
        return self.logits(self.dropout(self.lstm(self._inputs(seen, training=training)), training=training))

    def _kind(self, symbols: tf.Tensor, plan: tf.Tensor) -> tf.Tensor:
        """Return the kinds of symbols that a rhythm comes from, 0 where the plan has none."""
        hold, rest = (tf.cast(symbols == self.vocabulary.index(symbol), tf.int32) for symbol in (HOLD, REST))
        return tf.where(plan[..., _RHYTHM] > 0, 3 - 2 * hold - rest, 0)

    def _inputs(self, seen: _Seen, *, training: bool = False) -> tf.Tensor:
        """Return the inputs of the LSTM, [..., width]; training drops some of the embedded lookbacks."""
        size, of_plan = len(self.vocabulary), dict(zip(STEP_COLUMNS, tf.unstack(seen.plan, axis=-1), strict=True))
        longest = tf.argmax(seen.agreed, axis=-1, output_type=tf.int32)
        run = tf.reduce_sum(tf.cast(tf.reduce_max(seen.agreed, axis=-1)[..., None] >= _RUNS, tf.int32), axis=-1)
        shape = tf.shape(seen.symbols)
        categories = [
            *((seen.symbols, size), (seen.sounding, size), (seen.lasted, _LONGEST + 1)),
            *((seen.places % meter, meter) for meter in _METERS),
            *((of_plan[name], 1 + STEP_COLUMNS[name]) for name in _ONE_HOT),
            (tf.where(of_plan["distance"] > 0, seen.returning, -1), size),
            (tf.gather(seen.earlier, longest, axis=-1, batch_dims=len(longest.shape)), size),
            (run, len(_RUNS) + 1),
            (seen.kind, _KINDS),
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
        """Return for how many steps, up to `_RUNS`' last, symbols [B, T] have equalled those of earlier bars."""
        before = tf.stack([self._delayed(symbols, distance) for distance in self.lookback], axis=-1)
        agreed = tf.where(symbols[..., None] == before, _RUNS[-1], 0)
        for steps in _DOUBLINGS:
            if steps < _RUNS[-1]:
                agreed = tf.minimum(agreed, steps + self._delayed(agreed, steps, 0))
        return agreed

    def _sounding(self, symbols: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the last symbol that is not a hold, and how many steps ago it was, at each place of [B, T]."""
        hold = self.vocabulary.index(HOLD)
        lasted = tf.where(symbols == hold, _LONGEST, 0)
        for steps in _DOUBLINGS:
            # The range of the search doubles each time.
            lasted = tf.minimum(lasted, steps + self._delayed(lasted, steps, _LONGEST))
            symbols = tf.where(symbols == hold, self._delayed(symbols, steps, hold), symbols)
        return symbols, lasted

    def compile_for_tunes(self, optimizer: keras.optimizers.Optimizer) -> None:
        """Compile with cross-entropy and the metrics of `melodygan.models.lstm`; padding has no weight in them."""
        hold, accuracy = self.vocabulary.index(HOLD), keras.metrics.SparseCategoricalAccuracy(name="accuracy")
        self.compile(
            optimizer,
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="mean_with_sample_weight"),
            weighted_metrics=[BitsPerStep(), BitsPerNote(hold), accuracy, OnsetAccuracy(hold)],
        )

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
            "lookback": self.lookback,
            "plans": self.plans.tolist(),
            "seed": self.seed,
        }

    # -- sampling -----------------------------------------------------------------------------------------

    def compose(
        self,
        count: int,
        *,
        seed: int,
        start: Sequence[Note] = (),
        upbeat: int = 0,
        bars: int | None = None,
        meter: str | None = None,
        mode: str | None = None,
        like: Tune | None = None,
        ending: str = ENDINGS[0],
        plans: str | None = PLANS[0],
        max_steps: int = 512,
        **choice: Any,
    ) -> list[Tune]:
        """Compose tunes, all at once, to the plans of training tunes, where the model has any.

        All begin with the notes of ``start``, and their upbeat. Without a plan, and ``bars`` (of ``meter``, or of 4/4),
        the model ends a tune; after ``max_steps`` sixteenths it is cut. Without ``meter`` or ``mode`` each tune has
        that of its plan. With ``like``, all have the plan and length of that tune; with ``plans`` "composed", those of
        `PlanModel`; with None, no plan. With the ending ``tonic``, tunes that do not end on it are drawn again, up to
        `_MOST_ROUNDS` times; ``redrawn`` counts them. Temperature, top_k and top_p are those of `filtered_logits`.

        Raises:
            ValueError: ``start`` has a pitch that the vocabulary lacks, or is longer than ``bars``; or no training
                tune has that metre and mode.
        """
        given = self._known(start, "the start", empty=True)
        exact = length_of(like.notes) if like else bars and bars * METERS[meter or UNKNOWN_METER]
        begun = upbeat, len(given)
        planned = self._plans_for(count, seed, plans, begun, bars=bars, meter=meter, mode=mode, like=like)
        lengths = np.array([exact or (plan.cells if plan else 0) for plan in planned])
        longest = max(*lengths, 0 if lengths.all() else max_steps)
        if len(given) > longest:
            raise ValueError(f"the start is {len(given)} sixteenths long, more than the {longest} asked for")
        pull, steps = _CERTAIN * self._one_hot(given)[None], [as_steps(plan, longest) for plan in planned]
        self.redrawn = 0
        composed: dict[int, tuple[Note, ...]] = {}
        pending = list(range(count))
        for number in range(_MOST_ROUNDS if ending == "tonic" else 1):
            self.redrawn += len(pending) if number else 0
            symbols = self._drawn(
                pull, np.stack([steps[n] for n in pending]), lengths[pending], seed, number=number, **choice
            )
            for n, row in zip(pending, symbols, strict=True):
                notes = self._notes(row)
                if n not in composed or _ends_on_a_tonic(notes, planned[n], mode):
                    composed[n] = notes
            pending = [n for n in pending if not _ends_on_a_tonic(composed[n], planned[n], mode)]
            if not pending:
                break
        return [_as_tune(composed[n], planned[n], meter, mode, upbeat) for n in range(count)]

    def generate(self, count: int, *, seed: int, **options: Any) -> list[tuple[Note, ...]]:
        """Return the notes of `compose`."""
        return [tune.notes for tune in self.compose(count, seed=seed, **options)]

    def _plans_for(
        self, count: int, seed: int, plans: str | None, begun: tuple[int, int], *, bars: int | None, meter: str | None,
        mode: str | None, like: Tune | None,
    ) -> Sequence[Plan | None]:  # fmt: skip
        """Return the plans to which `compose` composes, of tunes that begin with so long an upbeat and start."""
        if like is not None:
            grid = to_grid(like)
            return [grid.plan if grid else None] * count
        if plans is None or not (len(self.plans) or meter is not None or mode is not None):
            return [None] * count
        if bars is not None and meter is None:
            meter = UNKNOWN_METER
        training = list(map(from_row, self.plans))
        known = plans_in(training, meter, mode, bars, longest=math.inf)
        upbeat, steps = begun
        if steps:
            known = going_on(known, upbeat, steps) if bars is None else [with_upbeat(plan, upbeat) for plan in known]
        rng = np.random.default_rng([seed, 1])
        if plans == "composed":
            return PlanModel(training).compose(known, count, rng)
        return [known[n] for n in rng.integers(len(known), size=count)]

    def vary(
        self,
        notes: Sequence[Note],
        count: int,
        *,
        amount: float = 1.0,
        seed: int,
        form: Form | None = None,
        bars: tuple[int, int] | None = None,
        upbeat: int = 0,
        ending: str = "free",
        **choice: Any,
    ) -> list[tuple[Note, ...]]:
        """Write variations of a tune: some of its bars are composed anew, the others stay.

        Of `_CANDIDATES` ways to fill the open bars each variation takes the one after which the bars that stay are
        likeliest, so that it leads back into them.

        Args:
            notes: the tune, in C major or A minor.
            count: number of variations.
            amount: share of its bars that is composed anew, over 0 to 1; one at least. They are counted from the first
                note.
            seed: the same seed, the same variations.
            form: the tune's, if known; the model then keeps to its plan. Bars are those of its metre.
            bars: the first and the last bar that are composed anew, instead of a share. They are counted from 1 after
                the upbeat, and the notes of all others stay as they are.
            upbeat: sixteenths before the first bar line.
            ending: with ``tonic``, variations that end on it are preferred.
            **choice: temperature, top_k and top_p of `filtered_logits`.

        Raises:
            ValueError: the tune is empty, or has a pitch that the vocabulary lacks, or does not have these bars.
        """
        tune = self._known(notes, "the tune to vary")
        length, bar = len(tune), METERS[form.meter if form else UNKNOWN_METER]
        fixed = self._one_hot(tune).numpy()
        closed = np.ones((count, length), bool)
        if bars is not None:
            begin, end = _steps_of(bars, length, bar, upbeat)
            closed[:, begin:end] = False
            # A note that sounds into the bars ends there; one that sounds out of them begins anew.
            fixed[end : end + 1] = self._one_hot(_begun(tune, end, self.vocabulary.index(HOLD)))
        else:
            whole = -(-length // bar)
            rng = np.random.default_rng(seed)
            for row in closed:
                for n in rng.choice(whole, max(1, round(amount * whole)), replace=False):
                    row[n * bar : (n + 1) * bar] = False
        kept = np.repeat(closed, _CANDIDATES, axis=0)
        planned = np.zeros((*kept.shape, len(STEP_COLUMNS)), np.int32)
        own = Tune(tuple(notes), key=form.mode, meter=form.meter, pickup_steps=upbeat) if form else None
        if own and (grid := to_grid(own)):
            for number, row in enumerate(closed):
                of_row = slice(number * _CANDIDATES, (number + 1) * _CANDIDATES)
                fresh = np.pad(~row, (grid.plan.lead, 0))
                planned[of_row] = as_steps(opened(grid.plan, fresh), length)
        pull = _CERTAIN * fixed * kept[..., None].astype(np.float32)
        if bars is not None:
            pull[:, begin, self.vocabulary.index(HOLD)] = -_CERTAIN
        symbols = self._drawn(tf.constant(pull), planned, np.full(len(kept), length), seed, **choice)
        before = np.pad(symbols[:, :-1], ((0, 0), (1, 0)), constant_values=self.vocabulary.index(DELIMITER))
        logits = self(np.concatenate([before[..., None], planned], axis=-1))
        nats = tf.nn.sparse_softmax_cross_entropy_with_logits(symbols, tf.cast(logits, tf.float32))
        costs = tf.reduce_sum(tf.where(kept, nats, 0.0), axis=1).numpy()
        unchanged = (symbols == tune).all(axis=1)
        variations = [self._notes(row) for row in symbols]
        mode = form.mode if form else None
        open_ended = [ending == "tonic" and not _ends_on_a_tonic(varied, None, mode) for varied in variations]
        candidates = np.arange(len(kept)).reshape(count, _CANDIDATES)
        return [variations[min(rows, key=lambda n: (unchanged[n], open_ended[n], costs[n]))] for rows in candidates]

    def recompose(
        self, tune: Tune, first: int, last: int, count: int = 1, *, seed: int, ending: str = "tonic", **choice: Any
    ) -> list[Tune]:
        """Compose bars ``first`` to ``last`` of a tune anew, counted from 1 without the upbeat; the others stay.

        See `vary`, also for errors.
        """
        form = form_of(tune) if tune.meter in METERS else None
        options = {"form": form, "bars": (first, last), "upbeat": tune.pickup_steps, "ending": ending, **choice}
        return [replace(tune, notes=notes) for notes in self.vary(tune.notes, count, seed=seed, **options)]

    def interpolate(
        self, first: Sequence[Note], second: Sequence[Note], count: int, *, seed: int, **choice: Any
    ) -> list[tuple[Note, ...]]:
        """Morph one tune into another: tunes from ``first`` to ``second``, both included, in C major or A minor.

        Between them the model composes while both tunes pull at it, the second ever more, the first ever less:
        where they agree it follows them, elsewhere it chooses symbols that fit the notes so far. All tunes share their
        random numbers, so that they differ by the pull alone. Lengths change by quarters.

        The same seed gives the same tunes; ``choice`` is temperature, top_k and top_p of `filtered_logits`.

        Raises:
            ValueError: a tune is empty, or has a pitch that the vocabulary lacks; or ``count`` is below 2.
        """
        if count < 2:  # noqa: PLR2004 - the two ends
            raise ValueError(f"a morph has at least 2 steps, not {count}")
        ends = [self._known(first, "the first tune"), self._known(second, "the second tune")]
        if count == 2:  # noqa: PLR2004 - nothing between them
            return [tuple(first), tuple(second)]
        longest = max(map(len, ends))
        pulls = [tf.pad(self._one_hot(end), [[0, longest - len(end)], [0, 0]]) for end in ends]
        shares = np.linspace(0, 1, count)[1:-1]
        quarters = ((1 - shares) * len(ends[0]) + shares * len(ends[1])) / STEPS_PER_QUARTER
        share = tf.constant(shares, tf.float32)[:, None, None]
        symbols = self._drawn(
            _PULL * ((1 - share) * pulls[0] + share * pulls[1]),
            as_steps(None, longest)[None],
            np.clip(STEPS_PER_QUARTER * np.rint(quarters), 1, longest),
            seed,
            together=True,
            **choice,
        )
        return [tuple(first), *map(self._notes, symbols), tuple(second)]

    def _known(self, notes: Sequence[Note], whose: str, *, empty: bool = False) -> np.ndarray:
        """Return the symbols of notes, all of which the vocabulary must have."""
        if not (notes or empty):
            raise ValueError(f"{whose} is empty: give one with notes")
        known = self.vocabulary.pitches
        for pitch in pitches_in(notes):
            if pitch not in known:
                heard = f"between {pitch_name(known[0])} and {pitch_name(known[-1])}"
                raise ValueError(f"{whose} has {pitch_name(pitch)}, which the model never heard: use notes {heard}")
        return self.vocabulary.encode(to_steps(notes))

    def _one_hot(self, symbols: np.ndarray) -> tf.Tensor:
        return tf.one_hot(symbols, len(self.vocabulary))

    def _notes(self, symbols: np.ndarray) -> tuple[Note, ...]:
        return from_steps(self.vocabulary.decode(symbols))

    def _drawn(
        self,
        pull: tf.Tensor,
        plan: np.ndarray,
        lengths: np.ndarray,
        seed: int,
        *,
        number: int = 0,
        together: bool = False,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
    ) -> np.ndarray:
        """Return the symbols of `_sample`; one graph serves all lengths, seeds and temperatures."""
        seeds, options = tf.constant([seed, number], tf.int64), (tf.constant(temperature, tf.float32), top_k, top_p)
        arrays = tf.constant(plan, tf.int32), tf.constant(lengths, tf.int32)
        return self._sample(pull, *arrays, seeds, together=together, options=options).numpy()

    @tf.function(reduce_retracing=True)
    def _sample(
        self,
        pull: tf.Tensor,
        plan: tf.Tensor,
        lengths: tf.Tensor,
        seed: tf.Tensor,
        *,
        together: bool,
        options: tuple[tf.Tensor, int, float],
    ) -> tf.Tensor:
        """Return symbols [count, T], delimiters after the end of a tune; together, all share their random numbers.

        To the logits of the first G ≤ T steps the pull is added, [1 or count, G, V]. The plan is that of each step, [1
        or count, T, K]; the lengths of the tunes are [count], 0 where the model ends them. Options are those of
        `filtered_logits`.
        """
        delimiter, hold = self.vocabulary.index(DELIMITER), self.vocabulary.index(HOLD)
        count, given, steps = tf.size(lengths), tf.shape(pull)[1], tf.shape(plan)[1]
        temperature, top_k, top_p = options
        never_end = tf.one_hot(delimiter, len(self.vocabulary), on_value=float("-inf"), off_value=0.0)
        never_hold = tf.one_hot(hold, len(self.vocabulary), on_value=float("-inf"), off_value=0.0)
        distances = tf.constant(self.lookback, tf.int32)
        window = max(LENGTH, *self.lookback)
        allowed = _allowed(self.vocabulary)
        written = tf.TensorArray(tf.int32, size=steps, element_shape=[None])

        def unfinished(step: tf.Tensor, *rest: Any) -> tf.Tensor:
            return tf.logical_and(step < steps, tf.logical_not(tf.reduce_all(rest[-1])))

        def one_step(step: tf.Tensor, *state: Any) -> tuple[Any, ...]:
            recent, sounding, lasted, agreed, lstm_state, written, ended = state
            earlier = tf.gather(recent, window - distances, axis=1)
            planned = tf.broadcast_to(plan[:, step], [count, len(STEP_COLUMNS)])
            planned.set_shape([recent.shape[0], None])  # inside the loop, the count is not a constant
            returning, of_rhythm = (
                tf.gather(recent, tf.minimum(window - planned[:, column], window - 1), axis=1, batch_dims=1)
                for column in (_DISTANCE, _RHYTHM)
            )
            places, kind = tf.fill([count], step), self._kind(of_rhythm, planned)
            seen = _Seen(planned, recent[:, -1], sounding, lasted, places, earlier, agreed, returning, kind)
            output, lstm_state = self.lstm.cell(self._inputs(seen), lstm_state)
            logits = self.logits(output)
            # Nothing to hold at first, and the last given note keeps its length; and at least one note follows.
            starts = tf.logical_or(step == 0, step == given)
            logits += tf.where(starts, never_hold, tf.zeros_like(never_hold))
            goes_on = tf.logical_or(starts, step < lengths)[:, None]
            logits += tf.where(goes_on, never_end, tf.zeros_like(never_end))
            again = tf.cast(planned[:, _DISTANCE, None] > 0, logits.dtype) * tf.one_hot(returning, len(self.vocabulary))
            logits += _PLANNED * (again + tf.gather(allowed, kind) - 1)
            logits = logits + pull[:, step] if step < given else logits
            logits = filtered_logits(logits, temperature=temperature, top_k=top_k, top_p=top_p)
            step_seed = tf.random.experimental.stateless_fold_in(seed, step)
            follows = gumbel_draw(logits, step_seed, together=together)
            ended = tf.logical_or(ended, tf.logical_and(lengths > 0, step >= lengths))
            follows = tf.where(ended, delimiter, follows)
            ended = tf.logical_or(ended, follows == delimiter)
            recent = tf.concat([recent[:, 1:], follows[:, None]], axis=1)
            held = follows == hold
            sounding = tf.where(held, sounding, follows)
            lasted = tf.where(held, tf.minimum(lasted + 1, _LONGEST), 0)
            agreed = tf.where(follows[:, None] == earlier, tf.minimum(agreed + 1, _RUNS[-1]), 0)
            return step + 1, recent, sounding, lasted, agreed, lstm_state, written.write(step, follows), ended

        first, recent = tf.fill([count], delimiter), tf.fill([count, window], delimiter)
        agreed = tf.ones([count, len(self.lookback)], tf.int32)
        lstm_state = [tf.zeros([count, self.units], self.compute_dtype)] * 2
        ended = tf.zeros([count], tf.bool)
        state = (0, recent, first, tf.zeros_like(first), agreed, lstm_state, written, ended)
        step, *_, written, _ = tf.while_loop(unfinished, one_step, state)
        return tf.where(tf.range(steps) >= step, delimiter, tf.transpose(written.stack()))


def _ends_on_a_tonic(notes: Sequence[Note], plan: Plan | None, mode: str | None) -> bool:
    """Whether a tune ends on the tonic of its mode, or of either mode if that is unknown."""
    mode = plan.form.mode if plan else mode
    return any(ends_on_the_tonic(notes, one) for one in ([mode] if mode else MODES))


def _steps_of(bars: tuple[int, int], length: int, bar: int, upbeat: int) -> tuple[int, int]:
    """Return the first sixteenth of some bars, and the first one after them."""
    first, last = bars
    begin, end = upbeat + (first - 1) * bar, upbeat + last * bar
    if not 1 <= first <= last or begin >= length:
        raise ValueError(f"the tune has no bars {first} to {last}: it has {-(-(length - upbeat) // bar)}")
    return begin, min(end, length)


def _begun(symbols: np.ndarray, place: int, hold: int) -> np.ndarray:
    """Return the symbol at a place, instead of a hold that of the note that it prolongs; [1], or [0] at the end."""
    onsets = np.flatnonzero(symbols[: place + 1] != hold)
    return symbols[onsets[-1:]] if place < len(symbols) else symbols[:0]


def _allowed(vocabulary: StepVocabulary) -> tf.Tensor:
    """Return 1 for the symbols that a rhythm allows, by kind: anything, a hold, a rest, a pitch. [_KINDS, V]."""
    kinds = [1 if symbol == HOLD else 2 if symbol == REST else 3 for symbol in vocabulary.symbols]
    rows = np.equal(np.arange(_KINDS)[:, None], kinds)
    rows[0] = True
    rows[3, vocabulary.index(DELIMITER)] = False
    return tf.constant(rows.astype(np.float32))


def _as_tune(notes: tuple[Note, ...], plan: Plan | None, meter: str | None, mode: str | None, upbeat: int) -> Tune:
    """Return a composed tune in C major or A minor in the form of its plan, or in what is known of it."""
    if plan is not None:
        (meter, mode), upbeat = plan.form, -plan.lead
    key = f"{TONIC_NAMES[mode]} {mode}" if mode else ""
    return Tune(notes, key=key, meter=meter or "", pickup_steps=upbeat % METERS[meter] if meter else 0)


def gumbel_draw(logits: tf.Tensor, seed: tf.Tensor, *, together: bool) -> tf.Tensor:
    """Draw a symbol from each row of logits [B, V] by the Gumbel-max trick; with the same noise, if together."""
    shape = tf.concat([[1] if together else tf.shape(logits)[:1], tf.shape(logits)[1:]], axis=0)
    uniform = tf.random.stateless_uniform(shape, seed, minval=1e-12, maxval=1.0)
    return tf.argmax(logits - tf.math.log(-tf.math.log(uniform)), axis=-1, output_type=tf.int32)


class TuneBatches(keras.callbacks.Callback):
    """Whole tunes as (inputs [B, T, 1 + K], targets [B, T], weights [B, T]).

    There is a target at every step, with weight 0 on padding; each input has the plan of its target beside it. In
    training, the last bar of a tune with its plan weighs `_CLOSE_WEIGHT` times as much: a tune has only one. Tunes of
    similar length share a batch, so that little of it is padding. The seed fixes, with the epoch, the order, and which
    tunes have their plans; None keeps the order of the tunes, and withholds all plans, as for validation.

    Attributes:
        epoch: the epoch of the next pass; as a callback of ``fit`` they follow its epochs.
    """

    def __init__(
        self, tunes: Sequence[Tune], vocabulary: StepVocabulary, batch_size: int, *, seed: int | None = None
    ) -> None:
        super().__init__()
        self.encoded = [vocabulary.encode(to_steps(tune.notes)) for tune in tunes]
        self.plans = [grid.plan if (grid := to_grid(tune)) else None for tune in tunes]
        self.delimiter = vocabulary.index(DELIMITER)
        self.batch_size, self.seed, self.epoch = batch_size, seed, 0

    def __len__(self) -> int:
        return math.ceil(len(self.encoded) / self.batch_size)

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
        order, numbers = np.argsort(lengths, kind="stable"), np.arange(len(self))
        planned = np.zeros(len(lengths), bool)
        if self.seed is not None:
            rng = np.random.default_rng([self.seed, self.epoch])
            # Noise before sorting: tunes of similar length meet others every epoch.
            order = np.argsort(lengths * rng.uniform(0.85, 1.15, len(lengths)), kind="stable")
            numbers = rng.permutation(len(self))
            planned = np.random.default_rng([self.seed, self.epoch, 1]).random(len(lengths)) >= _PLAN_WITHHELD
        for number in numbers:
            rows = order[number * self.batch_size : (number + 1) * self.batch_size]
            # Rounded up, and with a place for the end, which is a target too.
            width = (lengths[rows].max() // _BUCKET + 1) * _BUCKET
            tunes, plans = (
                [self.encoded[row] for row in rows],
                [self.plans[row] if planned[row] else None for row in rows],
            )
            targets = keras.utils.pad_sequences(tunes, width, padding="post", value=self.delimiter)
            before = np.pad(targets[:, :-1], ((0, 0), (1, 0)), constant_values=self.delimiter)
            inputs = np.concatenate([before[..., None], [as_steps(plan, width) for plan in plans]], axis=-1)
            weights = (np.arange(width) <= lengths[rows, None]).astype(np.float32)
            if self.seed is not None:
                close = (inputs[..., 1 + _NEAR] > 0) & (inputs[..., 1 + _NEAR] <= 1 + _CLOSE)
                weights *= np.where(close, _CLOSE_WEIGHT, 1.0).astype(np.float32)
            yield inputs, targets, weights
