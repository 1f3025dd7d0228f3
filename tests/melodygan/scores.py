"""One little tune in every format, and ways to write others."""

import functools
import zipfile

import mido
import numpy as np
import symusic

from manymodes.music import score
from melodygan.data.encoding import Note, Tune

_LETTERS = {60: "C", 62: "D", 64: "E", 65: "F", 67: "G", 69: "A", 71: "B", 72: "c", 74: "d"}

# An upbeat, a dotted note, a tie over a bar line, a rest, sixteenths: noted in G major, 3/4 …
ABC = """X:1
T:Little tune
M:3/4
L:1/16
K:G
D4 | G4 A6 B2 | G4 c8- | c4 z4 F2EE | G12 |
"""
KERN = """!!!OTL: Little tune
**kern
*M3/4
*k[f#]
*G:
4d
=1
4g
4.a
8b
=2
4g
[2cc
=3
4cc]
4r
8f#
16e
16e
=4
2.g
==
*-
"""
IN_G = ((62, 4), (67, 4), (69, 6), (71, 2), (67, 4), (72, 12), (None, 4), (66, 2), (64, 1), (64, 1), (67, 12))
# … and in C major, the tonic on the C below.
IN_C = tuple(Note(None if pitch is None else pitch - 7, steps) for pitch, steps in IN_G)


def write_midi(path, notes, *, key=None, meter=None, lead=0, tracks=()):
    """Write (pitch, sixteenths) with 480 ticks a quarter, after `lead` ticks of silence."""
    file = mido.MidiFile(ticks_per_beat=480)
    track = mido.MidiTrack()
    file.tracks.append(track)
    if key:
        track.append(mido.MetaMessage("key_signature", key=key))
    if meter:
        track.append(mido.MetaMessage("time_signature", numerator=meter[0], denominator=meter[1]))
    wait = lead
    for pitch, steps in notes:
        if pitch is None:
            wait += round(steps * 120)
            continue
        track.append(mido.Message("note_on", note=pitch, time=wait))
        track.append(mido.Message("note_off", note=pitch, time=round(steps * 120)))
        wait = 0
    file.tracks.extend(tracks)
    file.save(path)


@functools.cache
def musicxml():
    """Write the little tune as MusicXML."""
    return score.musicxml(score.Score(IN_G, "Little tune", "3/4", upbeat=4, fifths=1))


def abc(body, key="C", **fields):
    header = {"X": "1", "T": "tune", "M": "4/4", "L": "1/16", **fields, "K": key}
    return "".join(f"{name}:{value}\n" for name, value in header.items()) + body + "\n"


def write_all_formats(folder):
    (folder / "a.abc").write_text(ABC, encoding="utf-8")
    (folder / "b.krn").write_text(KERN, encoding="utf-8")
    write_midi(folder / "c.mid", IN_G, key="G", meter=(3, 4), lead=2 * 480)
    (folder / "d.musicxml").write_text(musicxml(), encoding="utf-8")
    with zipfile.ZipFile(folder / "e.mxl", "w") as archive:
        archive.writestr("META-INF/container.xml", '<container><rootfile full-path="in/score.xml"/></container>')
        archive.writestr("in/score.xml", musicxml())


def rests_joined(notes):
    """Join rests that follow each other: a format may divide them."""
    joined = []
    for pitch, steps in notes:
        if pitch is None and joined and joined[-1].pitch is None:
            joined[-1] = Note(None, joined[-1].steps + steps)
        else:
            joined.append(Note(pitch, steps))
    return tuple(joined)


def random_tunes(count, seed=0, lengths=(8, 24)):
    """Compose tunes in C major by the throw of dice, each another one."""
    rng = np.random.default_rng(seed)
    tunes = []
    for number in range(1, count + 1):
        size = int(rng.integers(*lengths))
        pitches, steps = rng.choice(list(_LETTERS), size), rng.choice([1, 2, 4, 8], size)
        notes = tuple(Note(int(pitch), int(length)) for pitch, length in zip(pitches, steps, strict=True))
        tunes.append(Tune(notes, f"dice {number}"))
    return tunes


def walking_tunes(count, seed):
    """Compose tunes that go up and down the scale in quarters and eighths."""
    scale = [60, 62, 64, 65, 67, 69, 71, 72]
    rng = np.random.default_rng(seed)
    tunes = []
    for number in range(count):
        size = int(rng.integers(20, 40))
        places = np.clip(np.cumsum(rng.integers(-1, 2, size)) + 4, 0, 7)
        lengths = rng.choice([2, 4], size, p=[0.3, 0.7])
        notes = tuple(Note(scale[place], int(steps)) for place, steps in zip(places, lengths, strict=True))
        tunes.append(Tune(notes, f"walk {number}"))
    return tuple(tunes)


def write_abc(path, tunes):
    """Write tunes of `random_tunes` as one ABC file."""
    bodies = ["".join(f"{_LETTERS[note.pitch]}{note.steps} " for note in tune.notes) + "|" for tune in tunes]
    texts = [abc(body, X=str(number), T=tunes[number - 1].name) for number, body in enumerate(bodies, start=1)]
    path.write_text("\n".join(texts), encoding="utf-8")


def played(path):
    """Read a MIDI file: (onset, length, pitch) in sixteenths, its instruments, its tempo in BPM."""
    score = symusic.Score(path)
    step = score.ticks_per_quarter / 4
    notes = [(note.time / step, note.duration / step, note.pitch) for track in score.tracks for note in track.notes]
    return notes, {track.program for track in score.tracks}, score.tempos[0].qpm
