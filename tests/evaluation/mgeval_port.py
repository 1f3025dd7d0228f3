"""The twelve features of mgeval as its authors wrote them, on today's pretty_midi and mido.

A straightforward port, one loop after another, that shares no code with `evaluation`: the oracle of `--mgeval`, and
what the speed of feature extraction is measured against.
"""

import itertools
import math

import mido
import numpy as np
import pretty_midi

LENGTHS = [96, 48, 24, 12, 6, 72, 36, 18, 9, 32, 16, 8]


class Piece:
    def __init__(self, path):
        self.pretty = pretty_midi.PrettyMIDI(str(path))
        file = mido.MidiFile(path)
        self.resolution = file.ticks_per_beat
        self.signature = (4, 2)  # numerator, log2 of the denominator
        for track in file.tracks:
            for event in track:
                if event.type == "time_signature":
                    self.signature = (event.numerator, int(math.log2(event.denominator)))
        self.track = next(t for t in file.tracks if any(e.type == "note_on" and e.velocity for e in t))

    def note_ons(self):
        now, results = 0, []
        for event in self.track:
            now += event.time
            if event.type == "note_on" and event.velocity != 0:
                results.append((now, event.note))
        return results

    def lengths(self):
        """Ticks of each note of the track, in the order of the onsets."""
        now, open_notes, results = 0, {}, []
        for event in self.track:
            now += event.time
            if event.type == "note_on" and event.velocity != 0:
                open_notes.setdefault(event.note, []).append(now)
            elif event.type in {"note_on", "note_off"} and open_notes.get(event.note):
                start = open_notes[event.note].pop(0)
                results.append((start, event.note, now - start))
        return [length for _, _, length in sorted(results)]

    def roll(self):
        return self.pretty.instruments[0].get_piano_roll(fs=100)

    def bar(self):
        return self.signature[0] * self.resolution * 4 / 2 ** self.signature[1]

    def slipped_bar(self):
        return self.signature[1] * self.resolution * 4 / 2 ** self.signature[1]


def bar_used_pitch(piece, bars=8):
    sets = [set() for _ in range(bars)]
    for tick, pitch in piece.note_ons():
        if int(tick / piece.bar()) < bars:
            sets[int(tick / piece.bar())].add(pitch)
    return [len(one) for one in sets]


def bar_used_note(piece, bars=8):
    counts = np.zeros(bars)
    for tick, _ in piece.note_ons():
        if int(tick / piece.slipped_bar()) < bars:
            counts[int(tick / piece.slipped_bar())] += 1
    return counts


def folded(roll):
    """Sum a roll, [128, frames], by pitch class, as shares; zeros for silence."""
    histogram = np.zeros(12)
    for pitch in range(128):
        histogram[pitch % 12] += np.sum(roll[pitch])
    return histogram / np.sum(histogram) if np.sum(histogram) > 0 else histogram


def bar_pitch_class_histogram(piece, bars=8):
    numerator, exponent = piece.signature
    frames = math.ceil(round(60 / 120 * numerator * 4 / 2**exponent * 100, 6))
    roll = piece.roll()
    roll = np.pad(roll, ((0, 0), (0, max(bars * frames - roll.shape[1], 0))))
    return [folded(roll[:, bar * frames : (bar + 1) * frames]) for bar in range(bars)]


def pitch_range(piece):
    used = np.where(np.sum(piece.roll(), axis=1) > 0)[0]
    return np.max(used) - np.min(used) if len(used) else float("nan")


def classes(piece):
    unit = piece.slipped_bar() / 96
    return [int(np.argmin(np.abs(np.array(LENGTHS) * unit - length))) for length in piece.lengths()]


def note_length_transition_matrix(piece):
    matrix = np.zeros((12, 12))
    for before, after in itertools.pairwise(classes(piece)):
        matrix[before, after] += 1
    return matrix


FEATURES = {
    "total_used_pitch": lambda piece: np.sum(np.sum(piece.roll(), axis=1) > 0),
    "bar_used_pitch": bar_used_pitch,
    "total_used_note": lambda piece: len(piece.note_ons()),
    "bar_used_note": bar_used_note,
    "total_pitch_class_histogram": lambda piece: folded(piece.roll()),
    "bar_pitch_class_histogram": bar_pitch_class_histogram,
    "pitch_class_transition_matrix": lambda piece: piece.pretty.get_pitch_class_transition_matrix(),
    "pitch_range": pitch_range,
    "avg_pitch_shift": lambda piece: np.mean(np.abs(np.diff([pitch for _, pitch in piece.note_ons()]))),
    "avg_IOI": lambda piece: np.mean(np.diff(piece.pretty.get_onsets())),
    "note_length_hist": lambda piece: np.mean(np.eye(12)[classes(piece)], axis=0),
    "note_length_transition_matrix": note_length_transition_matrix,
}


def measure(piece):
    return {name: function(piece) for name, function in FEATURES.items()}
