"""Melodies for the studio: compose, vary, continue a given tune, and write files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import melodygan
from manymodes.cli import UserError
from manymodes.music.formats import SUFFIXES, write_score
from manymodes.music.score import signature
from melodygan.data.encoding import Note
from melodygan.data.form import METERS, MODES, UNKNOWN_METER, Form, raised, read_key, transposed
from melodygan.data.given import Given, form_after, read_given, suited

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from manymodes.music.score import Score

KEYS = tuple(
    f"{tonic} {mode}"
    for mode, tonics in (
        ("major", ("C", "G", "D", "A", "E", "B", "F#", "Db", "Ab", "Eb", "Bb", "F")),
        ("minor", ("A", "E", "B", "F#", "C#", "G#", "D#", "Bb", "F", "C", "G", "D")),
    )
    for tonic in tonics
)
"""The keys of melodies, by fifths."""

INSTRUMENTS = {
    "piano": "acoustic grand piano",
    "music box": "music box",
    "flute": "flute",
    "violin": "violin",
    "cello": "cello",
    "clarinet": "clarinet",
    "trumpet": "trumpet",
    "guitar": "acoustic guitar (nylon)",
    "accordion": "accordion",
    "organ": "church organ",
    "vibraphone": "vibraphone",
}
"""Instruments for a melody, with their names in General MIDI."""

FORMATS = tuple(SUFFIXES)
"""File formats of a melody."""

_LONGEST_BARS = 64  # of a tune that is continued
_OCTAVE = 12
_LOW = 62  # mean pitch below which a melody is easier to read and to hear an octave higher


class Composed(NamedTuple):
    """A melody and the seed of its composition.

    The shift is in semitones from C major or A minor, in which models compose, to the key of the score; the remarks are
    changes to a given tune, each in one line.
    """

    score: Score
    shift: int
    seed: int
    remarks: tuple[str, ...] = ()


def compose(model: Any, *, key: str | None, seed: int, **options: Any) -> Composed:
    """Compose a melody with the options and errors of `melodygan.compose`; a low one is raised by an octave."""
    (score,) = melodygan.compose(model, key=key, seed=seed, register="own", **options)
    high = raised(_notes(score), _LOW)
    shift = (read_key(key).shift if key else 0) + _OCTAVE * (high != score.notes)
    return Composed(score._replace(notes=high), shift, seed)


def vary(model: Any, composed: Composed, *, seed: int, **options: Any) -> Composed:
    """Compose some bars of a melody anew; the model is an LSTM, the options are those of `melodygan.compose`."""
    score = composed.score
    notes = transposed(_notes(score), -composed.shift)
    given = Given(notes, composed.shift, Form(score.meter, score.mode))
    given = suited(given, model.vocabulary.pitches, "the melody")
    (score,) = melodygan.compose(model, vary=given, seed=seed, **options)
    return Composed(score, given.shift, seed, given.remarks)


def continue_file(
    model: Any, file: Path, *, key: str | None, meter: str | None, bars: int, seed: int, **options: Any
) -> Composed:
    """Continue a tune from a file by a number of bars, with the options of `melodygan.compose`; the model is an LSTM.

    The tune is transposed to ``key``; None is its own. ``meter`` is that of the continuation; None is that of the tune,
    if the model knows it.

    Raises:
        UserError: there is no usable tune in the file, or it is too long.
    """
    wanted = None if key is None else read_key(key)
    given = suited(read_given(str(file), option="your tune"), model.vocabulary.pitches, "your tune", wanted)
    own, _ = form_after(given, meter, None)
    begun = -(-sum(note.steps for note in given.notes) // METERS[own or UNKNOWN_METER])
    if begun > _LONGEST_BARS:
        raise UserError(f"your tune has {begun} bars: give one of at most {_LONGEST_BARS}")
    (score,) = melodygan.compose(model, key=wanted, meter=meter, start=given, bars=begun + bars, seed=seed, **options)
    return Composed(score, given.shift, seed, given.remarks)


def _notes(score: Score) -> tuple[Note, ...]:
    return tuple(Note(*note) for note in score.notes)


def write(stem: Path, score: Score, formats: Sequence[str]) -> dict[str, list[Path]]:
    """Write a melody as files of some of `FORMATS` at a path without suffix; PNG and SVG have a file for each page."""
    write_score(stem, score, formats)
    return {
        name: sorted(stem.parent.glob(f"{stem.name}*{SUFFIXES[name]}"), key=lambda file: (len(file.name), file.name))
        for name in formats
    }


def described(composed: Composed) -> tuple[str, ...]:
    """Return the length, key, number of notes and seed of a melody in words."""
    score = composed.score
    bars = -(-sum(steps for _, steps in score.notes) // score.bar)
    sounding = sum(pitch is not None for pitch, _ in score.notes)
    keys = {signature(read_key(key).shift % _OCTAVE, MODES[0]): key for key in KEYS if key.endswith(score.mode)}
    return f"{bars} bars of {score.meter}", keys[score.fifths], f"{sounding} notes", f"seed {composed.seed}"
