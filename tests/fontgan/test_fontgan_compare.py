import numpy as np
import pytest
from comparisons import compared, marked, record
from smallfonts import use_easy_letters, use_tiny_networks

from fontgan.compare import COMPARISON, main
from fontgan.data.glyphs import LETTERS
from fontgan.metrics import alphabets
from fontgan.metrics.assessment import unseen_letters
from fontgan.metrics.tables import missing, tables
from manymodes.experiment.tables import Cell

# TensorFlow warns that data sets are compiled all the same.
pytestmark = pytest.mark.filterwarnings("ignore:Even though the:UserWarning")

ROWS = COMPARISON.rows
BY_NAME = {row.name: row for row in ROWS}


def test_real_letters_are_unseen(load, add):
    add("DejaVuSans.ttf")
    letters = load(train=3, validation=2, seed=5)
    images, labels = unseen_letters(letters, 100)
    pixels = {image.tobytes() for image in images}
    assert len(pixels) == 100
    for split in (letters.train, letters.validation):
        assert not pixels & {image.tobytes() for image in split.images}
    # four of each letter but of four, of which there are three
    assert sorted(np.bincount(labels)) == [3] * 4 + [4] * 22
    # and each is nearer to its letter than to the one before
    nearness = [np.abs(images - letters.alphabets[0, labels - back]).mean() for back in (0, 1)]
    assert nearness[0] < nearness[1] / 2


def records_of(row, **measures):
    """Make up the records of a row; measures that are not given are those of good letters."""
    distances = dict.fromkeys(("frechet", "kid", "precision", "recall", "density", "coverage", "two_sample"), 0.5)
    ceilings = {f"{name}_ceiling": 0.75 for name in distances}
    good = {"strict_coverage": 26, "naive_coverage": 26, "missing": "", "kl_uniform": 0.01, "kl_floor": 0.0012}
    return [record(row, {**good, "rejected": 0.05, "nn_ratio": 1.0, **distances, **ceilings, **measures})]


@pytest.mark.parametrize(
    ("gone", "text"),
    [(["", ""], "none"), (["BA"], "AB"), ([LETTERS], "all"), (["AZ", "ZB", "Z"], "Z 3×, AB 1×")],
)
def test_missing_letters_are_named_those_first_that_are_missing_in_most_seeds(gone, text):
    assert missing([records_of(BY_NAME["real"], missing=letters)[0] for letters in gone]) == Cell(text)


def test_only_missing_letters_are_marked():
    assert marked(tables({row: records_of(row) for row in ROWS})) == []
    none = BY_NAME["none"]
    ((_, row, text),) = marked(tables({none: records_of(none, strict_coverage=13, missing="QXZ")}))
    assert (row, text) == ("vanilla", "13")


@pytest.mark.slow
def test_a_model_is_compared_with_real_letters(completed, tmp_path, eager, monkeypatch):
    use_tiny_networks(monkeypatch)
    use_easy_letters(monkeypatch)
    monkeypatch.setattr("fontgan.trainer._COUNTED", 100)
    monkeypatch.setattr(alphabets, "_DRAWN", 100)
    options = ("--rows", "conditional,noise", "--epochs", 2, "--count", 60)
    text, written, pictures = compared(completed, main, tmp_path, "fonts", *options)
    for name in ("real", "conditional", "noise"):
        assert f"{name}, seed 0:" in text
        assert f"| {BY_NAME[name].title} |" in written
    assert "blocks, 1 typeface, 104 letters to learn from, fingerprint" in written
    assert pictures == {"alphabets.png", "first.png", "letters.png", "coverage.png", "survival.png"}
