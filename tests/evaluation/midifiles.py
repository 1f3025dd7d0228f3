"""MIDI files made by mido alone."""

from __future__ import annotations

import mido
from music21 import converter


def write_midi(path, notes, *, tempo=500_000, meter=(4, 4), ticks=480, channel=0, tracks=1):
    """Write (onset, duration, pitch) in quarters as a MIDI file, with mido alone."""
    file = mido.MidiFile(type=1, ticks_per_beat=ticks)
    conductor = mido.MidiTrack()
    conductor.append(mido.MetaMessage("set_tempo", tempo=tempo))
    conductor.append(mido.MetaMessage("time_signature", numerator=meter[0], denominator=meter[1]))
    file.tracks.append(conductor)
    for part in range(tracks):
        events = []
        for onset, duration, pitch in notes[part::tracks]:
            events.append((round((onset + duration) * ticks), 0, pitch, 0))
            events.append((round(onset * ticks), 1, pitch, 64))
        track, now = mido.MidiTrack(), 0
        for tick, _, pitch, velocity in sorted(events):
            track.append(
                mido.Message("note_on", note=pitch, velocity=velocity, time=tick - now, channel=channel + part)
            )
            now = tick
        file.tracks.append(track)
    path.parent.mkdir(parents=True, exist_ok=True)
    file.save(path)
    return path


def write_pieces(folder, pieces):
    """Write pieces of one track at 120 BPM, one file each, numbered."""
    for number, piece in enumerate(pieces):
        notes = list(zip(piece.onset.tolist(), piece.duration.tolist(), piece.pitch.tolist(), strict=True))
        write_midi(folder / f"{number:03d}.mid", notes, meter=piece.meter)
    return folder


def write_abc(path, tune):
    """Write a tune in ABC as a MIDI file."""
    # music21's own reader: symusic's runs a program that fails where the path has a space
    score = converter.parseData(tune, format="abc").flatten()
    meter = score.getElementsByClass("TimeSignature").first()
    notes = [(float(note.offset), float(note.quarterLength), note.pitch.midi) for note in score.notes]
    write_midi(path, notes, meter=(meter.numerator, meter.denominator) if meter else (4, 4))
