"""Songs: a melody, drums, and chords and a bass by rule, in one tempo, as one sound and one MIDI file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from drumvae.playing import beats
from manymodes.music.formats import sound_of
from manymodes.music.midi import TICKS_PER_QUARTER, meta_events, track_of, velocity
from manymodes.music.score import STEPS_PER_QUARTER
from manymodes.music.soundfont import PlayedNote
from manymodes_studio import melody

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from drumvae.data.kit import Bars
    from manymodes.music.score import Score
    from manymodes_studio.melody import Composed

PARTS = ("drums", "chords", "bass")
"""What can be added to a melody."""


class Mood(NamedTuple):
    """The settings of a kind of song."""

    key: str
    meter: str
    tempo: int
    instrument: str
    style: str
    bars: int = 16
    complexity: float = 0.4


MOODS = {
    "calm waltz": Mood("G major", "3/4", 100, "music box", "rock", complexity=0.2),
    "lively jig": Mood("D major", "6/8", 150, "flute", "rock", complexity=0.3),
    "sad song": Mood("A minor", "4/4", 76, "cello", "rock", 8, 0.25),
    "march": Mood("F major", "2/4", 108, "trumpet", "rock"),
    "dance": Mood("E minor", "4/4", 116, "clarinet", "hiphop", 8),
}
"""The kinds of songs."""

_LOOP = 4  # bars of drums, which repeat
_STEADY = 0.5  # temperature of drums: they accompany
_OCTAVE = 12
_TRIADS = {
    "major": {(0, 4, 7): 0.4, (7, 11, 2): 0.26, (5, 9, 0): 0.2, (9, 0, 4): 0.08, (2, 5, 9): 0.06},
    "minor": {
        (0, 3, 7): 0.38, (7, 11, 2): 0.18, (5, 8, 0): 0.12, (10, 2, 5): 0.12, (3, 7, 10): 0.1, (8, 0, 3): 0.06,
        (7, 10, 2): 0.04,
    },
}  # fmt: skip
"""Triads in semitones above the tonic, the root first, and how common they are in folk songs."""
_DOMINANT, _SEVENTH = (7, 11, 2), 5
_IMPLIED = 0.75  # what the seventh of the dominant counts, whose other notes count 1
_LEADING = {10: 11, 11: 10}  # the two forms of the seventh degree, which clash
_FIT_NATS = 8.0  # what speaks for a triad that has all notes of a bar
_DOWNBEAT, _BEAT = 4, 2  # what notes beginning there count, in sixteenths
_PLAYED = {"2/4": ((0, 1), (2, 3)), "3/4": ((0, 1, 3),), "4/4": ((0, 1, 2, 3),), "6/8": ((0, 1), (2, 3))}
"""The quarters of a bar of drums that bars play in turn: halves in 2/4 and 6/8; in 3/4 the third is left out."""
_IN_THREES = (0, 2, 4)  # where the sixteenths of a quarter go in 6/8: its second eighth is late, its last one left out
_ACCOMPANIMENT = {
    "2/4": ((0,), (4,)), "3/4": ((0,), (4, 8)), "4/4": ((0, 8), (4, 12)), "6/8": ((0, 6), (4, 10)),
}  # fmt: skip
"""The places of the bass and of the chords in a bar."""
_PIANO, _BASS = 0, 32  # General MIDI: grand piano, acoustic bass
_CHORDS_FROM, _BASS_FROM = 52, 36  # the lowest pitches
_CHORD, _ROOT, _DRUMS = 80, 68, 95  # velocities of chords and bass, and of the loudest drums: the melody leads
_DRUM_CHANNEL = 9


class Event(NamedTuple):
    """A note: its start and length in sixteenths, pitch and velocity."""

    start: float
    steps: float
    pitch: int
    velocity: int


class Voice(NamedTuple):
    """A track: its name, notes and General MIDI program."""

    name: str
    notes: tuple[Event, ...]
    program: int = 0
    is_drum: bool = False


class Song(NamedTuple):
    """A melody and its other voices; the melody is the first of the voices."""

    composed: Composed
    voices: tuple[Voice, ...]


def compose(
    melodist: Any,
    drummer: Any,
    mood: str,
    *,
    seed: int,
    parts: Collection[str] = (),
    tempo: float | None = None,
    temperature: float = 1.0,
) -> Song:
    """Compose a song in a mood; with one seed, other parts and another tempo leave the melody as it is."""
    kind = MOODS[mood]
    composed = melody.compose(
        melodist, key=kind.key, meter=kind.meter, bars=kind.bars, seed=seed, temperature=temperature,
        tempo=tempo or kind.tempo, instrument=melody.INSTRUMENTS[kind.instrument],
    )  # fmt: skip
    beat = None
    if "drums" in parts and drummer is not None:
        style = kind.style if kind.style in drummer.styles else drummer.styles[0]
        (beat,) = beats(
            drummer,
            style,
            bars=_LOOP,
            tempo=composed.score.tempo,
            complexity=kind.complexity,
            temperature=_STEADY,
            seed=seed,
        )
    return Song(composed, voices(composed.score, parts, beat))


def voices(score: Score, parts: Collection[str], beat: Bars | None = None) -> tuple[Voice, ...]:
    """Return the melody and the parts asked for; a beat repeats until the melody ends, cut to its metre."""
    tune = (
        Event(place, steps, pitch, velocity(place - score.upbeat, score.meter))
        for place, pitch, steps in score.sounding()
    )
    made, chords = [Voice("melody", tuple(tune), score.program)], harmony(score)
    if beat is not None:
        made.append(Voice("drums", tuple(_drums(score, beat)), is_drum=True))
    if "chords" in parts:
        made.append(Voice("chords", tuple(_chords(score, chords)), _PIANO))
    if "bass" in parts:
        made.append(Voice("bass", tuple(_bass(score, chords)), _BASS))
    return tuple(made)


def harmony(score: Score) -> list[tuple[int, ...]]:
    """Return a chord of the key for each whole bar, pitch classes with the root first, by rule.

    It is the triad that has most of what sounds in the bar, counted by length and more on the beats, and that is common
    in folk songs. The last bar has the tonic, the one before it the dominant if that has any of its notes and clashes
    with none; a dominant that the tonic follows has a seventh.
    """
    tonic = (7 * score.fifths - (3 if score.mode == "minor" else 0)) % _OCTAVE
    triads, common = list(_TRIADS[score.mode]), list(_TRIADS[score.mode].values())
    weights = _weights(score, tonic)
    shares = weights / np.maximum(weights.sum(axis=1, keepdims=True), 1)
    fits = _FIT_NATS * shares @ np.transpose([_counts(triad) for triad in triads]) + np.log(common)  # [bars, triads]
    chosen = [triads[number] for number in fits.argmax(axis=1)]
    chosen[-1] = triads[0]
    if len(chosen) > 1 and weights[-2][list(_DOMINANT)].any() and not weights[-2][_LEADING[_DOMINANT[1]]]:
        chosen[-2] = _DOMINANT
    followed = zip(chosen, [*chosen[1:], None], strict=True)
    chords = [(*triad, _SEVENTH) if (triad, after) == (_DOMINANT, triads[0]) else triad for triad, after in followed]
    return [tuple((tonic + above) % _OCTAVE for above in chord) for chord in chords]


def _weights(score: Score, tonic: int) -> np.ndarray:
    """Return how much each pitch class above the tonic is heard in each whole bar, [bars, 12]."""
    beats = _beats(score)
    weights = np.zeros((max(1, -(-(score.steps - score.upbeat) // score.bar)), _OCTAVE))
    for place, pitch, steps in score.sounding():
        begin = place - score.upbeat
        above = (pitch - tonic) % _OCTAVE
        for step in range(max(0, begin), begin + steps):
            weights[step // score.bar, above] += 1
        if begin >= 0 and begin % score.bar in beats:
            weights[begin // score.bar, above] += _BEAT if begin % score.bar else _DOWNBEAT
    return weights


def _counts(triad: tuple[int, ...]) -> np.ndarray:
    """Return what each pitch class above the tonic says for a triad, [12]."""
    counts = np.zeros(_OCTAVE)
    counts[list(triad)] = 1
    counts[[_LEADING[above] for above in triad if above in _LEADING]] = -1
    if triad == _DOMINANT:
        counts[_SEVENTH] = _IMPLIED
    return counts


def _bar_begins(score: Score) -> range:
    return range(score.upbeat, score.steps, score.bar)


def _beats(score: Score) -> range:
    """Return the places of the beats in a bar: dotted quarters where eighths go in threes."""
    return range(0, score.bar, 6 if score.meter.endswith("/8") else STEPS_PER_QUARTER)


def _drums(score: Score, beat: Bars) -> Iterator[Event]:
    end, beats = score.steps, _beats(score)
    parts = _PLAYED[score.meter]
    later_by = range(STEPS_PER_QUARTER) if beats.step == STEPS_PER_QUARTER else _IN_THREES
    for number, begin in enumerate(_bar_begins(score)):
        bar = number // len(parts) % len(beat)
        for place, quarter in zip(beats, parts[number % len(parts)], strict=True):
            for sixteenth, later in enumerate(later_by):
                step = quarter * STEPS_PER_QUARTER + sixteenth
                for drum in np.flatnonzero(beat.hits[bar, step]):
                    start = max(0.0, begin + place + later + float(beat.offsets[bar, step, drum]))
                    if start < end:
                        loud = max(1, round(_DRUMS * float(beat.velocities[bar, step, drum])))
                        yield Event(start, 0.5, int(beat.notes[bar, step, drum]), loud)


def _chords(score: Score, chords: Sequence[tuple[int, ...]]) -> Iterator[Event]:
    """Strike each chord after the bass, as a left hand does; the last one is held."""
    after = _ACCOMPANIMENT[score.meter][1]
    for number, (begin, chord) in enumerate(zip(_bar_begins(score), chords, strict=True)):
        last = number == len(chords) - 1
        for place in [0] if last else after:
            length = score.bar if last else 2
            for note in chord:
                yield Event(begin + place, length, _CHORDS_FROM + (note - _CHORDS_FROM) % _OCTAVE, _CHORD)


def _bass(score: Score, chords: Sequence[tuple[int, ...]]) -> Iterator[Event]:
    """Play the root and the fifth of each chord in turn, the root where the chord is new; the last root is held."""
    places = _ACCOMPANIMENT[score.meter][0]
    length, fifth, before = score.bar // len(places), False, None
    for number, (begin, chord) in enumerate(zip(_bar_begins(score), chords, strict=True)):
        fifth = fifth and chord == before
        last = number == len(chords) - 1
        for place in places[:1] if last else places:
            note = chord[2] if fifth and not last else chord[0]
            yield Event(
                begin + place, score.bar if last else length - 1, _BASS_FROM + (note - _BASS_FROM) % _OCTAVE, _ROOT
            )
            fifth = not fifth
        before = chord


def sound(song: Song) -> np.ndarray:
    """Mix all voices, float32 [samples] at `manymodes.music.formats.RATE_HZ`."""
    step = 60 / song.composed.score.tempo / STEPS_PER_QUARTER
    return sound_of(
        PlayedNote(note.start * step, note.steps * step, note.pitch, note.velocity, voice.program, voice.is_drum)
        for voice in song.voices
        for note in voice.notes
    )


def write_midi(path: Path, song: Song) -> None:
    """Write a MIDI file of type 1, a track for each voice; title, metre, key and tempo are in the first one."""
    import mido

    file = mido.MidiFile(type=1, ticks_per_beat=TICKS_PER_QUARTER)
    ticks = TICKS_PER_QUARTER // STEPS_PER_QUARTER
    channels = iter([channel for channel in range(16) if channel != _DRUM_CHANNEL])
    for number, voice in enumerate(song.voices):
        channel = _DRUM_CHANNEL if voice.is_drum else next(channels)
        events = list(meta_events(song.composed.score)) if number == 0 else []
        if number:
            events.append((0, mido.MetaMessage("track_name", name=voice.name)))
        if not voice.is_drum:
            events.append((0, mido.Message("program_change", program=voice.program, channel=channel)))
        for note in voice.notes:
            how = {"note": note.pitch, "channel": channel}
            events.append((round(note.start * ticks), mido.Message("note_on", velocity=note.velocity, **how)))
            events.append((round((note.start + note.steps) * ticks), mido.Message("note_off", velocity=0, **how)))
        file.tracks.append(track_of(events))
    file.save(path)
