"""Tunes on the grid of their bars, and their plans."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from melodygan.data import grid
from melodygan.data.encoding import Note, Tune, length_of
from melodygan.data.form import METERS, Form
from melodygan.data.grid import (
    BEAT,
    BEATS,
    HOLD,
    LENGTH,
    ONSET,
    OUTSIDE,
    PLAN_COLUMNS,
    REST,
    ROW,
    Plan,
    from_grid,
    from_row,
    layout,
    plans_in,
    to_grid,
    to_rows,
)

notes = st.builds(Note, st.none() | st.integers(60, 64), st.sampled_from([1, 2, 4, 6, 8, 12]))


@st.composite
def tunes(draw):
    """Draw a tune in any metre, with an upbeat, whose phrases return."""
    meter = draw(st.sampled_from(list(METERS)))
    upbeat = draw(st.integers(0, METERS[meter] - 1))
    phrases = draw(st.lists(st.lists(notes, min_size=1, max_size=6), min_size=1, max_size=3))
    order = draw(st.lists(st.integers(0, len(phrases) - 1), min_size=1, max_size=6))
    line = [Note(60, upbeat)] * (upbeat > 0) + [note for number in order for note in phrases[number]]
    while length_of(line) > LENGTH - max(ROW.values()):
        line.pop()
    return Tune(tuple(line), key=draw(st.sampled_from(["C major", "A minor"])), meter=meter, pickup_steps=upbeat)


def with_rests_joined(line):
    joined = []
    for note in line:
        if note.pitch is None and joined and joined[-1].pitch is None:
            joined[-1] = Note(None, joined[-1].steps + note.steps)
        else:
            joined.append(note)
    return tuple(joined)


@given(tunes())
def test_a_tune_comes_back_from_the_grid(tune):
    types, pitches, plan = to_grid(tune)
    assert from_grid(types, pitches) == with_rests_joined(tune.notes)
    assert (plan.form.meter, plan.cells) == (tune.meter, length_of(tune.notes))
    assert (plan.lead + tune.pickup_steps) % ROW[tune.meter] == 0
    assert ((types == OUTSIDE) == (np.arange(LENGTH) < plan.lead) | (np.arange(LENGTH) >= plan.lead + plan.cells)).all()


@given(tunes())
def test_what_returns_is_the_same_as_its_source(tune):
    types, pitches, plan = to_grid(tune)
    inside, source, rhythm = (array[0] for array in layout(to_rows([plan])))
    assert (inside == (types != OUTSIDE)).all()
    for sources in (source, rhythm):
        assert (sources <= np.arange(LENGTH)).all()
        assert (sources[sources] == sources).all()  # a source is new itself
        assert (types[sources] == types).all()
    assert (pitches[source] == pitches).all()
    # where pitch and rhythm return, the rhythm has the same source or an earlier one
    assert (rhythm[source < np.arange(LENGTH)] < np.arange(LENGTH)[source < np.arange(LENGTH)]).all()


@given(st.lists(tunes(), max_size=4))
def test_plans_come_back_from_their_rows(several):
    plans = [to_grid(tune).plan for tune in several]
    rows = to_rows(plans)
    assert rows.shape == (len(plans), PLAN_COLUMNS)
    assert list(map(from_row, rows)) == plans


def in_bars(meter, letters, upbeat=0):
    """Write a tune of bars with a note a beat: the same letter is the same bar."""
    beats = METERS[meter] // BEAT[meter]
    line = [Note(59, upbeat)] * (upbeat > 0)
    line += [Note(60 + ord(letter) % 8 * 4 + beat, BEAT[meter]) for letter in letters for beat in range(beats)]
    return Tune(tuple(line), meter=meter, pickup_steps=upbeat)


@pytest.mark.parametrize("upbeat", [0, 4])
@pytest.mark.parametrize(
    ("meter", "returns"),
    [
        ("4/4", [0] * 4 + [16] * 4 + [0] * 4 + [32] * 4),  # the last A from the second one, which is nearer
        ("3/4", [0] * 3 + [12] * 3 + [0] * 3 + [24] * 3),
        ("6/8", [0] * 2 + [12] * 2 + [0] * 2 + [24] * 2),
    ],
)
def test_the_returns_of_an_aaba_tune(meter, returns, upbeat):
    plan = to_grid(in_bars(meter, "AABA", upbeat)).plan
    first = -(-upbeat // ROW[meter]) * ROW[meter] // BEAT[meter]  # an upbeat ends the first row
    assert plan.returns == (*[0] * first, *returns, *[0] * (BEATS - first - len(returns)))
    assert plan.lead == (ROW[meter] - upbeat) % ROW[meter]
    # the rhythm of B is that of A
    assert all(plan.rhythm[first + len(returns) // 2 : first + len(returns)])
    source = layout(to_rows([plan])).source[0]
    begin, bar = first * BEAT[meter], METERS[meter]
    last = np.arange(begin + 3 * bar, begin + 4 * bar)
    assert source[last].tolist() == (last - 3 * bar).tolist()  # by way of the second A from the first one


def test_the_cells_of_a_tune_by_hand():
    types, pitches, plan = to_grid(Tune((Note(60, 2), Note(None, 1), Note(62, 3)), meter="3/4", pickup_steps=3))
    assert types.tolist() == [OUTSIDE] * 9 + [ONSET, HOLD, REST, ONSET, HOLD, HOLD] + [OUTSIDE] * (LENGTH - 15)
    assert {place: int(pitch) for place, pitch in enumerate(pitches) if pitch} == {9: 60, 12: 62}
    assert plan[:3] == (Form("3/4", "major"), 9, 6)


def test_a_hold_at_the_beginning_is_a_rest():
    types = np.full(LENGTH, OUTSIDE)
    types[4:8] = [HOLD, HOLD, ONSET, HOLD]
    assert from_grid(types, np.where(types == ONSET, 64, 0)) == (Note(None, 2), Note(64, 2))


def test_a_tune_longer_than_the_grid_has_no_place():
    assert to_grid(Tune((Note(60, LENGTH),), meter="4/4")) is not None
    assert to_grid(Tune((Note(60, LENGTH + 1),), meter="4/4")) is None
    assert to_grid(Tune((Note(60, LENGTH),), meter="4/4", pickup_steps=4)) is None


def test_another_metre_may_be_asked_for():
    assert to_grid(Tune((Note(60, 24),), meter="4/4"), "6/8").plan.form.meter == "6/8"


def plan(meter="4/4", mode="major", cells=64, lead=0, returns=()):
    beats = (*returns, *[0] * (BEATS - len(returns)))
    return Plan(Form(meter, mode), lead, cells, beats, beats)


SHORT, LONG = plan(cells=32), plan(cells=96, returns=(0, 0, 8, 8))
WALTZ, MINOR = plan("3/4", cells=48), plan(mode="minor", cells=64, lead=12)
PLANS = [SHORT, LONG, WALTZ, MINOR]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ((None, None), PLANS),
        (("4/4", None), [SHORT, LONG, MINOR]),
        ((None, "minor"), [MINOR]),
        (("4/4", "major", 2), [SHORT]),
        (("4/4", "major", 4), [LONG._replace(cells=64)]),  # the nearest that is longer is cut
        (("4/4", "major", 8), [LONG._replace(cells=128)]),  # none is longer: the longest goes on
        ((None, None, 4), [WALTZ, MINOR]),  # the length is counted in bars of each metre
    ],
)
def test_plans_in_a_form_and_a_length(asked, found):
    assert plans_in(PLANS, *asked) == found


@pytest.mark.parametrize(
    ("asked", "message"),
    [(("6/8", None), "never heard a tune in 6/8"), (("4/4", "minor", 24), "at most 384 sixteenths: ask for fewer")],
)
def test_plans_that_nothing_has(asked, message):
    with pytest.raises(ValueError, match=message):
        plans_in(PLANS, *asked)


def test_rows_and_beats_divide_the_grid():
    for meter, bar in METERS.items():
        assert LENGTH % ROW[meter] == LENGTH % BEAT[meter] == 0
        assert bar % ROW[meter] == 0 or ROW[meter] % bar == 0
        assert grid._unit(meter) % BEAT[meter] == 0
