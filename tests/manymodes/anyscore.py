"""Scores of all kinds, for properties of what is written from them."""

from hypothesis import strategies as st

from manymodes.music.score import Score

METERS = {"2/4": 8, "3/4": 12, "4/4": 16, "6/8": 12, "3/8": 6, "6/4": 24, "2/2": 16, "5/4": 20}
"""Sixteenths of a bar."""


@st.composite
def scores(draw):
    meter = draw(st.sampled_from(sorted(METERS)))
    note = st.tuples(st.none() | st.integers(36, 96), st.integers(1, 6) | st.integers(1, 40))
    notes = draw(st.lists(note, min_size=1, max_size=24))
    return Score(
        (*notes, (60, 4)),
        "a tune",
        meter,
        upbeat=draw(st.integers(0, METERS[meter] - 1)),
        fifths=draw(st.integers(-7, 7)),
        mode=draw(st.sampled_from(["major", "minor"])),
        tempo=draw(st.sampled_from([60, 92.5, 144])),
        program=draw(st.integers(0, 127)),
    )
