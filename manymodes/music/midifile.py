"""Open MIDI files, damaged ones too: what is whole is read, what cannot be is refused in words.

symusic parses. What it does not accept is first put in order here: files in a RIFF wrapper, chunks that it does not
know, longer headers, wrong track counts and lengths, and tracks that break off.
"""

from __future__ import annotations

import struct
from typing import Any

__all__ = ["LARGEST_FILE", "UnreadableMidiError", "read_score", "repaired"]

LARGEST_FILE = 32_000_000
"""Bytes. A symphony is under one million."""

_END_OF_TRACK = b"\x00\xff\x2f\x00"
_LONGEST_NUMBER = 4  # bytes of a length or time
_DATA_BYTES = {0x8: 2, 0x9: 2, 0xA: 2, 0xB: 2, 0xC: 1, 0xD: 1, 0xE: 2}
_SYSTEM_BYTES = {0xF1: 1, 0xF2: 2, 0xF3: 1}
_META, _SYSEX = 0xFF, (0xF0, 0xF7)
_SEPARATE_PIECES = 2


class UnreadableMidiError(Exception):
    """A file that gives no notes, with the reason in words."""


def read_score(data: bytes) -> Any:
    """Parse a MIDI file with symusic, times in ticks.

    Raises:
        UnreadableMidiError: it is no MIDI file, is of type 2, or counts time in frames of film.
    """
    import symusic

    if not data:
        raise UnreadableMidiError("empty file")
    if len(data) > LARGEST_FILE:
        limit = f"{LARGEST_FILE / 1e6:.0f} MB"
        raise UnreadableMidiError(f"{len(data) / 1e6:.0f} MB, more than the {limit} that a MIDI file may have")
    if not _in_order(data):
        data = repaired(data)
    try:
        return symusic.Score.from_midi(data)
    except (RuntimeError, ValueError, MemoryError, OverflowError):
        pass
    try:
        return symusic.Score.from_midi(repaired(data))
    except (RuntimeError, ValueError, MemoryError, OverflowError):
        raise UnreadableMidiError("its events make no sense as MIDI") from None


def _in_order(data: bytes) -> bool:
    """Whether header and chunks are as the standard wants them, of type 0 or 1, in ticks per quarter."""
    if len(data) < 14 or data[:8] != b"MThd\0\0\0\6":  # noqa: PLR2004
        return False
    kind, tracks, division = struct.unpack(">HHh", data[8:14])
    place, count = 14, 0
    while data[place : place + 4] == b"MTrk" and place + 8 <= len(data):
        place += 8 + int.from_bytes(data[place + 4 : place + 8], "big")
        count += 1
    return kind < _SEPARATE_PIECES and division > 0 and count == tracks and place == len(data)


def repaired(data: bytes) -> bytes:
    """Return a standard MIDI file of the events that are whole.

    A track ends before the first event that is cut off or makes no sense.

    Raises:
        UnreadableMidiError: as `read_score`.
    """
    begin = data.find(b"MThd")
    if begin < 0 or len(data) < begin + 14:
        raise UnreadableMidiError("not a MIDI file: it has no header (MThd)")
    size = int.from_bytes(data[begin + 4 : begin + 8], "big")
    kind, _, division = struct.unpack(">HHh", data[begin + 8 : begin + 14])
    if division <= 0:
        raise UnreadableMidiError("it counts time in frames of film (SMPTE), not in beats")
    tracks = _tracks(data, begin + 8 + size)
    if kind >= _SEPARATE_PIECES and len(tracks) > 1:
        raise UnreadableMidiError(f"type {kind}: its {len(tracks)} tracks are separate pieces; save them one by one")
    header = struct.pack(">4sIHHh", b"MThd", 6, int(len(tracks) != 1), len(tracks), division)
    return header + b"".join(struct.pack(">4sI", b"MTrk", len(track)) + track for track in tracks)


def _tracks(data: bytes, place: int) -> list[bytes]:
    """Return the events of each track chunk; other chunks are skipped."""
    tracks = []
    while (place := data.find(b"MTrk", place)) >= 0:
        size = int.from_bytes(data[place + 4 : place + 8], "big")
        events, place = _whole_events(data, place + 8, min(len(data), place + 8 + size))
        tracks.append(events + _END_OF_TRACK)
    return tracks


def _whole_events(data: bytes, begin: int, end: int) -> tuple[bytes, int]:
    """Return the whole events of a track without its end mark, each with its status, and where reading stopped."""
    events, place, status = bytearray(), begin, 0
    while place < end:
        time, after = _number(data, place, end)
        if time is None or after >= end:
            break
        delta = data[place:after]
        if data[after] >= 0x80:  # noqa: PLR2004  (a status byte)
            status, after = data[after], after + 1
        if status == _META or status in _SYSEX:
            length, content = _number(data, after + (status == _META), end)
            if length is None or content + length > end:
                break
            if status == _META and data[after] == 0x2F:  # noqa: PLR2004  (end of track)
                return bytes(events), content + length
            events += delta + bytes([status]) + data[after : content + length]
            place = content + length
            continue
        count = _DATA_BYTES.get(status >> 4, _SYSTEM_BYTES.get(status, 0))
        values = data[after : after + count]
        if status < 0x80 or after + count > end or any(value > 0x7F for value in values):  # noqa: PLR2004
            break
        if status < 0xF0:  # noqa: PLR2004  (the others are of no use in a file)
            events += delta + bytes([status]) + values
        place = after + count
    return bytes(events), max(place, begin)


def _number(data: bytes, place: int, end: int) -> tuple[int | None, int]:
    """Read a number of variable length: its value, None if it is cut off or too long, and the place after it."""
    value = 0
    for after in range(place, min(place + _LONGEST_NUMBER, end)):
        value = value << 7 | data[after] & 0x7F
        if data[after] < 0x80:  # noqa: PLR2004
            return value, after + 1
    return None, place
