"""Write melodies as standard MIDI files."""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from manymodes.cli import UserError, did_you_mean
from manymodes.music.score import STEPS_PER_QUARTER

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from manymodes.music.score import Score

TICKS_PER_QUARTER = 480
VELOCITY = 88
_ACCENT = 8
_EIGHTHS = 8
_HIGHEST_PROGRAM = 127
_TICKS_A_STEP = TICKS_PER_QUARTER // STEPS_PER_QUARTER
_MAJOR_KEYS = ("Cb", "Gb", "Db", "Ab", "Eb", "Bb", "F", "C", "G", "D", "A", "E", "B", "F#", "C#")
_MINOR_KEYS = ("Abm", "Ebm", "Bbm", "Fm", "Cm", "Gm", "Dm", "Am", "Em", "Bm", "F#m", "C#m", "G#m", "D#m", "A#m")


def instrument_program(name: str) -> int:
    """Return the General MIDI program, 0 to 127, of a number, a name, or the first name with this part (``piano``).

    An unknown instrument raises a UserError.
    """
    from pretty_midi.constants import INSTRUMENT_MAP

    if name.isdecimal() and int(name) <= _HIGHEST_PROGRAM:
        return int(name)
    names = [instrument.lower() for instrument in INSTRUMENT_MAP]
    wanted = name.strip().lower()
    if wanted in names:
        return names.index(wanted)
    if containing := [program for program, instrument in enumerate(names) if wanted and wanted in instrument]:
        return containing[0]
    hint = did_you_mean(wanted, names)
    raise UserError(f"--instrument {name!r} is not a General MIDI instrument or a number from 0 to 127. {hint}".strip())


def velocity(place: int, meter: str) -> int:
    """Return how hard a note is struck that begins so many sixteenths after a bar line: bars and beats are heard."""
    beats, unit = map(int, meter.split("/"))
    beat = 6 if unit == _EIGHTHS and beats % 3 == 0 else 4 * STEPS_PER_QUARTER // unit
    if place % (beats * 4 * STEPS_PER_QUARTER // unit) == 0:
        return VELOCITY + _ACCENT
    return VELOCITY if place % beat == 0 else VELOCITY - _ACCENT


def write_melody(path: Path, score: Score) -> None:
    """Write a score as a type 0 MIDI file: title, metre, upbeat, key, tempo, program and notes.

    An upbeat is a first bar in a metre of its own length, as notation programs write it. A rest at the end delays the
    end of the track.
    """
    import mido

    events = meta_events(score)
    events.append((0, mido.Message("program_change", program=score.program)))
    for place, pitch, steps in score.sounding():
        loud = velocity(place - score.upbeat, score.meter)
        events.append((place * _TICKS_A_STEP, mido.Message("note_on", note=pitch, velocity=loud)))
        events.append(((place + steps) * _TICKS_A_STEP, mido.Message("note_off", note=pitch, velocity=0)))
    events.append((score.steps * _TICKS_A_STEP, mido.MetaMessage("end_of_track")))
    mido.MidiFile(type=0, ticks_per_beat=TICKS_PER_QUARTER, tracks=[track_of(events)]).save(path)


def track_of(events: Iterable[tuple[int, Any]]) -> Any:
    """Return mido's messages, each with its tick, as a track: at one tick what ends comes first, and notes last."""
    import mido

    # a stable sort: what ends comes before what begins, and the metre of a bar before its notes
    ordered = sorted(events, key=lambda event: (event[0], not event[1].is_meta and event[1].type == "note_on"))
    times = itertools.pairwise([0, *(tick for tick, _ in ordered)])
    messages = [message for _, message in ordered]
    return mido.MidiTrack(
        message.copy(time=now - before) for message, (before, now) in zip(messages, times, strict=True)
    )


def meta_events(score: Score) -> list[tuple[int, Any]]:
    """Return title, metres, key and tempo as mido's messages, each with its tick."""
    import mido

    title = score.title.encode("latin-1", "replace").decode("latin-1")  # the character set of MIDI files
    beats, unit = map(int, score.meter.split("/"))
    meters = [(score.upbeat * _TICKS_A_STEP, beats, unit)]
    if score.upbeat:
        short = Fraction(score.upbeat, 4 * STEPS_PER_QUARTER)
        short_unit = max(short.denominator, unit)
        meters.insert(0, (0, int(short * short_unit), short_unit))
    keys = _MINOR_KEYS if score.mode == "minor" else _MAJOR_KEYS
    return [
        (0, mido.MetaMessage("track_name", name=title)),
        *((tick, mido.MetaMessage("time_signature", numerator=n, denominator=d)) for tick, n, d in meters),
        (0, mido.MetaMessage("key_signature", key=keys[score.fifths + len(keys) // 2])),
        (0, mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(score.tempo))),
    ]
