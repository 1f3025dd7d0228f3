"""Chains: log-linear models that draw a tune cell by cell on the grid of its bars.

Notation: B batch, L `LENGTH` cells, P pitches. A cell is drawn in the light of the cells before it: neighbours in a
melody are far apart on a grid, and no network that draws all cells at once makes them fit. Cells that return, by the
plan of the tune, are not drawn: they repeat what was drawn at their source, so that what returns returns exactly.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from melodygan.data.form import METERS, MODES
from melodygan.data.grid import KINDS, LENGTH, ONSET, OUTSIDE, PLAN_COLUMNS, REST, ROW, Layout

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_ROWS = np.array(list(ROW.values()), np.int32)
_LENGTHS = np.array([0, 0, 1, 2, 3, 4, 4, 5, 5, *[6] * 4, *[7] * LENGTH], np.int32)
"""Class of a length in cells: 1, 2, 3, 4, up to 6, 8, 12, longer."""

_N_LENGTHS, _UNKNOWN_LENGTH = 9, 8
_SINCE, _LEFT, _AFTER, _START, PHRASE = 17, 25, 9, 5, 4


@keras.saving.register_keras_serializable(package="melodygan")
class Chain(keras.Layer):
    """A log-linear model: logits [..., symbols] as sums over tables of what stands at the values of some contexts.

    Tables of intervals say it of the distance to one of the contexts, so that what is known of one pitch is known of
    all.

    Args:
        sizes: number of values of each context.
        tables: for each table the contexts that it is about, by number; it has a row for each combination of values.
        symbols: number of symbols.
        intervals: the same for each table of intervals.
        origin: the context from which intervals are counted; it has at most one value more than there are symbols.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        tables: Sequence[Sequence[int]],
        symbols: int,
        intervals: Sequence[Sequence[int]] = (),
        origin: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**{"dtype": "float32", **kwargs})
        self.sizes, self.symbols, self.origin = tuple(sizes), symbols, origin
        self.tables, self.intervals = (tuple(map(tuple, some)) for some in (tables, intervals))
        self._rows, self._interval_rows = (_Rows(self.sizes, some) for some in (self.tables, self.intervals))
        shape = (self._rows.count, symbols)
        self.weight = self.add_weight(name="weight", shape=shape, initializer="zeros")
        shape = (self._interval_rows.count, 2 * symbols)
        self.interval_weight = self.add_weight(name="interval_weight", shape=shape, initializer="zeros")

    def call(self, contexts: tf.Tensor) -> tf.Tensor:
        """Map contexts, int32 [..., contexts], to logits [..., symbols]."""
        logits = tf.reduce_sum(tf.gather(self.weight, self._rows.of(contexts)), axis=-2)
        if not self.intervals:
            return logits
        by_interval = tf.reduce_sum(tf.gather(self.interval_weight, self._interval_rows.of(contexts)), axis=-2)
        places = tf.range(self.symbols) + self.symbols - contexts[..., self.origin : self.origin + 1]
        return logits + tf.gather(by_interval, places, batch_dims=contexts.shape.rank - 1)

    def learn(
        self,
        contexts: np.ndarray,
        symbols: np.ndarray,
        *,
        penalty: float,
        seed: int,
        steps: int = 800,
        batch: int = 4096,
    ) -> None:
        """Maximise the likelihood of symbols [n] given contexts [n, contexts], with a Gaussian prior on the weights.

        The penalty is the prior's precision; Adam with cosine decay takes a fixed number of steps.
        """
        optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.03, steps))
        optimizer.build(self.weights)
        all_contexts, all_symbols = tf.constant(contexts, tf.int32), tf.constant(symbols, tf.int32)

        @tf.function
        def update(number: tf.Tensor) -> None:
            places = tf.random.stateless_uniform([batch], [seed, number], 0, len(symbols), tf.int32)
            with tf.GradientTape() as tape:
                logits = self(tf.gather(all_contexts, places))
                losses = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.gather(all_symbols, places), logits)
                squares = tf.add_n([tf.reduce_sum(tf.square(weight)) for weight in self.weights])
                loss = tf.reduce_mean(losses) + penalty / len(symbols) * squares
            optimizer.apply(tape.gradient(loss, self.weights), self.weights)

        for number in tf.range(steps):
            update(number)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        names = ("sizes", "tables", "symbols", "intervals", "origin")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


class _Rows:
    """The rows of tables one below the other, each a combination of values of its contexts."""

    def __init__(self, sizes: Sequence[int], tables: Sequence[Sequence[int]]) -> None:
        self._strides = np.zeros((len(sizes), len(tables)), np.int32)
        for column, table in enumerate(tables):
            stride = 1
            for context in reversed(table):
                self._strides[context, column] = stride
                stride *= sizes[context]
        counts = [math.prod(sizes[context] for context in table) for table in tables]
        self._begin, self.count = np.cumsum([0, *counts[:-1]]).astype(np.int32)[: len(tables)], sum(counts)

    def of(self, contexts: tf.Tensor) -> tf.Tensor:
        """Return the rows [..., tables] for contexts [..., contexts]."""
        return tf.reduce_sum(contexts[..., None] * self._strides, axis=-2) + self._begin


KIND_CONTEXTS = {
    "metre": len(METERS),
    "cell": 16,  # place in the row
    "since": _SINCE,  # cells since the last note or rest began
    "rest": 2,  # whether it is a rest
    "before": _N_LENGTHS,  # length of the one before it
    "above": OUTSIDE + 1,  # what stands a row earlier, two and four rows earlier
    "above 2": OUTSIDE + 1,
    "above 4": OUTSIDE + 1,
    "left": _LEFT,  # cells to the end
    "row": PHRASE,  # number of the row, modulo 4
}
_KIND_TABLES = (
    ("metre", "cell", "since", "rest"),
    ("before", "since", "rest"),
    ("metre", "left", "since"),
    ("metre", "cell", "left"),
    ("metre", "above", "since"),
    ("metre", "above 2", "since"),
    ("metre", "above 4", "cell"),
    ("metre", "row", "cell"),
    ("above", "above 2", "above 4", "rest"),
)


_WIDEST = 9  # semitones of the widest interval that is told from wider ones


def pitch_contexts(pitches: int) -> dict[str, int]:
    """Return the contexts of a pitch and the number of their values; the last value of a pitch is "none"."""
    values, moves = pitches + 1, 2 * _WIDEST + 2
    return {
        **{f"last {n}": values for n in (1, 2, 3)},  # the pitches before
        "metre": len(METERS),
        "cell": 16,
        "length": _N_LENGTHS,
        "before": _N_LENGTHS,  # of this note, of the last
        "after": _AFTER,  # notes to the end of the tune
        "start": _START,  # notes from the beginning
        "mode": len(MODES),
        "rhyme": values,  # the pitch at the cell that the rhythm comes from
        **dict.fromkeys(("above", "above 2", "above 4"), values),
        "row": PHRASE,
        "next": values,  # the next note, where it returns from an earlier one
        "move": moves,
        "move before": moves,  # the last interval, and the one before it
        "to next": moves,  # from the last note to the next
    }


_PITCH_TABLES = (
    *(("last 1", "last 2"), ("metre", "cell", "last 1"), ("last 1", "length"), ("mode", "last 1"), ("after", "last 1")),
    *(("rhyme", "last 1"), ("next", "last 1"), ("above",), ("above 2",), ("above 4",), ("length", "mode")),
    *(("after", "mode"), ("start", "mode"), ("length", "after"), ("row", "cell")),
)
_INTERVAL_TABLES = (
    *(("move", "move before"), ("move", "before", "length"), ("move", "metre", "cell"), ("to next", "length")),
    *(("after",), ("rhyme",)),
)


def kind_chain() -> Chain:
    """Return a new chain of what begins at a cell."""
    return _chain("kind_chain", KINDS, KIND_CONTEXTS, _KIND_TABLES, ())


def pitch_chain(pitches: int) -> Chain:
    """Return a new chain of pitches."""
    return _chain("pitch_chain", pitches, pitch_contexts(pitches), _PITCH_TABLES, _INTERVAL_TABLES)


def _chain(name: str, symbols: int, contexts: dict[str, int], *named: Sequence[Sequence[str]]) -> Chain:
    """Return a chain whose tables name their contexts, and whose intervals are counted from the first one."""
    order = list(contexts)
    tables, intervals = ([[order.index(context) for context in table] for table in some] for some in named)
    return Chain(list(contexts.values()), tables, symbols, intervals, name=name)


class Spelled(NamedTuple):
    """Conditions as integers: the metre and mode [B], cells of a row [B], and the layout, each [B, L]."""

    meter: tf.Tensor
    mode: tf.Tensor
    row: tf.Tensor
    layout: Layout


def spelled(conditions: tf.Tensor) -> Spelled:
    """Take conditions [B, CONDITIONS] apart."""
    whole = tf.cast(conditions, tf.int32)
    meter = whole[:, 0]
    parts = tf.split(whole[:, PLAN_COLUMNS:], len(Layout._fields), axis=1)
    return Spelled(meter, whole[:, 1], tf.gather(_ROWS, meter), Layout(*parts))


def _at(values: tf.Tensor, places: tf.Tensor, otherwise: int) -> tf.Tensor:
    """Read values [L, B] at places [B]; negative places give another value."""
    columns = tf.range(tf.shape(values)[1])
    found = tf.gather_nd(values, tf.stack([tf.maximum(places, 0), columns], axis=1))
    return tf.where(places >= 0, found, otherwise)


def _nearest_end(left: tf.Tensor, source: tf.Tensor) -> tf.Tensor:
    """Return how much is left [B, L] after a cell, or after one that returns from it: the least.

    What closes a tune must do so when it is first heard.
    """
    size = tf.shape(left)[0]
    # as floats, because tf2onnx cannot convert the minimum of integers; segments of 64 bits, whose shape it knows
    segments = tf.cast(source + LENGTH * tf.range(size)[:, None], tf.int64)
    values = tf.cast(tf.reshape(left, [-1]), tf.float32)
    least = tf.math.unsorted_segment_min(values, tf.reshape(segments, [-1]), size * LENGTH)
    # a cell that returns ends no segment, which has the largest of floats
    return tf.reshape(tf.cast(tf.minimum(least, LENGTH), tf.int32), [size, LENGTH])


class Drawing(NamedTuple):
    """How symbols are drawn: the largest of keep(chain + logits) + noise.

    Attributes:
        logits, noise: [B, L, symbols].
        keep: excludes unlikely symbols by their logits, as `melodygan.models.sampling.filtered_logits`.
    """

    logits: tf.Tensor
    noise: tf.Tensor
    keep: Callable[[tf.Tensor], tf.Tensor] = tf.identity


class Drawn(NamedTuple):
    """Symbols that were drawn, and the contexts in which they were: [B, L] or [B, notes], and [..., contexts]."""

    symbols: tf.Tensor
    contexts: tf.Tensor


def draw_kinds(chain: Chain, drawing: Drawing | None, plan: Spelled, *, given: tf.Tensor | None = None) -> Drawn:
    """Draw what begins at each cell, cell by cell.

    What is ``given`` [B, L], 0 or more, is not drawn. Without a drawing all of it must be given.
    """
    size = tf.shape(plan.meter)[0]
    place = tf.range(LENGTH)
    to_end = tf.reduce_max(tf.where(plan.layout.inside > 0, place, 0), axis=1, keepdims=True) - place
    left = tf.transpose(_nearest_end(to_end, plan.layout.rhythm))
    inside, rhythm = tf.transpose(plan.layout.inside), tf.transpose(plan.layout.rhythm)
    known = None if given is None else tf.transpose(given)
    if drawing is not None:
        logits, noise = (tf.transpose(part, [1, 0, 2]) for part in drawing[:2])
    none = tf.fill([size], -1)

    def draw(n: tf.Tensor, kinds: tf.Tensor, last: tf.Tensor, earlier: tf.Tensor, seen: tf.TensorArray) -> Any:
        began = last >= 0
        since = tf.where(began, n - last, 0)
        before = tf.where(earlier >= 0, tf.gather(_LENGTHS, last - earlier), _UNKNOWN_LENGTH)
        context = tf.stack(
            [
                plan.meter,
                n % plan.row,
                tf.minimum(since, _SINCE - 1),
                tf.cast(_at(kinds, last, ONSET) == REST, tf.int32),
                before,
                *(_at(kinds, n - rows * plan.row, OUTSIDE) for rows in (1, 2, 4)),
                tf.clip_by_value(left[n], 0, _LEFT - 1),
                n // plan.row % PHRASE,
            ],
            axis=1,
        )
        if drawing is None:
            assert known is not None
            kind = known[n]
        else:
            # the first cell cannot hold anything
            allowed = chain(context) + logits[n] - tf.cast(~began, tf.float32)[:, None] * [1e9, 0.0, 0.0]
            kind = tf.argmax(drawing.keep(allowed) + noise[n], -1, output_type=tf.int32)
            kind = tf.where(rhythm[n] < n, _at(kinds, rhythm[n], OUTSIDE), kind)
            kind = tf.where(inside[n] > 0, kind, OUTSIDE)
            kind = kind if known is None else tf.where(known[n] >= 0, known[n], kind)
        begins = (kind == REST) | (kind == ONSET)
        kinds = tf.tensor_scatter_nd_update(kinds, [[n]], kind[None])
        return n + 1, kinds, tf.where(begins, n, last), tf.where(begins, last, earlier), seen.write(n, context)

    start = (0, tf.fill([LENGTH, size], OUTSIDE), none, none, tf.TensorArray(tf.int32, LENGTH))
    _, kinds, _, _, seen = tf.while_loop(lambda n, *_: n < LENGTH, draw, start, parallel_iterations=1)
    return Drawn(tf.transpose(kinds), tf.transpose(seen.stack(), [1, 0, 2]))


class Onsets(NamedTuple):
    """Where notes are, [B, notes + 1], `LENGTH` after the last; and lengths in cells of what begins [B, L + 1]."""

    cells: tf.Tensor
    lengths: tf.Tensor


def onsets_of(kinds: tf.Tensor, plan: Spelled) -> Onsets:
    """Find the notes among kinds [B, L]."""
    place = tf.range(LENGTH)[None]
    sounding = kinds == ONSET
    most = tf.reduce_max(tf.reduce_sum(tf.cast(sounding, tf.int32), axis=1))
    cells = tf.sort(tf.where(sounding, place, LENGTH), axis=1)
    cells = tf.pad(cells, [[0, 0], [0, 1]], constant_values=LENGTH)[:, : most + 1]  # one more, as the next note
    end = tf.reduce_max(tf.where(plan.layout.inside > 0, place + 1, 0), axis=1, keepdims=True)
    begins = tf.where((kinds == REST) | sounding, place, end)
    return Onsets(cells, tf.pad(tf.maximum(following_place(begins, end) - place, 0), [[0, 0], [0, 1]]))


def following_place(places: tf.Tensor, end: tf.Tensor) -> tf.Tensor:
    """Return for each cell the least of `places` [B, L] after it, or else `end` [B, 1]."""
    least = tf.concat([places[:, 1:], end], axis=1)
    width = 1
    while width < LENGTH:
        least = tf.minimum(least, tf.concat([least[:, width:], tf.repeat(end, width, axis=1)], axis=1))
        width *= 2
    return least


def draw_pitches(
    chain: Chain, drawing: Drawing | None, kinds: tf.Tensor, plan: Spelled, *, given: tf.Tensor | None = None
) -> tuple[Drawn, Onsets]:
    """Draw the pitch of each note, one after the other, as `draw_kinds`.

    Gives symbols [B, L], P where no note begins, and contexts [B, notes, …]. With a drawing, given pitches are known as
    "next" ones from the beginning, so that what is drawn before them leads there.
    """
    size, pitches = tf.shape(kinds)[0], chain.symbols
    onsets = onsets_of(kinds, plan)
    count = tf.shape(onsets.cells)[1] - 1
    columns = tf.range(size)

    def read(values: tf.Tensor, places: tf.Tensor) -> tf.Tensor:
        return tf.gather_nd(values, tf.stack([columns, places], axis=1))

    def padded(part: tf.Tensor, value: int = LENGTH) -> tf.Tensor:
        """Add a column for tunes that have no more notes."""
        return tf.concat([part, tf.fill([size, 1], value)], axis=1)

    sounding = kinds == ONSET
    after = tf.cumsum(tf.cast(sounding, tf.int32), axis=1, exclusive=True, reverse=True)
    after = padded(_nearest_end(tf.where(sounding, after, LENGTH), plan.layout.source))
    source, rhythm = padded(plan.layout.source), padded(plan.layout.rhythm)
    known = padded(tf.fill([size, LENGTH], -1) if given is None else tf.where(sounding, given, -1), -1)
    if drawing is not None:
        logits, noise = (tf.pad(part, [[0, 0], [0, 1], [0, 0]]) for part in drawing[:2])

    def draw(k: tf.Tensor, drawn: tf.Tensor, last: tf.Tensor, before: tf.Tensor, seen: tf.TensorArray) -> Any:
        here = onsets.cells[:, k]
        size_class = tf.gather(_LENGTHS, read(onsets.lengths, here))

        def above(rows: int) -> tf.Tensor:
            place = here - rows * plan.row
            return tf.where(place >= 0, read(drawn, tf.maximum(place, 0)), pitches)

        def move(older: tf.Tensor, newer: tf.Tensor) -> tf.Tensor:
            there = (older < pitches) & (newer < pitches)
            return tf.where(there, _WIDEST + tf.clip_by_value(newer - older, -_WIDEST, _WIDEST), 2 * _WIDEST + 1)

        one, two, three = tf.unstack(last, axis=1)
        following = read(drawn, read(source, onsets.cells[:, k + 1]))
        context = tf.stack(
            [
                *(one, two, three),
                plan.meter,
                here % plan.row,
                size_class,
                before,
                tf.minimum(read(after, here), _AFTER - 1),
                tf.fill([size], tf.minimum(k, _START - 1)),
                plan.mode,
                read(drawn, read(rhythm, here)),
                *map(above, (1, 2, 4)),
                here // plan.row % PHRASE,
                following,
                *(move(two, one), move(three, two), move(one, following)),
            ],
            axis=1,
        )
        if drawing is None:
            pitch = read(known, here)
        else:
            allowed = drawing.keep(chain(context) + tf.gather(logits, here, batch_dims=1))
            pitch = tf.argmax(allowed + tf.gather(noise, here, batch_dims=1), -1, output_type=tf.int32)
            returned = read(drawn, read(source, here))
            pitch = tf.where(returned < pitches, returned, pitch)
            pitch = tf.where(read(known, here) >= 0, read(known, here), pitch)
        there = here < LENGTH
        pitch = tf.where(there, pitch, pitches)
        drawn = tf.tensor_scatter_nd_update(drawn, tf.stack([columns, here], axis=1), pitch)
        last = tf.where(there[:, None], tf.concat([pitch[:, None], last[:, :-1]], axis=1), last)
        return k + 1, drawn, last, tf.where(there, size_class, before), seen.write(k, context)

    nothing = tf.fill([size, LENGTH + 1], pitches)
    begin = nothing if drawing is None else tf.where(known >= 0, known, nothing)
    seen = tf.TensorArray(tf.int32, count, element_shape=[None, len(chain.sizes)])
    start = (0, begin, tf.fill([size, 3], pitches), tf.fill([size], _UNKNOWN_LENGTH), seen)
    _, drawn, _, _, seen = tf.while_loop(lambda k, *_: k < count, draw, start, parallel_iterations=1)
    return Drawn(drawn[:, :LENGTH], tf.transpose(seen.stack(), [1, 0, 2])), onsets
