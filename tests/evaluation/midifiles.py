"""MIDI files made by mido alone."""

import re

import mido
from music21 import converter, corpus


def write_midi(path, notes, *, tempo=500_000, meter=(4, 4), ticks=480, channel=0, tracks=1, meta=()):
    """Write (onset, duration, pitch) in quarters as a MIDI file, and (quarter, message) in its last track."""
    parts = [[] for _ in range(tracks)]
    for number, (onset, duration, pitch) in enumerate(notes):
        part = number % tracks
        for time, kind in ((onset + duration, "note_off"), (onset, "note_on")):
            message = mido.Message(kind, note=pitch, channel=channel + part)
            parts[part].append((round(time * ticks), kind == "note_on", pitch, message))
    parts[-1].extend((round(quarter * ticks), -1, 0, message) for quarter, message in meta)
    conductor = mido.MidiTrack()
    conductor.append(mido.MetaMessage("set_tempo", tempo=tempo))
    conductor.append(mido.MetaMessage("time_signature", numerator=meter[0], denominator=meter[1]))
    file = mido.MidiFile(type=1, ticks_per_beat=ticks, tracks=[conductor])
    for events in parts:
        now = 0
        track = file.add_track()
        for tick, *_, message in sorted(events, key=lambda event: event[:3]):
            track.append(message.copy(time=tick - now))
            now = tick
    path.parent.mkdir(parents=True, exist_ok=True)
    file.save(path)
    return path


def write_pieces(folder, pieces):
    """Write pieces of one track at 120 BPM, one file each, numbered."""
    for number, piece in enumerate(pieces):
        notes = list(zip(piece.onset.tolist(), piece.duration.tolist(), piece.pitch.tolist(), strict=True))
        write_midi(folder / f"{number:03d}.mid", notes, meter=piece.meter)
    return folder


def write_tunes(folder, parts, most=None):
    """Write parts of the Erk collection, German folk songs in ABC that come with music21, as MIDI files."""
    sources = {path.name: path for path in corpus.getComposer("essenFolksong")}
    text = "".join(sources[f"erk{part}.abc"].read_text(encoding="latin-1") for part in parts)
    for number, tune in enumerate(re.split(r"(?m)^(?=X:)", text)[1:][:most]):
        write_abc(folder / f"{number:04d}.mid", tune)
    return folder


def write_abc(path, tune):
    """Write a tune in ABC as a MIDI file."""
    # music21's own reader: symusic's runs a program that fails where the path has a space
    score = converter.parseData(tune, format="abc").flatten()
    meter = score.getElementsByClass("TimeSignature").first()
    notes = [(float(note.offset), float(note.quarterLength), note.pitch.midi) for note in score.notes]
    write_midi(path, notes, meter=(meter.numerator, meter.denominator) if meter else (4, 4))
