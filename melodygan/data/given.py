"""Tunes that a user gives a model to continue, vary or morph: files, or notes written out."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from manymodes import watched
from manymodes.cli import UserError
from melodygan.data.encoding import DURATIONS_QUARTERS, STEPS_PER_QUARTER, Note, Tune, pitch_name, pitches_in
from melodygan.data.events import UnreadableError, pitch_named
from melodygan.data.form import METERS, MODES, Form, Key, form_of, transposed, tune_in
from melodygan.data.readers import FORMATS, Quantised, one_line, pieces_of

if TYPE_CHECKING:
    from collections.abc import Sequence

_OCTAVE = 12


class Given(NamedTuple):
    """A tune that a user gave.

    Attributes:
        notes: in C major or A minor, as the corpus has tunes.
        shift: semitones back to the original key.
        form: metre and mode, if a file has them.
        remarks: the changes that made it fit a model, each in one line.
        upbeat: sixteenths before the first bar line.
        tempo: in BPM, if a file has one.
    """

    notes: tuple[Note, ...]
    shift: int = 0
    form: Form | None = None
    remarks: tuple[str, ...] = ()
    upbeat: int = 0
    tempo: float | None = None

    def as_tune(self, mode: str | None = None) -> Tune:
        """Return the tune in C major or A minor, in its own mode unless another is given."""
        meter, own = self.form or (None, MODES[0])
        return tune_in(meter, mode or own, self.notes, self.upbeat)


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
    return read_notes(text, key, option=option) if path is None else _read_file(path, option)


def read_notes(text: str, key: Key | None = None, *, option: str) -> Given:
    """Read notes as `read_given`, and never a file."""
    words = text.split()
    if not words:
        raise UserError(f"{option} is empty: give a file, or notes such as 'C4 D4 E4'")
    shift = 0 if key is None else key.shift
    return Given(transposed([_read_note(word, f"{option} {text!r}") for word in words], -shift), shift)


def suited(read: Given, pitches: Sequence[int], whose: str, key: Key | None = None) -> Given:
    """Make a tune fit the pitches that a model knows, and add remarks on the changes.

    If the model lacks a pitch, the whole tune moves to the nearest octave in which the fewest are missing; each pitch
    that is missing there becomes the nearest one, the lower of two.

    Args:
        read: the tune.
        pitches: the model's, as MIDI numbers.
        whose: name of the tune in remarks.
        key: to which the tune is transposed after that, in its octave; None is its own.
    """
    known = sorted(pitches)
    sounding = pitches_in(read.notes)
    notes, shift, remarks = read.notes, 0, [*read.remarks]
    if not set(sounding) <= set(known):
        octaves = range(-10 * _OCTAVE, 11 * _OCTAVE, _OCTAVE)
        missing = {by: sum(pitch + by not in known for pitch in sounding) for by in octaves}
        shift = min(octaves, key=lambda by: (missing[by], abs(by), by))
        notes = transposed(notes, shift)
    if shift:
        remarks.append(f"{whose} was transposed by {shift:+d} semitones: the model does not know all of its pitches")
    nearest: dict[int | None, int | None] = {None: None, **{pitch: pitch for pitch in known}}
    for pitch, count in sorted(Counter(pitches_in(notes)).items()):
        if pitch not in nearest:
            nearest[pitch] = replaced = min(known, key=lambda other: (abs(other - pitch), other))
            change = f"{pitch_name(pitch)}, which the model does not know, became {pitch_name(replaced)}"
            remarks.append(f"{whose}: {change} ({count}×)")
    fitting = tuple(Note(nearest[pitch], steps) for pitch, steps in notes)
    back = read.shift - shift
    if key is not None:
        other = key.shift - shift
        back = other + _OCTAVE * round((back - other) / _OCTAVE)
    return read._replace(notes=fitting, shift=back, remarks=tuple(remarks))


def form_after(given: Given, meter: str | None, mode: str | None) -> tuple[str | None, str | None]:
    """Return the metre and mode in which a tune is continued: as requested, otherwise its own, None if unknown."""
    if given.form is None:
        return meter, mode
    return meter or given.form.meter, mode or given.form.mode


def _read_file(path: Path, option: str) -> Given:
    if path.suffix.lower() not in FORMATS:
        raise UserError(f"{option}: {path} is not a file of tunes: give one of {', '.join(FORMATS)}")
    try:
        (piece, *_) = pieces_of(path, path.name)
    except OSError as error:
        raise UserError(f"{option}: cannot read {path}: {one_line(error)}; check its permissions") from None
    except UnreadableError as error:
        raise UserError(f"{option}: no usable tune in {path}: {error}") from None
    found = watched.call("melodygan.data.readers:read_quantised", piece)
    if not isinstance(found, Quantised):
        raise UserError(f"{option}: no usable tune in {path}: {found}; give a melody with notes")
    remarks = [f"{path.name}: the melody is that of {found.part}"] if found.part else []
    if found.irregular:
        remarks.append(f"{path.name}: {found.irregular}")
    if found.moved:
        remarks.append(f"{path.name}: {found.moved} notes and rests were moved to sixteenths")
    form = form_of(found.tune) if found.tune.meter in METERS else None
    upbeat = found.tune.pickup_steps % METERS[form.meter] if form else 0
    return Given(found.tune.notes, -found.semitones, form, tuple(remarks), upbeat, found.tempo)


def _existing(text: str) -> Path | None:
    """Return the file of that name; None if there is none, or if the name is impossible: many notes are too long."""
    try:
        path = Path(text).expanduser()
        return path if path.is_file() else None
    except (OSError, RuntimeError):
        return None


def _read_note(word: str, whole: str) -> Note:
    name, colon, length = word.partition(":")
    pitch = pitch_named(name)
    lengths = {text: quarters for quarters in DURATIONS_QUARTERS for text in (f"{quarters:g}", str(quarters))}
    quarters = lengths.get(length if colon else "1")
    if quarters is None or (pitch is None and name not in {"r", "R"}):
        raise UserError(
            f"{whole}: {word!r} is neither a file nor a note such as C4, F#4:0.5 or r "
            f"(lengths in quarters: {', '.join(f'{q:g}' for q in DURATIONS_QUARTERS)})"
        )
    return Note(pitch, round(quarters * STEPS_PER_QUARTER))
