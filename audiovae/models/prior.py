"""The causal network that knows which codes follow which, so that new sound can be drawn from it.

Notation: B sequences, T codes each, K different ones.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from keras import layers

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
_AT_ONCE = 256  # sequences, of what is measured or drawn


class LabelledCodes(NamedTuple):
    """Sequences of codes, and whose they are.

    Attributes:
        codes: int32 [n, T].
        instruments: int [n].
    """

    codes: np.ndarray
    instruments: np.ndarray


@keras.saving.register_keras_serializable(package="audiovae")
class CodePrior(keras.Model):
    """p(code | the codes before it, the instrument): embeddings → LSTM → softmax.

    Calling it maps codes [B, T] and instruments [B] to the logits of each code, [B, T, K], those at a place knowing
    only the codes before it.

    Args:
        code_count: K.
        frames: T of what is sampled.
        instruments: their names.
        maker: fingerprint of the model whose codes they are, in hex.
        units: width of the LSTM.
        embedding: width that codes are embedded in.
        dropout: share of the LSTM's inputs and outputs that training drops.
        seed: together with the number of the update it fixes what is dropped.
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
        # one more than there are codes: what stands before the first
        self.code_embedding = layers.Embedding(code_count + 1, embedding, name="code_embedding")
        self.instrument_embedding = layers.Embedding(
            len(self.instruments), _INSTRUMENT_WIDTH, name="instrument_embedding"
        )
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
        """Map codes [B, T] and instruments [B] to logits [B, T, K]."""
        codes, instruments = inputs
        before = tf.pad(tf.cast(codes, tf.int32)[:, :-1], [[0, 0], [1, 0]], constant_values=self.code_count)
        read = self.forgetting(self._inputs(before, instruments[:, None]), training=training)
        return self.logits(self.dropout(self.lstm(read), training=training))

    def _inputs(self, before: tf.Tensor, instruments: tf.Tensor) -> tf.Tensor:
        """Join the inputs of the LSTM: the previous codes, [...], and the instruments, which are broadcast to them."""
        played = self.instrument_embedding(tf.broadcast_to(instruments, tf.shape(before)))
        return tf.concat([self.code_embedding(before), played], axis=-1)

    def train_step(self, data: Any) -> Any:
        """Make one update; what it drops follows from the seed and the number of the update."""
        reseed_layers([self], self.seed, self.optimizer.iterations)
        return super().train_step(data)

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
        """Draw sequences, many at a time: each step of the LSTM serves them all.

        Args:
            instruments: of each sequence, [n].
            seed: the same seed, the same sequences; the first of few are the first of many.
            temperature: see `draw`, as is ``top_p``.
            top_p: the same.

        Returns:
            int32 [n, T].
        """
        shares = np.stack(
            [np.random.default_rng([seed, row]).random(self.frames, np.float32) for row in range(len(instruments))]
        )
        sampled = [
            self._sample(
                tf.constant(instruments[begin : begin + _AT_ONCE], tf.int32),
                tf.constant(shares[begin : begin + _AT_ONCE]),
                tf.constant(temperature, tf.float32),
                tf.constant(top_p, tf.float32),
            ).numpy()
            for begin in range(0, len(instruments), _AT_ONCE)
        ]
        return np.concatenate(sampled)

    @tf.function(reduce_retracing=True)
    def _sample(self, instruments: tf.Tensor, shares: tf.Tensor, temperature: tf.Tensor, top_p: tf.Tensor) -> tf.Tensor:
        """Return codes [n, T] for instruments [n], drawn as ``shares`` [n, T] say."""
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
    """Draw codes by inverting their cumulative distribution, the likeliest code first.

    Args:
        logits: [n, K], unnormalised log probabilities.
        shares: [n], uniform in [0, 1): which part of the distribution is drawn.
        temperature: divides the logits; below 1 the likely become likelier, above 1 the choice freer.
        top_p: draw from the smallest set of likeliest codes whose probabilities reach p (Holtzman et al., 2020); the
            likeliest is always among them. Taken after temperature.

    Returns:
        int32 [n].
    """
    probabilities, order = tf.math.top_k(tf.nn.softmax(logits / temperature), logits.shape[-1])
    reached = tf.cumsum(probabilities, axis=-1)
    before = reached - probabilities
    kept = tf.reduce_max(tf.where(before < top_p, reached, 0.0), axis=-1)
    ranks = tf.reduce_sum(tf.cast(reached <= (shares * kept)[:, None], tf.int32), axis=-1)
    # rounding may lead one past the last code that is kept
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
    """Train a prior, and return it as it was after the epoch in which validation codes cost least.

    Args:
        prior: newly built; its seed fixes all that is drawn.
        train: to learn from.
        validation: to choose with, and to stop when four epochs have brought nothing.
        epochs: at most; the learning rate falls over them to 0, along a cosine.
        batch_size: sequences an update.
        verbose: of Keras' ``fit``.
    """
    batches = RandomBatches(
        ((train.codes, train.instruments), train.codes),
        batch_size,
        max(1, len(train.codes) // batch_size),
        seed=prior.seed,
    )
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
    costs = [
        bits(codes, prior((codes, held_out.instruments[begin : begin + _AT_ONCE]))).numpy()
        for begin in range(0, len(held_out.codes), _AT_ONCE)
        for codes in (held_out.codes[begin : begin + _AT_ONCE],)
    ]
    return float(np.concatenate(costs).mean(dtype=np.float64))
