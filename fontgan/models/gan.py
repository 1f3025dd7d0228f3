"""The adversarial model of letters."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

import manymodes.nn.layers  # noqa: F401 - registers what saved critics are made of
from fontgan.models.portable import Coder
from manymodes.nn.adversarial import AdversarialModel


@keras.saving.register_keras_serializable(package="fontgan")
class FontGAN(Coder, AdversarialModel):
    """Letters, of any kind or of a given one.

    ``fit`` takes images [n, 28, 28, 1], or images and their kinds [n], 0 to K − 1, where K is `condition_dim`: the
    letters of a conditional model, or the groups of `fontgan.data.groups`. Each plane of stacked letters
    [n, 28, 28, planes] has a kind [n, planes], 0 to K / planes − 1.

    Args:
        translation_px: the critic sees images, real and generated ones, shifted by up to this many pixels (Zhao et
            al., 2020), so that it cannot memorise the training images.
        shares: [K / planes] how often each kind is drawn where none is given; equal by default.
        labelled: whether the kinds are the 26 letters.
        spread: standard deviation of the latent vectors that are drawn; in training it is 1.
    """

    def __init__(
        self,
        *args: Any,
        translation_px: int = 0,
        shares: Any = None,
        labelled: bool = False,
        spread: float = 1.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.translation_px, self.labelled, self.spread = translation_px, labelled, spread
        self.planes = self.generator.output_shape[-1]
        kinds = self.condition_dim // self.planes
        self.shares = np.ones(kinds) / kinds if shares is None else np.asarray(shares, np.float64)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        own = {"translation_px": self.translation_px, "shares": self.shares.tolist(), "labelled": self.labelled}
        return {**super().get_config(), **own, "spread": self.spread}

    def prepare(self, batch: Any) -> tf.Tensor:
        """Return the images of a batch."""
        return batch[0] if self.condition_dim else batch

    def conditions(self, batch: Any) -> tf.Tensor | None:
        """Return the kinds of a batch, one-hot [B, K], those of an image's planes side by side."""
        if not self.condition_dim:
            return None
        return tf.reshape(tf.one_hot(batch[1], len(self.shares)), [-1, self.condition_dim])

    def augment(self, examples: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Shift images [B, 28, 28, 1] by whole pixels; what comes in is background."""
        if not self.translation_px:
            return examples
        shape, reach = tf.shape(examples), self.translation_px
        shifts = tf.random.stateless_uniform([shape[0], 2], seed, 0, 2 * reach + 1, tf.int32)
        around = [[0, 0], [reach, reach], [reach, reach], [0, 0]]
        padded = tf.pad(examples, around, constant_values=-1)
        rows = tf.gather(padded, shifts[:, :1] + tf.range(shape[1]), axis=1, batch_dims=1)
        columns = tf.gather(tf.transpose(rows, [0, 2, 1, 3]), shifts[:, 1:] + tf.range(shape[2]), axis=1, batch_dims=1)
        return tf.transpose(columns, [0, 2, 1, 3])

    def graphs(self) -> dict[str, Any]:
        """Return the functions that drawing needs, for `manymodes.export`."""
        codes = tf.TensorSpec([None, self.latent_dim + self.condition_dim], tf.float32, "codes")
        return {"generator": tf.function(lambda codes: tf.cast(self(codes), tf.float32), input_signature=[codes])}

    def arrays(self) -> dict[str, np.ndarray]:
        """Return what drawing needs beside the graphs."""
        return {"latent_dim": np.array(self.latent_dim)}

    def draw(self, codes: Any) -> np.ndarray:
        """Return the images of codes, see `Coder`."""
        parts = [self(tf.convert_to_tensor(codes[begin : begin + 512])).numpy() for begin in range(0, len(codes), 512)]
        return np.concatenate(parts).astype(np.float32)
