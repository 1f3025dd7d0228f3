import re

import pytest

from manymodes.cli import UserError
from manymodes.experiment import page as pages
from manymodes.experiment.page import template, write_results
from manymodes.experiment.tables import Cell, Table

PROGRAM = "somebody.compare"
ABOUT = {"Time": "4 minutes", "Machine": "a <machine>", "Date": "2026-01-01", "Command": "python -m x"}
TABLE = Table("What <they> do", ("Row", "Score"), [[Cell("A & B"), Cell("5 %", "4 to 6", bad=True)]], "Note.")


def render():
    comparison = template("manymodes", "comparison.html.jinja")
    return comparison.render(title="Models", tables=[TABLE], about=ABOUT, first_table="scores")


def test_a_page_has_its_tables_and_what_they_depend_on():
    page = render()
    assert "<title>Models</title>" in page
    assert "<td>A &amp; B</td>" in page
    assert '<td class="bad">5 %<small>4 to 6</small></td>' in page
    assert "<dt>Command</dt><dd><code>python -m x</code></dd>" in page
    assert "<dt>Date</dt><dd>2026-01-01</dd>" in page


def test_what_is_put_into_a_page_is_escaped():
    page = render()
    assert "What &lt;they&gt; do" in page
    assert "<machine>" not in page


def test_a_page_needs_nothing_beside_it():
    page = render()
    assert "http" not in page
    assert not re.findall(r"<(?:link|script|img|iframe|object)\b|url\(|@import", page)


@pytest.fixture
def write(tmp_path):
    """Write results into a folder of one's own; return it."""

    def write_into(body="# Results\n", **options):
        given = {
            "page": lambda folder: "page of " + ", ".join(sorted(file.name for file in folder.iterdir())),
            "text": body,
            "pictures": {
                "one.png": lambda path: path.write_bytes(b"1"),
                "two.png": lambda path: path.write_bytes(b"2"),
            },
            "force": False,
        }
        write_results(tmp_path / "results", "stem", PROGRAM, **{**given, **options})
        return tmp_path / "results"

    return write_into


def test_text_page_and_pictures_are_written_and_the_page_sees_the_pictures(write, contents):
    found = contents(write())
    assert {"stem.md", "stem/index.html", "stem/one.png", "stem/two.png"} <= found.keys()
    assert found["stem/index.html"] == b"page of one.png, two.png"
    assert found["stem.md"].startswith(b"# Results\n")


def test_they_are_replaced_when_written_again(write, contents):
    write()
    found = contents(write("# Others\n", pictures={}))
    assert found["stem.md"].startswith(b"# Others\n")
    assert "stem/one.png" not in found
    assert not [name for name in found if ".partial" in name or ".old" in name]


@pytest.mark.parametrize("name", ["stem.md", "stem/index.html", "stem/mine.txt"])
def test_what_somebody_changed_is_kept(write, contents, name):
    out = write()
    (out / name).write_text("mine", encoding="utf-8")
    before = contents(out)
    with pytest.raises(UserError, match="--force"):
        write("# Others\n")
    assert contents(out) == before
    write("# Others\n", force=True)
    kept = out / (f"{name}.1" if name == "stem.md" else name.replace("stem/", "stem.1/"))
    assert kept.read_text(encoding="utf-8") == "mine"


def test_a_picture_that_cannot_be_drawn_leaves_everything_as_it_was(write, contents):
    out = write()
    before = contents(out)
    with pytest.raises(ZeroDivisionError):
        write("# Others\n", pictures={"one.png": lambda _: 1 / 0})
    assert contents(out) == before


def test_a_package_extends_the_page(tmp_path, monkeypatch):
    package = tmp_path / "somebody"
    (package / "templates").mkdir(parents=True)
    (package / "__init__.py").write_text("", encoding="utf-8")
    lines = ('{% extends "comparison.html.jinja" %}', '{% set first_table = "x" %}')
    text = "\n".join([*lines, "{% block rows %}<p>{{ said }}</p>{% endblock %}"])
    (package / "templates" / "own.html.jinja").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    page = pages.template("somebody", "own.html.jinja").render(title="T", tables=[TABLE], about=ABOUT, said="<hello>")
    assert "<p>&lt;hello&gt;</p>" in page
    assert '<table class="x">' in page
