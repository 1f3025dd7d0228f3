import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from melodygan.data.encoding import (
    Note,
    ReportedCodec,
    StepVocabulary,
    Tune,
    from_steps,
    length_of,
    to_steps,
)

pitches = st.integers(0, 127)
notes = st.builds(Note, st.none() | pitches, st.integers(1, 64))
tunes = st.builds(Tune, st.lists(notes, max_size=40).map(tuple))
corpora = st.lists(tunes, min_size=1, max_size=8)

SEED = (Note(67, 2), Note(67, 2), Note(67, 3), Note(65, 1), Note(64, 2), Note(64, 2), Note(64, 3))


def test_a_known_melody_in_steps():
    assert " ".join(to_steps(SEED)) == "67 _ 67 _ 67 _ _ 65 64 _ 64 _ 64 _ _"
    assert to_steps([Note(60, 4), Note(None, 2)]) == ["60", "_", "_", "_", "r", "_"]


@given(corpora)
def test_steps_and_their_integers_lose_nothing(corpus):
    vocabulary = StepVocabulary.from_tunes(corpus)
    for tune in corpus:
        symbols = to_steps(tune.notes)
        indices = vocabulary.encode(symbols)
        assert (indices.dtype, indices.shape) == (np.int32, (length_of(tune.notes),))
        assert vocabulary.decode(indices) == symbols
        assert from_steps(symbols) == tune.notes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("_ _ 60 _", (Note(60, 2),)),  # nothing sounds that could be held
        ("/ / 60 _ / 62", (Note(60, 2),)),  # the first delimiter after an onset ends the tune
        ("/ _ r _ 60", (Note(None, 2), Note(60, 1))),
        ("60 / _", (Note(60, 1),)),
        ("/ _ /", ()),
        ("", ()),
    ],
)
def test_step_symbols_that_no_tune_has(text, expected):
    assert from_steps(text.split()) == expected


@given(corpora, st.data())
def test_vocabularies_do_not_depend_on_the_order_of_tunes(corpus, data):
    other = data.draw(st.permutations(corpus))
    assert StepVocabulary.from_tunes(corpus) == StepVocabulary.from_tunes(other)
    assert ReportedCodec.from_tunes(corpus) == ReportedCodec.from_tunes(other)


def test_known_reported_form():
    # sorted as text: A4, C4, C5, D4
    tunes = [Tune((Note(60, 4), Note(None, 2), Note(69, 1))), Tune((Note(72, 8), Note(62, 2)))]
    codec = ReportedCodec.from_tunes(tunes)
    assert codec.names == ("A4", "C4", "C5", "D4")
    windows = codec.windows(tunes, length=3)
    assert windows.dtype == np.float32
    assert windows[..., 0].tolist() == [[-0.5, -1.0, 0.0], [-1.0, 0.0, 0.5]]
    assert codec.decode(windows[0]) == (Note(60, 2), Note(69, 2), Note(72, 2))


@given(st.lists(pitches, min_size=1, max_size=128))
def test_reported_form_keeps_every_pitch(sounding):
    tune = Tune(tuple(Note(pitch, 3) for pitch in sounding))
    codec = ReportedCodec.from_tunes([tune])
    (window,) = codec.windows([tune], len(sounding))
    assert window.min() >= -1
    assert window.max() < 1
    assert codec.decode(window) == tuple(Note(pitch, 2) for pitch in sounding)


def test_reported_index_outside_the_mapping_is_c5():
    codec = ReportedCodec(("C4", "D4"))
    generated = np.array([1.0, -2.5, np.nan, np.inf, -1.0])
    assert [note.pitch for note in codec.decode(generated)] == [72, 72, 72, 72, 60]
