"""Open MIDI files, damaged ones too: what is whole is read, what cannot be is refused in words.

symusic parses. What it does not accept is first put in order here: files in a RIFF wrapper, chunks that it does not
know, longer headers, wrong track counts and lengths, and tracks that break off.
"""

from __future__ import annotations

import contextlib
import re
import struct
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

LARGEST_FILE = 32_000_000
"""Bytes. A symphony is under one million."""

_END_OF_TRACK = b"\x00\xff\x2f\x00"
_LONGEST_NUMBER = 4  # bytes of a length or time
_DATA_BYTES = {0x8: 2, 0x9: 2, 0xA: 2, 0xB: 2, 0xC: 1, 0xD: 1, 0xE: 2}
_SYSTEM_BYTES = {0xF1: 1, 0xF2: 2, 0xF3: 1}
_STATUS = 0x80  # bytes from here on begin an event
_META, _SYSEX = 0xFF, (0xF0, 0xF7)
_TRACK_ENDS = b"\x2f"
_TIME = rb"[\x80-\xff]{0,3}[\x00-\x7f]"
_TWO_BYTES = rb"%b[\x80-\xbf\xe0-\xef][\x00-\x7f]{2}(?:%b[\x00-\x7f]{2})*+" % (_TIME, _TIME)
_ONE_BYTE = rb"%b[\xc0-\xdf][\x00-\x7f](?:%b[\x00-\x7f])*+" % (_TIME, _TIME)
_OF_CHANNELS = re.compile(rb"(?:%b|%b)*+" % (_TWO_BYTES, _ONE_BYTE))
_OTHER = re.compile(rb"%b(\xff[\x00-\x7f]|\xf0|\xf7)" % _TIME)
_SEPARATE_PIECES = 2


class UnreadableMidiError(Exception):
    """A file that gives no notes, with the reason in words."""


def read_score(data: bytes) -> Any:
    """Parse a MIDI file with symusic, times in ticks.

    Another file, one of type 2, or one that counts time in frames of film raises an UnreadableMidiError.
    """
    import symusic

    check_size(len(data))
    if _in_order(data):  # symusic may crash on other files
        with contextlib.suppress(RuntimeError, ValueError, MemoryError, OverflowError):
            return symusic.Score.from_midi(data)
    try:
        return symusic.Score.from_midi(repaired(data))
    except (RuntimeError, ValueError, MemoryError, OverflowError):
        raise UnreadableMidiError("its events make no sense as MIDI") from None


def check_size(size: int) -> None:
    """Raise an UnreadableMidiError if a file's size in bytes, before it is read, is above `LARGEST_FILE`."""
    if size > LARGEST_FILE:
        limit = f"{LARGEST_FILE / 1e6:.0f} MB"
        raise UnreadableMidiError(f"{size / 1e6:.0f} MB, more than the {limit} that a MIDI file may have")


def _in_order(data: bytes) -> bool:
    """Whether header, chunks and events are as the standard wants them, of type 0 or 1, in ticks per quarter."""
    if len(data) < 14 or data[:8] != b"MThd\0\0\0\6":  # noqa: PLR2004
        return False
    kind, tracks, division = struct.unpack(">HHh", data[8:14])
    place, count = 14, 0
    while data[place : place + 4] == b"MTrk" and place + 8 <= len(data):
        begin = place + 8
        place = begin + int.from_bytes(data[place + 4 : begin], "big")
        if place > len(data) or not _is_whole(data, begin, place):
            return False
        count += 1
    return kind < _SEPARATE_PIECES and division > 0 and count == tracks and place == len(data)


def _is_whole(data: bytes, place: int, end: int) -> bool:
    """Whether a track has whole events only, the end of the track the last; ten times as fast as `_events`."""
    while (run := _OF_CHANNELS.match(data, place, end)) and (event := _OTHER.match(data, run.end(), end)):
        length, content = _number(data, event.end(), end)
        if length is None or event[1][1:] == _TRACK_ENDS:
            return (length, content) == (0, end)
        place = content + length
    return False


def standard(data: bytes) -> bytes:
    """Return a file as it is if it is in order, and `repaired` if it is not."""
    return data if _in_order(data) else repaired(data)


def repaired(data: bytes) -> bytes:
    """Return a standard MIDI file of the events that are whole; raise an UnreadableMidiError as `read_score`.

    A track ends before the first event that is cut off or makes no sense.
    """
    if not data:
        raise UnreadableMidiError("empty file")
    begin = data.find(b"MThd")
    if begin < 0 or len(data) < begin + 14:
        raise UnreadableMidiError("not a MIDI file: it has no header (MThd)")
    size = int.from_bytes(data[begin + 4 : begin + 8], "big")
    kind, _, division = struct.unpack(">HHh", data[begin + 8 : begin + 14])
    if division <= 0:
        frames = "in frames of film (SMPTE), not in beats" if division else "in steps of no length"
        raise UnreadableMidiError(f"it counts time {frames}")
    tracks = _tracks(data, begin + 8 + size)
    if kind >= _SEPARATE_PIECES and len(tracks) > 1:
        raise UnreadableMidiError(f"type {kind}: its {len(tracks)} tracks are separate pieces; save them one by one")
    header = struct.pack(">4sIHHh", b"MThd", 6, int(len(tracks) != 1), len(tracks), division)
    return header + b"".join(struct.pack(">4sI", b"MTrk", len(track)) + track for track in tracks)


class Message(NamedTuple):
    """An event of a MIDI file.

    Attributes:
        track: number of its track.
        tick: from the beginning.
        status: with the channel, as in the file.
        data: the bytes after it; of a meta event, its type and its content.
    """

    track: int
    tick: int
    status: int
    data: bytes


def messages(data: bytes) -> Iterator[Message]:
    """Yield every whole event of a MIDI file, track after track, the ends of tracks among them.

    Unlike symusic it has notes that are never released. It raises an UnreadableMidiError as `read_score`.
    """
    data = standard(data)
    place, track = 14, 0
    while data[place : place + 4] == b"MTrk":
        end = place + 8 + int.from_bytes(data[place + 4 : place + 8], "big")
        tick = 0
        for time, status, content, _ in _events(data, place + 8, end):
            tick += time
            yield Message(track, tick, status, content)
        place, track = end, track + 1


def ticks_per_quarter(data: bytes) -> int:
    """Return the resolution of a MIDI file; raise an UnreadableMidiError as `read_score`."""
    return int.from_bytes(standard(data)[12:14], "big")


def _tracks(data: bytes, place: int) -> list[bytes]:
    """Return the whole events of each track chunk; other chunks are skipped."""
    tracks = []
    while (place := data.find(b"MTrk", place)) >= 0:
        begin = place + 8
        end = min(len(data), begin + int.from_bytes(data[place + 4 : begin], "big"))
        events, place = [], begin
        for time, status, content, after in _events(data, begin, end):
            if status == _META:
                content = content[:1] + _written(len(content) - 1) + content[1:]  # noqa: PLW2901 - as in a file
            elif status in _SYSEX:
                content = _written(len(content)) + content  # noqa: PLW2901 - as in a file
            events.append(_written(time) + bytes([status]) + content)
            place = after
        whole = bool(events) and events[-1].endswith(_END_OF_TRACK[1:])
        tracks.append(b"".join(events if whole else [*events, _END_OF_TRACK]))
    return tracks


def _events(data: bytes, place: int, end: int) -> Iterator[tuple[int, int, bytes, int]]:
    """Yield each whole event of a track: ticks since the last one, status, data, and the place after it."""
    status, late = 0, 0
    while place < end:
        time, after = _number(data, place, end)
        if time is None or after >= end:
            return
        late += time
        if data[after] >= _STATUS:
            status, after = data[after], after + 1
        if status == _META or status in _SYSEX:
            length, content = _number(data, after + (status == _META), end)
            if length is None or content + length > end:
                return
            kind = data[after : after + 1] if status == _META else b""
            place = content + length
            yield late, status, kind + data[content:place], place
            if kind == _TRACK_ENDS:
                return
            late = 0
            continue
        place = after + _DATA_BYTES.get(status >> 4, _SYSTEM_BYTES.get(status, 0))
        values = data[after:place]
        if status < _STATUS or place > end or not values.isascii():
            return
        if status < _SYSEX[0]:  # the others are of no use in a file
            yield late, status, values, place
            late = 0


def _written(number: int) -> bytes:
    """Write a number of variable length."""
    groups = [number & 0x7F]
    while number := number >> 7:
        groups.append(number & 0x7F | _STATUS)
    return bytes(reversed(groups))


def _number(data: bytes, place: int, end: int) -> tuple[int | None, int]:
    """Read a number of variable length: its value, None if it is cut off or too long, and the place after it."""
    value = 0
    for after in range(place, min(place + _LONGEST_NUMBER, end)):
        value = value << 7 | data[after] & 0x7F
        if data[after] < _STATUS:
            return value, after + 1
    return None, place
