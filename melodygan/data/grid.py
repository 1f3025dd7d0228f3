"""Tunes on the grid of their bars: one cell per sixteenth, and which cells return from earlier ones.

A tune is laid out in rows of 16 cells, or of 12 in metres of three: a bar of 4/4 or 3/4, two bars of 2/4, half a bar of
6/4. Cells are counted from the beginning of the first row; an upbeat leaves its first cells empty. What a note-by-note
model has to count, a cell knows: its place in the bar and the distance to the end.

The *plan* of a tune is its form without its notes: metre, mode, length, and for each beat from how many cells before it
returns, in pitch and rhythm or in rhythm alone.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from melodygan.data.encoding import Note, length_of
from melodygan.data.form import FORMS, METERS, MODES, Form, form_of, number_of, places_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from melodygan.data.encoding import Tune

    IntArray = np.ndarray

HOLD, REST, ONSET, OUTSIDE = range(4)
"""What a cell holds: the note or rest before goes on, a rest begins, a note begins; outside there is no music."""

KINDS = 3
"""What may be drawn at a cell inside the tune: a hold, a rest or an onset."""

ROW = {name: 16 if METERS[name] % 8 == 0 and METERS[name] != 24 else 12 for name in METERS}  # noqa: PLR2004
"""Cells in a row of each metre."""

BEAT = {name: 6 if name in ("6/8", "3/8") else 4 for name in METERS}
"""Cells of a beat of each metre; a bar of 3/8 is one."""

LENGTH = 384
"""Cells of the longest tune: 24 bars of 4/4, 32 of 3/4."""

BEATS = LENGTH // 4
_LEAST_RETURN = 2
"""Beats that return at least; fewer are the same by chance."""


class Plan(NamedTuple):
    """The form of a tune.

    Attributes:
        form: metre and mode.
        lead: empty cells before the upbeat; 0 if the tune begins on a bar line.
        cells: cells of the tune, without the lead.
        returns: for each beat, counted from the beginning of the first row, by how many cells it comes from before in
            pitch and rhythm; 0 where it is new.
        rhythm: the same in rhythm alone; where a beat returns in both, as `returns`.
    """

    form: Form
    lead: int
    cells: int
    returns: tuple[int, ...]
    rhythm: tuple[int, ...]

    def with_upbeat(self, upbeat: int) -> Plan:
        """Return a plan with another upbeat, in sixteenths; the bar lines and the end stay."""
        lead = -upbeat % ROW[self.form.meter]
        return self._replace(lead=lead, cells=self.cells + self.lead - lead)

    def opened(self, fresh: IntArray) -> Plan:
        """Return a plan in which no beat returns that begins in a fresh cell, [LENGTH] or longer; the others stay."""
        beats = np.arange(BEATS) * BEAT[self.form.meter]
        new = fresh[np.minimum(beats, len(fresh) - 1)]
        returns, rhythm = (tuple(np.where(new, 0, part).tolist()) for part in (self.returns, self.rhythm))
        return self._replace(returns=returns, rhythm=rhythm)


class Grid(NamedTuple):
    """A tune in cells: types [LENGTH] of `HOLD` … `OUTSIDE`, MIDI pitches [LENGTH] (0 but at onsets), and its plan."""

    types: IntArray
    pitches: IntArray
    plan: Plan


def to_grid(tune: Tune) -> Grid | None:
    """Lay a tune out in the form of `form_of`; None if it is longer than the grid."""
    form, cells = form_of(tune), length_of(tune.notes)
    lead = -tune.pickup_steps % ROW[form.meter]
    if lead + cells > LENGTH:
        return None
    types, pitches = np.full(LENGTH, OUTSIDE, np.int32), np.zeros(LENGTH, np.int32)
    place = lead
    for note in tune.notes:
        types[place : place + note.steps] = HOLD
        types[place] = REST if note.pitch is None else ONSET
        pitches[place] = note.pitch or 0
        place += note.steps
    returns = _returns(types, types * 1000 + pitches, form.meter)
    rhythm = np.where(returns, returns, _returns(types, types, form.meter))
    return Grid(types, pitches, Plan(form, lead, cells, tuple(returns.tolist()), tuple(rhythm.tolist())))


def from_grid(types: IntArray, pitches: IntArray) -> tuple[Note, ...]:
    """Read the notes of cells [LENGTH]; the inverse of `to_grid`. A hold at the beginning is a rest."""
    inside = np.flatnonzero(types != OUTSIDE)
    kinds = types[inside]
    kinds[:1] = np.where(kinds[:1] == HOLD, REST, kinds[:1])
    begins = np.flatnonzero(kinds != HOLD)
    steps = np.diff(np.append(begins, len(inside)))
    notes: list[Note] = []
    for place, size in zip(begins.tolist(), steps.tolist(), strict=True):
        pitch = int(pitches[inside[place]]) if kinds[place] == ONSET else None
        if pitch is None and notes and notes[-1].pitch is None:
            notes[-1] = Note(None, notes[-1].steps + size)
        else:
            notes.append(Note(pitch, size))
    return tuple(notes)


def _returns(types: IntArray, contents: IntArray, meter: str) -> IntArray:
    """Return for each beat by how many cells it returns, [BEATS], 0 where it is new.

    Beats return in runs of `_LEAST_RETURN` or more, whole bars or halves of 4/4 apart; of several sources the longest
    run counts, then the one at the distance of the run before, then the nearest. A run that begins within a note goes
    on where the last one ended.
    """
    beat, unit = BEAT[meter], _unit(meter)
    count = LENGTH // beat
    cells = contents[: count * beat].reshape(count, beat)
    empty = (types[: count * beat].reshape(count, beat) == OUTSIDE).all(axis=1)
    returns = np.zeros(BEATS, np.int64)
    here, before = 0, 0
    while here < count:
        best = (0, 0, 0)
        for distance in range(unit // beat, here + 1, unit // beat):
            length = 0
            while (
                length < distance
                and here + length < count
                and not empty[here + length]
                and (cells[here + length] == cells[here + length - distance]).all()
            ):
                length += 1
            if types[here * beat] == HOLD and distance * beat != before:
                continue
            best = max(best, (length, int(distance * beat == before), -distance))
        length, _, distance = best
        if length * beat >= min(unit, _LEAST_RETURN * beat) and length:
            returns[here : here + length] = before = -distance * beat
            here += length
        else:
            here, before = here + 1, 0
    return returns


def _unit(meter: str) -> int:
    """Cells between places that music can return from: half a bar of 4/4 or 6/8, a bar of the others."""
    return math.gcd(METERS[meter], 24 if meter in ("3/4", "6/4") else 8 if METERS[meter] % 8 == 0 else 6)


def steps_of(bars: tuple[int, int], length: int, bar: int, upbeat: int) -> tuple[int, int]:
    """Return the first sixteenth of some bars, and the first one after them; all arguments but the bars in sixteenths.

    Raises:
        ValueError: a tune of this length has no such bars.
    """
    first, last = bars
    begin, end = upbeat + (first - 1) * bar, upbeat + last * bar
    if not 1 <= first <= last or begin >= length:
        raise ValueError(f"the tune has no bars {first} to {last}: it has {-(-(length - upbeat) // bar)}")
    return begin, min(end, length)


def plans_in(
    plans: Iterable[Plan], meter: str | None, mode: str | None, bars: int | None = None, longest: float | None = None
) -> list[Plan]:
    """Return the plans in a metre and a mode, None being any, with that number of bars, upbeat and last bar as one.

    Where none has it, longer ones are cut, or else the longest go on with what is new, up to ``longest`` cells, or to
    the end of the grid.

    Raises:
        ValueError: no plan is in this metre and mode, or the grid is too short.
    """
    plans = list(plans)
    like = [plans[place] for place in places_of((plan.form for plan in plans), meter, mode)]
    if bars is None:
        return like
    longest = LENGTH if longest is None else longest
    fitting = []
    for plan in like:
        size = bars * METERS[plan.form.meter]
        if plan.lead + size <= longest:
            fitting.append((abs(plan.cells - size) + LENGTH * (plan.cells < size), plan._replace(cells=size)))
    if not fitting:
        raise ValueError(f"a tune has at most {longest} sixteenths: ask for fewer bars")
    nearest = min(distance for distance, _ in fitting)
    return [plan for distance, plan in fitting if distance == nearest]


def going_on(plans: Sequence[Plan], upbeat: int, steps: int) -> list[Plan]:
    """Return the plans that are longer than a beginning of so many sixteenths, with its upbeat.

    If there is none, all of them, and as many bars more. Where another upbeat moves the beginning, the end stays.
    """
    moved = [plan.with_upbeat(upbeat) for plan in plans]
    bars = [METERS[plan.form.meter] * (1 + steps // METERS[plan.form.meter]) for plan in moved]
    longer = [plan for plan in moved if plan.cells > steps]
    return longer or [plan._replace(cells=plan.cells + more) for plan, more in zip(moved, bars, strict=True)]


FACTS = 4
"""Numbers before the returns in a row of `to_rows`: metre, mode, lead, cells."""

PLAN_COLUMNS = FACTS + 2 * BEATS


def to_rows(plans: Iterable[Plan]) -> IntArray:
    """Write plans as integers [n, PLAN_COLUMNS]."""
    meters = list(METERS)
    rows = [
        [meters.index(plan.form.meter), MODES.index(plan.form.mode), plan.lead, plan.cells, *plan.returns, *plan.rhythm]
        for plan in plans
    ]
    return np.array(rows, np.int32).reshape(len(rows), PLAN_COLUMNS)


def from_row(row: Sequence[int]) -> Plan:
    """Read one of `to_rows`."""
    meter, mode, lead, cells, *returns = map(int, row)
    return Plan(Form(list(METERS)[meter], MODES[mode]), lead, cells, tuple(returns[:BEATS]), tuple(returns[BEATS:]))


class Layout(NamedTuple):
    """What plans say about each cell, int32 [n, LENGTH].

    Attributes:
        inside: 1 where there is music.
        source: the first cell that pitch and rhythm come from, which is new itself; of a new cell, the cell itself.
        rhythm: the same for rhythm.
    """

    inside: IntArray
    source: IntArray
    rhythm: IntArray


CONDITIONS = PLAN_COLUMNS + len(Layout._fields) * LENGTH
"""Width of the conditions: a plan, and its layout."""


def conditions_of(rows: IntArray) -> IntArray:
    """Return the conditions of plans [n, PLAN_COLUMNS], int32 [n, CONDITIONS]."""
    return np.concatenate([rows, *layout(rows)], axis=1).astype(np.int32)


def layout(rows: IntArray) -> Layout:
    """Spell plans, [n, PLAN_COLUMNS], out for each cell."""
    rows = np.asarray(rows, np.int32)
    place = np.arange(LENGTH)
    lead, cells = rows[:, 2:3], rows[:, 3:4]
    inside = (place >= lead) & (place < lead + cells)
    beats = place // np.array(list(BEAT.values()))[rows[:, 0]][:, None]
    sources = []
    for begin in (FACTS, FACTS + BEATS):
        distance = np.take_along_axis(rows[:, begin : begin + BEATS], beats, axis=1)
        source = np.where(inside & (place - distance >= lead), place - distance, place)
        while (source != (earlier := np.take_along_axis(source, source, axis=1))).any():
            source = earlier
        sources.append(source)
    return Layout(*(array.astype(np.int32) for array in (inside, *sources)))


_PHRASE = 4  # bars

MOST_LEFT = 16
"""The greatest count of bars to the end."""

NEAR = 32
"""The greatest count of sixteenths to the end."""

UNTIL = 16
"""The greatest count of sixteenths to what returns next."""

STEP_COLUMNS = {
    "form": len(FORMS),
    "place": max(ROW.values()),
    "phrase": _PHRASE,
    "left": MOST_LEFT + 1,
    "near": NEAR + 1,
    "rhythm_near": NEAR + 1,
    "until": UNTIL,
    "distance": LENGTH,
    "rhythm": LENGTH,
    "coming": LENGTH,
}
"""The columns of a plan at a step, and the greatest number in each; 0 is unknown, or does not apply.

Place in the bar, bar of a phrase of four, bars and sixteenths to the end, to the end of what has its rhythm, and to
what returns next; from how many sixteenths before a step returns in pitch and rhythm, in rhythm, and where what returns
next was first heard, if it has been: a melody leads there."""


def as_steps(plan: Plan | None, steps: int) -> IntArray:
    """Write a plan as int32 [steps, len(STEP_COLUMNS)]; None, an unknown plan, as zeros.

    What will return is as near to the end as its last repetition: what closes a tune must do so when it is first heard.
    """
    if plan is None:
        return np.zeros((steps, len(STEP_COLUMNS)), np.int32)
    bar, place = METERS[plan.form.meter], np.arange(max(steps, plan.cells))
    row = min(bar, ROW[plan.form.meter])  # of 6/4, which row is the first half of a bar is not known
    source, rhythm = place.copy(), place.copy()
    for whole, cells in zip((source, rhythm), layout(to_rows([plan]))[1:], strict=True):
        known = cells[0, plan.lead :][: len(place)] - plan.lead
        whole[: len(known)] = known
    to_end = np.maximum(plan.cells - place, 0)
    near, rhythm_near = to_end.copy(), to_end.copy()
    np.minimum.at(near, source, to_end)
    np.minimum.at(rhythm_near, rhythm, to_end)
    never = len(place) + UNTIL
    following = np.where(source < place, place, never)
    following = np.append(np.minimum.accumulate(following[::-1])[::-1][1:], never)
    heard = source[np.minimum(following, len(place) - 1)]
    leads = (following - place <= UNTIL) & (heard < place)
    columns = {
        "form": np.full(len(place), number_of(plan.form)),
        "place": 1 + (plan.lead + place) % row,
        "phrase": 1 + (plan.lead + place) // bar % _PHRASE,
        "left": 1 + np.minimum(-(-to_end // bar), MOST_LEFT),
        "near": 1 + np.minimum(near, NEAR),
        "rhythm_near": 1 + np.minimum(rhythm_near, NEAR),
        "until": np.where(leads, following - place, 0),
        "distance": place - source,
        "rhythm": place - rhythm,
        "coming": np.where(leads, place - heard, 0),
    }
    return np.stack([columns[name][:steps] for name in STEP_COLUMNS], axis=1).astype(np.int32)
