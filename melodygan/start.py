"""What a person gives the LSTM to continue or to vary: a file of their own, or notes written out."""

from __future__ import annotations

import re
from pathlib import Path

from melodygan.corpus import load_corpus
from melodygan.encoding import DURATIONS_QUARTERS, STEPS_PER_QUARTER, Note
from melodygan.form import transposed
from modelkit.cli import UserError

_NOTE = re.compile(r"(?P<rest>[rR])|(?P<letter>[A-Ga-g])(?P<accidental>#{0,2}|b{0,2})(?P<octave>-?\d)")
_SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


def read_start(text: str, shift: int = 0, *, option: str = "--start") -> tuple[Note, ...]:
    """Read ``FILE`` or notes such as ``C4 D4:0.5 F#4:1.5 r``, each with its length in quarters (1 unless given).

    A file is read as a corpus of one tune is: transposed to C major or A minor.

    Args:
        text: a file's name, or notes.
        shift: semitones that notes written out stand above those keys.
        option: what it was given as.

    Raises:
        UserError: the file holds no usable tune, or a note cannot be read.
    """
    path = _existing(text)
    if path is not None:
        return load_corpus(path.resolve(), progress=False).tunes[0].notes
    words = text.split()
    if not words:
        raise UserError(f"{option} is empty: give a file, or notes such as 'C4 D4 E4'")
    return transposed([_read_note(word, f"{option} {text!r}") for word in words], -shift)


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
