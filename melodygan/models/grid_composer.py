"""Composing with a model that draws tunes on the grid of their bars, without TensorFlow."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from manymodes import deadline
from melodygan.data import grid
from melodygan.data.encoding import length_of
from melodygan.data.form import ENDINGS, METERS, PLANS, NoTunesError, ends_on, last_pitches, tune_in
from melodygan.data.phrases import SHORTEST_CLOSE, is_tune
from melodygan.data.plan_model import chosen_plans
from melodygan.models.choosing import CANDIDATES, Choosing, PortableChoosing
from melodygan.models.sampling import TEMPERATURE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from manymodes.portable import Graphs
    from melodygan.data.encoding import Note, Tune

_DRAWN = 3  # tunes for each one in a round, at least
_LEAST_DRAWN = 48
_MOST_ROUNDS = 8
_ALL = 2.0  # a probability that no symbols reach
_LEAST_SHARE = 1e-6  # of a uniform number, whose logarithm is taken


class GridComposer(Choosing):
    """Composes tunes with a generator and its chains; subclasses are their forms.

    Notation: n tunes, L `LENGTH` cells, P pitches, Z latents.

    Attributes:
        lowest: MIDI number of the first of ``pitches``.
        plans: integers [training tunes, PLAN_COLUMNS], see `melodygan.data.grid.to_rows`.
    """

    latent_dim: int
    lowest: int
    pitches: int
    plans: np.ndarray

    def drawn(
        self,
        plans: Sequence[grid.Plan],
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
        rng, size = np.random.default_rng(seed), len(plans)
        nothing = np.full((size, grid.LENGTH), -1, np.int32)
        kinds, pitches = self.run(
            "cells",
            rng.standard_normal((size, self.latent_dim), np.float32),
            grid.conditions_of(grid.to_rows(plans)),
            *(
                TEMPERATURE * temperature * _gumbel(rng, (size, grid.LENGTH, symbols))
                for symbols in (grid.KINDS, self.pitches)
            ),
            *(given or (nothing, nothing)),
            top_k or max(grid.KINDS, self.pitches),
            _ALL if top_p is None else top_p,
        )
        for kind, pitch in zip(kinds, pitches, strict=True):
            yield grid.from_grid(kind, np.where(kind == grid.ONSET, pitch + self.lowest, 0))

    def candidates(
        self,
        count: int,
        *,
        seed: int,
        several: bool = True,
        bars: int | None = None,
        meter: str | None = None,
        mode: str | None = None,
        ending: str = ENDINGS[0],
        like: Tune | None = None,
        plans: str = PLANS[0],
        **choice: Any,
    ) -> list[list[Tune]]:
        """Draw candidates for some tunes, each to the plan of a training tune, or of the tune that it is to be like.

        With ``plans`` "composed", plans are made by `PlanModel`, which learned from those of the training tunes.

        Returned are those that are whole tunes and end as tunes do: as the ending says, see `last_pitches`, on a beat,
        with a note of a quarter or more; the first, or `CANDIDATES` if they are to be several, if as many are found.
        Where there is none, it is the first whole one. ``choice`` is temperature, top_k and top_p of `drawn`.

        Raises:
            ValueError: no training tune has this form, or the grid is too short for so many bars.
            NoTunesError: hardly any tune is whole.
        """
        rng = np.random.default_rng(seed)
        known = [_grid_of(like).plan] if like else grid.plans_in(map(grid.from_row, self.plans), meter, mode, bars)
        wanted = chosen_plans(PLANS[0] if like else plans, known, map(grid.from_row, self.plans), count, rng)
        return self._closing(
            wanted, seed, ending, lambda some, number: self.drawn(some, [seed, number], **choice),
            CANDIDATES if several else 1,
        )  # fmt: skip

    def recompose(
        self, tune: Tune, first: int, last: int, count: int = 1, *, seed: int, ending: str = ENDINGS[0], **choice: Any
    ) -> list[Tune]:
        """Recompose bars ``first`` to ``last`` of a tune, counted from 1 without the upbeat; the others stay.

        Raises:
            ValueError: the tune is too long, too high or low for this model, or has no such bars.
        """
        types, heights, plan = _grid_of(tune)
        bar = METERS[plan.form.meter]
        steps = grid.steps_of((first, last), plan.cells, bar, -plan.lead % bar)
        begin, end = (plan.lead + step for step in steps)
        pitches = np.where(types == grid.ONSET, heights - self.lowest, 0)
        if (pitches < 0).any() or (pitches >= self.pitches).any():
            raise ValueError("the tune is higher or lower than what this model knows: give another key")
        place = np.arange(grid.LENGTH)
        fresh = (place >= begin) & (place < end)
        # a note that sounds into the bars ends there; one that sounds out of them begins again
        kinds = np.where(fresh, -1, types)
        if end < grid.LENGTH and kinds[end] == grid.HOLD:
            kinds[end] = grid.REST if types[:end][types[:end] != grid.HOLD][-1] == grid.REST else grid.ONSET
            sounding = np.flatnonzero(types[:end] == grid.ONSET)
            pitches[end] = pitches[sounding[-1]] if len(sounding) else 0
        pitches = np.where(kinds == grid.ONSET, pitches, -1)
        plan = plan.opened(fresh)

        def draw(plans: Sequence[grid.Plan], number: int) -> Iterator[tuple[Note, ...]]:
            given = [np.tile(part, (len(plans), 1)).astype(np.int32) for part in (kinds, pitches)]
            for notes in self.drawn(plans, [seed, number], given=(given[0], given[1]), **choice):
                begins = itertools.accumulate((note.steps for note in notes), initial=plans[0].lead)
                yield notes if begin in begins else ()  # the bars must not prolong the note before them

        closing = self._closing([plan] * count, seed, "free" if ending == "free" else "tonic", draw, 1)
        return [first for first, *_ in closing]

    def _closing(
        self,
        plans: Sequence[grid.Plan],
        seed: int,
        ending: str,
        draw: Callable[[Sequence[grid.Plan], int], Iterator[tuple[Note, ...]]],
        wanted: int,
    ) -> list[list[Tune]]:
        """Draw candidates for each plan until so many as are wanted are whole tunes that end well.

        There are as many rounds as candidates are wanted, and more while a plan has no whole tune.
        """
        closes = last_pitches(ending, [plan.form.mode for plan in plans], seed)
        self.left_out = 0
        whole: dict[int, Tune] = {}
        closed: list[list[Tune]] = [[] for _ in plans]
        for number in range(max(wanted, _MOST_ROUNDS)):
            deadline.check()
            pending = [place for place, those in enumerate(closed) if len(those) < wanted]
            if not pending or (number >= wanted and len(whole) == len(plans)):
                break
            repeated: list[int] = np.repeat(pending, max(_DRAWN, -(-_LEAST_DRAWN // len(pending)))).tolist()
            for place, notes in zip(repeated, draw([plans[place] for place in repeated], number), strict=True):
                plan, those = plans[place], closed[place]
                if len(those) == wanted:
                    continue
                if is_tune(notes):
                    tune = tune_in(*plan.form, notes, -plan.lead, f"{place + 1}")
                    whole.setdefault(place, tune)
                    if ending == "free" or _closes(notes, plan, closes[place]):
                        those.append(tune)
                        continue
                self.left_out += 1
        if len(whole) < len(plans):
            raise NoTunesError(f"only {len(whole)} of {len(plans)} tunes are whole: ask for less")
        return [those or [whole[place]] for place, those in enumerate(closed)]


class PortableGAN(PortableChoosing, GridComposer):
    """A `MelodyGAN` that was exported: composes the same tunes without TensorFlow."""

    def __init__(self, graphs: Graphs) -> None:
        super().__init__(graphs)
        config = graphs.config
        self.lowest, self.pitches = config["lowest"], config["pitches"]
        self.plans, self.latent_dim = graphs.arrays["plans"], int(graphs.arrays["latent_dim"])


def _gumbel(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Return Gumbel noise, float32: the largest of logits with it is a draw from their distribution."""
    return -np.log(-np.log(np.maximum(rng.random(shape, np.float32), np.float32(_LEAST_SHARE))))


def _closes(notes: Sequence[Note], plan: grid.Plan, classes: frozenset[int] | None) -> bool:
    """Whether a tune ends on one of some pitch classes, on a beat, with a note of a quarter or more."""
    last = max(place for place, note in enumerate(notes) if note.pitch is not None)
    onset = plan.lead + length_of(notes[:last])
    return ends_on(notes, classes) and onset % grid.BEAT[plan.form.meter] == 0 and notes[last].steps >= SHORTEST_CLOSE


def _grid_of(tune: Tune) -> grid.Grid:
    laid = grid.to_grid(tune)
    if laid is None:
        raise ValueError(f"the tune is longer than {grid.LENGTH} sixteenths: give a shorter one")
    return laid
