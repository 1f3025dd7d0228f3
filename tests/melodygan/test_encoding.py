import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from melodygan.data.encoding import (
    Note,
    NoteVocabulary,
    ReportedCodec,
    StepVocabulary,
    Tune,
    cut_windows,
    from_steps,
    length_of,
    pitch_name,
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
    assert NoteVocabulary.from_tunes(corpus) == NoteVocabulary.from_tunes(other)


@given(corpora)
def test_configurations_survive_json(corpus):
    for kind in (StepVocabulary, NoteVocabulary, ReportedCodec):
        symbols = kind.from_tunes(corpus)
        assert kind.from_config(json.loads(json.dumps(symbols.to_config()))) == symbols


def test_known_note_form():
    tune = Tune((Note(60, 4), Note(None, 2), Note(55, 8)))
    vocabulary = NoteVocabulary.from_tunes([tune])
    assert vocabulary == NoteVocabulary(pitches=(55, 60), durations=(2, 4, 8))
    assert (vocabulary.n_pitches, vocabulary.n_durations) == (4, 4)
    encoded = vocabulary.encode([tune], length=5)
    assert encoded.dtype == np.int32
    assert encoded.tolist() == [[[3, 2], [1, 1], [2, 3], [0, 0], [0, 0]]]


@given(corpora, st.integers(0, 5))
def test_note_form_loses_nothing(corpus, spare):
    vocabulary = NoteVocabulary.from_tunes(corpus)
    length = max(len(tune.notes) for tune in corpus) + spare
    encoded = vocabulary.encode(corpus, length)
    assert encoded.shape == (len(corpus), length, 2)
    assert [vocabulary.decode(row) for row in encoded] == [tune.notes for tune in corpus]


def test_the_pitch_channel_ends_a_tune():
    vocabulary = NoteVocabulary((60, 62), (2, 4))
    generated = np.array([[2, 1], [3, 0], [1, 2], [0, 2], [2, 1]])
    assert vocabulary.decode(generated) == (Note(60, 2), Note(None, 4))


def numbered(count, **about):
    return Tune(tuple(Note(pitch, 1) for pitch in range(count)), **about)


def test_windows_reach_the_end():
    windows = cut_windows([numbered(7, pickup_steps=2), numbered(3)], length=4, stride=2)
    starts = [[note.pitch for note in window.notes] for window in windows]
    assert starts == [[0, 1, 2, 3], [2, 3, 4, 5], [3, 4, 5, 6], [0, 1, 2]]
    assert [window.pickup_steps for window in windows] == [2, 0, 0, 0]


@given(st.integers(0, 30), st.integers(1, 10), st.integers(1, 10))
def test_windows_fit_and_end_with_the_tune(count, length, stride):
    tune = numbered(count)
    windows = cut_windows([tune], length, stride)
    assert all(len(window.notes) == min(length, count) for window in windows)
    assert windows[0].notes == tune.notes[:length]
    assert windows[-1].notes == tune.notes[-length:]
    assert len(set(windows)) == len(windows)


@pytest.mark.parametrize(("pitch", "name"), [(60, "C4"), (72, "C5"), (70, "A#4"), (0, "C-1"), (127, "G9")])
def test_pitch_names(pitch, name):
    assert pitch_name(pitch) == name


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
