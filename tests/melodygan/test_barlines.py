import pytest

from melodygan.data.barlines import USUAL, bar_lines
from melodygan.data.encoding import Note
from melodygan.data.form import METERS


def rhythm(*steps):
    """Return notes of these lengths in sixteenths."""
    return [Note(60, length) for length in steps]


# Rhythms as folk songs have them: the metre, the upbeat, and lengths in sixteenths.
SONGS = [
    ("4/4", 0, [4, 4, 4, 4, 4, 4, 8, 4, 4, 4, 4, 4, 4, 8]),
    ("4/4", 4, [4, 6, 2, 4, 4, 8, 4, 4, 6, 2, 4, 4, 12]),
    ("3/4", 4, [4, 8, 4, 8, 4, 4, 4, 4, 8, 4, 8, 4, 8, 4, 8]),
    ("3/4", 0, [8, 4, 8, 4, 4, 4, 4, 12, 8, 4, 8, 4, 4, 4, 4, 12]),
    ("2/4", 2, [2, 2, 2, 2, 2, 4, 2, 2, 2, 2, 2, 2, 4, 2]),
    ("6/8", 2, [2, 4, 2, 4, 2, 2, 2, 2, 4, 2, 4, 2, 4, 2, 6, 4]),
    ("3/8", 2, [2, 2, 2, 2, 4, 2, 2, 2, 2, 4]),
]


@pytest.mark.parametrize(("meter", "upbeat", "steps"), SONGS)
def test_the_upbeat_is_found(meter, upbeat, steps):
    assert bar_lines(rhythm(*steps), [meter]) == (meter, upbeat)


@pytest.mark.parametrize(("meter", "upbeat", "steps"), SONGS[:5])
def test_the_metre_is_found(meter, upbeat, steps):
    result = bar_lines(rhythm(*steps))
    # Bars of 2/4 are halves of those of 4/4, and upbeats of both are alike.
    alike = {"2/4", "4/4"} if meter in {"2/4", "4/4"} else {meter}
    assert result.meter in alike
    assert (result.upbeat - upbeat) % min(METERS[result.meter], METERS[meter]) == 0


def test_pitches_do_not_matter_but_rests_begin_as_notes_do():
    steps = SONGS[1][2]
    other = [Note(None if number % 5 == 4 else 50 + number, length) for number, length in enumerate(steps)]
    assert bar_lines(other) == bar_lines(rhythm(*steps))


def test_a_single_note_has_bar_lines():
    assert bar_lines([Note(60, 1)]).meter in USUAL
