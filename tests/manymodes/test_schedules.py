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


class Recording(keras.Model):
    """A model that remembers what its factor was at each update."""

    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(1)
        self.factor = self.add_weight(shape=(), trainable=False, name="factor")
        self.seen = []

    def call(self, inputs):
        return self.dense(inputs)

    def train_step(self, data):
        self.seen.append(float(self.factor))
        return super().train_step(data)


def test_variables_follow_their_schedules_over_several_fits():
    model = Recording()
    model.compile("sgd", "mse", run_eagerly=True)
    scheduled = Scheduled(9, {"factor": linear})
    examples = np.zeros((3, 2)), np.zeros((3, 1))
    for epoch in range(3):
        model.fit(*examples, batch_size=1, epochs=epoch + 1, initial_epoch=epoch, verbose=0, callbacks=[scheduled])
    assert model.seen == [min(1.0, number / 4) for number in range(9)]
