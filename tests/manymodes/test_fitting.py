import itertools
import os
import random
import signal

import keras
import numpy as np
import pytest
from stubcompare import StubConfig
from stubmodel import BATCHES_AN_EPOCH, EXAMPLES, Preparing

from manymodes.experiment.fit import fit_in_run
from manymodes.experiment.run import Run

CONFIG = StubConfig(seed=5)

pytestmark = pytest.mark.usefixtures("deterministic")


@pytest.fixture
def run(tmp_path):
    return Run.create(tmp_path / "run", CONFIG)


def fit(run, distances=(3.0, 1.0, 2.0), callbacks=()):
    """Fit as many epochs as there are distances, from the last checkpoint of the run."""
    return fit_in_run(run, Preparing(distances), EXAMPLES, len(distances), callbacks=callbacks, verbose=0)


class Interrupt(keras.callbacks.Callback):
    """Presses Ctrl-C in this batch of this epoch, both from 0, and records the batches that were begun."""

    def __init__(self, epoch, batch):
        super().__init__()
        self.when = (epoch, batch)
        self.begun = []

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_begin(self, batch, logs=None):
        self.begun.append((self.epoch, batch))
        if (self.epoch, batch) == self.when:
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize(("distances", "best"), [([3.0, 1.0, 2.0], 1), ([1.0, 2.0, 3.0], 0), ([3.0, 2.0, 1.0], 2)])
def test_the_model_of_the_best_epoch_is_kept(run, distances, best):
    model, complete = fit(run, distances)
    assert complete
    assert [row["distance"] for row in run.history] == distances
    written = keras.models.load_model(run.path / "model.keras")
    assert float(model.place) == float(written.place) == pytest.approx(run.history[best]["place"])


def test_the_model_is_written_without_its_optimizers(run):
    fit(run)
    assert keras.models.load_model(run.last_checkpoint / "model.keras").compiled
    assert not keras.models.load_model(run.path / "model.keras").compiled
    assert (run.path / "model.keras").stat().st_size < (run.last_checkpoint / "model.keras").stat().st_size


@pytest.mark.parametrize("batch", [0, BATCHES_AN_EPOCH - 1])
def test_an_interrupted_epoch_is_not_recorded(run, batch):
    before = signal.getsignal(signal.SIGINT)
    interrupt = Interrupt(2, batch)
    model, complete = fit(run, [1.0, 2.0, 0.0], [interrupt])
    assert not complete
    assert signal.getsignal(signal.SIGINT) == before
    whole_epochs = itertools.product(range(2), range(BATCHES_AN_EPOCH))
    assert interrupt.begun == [*whole_epochs, *((2, number) for number in range(batch + 1))]
    assert [row["distance"] for row in run.history] == [1.0, 2.0]
    written = keras.models.load_model(run.path / "model.keras")
    assert float(model.place) == float(written.place) == pytest.approx(run.history[0]["place"])


def test_a_run_that_was_stopped_and_resumed_ends_with_the_same_bytes(tmp_path):
    whole = Run.create(tmp_path / "whole", CONFIG)
    fit(whole)
    Run.create(tmp_path / "stopped", CONFIG)
    for number, stop in enumerate([(0, 0), (2, 2)]):
        random.seed(number)  # another process would be seeded otherwise
        run = Run.continued(tmp_path / "stopped", CONFIG)
        assert not fit(run, callbacks=[Interrupt(*stop)])[1]
    run = Run.continued(tmp_path / "stopped", CONFIG)
    assert fit(run)[1]
    assert run.history == whole.history
    for name in ("model.keras", "history.csv", "config.json"):
        assert (run.path / name).read_bytes() == (whole.path / name).read_bytes()


def test_resuming_a_finished_run_changes_nothing(run, contents):
    fit(run)
    before = contents(run.path)
    best, complete = fit(Run.continued(run.path, CONFIG))
    assert complete
    assert contents(run.path) == before
    assert float(best.place) == np.float32(run.history[run.best_epoch]["place"])
