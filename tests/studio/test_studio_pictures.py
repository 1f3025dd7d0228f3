import json
from pathlib import Path
from xml.etree.ElementTree import fromstring

import numpy as np
import pytest

from drumvae.data.kit import INSTRUMENTS, STEPS, Bars
from manymodes.music.engraving import svg_pages
from manymodes.music.score import Score, musicxml
from manymodes_studio import pictures

TUNE = Score(((60, 4), (None, 2), (72, 2), (67, 8)), "a <tune>")


def drawn(picture, kind):
    """Return the attributes of the elements of a class in a drawing, which is well-formed."""
    return [element.attrib for element in fromstring(picture).iter() if kind in element.get("class", "").split()]  # noqa: S314 - made here


def test_every_note_is_in_the_roll_where_it_sounds():
    notes = drawn(pictures.piano_roll(TUNE), "note")
    assert [float(note["x"]) for note in notes] == pytest.approx([0.1, 6.1, 8.1])
    assert [float(note["width"]) for note in notes] == pytest.approx([3.8, 1.8, 7.8])
    rows = [float(note["y"]) for note in notes]
    assert rows[0] - rows[1] == pytest.approx(12)
    assert rows[0] - rows[2] == pytest.approx(7)


def test_every_hit_is_in_the_grid_as_loud_as_it_is():
    shape = (2, STEPS, len(INSTRUMENTS))
    hits = np.zeros(shape, bool)
    hits[0, 0, 0] = hits[1, 3, 2] = True
    loud = np.where(hits, 0.5, 0)
    loud[1, 3, 2] = 1.0
    picture = pictures.drum_grid(Bars.of(hits, loud, np.zeros(shape), tempo=100), {"mute": {2}})
    cells = drawn(picture, "cell")
    assert len(cells) == 2 * STEPS * len(INSTRUMENTS)
    assert sum(cell["tabindex"] == "0" for cell in cells) == 1, "the grid is one stop of the tabulator"
    pressed = {cell["data-at"]: cell["style"] for cell in cells if cell["aria-pressed"] == "true"}
    assert pressed.keys() == {"0,0,0", "1,3,2"}
    assert pressed["0,0,0"] < pressed["1,3,2"]
    assert [state["aria-label"] for state in drawn(picture, "state") if state["aria-pressed"] == "true"] == [
        "mute hihat closed"
    ]
    assert [float(line["data-to"]) for line in drawn(picture, "timeline")] == pytest.approx([2.4, 4.8])


def test_each_note_of_a_score_has_its_second():
    tied = Score(((60, 4), (None, 2), (72, 12), (67, 4)), "tied", tempo=60)
    onsets = json.loads(drawn(pictures.engraved(["<svg/>"], tied), "studio-paper")[0]["data-onsets"])
    pages = svg_pages(musicxml(tied))
    assert len(onsets) == "".join(pages).count('class="note"')
    assert onsets == pytest.approx([0, 1.5, 2, 4, 4.5])


def test_content_cannot_break_out():
    bad = '" onload="x()" <script>x()</script>'
    shown = [
        pictures.take("", title=bad, tab="song", audio=Path(bad), values={"a": bad})[0],
        pictures.specimen(b"", "Manymodes 1", bad),
        pictures.verdict([bad]),
        pictures.report_frame(bad),
    ]
    assert [text for text in shown if "<script" in text or 'onload="' in text] == []
    assert " sandbox " in shown[3]
