import itertools
import json
import os
import random
import signal
import zipfile

import keras
import numpy as np
import pytest
from standin import StandInConfig

from manymodes.experiment.fit import Training, fit_in_run
from manymodes.experiment.run import Run
from manymodes.nn.adversarial import AdversarialModel
from manymodes.nn.randomness import RandomBatches

L = keras.layers
CONFIG = StandInConfig()
EXAMPLES = np.random.default_rng(7).normal(size=(40, 2)).astype(np.float32)
BATCHES_AN_EPOCH = 3

pytestmark = pytest.mark.usefixtures("deterministic")


@keras.saving.register_keras_serializable(package="tests")
class Drifting(keras.Model):
    """The smallest model that learns: its place moves by the mean of each batch."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.place = self.add_weight(name="place", shape=(), initializer="zeros")
        self.built = True

    def build(self, input_shape=None):
        self.built = True

    def call(self, inputs):
        return inputs + self.place

    def train_step(self, data):
        batch, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        self.place.assign_add(keras.ops.mean(batch))
        return {"place": self.place + 0}


def drifting_model():
    model = Drifting(name="drifting")
    model.compile("sgd", run_eagerly=True)
    return model


def adversarial_model():
    makes = keras.Sequential([keras.Input((3,), name="latents"), L.Dense(2, name="outputs")], name="generator")
    judges = keras.Sequential(
        [keras.Input((2,), name="examples"), L.Dropout(0.3, name="dropout"), L.Dense(1, name="scores")],
        name="discriminator",
    )
    for network in (makes, judges):
        network.set_weights([np.ones_like(weights) for weights in network.get_weights()])
    model = AdversarialModel(makes, judges, seed=3, averaging=0.5, name="players")
    model.compile(run_eagerly=True)
    return model


def fit(run, model=None, *, epochs=4, distances=None, callbacks=(), batches=None):
    """Fit in the run; the distance is the model's own, or the next of ``distances``."""
    model = model or drifting_model()
    batches = batches or RandomBatches(EXAMPLES, 8, BATCHES_AN_EPOCH, seed=5, first_epoch=len(run.history))

    def measure(epoch):
        own = float(sum(abs(weights).sum() for weights in model.get_weights()))
        return {"distance": distances[epoch - 1] if distances else own}

    return fit_in_run(run, Training(model, batches), epochs, measure, callbacks=callbacks, verbose=0)


def resume(path, new_model=drifting_model):
    run = Run.continued(path, CONFIG)
    model = keras.models.load_model(run.last_checkpoint / "model.keras") if run.history else new_model()
    return run, model


class Interrupt(keras.callbacks.Callback):
    """Presses Ctrl-C in this batch of this epoch, both from 0, and counts the batches that were begun."""

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


class Weights(keras.callbacks.Callback):
    """Notes the weights at the end of each epoch."""

    def __init__(self):
        super().__init__()
        self.noted = []

    def on_epoch_end(self, epoch, logs=None):
        self.noted.append(self.model.get_weights())


def is_same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize(("distances", "best"), [([3.0, 1.0, 2.0], 1), ([1.0, 2.0, 3.0], 0), ([3.0, 2.0, 1.0], 2)])
def test_the_model_of_the_best_epoch_is_kept(tmp_path, distances, best):
    run = Run.create(tmp_path / "run", CONFIG)
    weights = Weights()
    model, complete = fit(run, epochs=3, distances=distances, callbacks=[weights])
    assert complete
    assert [row["distance"] for row in run.history] == distances
    written = keras.models.load_model(run.path / "model.keras")
    for kept in (model, written):
        assert [is_same(kept.get_weights(), noted) for noted in weights.noted] == [n == best for n in range(3)]


def test_the_model_is_written_without_its_optimizers(tmp_path):
    run = Run.create(tmp_path / "run", CONFIG)
    fit(run, adversarial_model(), epochs=1)
    assert not keras.models.load_model(run.path / "model.keras").compiled
    assert keras.models.load_model(run.last_checkpoint / "model.keras").compiled
    with zipfile.ZipFile(run.path / "model.keras") as archive:
        assert not json.loads(archive.read("config.json")).get("compile_config")
    assert (run.path / "model.keras").stat().st_size < (run.last_checkpoint / "model.keras").stat().st_size


@pytest.mark.parametrize("batch", [0, BATCHES_AN_EPOCH - 1])
def test_an_epoch_cut_short_is_not_recorded(tmp_path, batch):
    run = Run.create(tmp_path / "run", CONFIG)
    before = signal.getsignal(signal.SIGINT)
    interrupt, weights = Interrupt(2, batch), Weights()
    model, complete = fit(run, distances=[1.0, 2.0, 0.0, 0.0], callbacks=[interrupt, weights])
    assert not complete
    assert signal.getsignal(signal.SIGINT) == before
    whole_epochs = itertools.product(range(2), range(BATCHES_AN_EPOCH))
    assert interrupt.begun == [*whole_epochs, *((2, number) for number in range(batch + 1))]
    assert [row["distance"] for row in run.history] == [1.0, 2.0]
    assert is_same(model.get_weights(), weights.noted[0])
    assert is_same(keras.models.load_model(run.path / "model.keras").get_weights(), weights.noted[0])


@pytest.mark.parametrize(
    ("new_model", "stops"),
    [(drifting_model, [(0, 0), (2, 2)]), (adversarial_model, [(1, 1)])],
)
def test_a_run_that_was_stopped_and_resumed_ends_with_the_same_bytes(tmp_path, new_model, stops):
    epochs = max(epoch for epoch, _ in stops) + 1
    whole = Run.create(tmp_path / "whole", CONFIG)
    fit(whole, new_model(), epochs=epochs)
    stopped = Run.create(tmp_path / "stopped", CONFIG)
    for number, stop in enumerate(stops):
        random.seed(number)  # another process would be seeded otherwise
        run, model = resume(stopped.path, new_model)
        assert not fit(run, model, epochs=epochs, callbacks=[Interrupt(*stop)])[1]
    random.seed(99)
    run, model = resume(stopped.path, new_model)
    assert fit(run, model, epochs=epochs)[1]
    assert run.history == whole.history
    for name in ("model.keras", "history.csv", "config.json"):
        assert (run.path / name).read_bytes() == (whole.path / name).read_bytes()
    of_whole, of_stopped = (keras.models.load_model(r.last_checkpoint / "model.keras") for r in (whole, run))
    assert is_same(of_whole.get_weights(), of_stopped.get_weights())


def test_resuming_a_finished_run_changes_nothing(tmp_path, contents):
    run = Run.create(tmp_path / "run", CONFIG)
    fit(run, epochs=2)
    before = contents(run.path)
    again, model = resume(run.path)
    best, complete = fit(again, model, epochs=2)
    assert complete
    assert contents(run.path) == before
    assert is_same(best.get_weights(), keras.models.load_model(run.best_checkpoint()).get_weights())
