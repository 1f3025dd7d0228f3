from dataclasses import dataclass

import pytest

from manymodes.experiment import compare as comparison
from manymodes.experiment.compare import Record, Row
from manymodes.experiment.rows import DivergedError, LeftOutError, records_of

ROWS = (Row("one", "One"), Row("two", "Two"))


@dataclass(frozen=True)
class Terms(comparison.Terms):
    program = "somebody.compare"
    not_compared = frozenset()

    def training_settings(self, row, seed):
        return {}


@pytest.fixture
def make(tmp_path):
    """Return a function: make rows, some with errors; return the names of those made and of those given."""

    def made_and_given(fingerprint="f", force=False, **errors):
        terms = Terms(None, fingerprint, 1.0, 1, tmp_path)
        made = []

        def make_row(row):
            made.append(row.name)
            if row.name in errors:
                raise errors[row.name]
            return Record(terms.made_with(row, 3), {}, {"score": 1.0}, {}, {})

        given = [row.name for row, record in records_of(ROWS, 3, terms, make_row, force=force) if record.measures]
        return made, given

    return made_and_given


def test_rows_are_made_once_and_again_when_their_data_change(make):
    assert make() == (["one", "two"], ["one", "two"])
    assert make() == ([], ["one", "two"])
    assert make(fingerprint="other") == (["one", "two"], ["one", "two"])


@pytest.mark.parametrize(
    ("error", "why"), [(DivergedError(), "its training diverged"), (LeftOutError("it is silent"), "it is silent")]
)
def test_a_row_that_says_nothing_is_named_and_tried_again(make, capsys, error, why):
    assert make(one=error) == (["one", "two"], ["two"])
    assert f"one, seed 3: left out of the tables, for {why}\n" in capsys.readouterr().out
    assert make() == (["one"], ["one", "two"])


def test_what_is_somebody_elses_is_set_aside_when_asked(make, tmp_path):
    (tmp_path / "one-seed-3.json").write_text("mine", encoding="utf-8")
    make(force=True)
    assert (tmp_path / "one-seed-3.json.1").read_text(encoding="utf-8") == "mine"
