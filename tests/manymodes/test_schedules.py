from types import SimpleNamespace

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from manymodes.nn.schedules import SCHEDULES, Scheduled, between, cyclical, linear, sigmoid


@pytest.mark.parametrize("name", SCHEDULES)
@given(st.floats(0, 1))
def test_factors_are_from_0_to_1(name, progress):
    assert 0 <= SCHEDULES[name](progress) <= 1


@pytest.mark.parametrize("rising", [linear, sigmoid])
def test_those_that_rise_never_fall(rising):
    values = [rising(progress) for progress in np.linspace(0, 1, 101)]
    assert values[0] < 0.01
    assert values == sorted(values)


@pytest.mark.parametrize("begin", [0, 0.25, 0.5, 0.75])
def test_cyclical_has_four_cycles(begin):
    assert [cyclical(begin + part / 16) for part in (0, 1, 3)] == pytest.approx([0, 0.5, 1])


def test_between_goes_in_equal_ratios():
    assert [between(2.0, 0.5, progress) for progress in (0, 0.5, 1, 2)] == pytest.approx([2, 1, 0.5, 0.5])


def test_variables_follow_their_schedules_by_the_updates_of_the_optimizer():
    model = SimpleNamespace(optimizer=SimpleNamespace(iterations=0), factor=keras.Variable(0.0))
    scheduled = Scheduled(9, {"factor": linear})
    scheduled.set_model(model)
    for number in range(9):
        model.optimizer.iterations = number
        scheduled.on_train_batch_begin(0)
        assert float(model.factor) == min(1.0, number / 4)
