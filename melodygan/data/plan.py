"""The plan of a whole tune for the LSTM: its form, its length, its pace, and which of its bars return.

Without it, the LSTM composes good phrases but no form. In training it gets the plan of each tune; it composes to the
plans of training tunes, which are saved with it. The plan of a GAN is `melodygan.data.grid.Plan`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from melodygan.data.encoding import HOLD, to_steps
from melodygan.data.form import FORMS, METERS, Form, ends_on_the_tonic, form_of, number_of, places_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from melodygan.data.encoding import Tune

FASTEST = 32
"""The greatest pace, in notes and rests per two bars."""

FARTHEST = 256
"""The greatest distance, in sixteenths, at which a bar returns."""

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
        pace: notes and rests per two bars, rounded, 1 to `FASTEST`.
        returns: for each bar the number of bars back to an equal one; 0 where it is new.
        closes: whether the last note is the tonic.
    """

    form: Form
    bars: int
    pace: int
    returns: tuple[int, ...]
    closes: bool = True


def plan_of(tune: Tune) -> Plan:
    """Return the plan of a tune with notes.

    Where several earlier bars equal a bar, it returns from the one at the same distance as the bar before it, or else
    from the latest.
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
    """Write a plan as int32 [steps, len(STEP_COLUMNS)]; None, an unknown plan, as zeros.

    After the end of the tune no bars are left, and none returns. A bar that will return is as near to the end as its
    last repetition: what closes a tune must do so when it is first heard.
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
    """Return how many bars before the end each bar, or its last repetition, begins; 0 after the end."""
    to_end = np.arange(plan.bars, -1, -1)
    for bar in range(plan.bars - 1, 0, -1):
        source = bar - plan.returns[bar]
        to_end[source] = min(to_end[source], to_end[bar])
    return to_end


def plans_like(plans: Sequence[Plan], meter: str | None, mode: str | None, bars: int | None = None) -> list[Plan]:
    """Return the plans in a metre and a mode, or in any, of that length; if there is none, the nearest are resized.

    Raises:
        ValueError: there is none in the metre and mode.
    """
    like = [plans[place] for place in places_of((plan.form for plan in plans), meter, mode)]
    if bars is None:
        return like
    nearest = min(abs(plan.bars - bars) for plan in like)
    return [resized(plan, bars) for plan in like if abs(plan.bars - bars) == nearest]


def going_on(plans: Sequence[Plan], steps: int) -> list[Plan]:
    """Return the plans that are longer than ``steps`` sixteenths; if there is none, all of them, extended by these."""
    longer = [plan for plan in plans if plan.bars * METERS[plan.form.meter] > steps]
    return longer or [resized(plan, plan.bars + steps // METERS[plan.form.meter]) for plan in plans]


def to_config(plans: Iterable[Plan]) -> list[list[Any]]:
    """Return plans as JSON values."""
    return [[number_of(plan.form), plan.bars, plan.pace, list(plan.returns), plan.closes] for plan in plans]


def from_config(rows: Sequence[Sequence[Any]]) -> tuple[Plan, ...]:
    """Restore what `to_config` returned."""
    return tuple(
        Plan(FORMS[form - 1], bars, pace, tuple(returns), closes) for form, bars, pace, returns, closes in rows
    )
