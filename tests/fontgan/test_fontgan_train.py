import csv
import functools
import json
import math
import re
import shutil
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from breaking import Killed, breaking_off, eagerly, kill, press_ctrl_c, trained_once
from PIL import Image
from smallfonts import BlockClassifier, block_classifiers, marked, small_letters, use_tiny_networks

from fontgan import plots, train, trainer
from fontgan.config import FontConfig
from fontgan.data import fonts
from fontgan.data.glyphs import LETTERS
from fontgan.metrics import alphabets, classifiers
from fontgan.metrics.classifiers import read
from manymodes.cli import INTERRUPTED_EXIT, UserError
from manymodes.experiment.run import open_run

# Keras warns that what runs eagerly still reads its batches in a graph: so it should.
pytestmark = pytest.mark.filterwarnings("ignore:Even though the `tf.config.experimental_run:UserWarning")

SMALL = ("--epochs", 3, "--batch-size", 4, "--updates-per-epoch", 1, "--count", 60, "--seed", 11)
TWO_UPDATES = ("--updates-per-epoch", 2)
RUNS = {
    "feature-matching": ("--fix", "feature-matching", *TWO_UPDATES),
    "best": ("--conditional", *TWO_UPDATES),
}
"""Options of the runs that several tests share."""

COUNTED = 1000  # images that are read when letters are counted
LOSSES = {
    *("generator_loss", "discriminator_loss", "score_gap"),
    *("generator_gradient", "discriminator_gradient", "loss_ratio"),
}
COUNTS = {"strict_coverage", "naive_coverage", "rejected", "kl_uniform", "covered", "shortfall"}
DISTANCES = {"frechet", "kid", "precision", "recall", "density", "coverage", "two_sample"}
CURVES = {"losses.png", "loss-balance.png", "coverage.png", "gradients.png", "survival.png"}
SAMPLES = {"alphabet.png", "interpolation.png", "nearest.png"}


@pytest.fixture(scope="module", autouse=True)
def _small_and_quick():
    """Train tiny networks, update by update: compiling one takes longer than making a hundred."""

    def load(source, *, seed):
        few = functools.partial(load_all, seed=seed, train=2, validation=2, progress=False)
        return small_letters(seed=seed) if source is None else few(source)

    load_all = fonts.load_fonts
    with pytest.MonkeyPatch.context() as patch, eagerly():
        use_tiny_networks(patch)
        patch.setattr(fonts, "load_fonts", load)
        patch.setattr(classifiers, "classifiers_of", lambda _: block_classifiers())
        patch.setattr(trainer, "EVERY", 2)
        patch.setattr(alphabets, "_DRAWN", 200)
        yield


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Train `RUNS`, once for all tests that leave them as they are; return their folders and what they printed."""
    commands = {name: (*SMALL, *options) for name, options in RUNS.items()}
    return trained_once(train.main, commands, tmp_path_factory)


@pytest.fixture
def without_curves(monkeypatch):
    """Leave the curves out, which take as long as the training."""
    monkeypatch.setattr(plots, "save_training", lambda *_: None)


@pytest.fixture
def prompt(at_prompt):
    """Run the verb; return its exit code, what it printed and its errors."""
    return lambda *arguments: at_prompt(train.main, *arguments)


@pytest.fixture
def fit(prompt, tmp_path):
    """Train to the end, into a folder of the test's own; return the folder and what was printed."""

    def run(*arguments, out="run"):
        place = () if "--resume" in arguments else ("--out", tmp_path / out)
        code, text, errors = prompt(*SMALL[: 0 if "--resume" in arguments else None], *arguments, *place)
        assert (code, errors) == (0, "")
        return tmp_path / out, text

    return run


def rows_of(run):
    return list(csv.DictReader((run / "history.csv").read_text(encoding="utf-8").splitlines()))


def read_json(path):
    return json.loads(path.read_text(encoding="utf-8"))


def epochs_kept(run):
    return sorted(int(path.name.removeprefix("epoch-")) for path in (run / "checkpoints").glob("epoch-*"))


def results(run, contents):
    """Return what the same command must write again: all but what the clock decides, and curves."""
    found = contents(run)
    drawn = {name for name in found if name.startswith("plots/")} - {f"plots/{name}" for name in CURVES}
    wanted = {"model.keras", "history.csv"} | drawn
    judged = read_json(run / "metrics.json")
    del judged["train_seconds"]
    return {**{name: found[name] for name in wanted}, "metrics.json": judged}


# --- what a run leaves


@pytest.mark.parametrize("name", RUNS)
def test_what_a_run_leaves(finished, name):
    run, text = finished[name]
    conditional = "--conditional" in RUNS[name]
    assert not list(run.parent.rglob(".partial*"))

    config = read_json(run / "config.json")
    expected = {"fix": name, "conditional": conditional, "fonts": None, "epochs": 3, "batch_size": 4, "seed": 11}
    assert {key: config[key] for key in expected} == expected
    assert (config["program"], config["updates_per_epoch"]) == ("fontgan.train", 2)
    assert config["fingerprint"] == small_letters(seed=11).fingerprint
    assert {"tensorflow", "keras", "numpy"} <= config["versions"].keys()

    rows = rows_of(run)
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert rows[0].keys() == {"epoch"} | LOSSES | COUNTS | DISTANCES | ({"penalty"} if name == "best" else set())
    assert rows[0].keys() <= set(re.findall(r"``(\w+)``", train.__doc__))
    for row in rows:
        assert math.isclose(
            float(row["loss_ratio"]), float(row["discriminator_loss"]) / abs(float(row["generator_loss"])), rel_tol=1e-6
        )

    model = keras.models.load_model(run / "model.keras")
    assert model.condition_dim == (len(LETTERS) if conditional else 0)
    judged = read_json(run / "metrics.json")
    assert judged["n"] == 60
    assert ("asked" in judged) == conditional
    assert judged["controls"].keys() == {"validation", "replay", "one_letter", "noise"}
    assert f"metrics.json: {judged['strict_coverage']} of 26 letters, KL {judged['kl_uniform']:.3f}" in text
    assert text.startswith("letters of blocks, seed 11")
    assert "classifiers: selecting 100.0%, reporting 100.0% of real letters" in text

    assert not (run / "tensorboard").exists()
    pictures = {path.name: path for path in (run / "plots").iterdir()}
    of_labelled = {"styles.png"} if conditional else set()
    assert pictures.keys() == CURVES | SAMPLES | of_labelled | {"alphabet-0001.png", "alphabet-0003.png"}
    for path in pictures.values():
        with Image.open(path) as picture:
            picture.load()
            assert picture.format == "PNG"


# --- letters, and the epoch that is chosen by them


def test_the_classifier_that_reports_has_not_chosen(without_curves, fit, monkeypatch, tmp_path):
    class Late(BlockClassifier):
        """Does not answer before training is over."""

        def predict(self, images, **options):
            assert (tmp_path / "run" / "model.keras").exists()
            return super().predict(images, **options)

    monkeypatch.setattr(classifiers, "classifiers_of", lambda _: block_classifiers(reporting=Late()))
    fit("--fix", "none", "--epochs", 1)


def drawing(images_of):
    """Stand in for a model that draws what is known."""
    return SimpleNamespace(labelled=False, generate=lambda count, **_: images_of(count))


REAL = read(BlockClassifier(), small_letters().validation.images)


@pytest.mark.parametrize("letters", [1, 13, 26])
def test_counting_by_hand(letters):
    model = drawing(lambda count: marked(np.arange(count) % letters))
    found = trainer.count_letters(model, BlockClassifier(), REAL, 0)
    shares = np.bincount(np.arange(COUNTED) % letters) / COUNTED
    kl = float((shares * np.log(26 * shares)).sum())
    assert {name: found[name] for name in COUNTS} == pytest.approx(
        {
            "strict_coverage": letters,
            "naive_coverage": letters,
            "rejected": 0,
            "kl_uniform": kl,
            "covered": 2**letters - 1,
            "shortfall": 1 - letters / 26 + kl,
        },
        abs=1e-9,
    )


def test_a_model_that_has_diverged_is_worse_than_any_other_and_lies_nowhere():
    found = trainer.count_letters(drawing(nothing), BlockClassifier(), REAL, 0)
    assert found.keys() == COUNTS
    assert found["shortfall"] == pytest.approx(1 + 1 + math.log(26))


def test_a_model_that_has_diverged_is_not_evaluated():
    with pytest.raises(UserError, match=r"diverged.*--seed"):
        trainer.evaluate(drawing(nothing), small_letters(), block_classifiers(), count=60, seed=0, train_seconds=1.0)


def nothing(count):
    return np.full((count, 28, 28, 1), np.nan, np.float32)


# --- the same again


def test_same_seed_same_bytes(finished, without_curves, fit, contents, tmp_path):
    whole, _ = finished["best"]
    shutil.copytree(whole, tmp_path / "run")
    keras.utils.set_random_seed(99)  # another process would be seeded otherwise
    _, text = fit(*RUNS["best"])
    assert f"this run goes to {tmp_path / 'run-2'}" in text
    assert contents(tmp_path / "run") == contents(whole)
    assert results(tmp_path / "run-2", contents) == results(whole, contents)


def test_a_run_killed_and_interrupted_ends_as_one_that_was_not(
    finished, without_curves, fit, prompt, contents, tmp_path
):
    name = "best"
    whole, _ = finished[name]
    run = tmp_path / "run"

    # killed before the first checkpoint
    with breaking_off(0, kill), pytest.raises(Killed):
        fit(*RUNS[name])
    assert epochs_kept(run) == []

    # interrupted in the second epoch, which is then done again
    with breaking_off(2, press_ctrl_c):
        code, text, errors = prompt("--resume", run)
    assert (code, errors) == (INTERRUPTED_EXIT, "")
    assert f"stopped; continue with: python -m fontgan.train --resume {run}" in text
    assert epochs_kept(run) == [1]
    assert len(rows_of(run)) == 1
    assert keras.models.load_model(run / "model.keras").generate(1, seed=0).shape == (1, 28, 28, 1)
    assert not (run / "metrics.json").exists()

    _, text = fit("--resume", run, "--count", 60)
    assert f"continuing {run} after epoch 1 of 3" in text
    assert results(run, contents) == results(whole, contents)


# --- what a person can get wrong


@pytest.fixture
def refusal(prompt, tmp_path, contents, monkeypatch):
    """Run the verb in vain in a folder of one's own; return the one line that it says."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        before = contents(tmp_path)
        code, _, errors = prompt(*arguments)
        assert code == 2
        assert errors.count("\n") == 1
        assert contents(tmp_path) == before
        return errors

    return run


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--fix", "hope"), "--fix"),
        (("--fonts", "no/such/folder"), "no/such/folder does not exist"),
        (("--fonts", "notes.txt"), "no usable font"),
        (("--batch-size", "1.5"), "--batch-size"),
        (("--count", "25"), "at least 26"),
        (("--resume", "no-such-run"), "is not a run folder"),
        (("--resume", "begun", "--fix", "none"), "--fix differs from the run in begun"),
        (("--resume", "begun", "--seed", "5"), "--seed differs from the run in begun"),
        (("--resume", "begun"), "has changed since begun began: start a new run"),
    ],
)
def test_refusals_are_one_line(refusal, tmp_path, monkeypatch, arguments, said):
    monkeypatch.delattr(classifiers, "classifiers_of")  # no classifier is trained before
    (tmp_path / "notes.txt").write_text("No font at all.", encoding="utf-8")
    open_run(
        tmp_path / "begun",
        FontConfig(fix="minibatch", updates_per_epoch=2).check(),
        "other",
        resume=False,
        data="fonts",
    )
    assert said in refusal(*arguments)


# --- the configuration


@pytest.mark.parametrize(
    ("config", "name", "epochs"),
    [
        (FontConfig(), "fontgan-best", 40),
        (FontConfig(fix="minibatch", conditional=True), "fontgan-minibatch-conditional", 100),
        (FontConfig(fix="none", epochs=3), "fontgan-none", 3),
    ],
)
def test_names_and_defaults(config, name, epochs):
    assert (config.name, config.check().epochs) == (name, epochs)
    assert config.with_letters(small_letters(train=5)).updates_per_epoch == 3  # 130 images in batches of 64
