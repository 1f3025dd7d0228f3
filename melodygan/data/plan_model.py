"""A model of plans: forms that no training tune has, but that are made as theirs are.

A plan is written beat by beat. At each beat a pair is drawn, from how far before the beat returns in pitch and in
rhythm: among the pairs that stand, in training plans of the same metre, at the same beat after the same pair; where
there are few, at the same beat of a phrase of four bars; where there is none, after the same pair anywhere. So phrases
return at the distances at which phrases return in songs, and go on returning as long as they do there. Metre, mode,
upbeat and length are those of some training tune.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import numpy as np

from melodygan.data.form import METERS
from melodygan.data.grid import BEAT, BEATS, Plan

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    Pair = tuple[int, int]

_ENOUGH = 5
"""Training beats from which a narrower context is trusted."""

_PHRASE = 4  # bars


class PlanModel:
    """Counts of what follows what in the plans of training tunes."""

    def __init__(self, plans: Iterable[Plan]) -> None:
        self._counts: dict[Hashable, Counter[Pair]] = defaultdict(Counter)
        for plan in plans:
            before: Pair = (0, 0)
            for beat in _beats(plan):
                pair = plan.returns[beat], plan.rhythm[beat]
                for context in _contexts(plan, beat, before):
                    self._counts[context][pair] += 1
                before = pair

    def compose(self, like: Sequence[Plan], count: int, rng: np.random.Generator) -> list[Plan]:
        """Compose plans, each in the form and length of one of ``like``, drawn at random."""
        return [self._composed(like[place], rng) for place in rng.integers(len(like), size=count)]

    def _composed(self, plan: Plan, rng: np.random.Generator) -> Plan:
        pairs: list[Pair] = [(0, 0)] * BEATS
        before: Pair = (0, 0)
        size = BEAT[plan.form.meter]
        for beat in _beats(plan):
            # as far back as there is music
            room = beat * size - plan.lead
            possible: dict[Pair, int] = {}
            for context in _contexts(plan, beat, before):
                possible = {pair: n for pair, n in self._counts[context].items() if max(pair) <= room}
                if sum(possible.values()) >= _ENOUGH:
                    break
            if possible:
                known = sorted(possible)
                weights = np.array([possible[pair] for pair in known], np.float64)
                before = known[rng.choice(len(known), p=weights / weights.sum())]
            else:
                before = (0, 0)
            pairs[beat] = before
        returns, rhythm = zip(*pairs, strict=True)
        return plan._replace(returns=tuple(returns), rhythm=tuple(rhythm))


def chosen_plans(
    kind: str, known: Sequence[Plan], training: Iterable[Plan], count: int, rng: np.random.Generator
) -> list[Plan]:
    """Return plans of a kind, one of `PLANS`: some that are known, or new ones in the form and length of those."""
    if kind == "composed":
        return PlanModel(training).compose(known, count, rng)
    return [known[place] for place in rng.integers(len(known), size=count)]


def _beats(plan: Plan) -> range:
    """Beats with music, counted from the beginning of the first row."""
    size = BEAT[plan.form.meter]
    return range(plan.lead // size, -(-(plan.lead + plan.cells) // size))


def _contexts(plan: Plan, beat: int, before: Pair) -> list[Hashable]:
    """Contexts of a beat, the narrowest first."""
    meter = plan.form.meter
    phrase = _PHRASE * METERS[meter] // BEAT[meter]
    return [("beat", meter, beat, before), ("phrase", meter, beat % phrase, before), ("any", meter, before), (meter,)]
