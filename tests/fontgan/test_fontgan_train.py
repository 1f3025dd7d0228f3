import re
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from breaking import eagerly, read_json, rows_of
from PIL import Image
from smallfonts import BlockClassifier, block_classifiers, marked, small_letters, use_tiny_networks

from fontgan import train, trainer
from fontgan.config import FontConfig
from fontgan.data import fonts
from fontgan.data.glyphs import LETTERS
from fontgan.metrics import alphabets, classifiers
from fontgan.metrics.classifiers import read
from manymodes.cli import UserError

# Keras warns that batches are still read in a graph, as they should be.
pytestmark = pytest.mark.filterwarnings("ignore:Even though the `tf.config.experimental_run:UserWarning")

SMALL = ("--epochs", 3, "--batch-size", 4, "--updates-per-epoch", 2, "--count", 60, "--seed", 11)
COUNTED = 1000  # images whose letters are counted
COUNTS = {"strict_coverage", "naive_coverage", "rejected", "kl_uniform", "covered", "shortfall"}
CURVES = {"losses.png", "loss-balance.png", "coverage.png", "gradients.png", "survival.png"}
SHEETS = {"alphabet.png", "interpolation.png", "nearest.png", "styles.png", "alphabet-0001.png", "alphabet-0003.png"}


@pytest.fixture(scope="module", autouse=True)
def _small_and_quick():
    """Train tiny networks, update by update: compiling one takes longer than making a hundred."""
    with pytest.MonkeyPatch.context() as patch, eagerly():
        use_tiny_networks(patch)
        patch.setattr(fonts, "load_fonts", lambda _, *, seed: small_letters(seed=seed))
        patch.setattr(trainer, "EVERY", 2)
        patch.setattr(alphabets, "_DRAWN", 200)
        yield


def test_what_a_run_leaves(completed, monkeypatch, tmp_path):
    run = tmp_path / "run"

    class Late(BlockClassifier):
        """Does not answer before training is over: the classifier that reports has not chosen the epoch."""

        def predict(self, images, **options):
            assert (run / "model.keras").exists()
            return super().predict(images, **options)

    monkeypatch.setattr(classifiers, "classifiers_of", lambda _: block_classifiers(reporting=Late()))
    text = completed(train.main, *SMALL, "--conditional", "--out", run)
    assert not list(run.parent.rglob(".partial*"))

    config = read_json(run / "config.json")
    expected = {"fix": "best", "conditional": True, "fonts": None, "epochs": 3, "batch_size": 4, "seed": 11}
    assert {key: config[key] for key in expected} == expected
    assert (config["program"], config["updates_per_epoch"]) == ("fontgan.train", 2)
    assert config["fingerprint"] == small_letters(seed=11).fingerprint
    assert {"tensorflow", "keras", "numpy"} <= config["versions"].keys()

    rows = rows_of(run)
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert rows[0].keys() == set(re.findall(r"``(\w+)``", train.__doc__))
    for row in rows:
        ratio = float(row["discriminator_loss"]) / abs(float(row["generator_loss"]))
        assert float(row["loss_ratio"]) == pytest.approx(ratio, rel=1e-6)

    assert keras.models.load_model(run / "model.keras").condition_dim == len(LETTERS)
    metrics = read_json(run / "metrics.json")
    assert metrics["n"] == 60
    assert "asked" in metrics
    assert f"metrics.json: {metrics['strict_coverage']} of 26 letters, KL {metrics['kl_uniform']:.3f}" in text
    assert text.startswith("letters of blocks, seed 11")
    assert "classifiers: selecting 100.0%, reporting 100.0% of real letters" in text

    pictures = {path.name: path for path in (run / "plots").iterdir()}
    assert pictures.keys() == CURVES | SHEETS
    for path in pictures.values():
        with Image.open(path) as picture:
            picture.load()


def drawing(images_of):
    """Stand in for a model that draws what is known."""
    return SimpleNamespace(labelled=False, generate=lambda count, **_: images_of(count))


REAL = read(BlockClassifier(), small_letters().validation.images)


@pytest.mark.parametrize("letters", [1, 13, 26])
def test_counting_by_hand(letters):
    model = drawing(lambda count: marked(np.arange(count) % letters))
    result = trainer.count_letters(model, BlockClassifier(), REAL, 0)
    shares = np.bincount(np.arange(COUNTED) % letters) / COUNTED
    kl = float((shares * np.log(26 * shares)).sum())
    expected = {"strict_coverage": letters, "naive_coverage": letters, "rejected": 0, "kl_uniform": kl}
    shortfall = 1 - letters / 26 + kl + 2 - result["precision"] - result["recall"]
    expected |= {"covered": 2**letters - 1, "shortfall": shortfall}
    assert {name: result[name] for name in COUNTS} == pytest.approx(expected, abs=1e-9)


def test_a_model_that_has_diverged_is_worse_than_any_other_and_has_no_distances():
    model = drawing(lambda count: np.full((count, 28, 28, 1), np.nan, np.float32))
    result = trainer.count_letters(model, BlockClassifier(), REAL, 0)
    assert result.keys() == COUNTS
    assert result["shortfall"] == pytest.approx(1 + 1 + np.log(26) + 2)
    with pytest.raises(UserError, match=r"diverged.*--seed"):
        trainer.evaluate(model, small_letters(), block_classifiers(), count=60, seed=0, train_seconds=1.0)


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
