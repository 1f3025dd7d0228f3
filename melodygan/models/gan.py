"""A GAN of tunes on the grid of their bars.

Notation as in `melodygan.models.chain`; Z latents. The generator's dense layers turn a latent vector into logits for
every cell at once. Two chains are added to them, and the cells are drawn one after the other. The chains learn by
likelihood before the game begins; then the networks learn from the critic, through the symbols that were drawn
(straight-through: one-hot forwards, softmax backwards).
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

import melodygan.models.networks  # noqa: F401 - a saved model is made of its layers
from manymodes.nn.adversarial import AdversarialModel
from melodygan.data.grid import CONDITIONS, HOLD, KINDS, LENGTH, ONSET, OUTSIDE, REST
from melodygan.models.chain import (
    Drawing,
    Drawn,
    Onsets,
    Spelled,
    draw_kinds,
    draw_pitches,
    kind_chain,
    pitch_chain,
    spelled,
)
from melodygan.models.discriminator import Discriminating, Discriminator
from melodygan.models.grid_composer import GridComposer
from melodygan.models.sampling import TEMPERATURE

if TYPE_CHECKING:
    from collections.abc import Sequence

_KIND_PENALTY, _PITCH_PENALTY = 1.0, 4.0
_SEMITONES = 5.0
_EXCLUDED = 1e9


@keras.saving.register_keras_serializable(package="melodygan")
class MelodyGAN(Discriminating, GridComposer, AdversarialModel):
    """An adversarial model of tunes on the grid; carries its chains, its pitches and the plans of the training tunes.

    A batch is a pair: symbols [B, L], 0 to P − 1 for the onset of a pitch, then hold, rest and outside, and the
    conditions of the tunes, int32 [B, CONDITIONS].

    Args:
        lowest: MIDI number of the first of ``pitches``.
        plans: integers [n, PLAN_COLUMNS], see `melodygan.data.grid.to_rows`.
        discriminator_units: width of its ``chooser``, the `Discriminator` whose odds choose among candidates; 0 for
            none.
    """

    def __init__(
        self, *args: Any, lowest: int, pitches: int, plans: Any, discriminator_units: int = 0, **kwargs: Any
    ) -> None:
        super().__init__(*args, condition_dim=CONDITIONS, **kwargs)
        self.lowest, self.pitches = lowest, pitches
        self.plans = np.asarray(plans, np.int32)
        self.kind_chain, self.pitch_chain = kind_chain(), pitch_chain(pitches)
        self.kind_chain.trainable = self.pitch_chain.trainable = False
        self.chooser = Discriminator(discriminator_units) if discriminator_units else None

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments, plans included."""
        config = super().get_config()
        config.pop("condition_dim")
        own = {"lowest": self.lowest, "pitches": self.pitches, "plans": self.plans.tolist()}
        return {**config, **own, "discriminator_units": self.chooser.units if self.chooser else 0}

    def generating(self) -> MelodyGAN:
        """Return a model that generates the same, and cannot be trained."""
        alone = super().generating()
        for name in ("kind_chain", "pitch_chain"):
            getattr(alone, name).set_weights(getattr(self, name).get_weights())
        if self.chooser is not None:
            alone.chooser.set_weights(self.chooser.get_weights())
        return alone

    def prepare(self, batch: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        """Turn the symbols of a batch into one-hot cells [B, L, P + 3]."""
        return tf.one_hot(batch[0], self.pitches + 3)

    def conditions(self, batch: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        """Return the conditions of a batch."""
        return tf.cast(batch[1], tf.float32)

    def learn_chains(self, symbols: np.ndarray, conditions: np.ndarray, seed: int) -> None:
        """Let the chains learn from tunes by likelihood, where they do not return; arguments as a batch."""
        plan = spelled(tf.constant(conditions))
        kinds = np.array([*[ONSET] * self.pitches, HOLD, REST, OUTSIDE], np.int32)[symbols]
        heights = np.where(symbols < self.pitches, symbols, -1).astype(np.int32)
        contexts = draw_kinds(self.kind_chain, None, plan, given=tf.constant(kinds)).contexts.numpy()
        new = (kinds != OUTSIDE) & (np.asarray(plan.layout.rhythm) == np.arange(LENGTH))
        self.kind_chain.learn(contexts[new], kinds[new], penalty=_KIND_PENALTY, seed=seed)
        drawn, onsets = draw_pitches(self.pitch_chain, None, tf.constant(kinds), plan, given=tf.constant(heights))
        cells = onsets.cells.numpy()[:, :-1]
        there = np.minimum(cells, LENGTH - 1)
        new = (cells < LENGTH) & (np.take_along_axis(np.asarray(plan.layout.source), there, axis=1) == cells)
        chosen = np.take_along_axis(heights, there, axis=1)
        self.pitch_chain.learn(drawn.contexts.numpy()[new], chosen[new], penalty=_PITCH_PENALTY, seed=seed)

    def emit(self, outputs: tf.Tensor, conditions: tf.Tensor | None, seed: tf.Tensor) -> tf.Tensor:
        """Draw cells from logits [B, L, KINDS + P + 1]: one-hot [B, L, P + 3] forwards, softmax backwards."""
        assert conditions is not None
        plan, seeds = spelled(conditions), tf.unstack(tf.random.experimental.stateless_split(seed, 2))
        of_kinds, of_pitches = map(_drawing, self._logits(outputs), seeds)
        kinds, drawn, onsets = self._draw(_without_gradient(of_kinds), _without_gradient(of_pitches), plan)
        # once more, all cells at once and with a gradient, in the contexts that were drawn
        soft_kinds = _straight_through(
            self.kind_chain(kinds.contexts) + of_kinds.logits + of_kinds.noise, kinds.symbols
        )
        soft_kinds = tf.gather(soft_kinds, plan.layout.rhythm, batch_dims=1)
        there = tf.minimum(onsets.cells[:, :-1], LENGTH - 1)
        logits = tf.gather(of_pitches.logits + of_pitches.noise, there, batch_dims=1)
        notes = _straight_through(
            self.pitch_chain(drawn.contexts) + logits, tf.gather(drawn.symbols, there, batch_dims=1)
        )
        number = tf.maximum(tf.cumsum(tf.cast(kinds.symbols == ONSET, tf.int32), axis=1) - 1, 0)
        # of a cell that returns, the note at its source
        number = tf.minimum(tf.gather(number, plan.layout.source, batch_dims=1), tf.shape(notes)[1] - 1)
        soft_pitches = tf.gather(notes, number, batch_dims=1)
        hold, rest, onset = tf.unstack(soft_kinds, axis=-1)
        inside = tf.cast(plan.layout.inside, tf.float32)
        music = tf.concat([onset[..., None] * soft_pitches, hold[..., None], rest[..., None]], axis=-1)
        return tf.concat([music * inside[..., None], 1 - inside[..., None]], axis=-1)

    # A graph of its own, because the updates of both players draw.
    @tf.function(autograph=False)
    def _draw(self, of_kinds: Drawing, of_pitches: Drawing, plan: Spelled) -> tuple[Drawn, Drawn, Onsets]:
        """Draw kinds, then pitches, see `melodygan.models.chain`."""
        kinds = draw_kinds(self.kind_chain, of_kinds, plan)
        return kinds, *draw_pitches(self.pitch_chain, of_pitches, kinds.symbols, plan)

    def _logits(self, outputs: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the logits of kinds and pitches by the generator's outputs; the contour pulls at the pitches."""
        kinds, pitches, contour = tf.split(outputs, [KINDS, self.pitches, 1], axis=-1)
        height = (tf.range(self.pitches, dtype=tf.float32) - self.pitches / 2) / _SEMITONES
        # −(height − contour)² / 2 without what the pitch alone decides: a contour of 0 does not pull
        return kinds, pitches + height * contour

    def graphs(self) -> dict[str, Any]:
        """Return the functions that composing needs, for `manymodes.export`."""
        return {"cells": self._cells} | super().graphs()

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the arrays that composing needs beside the graphs, by name."""
        return {"plans": self.plans, "latent_dim": np.array(self.latent_dim)}

    @functools.cached_property
    def _cells(self) -> Any:
        """Draws kinds and pitches, int32 [n, L] each.

        Of latents [n, Z]; conditions [n, CONDITIONS]; noise that is added to the logits, [n, L, KINDS] and [n, L, P];
        kinds and pitches [n, L] of cells that stay, −1 where a cell is to be drawn; how many of the likeliest symbols
        to choose from, and the probability that they must reach, see `filtered_logits`.
        """
        shapes: dict[str, Sequence[int]] = {"latents": [self.latent_dim], "conditions": [CONDITIONS]}
        shapes |= {"of_kinds": [LENGTH, KINDS], "of_pitches": [LENGTH, self.pitches]}
        known = [tf.TensorSpec([None, LENGTH], tf.int32, name) for name in ("kinds", "pitches")]
        choice = [tf.TensorSpec([], tf.int32, "top_k"), tf.TensorSpec([], tf.float32, "top_p")]

        def cells(*inputs: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            latents, conditions, kind_noise, pitch_noise, known_kinds, known_pitches, top_k, top_p = inputs
            of_kinds, of_pitches = self._logits(self(tf.concat([latents, conditions], axis=-1)))
            keep = functools.partial(_filtered, top_k=top_k, top_p=top_p)
            plan = spelled(conditions)
            kinds = draw_kinds(self.kind_chain, Drawing(of_kinds, kind_noise, keep), plan, given=known_kinds).symbols
            drawing = Drawing(of_pitches, pitch_noise, keep)
            return kinds, draw_pitches(self.pitch_chain, drawing, kinds, plan, given=known_pitches)[0].symbols

        floats = [tf.TensorSpec([None, *shape], tf.float32, name) for name, shape in shapes.items()]
        return tf.function(cells, input_signature=[*floats, *known, *choice])


def _filtered(logits: tf.Tensor, *, top_k: tf.Tensor, top_p: tf.Tensor) -> tf.Tensor:
    """Lower the logits that `melodygan.models.sampling.filtered_logits` excludes, within a graph that ONNX knows."""

    def without(values: tf.Tensor, kept: tf.Tensor) -> tf.Tensor:
        """Exclude values below the last one that is kept; how many are kept is a number, or one for each row."""
        least = tf.reduce_sum(descending * tf.one_hot(kept - 1, logits.shape[-1]), axis=-1, keepdims=True)
        return values - _EXCLUDED * tf.cast(values < least, tf.float32)

    descending = tf.math.top_k(logits, logits.shape[-1]).values
    kept = tf.minimum(top_k, logits.shape[-1])
    logits, descending = without(logits, kept), without(descending, kept)
    before = tf.cumsum(tf.nn.softmax(descending), axis=-1, exclusive=True)
    return without(logits, tf.reduce_sum(tf.cast(before < top_p, tf.int32), axis=-1))


def _drawing(logits: tf.Tensor, seed: tf.Tensor) -> Drawing:
    """Return a drawing with Gumbel noise, so that symbols have the probabilities of logits / `TEMPERATURE`."""
    shares = tf.random.stateless_uniform(tf.shape(logits), seed, 1e-6, 1.0)
    return Drawing(logits, -TEMPERATURE * tf.math.log(-tf.math.log(shares)))


def _without_gradient(drawing: Drawing) -> Drawing:
    return drawing._replace(logits=tf.stop_gradient(drawing.logits))


def _straight_through(logits: tf.Tensor, drawn: tf.Tensor) -> tf.Tensor:
    """Return one-hot vectors of what was drawn, with the gradient of softmax(logits)."""
    soft = tf.nn.softmax(logits)
    return soft + tf.stop_gradient(tf.one_hot(drawn, logits.shape[-1]) - soft)
