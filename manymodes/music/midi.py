"""Write melodies as standard MIDI files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from manymodes.cli import UserError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

TICKS_PER_QUARTER = 480
VELOCITY = 90
_HIGHEST_PROGRAM = 127


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
    hint = did_you_mean(wanted, dict(zip(names, names, strict=True)))
    raise UserError(f"--instrument {name!r} is not a General MIDI instrument or a number from 0 to 127. {hint}".strip())


def write_melody(
    path: Path,
    notes: Iterable[tuple[int | None, float]],
    *,
    tempo: float = 120.0,
    program: int = 0,
    meter: tuple[int, int] = (4, 4),
) -> None:
    """Write one voice as a type 0 MIDI file, at a tempo in BPM and with a General MIDI program, 0 to 127.

    The notes are (MIDI pitch, or None for a rest; length in quarters) one after the other. A rest at the end delays the
    end of the track.
    """
    import mido

    track = mido.MidiTrack()
    track.append(mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(tempo)))
    track.append(mido.MetaMessage("time_signature", numerator=meter[0], denominator=meter[1]))
    track.append(mido.Message("program_change", program=program))
    silence = 0
    for pitch, quarters in notes:
        ticks = round(quarters * TICKS_PER_QUARTER)
        if pitch is None:
            silence += ticks
            continue
        track.append(mido.Message("note_on", note=pitch, velocity=VELOCITY, time=silence))
        track.append(mido.Message("note_off", note=pitch, velocity=0, time=ticks))
        silence = 0
    track.append(mido.MetaMessage("end_of_track", time=silence))
    midi = mido.MidiFile(type=0, ticks_per_beat=TICKS_PER_QUARTER)
    midi.tracks.append(track)
    midi.save(path)
