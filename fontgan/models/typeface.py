"""The model of whole typefaces: one style vector a face, from which all its characters are drawn.

Notation: B batch, D width of a style, C number of characters, S side of a field.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from fontgan.data.typefaces import REACH_PX
from fontgan.models.networks import grown
from fontgan.models.portable import TypeDesigner

if TYPE_CHECKING:
    from collections.abc import Sequence

BEARING_UNIT = 100.0
"""Units of a font in which networks measure bearings."""

EDGE_WEIGHT, BEARING_WEIGHT = 2.0, 0.03
"""Of the errors at edges and of bearings, beside 1 for that of fields."""

_LEAK = 0.2
_SLOPE = 4 * REACH_PX  # of the ink of a pixel by its field: none and all within half a pixel
_PRIOR_WEIGHT = 0.06  # of the distance from the nearest face: a few characters do not tell all about a style


def build_drawer(*, style_dim: int, characters: int, size: int, channels: Sequence[int] = (128, 64, 48)) -> keras.Model:
    """Return a network [B, D], [B, C] → fields [B, S, S, 1].

    Style and character, multiplied, set the coarsest layer and the style of every convolution, as in
    `build_sharp_generator`. The last layer draws four pixels at once.
    """
    styles, asked, joint = _joined(style_dim, characters, 256)
    x = grown(joint, size // 8, channels)
    x = layers.Conv2D(4, 3, padding="same")(x)
    x = DepthToSpace()(x)
    return keras.Model([styles, asked], layers.Activation("linear", dtype="float32")(x), name="drawer")


def build_spacer(*, style_dim: int, characters: int) -> keras.Model:
    """Return a network [B, D], [B, C] → left and right bearings [B, 2], in hundreds of units."""
    styles, asked, x = _joined(style_dim, characters, 64)
    return keras.Model([styles, asked], layers.Dense(2, dtype="float32")(x), name="spacer")


def _joined(style_dim: int, characters: int, width: int) -> tuple[Any, Any, Any]:
    styles = keras.Input((style_dim,), name="styles")
    asked = keras.Input((characters,), name="characters")
    x = layers.LeakyReLU(_LEAK)(layers.Dense(width)(styles))
    scale, shift = layers.Dense(width, bias_initializer="ones")(asked), layers.Dense(width)(asked)
    x = layers.LeakyReLU(_LEAK)(layers.Add()([layers.Multiply()([x, scale]), shift]))
    return styles, asked, layers.LeakyReLU(_LEAK)(layers.Dense(width)(x))


@keras.saving.register_keras_serializable(package="fontgan")
class DepthToSpace(layers.Layer):
    """[B, H, W, 4] → [B, 2H, 2W, 1]."""

    def call(self, x: Any) -> Any:
        """Lay four channels out as two by two pixels."""
        return tf.nn.depth_to_space(x, 2)


@keras.saving.register_keras_serializable(package="fontgan")
class TypefaceModel(TypeDesigner, keras.Model):
    """Typefaces as points of a space of styles: an auto-decoder (Park et al., 2019) with a normal posterior a face.

    ``fit`` takes the numbers of faces [B] and characters [B], their fields int8 [B, S, S] and bearings [B, 2].

    Args:
        drawer: see `build_drawer`.
        spacer: see `build_spacer`.
        faces: number of faces to learn.
        seed: of everything random.
        divergence_weight: of the divergence of the posteriors from a normal distribution. More makes neighbours in the
            space alike, less reproduces faces better.
    """

    def __init__(
        self,
        *,
        drawer: keras.Model,
        spacer: keras.Model,
        faces: int,
        seed: int = 0,
        divergence_weight: float = 1e-5,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.drawer, self.spacer = drawer, spacer
        self.faces, self.seed, self.divergence_weight = faces, seed, divergence_weight
        self.style_dim, self.characters = (int(one.shape[-1]) for one in drawer.inputs)
        self.size = int(drawer.outputs[0].shape[1])
        shape = (faces, self.style_dim)
        self.styles = self.add_weight(name="styles", shape=shape, initializer="zeros")
        self.log_deviations = self.add_weight(
            name="log_deviations", shape=shape, initializer=keras.initializers.Constant(-3.0)
        )
        self.step = self.add_weight(name="step", shape=(), dtype="int64", initializer="zeros", trainable=False)
        names = ("loss", "field_error", "edge_error", "bearing_error", "divergence")
        self._trackers = {name: keras.metrics.Mean(name=name) for name in names}

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """The trackers whose names are the keys that `train_step` returns."""
        return list(self._trackers.values())

    def build(self, input_shape: Any = None) -> None:
        """Mark the model as built: its parts already are."""
        self.built = True

    def call(self, styles: Any, characters: Any) -> tuple[tf.Tensor, tf.Tensor]:
        """Return fields [B, S, S] and bearings [B, 2] in units, of styles [B, D] and numbers of characters [B]."""
        inputs = [styles, tf.one_hot(characters, self.characters)]
        return self.drawer(inputs)[..., 0], BEARING_UNIT * self.spacer(inputs)

    def errors(self, styles: Any, characters: Any, fields: Any, bearings: Any) -> tuple[tf.Tensor, ...]:
        """Return the mean absolute errors [B] of fields, of the ink of their pixels, and of bearings in hundreds."""
        fields = tf.cast(fields, tf.float32) / 127
        drawn, spaced = self(styles, characters)
        field = tf.reduce_mean(tf.abs(drawn - fields), (1, 2))
        edge = tf.reduce_mean(tf.abs(tf.sigmoid(_SLOPE * drawn) - tf.sigmoid(_SLOPE * fields)), (1, 2))
        return field, edge, tf.reduce_mean(tf.abs(spaced - bearings), 1) / BEARING_UNIT

    def train_step(self, data: Any) -> dict[str, tf.Tensor]:
        """Make one update of the networks and of the styles of the faces in a batch."""
        (faces, characters, fields, bearings), *_ = data
        with tf.GradientTape() as tape:
            means, deviations = tf.gather(self.styles, faces), tf.gather(self.log_deviations, faces)
            seed = tf.stack([tf.constant(self.seed, tf.int64), self.step.value])
            styles = means + tf.exp(deviations) * tf.random.stateless_normal(tf.shape(means), seed)
            parts = [tf.reduce_mean(error) for error in self.errors(styles, characters, fields, bearings)]
            divergence = tf.reduce_mean(tf.reduce_sum(means**2 + tf.exp(2 * deviations) - 2 * deviations - 1, -1) / 2)
            loss = parts[0] + EDGE_WEIGHT * parts[1] + BEARING_WEIGHT * parts[2]
            loss += self.divergence_weight * divergence
        gradients = [tf.convert_to_tensor(one) for one in tape.gradient(loss, self.trainable_variables)]
        self.optimizer.apply(gradients, self.trainable_variables)
        self.step.assign_add(1)
        for name, value in zip(self._trackers, (loss, *parts, divergence), strict=True):
            self._trackers[name].update_state(value)
        return {name: tracker.result() for name, tracker in self._trackers.items()}

    def known_styles(self) -> np.ndarray:
        """Return the styles of the faces of the training set, [faces, D]."""
        return self.styles.numpy()

    def drawn(self, styles: np.ndarray, numbers: np.ndarray) -> Sequence[np.ndarray]:
        """Return fields and bearings, see `TypeDesigner`."""
        return [part.numpy() for part in self(tf.constant(styles, tf.float32), tf.constant(numbers, tf.int32))]

    def graphs(self) -> dict[str, Any]:
        """Return the functions that drawing needs, for `manymodes.export`."""
        styles = tf.TensorSpec([None, self.style_dim], tf.float32, "styles")
        numbers = tf.TensorSpec([None], tf.int32, "numbers")
        return {"draw": tf.function(self.call, input_signature=[styles, numbers])}

    def arrays(self) -> dict[str, np.ndarray]:
        """Return what drawing needs beside the graphs."""
        return {"styles": self.known_styles(), "characters": np.array(self.characters), "size": np.array(self.size)}

    def style_of(
        self, characters: np.ndarray, fields: np.ndarray, bearings: np.ndarray, *, steps: int = 150
    ) -> np.ndarray:
        """Return the style [D] that draws some characters of a face best, whose fields and bearings are given.

        It is searched from the face that draws them best, among styles as frequent as those of faces.
        """
        known = self.styles.numpy()
        spread = known.std(axis=0) + 1e-3
        shape = len(known), len(characters)
        tiled = [np.tile(part, (shape[0], *[1] * (part.ndim - 1))) for part in (characters, fields, bearings)]
        losses = tf.reshape(self._misfits(np.repeat(known, shape[1], axis=0), *tiled), shape)
        style = tf.Variable(known[int(tf.argmin(tf.reduce_mean(losses, 1)))])
        begun = style.numpy()
        optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.03, steps))
        optimizer.build([style])

        @tf.function
        def improve() -> None:
            with tf.GradientTape() as tape:
                styles = tf.repeat(style[None], len(characters), axis=0)
                far = tf.reduce_mean(((style - begun) / spread) ** 2)
                misfits = self._misfits(styles, characters, fields, bearings)
                loss = tf.reduce_mean(misfits) + _PRIOR_WEIGHT * far
            optimizer.apply(tape.gradient(loss, [style]), [style])

        for _ in range(steps):
            improve()
        return style.numpy()

    def _misfits(self, styles: Any, characters: Any, fields: Any, bearings: Any) -> tf.Tensor:
        """Return the weighted errors of characters, [B]."""
        field, edge, bearing = self.errors(styles, characters, fields, bearings)
        return field + EDGE_WEIGHT * edge + BEARING_WEIGHT * bearing

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments, the networks serialised whole."""
        return {
            "name": self.name,
            "drawer": keras.saving.serialize_keras_object(self.drawer),
            "spacer": keras.saving.serialize_keras_object(self.spacer),
            "faces": self.faces,
            "seed": self.seed,
            "divergence_weight": self.divergence_weight,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> TypefaceModel:
        """Rebuild the model, untrained, from `get_config`."""
        networks = {name: keras.saving.deserialize_keras_object(config[name]) for name in ("drawer", "spacer")}
        return cls(**{**config, **networks})
