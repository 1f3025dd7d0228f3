import base64

import pytest
from matplotlib.figure import Figure

from manymodes.cli import UserError
from manymodes.experiment.compare import Record, Row
from manymodes.experiment.gallery import Gallery, Picture, name_rows
from manymodes.experiment.tables import Cell, Table

ABOUT = {"Time": "4 minutes", "Machine": "one", "Date": "2026-01-01", "Command": "python -m x"}
TABLE = Table("What they do", ("Row", "Score"), [[Cell("A & B"), Cell("5 %")]], "Note.")


def gallery(content=b"a picture"):
    return Gallery(
        title="Models",
        kind="scores",
        tables=[TABLE],
        about=ABOUT,
        first={Row("a", "A & B"): Record({}, {}, {}, {"one": "first", "none": "", "two": "second <one>"}, {})},
        pictures={"one.png": Picture("What is seen", lambda path: path.write_bytes(content))},
    )


def test_what_is_written_shows_tables_sentences_and_pictures(tmp_path, contents):
    gallery().write(tmp_path, "stem", "somebody.compare", force=False)
    found = contents(tmp_path)
    assert found["stem/one.png"] == b"a picture"
    page = found["stem/index.html"].decode()
    assert '<table class="scores">' in page
    assert "<dt>A &amp; B</dt><dd>First. Second &lt;one&gt;.</dd>" in page
    image = base64.b64encode(b"a picture").decode()
    assert f'<figcaption>What is seen</figcaption><img src="data:image/png;base64,{image}" alt="What is seen">' in page
    assert "![What is seen](stem/one.png)" in found["stem.md"].decode()


def test_a_gallery_that_somebody_changed_is_kept(tmp_path):
    gallery().write(tmp_path, "stem", "somebody.compare", force=False)
    (tmp_path / "stem" / "one.png").write_bytes(b"mine")
    with pytest.raises(UserError, match="--force"):
        gallery().write(tmp_path, "stem", "somebody.compare", force=False)
    gallery().write(tmp_path, "stem", "somebody.compare", force=True)
    assert (tmp_path / "stem.1" / "one.png").read_bytes() == b"mine"


def test_rows_are_named_from_above():
    axes = Figure().add_subplot()
    name_rows(axes, [Row("a", "first"), Row("b", "second")])
    assert [label.get_text() for label in axes.get_yticklabels()] == ["first", "second"]
    places = axes.transData.transform([(0, place) for place in axes.get_yticks()])[:, 1]
    assert places[0] > places[1]
