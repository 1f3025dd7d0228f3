import re

import pytest
from scores import random_tunes

from melodygan.data.encoding import Note
from melodygan.data.form import ends_on_the_tonic
from melodygan.data.phrases import closing, name_of

# Four bars of 4/4 that close on C, and four more.
FIRST = [(60, 4), (62, 4), (64, 4), (65, 4), (67, 8), (67, 8), (69, 4), (67, 4), (65, 4), (62, 4), (60, 12), (None, 4)]
SECOND = [(64, 4), (64, 4), (65, 4), (67, 4), (67, 4), (65, 4), (64, 4), (62, 4), (60, 4), (62, 4), (64, 4), (65, 4)]
END = [(62, 8), (60, 8)]


def notes(*parts):
    return tuple(Note(*note) for part in parts for note in part)


def test_a_tune_that_closes_is_taken_whole():
    tune = notes(FIRST, SECOND, END)
    phrase = closing(tune)
    assert (phrase.notes, phrase.meter, phrase.bars) == (tune, "4/4", 8)


def test_silence_around_it_is_left_out_and_the_last_note_lasts():
    assert closing(notes([(None, 16)], FIRST)).notes == (*FIRST[:-2], (60, 16))


def test_of_a_longer_tune_the_longest_beginning_that_closes_is_taken():
    assert closing(notes(FIRST, SECOND, [(62, 16)], [(64, 8)] * 4)).notes == (*FIRST[:-2], (60, 16))
    assert closing(notes(FIRST, SECOND, END, FIRST, SECOND, END)).notes == notes(FIRST, SECOND, END)


@pytest.mark.parametrize(
    "tune",
    [
        notes(),
        notes([(None, 64)]),
        notes(FIRST[:5]),  # too short
        notes([(60, 4)] * 16),  # no tune
        notes([(60, 16), (64, 16), (67, 16), (60, 16)]),  # a signal
        notes(FIRST[:-2], [(64, 16)]),  # not on the tonic
        notes(FIRST[:-2], [(64, 14), (60, 2)]),  # not on a beat
    ],
    ids=["nothing", "silence", "short", "one note", "signal", "open", "off the beat"],
)
def test_a_tune_that_does_not_close(tune):
    assert closing(tune) is None


def test_every_phrase_closes():
    taken = [phrase for tune in random_tunes(300) if (phrase := closing(tune.notes)) is not None]
    assert taken
    for phrase in taken:
        assert 4 <= phrase.bars <= 8
        assert phrase.notes[0].pitch is not None
        assert phrase.notes[-1].steps >= 4
        assert any(ends_on_the_tonic(phrase.notes, mode) for mode in ("major", "minor"))


def test_a_name_is_that_of_the_tune_in_any_key():
    tune = notes(FIRST)
    assert re.fullmatch("ringtone-[0-9a-f]{8}", name_of(tune))
    higher = [note._replace(pitch=note.pitch and note.pitch + 3) for note in tune]
    assert name_of(higher) == name_of(tune)
    longer = [*tune[:3], tune[3]._replace(steps=5), *tune[4:]]
    other = [*tune[:3], tune[3]._replace(pitch=66), *tune[4:]]
    assert len({name_of(tune), name_of(longer), name_of(other)}) == 3
