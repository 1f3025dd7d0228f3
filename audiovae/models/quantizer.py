"""Codes for encodings: a learned codebook whose codes all stay in use, and a fixed grid.

Notation: B batch, T frames, D width of an encoding, K codes. Both layers map encodings [B, T, D] to `Quantised`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import keras
import tensorflow as tf

if TYPE_CHECKING:
    from collections.abc import Sequence


class Quantised(NamedTuple):
    """Encodings rounded to codes.

    Attributes:
        values: [B, T, D]; forwards those of the codes, backwards the encodings themselves (straight-through).
        codes: int32 [B, T].
        commitment: mean squared distance of the encodings from their codes, scalar, a loss of the encoder.
    """

    values: tf.Tensor
    codes: tf.Tensor
    commitment: tf.Tensor


def straight_through(encodings: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    """Return ``values`` with the gradient of ``encodings`` (Bengio et al., 2013)."""
    return encodings + tf.stop_gradient(values - encodings)


@keras.saving.register_keras_serializable(package="audiovae")
class VectorQuantizer(keras.Layer):
    """A codebook that follows the encodings (van den Oord et al., 2017).

    Codes are exponential moving averages of the encodings nearest to them. They start at encodings of the first batch,
    and a code that is rarely used is moved to an encoding of the batch (Dhariwal et al., 2020): otherwise most codes of
    a random codebook are never used.

    Args:
        codes: K.
        decay: of the moving averages.
        least_share: a code is moved when its share of the encodings, a moving average, falls below this part of 1 / K.
        seed: of the encodings that codes are moved to.
    """

    def __init__(
        self, codes: int = 256, *, decay: float = 0.99, least_share: float = 0.05, seed: int = 0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.codes, self.decay, self.least_share, self.seed = codes, decay, least_share, seed

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the codebook [K, D] and its moving averages."""
        width = input_shape[-1]

        def state(name: str, shape: tuple[int | None, ...], initializer: str = "zeros", dtype: str = "float32") -> Any:
            return self.add_weight(name=name, shape=shape, initializer=initializer, dtype=dtype, trainable=False)

        self.codebook = state("codebook", (self.codes, width), "random_normal")
        self.sums = state("sums", (self.codes, width))
        self.counts = state("counts", (self.codes,))
        self.updates = state("updates", (), dtype="int64")

    def call(self, encodings: tf.Tensor, training: bool = False) -> Quantised:
        """Round encodings [B, T, D]; in training, also update the codebook."""
        flat = tf.reshape(encodings, [-1, self.codebook.shape[1]])
        if training:
            self._lay_out(tf.stop_gradient(flat))
        codes = self._nearest(flat)
        values = tf.reshape(tf.gather(self.codebook, codes), tf.shape(encodings))
        if training:
            self._follow(tf.stop_gradient(flat), codes)
        commitment = tf.reduce_mean(tf.square(encodings - tf.stop_gradient(values)))
        return Quantised(straight_through(encodings, values), tf.reshape(codes, tf.shape(encodings)[:-1]), commitment)

    def values_of(self, codes: tf.Tensor) -> tf.Tensor:
        """Return the encodings [..., D] of codes [...]."""
        return tf.gather(self.codebook, codes)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        names = ("codes", "decay", "least_share", "seed")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}

    def _nearest(self, flat: tf.Tensor) -> tf.Tensor:
        codebook = tf.convert_to_tensor(self.codebook)
        # |x − c|² without |x|², which is the same for every code
        distances = tf.reduce_sum(tf.square(codebook), axis=1) - 2 * tf.matmul(flat, codebook, transpose_b=True)
        return tf.argmin(distances, axis=1, output_type=tf.int32)

    def _some(self, flat: tf.Tensor, purpose: int) -> tf.Tensor:
        """Draw an encoding for each code, [K, D]."""
        seed = tf.stack([tf.constant(self.seed, tf.int64), tf.convert_to_tensor(self.updates) * 2 + purpose])
        return tf.gather(flat, tf.random.stateless_uniform([self.codes], seed, 0, tf.shape(flat)[0], tf.int32))

    def _lay_out(self, flat: tf.Tensor) -> None:
        first = tf.equal(self.updates, 0)
        laid_out = tf.where(first, self._some(flat, 0), self.codebook)
        self.codebook.assign(laid_out)
        self.sums.assign(tf.where(first, laid_out / self.codes, self.sums))
        self.counts.assign(tf.where(first, tf.fill([self.codes], 1 / self.codes), self.counts))

    def _follow(self, flat: tf.Tensor, codes: tf.Tensor) -> None:
        total = tf.cast(tf.shape(flat)[0], tf.float32)
        won = tf.math.unsorted_segment_sum(tf.ones_like(flat[:, 0]), codes, self.codes) / total
        sums = tf.math.unsorted_segment_sum(flat, codes, self.codes) / total
        counts = self.decay * self.counts + (1 - self.decay) * won
        sums = self.decay * self.sums + (1 - self.decay) * sums
        dead = counts < self.least_share / self.codes
        # a moved code starts with an even share, so that it is not moved again at once
        counts = tf.where(dead, tf.fill([self.codes], 1 / self.codes), counts)
        sums = tf.where(dead[:, None], self._some(flat, 1) / self.codes, sums)
        self.counts.assign(counts)
        self.sums.assign(sums)
        self.codebook.assign(sums / counts[:, None])
        self.updates.assign_add(1)


@keras.saving.register_keras_serializable(package="audiovae")
class FiniteScalarQuantizer(keras.Layer):
    """Each of a few dimensions rounded to its own number of levels: a grid of codes (Mentzer et al., 2024).

    Nothing is learned, so nothing can collapse. Encodings have as many dimensions as there are levels, whose product is
    K.
    """

    def __init__(self, levels: Sequence[int] = (8, 8, 4), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.levels = tuple(levels)
        self.codes = math.prod(self.levels)

    def call(self, encodings: tf.Tensor, training: bool = False) -> Quantised:
        """Round encodings [B, T, D]."""
        levels = tf.constant(self.levels, tf.float32)
        # From 0 to L − 1, and a little beyond, so that the outermost levels are reached as easily as the others
        reach = (levels - 1) / 2 * (1 + 1e-3)
        placed = tf.tanh(encodings) * reach + (levels - 1) / 2
        rounded = straight_through(placed, tf.clip_by_value(tf.round(placed), 0.0, levels - 1))
        codes = tf.reduce_sum(tf.cast(tf.stop_gradient(rounded), tf.int32) * self._places(), axis=-1)
        return Quantised(self._scaled(rounded), codes, tf.constant(0.0))

    def values_of(self, codes: tf.Tensor) -> tf.Tensor:
        """Return the encodings [..., D] of codes [...], in [−1, 1]."""
        levels = tf.constant(self.levels, tf.int32)
        return self._scaled(tf.cast(codes[..., None] // self._places() % levels, tf.float32))

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "levels": self.levels}

    def _places(self) -> tf.Tensor:
        """Return the value of one step of each dimension in a code, [D]."""
        return tf.constant([math.prod(self.levels[:place]) for place in range(len(self.levels))], tf.int32)

    def _scaled(self, rounded: tf.Tensor) -> tf.Tensor:
        levels = tf.constant(self.levels, tf.float32)
        return 2 * rounded / (levels - 1) - 1


def perplexity(codes: tf.Tensor, count: int) -> tf.Tensor:
    """Return exp of the entropy of codes [...]: the number of codes that, used evenly, would be as diverse; 1 to K."""
    shares = tf.math.bincount(tf.reshape(codes, [-1]), minlength=count, dtype=tf.float32)
    shares /= tf.reduce_sum(shares)
    return tf.exp(-tf.reduce_sum(tf.math.xlogy(shares, shares)))
