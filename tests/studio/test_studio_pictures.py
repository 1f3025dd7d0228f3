from xml.etree.ElementTree import fromstring

import numpy as np
import pytest

from drumvae.data.kit import INSTRUMENTS, STEPS, Bars
from manymodes.music.score import Score
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


def test_every_hit_is_in_the_grid_as_loud_and_as_late_as_it_is():
    shape = (2, STEPS, len(INSTRUMENTS))
    hits, late = np.zeros(shape, bool), np.zeros(shape)
    hits[0, 0, 0] = hits[1, 3, 2] = True
    late[1, 3, 2] = 0.4
    loud = np.where(hits, 0.5, 0)
    loud[1, 3, 2] = 1.0
    picture = pictures.drum_grid(Bars.of(hits, loud, late, tempo=100))
    first, second = drawn(picture, "hit")
    cells = drawn(picture, "cell")
    assert len(cells) == 2 * STEPS * len(INSTRUMENTS)
    assert float(first["opacity"]) < float(second["opacity"]) == 1
    columns = sorted({float(cell["x"]) for cell in cells})
    assert float(first["x"]) == pytest.approx(columns[0])
    assert 0 < float(second["x"]) - columns[STEPS + 3] < 13


def test_content_cannot_break_out():
    bad = '" onload="x()" <script>x()</script>'
    shown = [
        pictures.engraved([bad, bad], bad),
        pictures.lettering("<svg></svg>", bad),
        pictures.verdict([bad]),
        pictures.report_frame(bad),
    ]
    assert [text for text in shown if "<script" in text or 'onload="' in text] == []
    assert shown[0].count('src="data:image/svg+xml;base64,') == 2
    assert " sandbox " in shown[3]
