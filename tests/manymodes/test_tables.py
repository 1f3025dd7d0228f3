import pytest

from manymodes.cli import UserError
from manymodes.experiment.compare import Record, Row
from manymodes.experiment.tables import Cell, Table, check_text, markdown, over_seeds, particulars, write_marked

PROGRAM = "somebody.compare"


def brief(value):
    return f"{value:.3g}"


def record(**changed):
    made = {"made_with": {}, "training": {}, "measures": {}, "verdict": {}, "figures": {}}
    return Record(**{**made, "machine": "one", "versions": {"python": "3"}, "date": "2026-01-01", **changed})


def test_over_seeds_stand_the_mean_the_least_and_the_greatest():
    assert over_seeds([2.0], brief) == Cell("2")
    assert over_seeds([1.0, 4.0, 1.0], brief) == Cell("2", "1 to 4")
    assert over_seeds([0.5, None], brief) == Cell("0.5")
    assert over_seeds([3.0, 3.0001], brief) == Cell("3")
    assert over_seeds([None, None], brief) == Cell("–")
    assert over_seeds([], brief) == Cell("–")


def test_markdown():
    table = Table("Title", ("Row", "Score"), [[Cell("WGAN"), Cell("5 %", "4 % to 6 %", bad=True)]], "Note.")
    text = markdown("Models", [table], {"Command": "python -m x", "Date": "today"}, {"a.png": "A picture"})
    assert text.startswith("# Models\n\n## Title\n")
    assert "| Row | Score |\n| --- | ---: |\n| WGAN | **5 %** (4 % to 6 %) |\n\nNote.\n" in text
    assert "![A picture](a.png)" in text
    assert "- Command: `python -m x`\n- Date: today\n" in text


def test_particulars_are_those_of_the_records():
    found = {
        Row("a", "A"): [record(), record(machine="two", date="2026-01-03")],
        Row("b", "B"): [record(date="2025-12-31")],
    }
    about = particulars(found, command="python -m x", data=("Tunes", "some"), time="a minute")
    assert about == {
        "Command": "python -m x",
        "Tunes": "some",
        "Seeds": "0 to 1; figures show seed 0",
        "Time": "a minute",
        "Machine": "one; two",
        "Versions": "python 3",
        "Date": "2025-12-31 to 2026-01-03",
    }


def test_particulars_of_one_record_name_one_of_each():
    about = particulars({Row("a", "A"): [record()]}, command="x", data=("Tunes", "some"), time="a minute")
    assert (about["Seeds"], about["Machine"], about["Date"]) == ("0", "one", "2026-01-01")


@pytest.fixture
def text(tmp_path):
    return tmp_path / "results.md"


def test_a_text_is_written_again_as_long_as_nobody_changes_it(text, tmp_path):
    for body in ("# One\n", "# Two\n"):
        check_text(text, PROGRAM, force=False)
        write_marked(text, body, PROGRAM)
        assert text.read_text(encoding="utf-8").startswith(body)
    assert list(tmp_path.iterdir()) == [text]


@pytest.mark.parametrize(
    "change", [lambda old: "mine\n" + old, lambda old: old + "mine\n", lambda _: "", lambda _: "dear"]
)
def test_a_text_that_was_changed_is_refused_and_with_force_set_aside(text, change):
    write_marked(text, "# One\n", PROGRAM)
    mine = change(text.read_text(encoding="utf-8"))
    text.write_text(mine, encoding="utf-8")
    with pytest.raises(UserError, match="--force"):
        check_text(text, PROGRAM, force=False)
    check_text(text, PROGRAM, force=True)
    write_marked(text, "# Two\n", PROGRAM)
    assert text.with_name("results.md.1").read_text(encoding="utf-8") == mine
    check_text(text, PROGRAM, force=False)


def test_what_another_program_wrote_is_somebody_elses(text):
    write_marked(text, "# One\n", "another.compare")
    with pytest.raises(UserError, match="not as this program wrote it"):
        check_text(text, PROGRAM, force=False)


def test_what_is_no_text_is_somebody_elses(text):
    text.write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match="not as this program wrote it"):
        check_text(text, PROGRAM, force=False)
