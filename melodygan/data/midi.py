"""Read the parts of a MIDI file as notes on the grid of sixteenths."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

from manymodes.music.midifile import UnreadableMidiError, read_score
from melodygan.data.encoding import STEPS_PER_QUARTER
from melodygan.data.events import Event, Key, Sheet, UnreadableError, key_with

_UNHEARD = Fraction(1, 8)  # of a sixteenth: players are no more exact, and no note of a tune is shorter
_MOST_NOTES = 100_000
_MOST_SHARPS = 7


def read_midi(data: bytes) -> Sheet:
    """Read each track and channel as a part, drums left out.

    Every onset and end goes to the nearest sixteenth (halfway: later), a note lasts at least one. A first time
    signature that lasts one bar, and a shorter one than the next has, is an upbeat.

    Raises:
        UnreadableError: it is no MIDI file, is of type 2, or has too many notes.
    """
    try:
        score = read_score(data)
    except UnreadableMidiError as error:
        raise UnreadableError(str(error)) from None
    tracks = [track for track in score.tracks if not track.is_drum and len(track.notes)]
    if sum(len(track.notes) for track in tracks) > _MOST_NOTES:
        raise UnreadableError(f"more than {_MOST_NOTES:,} notes")
    per_quarter = score.ticks_per_quarter
    parts, names = [], []
    for number, track in enumerate(tracks, start=1):
        if part := sorted(_event(note, per_quarter) for note in track.notes if note.duration > 0):
            parts.append(part)
            names.append(track.name.strip() or f"track {number}")
    meter, bar, origin = _metre(score.time_signatures, per_quarter)
    begin = min((part[0].onset for part in parts), default=Fraction(0))
    return Sheet(
        parts,
        _key(score.key_signatures),
        meter,
        (origin - begin) % bar if bar else Fraction(0),
        names=names,
        tempo=next((round(tempo.qpm, 3) for tempo in score.tempos), None),
    )


def _event(note: Any, per_quarter: int) -> Event:
    onset, moved = _nearest(note.time, per_quarter)
    end = max(_nearest(note.time + note.duration, per_quarter)[0], onset + 1)
    return Event(Fraction(onset, STEPS_PER_QUARTER), Fraction(end, STEPS_PER_QUARTER), note.pitch, moved=moved)


def _nearest(tick: int, per_quarter: int) -> tuple[int, bool]:
    """Return the nearest sixteenth, and whether the distance to it can be heard."""
    exactly = Fraction(tick * STEPS_PER_QUARTER, per_quarter)
    nearest = math.floor(exactly + Fraction(1, 2))
    return nearest, abs(exactly - nearest) > _UNHEARD


def _metre(signatures: Any, per_quarter: int) -> tuple[str, Fraction, Fraction]:
    """Return the metre, the quarters of its bar (0 if there is none), and where its first bar line is."""
    known = [sign for sign in signatures if sign.numerator > 0 and sign.denominator > 0]
    if not known:
        return "", Fraction(0), Fraction(0)
    first, origin = known[0], Fraction(0)
    if len(known) > 1:
        lasts = Fraction(known[1].time - first.time, per_quarter)
        if lasts == _bar(first) < _bar(known[1]):
            first, origin = known[1], Fraction(known[1].time, per_quarter)
    return f"{first.numerator}/{first.denominator}", _bar(first), origin


def _bar(signature: Any) -> Fraction:
    return Fraction(4 * signature.numerator, signature.denominator)


def _key(signatures: Any) -> Key | None:
    """Return the first key whose signature exists."""
    keys = [sign for sign in signatures if abs(sign.key) <= _MOST_SHARPS]
    return key_with(keys[0].key, "minor" if keys[0].tonality else "major") if keys else None
