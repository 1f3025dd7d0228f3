"""A GAN of tunes on the grid of their bars.

Notation as in `melodygan.models.chain`; Z latents. The generator's dense layers turn a latent vector into logits for
every cell at once. Two chains are added to them, and the cells are drawn one after the other. The chains learn by
likelihood before the game begins; then the networks learn from the critic, through the symbols that were drawn
(straight-through: one-hot forwards, softmax backwards).
"""

from __future__ import annotations

import functools
import itertools
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

import melodygan.models.networks  # noqa: F401 - a saved model is made of its layers
from manymodes import deadline
from manymodes.nn.adversarial import AdversarialModel
from melodygan.data.encoding import Tune, length_of
from melodygan.data.form import ENDINGS, METERS, PLANS, TONIC_NAMES, NoTunesError, ends_on_the_tonic
from melodygan.data.grid import (
    BEAT,
    HOLD,
    LENGTH,
    ONSET,
    OUTSIDE,
    REST,
    Grid,
    Plan,
    from_grid,
    from_row,
    opened,
    plans_in,
    to_grid,
    to_rows,
)
from melodygan.data.phrases import SHORTEST_CLOSE, is_tune
from melodygan.data.plan_model import PlanModel
from melodygan.models.chain import (
    CONDITIONS,
    KINDS,
    Drawing,
    conditions_of,
    draw_kinds,
    draw_pitches,
    kind_chain,
    pitch_chain,
    spelled,
)
from melodygan.models.sampling import TEMPERATURE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from melodygan.data.encoding import Note

_KIND_PENALTY, _PITCH_PENALTY = 1.0, 4.0
_SEMITONES = 5.0
_CANDIDATES = 3  # tunes drawn for each one that is wanted, at least
_LEAST_DRAWN = 48
_MOST_ROUNDS = 8


@keras.saving.register_keras_serializable(package="melodygan")
class MelodyGAN(AdversarialModel):
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
        self.kind_chain, self.pitch_chain = kind_chain(), pitch_chain(pitches)
        self.kind_chain.trainable = self.pitch_chain.trainable = False
        self.redrawn = 0  # tunes that the last call drew again
        self._drawn = tf.function(self._draw, reduce_retracing=True)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments, plans included."""
        config = super().get_config()
        config.pop("condition_dim")
        return {**config, "lowest": self.lowest, "pitches": self.pitches, "plans": self.plans.tolist()}

    def generating(self) -> MelodyGAN:
        """Return a model that generates the same, and cannot be trained."""
        alone = super().generating()
        for name in ("kind_chain", "pitch_chain"):
            getattr(alone, name).set_weights(getattr(self, name).get_weights())
        return alone

    def prepare(self, batch: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        """Turn the symbols of a batch into one-hot cells [B, L, P + 3]."""
        return tf.one_hot(batch[0], self.pitches + 3)

    def conditions(self, batch: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        """Return the conditions of a batch."""
        return tf.cast(batch[1], tf.float32)

    # --- learning ------------------------------------------------------------------------------------------

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
        plan = spelled(conditions)
        of_kinds, of_pitches = self._drawings(outputs, seed, TEMPERATURE)
        kinds = draw_kinds(self.kind_chain, _without_gradient(of_kinds), plan)
        drawn, onsets = draw_pitches(self.pitch_chain, _without_gradient(of_pitches), kinds.symbols, plan)
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

    def _drawings(
        self, outputs: tf.Tensor, seed: tf.Tensor, temperature: tf.Tensor | float, **keep: Any
    ) -> tuple[Drawing, Drawing]:
        """Return how kinds and pitches are drawn by the generator's outputs; the contour pulls at the pitches."""
        kinds, pitches, contour = tf.split(outputs, [KINDS, self.pitches, 1], axis=-1)
        height = (tf.range(self.pitches, dtype=tf.float32) - self.pitches / 2) / _SEMITONES
        # −(height − contour)² / 2 without what the pitch alone decides: a contour of 0 does not pull
        pitches += height * contour
        seeds = tf.unstack(tf.random.experimental.stateless_split(seed, 2))
        gumbel = [
            -tf.math.log(-tf.math.log(tf.random.stateless_uniform(tf.shape(logits), one, 1e-6, 1.0)))
            for logits, one in zip((kinds, pitches), seeds, strict=True)
        ]
        return Drawing(kinds, temperature * gumbel[0]), Drawing(pitches, temperature * gumbel[1], **keep)

    # --- composing -----------------------------------------------------------------------------------------

    def _draw(
        self,
        conditions: tf.Tensor,
        seed: tf.Tensor,
        temperature: tf.Tensor,
        given: tuple[tf.Tensor, tf.Tensor],
        top_k: int,
        top_p: float,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Draw kinds and pitches [B, L] for conditions [B, CONDITIONS]; what is given, 0 or more, stays."""
        latent_seed, noise_seed = tf.unstack(tf.random.experimental.stateless_split(seed, 2))
        latents = tf.random.stateless_normal([tf.shape(conditions)[0], self.latent_dim], latent_seed)
        outputs = self(tf.concat([latents, conditions], axis=-1))
        keep = functools.partial(_filtered, top_k=top_k, top_p=top_p)
        of_kinds, of_pitches = self._drawings(outputs, noise_seed, TEMPERATURE * temperature, keep=keep)
        plan = spelled(conditions)
        kinds = draw_kinds(self.kind_chain, of_kinds, plan, given=given[0]).symbols
        return kinds, draw_pitches(self.pitch_chain, of_pitches, kinds, plan, given=given[1])[0].symbols

    def drawn(
        self,
        plans: Sequence[Plan],
        seed: Sequence[int],
        *,
        given: tuple[np.ndarray, np.ndarray] | None = None,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
    ) -> Iterator[tuple[Note, ...]]:
        """Draw one tune for each plan, from a seed of two integers.

        ``given`` are kinds and pitch symbols [n, L] of cells that stay, −1 where a cell is to be drawn.
        """
        nothing = np.full((len(plans), LENGTH), -1, np.int32)
        kinds, pitches = self._drawn(
            tf.constant(conditions_of(to_rows(plans)), tf.float32),
            tf.constant(seed, tf.int64),
            tf.constant(temperature, tf.float32),
            tuple(map(tf.constant, given or (nothing, nothing))),
            top_k or 0,
            1.0 if top_p is None else top_p,
        )
        for kind, pitch in zip(kinds.numpy(), pitches.numpy(), strict=True):
            yield from_grid(kind, np.where(kind == ONSET, pitch + self.lowest, 0))

    def compose(
        self,
        count: int,
        *,
        seed: int,
        bars: int | None = None,
        meter: str | None = None,
        mode: str | None = None,
        ending: str = ENDINGS[0],
        like: Tune | None = None,
        plans: str = PLANS[0],
        **choice: Any,
    ) -> list[Tune]:
        """Compose tunes, all at once, each to the plan of some training tune, or of the tune that it is to be like.

        With ``plans`` "composed", plans are made by `PlanModel`, which learned from those of the training tunes.

        Of several candidates for each plan, the first is taken that is a whole tune and ends as a tune does: on the
        tonic, on a beat, with a note of a quarter or more; else the first whole one. ``choice`` is temperature, top_k
        and top_p of `drawn`.

        Raises:
            ValueError: no training tune has this form, or the grid is too short for so many bars.
            NoTunesError: hardly any tune is whole.
        """
        rng = np.random.default_rng(seed)
        known = [_grid_of(like).plan] if like else plans_in(map(from_row, self.plans), meter, mode, bars)
        if plans == "composed" and like is None:
            wanted = PlanModel(map(from_row, self.plans)).compose(known, count, rng)
        else:
            wanted = [known[place] for place in rng.integers(len(known), size=count)]
        return self._chosen(wanted, seed, ending, lambda some, number: self.drawn(some, [seed, number], **choice))

    def recompose(
        self, tune: Tune, first: int, last: int, count: int = 1, *, seed: int, ending: str = ENDINGS[0], **choice: Any
    ) -> list[Tune]:
        """Compose bars ``first`` to ``last`` of a tune anew, counted from 1 without the upbeat; the others stay.

        Raises:
            ValueError: the tune is too long, too high or low for this model, or has no such bars.
        """
        grid = _grid_of(tune)
        plan, bar = grid.plan, METERS[grid.plan.form.meter]
        begin = -(-plan.lead // bar) * bar + (first - 1) * bar
        end = begin + (last - first + 1) * bar
        if not 1 <= first <= last or begin >= plan.lead + plan.cells:
            bars = -(-(plan.lead + plan.cells) // bar) - -(-plan.lead // bar)
            raise ValueError(f"the tune has no bars {first} to {last}: it has {bars}")
        pitches = np.where(grid.types == ONSET, grid.pitches - self.lowest, 0)
        if (pitches < 0).any() or (pitches >= self.pitches).any():
            raise ValueError("the tune is higher or lower than what this model knows: give another key")
        place = np.arange(LENGTH)
        fresh = (place >= begin) & (place < end)
        # a note that sounds into the bars ends there; one that sounds out of them begins anew
        kinds = np.where(fresh, -1, grid.types)
        if end < LENGTH and kinds[end] == HOLD:
            kinds[end] = REST if grid.types[:end][grid.types[:end] != HOLD][-1] == REST else ONSET
            sounding = np.flatnonzero(grid.types[:end] == ONSET)
            pitches[end] = pitches[sounding[-1]] if len(sounding) else 0
        pitches = np.where(kinds == ONSET, pitches, -1)
        plan = opened(plan, fresh)

        def draw(plans: Sequence[Plan], number: int) -> Iterator[tuple[Note, ...]]:
            given = [np.tile(part, (len(plans), 1)).astype(np.int32) for part in (kinds, pitches)]
            for notes in self.drawn(plans, [seed, number], given=(given[0], given[1]), **choice):
                begins = itertools.accumulate((note.steps for note in notes), initial=plans[0].lead)
                yield notes if begin in begins else ()  # the bars must not prolong the note before them

        return self._chosen([plan] * count, seed, ending, draw)

    def _chosen(
        self,
        plans: Sequence[Plan],
        seed: int,
        ending: str,
        draw: Callable[[Sequence[Plan], int], Iterator[tuple[Note, ...]]],
    ) -> list[Tune]:
        """Draw candidates for each plan until there is a whole tune that ends well, and count those left over."""
        self.redrawn = 0
        best: dict[int, tuple[Note, ...]] = {}
        closed: set[int] = set()
        for number in range(_MOST_ROUNDS):
            deadline.check()
            pending = [place for place in range(len(plans)) if place not in closed]
            if not pending or (number and len(best) == len(plans)):
                break
            self.redrawn += len(pending) if number else 0
            repeated = np.repeat(pending, max(_CANDIDATES, -(-_LEAST_DRAWN // len(pending)))).tolist()
            for place, notes in zip(repeated, draw([plans[place] for place in repeated], number), strict=True):
                if not is_tune(notes):
                    continue
                best.setdefault(place, notes)
                if place not in closed and (ending == "free" or _closes(notes, plans[place])):
                    best[place] = notes
                    closed.add(place)
        if len(best) < len(plans):
            raise NoTunesError(f"only {len(best)} of {len(plans)} tunes are whole: ask for less")
        return [_as_tune(best[place], plan, f"{place + 1}") for place, plan in enumerate(plans)]

    def generate(self, count: int, *, seed: int, **options: Any) -> list[tuple[Note, ...]]:
        """Return the notes of `compose`."""
        return [tune.notes for tune in self.compose(count, seed=seed, **options)]


def _closes(notes: Sequence[Note], plan: Plan) -> bool:
    """Whether a tune ends on the tonic, on a beat, with a note of a quarter or more."""
    last = max(place for place, note in enumerate(notes) if note.pitch is not None)
    onset = plan.lead + length_of(notes[:last])
    on_beat = onset % BEAT[plan.form.meter] == 0
    return ends_on_the_tonic(notes, plan.form.mode) and on_beat and notes[last].steps >= SHORTEST_CLOSE


def _grid_of(tune: Tune) -> Grid:
    grid = to_grid(tune)
    if grid is None:
        raise ValueError(f"the tune is longer than {LENGTH} sixteenths: give a shorter one")
    return grid


def _as_tune(notes: tuple[Note, ...], plan: Plan, name: str) -> Tune:
    """Return a composed tune in C major or A minor."""
    meter, mode = plan.form
    return Tune(notes, name, "", f"{TONIC_NAMES[mode]} {mode}", meter, -plan.lead % METERS[meter])


def _filtered(logits: tf.Tensor, *, top_k: int, top_p: float) -> tf.Tensor:
    """Return logits as `melodygan.models.sampling.filtered_logits`, within a graph."""
    excluded = tf.constant(float("-inf"), logits.dtype)
    if 0 < top_k < logits.shape[-1]:
        logits = tf.where(logits < tf.math.top_k(logits, top_k).values[..., -1:], excluded, logits)
    if top_p < 1.0:
        descending = tf.sort(logits, axis=-1, direction="DESCENDING")
        before = tf.cumsum(tf.nn.softmax(descending), axis=-1, exclusive=True)
        least = tf.reduce_min(tf.where(before < top_p, descending, tf.fill(tf.shape(descending), float("inf"))), -1)
        logits = tf.where(logits < least[..., None], excluded, logits)
    return logits


def _without_gradient(drawing: Drawing) -> Drawing:
    return drawing._replace(logits=tf.stop_gradient(drawing.logits))


def _straight_through(logits: tf.Tensor, drawn: tf.Tensor) -> tf.Tensor:
    """Return one-hot vectors of what was drawn, with the gradient of softmax(logits)."""
    soft = tf.nn.softmax(logits)
    return soft + tf.stop_gradient(tf.one_hot(drawn, logits.shape[-1]) - soft)
