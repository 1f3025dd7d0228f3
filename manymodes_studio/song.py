"""Songs: a melody, drums, and chords and a bass by rule, in one tempo, as one sound and one MIDI file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from drumvae.data.kit import STEPS
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
    "calm waltz": Mood("G major", "3/4", 100, "music box", "jazz", complexity=0.25),
    "lively jig": Mood("D major", "6/8", 150, "flute", "latin", complexity=0.3),
    "sad song": Mood("A minor", "4/4", 76, "cello", "rock", 8, 0.25),
    "march": Mood("F major", "2/4", 108, "trumpet", "rock"),
    "dance": Mood("E minor", "4/4", 116, "clarinet", "hiphop", 8),
}
"""The kinds of songs."""

_LOOP = 4  # bars of drums, which repeat
_OCTAVE = 12
_TRIADS = {
    "major": ((0, 4, 7), (2, 5, 9), (4, 7, 11), (5, 9, 0), (7, 11, 2), (9, 0, 4)),
    "minor": ((0, 3, 7), (3, 7, 10), (5, 8, 0), (7, 11, 2), (8, 0, 3), (10, 2, 5)),
}  # semitones above the tonic; the root first
_DOMINANT = 7
_PIANO, _BASS = 0, 32  # General MIDI: grand piano, acoustic bass
_CHORDS_FROM, _BASS_FROM = 52, 36  # the lowest pitches
_SOFT, _LOUD = 52, 78
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
        (beat,) = beats(drummer, style, bars=_LOOP, tempo=composed.score.tempo, complexity=kind.complexity, seed=seed)
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
    """Return a triad of the key for each whole bar, pitch classes with the root first, by rule.

    It is the triad that has most of what sounds in the bar, counted by length, twice at its beginning; ties go to
    the earlier in the key. The last bar has the tonic, the one before it the dominant if that has any of its notes.
    """
    tonic = (7 * score.fifths - (3 if score.mode == "minor" else 0)) % _OCTAVE
    triads = [tuple((tonic + above) % _OCTAVE for above in triad) for triad in _TRIADS[score.mode]]
    count = max(1, -(-(score.steps - score.upbeat) // score.bar))
    weights = np.zeros((count, _OCTAVE))
    for place, pitch, steps in score.sounding():
        begin = place - score.upbeat
        for step in range(max(0, begin), begin + steps):
            weights[step // score.bar, pitch % _OCTAVE] += 1 + (step % score.bar == 0)
    fits = weights[:, np.array(triads)].sum(axis=2)  # [bars, triads]
    chosen = [triads[number] for number in fits.argmax(axis=1)]
    chosen[-1] = triads[0]
    dominant = triads[[above[0] for above in _TRIADS[score.mode]].index(_DOMINANT)]
    if count > 1 and weights[-2][list(dominant)].sum() > 0:
        chosen[-2] = dominant
    return chosen


def _bar_begins(score: Score) -> range:
    return range(score.upbeat, score.steps, score.bar)


def _drums(score: Score, beat: Bars) -> Iterator[Event]:
    end = score.steps
    for number, begin in enumerate(_bar_begins(score)):
        for step in range(score.bar):
            bar, place = number % len(beat), step % STEPS
            for drum in np.flatnonzero(beat.hits[bar, place]):
                start = max(0.0, begin + step + float(beat.offsets[bar, place, drum]))
                if start < end:
                    loud = max(1, round(127 * float(beat.velocities[bar, place, drum])))
                    yield Event(start, 0.5, int(beat.notes[bar, place, drum]), loud)


def _beats(score: Score) -> list[int]:
    """Return the places of the beats in a bar: dotted quarters where eighths go in threes."""
    return list(range(0, score.bar, 6 if score.meter.endswith("/8") else STEPS_PER_QUARTER))


def _chords(score: Score, chords: Sequence[tuple[int, ...]]) -> Iterator[Event]:
    """Strike each chord on the beats after the first, as a left hand does; the last one is held."""
    for number, (begin, triad) in enumerate(zip(_bar_begins(score), chords, strict=True)):
        pitches = [_CHORDS_FROM + (note - _CHORDS_FROM) % _OCTAVE for note in triad]
        after = _beats(score)[1:] or [0]
        last = number == len(chords) - 1
        for place in [0] if last else after:
            length = score.bar if last else after[0] - 1 or score.bar
            yield from (Event(begin + place, length, pitch, _SOFT) for pitch in pitches)


def _bass(score: Score, chords: Sequence[tuple[int, ...]]) -> Iterator[Event]:
    """Play the root of each chord on one."""
    for begin, triad in zip(_bar_begins(score), chords, strict=True):
        yield Event(begin, score.bar - 1, _BASS_FROM + (triad[0] - _BASS_FROM) % _OCTAVE, _LOUD)


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
