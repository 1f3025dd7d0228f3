"""MIDI files as they come: wrapped, damaged, cut off."""

import io
import itertools
import struct

import mido
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manymodes.music.midifile import UnreadableMidiError, messages, read_score, repaired

PITCHES = [67, 69, 71, 72, 74, 76, 78, 79]


def midi(*tracks, kind=None):
    """Bytes of a file with a track for each list of pitches, quarters one after the other."""
    file = mido.MidiFile(type=kind if kind is not None else int(len(tracks) > 1), ticks_per_beat=480)
    for pitches in tracks:
        track = mido.MidiTrack([mido.MetaMessage("time_signature", numerator=3, denominator=4)])
        for pitch in pitches:
            track.append(mido.Message("note_on", note=pitch, velocity=80))
            track.append(mido.Message("note_off", note=pitch, time=480))
        file.tracks.append(track)
    buffer = io.BytesIO()
    file.save(file=buffer)
    return buffer.getvalue()


def notes(data):
    return [[(note.time, note.duration, note.pitch) for note in track.notes] for track in read_score(data).tracks]


def expected(pitches):
    return [(480 * place, 480, pitch) for place, pitch in enumerate(pitches)]


WHOLE = midi(PITCHES)


def chunk(name, content):
    return struct.pack(">4sI", name, len(content)) + content


def with_event(event):
    """The file with one more event before its first note."""
    track = WHOLE[22:]
    return WHOLE[:14] + chunk(b"MTrk", event + track)


@pytest.mark.parametrize(
    "data",
    [
        WHOLE,
        b"RIFF" + struct.pack("<I", len(WHOLE) + 12) + b"RMIDdata" + struct.pack("<I", len(WHOLE)) + WHOLE,
        b"\0" * 128 + WHOLE,
        WHOLE[:14] + chunk(b"XFIH", b"some text") + WHOLE[14:],
        WHOLE + chunk(b"XFKM", b"lyrics"),
        WHOLE + b"\0\0\0",
        b"MThd\0\0\0\x0a" + WHOLE[8:14] + b"more" + WHOLE[14:],
        WHOLE[:10] + b"\0\x09" + WHOLE[12:],
        WHOLE[:18] + b"\0\0\xff\xff" + WHOLE[22:],
        with_event(b"\0\xff\x59\x02\xee\x01"),
        with_event(b"\0\xff\x51\x00"),
        with_event(b"\0\xf0\x03\x01\x02\xf7"),
        with_event(b"\0\xff\x7f\x81\x00" + bytes(128)),
        repaired(WHOLE),
        midi(PITCHES, kind=2),  # a single track is a piece
    ],
)
def test_the_notes_are_read_whatever_is_around_them(data):
    assert notes(data) == [expected(PITCHES)]


def test_a_track_that_breaks_off_keeps_its_whole_notes():
    for end in range(23, len(WHOLE)):
        if struct.unpack(">I", WHOLE[18:22])[0] > end - 22:
            whole = notes(WHOLE[:end])
            assert (whole[0] if whole else []) == expected(PITCHES)[: len(whole[0]) if whole else 0]
    assert notes(WHOLE[:-6]) == [expected(PITCHES[:-1])]


def test_tracks_stay_apart_and_the_good_one_is_read():
    two = midi(PITCHES, PITCHES[:3])
    assert notes(two) == [expected(PITCHES), expected(PITCHES[:3])]
    second = two.rfind(b"MTrk")
    assert notes(two[:second] + chunk(b"MTrk", b"\xff" * 40)) == [expected(PITCHES)]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"a letter", "header"),
        (midi(PITCHES, PITCHES, kind=2), "type 2: its 2 tracks are separate pieces"),
        (WHOLE[:12] + b"\xe7\x28" + WHOLE[14:], "SMPTE"),
        (WHOLE[:12] + b"\0\0" + WHOLE[14:], "no length"),
    ],
)
def test_refusals_say_why(data, reason):
    with pytest.raises(UnreadableMidiError, match=reason):
        read_score(data)


@pytest.mark.parametrize("odd", [b"\0\x90\xbc\x50", b"\0\xa0\x5b\x9f", b"\0\xff\1\x7f", b"\0\xf0\xff", b"\xff" * 12])
def test_what_is_no_event_does_not_reach_symusic(odd):
    """It crashes at some."""
    four = 22 + 8 + 4 * 9
    data = WHOLE[:14] + chunk(b"MTrk", WHOLE[22:four] + odd + WHOLE[four:])
    assert notes(data) == [expected(PITCHES[:4])]


def test_messages_are_those_of_mido():
    data = midi(PITCHES, PITCHES[:3])
    track = data[22 : 22 + struct.unpack(">I", data[18:22])[0]].replace(b"\x00\xff\x2f\x00", b"\x83\x60\xff\x2f\x00")
    for content in (data, WHOLE[:14] + chunk(b"MTrk", track)):
        for number, events in enumerate(mido.MidiFile(file=io.BytesIO(content)).tracks):
            ours = [message for message in messages(content) if message.track == number]
            theirs = list(itertools.accumulate(event.time for event in events))
            assert [message.tick for message in ours] == theirs
            notes = [(message.status & 15, *message.data) for message in ours if message.status >> 4 == 9]
            assert notes == [(event.channel, event.note, event.velocity) for event in events if event.type == "note_on"]


@settings(max_examples=300)
@given(st.data())
def test_repairing_repaired_files_changes_nothing(data):
    damaged = bytearray(WHOLE)
    for _ in range(data.draw(st.integers(1, 6))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        once = repaired(bytes(damaged))
    except UnreadableMidiError:
        return
    assert repaired(once) == once
