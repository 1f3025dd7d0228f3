import pytest

from manymodes.experiment.records import Record, Row
from manymodes.experiment.tables import (
    Cell,
    differences,
    over_seeds,
    points,
    precise_share,
    signed,
    single_changes,
    training_table,
)


def brief(value):
    return f"{value:.3g}"


def record(seed=0, training=None, settings=None, **measures):
    return Record({"seed": seed, "settings": settings}, training or {}, measures, {}, {})


@pytest.mark.parametrize(
    ("values", "cell"),
    [
        ([2.0], Cell("2")),
        ([1.0, 4.0, 1.0], Cell("2", "1 to 4")),
        ([0.5, None], Cell("0.5")),
        ([3.0, 3.0001], Cell("3")),
        ([None, None], Cell("–")),
    ],
)
def test_a_cell_has_the_mean_and_the_range_over_seeds(values, cell):
    assert over_seeds(values, brief) == cell


@pytest.mark.parametrize(
    ("write", "value", "text"),
    [
        (precise_share, 0.9744, "97.4 %"),
        (points, 0.042, "+4.2"),
        (points, -0.042, "-4.2"),
        (signed(brief), 1.234, "+1.23"),
        (signed(brief), -1.234, "-1.23"),
        (signed(brief), 0.0, "0"),
        (signed(brief), -0.0, "0"),
    ],
)
def test_numbers_are_written(write, value, text):
    assert write(value) == text


def test_the_table_of_the_trained_rows():
    counts = {"updates": 1, "examples_per_second": 2, "seconds": 3, "epochs": 4, "judged_epoch": 5}
    found = {Row("a", "A"): [record(training={"losses": {"loss": 0.5}, **counts})], Row("b", "B"): [record()]}
    table = training_table(found, {"loss": "Loss", "another": "Another"}, brief, "Note.", {"more": "More"})
    assert table.headers[:3] == ("Row", "Loss", "Another")
    assert [[cell.text for cell in row] for row in table.rows] == [["A", "0.5", "–", "1", "2", "3", "4", "5", "–"]]


def test_changes_are_single_and_between_neighbours():
    def row(name, **settings):
        return Row(name, name), [record(training={"x": 1}, settings=settings)]

    rows = [
        row("a", kind="x", size=None),
        row("b", kind="y", size=None),
        row("c", kind="z", size=3),  # b has no size
        (Row("control", "control"), [record()]),
        row("d", kind="z", size=4),
        row("e", kind="x", size=5),
        row("f", kind="x", size=5),
    ]
    pairs = [(before.name, after.name) for before, after in single_changes(dict(rows), ("kind", "size"))]
    assert pairs == [("a", "b"), ("b", "c"), ("c", "d")]


def test_differences_are_of_the_same_seed():
    some = [record(0, score=1.0), record(1, score=2.0), record(2)]
    others = [record(1, score=5.0), record(2, score=7.0), record(3, score=9.0)]
    assert differences(some, others, "score") == [3.0, None]
