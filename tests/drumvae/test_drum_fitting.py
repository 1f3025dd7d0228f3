import shutil
import zipfile

import keras
import numpy as np
import pytest
from smalldrums import NAMES, spelled_grooves, tiny

from drumvae.fitting import MONITOR, measuring, train_in
from drumvae.metrics.diagnostics import encode
from drumvae.output import load_model
from drumvae.trainer import examples_of
from manymodes.cli import UserError
from manymodes.experiment.run import Run, read_config

# Keras warns that what runs eagerly still reads its batches in a graph: so it should.
pytestmark = [
    pytest.mark.usefixtures("eager"),
    pytest.mark.filterwarnings("ignore:Even though the `tf.config.experimental_run:UserWarning"),
]

SETTINGS = {
    "hierarchy": "top-down",
    "unsupervised": True,
    "anneal": "none",
    "beta": 1.0,
    "free_bits": 0.25,
    "temperature": [1.0, 1.0],
    "epochs": 1,
    "learning_rate": 1e-3,
    "dropout": 0.1,
    "high_dropout": 0.1,
    "style_weight": 1.0,
    "batch_size": 8,
    "updates_per_epoch": 2,
    "seed": 3,
    "monitor": MONITOR,
}


@pytest.fixture(scope="module")
def grooves():
    return spelled_grooves(8, 4)


@pytest.fixture
def trained(monkeypatch, small_networks, grooves, tmp_path):
    """Train; return the run, the model and whether training went through."""

    def train(**settings):
        small_networks(monkeypatch)
        run = Run.start(tmp_path / "run", {**SETTINGS, **settings})
        return run, *train_in(run, grooves)

    return train


# --- measures


@pytest.mark.parametrize("supervised", [True, False])
def test_validation_bars_are_measured(grooves, supervised):
    model = tiny(supervised=supervised)
    model.compile()
    found = measuring(model, grooves)()
    bars = grooves.validation
    assert found[MONITOR] == pytest.approx(-model.log_likelihood(bars.hits, samples=10, seed=3).mean(), rel=1e-5)
    divergences = encode(model, bars, seed=3).divergences
    for level, values in divergences._asdict().items():
        each = [found[f"kl_{level}_{number}"] for number in range(values.shape[1])]
        assert each == pytest.approx(values.mean(axis=0), rel=1e-5)
    # nothing is drawn between the bar and this
    assert sum(found[f"kl_high_{number}"] for number in range(4)) == pytest.approx(found["val_kl_high_nats"], rel=1e-4)
    assert ("val_style_accuracy" in found) == supervised


def test_measuring_changes_nothing_and_says_the_same_again(grooves):
    model = tiny()
    model.compile()
    before = model.get_weights()
    measure = measuring(model, grooves)
    assert measure() == measure()
    for ours, theirs in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_training_bars_are_not_measured(grooves):
    model = tiny()
    model.compile()
    others = spelled_grooves(9, 4)
    assert (others.validation.hits == grooves.validation.hits).all()
    assert measuring(model, others)() == measuring(model, grooves)()


# --- what training leaves


@pytest.mark.parametrize("unsupervised", [True, False])
def test_the_file_is_the_best_epoch_without_what_training_alone_needs(trained, unsupervised):
    run, best, complete = trained(unsupervised=unsupervised)
    assert complete
    model = load_model(run.path / "model.keras")
    assert (model.supervised, model.compiled) == (not unsupervised, False)
    for ours, theirs in zip(model.get_weights(), best.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    kept = keras.models.load_model(run.best_checkpoint())
    assert kept.optimizer.iterations == 2
    assert (model.low_prior.get_weights()[0] == kept.low_prior.get_weights()[0]).all()


def named(model, grooves):
    """Return where styles are in z_high, found from the training bars."""
    high = model.means(examples_of(grooves.train)[0][0]).high.numpy()
    return np.array([high[grooves.train.styles == style].mean(axis=0) for style in range(len(NAMES))])


def test_a_model_that_never_knew_styles_can_be_asked_for_them(trained, grooves):
    run, _, _ = trained()
    model = load_model(run.path / "model.keras")
    assert model.style_means.numpy() == pytest.approx(named(model, grooves), abs=1e-5)


def test_so_can_one_that_was_interrupted(trained, grooves, monkeypatch):
    record = Run.record

    def interrupted(self, model, row):
        record(self, model, row)
        import signal

        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Run, "record", interrupted)
    run, _, complete = trained(epochs=3)
    assert not complete
    assert len(run.history) == 1
    model = load_model(run.path / "model.keras")
    assert model.style_means.numpy() == pytest.approx(named(model, grooves), abs=1e-5)


def test_styles_that_were_known_stay_where_they_were_learned(trained):
    run, _, _ = trained(unsupervised=False)
    model, kept = load_model(run.path / "model.keras"), keras.models.load_model(run.best_checkpoint())
    np.testing.assert_array_equal(model.style_means, kept.style_means)
    np.testing.assert_array_equal(model.style_deviations, np.ones((len(NAMES), 4)))


# --- files that are none


def text(path):
    path.write_text("no model", encoding="utf-8")


def archive(path):
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("letter.txt", "dear")


def foreign(path):
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(path)


def half(path):
    whole = path.with_name("whole.keras")
    tiny().save(whole)
    path.write_bytes(whole.read_bytes()[:3000])


@pytest.mark.parametrize("write", [text, archive, foreign, half])
def test_what_is_no_model_of_ours_is_refused(tmp_path, write):
    path = tmp_path / "model.keras"
    write(path)
    said = "holds a Sequential, not a model of drums" if write == foreign else "is not a .keras file: give the model.k"
    with pytest.raises(UserError, match=f"--model {path} {said}"):
        load_model(path)


def test_a_run_can_be_carried_elsewhere(tiny_run, tmp_path):
    shutil.copy(tiny_run / "model.keras", tmp_path / "mine.keras")
    model = load_model(tmp_path / "mine.keras")
    assert model.styles == ["rock", "jazz", "hiphop", "electronic", "latin"]
    assert model.seed == read_config(tiny_run)["seed"]
