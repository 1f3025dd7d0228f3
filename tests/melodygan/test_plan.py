"""Plans of tunes: how it is made, its numbers at each step, and the plans a model composes to."""

import itertools
import json

import numpy as np
import pytest

from melodygan.data.encoding import HOLD, Note, Tune, length_of, to_steps
from melodygan.data.form import FORMS, METERS, Form
from melodygan.data.plan import (
    FARTHEST,
    STEP_COLUMNS,
    Plan,
    as_steps,
    from_config,
    going_on,
    plan_of,
    plans_like,
    resized,
    to_config,
)

MAJOR, WALTZ, MINOR_WALTZ = Form("4/4", "major"), Form("3/4", "major"), Form("3/4", "minor")


def in_bars(letters, meter="4/4"):
    """Write a tune of bars of one note each: the same letter is the same bar, a space prolongs the note before."""
    notes = []
    for letter in letters:
        if letter == " ":
            notes[-1] = notes[-1]._replace(steps=notes[-1].steps + METERS[meter])
        else:
            notes.append(Note(ord(letter), METERS[meter]))
    return Tune(tuple(notes), meter=meter)


def returning_tunes():
    """Compose tunes whose bars come from a few, some of them with notes that last over the bar line."""
    rng = np.random.default_rng(4)
    tunes = []
    for form in FORMS * 4:
        length = METERS[form.meter]
        bars = []
        for _ in range(4):
            cuts = sorted(rng.choice(np.arange(1, length), rng.integers(0, 4), replace=False).tolist())
            edges = [0, *cuts, length]
            bars.append([Note(int(rng.integers(60, 64)), end - begin) for begin, end in itertools.pairwise(edges)])
        notes = []
        for number in rng.integers(4, size=rng.integers(1, 20)):
            bar = bars[number]
            if notes and rng.random() < 0.2:
                notes[-1] = notes[-1]._replace(steps=notes[-1].steps + bar[0].steps)
                bar = bar[1:]
            notes += bar
        tunes.append(Tune(tuple(notes[: len(notes) - int(rng.integers(2))] or notes), key=form.mode, meter=form.meter))
    return tunes


TUNES = returning_tunes()


@pytest.mark.parametrize(
    ("letters", "returns"),
    [
        ("A", (0,)),
        ("AABA", (0, 1, 0, 2)),  # the last one returns from the nearer of two
        ("ABAB", (0, 0, 2, 2)),
        ("AAAA", (0, 1, 1, 1)),
        ("ABBAB", (0, 0, 1, 3, 3)),  # the last B as the one after the first A, though another stood nearer
        ("ABCAC", (0, 0, 0, 3, 2)),  # no B follows the A, so the run ends
        ("A A A", (0, 0, 2, 0, 2)),  # a bar that begins with a hold has no beginning of its own
    ],
)
def test_returns_by_hand(letters, returns):
    for meter, length in METERS.items():
        plan = plan_of(in_bars(letters, meter))
        assert plan.returns == returns
        assert plan.bars == len(letters)
        assert plan.form == Form(meter, "major")
        assert length * max(returns) <= FARTHEST


def test_a_bar_returns_only_whole():
    beginning = (Note(60, 8), Note(62, 4))
    whole = (*beginning, Note(64, 4))
    for others, returns in (
        (beginning, (0, 0)),
        ((*beginning, Note(65, 4)), (0, 0)),
        ((Note(60, 4), Note(60, 4), *whole[1:]), (0, 0)),  # sounds the same, but begins elsewhere
        (whole, (0, 1)),
    ):
        assert plan_of(Tune((*whole, *others), meter="4/4")).returns == returns


@pytest.mark.parametrize(("meter", "farthest"), [("3/8", 42), ("4/4", 16)])
def test_a_bar_that_stood_too_long_ago_is_new(meter, farthest):
    # 42 different letters, none of them the first one
    others = [chr(ord("B") + number) for number in range(farthest)]
    assert plan_of(in_bars(["A", *others[:-1], "A"], meter)).returns[-1] == farthest
    assert plan_of(in_bars(["A", *others, "A"], meter)).returns[-1] == 0
    assert farthest * METERS[meter] <= FARTHEST < (farthest + 1) * METERS[meter]


@pytest.mark.parametrize(
    ("lengths", "pace"),
    [
        ([4, 4, 4, 4, 8, 8, 16, 16], 4),
        ([8, 8, 8, 8, 16, 16, 16], 3),  # 2.8
        ([256], 1),  # 0.125: never 0
        ([4, 2], 4),  # an incomplete bar is a bar
    ],
)
def test_pace_is_notes_in_two_bars(lengths, pace):
    for pitch in (60, None):
        assert plan_of(Tune(tuple(Note(pitch, steps) for steps in lengths), meter="4/4")).pace == pace


def test_a_returning_place_equals_its_source():
    result = 0
    for tune in TUNES:
        plan, symbols, length = plan_of(tune), to_steps(tune.notes), METERS[tune.meter]
        bars = [symbols[begin : begin + length] for begin in range(0, len(symbols), length)]
        assert len(plan.returns) == plan.bars == len(bars)
        for place, back in enumerate(plan.returns):
            earlier = bars[max(0, place - FARTHEST // length) : place]
            assert (back > 0) == (bars[place][0] != HOLD and bars[place] in earlier)
            assert bars[place - back] == bars[place]
            result += back > 0
        for place, distance in enumerate(steps_of(plan, len(symbols))["distance"]):
            assert symbols[place - distance] == symbols[place]
    assert result > 100


def steps_of(plan, steps):
    return dict(zip(STEP_COLUMNS, as_steps(plan, steps).T.tolist(), strict=True))


def test_steps_by_hand():
    # 3/8 minor is the tenth form; 6 sixteenths a bar
    steps = steps_of(Plan(Form("3/8", "minor"), 3, 5, (0, 0, 0)), 21)
    assert steps["form"] == [10] * 21
    assert steps["left"] == [4] * 6 + [3] * 6 + [2] * 6 + [1] * 3
    assert steps["near"] == [*range(19, 1, -1), 1, 1, 1]
    assert steps["pace"] == [5] * 21
    assert steps["close"] == [2] * 21
    assert steps_of(Plan(MAJOR, 1, 5, (0,), closes=False), 3)["close"] == [1, 1, 1]
    assert steps["distance"] == [0] * 21
    returning = steps_of(Plan(Form("3/8", "minor"), 3, 5, (0, 1, 2)), 21)
    assert returning["distance"] == [0] * 6 + [6] * 6 + [12] * 6 + [0] * 3
    # The first bar is heard again as the second and as the last.
    assert returning["near"] == [7, 6, 5, 4, 3, 2, *range(13, 7, -1), 7, 6, 5, 4, 3, 2, 1, 1, 1]


def test_steps_stay_within_their_columns():
    for tune in TUNES:
        steps = as_steps(plan_of(tune), length_of(tune.notes) + 30)
        assert steps.shape == (length_of(tune.notes) + 30, len(STEP_COLUMNS))
        # 0 is what is not known; only the distance of a new bar is 0, too.
        assert (steps.min(axis=0) >= [name != "distance" for name in STEP_COLUMNS]).all()
        assert (steps.max(axis=0) <= list(STEP_COLUMNS.values())).all()


def test_going_on():
    short, waltz, long = Plan(MAJOR, 2, 4, (0, 1)), Plan(WALTZ, 3, 4, (0, 0, 1)), Plan(MAJOR, 4, 4, (0, 0, 2, 2))
    plans = [short, waltz, long]  # of 32, 36 and 64 sixteenths
    assert going_on(plans, 31) == plans
    assert going_on(plans, 32) == [waltz, long]
    assert going_on(plans, 36) == [long]
    # None is longer than 64, so each is extended by whole bars: 4 of 16, 5 of 12.
    assert going_on(plans, 64) == [resized(short, 6), resized(waltz, 8), resized(long, 8)]
    assert resized(short, 4) == Plan(MAJOR, 4, 4, (0, 1, 0, 0))
    assert resized(long, 1) == Plan(MAJOR, 1, 4, (0,))


A = Plan(MAJOR, 4, 8, (0, 0, 2, 2))
B = Plan(WALTZ, 6, 5, (0, 1, 0, 1, 0, 0))
C = Plan(MINOR_WALTZ, 9, 6, (0,) * 9)
D = Plan(WALTZ, 8, 4, (0,) * 8)


@pytest.mark.parametrize(
    ("form", "result"),
    [((None, None), [A, B, C, D]), (("3/4", None), [B, C, D]), ((None, "major"), [A, B, D]), (WALTZ, [B, D])],
)
def test_plans_in_a_form(form, result):
    assert plans_like([A, B, C, D], *form) == result


@pytest.mark.parametrize(
    ("bars", "result"),
    [
        (6, [B]),
        (4, [A]),
        (5, [resized(A, 5), resized(B, 5)]),  # as near
        (7, [resized(B, 7), resized(D, 7)]),
        (20, [resized(C, 20)]),
    ],
)
def test_plans_of_a_length(bars, result):
    assert plans_like([A, B, C, D], None, None, bars) == result


def test_a_config_by_hand():
    assert from_config(json.loads(json.dumps(to_config(map(plan_of, TUNES))))) == tuple(map(plan_of, TUNES))
    assert to_config([B]) == [[3, 6, 5, [0, 1, 0, 1, 0, 0], True]]
