"""An autoregressive model of codes, from which new sounds are drawn.

Notation: B sequences, T codes each, K different ones.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from audiovae.models.networks import in_batches
from audiovae.models.portable import Sampler
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
_AT_ONCE = 256  # sequences that are measured


class LabelledCodes(NamedTuple):
    """Sequences of codes, int32 [n, T], and their instruments, int [n]."""

    codes: np.ndarray
    instruments: np.ndarray


@keras.saving.register_keras_serializable(package="audiovae")
class CodePrior(Sampler, keras.Model):
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

    def batches(self, train: LabelledCodes) -> RandomBatches:
        """Return random batches of sequences for ``fit``, drawn with the prior's seed."""
        updates = max(1, len(train.codes) // BATCH_SIZE)
        return RandomBatches((tuple(train), train.codes), BATCH_SIZE, updates, seed=self.seed)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        names = ("name", "code_count", "frames", "instruments", "maker", "units")
        config = {name: getattr(self, name) for name in names}
        return {**config, "embedding": self.width, "dropout": self.rate, "seed": self.seed}

    def next_logits(self, *inputs: np.ndarray) -> Sequence[np.ndarray]:
        """Return the logits of the codes after codes [n] and the next states, see `Sampler`."""
        return [part.numpy() for part in self._step(*map(tf.constant, inputs))]

    def graphs(self) -> dict[str, Any]:
        """Return the functions that drawing needs, for `manymodes.export`."""
        return {"step": self._step}

    @functools.cached_property
    def _step(self) -> Any:
        """One step of the network, from codes, instruments and two states to logits and the next states."""
        whole = [tf.TensorSpec([None], tf.int32, name) for name in ("codes", "instruments")]
        states = [tf.TensorSpec([None, self.units], tf.float32, name) for name in ("hidden", "carry")]

        def step(codes: tf.Tensor, instruments: tf.Tensor, *before: tf.Tensor) -> tuple[tf.Tensor, ...]:
            read = self._inputs(codes, instruments)
            output, after = self.lstm.cell(read, [tf.cast(state, read.dtype) for state in before])
            return (self.logits(output), *(tf.cast(state, tf.float32) for state in after))

        return tf.function(step, input_signature=[*whole, *states])


def bits(codes: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Return −log₂ p of codes [B, T] under logits [B, T, K], [B, T]."""
    return tf.nn.sparse_softmax_cross_entropy_with_logits(tf.cast(codes, tf.int32), logits) / math.log(2)


def fit_prior(prior: CodePrior, train: LabelledCodes, validation: LabelledCodes, *, epochs: int) -> CodePrior:
    """Train a new prior, and return it as it was after the epoch with the least loss on validation codes.

    The learning rate falls to 0 along a cosine over ``epochs``; training ends earlier when four of them have brought
    nothing. The prior's seed determines every draw.
    """
    batches = prior.batches(train)
    rate = keras.optimizers.schedules.CosineDecay(_LEARNING_RATE, epochs * len(batches))
    prior.compile(keras.optimizers.Adam(rate, clipnorm=_CLIP_NORM), loss=bits)
    prior.fit(
        batches,
        epochs=epochs,
        shuffle=False,
        validation_data=((validation.codes, validation.instruments), validation.codes),
        validation_batch_size=_AT_ONCE,
        callbacks=[keras.callbacks.EarlyStopping("val_loss", patience=_PATIENCE, restore_best_weights=True)],
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
