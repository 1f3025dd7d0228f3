"""The plan of a whole tune: its form, its length, its pace, and which of its bars return.

A network that writes note after note, or all notes at once, has good phrases but no form. In training, models
therefore get the plan of each tune; they compose to the plans of training tunes. A model keeps these numbers only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from melodygan.data.encoding import HOLD, to_steps
from melodygan.data.form import FORMS, METERS, Form, ends_on_the_tonic, form_of, number_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from melodygan.data.encoding import Note, Tune

FASTEST = 32
"""Notes and rests in two bars, the greatest pace."""

FARTHEST = 256
"""Sixteenths that a bar can return after."""

SHORTEST_PHRASE = 4
"""Notes of the shortest phrase that counts as returning."""

MOST_LEFT = 16
"""The greatest count of bars to the end."""

NEAR = 32
"""The greatest count of sixteenths to the end."""

STEP_COLUMNS = {
    "form": len(FORMS),
    "left": MOST_LEFT + 1,
    "near": NEAR + 1,
    "pace": FASTEST,
    "close": 2,
    "distance": FARTHEST,
}
"""The columns of the plan at a step, and the greatest number in each; 0 is unknown, or does not apply."""


class Plan(NamedTuple):
    """The plan of a tune.

    Attributes:
        form: metre and mode.
        bars: its length in bars, the last one perhaps incomplete; they are counted from its first note, not from the
            first bar line.
        pace: notes and rests in two bars, rounded, 1 to `FASTEST`.
        returns: for each bar how many bars ago the same one stood; 0 where it is new.
        closes: whether the last note is the tonic.
    """

    form: Form
    bars: int
    pace: int
    returns: tuple[int, ...]
    closes: bool = True


def plan_of(tune: Tune) -> Plan:
    """Return the plan of a tune; one without notes has none.

    Where a bar has stood more than once before, it returns together with the bar that came before it then, or else
    from where it stood last.
    """
    form = form_of(tune)
    length = METERS[form.meter]
    symbols = to_steps(tune.notes)
    bars = [tuple(symbols[begin : begin + length]) for begin in range(0, len(symbols), length)]
    returns: list[int] = []
    for place, bar in enumerate(bars):
        same = [
            distance
            for distance in range(1, min(place, FARTHEST // length) + 1)
            if bars[place - distance] == bar and bar[0] != HOLD
        ]
        before = returns[-1] if returns else 0
        returns.append(before if before in same else min(same, default=0))
    pace = round(2 * len(tune.notes) / len(bars))
    closes = ends_on_the_tonic(tune.notes, form.mode)
    return Plan(form, len(bars), min(max(pace, 1), FASTEST), tuple(returns), closes)


def resized(plan: Plan, bars: int) -> Plan:
    """Return a plan with another number of bars; added bars are new."""
    return plan._replace(bars=bars, returns=(*plan.returns[:bars], *[0] * (bars - plan.bars)))


def as_steps(plan: Plan | None, steps: int) -> np.ndarray:
    """Spell a plan out as int32 [steps, len(STEP_COLUMNS)]; None, which tells nothing, as zeros.

    After the end of the tune no bars are left, and none returns. A bar that is to return is as near to the end as it
    will be then: what closes a tune must do so when it is first heard.
    """
    if plan is None:
        return np.zeros((steps, len(STEP_COLUMNS)), np.int32)
    length = METERS[plan.form.meter]
    bar = np.arange(steps) // length
    left = 1 + np.clip(plan.bars - bar, 0, MOST_LEFT)
    to_end = _to_end(plan)
    near = 1 + np.clip(length * to_end[np.minimum(bar, plan.bars)] - np.arange(steps) % length, 0, NEAR)
    distance = length * np.array([*plan.returns, 0], np.int32)[np.minimum(bar, plan.bars)]
    form, pace, close = (np.full_like(bar, value) for value in (number_of(plan.form), plan.pace, 1 + plan.closes))
    return np.stack([form, left, near, pace, close, distance], axis=1).astype(np.int32)


def _to_end(plan: Plan) -> np.ndarray:
    """Return how many bars before the end each bar, or the last bar that returns from it, begins; 0 after the end."""
    to_end = np.arange(plan.bars, -1, -1)
    for bar in range(plan.bars - 1, 0, -1):
        source = bar - plan.returns[bar]
        to_end[source] = min(to_end[source], to_end[bar])
    return to_end


def plans_like(plans: Iterable[Plan], meter: str | None, mode: str | None, bars: int | None = None) -> list[Plan]:
    """Return the plans in a metre and a mode, or in any, with a number of bars; if none has it, resize the nearest.

    Raises:
        ValueError: there is none.
    """
    like = [plan for plan in plans if meter in {None, plan.form.meter} and mode in {None, plan.form.mode}]
    if not like:
        asked = " ".join(part for part in (meter, mode) if part)
        raise ValueError(f"the model never heard a tune in {asked}: ask for another metre or mode")
    if bars is None:
        return like
    nearest = min(abs(plan.bars - bars) for plan in like)
    return [resized(plan, bars) for plan in like if abs(plan.bars - bars) == nearest]


def going_on(plans: Sequence[Plan], steps: int) -> list[Plan]:
    """Return the plans that are longer than ``steps`` sixteenths; if there is none, all of them, extended by these."""
    longer = [plan for plan in plans if plan.bars * METERS[plan.form.meter] > steps]
    return longer or [resized(plan, plan.bars + steps // METERS[plan.form.meter]) for plan in plans]


def sources_of(notes: Sequence[Note]) -> list[int]:
    """Return for each note the place that it comes from: an earlier one where a phrase returns, otherwise its own.

    A phrase is at least `SHORTEST_PHRASE` notes that have stood before in the same order and lengths; of several
    the longest is taken, of equally long ones the latest.
    """
    sources: list[int] = []
    while len(sources) < len(notes):
        here = len(sources)
        length, source = max((_common(notes, source, here), source) for source in range(here + 1))
        if length < SHORTEST_PHRASE:
            length, source = 1, here
        # What it returns from may have returned itself.
        sources += [here] if source == here else sources[source : source + length]
    return sources


def _common(notes: Sequence[Note], source: int, here: int) -> int:
    """Return how many notes from ``source`` on are those from ``here`` on, before the two would overlap."""
    most = min(here - source, len(notes) - here)
    return next((length for length in range(most) if notes[source + length] != notes[here + length]), most)


def to_config(plans: Iterable[Plan]) -> list[list[Any]]:
    """Write plans as JSON has them."""
    return [[number_of(plan.form), plan.bars, plan.pace, list(plan.returns), plan.closes] for plan in plans]


def from_config(rows: Sequence[Sequence[Any]]) -> tuple[Plan, ...]:
    """Read what `to_config` wrote."""
    return tuple(
        Plan(FORMS[form - 1], bars, pace, tuple(returns), closes) for form, bars, pace, returns, closes in rows
    )
