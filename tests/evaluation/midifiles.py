"""MIDI files made by mido alone, and damaged ones."""

import re

import mido

from melodygan.data.abc import read_abc
from melodygan.data.corpus import music21_corpus


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
    if meter:
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


def write_pieces(folder, pieces, channel=0):
    """Write pieces of one track at 120 BPM, one file each, numbered."""
    for number, piece in enumerate(pieces):
        notes = list(zip(piece.onset.tolist(), piece.duration.tolist(), piece.pitch.tolist(), strict=True))
        write_midi(folder / f"{number:03d}.mid", notes, meter=piece.meter, channel=channel)
    return folder


def write_tunes(folder, parts, most=None):
    """Write parts of the Erk collection, German folk songs in ABC that come with music21, as MIDI files."""
    texts = [(music21_corpus() / "essenFolksong" / f"erk{part}.abc").read_text("latin-1") for part in parts]
    for number, tune in enumerate(re.split(r"(?m)^(?=X:)", "".join(texts))[1:][:most]):
        sheet = read_abc(tune)
        notes = [(event.onset, event.end - event.onset, event.pitch) for event in sheet.parts[0] if event.pitch]
        beats, unit = (sheet.meter or "4/4").split("/")
        write_midi(folder / f"{number:04d}.mid", notes, meter=(int(beats), int(unit)))
    return folder


def mutated(data, rng):
    """Damage a file: flip bits, overwrite, cut, repeat or insert bytes, or set a length to an extreme."""
    data = bytearray(data)
    for _ in range(int(rng.integers(1, 6))):
        place = int(rng.integers(len(data)))
        match int(rng.integers(6)):
            case 0:
                data[place] ^= 1 << int(rng.integers(8))
            case 1:
                data[place] = int(rng.integers(256))
            case 2:
                del data[max(place, 1) :]
            case 3:
                data[place:place] = data[place : place + int(rng.integers(1, 64))]
            case 4:
                data[place:place] = rng.bytes(int(rng.integers(1, 16)))
            case 5:
                data[place : place + 4] = (b"\xff\xff\xff\xff", bytes(4), b"\x7f\xff\xff\xff")[rng.integers(3)]
    return bytes(data)
