import itertools
import math
import signal
import time

import keras
import pytest
from breaking import Clock
from stubcompare import StubConfig
from stubmodel import EXAMPLES, Preparing

from manymodes.experiment.budget import epochs_that_fit, train_with_budget

# Data sets of TensorFlow are compiled all the same, and it says so.
pytestmark = [pytest.mark.usefixtures("eager"), pytest.mark.filterwarnings("ignore:Even though the:UserWarning")]

CONFIG = StubConfig(seed=5)


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """Have a second pass whenever the processor time is looked at."""
    monkeypatch.setattr(time, "process_time", Clock())


def train(path, seconds, prepare, epochs=None):
    budget = {"minutes": seconds / 60, "epochs": epochs}
    return train_with_budget(path, CONFIG, prepare, EXAMPLES, examples=8, **budget)


def test_only_updates_are_timed_except_the_first(tmp_path, monkeypatch):
    # an update takes a second, and an hour passes between two of them
    monkeypatch.setattr(time, "process_time", itertools.accumulate(itertools.cycle((3600.0, 1.0))).__next__)
    facts = train(tmp_path / "run", 5, Preparing()).facts
    assert (facts["seconds"], facts["updates"], facts["examples_per_second"]) == (5.0, 6, 8.0)


@pytest.mark.parametrize(("seconds", "epochs"), [(60, 20), (90, 30), (1, 1)])
def test_as_many_epochs_are_planned_as_fit(seconds, epochs):
    # three updates an epoch, a second each
    assert epochs_that_fit(seconds, CONFIG, Preparing(), EXAMPLES) == epochs


def test_a_model_is_trained_for_its_time_and_its_last_state_counts(tmp_path):
    prepare = Preparing()
    trained = train(tmp_path / "run", 6, prepare)
    assert prepare.asked == [(None, 0, None), (2, 0, None)]
    # the first update is not timed, so there are seven: of the third epoch one of three
    assert prepare.measured == [(1, False), (2, False), (3, True)]
    assert trained.facts == {
        "losses": trained.history[-1],
        "updates": 7,
        "seconds": 6.0,
        "examples_per_second": 8.0,
        "epochs": 3,
        "planned_epochs": 2,
        "judged_epoch": 1,
    }
    # a run whose time is spent is not trained on
    again = train(tmp_path / "run", 6, prepare)
    assert (again.facts, again.history, len(prepare.measured)) == (trained.facts, trained.history, 3)
    assert float(again.model.place) == float(trained.model.place)


def test_the_trial_leaves_no_trace_in_the_result(tmp_path):
    tried = train(tmp_path / "tried", 9, Preparing())
    keras.utils.set_random_seed(99)  # another process would have another state
    untried = train(tmp_path / "untried", math.inf, Preparing(), epochs=3)
    places = [[row["place"] for row in one.history] for one in (tried, untried)]
    assert places[0][:3] == places[1]


class Interrupting(Clock):
    """A clock that presses Ctrl-C when it is looked at for the twentieth time."""

    def __call__(self):
        if self.now == 20:
            signal.raise_signal(signal.SIGINT)
        return super().__call__()


def test_an_interrupted_run_goes_on_where_it_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(time, "process_time", Interrupting())
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "run", 20, Preparing())
    prepare = Preparing()
    trained = train(tmp_path / "run", 20, prepare)
    assert len(prepare.asked) == 1  # nothing is planned again
    assert prepare.asked[0][1] > 0
    assert trained.facts["seconds"] == 20.0
    whole = train(tmp_path / "whole", 20, Preparing())
    both = min(len(trained.history), len(whole.history)) - 1
    assert [row["place"] for row in trained.history[:both]] == [row["place"] for row in whole.history[:both]]
