"""Tunes on the grid of their bars, and their plans."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scores import rests_joined

from melodygan.data.encoding import HOLD as HELD
from melodygan.data.encoding import Note, Tune, length_of, to_steps
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
    STEP_COLUMNS,
    Plan,
    as_steps,
    from_grid,
    from_row,
    going_on,
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


@given(tunes())
def test_a_tune_comes_back_from_the_grid(tune):
    types, pitches, plan = to_grid(tune)
    assert from_grid(types, pitches) == rests_joined(tune.notes)
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


def columns_of(plan, steps):
    return dict(zip(STEP_COLUMNS, as_steps(plan, steps).T, strict=True))


@given(tunes())
def test_steps_say_what_returns(tune):
    plan, symbols = to_grid(tune).plan, np.array(to_steps(tune.notes))
    columns = columns_of(plan, len(symbols))
    place = np.arange(len(symbols))
    assert (symbols[place - columns["distance"]] == symbols).all()
    assert ((symbols[place - columns["rhythm"]] == HELD) == (symbols == HELD)).all()
    assert (columns["rhythm"][columns["distance"] > 0] > 0).all()
    # what returns next has been heard, and is the same there
    leads = columns["coming"] > 0
    following = (place + columns["until"])[leads]
    assert (columns["distance"][following] > 0).all()
    assert (symbols[following] == symbols[(place - columns["coming"])[leads]]).all()
    # the last sixteenth, and its sources, are the nearest to the end
    assert columns["near"][-1 - columns["distance"][-1]] == 2
    assert columns["rhythm_near"][-1 - columns["rhythm"][-1]] == 2
    bar = min(METERS[tune.meter], ROW[tune.meter])
    assert ((columns["place"] == 1) == ((place - tune.pickup_steps) % bar == 0)).all()


@given(tunes(), st.integers(1, 2 * LENGTH))
def test_steps_stay_within_their_columns(tune, steps):
    written = as_steps(to_grid(tune).plan, steps)
    assert written.shape == (steps, len(STEP_COLUMNS))
    sometimes = {"distance", "rhythm", "coming", "until"}
    assert (written.min(axis=0) >= [name not in sometimes for name in STEP_COLUMNS]).all()
    assert (written.max(axis=0) <= list(STEP_COLUMNS.values())).all()
    assert not as_steps(None, steps).any()


def test_steps_by_hand():
    # 3/8 has 6 sixteenths a bar; an upbeat of 2, and the first bar is heard again as the last
    song = plan("3/8", "minor", cells=20, lead=10, returns=(0, 0, 0, 0, 12))
    columns = columns_of(song, 23)
    assert set(columns["form"]) == {10}
    assert columns["place"].tolist() == [5, 6, *[1, 2, 3, 4, 5, 6] * 3, 1, 2, 3]
    assert columns["phrase"].tolist() == [2] * 2 + [3] * 6 + [4] * 6 + [1] * 6 + [2] * 3
    assert columns["left"].tolist() == [5] * 2 + [4] * 6 + [3] * 6 + [2] * 6 + [1] * 3
    assert columns["distance"].tolist() == columns["rhythm"].tolist() == [0] * 14 + [12] * 6 + [0] * 3
    assert (
        columns["rhythm_near"].tolist()
        == columns["near"].tolist()
        == [21, 20, *range(7, 1, -1), *range(13, 7, -1), *range(7, 1, -1), 1, 1, 1]
    )


def test_a_beginning_brings_its_upbeat_and_goes_on():
    # the end stays: four cells of upbeat more, or twelve fewer
    assert going_on([SHORT, MINOR], 4, 30) == [SHORT._replace(lead=12, cells=20 + 36), MINOR][1:]
    assert going_on([SHORT], 0, 31) == [SHORT]
    assert going_on([SHORT], 0, 32) == [SHORT._replace(cells=32 + 48)]


def test_what_is_opened_no_longer_returns():
    whole = plan(cells=96, returns=(0, 0, 0, 0, 16, 16, 16, 16, 0, 0, 0, 0, 16, 16, 16, 16))
    fresh = np.arange(LENGTH) // 16 == 1
    assert whole.opened(fresh) == plan(cells=96, returns=(*[0] * 12, 16, 16, 16, 16))
