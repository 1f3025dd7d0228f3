"""An autoregressive model of codes, from which new sounds are drawn.

Notation: B sequences, T codes each, K different ones.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from audiovae.models.networks import in_batches
from manymodes.experiment.fit import without_optimizer
from manymodes.nn.randomness import RandomBatches, reseed_layers
from manymodes.nn.recurrent import HoistedLSTM

if TYPE_CHECKING:
    from collections.abc import Sequence

BATCH_SIZE = 32
"""Sequences an update."""

_LEARNING_RATE = 4e-3
_CLIP_NORM = 1.0
_PATIENCE = 4  # epochs
_INSTRUMENT_WIDTH = 16
_AT_ONCE = 256  # sequences that are measured or drawn


class LabelledCodes(NamedTuple):
    """Sequences of codes, int32 [n, T], and their instruments, int [n]."""

    codes: np.ndarray
    instruments: np.ndarray


@keras.saving.register_keras_serializable(package="audiovae")
class CodePrior(keras.Model):
    """p(code | the codes before it, the instrument): embeddings → LSTM → softmax.

    There are ``code_count`` codes, K, and ``frames``, T, in a sample; ``units`` and ``embedding`` are widths,
    ``dropout`` is that of the LSTM's inputs and outputs, and ``maker`` the fingerprint of the model of these codes, in
    hex.
    """

    def __init__(
        self,
        code_count: int,
        frames: int,
        instruments: Sequence[str],
        *,
        maker: str,
        units: int = 256,
        embedding: int = 64,
        dropout: float = 0.3,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.code_count, self.frames, self.instruments, self.maker = code_count, frames, list(instruments), maker
        self.units, self.width, self.rate, self.seed = units, embedding, dropout, seed
        # one more than there are codes, for the place before the first
        self.code_embedding = layers.Embedding(code_count + 1, embedding, name="code_embedding")
        count = len(self.instruments)
        self.instrument_embedding = layers.Embedding(count, _INSTRUMENT_WIDTH, name="instrument_embedding")
        self.forgetting = layers.Dropout(dropout, name="forgetting")
        self.lstm = HoistedLSTM(units, return_sequences=True, name="lstm")
        self.dropout = layers.Dropout(dropout, name="dropout")
        self.logits = layers.Dense(code_count, dtype="float32", name="logits")

    def build(self, input_shape: Any = None) -> None:
        """Create all weights."""
        self.code_embedding.build((None, None))
        self.instrument_embedding.build((None,))
        self.lstm.build((None, None, self.width + _INSTRUMENT_WIDTH))
        self.logits.build((None, None, self.units))
        self.built = True

    def call(self, inputs: tuple[tf.Tensor, tf.Tensor], training: bool = False) -> tf.Tensor:
        """Map codes [B, T] and instruments [B] to logits [B, T, K], each of which depends only on the codes before."""
        codes, instruments = inputs
        before = tf.pad(tf.cast(codes, tf.int32)[:, :-1], [[0, 0], [1, 0]], constant_values=self.code_count)
        read = self.forgetting(self._inputs(before, instruments[:, None]), training=training)
        return self.logits(self.dropout(self.lstm(read), training=training))

    def _inputs(self, before: tf.Tensor, instruments: tf.Tensor) -> tf.Tensor:
        """Join the inputs of the LSTM: the previous codes, [...], and the instruments, which are broadcast to them."""
        played = self.instrument_embedding(tf.broadcast_to(instruments, tf.shape(before)))
        return tf.concat([self.code_embedding(before), played], axis=-1)

    def train_step(self, data: Any) -> Any:
        """Make one update; dropout follows from the seed and the number of the update."""
        reseed_layers([self], self.seed, self.optimizer.iterations)
        return super().train_step(data)

    def batches(self, train: LabelledCodes, batch_size: int = BATCH_SIZE) -> RandomBatches:
        """Return random batches of sequences for ``fit``, drawn with the prior's seed."""
        updates = max(1, len(train.codes) // batch_size)
        return RandomBatches((tuple(train), train.codes), batch_size, updates, seed=self.seed)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {
            "name": self.name,
            "code_count": self.code_count,
            "frames": self.frames,
            "instruments": self.instruments,
            "maker": self.maker,
            "units": self.units,
            "embedding": self.width,
            "dropout": self.rate,
            "seed": self.seed,
        }

    def sample(
        self, instruments: Sequence[int] | np.ndarray, *, seed: int, temperature: float = 1.0, top_p: float = 1.0
    ) -> np.ndarray:
        """Draw a sequence for each instrument, [n] → int32 [n, T], with ``temperature`` and ``top_p`` as in `draw`.

        The same seed gives the same sequences; the first of few are the first of many.
        """
        shares = np.stack(
            [np.random.default_rng([seed, row]).random(self.frames, np.float32) for row in range(len(instruments))]
        )

        def sample(asked: np.ndarray, drawn: np.ndarray) -> tf.Tensor:
            options = (tf.constant(temperature, tf.float32), tf.constant(top_p, tf.float32))
            return self._sample(tf.constant(asked, tf.int32), tf.constant(drawn), *options)

        return in_batches(sample, np.asarray(instruments), shares, size=_AT_ONCE)

    @tf.function(reduce_retracing=True)
    def _sample(self, instruments: tf.Tensor, shares: tf.Tensor, temperature: tf.Tensor, top_p: tf.Tensor) -> tf.Tensor:
        """Return codes [n, T] for instruments [n]; ``shares`` [n, T] as in `draw`."""
        count = tf.size(instruments)
        zeros = tf.zeros([count, self.units], self.compute_dtype)
        written = tf.TensorArray(tf.int32, size=self.frames, element_shape=[None])

        def one_step(
            place: tf.Tensor, code: tf.Tensor, hidden: tf.Tensor, carry: tf.Tensor, written: tf.TensorArray
        ) -> tuple[Any, ...]:
            _, (hidden, carry) = self.lstm.cell(self._inputs(code, instruments), [hidden, carry])
            code = draw(self.logits(hidden), shares[:, place], temperature=temperature, top_p=top_p)
            return place + 1, code, hidden, carry, written.write(place, code)

        *_, written = tf.while_loop(
            lambda place, *_: place < self.frames,
            one_step,
            (0, tf.fill([count], self.code_count), zeros, zeros, written),
            maximum_iterations=self.frames,
        )
        return tf.transpose(written.stack())


def draw(logits: tf.Tensor, shares: tf.Tensor, *, temperature: Any = 1.0, top_p: Any = 1.0) -> tf.Tensor:
    """Draw codes, int32 [n], by inverting their cumulative distribution, the likeliest code first.

    Args:
        logits: [n, K], unnormalised log probabilities.
        shares: [n], uniform in [0, 1): the place in the distribution.
        temperature: divides the logits; below 1 likely codes become likelier.
        top_p: draw from the smallest set of likeliest codes whose probabilities reach p (Holtzman et al., 2020), after
            temperature.
    """
    probabilities, order = tf.math.top_k(tf.nn.softmax(logits / temperature), logits.shape[-1])
    reached = tf.cumsum(probabilities, axis=-1)
    before = reached - probabilities
    kept = tf.reduce_max(tf.where(before < top_p, reached, 0.0), axis=-1)
    ranks = tf.reduce_sum(tf.cast(reached <= (shares * kept)[:, None], tf.int32), axis=-1)
    # rounding may exceed the last code that is kept
    last = tf.reduce_sum(tf.cast(reached < kept[:, None], tf.int32), axis=-1)
    return tf.gather(order, tf.minimum(ranks, last), axis=-1, batch_dims=1)


# --- training and measuring --------------------------------------------------------------------------------


def bits(codes: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Return −log₂ p of codes [B, T] under logits [B, T, K], [B, T]."""
    return tf.nn.sparse_softmax_cross_entropy_with_logits(tf.cast(codes, tf.int32), logits) / math.log(2)


def fit_prior(
    prior: CodePrior,
    train: LabelledCodes,
    validation: LabelledCodes,
    *,
    epochs: int,
    batch_size: int = BATCH_SIZE,
    verbose: int | str = "auto",
) -> CodePrior:
    """Train a new prior, and return it as it was after the epoch with the least loss on validation codes.

    The learning rate falls to 0 along a cosine over ``epochs``; training ends earlier when four of them have brought
    nothing. The prior's seed determines every draw.
    """
    batches = prior.batches(train, batch_size)
    rate = keras.optimizers.schedules.CosineDecay(_LEARNING_RATE, epochs * len(batches))
    prior.compile(keras.optimizers.Adam(rate, clipnorm=_CLIP_NORM), loss=bits)
    prior.fit(
        batches,
        epochs=epochs,
        shuffle=False,
        validation_data=((validation.codes, validation.instruments), validation.codes),
        validation_batch_size=_AT_ONCE,
        callbacks=[keras.callbacks.EarlyStopping("val_loss", patience=_PATIENCE, restore_best_weights=True)],
        verbose=verbose,
    )
    return without_optimizer(prior)


def bits_per_code(prior: CodePrior, held_out: LabelledCodes) -> float:
    """Return the mean −log₂ p of codes, in bits a code."""
    costs = in_batches(lambda *part: bits(part[0], prior(part)), *held_out, size=_AT_ONCE)
    return float(costs.mean(dtype=np.float64))


def counted_bits(train: np.ndarray, held_out: np.ndarray, count: int) -> dict[str, float]:
    """Return the mean cost in bits of held-out codes under counts of training codes, int [n, T] from 0 to K − 1.

    Counts begin at one (Laplace), so that nothing is impossible: ``unigram_bits`` is the mean −log₂ p(c) with
    p(c) = (n(c) + 1) / (n + K), ``bigram_bits`` the mean −log₂ p(c | b) with p(c | b) = (n(b c) + 1) / (n(b ·) + K);
    there the first code of a sequence costs the same as in the former.
    """
    single = np.bincount(train.ravel(), minlength=count) + 1
    costs = (np.log2(single.sum()) - np.log2(single))[held_out]
    pairs = np.bincount((train[:, :-1].astype(np.int64) * count + train[:, 1:]).ravel(), minlength=count**2) + 1
    pairs = pairs.reshape(count, count)
    pair_costs = np.log2(pairs.sum(axis=1, keepdims=True)) - np.log2(pairs)
    later = pair_costs[held_out[:, :-1], held_out[:, 1:]]
    bigram = (costs[:, 0].sum() + later.sum()) / held_out.size
    return {"unigram_bits": float(costs.mean()), "bigram_bits": float(bigram)}
