"""A GAN of tunes on the grid of their bars, which draws every cell in the light of the cells before it.

Notation: B batch, L `LENGTH` cells, P pitches, Z latents. The generator's dense layers turn a latent vector into logits
for every cell at once, what begins there and at which pitch. Two *chains*, log-linear models of a cell given what was
drawn before it, are added to them, and the cells are drawn one after the other: neighbours in a melody are far apart on
a grid, and no network that draws all cells at once makes them fit. Cells that return, by the plan of the tune, are not
drawn: they repeat what was drawn at their source, so that what returns returns exactly.

The chains learn by likelihood before the game begins; then everything learns from the critic, through the symbols
that were drawn (straight-through: one-hot forwards, softmax backwards).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from manymodes.nn.adversarial import AdversarialModel
from manymodes.nn.layers import MinibatchDiscrimination
from melodygan.data.form import METERS, MODES
from melodygan.data.grid import HOLD, LENGTH, ONSET, OUTSIDE, PLAN_COLUMNS, REST, ROW, Layout, layout

if TYPE_CHECKING:
    from collections.abc import Sequence

LEAK = 0.2
KINDS = 3
"""What is drawn at a cell inside the tune: a hold, a rest or an onset."""

TEMPERATURE = 0.9
"""The Gumbel noise of every draw is multiplied by this, in training and in composing.

Errors of the chains add up along a tune; a little less noise makes up for that."""

CONDITIONS = PLAN_COLUMNS + len(Layout._fields) * LENGTH
"""Width of the conditions: a plan, and its layout."""

_ROWS = np.array(list(ROW.values()), np.int32)
_LENGTHS = np.array([0, 0, 1, 2, 3, 4, 4, 5, 5, *[6] * 4, *[7] * LENGTH], np.int32)
"""Class of a length in cells: 1, 2, 3, 4, up to 6, 8, 12, longer."""

_N_LENGTHS, _UNKNOWN_LENGTH = 9, 8
_SINCE, _LEFT, _AFTER, _START, _PHRASE = 17, 25, 9, 5, 4


@keras.saving.register_keras_serializable(package="melodygan")
class Chain(keras.Layer):
    """A log-linear model: logits [..., symbols] as sums over tables of what stands at the values of some contexts.

    Args:
        sizes: number of values of each context.
        tables: for each table the contexts that it is about, by number; it has a row for each combination of values.
        symbols: number of symbols.
    """

    def __init__(self, sizes: Sequence[int], tables: Sequence[Sequence[int]], symbols: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.sizes, self.tables, self.symbols = tuple(sizes), tuple(map(tuple, tables)), symbols
        rows = [math.prod(self.sizes[context] for context in table) for table in self.tables]
        strides = np.zeros((len(self.sizes), len(self.tables)), np.int32)
        for column, table in enumerate(self.tables):
            stride = 1
            for context in reversed(table):
                strides[context, column] = stride
                stride *= self.sizes[context]
        self._strides, self._begin = strides, np.cumsum([0, *rows[:-1]]).astype(np.int32)
        self.weight = self.add_weight(name="weight", shape=(sum(rows), symbols), initializer="zeros")

    def call(self, contexts: tf.Tensor) -> tf.Tensor:
        """Map contexts, int32 [..., contexts], to logits [..., symbols]."""
        rows = tf.reduce_sum(contexts[..., None] * self._strides, axis=-2) + self._begin
        return tf.reduce_sum(tf.gather(self.weight, rows), axis=-2)

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
        optimizer.build([self.weight])
        all_contexts, all_symbols = tf.constant(contexts, tf.int32), tf.constant(symbols, tf.int32)

        @tf.function
        def update(number: tf.Tensor) -> None:
            places = tf.random.stateless_uniform([batch], [seed, number], 0, len(symbols), tf.int32)
            with tf.GradientTape() as tape:
                logits = self(tf.gather(all_contexts, places))
                losses = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.gather(all_symbols, places), logits)
                loss = tf.reduce_mean(losses) + penalty / len(symbols) * tf.reduce_sum(tf.square(self.weight))
            optimizer.apply(tape.gradient([loss], [self.weight]), [self.weight])

        for number in tf.range(steps):
            update(number)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "sizes": self.sizes, "tables": self.tables, "symbols": self.symbols}


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
    "row": _PHRASE,  # number of the row, modulo 4
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


def pitch_contexts(pitches: int) -> dict[str, int]:
    """Return the contexts of a pitch and the number of their values; the last value of a pitch is "none"."""
    values = pitches + 1
    return {
        **{f"last {n}": values for n in range(1, 5)},  # the pitches before
        "metre": len(METERS),
        "cell": 16,
        "length": _N_LENGTHS,
        "before": _N_LENGTHS,  # of this note, of the last
        "after": _AFTER,  # notes to the end of the tune
        "start": _START,  # notes from the beginning
        "mode": len(MODES),
        "rhyme": values,  # the pitch at the cell that the rhythm comes from
        **dict.fromkeys(("above", "above 2", "above 4"), values),
        "row": _PHRASE,
        "next": values,
        "next 2": values,  # the next notes, where they return from earlier ones
    }


_PITCH_TABLES = (
    *(("last 1", "last 2"), ("last 2", "last 3"), ("last 4",), ("metre", "cell"), ("length", "mode")),
    *(("before", "length"), ("after", "mode"), ("start", "mode"), ("rhyme", "last 1"), ("above",), ("above 2",)),
    *(("above 4",), ("row", "cell"), ("length", "after"), ("metre", "cell", "last 1"), ("last 1", "length")),
    *(("mode", "last 1"), ("next", "last 1"), ("next 2",), ("after", "last 1")),
)


def _chain(contexts: dict[str, int], tables: Sequence[Sequence[str]], symbols: int, name: str) -> Chain:
    order = list(contexts)
    numbered = [[order.index(context) for context in table] for table in tables]
    return Chain(list(contexts.values()), numbered, symbols, name=name)


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


def conditions_of(rows: np.ndarray) -> np.ndarray:
    """Return the conditions of plans [n, PLAN_COLUMNS], int32 [n, CONDITIONS]."""
    return np.concatenate([rows, *layout(rows)], axis=1).astype(np.int32)


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
    segments = source + LENGTH * tf.range(size)[:, None]
    least = tf.math.unsorted_segment_min(tf.reshape(left, [-1]), tf.reshape(segments, [-1]), size * LENGTH)
    return tf.reshape(least, [size, LENGTH])


class Drawn(NamedTuple):
    """Symbols that were drawn, and the contexts in which they were: [B, L] or [B, notes], and [..., contexts]."""

    symbols: tf.Tensor
    contexts: tf.Tensor


def draw_kinds(chain: Chain, noisy: tf.Tensor, plan: Spelled, forced: tf.Tensor | None = None) -> Drawn:
    """Draw what begins at each cell, the largest of chain + noisy logits [B, L, KINDS], cell by cell.

    With ``forced`` [B, L], nothing is drawn, and the contexts are those of the given cells.
    """
    size = tf.shape(plan.meter)[0]
    by_cell = tf.transpose(noisy, [1, 0, 2])
    given = None if forced is None else tf.transpose(forced)
    place = tf.range(LENGTH)
    to_end = tf.reduce_max(tf.where(plan.layout.inside > 0, place, 0), axis=1, keepdims=True) - place
    left = tf.transpose(_nearest_end(to_end, plan.layout.rhythm))
    inside, rhythm = tf.transpose(plan.layout.inside), tf.transpose(plan.layout.rhythm)
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
                n // plan.row % _PHRASE,
            ],
            axis=1,
        )
        if given is None:
            logits = chain(context) + by_cell[n]
            # the first cell cannot hold anything
            kind = tf.argmax(logits - tf.where(began, 0.0, 1e9)[:, None] * [1.0, 0.0, 0.0], -1, output_type=tf.int32)
            kind = tf.where(rhythm[n] < n, _at(kinds, rhythm[n], OUTSIDE), kind)
            kind = tf.where(inside[n] > 0, kind, OUTSIDE)
        else:
            kind = given[n]
        begins = (kind == REST) | (kind == ONSET)
        kinds = tf.tensor_scatter_nd_update(kinds, [[n]], kind[None])
        return n + 1, kinds, tf.where(begins, n, last), tf.where(begins, last, earlier), seen.write(n, context)

    start = (0, tf.fill([LENGTH, size], OUTSIDE), none, none, tf.TensorArray(tf.int32, LENGTH))
    _, kinds, _, _, seen = tf.while_loop(lambda n, *_: n < LENGTH, draw, start, parallel_iterations=1)
    return Drawn(tf.transpose(kinds), tf.transpose(seen.stack(), [1, 0, 2]))


class Onsets(NamedTuple):
    """Where notes are, [B, notes + 2], `LENGTH` after the last; and lengths in cells of what begins [B, L + 1]."""

    cells: tf.Tensor
    lengths: tf.Tensor


def onsets_of(kinds: tf.Tensor, plan: Spelled) -> Onsets:
    """Find the notes among kinds [B, L]."""
    place = tf.range(LENGTH)[None]
    sounding = kinds == ONSET
    most = tf.reduce_max(tf.reduce_sum(tf.cast(sounding, tf.int32), axis=1))
    cells = tf.sort(tf.where(sounding, place, LENGTH), axis=1)[:, : most + 2]  # two more, as "next" notes
    cells = tf.pad(cells, [[0, 0], [0, 2]], constant_values=LENGTH)[:, : most + 2]
    end = tf.reduce_max(tf.where(plan.layout.inside > 0, place + 1, 0), axis=1, keepdims=True)
    begins = tf.where((kinds == REST) | sounding, place, end)
    following = _next(begins, end)
    return Onsets(cells, tf.pad(tf.maximum(following - place, 0), [[0, 0], [0, 1]]))


def _next(begins: tf.Tensor, end: tf.Tensor) -> tf.Tensor:
    """Return for each cell the least of `begins` [B, L] after it, at most `end` [B, 1]."""
    least = tf.concat([begins[:, 1:], end], axis=1)
    width = 1
    while width < LENGTH:
        shifted = tf.concat([least[:, width:], tf.repeat(end, width, axis=1)], axis=1)
        least = tf.minimum(least, shifted)
        width *= 2
    return least


def draw_pitches(
    chain: Chain, noisy: tf.Tensor, kinds: tf.Tensor, plan: Spelled, forced: tf.Tensor | None = None
) -> tuple[Drawn, Onsets]:
    """Draw the pitch of each note as `draw_kinds`, from noisy logits [B, L, P].

    Gives symbols [B, L], P where no note begins, and contexts [B, notes, …].
    """
    size, pitches = tf.shape(kinds)[0], noisy.shape[-1]
    onsets = onsets_of(kinds, plan)
    count = tf.shape(onsets.cells)[1] - 2
    columns = tf.range(size)

    def read(values: tf.Tensor, places: tf.Tensor) -> tf.Tensor:
        return tf.gather_nd(values, tf.stack([columns, places], axis=1))

    # a column more, for tunes that have no more notes
    sounding = tf.cast(kinds == ONSET, tf.int32)
    after = tf.where(kinds == ONSET, tf.cumsum(sounding, axis=1, exclusive=True, reverse=True), LENGTH)
    after = _nearest_end(after, plan.layout.source)
    source, rhythm, after = (
        tf.concat([part, tf.fill([size, 1], LENGTH)], axis=1)
        for part in (plan.layout.source, plan.layout.rhythm, after)
    )
    padded = tf.pad(noisy, [[0, 0], [0, 1], [0, 0]])

    def draw(k: tf.Tensor, drawn: tf.Tensor, last: tf.Tensor, before: tf.Tensor, seen: tf.TensorArray) -> Any:
        here = onsets.cells[:, k]
        size_class = tf.gather(_LENGTHS, read(onsets.lengths, here))

        def above(rows: int) -> tf.Tensor:
            place = here - rows * plan.row
            return tf.where(place >= 0, read(drawn, tf.maximum(place, 0)), pitches)

        following = [read(drawn, read(source, onsets.cells[:, k + step])) for step in (1, 2)]
        following[1] = tf.where(following[0] == pitches, following[1], pitches)
        context = tf.stack(
            [
                *tf.unstack(last, axis=1),
                plan.meter,
                here % plan.row,
                size_class,
                before,
                tf.minimum(read(after, here), _AFTER - 1),
                tf.fill([size], tf.minimum(k, _START - 1)),
                plan.mode,
                read(drawn, read(rhythm, here)),
                *map(above, (1, 2, 4)),
                here // plan.row % _PHRASE,
                *following,
            ],
            axis=1,
        )
        if forced is None:
            pitch = tf.argmax(chain(context) + tf.gather(padded, here, batch_dims=1), -1, output_type=tf.int32)
            returned = read(drawn, read(source, here))
            pitch = tf.where(returned < pitches, returned, pitch)
        else:
            pitch = read(forced, tf.minimum(here, LENGTH - 1))
        there = here < LENGTH
        pitch = tf.where(there, pitch, pitches)
        drawn = tf.tensor_scatter_nd_update(drawn, tf.stack([columns, here], axis=1), pitch)
        last = tf.where(there[:, None], tf.concat([pitch[:, None], last[:, :-1]], axis=1), last)
        return k + 1, drawn, last, tf.where(there, size_class, before), seen.write(k, context)

    start = (
        *(0, tf.fill([size, LENGTH + 1], pitches), tf.fill([size, 4], pitches), tf.fill([size], _UNKNOWN_LENGTH)),
        tf.TensorArray(tf.int32, count, element_shape=[None, len(pitch_contexts(1))]),
    )
    _, drawn, _, _, seen = tf.while_loop(lambda k, *_: k < count, draw, start, parallel_iterations=1)
    return Drawn(drawn[:, :LENGTH], tf.transpose(seen.stack(), [1, 0, 2])), onsets


# --- the networks ------------------------------------------------------------------------------------------


@keras.saving.register_keras_serializable(package="melodygan")
class PlanFeatures(keras.Layer):
    """What conditions [B, CONDITIONS] say about each cell, [B, L, 25]: its place, the end, and what returns."""

    WIDTH = 25

    def call(self, conditions: tf.Tensor) -> tf.Tensor:
        """Map conditions to features."""
        plan = spelled(conditions)
        place = tf.range(LENGTH)[None]
        inside = tf.cast(plan.layout.inside, tf.float32)
        cell = tf.one_hot(place % plan.row[:, None], 16)
        phrase = tf.one_hot(place // plan.row[:, None] % _PHRASE, _PHRASE)
        left = tf.cumsum(inside, axis=1, reverse=True) / 64
        new = [tf.cast(source == place, tf.float32) for source in (plan.layout.source, plan.layout.rhythm)]
        near = tf.exp(-8 * left) * inside
        return tf.concat([cell, phrase, tf.stack([inside, left, near, *new], axis=-1)], axis=-1) * inside[..., None]

    def compute_output_shape(self, input_shape: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return [B, L, 25]."""
        return (input_shape[0], LENGTH, self.WIDTH)


FORM_WIDTH = len(METERS) + len(MODES)


@keras.saving.register_keras_serializable(package="melodygan")
class FormFeatures(keras.Layer):
    """Metre and mode of conditions [B, CONDITIONS], one-hot, [B, FORM_WIDTH]."""

    def call(self, conditions: tf.Tensor) -> tf.Tensor:
        """Map conditions to features."""
        plan = spelled(conditions)
        return tf.concat([tf.one_hot(plan.meter, len(METERS)), tf.one_hot(plan.mode, len(MODES))], axis=-1)

    def compute_output_shape(self, input_shape: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return [B, FORM_WIDTH]."""
        return (input_shape[0], FORM_WIDTH)


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
    channels: Sequence[int] = (64, 96, 64),
    noise: float = 0.0,
    l2: float = 0.0,
) -> keras.Model:
    """Return the report's dense generator on the grid: [z, conditions], [B, Z + CONDITIONS], to [B, L, KINDS + P + 1].

    A dense layer has LeakyReLU 0.2, batch normalisation (momentum 0.8), Gaussian noise of standard deviation ``noise``,
    and kernel regularisation with λ = ``l2``. They make a layout of the tune in blocks of 16 cells; convolutions over
    blocks, over beats and over cells turn it into logits: of what begins, of its pitch, and the height of a contour, in
    semitones / 5 from the middle, towards which pitches are pulled. All are 0 at first, where the chains alone decide.
    """
    inputs = keras.Input((latent_dim + CONDITIONS,), name="latents")
    conditions = inputs[:, latent_dim:]
    x = layers.Concatenate()([inputs[:, :latent_dim], FormFeatures()(conditions)])
    for width in widths:
        x = layers.Dense(width, kernel_regularizer=kernel_l2(l2))(x)
        x = layers.LeakyReLU(LEAK)(x)
        x = layers.BatchNormalization(momentum=0.8)(x)
        # After the normalisation: before it, L2 shrinks the signal until the noise is all that passes.
        x = with_noise(x, noise)
    cells = PlanFeatures()(conditions)
    x = layers.Dense(LENGTH // 16 * channels[0], kernel_regularizer=kernel_l2(l2))(x)
    x = layers.Reshape((LENGTH // 16, channels[0]))(x)
    for width, step in zip(channels, (16, 4, 1), strict=True):
        x = layers.Concatenate()([x, layers.AveragePooling1D(step)(cells) if step > 1 else cells])
        x = layers.LeakyReLU(LEAK)(layers.Conv1D(width, 5, padding="same")(x))
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
        following = _next(tf.where(sounding, place, LENGTH), tf.fill([tf.shape(cells)[0], 1], LENGTH))
        backwards = tf.reverse(tf.where(sounding, LENGTH - 1 - place, LENGTH), [1])
        # the symbols [B, L] of the other direction, mirrored
        leading = tf.reverse(_next_mirrored(backwards), [1])
        steps = tf.range(-self.widest, self.widest + 1)[None, None]
        found = []
        for neighbour, there in ((leading, leading >= 0), (following, following < LENGTH)):
            pitch = tf.gather(symbols, tf.clip_by_value(neighbour, 0, LENGTH - 1), batch_dims=1)
            wanted = pitch[..., None] + steps
            valid = (wanted >= 0) & (wanted < pitches) & there[..., None]
            value = tf.gather(cells[..., :pitches], tf.clip_by_value(wanted, 0, pitches - 1), batch_dims=2)
            found.append(tf.where(valid, value, 0.0))
        return tf.concat(found, axis=-1)

    def compute_output_shape(self, input_shape: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return [B, L, 2 (2 widest + 1)]."""
        return (*input_shape[:2], 2 * (2 * self.widest + 1))

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "widest": self.widest}


def _next_mirrored(places: tf.Tensor) -> tf.Tensor:
    """Return the place before each cell, in mirrored order; −1 where there is none."""
    following = _next(places, tf.fill([tf.shape(places)[0], 1], LENGTH))
    return LENGTH - 1 - following


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

    def compute_output_shape(self, beats_shape: tuple[Any, ...], conditions_shape: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return [B, rows, rows]."""
        return (beats_shape[0], self.ROWS, self.ROWS)


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
        units: of the LSTM and of each direction of the bidirectional one.
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
    x = with_noise(layers.LSTM(units, return_sequences=True, use_cudnn=use_cudnn)(x), noise)
    x = with_noise(layers.Bidirectional(layers.LSTM(units, use_cudnn=use_cudnn))(x), noise)
    alike = layers.Flatten()(RowSimilarity()(beats, conditions))
    alike = layers.LeakyReLU(LEAK)(layers.Dense(channels[1], **regularised)(alike))
    histogram = layers.GlobalAveragePooling1D(name="histogram")(both)
    histogram = layers.LeakyReLU(LEAK)(layers.Dense(64, **regularised)(histogram))
    x = layers.Concatenate()([x, alike, histogram, FormFeatures()(conditions)])
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


# --- the model ---------------------------------------------------------------------------------------------


@keras.saving.register_keras_serializable(package="melodygan")
class GridGAN(AdversarialModel):
    """An adversarial model of tunes on the grid; carries its chains, its pitches and the plans of the training tunes.

    A batch is a pair: symbols [B, L], 0 to P − 1 for the onset of a pitch, then hold, rest and outside, and the
    conditions of the tunes, int32 [B, CONDITIONS].

    Args:
        lowest: MIDI number of the first of ``pitches``.
        plans: integers [n, PLAN_COLUMNS], see `melodygan.data.grid.to_rows`.
    """

    def __init__(self, *args: Any, lowest: int, pitches: int, plans: Any, **kwargs: Any) -> None:
        super().__init__(*args, condition_dim=CONDITIONS, **kwargs)
        self.lowest, self.pitches = lowest, pitches
        self.plans = np.asarray(plans, np.int32)
        self.kind_chain = _chain(KIND_CONTEXTS, _KIND_TABLES, KINDS, "kind_chain")
        self.pitch_chain = _chain(pitch_contexts(pitches), _PITCH_TABLES, pitches, "pitch_chain")
        self.kind_chain.trainable = self.pitch_chain.trainable = False

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments, plans included."""
        config = super().get_config()
        config.pop("condition_dim")
        return {**config, "lowest": self.lowest, "pitches": self.pitches, "plans": self.plans.tolist()}

    def prepare(self, batch: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        """Turn the symbols of a batch into one-hot cells [B, L, P + 3]."""
        return tf.one_hot(batch[0], self.pitches + 3)

    def conditions(self, batch: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        """Return the conditions of a batch."""
        return tf.cast(batch[1], tf.float32)

    def learn_chains(self, symbols: np.ndarray, conditions: np.ndarray, seed: int) -> None:
        """Let the chains learn from tunes by likelihood, where they do not return; arguments as a batch."""
        plan = spelled(tf.constant(conditions))
        kinds = np.array([ONSET] * self.pitches + [HOLD, REST, OUTSIDE])[symbols]
        heights = np.minimum(symbols, self.pitches).astype(np.int32)
        nothing = tf.zeros([1, 1, 1])
        contexts = draw_kinds(self.kind_chain, nothing, plan, tf.constant(kinds, tf.int32)).contexts.numpy()
        place = np.arange(LENGTH)
        new = (kinds != OUTSIDE) & (plan.layout.rhythm.numpy() == place)
        self.kind_chain.learn(contexts[new], kinds[new], penalty=_KIND_PENALTY, seed=seed)
        drawn, onsets = draw_pitches(
            self.pitch_chain, tf.zeros([1, 1, self.pitches]), tf.constant(kinds, tf.int32), plan, tf.constant(heights)
        )
        cells = onsets.cells.numpy()[:, :-2]
        there = np.minimum(cells, LENGTH - 1)
        source = np.take_along_axis(plan.layout.source.numpy(), there, axis=1)
        new = (cells < LENGTH) & (source == cells)
        chosen = np.take_along_axis(heights, there, axis=1)
        self.pitch_chain.learn(drawn.contexts.numpy()[new], chosen[new], penalty=_PITCH_PENALTY, seed=seed)

    def emit(self, outputs: tf.Tensor, conditions: tf.Tensor | None, seed: tf.Tensor) -> tf.Tensor:
        """Draw cells from logits [B, L, KINDS + P + 1]: one-hot [B, L, P + 3] forwards, softmax backwards."""
        assert conditions is not None
        plan = spelled(conditions)
        kind_logits, pitch_logits = self._noisy(outputs, seed, 1.0)
        kinds = draw_kinds(self.kind_chain, tf.stop_gradient(kind_logits), plan)
        drawn, onsets = draw_pitches(self.pitch_chain, tf.stop_gradient(pitch_logits), kinds.symbols, plan)
        # once more, all cells at once and with a gradient, in the contexts that were drawn
        soft_kinds = _straight_through(self.kind_chain(kinds.contexts) + kind_logits, kinds.symbols)
        soft_kinds = tf.gather(soft_kinds, plan.layout.rhythm, batch_dims=1)
        cells = onsets.cells[:, :-2]
        there = tf.minimum(cells, LENGTH - 1)
        note_logits = self.pitch_chain(drawn.contexts) + tf.gather(pitch_logits, there, batch_dims=1)
        notes = _straight_through(note_logits, tf.gather(drawn.symbols, there, batch_dims=1))
        sounding = kinds.symbols == ONSET
        number = tf.maximum(tf.cumsum(tf.cast(sounding, tf.int32), axis=1) - 1, 0)
        source_number = tf.gather(number, plan.layout.source, batch_dims=1)
        # of a cell that returns, the note at its source
        soft_pitches = tf.gather(notes, tf.minimum(source_number, tf.shape(notes)[1] - 1), batch_dims=1)
        hold, rest, onset = tf.unstack(soft_kinds, axis=-1)
        inside = tf.cast(plan.layout.inside, tf.float32)
        music = tf.concat([onset[..., None] * soft_pitches, hold[..., None], rest[..., None]], axis=-1)
        return tf.concat([music * inside[..., None], 1 - inside[..., None]], axis=-1)

    def _noisy(self, outputs: tf.Tensor, seed: tf.Tensor, temperature: float) -> tuple[tf.Tensor, tf.Tensor]:
        """Return logits of kinds and pitches [B, L, …] with Gumbel noise, the contour's pull in those of pitches."""
        kinds, pitches, contour = tf.split(outputs, [KINDS, self.pitches, 1], axis=-1)
        height = (tf.range(self.pitches, dtype=tf.float32) - self.pitches / 2) / _SEMITONES
        # −(height − contour)² / 2 without its constant part: at first, no pull
        pitches += height * contour - tf.square(contour) / 2
        seeds = tf.unstack(tf.random.experimental.stateless_split(seed, 2))
        noise = [
            -tf.math.log(-tf.math.log(tf.random.stateless_uniform(tf.shape(logits), one, 1e-6, 1.0)))
            for logits, one in zip((kinds, pitches), seeds, strict=True)
        ]
        return kinds + temperature * TEMPERATURE * noise[0], pitches + temperature * TEMPERATURE * noise[1]


_KIND_PENALTY, _PITCH_PENALTY = 1.0, 2.0
_SEMITONES = 5.0


def _straight_through(logits: tf.Tensor, drawn: tf.Tensor) -> tf.Tensor:
    """Return one-hot vectors of what was drawn, with the gradient of softmax(logits)."""
    soft = tf.nn.softmax(logits)
    return soft + tf.stop_gradient(tf.one_hot(drawn, logits.shape[-1]) - soft)
