import argparse
import json
import re
from pathlib import Path

import pytest

from manymodes.cli import UserError
from manymodes.experiment import compare as comparison
from manymodes.experiment.compare import (
    Record,
    Row,
    Terms,
    add_place_options,
    add_row_options,
    check_places,
    machine,
    read_record,
    rows_type,
    set_foreign_aside,
)
from manymodes.experiment.tables import write_marked

PROGRAM = "somebody.compare"
ROWS = (Row("real", "real ones"), Row("plain", "plain", ("--plain",)), Row("fancy", "fancy", ("--fancy", "--more")))
REAL, PLAIN, FANCY = ROWS


class SomeTerms(Terms):
    """Terms whose training verb has few settings."""

    program = PROGRAM
    not_compared = frozenset({"verb", "data", "epochs"})

    def training_settings(self, row, seed):
        return {
            "verb": "somebody.train",
            "kind": " ".join(row.arguments or ()),
            "data": self.data,
            "epochs": 9,
            "seed": seed,
        }


def terms(work=Path("work"), **changed):
    return SomeTerms(**{"data": "some", "fingerprint": "f", "minutes": 4.0, "count": 20, "work": work, **changed})


def record(made_with=None, **changed):
    made = {
        "made_with": made_with or {"program": PROGRAM},
        "training": {},
        "measures": {},
        "verdict": {},
        "figures": {},
    }
    return Record(**{**made, **changed})


# --- rows


@pytest.mark.parametrize(
    ("text", "rows"), [("real", [REAL]), ("fancy, plain", list(ROWS)), ("fancy", [REAL, FANCY]), ("real,real", [REAL])]
)
def test_rows_come_in_the_order_of_the_table_with_the_ceiling(text, rows):
    assert list(rows_type(ROWS, "real")(text)) == rows


@pytest.mark.parametrize(
    ("text", "said"), [("fncy", "did you mean fancy"), ("transformer", "rows are real, plain, fancy"), ("real,", "''")]
)
def test_a_row_that_does_not_exist_is_named(text, said):
    with pytest.raises(argparse.ArgumentTypeError, match=said):
        rows_type(ROWS, "real")(text)


def parsed(*arguments):
    parser = argparse.ArgumentParser()
    add_row_options(parser, ROWS, "real")
    add_place_options(parser, "stem", "runs/compare")
    return parser.parse_args(arguments)


def test_unless_told_otherwise_all_rows_are_made_with_one_seed_for_four_minutes():
    args = parsed()
    assert (args.rows, args.minutes, args.seeds, args.force) == (ROWS, 4.0, 1, False)
    assert (args.out, args.work) == (Path("results"), Path("runs/compare"))


# --- what a row is made with


def test_a_row_is_made_with_all_that_decides_its_record():
    made = terms().made_with(PLAIN, 0)
    others = [
        terms().made_with(FANCY, 0),
        terms().made_with(PLAIN._replace(arguments=("--fancy",)), 0),
        terms().made_with(PLAIN, 1),
        terms(fingerprint="g").made_with(PLAIN, 0),
        terms(minutes=5.0).made_with(PLAIN, 0),
        terms(count=21).made_with(PLAIN, 0),
    ]
    assert all(other != made for other in others)
    assert len({json.dumps(other) for other in others}) == len(others)


def test_neither_the_place_of_the_data_nor_that_of_the_record_makes_another_row():
    made = terms().made_with(PLAIN, 0)
    assert terms(Path("elsewhere"), data="moved/some").made_with(PLAIN, 0) == made
    assert made["settings"].keys() == {"kind", "seed"}


def test_a_row_without_training_does_not_depend_on_its_time():
    assert terms(minutes=5.0).made_with(REAL, 0) == terms().made_with(REAL, 0)


def test_another_version_of_the_project_makes_rows_again(monkeypatch):
    made = terms().made_with(REAL, 0)
    monkeypatch.setattr(comparison, "version", lambda _: "another")
    assert terms().made_with(REAL, 0) != made


def test_the_settings_of_a_run_are_the_training_verbs_but_for_whose_they_are():
    settings = terms().settings(PLAIN, 3)
    assert settings == {
        **terms().training_settings(PLAIN, 3),
        "verb": PROGRAM,
        "made_with": terms().made_with(PLAIN, 3),
    }


# --- records


def test_a_record_is_read_as_it_was_kept(tmp_path):
    here = terms(tmp_path)
    assert here.finished(PLAIN, 0) is None
    one = record(here.made_with(PLAIN, 0), measures={"known": 1.5, "of three": [1, 2, 3]})
    here.keep(one, PLAIN, 0)
    assert here.finished(PLAIN, 0) == one
    assert here.finished(PLAIN, 1) is None
    assert terms(tmp_path, minutes=5.0).finished(PLAIN, 0) is None


def test_what_is_not_a_number_is_null(tmp_path):
    here = terms(tmp_path)
    measures = {"nan": float("nan"), "deep": {"list": [float("inf"), 1.0], "pair": (1.0, float("nan"))}}
    here.keep(record(here.made_with(PLAIN, 0), measures=measures), PLAIN, 0)
    assert here.finished(PLAIN, 0).measures == {"nan": None, "deep": {"list": [None, 1.0], "pair": [1.0, None]}}


def test_of_a_finished_run_the_checkpoints_go(tmp_path):
    here = terms(tmp_path)
    checkpoint = here.run_folder(PLAIN, 0) / "checkpoints" / "epoch-00001" / "model.keras"
    checkpoint.parent.mkdir(parents=True)
    for file in (checkpoint, here.run_folder(PLAIN, 0) / "model.keras"):
        file.write_text("a model", encoding="utf-8")
    here.keep(record(here.made_with(PLAIN, 0)), PLAIN, 0)
    assert [file.name for file in here.run_folder(PLAIN, 0).iterdir()] == ["model.keras"]


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"made_with": 1}', '{"made_with": {}, "other": 1}'])
def test_what_is_no_record_is_none(tmp_path, text):
    (tmp_path / "one.json").write_text(text, encoding="utf-8")
    assert read_record(tmp_path / "one.json") is None
    assert read_record(tmp_path / "none.json") is None


def test_a_record_says_where_and_with_what_it_was_made():
    one = record()
    assert one.machine == machine()
    assert re.fullmatch(r".+, \d+ cores?", one.machine)
    assert {"python", "tensorflow", "keras", "numpy"} <= one.versions.keys()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", one.date)


# --- places


@pytest.fixture
def check(tmp_path, monkeypatch):
    """Check the places of a comparison in a folder of one's own."""
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: check_places(parsed(*arguments), "stem", PROGRAM)


def test_places_where_nothing_is_are_good(check, tmp_path):
    check()
    assert not list(tmp_path.iterdir())


def test_what_a_comparison_has_left_is_no_obstacle(check, tmp_path):
    here = terms(tmp_path / "runs" / "compare")
    here.keep(record(here.made_with(PLAIN, 0)), PLAIN, 0)
    run = here.run_folder(PLAIN, 0)
    run.mkdir()
    (run / "config.json").write_text(json.dumps({"verb": PROGRAM, "monitor": "loss"}), encoding="utf-8")
    write_marked(tmp_path / "results" / "stem.md", "# One\n", PROGRAM)
    check()


@pytest.mark.parametrize(
    "path",
    ["results", "results/stem/letter.txt", "results/stem.md", "runs/compare", "runs/compare/real-seed-0.json",
     "runs/compare/plain-seed-1.json", "runs/compare/plain-seed-0", "runs/compare/plain-seed-0/letter.txt"],
)  # fmt: skip
def test_what_is_somebody_elses_is_refused(check, tmp_path, path):
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / path).write_text("dear", encoding="utf-8")
    with pytest.raises(UserError):
        check("--seeds", "2")


def test_records_and_runs_of_another_comparison_are_refused(check, tmp_path):
    work = tmp_path / "runs" / "compare"
    terms(work).keep(record({"program": "another.compare"}), PLAIN, 0)
    with pytest.raises(UserError, match=r"plain-seed-0\.json was not written by this program"):
        check()
    (work / "plain-seed-0.json").unlink()
    (work / "fancy-seed-0").mkdir()
    config = json.dumps({"verb": "another.compare", "monitor": "loss"})
    (work / "fancy-seed-0" / "config.json").write_text(config, encoding="utf-8")
    with pytest.raises(UserError, match="fancy-seed-0 was not written by this program"):
        check()
    check("--rows", "plain")  # which does not need the place


@pytest.mark.parametrize("work", ["results/stem", "results/stem/work"])
def test_work_is_not_where_the_page_is_replaced(check, work):
    with pytest.raises(UserError, match="is replaced whole"):
        check("--work", work)


def test_force_lets_foreign_things_pass_and_they_are_set_aside(check, tmp_path, capsys):
    work = tmp_path / "runs" / "compare"
    (work / "plain-seed-0").mkdir(parents=True)
    for path in (work / "plain-seed-0" / "letter.txt", work / "plain-seed-0.json"):
        path.write_text("dear", encoding="utf-8")
    check("--force")
    set_foreign_aside(work, PLAIN, 0, PROGRAM)
    assert (work / "plain-seed-0.1" / "letter.txt").read_text(encoding="utf-8") == "dear"
    assert (work / "plain-seed-0.json.1").read_text(encoding="utf-8") == "dear"
    assert capsys.readouterr().out.count("it is now") == 2
    check()
