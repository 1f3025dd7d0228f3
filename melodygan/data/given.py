"""Tunes that a person gives a model to continue, vary or morph: files, or notes written out."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from manymodes.cli import UserError
from melodygan.data.encoding import DURATIONS_QUARTERS, STEPS_PER_QUARTER, Note, pitch_name
from melodygan.data.form import METERS, Form, Key, form_of, transposed
from melodygan.data.readers import FORMATS, Quantised, pieces_of, read_quantised

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

_NOTE = re.compile(r"(?P<rest>[rR])|(?P<letter>[A-Ga-g])(?P<accidental>#{0,2}|b{0,2})(?P<octave>-?\d)")
_SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_OCTAVE = 12


class Given(NamedTuple):
    """A tune that a person gave.

    Attributes:
        notes: in C major or A minor, as the corpus has tunes.
        shift: semitones back to the original key.
        form: metre and mode, if a file has them.
        remarks: the changes that made it fit a model, each in one line.
    """

    notes: tuple[Note, ...]
    shift: int = 0
    form: Form | None = None
    remarks: tuple[str, ...] = ()


def read_given(text: str, key: Key | None = None, *, option: str = "--start") -> Given:
    """Read ``FILE`` or notes such as ``C4 D4:0.5 F#4:1.5 r``, each with its length in quarters (1 unless given).

    A file may be of any rhythm: onsets go to the nearest sixteenth.

    Args:
        text: a file's name, or notes.
        key: of notes written out; a file has its own. None is C major or A minor.
        option: the option it was given with, for messages.

    Raises:
        UserError: the file holds no usable tune, or a note cannot be read.
    """
    path = _existing(text)
    if path is not None:
        return _read_file(path, option)
    words = text.split()
    if not words:
        raise UserError(f"{option} is empty: give a file, or notes such as 'C4 D4 E4'")
    shift = 0 if key is None else key.shift
    return Given(transposed([_read_note(word, f"{option} {text!r}") for word in words], -shift), shift)


def fitted(given: Given, pitches: Sequence[int], whose: str) -> Given:
    """Make a tune fit the pitches that a model knows, and add remarks on the changes.

    If the model lacks a pitch, the whole tune moves to the nearest octave in which the fewest are lacking; each pitch
    that is lacking there becomes the nearest one, the lower of two.

    Args:
        given: the tune.
        pitches: the model's, as MIDI numbers.
        whose: name of the tune in remarks.
    """
    known = sorted(pitches)
    sounding = [note.pitch for note in given.notes if note.pitch is not None]
    if set(sounding) <= set(known):
        return given

    def missing(shift: int) -> int:
        return sum(pitch + shift not in known for pitch in sounding)

    shift = min(range(-10 * _OCTAVE, 11 * _OCTAVE, _OCTAVE), key=lambda by: (missing(by), abs(by), by))
    remarks = [*given.remarks]
    if shift:
        remarks.append(f"{whose} was transposed by {shift:+d} semitones: the model does not know all of its pitches")
    notes = transposed(given.notes, shift)
    unknown = Counter(note.pitch for note in notes if note.pitch is not None and note.pitch not in known)
    nearest = {pitch: min(known, key=lambda other: (abs(other - pitch), other)) for pitch in unknown}
    remarks += [
        f"{whose}: {pitch_name(pitch)}, which the model does not know, became {pitch_name(nearest[pitch])} ({count}×)"
        for pitch, count in sorted(unknown.items())
    ]
    fitting = [
        note if note.pitch is None else note._replace(pitch=nearest.get(note.pitch, note.pitch)) for note in notes
    ]
    return given._replace(notes=tuple(fitting), shift=given.shift - shift, remarks=tuple(remarks))


def suited(read: Given, pitches: Sequence[int], whose: str, key: Key | None = None) -> Given:
    """Make a tune `fitted` to a model, and transposed back to its own key or to another.

    Args:
        read: the tune.
        pitches: the model's, as MIDI numbers.
        whose: name of the tune in remarks.
        key: of the result, in the octave of the given tune; None is that of the tune.
    """
    given = fitted(read, pitches, whose)
    if key is None:
        return given
    shift = key.shift + given.shift - read.shift
    return given._replace(shift=shift + _OCTAVE * round((given.shift - shift) / _OCTAVE))


def form_after(
    given: Given, meter: str | None, mode: str | None, known: Collection[Form]
) -> tuple[str | None, str | None]:
    """Return the metre and mode in which a tune is continued: as requested, otherwise its own if the model knows them.

    Args:
        given: the tune.
        meter: as requested, or None.
        mode: as requested, or None.
        known: the forms that the model knows.
    """
    if given.form is None:
        return meter, mode
    both = Form(meter or given.form.meter, mode or given.form.mode)
    return (both.meter, both.mode) if both in known else (meter, mode)


def _read_file(path: Path, option: str) -> Given:
    if path.suffix.lower() not in FORMATS:
        raise UserError(f"{option}: {path} is not a file of tunes: give one of {', '.join(FORMATS)}")
    try:
        found: Quantised = read_quantised(pieces_of(path, path.name)[0])
    except OSError as error:
        raise UserError(f"{option}: cannot read {path}: {error.strerror or error}; check its permissions") from None
    except ValueError as error:
        raise UserError(f"{option}: no usable tune in {path}: {error}; give a melody with notes") from None
    moved = f"{path.name}: {found.moved} notes and rests were moved to sixteenths"
    form = form_of(found.tune) if found.tune.meter in METERS else None
    return Given(found.tune.notes, -found.semitones, form, (moved,) if found.moved else ())


def _existing(text: str) -> Path | None:
    """Return the file that a text names, None where it names none, or could name none: many notes are too long."""
    try:
        path = Path(text).expanduser()
        return path if path.is_file() else None
    except (OSError, RuntimeError):
        return None


def _read_note(word: str, whole: str) -> Note:
    name, colon, length = word.partition(":")
    match = _NOTE.fullmatch(name)
    quarters = _read_length(length) if colon else 1.0
    if match is None or quarters is None:
        lengths = ", ".join(f"{q:g}" for q in DURATIONS_QUARTERS)
        raise UserError(
            f"{whole}: {word!r} is neither a file nor a note such as C4, F#4:0.5 or r (lengths in quarters: {lengths})"
        )
    steps = round(quarters * STEPS_PER_QUARTER)
    if match["rest"]:
        return Note(None, steps)
    pitch = 12 * (int(match["octave"]) + 1) + _SEMITONES[match["letter"].upper()]
    return Note(pitch + match["accidental"].count("#") - match["accidental"].count("b"), steps)


def _read_length(text: str) -> float | None:
    return next((q for q in DURATIONS_QUARTERS if text in {f"{q:g}", str(q)}), None)
