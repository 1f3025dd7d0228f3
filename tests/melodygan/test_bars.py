import pytest
from hypothesis import given
from hypothesis import strategies as st

from melodygan.data.bars import STEPS_A_BAR, cut_at, reaches
from melodygan.data.encoding import Note, to_steps

notes = st.lists(st.builds(Note, st.none() | st.integers(0, 127), st.integers(1, 40)), max_size=12)


def test_a_bar_is_four_quarters():
    assert STEPS_A_BAR == 16


def test_a_note_across_the_cut_ends_there():
    tune = (Note(60, 12), Note(62, 8), Note(None, 12), Note(64, 4))
    assert cut_at(tune, 1) == (Note(60, 12), Note(62, 4))
    assert cut_at(tune, 2) == (Note(60, 12), Note(62, 8), Note(None, 12))
    assert cut_at(tune, 9) == tune
    assert cut_at((), 1) == ()


@pytest.mark.parametrize(("bars", "enough"), [(1, True), (2, True), (3, False)])
def test_reaches(bars, enough):
    assert reaches((Note(60, 16), Note(None, 16)), bars) is enough


@given(notes, st.integers(1, 8))
def test_what_reaches_is_cut_to_exactly_so_many_bars(tune, bars):
    whole, cut = to_steps(tune), to_steps(cut_at(tune, bars))
    assert cut == whole[: bars * STEPS_A_BAR]
    assert reaches(tune, bars) is (len(cut) == bars * STEPS_A_BAR)
