import io
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from xml.etree.ElementTree import fromstring

import numpy as np
import pytest
from PIL import Image

from manymodes.music.engraving import png, svg_pages
from manymodes.music.score import Score, musicxml

SVG = "{http://www.w3.org/2000/svg}"
# An upbeat, a note over the bar line, a sharp that is not in the signature, a rest: in B flat major.
TUNE = Score(
    ((65, 4), (70, 4), (72, 2), (74, 2), (75, 8), (76, 4), (77, 2), (None, 2), (70, 4)), "a tune", "3/4", 4, -2
)
FRESH = "import sys; from manymodes.music.engraving import *; sys.stdout.write(svg_pages(sys.stdin.read())[0])"


def elements(page, tag):
    """Return the elements of an SVG page that have a tag."""
    return list(fromstring(page).iter(SVG + tag))  # noqa: S314 - it is verovio's


def drawn(page, kind):
    """Return the elements of an SVG page that verovio has drawn as something."""
    return [group for group in elements(page, "g") if group.get("class", "").split(" ")[0] == kind]


@pytest.fixture(scope="module")
def page():
    (only,) = svg_pages(musicxml(TUNE))
    return only


def test_a_page_shows_what_is_in_the_score(page):
    # One note is tied to another, and the second rest fills the last bar.
    expected = {"measure": 4, "note": 9, "tie": 1, "rest": 2, "beam": 1, "keyAccid": 2}
    assert {kind: len(drawn(page, kind)) for kind in expected} == expected
    signs = [group for group in drawn(page, "accid") if list(group.iter(f"{SVG}use"))]
    assert len(signs) == 1


def test_the_same_score_gives_the_same_bytes_in_any_process_and_thread(page):
    score = musicxml(TUNE)
    with ThreadPoolExecutor(1) as elsewhere:
        assert elsewhere.submit(svg_pages, score).result() == [page]
    done = subprocess.run([sys.executable, "-c", FRESH], input=score, capture_output=True, text=True, check=True)
    assert done.stdout == page
    assert png(page) == png(page)


def test_a_picture_is_black_on_white_and_twice_as_large_as_the_page(page):
    _, _, width, height = map(float, elements(page, "svg")[0].get("viewBox").split())
    picture = Image.open(io.BytesIO(png(page)))
    assert picture.size == (2 * width, 2 * height)
    grey = np.asarray(picture.convert("L"))
    assert np.asarray(picture.convert("RGBA"))[..., 3].min() == 255
    assert grey.min() < 30
    assert (grey > 250).mean() > 0.9
    # five lines across the page, of two pixels each
    (lines,) = np.nonzero((grey < 128).mean(axis=1) > 0.8)
    assert len(lines) == 10
    assert set(np.diff(lines)[1::2]) == {lines[2] - lines[1]}


def test_numbers_of_bars_are_painted_without_fonts_of_the_system():
    (long,) = svg_pages(musicxml(Score(((60, 4), (64, 2), (67, 2), (72, 4), (67, 4)) * 12, "long")))
    numbers = [element for element in elements(long, "text") if "".join(element.itertext()).strip()]
    assert numbers
    without = re.sub(r">\d+</tspan>", "></tspan>", long)
    ink = [(np.asarray(Image.open(io.BytesIO(png(text))).convert("L")) < 128).sum() for text in (long, without)]
    assert ink[0] > ink[1] + 20 * len(numbers)
