import numpy as np
import pytest
from smallfonts import block_classifiers, marked, small_letters, use_tiny_networks

from fontgan import plots
from fontgan.compare import COMPARISON, main
from fontgan.data import fonts
from fontgan.data.glyphs import LETTERS
from fontgan.metrics import alphabets, assessment, classifiers
from fontgan.metrics.assessment import unseen_letters
from fontgan.metrics.tables import missing, result_of, tables
from manymodes.experiment.records import Record
from manymodes.experiment.tables import Cell

# TensorFlow warns that data sets are compiled all the same.
pytestmark = pytest.mark.filterwarnings("ignore:Even though the:UserWarning")

ROWS, LOSSES = COMPARISON.rows, COMPARISON.losses
BY_NAME = {row.name: row for row in ROWS}
TRAINED = [row for row in ROWS if row.config is not None]
UNTRAINED = {"real", "replay", "one-letter", "noise"}


def load_small(source=None, *, seed=0, train=4, validation=3, jitter=None):
    """Load easy letters instead of fonts."""
    return small_letters(train, validation, seed)


# --- results


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


def history(*covered):
    """Return the rows of a history in which these letters were covered; none where they were not counted."""
    rows = []
    for second, letters in enumerate(covered, start=1):
        bits = {} if letters is None else {"covered": float(sum(2 ** LETTERS.index(letter) for letter in letters))}
        rows.append({"seconds": 10.0 * second, **bits})
    return rows


def test_the_result_of_a_row(monkeypatch):
    monkeypatch.setattr("fontgan.metrics.tables.introduced_classifiers", lambda _: block_classifiers())
    letters, images = small_letters(train=20, validation=10), marked(np.arange(100) % 25)
    measures, verdict, figures, _ = result_of(images, letters, 0, history=history("A", None, "ABZ", "AB"), seconds=30.0)
    assert (measures["missing"], measures["train_seconds"]) == ("Z", 30)
    assert "controls" not in measures
    assert verdict == {
        "letters": "25 of 26 letters (Z missing); 0 % of the images are not read with confidence",
        "training": "most letters, 3, were covered first after 30 seconds; letters that vanished again: Z 1×",
    }
    assert figures["counts"] == [
        {"epoch": 1, "seconds": 10.0, "covered": "A"},
        {"epoch": 3, "seconds": 30.0, "covered": "ABZ"},
        {"epoch": 4, "seconds": 40.0, "covered": "AB"},
    ]
    first = plots._read_png(figures["first"]).reshape(52, 28, 28, 1)
    np.testing.assert_array_equal(first, marked(np.arange(52) % 25))
    alphabet = plots._read_png(figures["alphabet"])[:, :25].reshape(50, 28, 28, 1)
    np.testing.assert_array_equal(alphabet, marked(np.arange(50) % 25))


# --- tables


def record(row="real", seed=0, **measures):
    """Return a record; the default measures are those of good letters."""
    distances = dict.fromkeys(("frechet", "kid", "precision", "recall", "density", "coverage", "two_sample"), 0.5)
    ceilings = {f"{name}_ceiling": 0.75 for name in distances}
    good = {"strict_coverage": 26, "naive_coverage": 26, "missing": "", "kl_uniform": 0.01, "kl_floor": 0.0012}
    measured = {**good, "rejected": 0.05, "nn_ratio": 1.0, **distances, **ceilings, **measures}
    losses = {name: float(number) for number, name in enumerate(LOSSES, start=1)}
    counts = {"updates": 100, "seconds": 240.0, "examples_per_second": 320.0, "epochs": 3, "judged_epoch": 2}
    made_with = {"row": row, "seed": seed}
    training = {} if row in UNTRAINED else {"losses": losses, **counts}
    return Record(made_with, training, measured, {}, {}, "a machine", {"python": "3"}, "2026-01-01")


def table_of(found):
    """Return the cells of each table by the row's title."""
    return [{row[0].text: row[1:] for row in table.rows} for table in tables(found, LOSSES)]


def test_the_tables_of_one_seed():
    found = {
        BY_NAME["real"]: [record(asked=0.9987)],
        BY_NAME["none"]: [record("none", strict_coverage=13, naive_coverage=20, missing="QXZ", rejected=0.474)],
    }
    letters, nearness, training = table_of(found)
    assert letters["real letters (ceiling)"] == [
        *(Cell(text) for text in ("26", "26", "none", "0.01", "0.0012", "5.0 %", "99.9 %", "1")),
    ]
    assert letters["vanilla"] == [
        Cell("13", bad=True),
        *(Cell(text) for text in ("20", "QXZ", "0.01", "0.0012", "47.4 %", "–", "1")),
    ]
    assert nearness["vanilla"] == [Cell("0.5"), Cell("0.75")] * 6 + [Cell("50 %"), Cell("75 %")]
    assert training == {
        "vanilla": [Cell(text) for text in ("1", "2", "3", "4", "5", "100", "320", "240", "3", "2")],
    }


@pytest.mark.parametrize(
    ("gone", "text"),
    [(["", ""], "none"), (["BA"], "AB"), ([LETTERS], "all"), (["AZ", "ZB", "Z"], "Z 3×, AB 1×")],
)
def test_missing_letters_are_named_those_first_that_are_missing_in_most_seeds(gone, text):
    assert missing([record(missing=letters) for letters in gone]) == Cell(text)


def test_every_row_has_a_cell_for_every_column():
    found = {row: [record(row.name)] for row in ROWS}
    for table in tables(found, LOSSES):
        assert {len(row) for row in table.rows} == {len(table.headers)}


# --- the command


def test_a_model_is_compared_with_real_letters(at_prompt, tmp_path, eager, monkeypatch):
    use_tiny_networks(monkeypatch)
    monkeypatch.setattr("fontgan.trainer._COUNTED", 100)
    monkeypatch.setattr(alphabets, "_DRAWN", 100)
    monkeypatch.setattr(fonts, "load_fonts", load_small)
    monkeypatch.setattr(assessment, "load_fonts", load_small)
    monkeypatch.setattr(classifiers, "classifiers_of", lambda _: block_classifiers())
    places = ("--out", tmp_path / "results", "--work", tmp_path / "work")
    options = ("--rows", "conditional,noise", "--epochs", 2, "--count", 60, "--jobs", 1)
    code, text, errors = at_prompt(main, *places, *options)
    assert (code, errors) == (0, ""), errors
    written = (tmp_path / "results" / "fonts.md").read_text(encoding="utf-8")
    for name in ("real", "conditional", "noise"):
        assert f"{name}, seed 0:" in text
        assert f"| {BY_NAME[name].title} |" in written
    assert "blocks, 1 typeface, 104 letters to learn from, fingerprint" in written
    assert {path.name for path in (tmp_path / "results" / "fonts").glob("*.png")} == {
        *("alphabets.png", "first.png", "letters.png", "coverage.png", "survival.png"),
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--count", "25"), "at least 26"),
        (("--fonts", "no/x"), "not exist"),
    ],
)
def test_refusals_of_the_comparison(at_prompt, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    code, _, errors = at_prompt(main, *arguments)
    assert (code, errors.count("\n")) == (2, 1)
    assert message in errors
