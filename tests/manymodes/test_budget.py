import signal

import keras
import numpy as np
import pytest
from breaking import Clock

from manymodes.experiment import budget
from manymodes.experiment.budget import TimeBudget, Training, plan_epochs, train_for
from manymodes.experiment.run import Run
from manymodes.nn.randomness import RandomBatches

# Data sets of TensorFlow are compiled all the same, and it says so.
pytestmark = [pytest.mark.usefixtures("eager"), pytest.mark.filterwarnings("ignore:Even though the:UserWarning")]

BATCHES_AN_EPOCH = 3
EXAMPLES = np.random.default_rng(7).normal(size=(40, 2)).astype(np.float32)


@keras.saving.register_keras_serializable(package="tests")
class Counting(keras.Model):
    """The smallest model that is different after each update: its place moves by the mean of the batch."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.place = self.add_weight(name="place", shape=(), initializer="zeros")
        self.built = True

    def build(self, input_shape=None):
        self.built = True

    def train_step(self, data):
        batch, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        self.place.assign_add(keras.ops.mean(batch))
        return {"place": self.place + 0}


def settings(**changed):
    return {"seed": 5, "monitor": "distance", "made_with": {"row": "counting"}, **changed}


class Preparing:
    """Prepare as a package does; note what was asked for, and at which epochs was measured."""

    def __init__(self, distances=None):
        self.asked = []
        self.measured = []
        self.distances = distances

    def __call__(self, kept, done, checkpoint):
        self.asked.append((kept.get("epochs"), done, checkpoint))
        model = keras.models.load_model(checkpoint / "model.keras") if checkpoint else Counting(name="counting")
        model.compile("sgd", run_eagerly=True)
        batches = RandomBatches(EXAMPLES, 8, BATCHES_AN_EPOCH, seed=kept["seed"], first_epoch=done)

        def measure(epoch, last):
            self.measured.append((epoch, last))
            return {"distance": self.distances[epoch - 1] if self.distances else float(epoch)}

        return Training(model, batches, measure)


def train(path, seconds, prepare, clock=None, **changed):
    return train_for(
        seconds, path, settings(**changed), prepare, examples=8, losses=("place", "other"), clock=clock or Clock()
    )


# --- the callback


def stand_in(clock, seconds, after=None, **options):
    """Train a model of one number for so long; return the budget and the model."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", run_eagerly=True)
    found = TimeBudget(seconds, clock=clock, after=after, **options)
    model.fit(np.zeros((6, 1)), np.zeros((6, 1)), batch_size=2, epochs=100, callbacks=[found], verbose=0)
    return found, model


def test_updates_take_as_long_as_they_may():
    # a second an update; the first one, which builds the graph, is not timed
    found, model = stand_in(Clock(), 5)
    assert (found.spent, found.updates, found.timed, found.over) == (5.0, 6, 5, True)
    assert int(model.optimizer.iterations) == 6


def test_what_happens_between_updates_is_not_counted():
    class Slow(Clock):
        """A clock that goes on by an hour after each update."""

        def __call__(self):
            self.calls = getattr(self, "calls", 0) + 1
            self.now += 1.0 if self.calls % 2 == 0 else 3600.0
            return self.now

    assert stand_in(Slow(), 5)[0].updates == 6


def test_a_continued_run_has_what_is_left_of_its_time():
    first, _ = stand_in(Clock(), 3)
    second, _ = stand_in(Clock(), 5, after=first.measures())
    assert (second.spent, second.updates, second.timed) == (5.0, 7, 5)


def test_progress_is_told_of_every_timed_second():
    told = []
    stand_in(Clock(), 4, progress=told.append)
    assert told == [1.0] * 4


# --- the plan


@pytest.mark.parametrize(("seconds", "epochs"), [(60, 20), (90, 30), (1, 1)])
def test_as_many_epochs_are_planned_as_fit(seconds, epochs):
    # three updates an epoch, a second each
    assert plan_epochs(seconds, settings(), Preparing(), Clock()) == epochs


def test_the_trial_leaves_nothing_behind(tmp_path, monkeypatch):
    prepare = Preparing()
    tried = train(tmp_path / "tried", 9, prepare)
    assert prepare.asked == [(None, 0, None), (3, 0, None)]
    monkeypatch.setattr(budget, "plan_epochs", lambda *_: 3)
    keras.utils.set_random_seed(99)  # another process would be seeded otherwise
    assert train(tmp_path / "untried", 9, Preparing()).history == tried.history


# --- the training


def test_a_model_is_trained_for_its_time_and_its_last_state_counts(tmp_path):
    prepare = Preparing()
    trained = train(tmp_path / "run", 6, prepare)
    # one update more than seconds, as the first is not timed: of the third epoch there is one of three
    assert prepare.measured == [(1, False), (2, False), (3, True)]
    assert trained.facts == {
        "losses": {"place": trained.history[-1]["place"]},
        "updates": 7,
        "seconds": 6.0,
        "examples_per_second": 8.0,
        "epochs": 3,
        "planned_epochs": 2,
        "judged_epoch": 1,
    }
    assert [row["seconds"] for row in trained.history] == [2.0, 5.0, 6.0]


@pytest.mark.parametrize(("distances", "best"), [([3.0, 1.0, 2.0], 2), ([3.0, 2.0, 1.0], 3)])
def test_the_model_is_that_of_the_best_epoch(tmp_path, distances, best):
    trained = train(tmp_path / "run", 6, Preparing(distances))
    assert trained.facts["judged_epoch"] == best
    assert float(trained.model.place) == pytest.approx(trained.history[best - 1]["place"])


def test_time_that_ends_within_the_first_epoch_makes_one(tmp_path):
    prepare = Preparing()
    assert train(tmp_path / "run", 1, prepare).facts["epochs"] == 1
    assert prepare.measured == [(1, True)]


def test_a_run_that_has_had_its_time_is_not_trained_on(tmp_path):
    prepare = Preparing()
    trained = train(tmp_path / "run", 6, prepare)
    again = train(tmp_path / "run", 6, prepare)
    assert (again.facts, again.history) == (trained.facts, trained.history)
    assert float(again.model.place) == float(trained.model.place)
    assert len(prepare.measured) == 3


class Interrupting(Clock):
    """A clock at which somebody presses Ctrl-C, at this look at it."""

    def __init__(self, at):
        super().__init__()
        self.at = at

    def __call__(self):
        if self.now == self.at:
            signal.raise_signal(signal.SIGINT)
        return super().__call__()


def test_an_interrupted_run_goes_on_where_it_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(budget, "plan_epochs", lambda *_: 4)
    whole = train(tmp_path / "whole", 11, Preparing())

    # two looks an update: in the third of the second epoch
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "run", 10, Preparing(), Interrupting(at=10))
    before = Run.resume(tmp_path / "run").history
    assert len(before) == 1

    monkeypatch.setattr(budget, "plan_epochs", lambda *_: pytest.fail("planned again"))
    trained = train(tmp_path / "run", 10, Preparing())
    assert trained.history[0] == before[0]
    # two seconds were spent on three updates, eight are left for nine, the first of which is not timed
    assert (trained.facts["seconds"], trained.facts["updates"]) == (10.0, 12)
    assert trained.facts["updates"] == whole.facts["updates"]
    assert [row["place"] for row in trained.history] == [row["place"] for row in whole.history]
    assert not (tmp_path / "run.1").exists()


def test_a_run_made_with_something_else_is_set_aside(tmp_path):
    train(tmp_path / "run", 3, Preparing())
    trained = train(tmp_path / "run", 6, Preparing(), made_with={"row": "another"})
    assert trained.facts["updates"] == 7
    assert Run.resume(tmp_path / "run.1").config["made_with"] == {"row": "counting"}
