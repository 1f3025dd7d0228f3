from html.parser import HTMLParser
from xml.etree.ElementTree import fromstring

import numpy as np
import pytest

from drumvae.data.kit import INSTRUMENTS, STEPS, Bars
from manymodes.music.score import Score
from manymodes_studio import pictures

TUNE = Score(((60, 4), (None, 2), (72, 2), (67, 8)), "a <tune>")


class Tags(HTMLParser):
    """Count the elements of a piece of a page by their class."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))

    def of(self, kind):
        return [attributes for _, attributes in self.found if kind in attributes.get("class", "").split()]


def test_every_note_is_in_the_roll_where_it_sounds():
    notes = Tags(pictures.piano_roll(TUNE)).of("note")
    assert [float(note["x"]) for note in notes] == pytest.approx([0.1, 6.1, 8.1])
    assert [float(note["width"]) for note in notes] == pytest.approx([3.8, 1.8, 7.8])
    rows = [float(note["y"]) for note in notes]
    assert rows[0] - rows[1] == pytest.approx(12)
    assert rows[0] - rows[2] == pytest.approx(7)


def test_every_hit_is_in_the_grid_as_loud_and_as_late_as_it_is():
    shape = (2, STEPS, len(INSTRUMENTS))
    hits, late = np.zeros(shape, bool), np.zeros(shape)
    hits[0, 0, 0] = hits[1, 3, 2] = True
    late[1, 3, 2] = 0.4
    loud = np.where(hits, 0.5, 0)
    loud[1, 3, 2] = 1.0
    tags = Tags(pictures.drum_grid(Bars.of(hits, loud, late, tempo=100)))
    first, second = tags.of("hit")
    cells = tags.of("cell")
    assert len(cells) == 2 * STEPS * len(INSTRUMENTS)
    assert float(first["opacity"]) < float(second["opacity"]) == 1
    columns = sorted({float(cell["x"]) for cell in cells})
    assert float(first["x"]) == pytest.approx(columns[0])
    assert 0 < float(second["x"]) - columns[STEPS + 3] < 13


def test_pages_are_pictures_and_no_part_of_the_page():
    page = "<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
    shown = pictures.engraved([page, page], "a <b> & 'c'")
    tags = Tags(shown)
    assert [tag for tag, _ in tags.found] == ["div", "img", "img"]
    assert tags.found[1][1]["alt"] == "a <b> & 'c', page 1"
    assert tags.found[1][1]["src"].startswith("data:image/svg+xml;base64,")


def test_sentences_and_reports_cannot_break_out():
    assert [tag for tag, _ in Tags(pictures.verdict(["<script>x</script>"])).found] == ["ul", "li"]
    ((tag, attributes),) = Tags(pictures.report_frame('<p title="a">"</p>')).found
    assert tag == "iframe"
    assert attributes["srcdoc"] == '<p title="a">"</p>'
    assert attributes["sandbox"] is None


def test_drawings_are_well_formed():
    bars = Bars.of(np.ones((1, STEPS, 9)), np.ones((1, STEPS, 9)), np.zeros((1, STEPS, 9)), tempo=100)
    for drawn in (pictures.piano_roll(TUNE), pictures.drum_grid(bars)):
        assert fromstring(drawn).tag == "div"  # noqa: S314 - made here
