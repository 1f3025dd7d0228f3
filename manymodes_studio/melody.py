"""Melodies for the studio: composing, varying, going on from somebody's tune, and writing what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from manymodes.cli import UserError
from manymodes.music.formats import SUFFIXES, write_score
from manymodes.music.midi import instrument_program
from manymodes.music.score import signature
from melodygan.compose import Given, form_after, read_given, suited
from melodygan.data.barlines import USUAL
from melodygan.data.form import METERS, MODES, Form, read_key, transposed
from melodygan.output import score_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from manymodes.music.score import Score
    from melodygan.data.encoding import Note

__all__ = [
    "FORMATS",
    "INSTRUMENTS",
    "KEYS",
    "Composed",
    "compose",
    "continue_file",
    "described",
    "score",
    "vary",
    "write",
]

KEYS = tuple(
    f"{tonic} {mode}"
    for mode, tonics in (
        ("major", ("C", "G", "D", "A", "E", "B", "F#", "Db", "Ab", "Eb", "Bb", "F")),
        ("minor", ("A", "E", "B", "F#", "C#", "G#", "D#", "Bb", "F", "C", "G", "D")),
    )
    for tonic in tonics
)
"""By fifths."""

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
"""That a melody can be played on, with their names in General MIDI."""

FORMATS = tuple(SUFFIXES)
"""What a melody is written as."""

_LONGEST_BARS = 64  # of a tune that is to go on
_VARIED = 0.3  # of the bars, for a variation
_MIDI_PITCHES = range(128)
_OCTAVE = 12
_LOW = 62  # mean pitch below which a melody is easier to read and to hear an octave higher


class Composed(NamedTuple):
    """A melody.

    Attributes:
        notes: in C major or A minor, as models know them.
        shift: semitones to where it is heard.
        meter: that it was asked to be in; None where none was.
        mode: the same.
        seed: of its making.
        remarks: what there is to say of it, each in one line.
    """

    notes: tuple[Note, ...]
    shift: int
    meter: str | None
    mode: str | None
    seed: int
    remarks: tuple[str, ...] = ()


def compose(model: Any, *, key: str | None, meter: str | None, bars: int, temperature: float, seed: int) -> Composed:
    """Compose a melody.

    Args:
        model: of `melodygan`, one that has learned metres and keys.
        key: one of `KEYS`; None leaves the mode to the model.
        meter: one of `METERS`; None leaves it to the model.
        bars: how long.
        temperature: below 1 safer, above 1 freer.
        seed: the same seed, the same melody.

    Raises:
        UserError: the model cannot.
    """
    wanted = None if key is None else read_key(key)
    mode = wanted.mode if wanted else None
    notes = _generated(model, seed=seed, temperature=temperature, bars=bars, meter=meter, mode=mode)
    shift = wanted.shift if wanted else 0
    pitches = [note.pitch + shift for note in notes if note.pitch is not None]
    low = sum(pitches) < _LOW * len(pitches)
    return Composed(notes, shift + (_OCTAVE if low else 0), meter, mode, seed)


def vary(model: Any, composed: Composed, *, temperature: float, seed: int) -> Composed:
    """Compose some bars of a melody anew.

    Args:
        model: an LSTM.
        composed: the melody.
        temperature: below 1 safer, above 1 freer.
        seed: the same seed, the same variation.
    """
    written = score(composed, "")
    given = suited(Given(composed.notes, composed.shift), model.vocabulary.pitches, "the melody")
    (notes,) = model.vary(
        given.notes,
        1,
        amount=_VARIED,
        seed=seed,
        temperature=temperature,
        form=Form(written.meter, written.mode),
    )
    return composed._replace(notes=notes, shift=given.shift, seed=seed, remarks=given.remarks)


def continue_file(
    model: Any, file: Path, *, key: str | None, meter: str | None, bars: int, temperature: float, seed: int
) -> Composed:
    """Go on from somebody's tune.

    Args:
        model: an LSTM.
        file: MIDI or another of `melodygan.data.readers.FORMATS`.
        key: to which the tune is brought; None leaves it where it is.
        meter: in which it goes on; None is its own, if the model knows it.
        bars: how many are added.
        temperature: below 1 safer, above 1 freer.
        seed: the same seed, the same melody.

    Raises:
        UserError: there is no usable tune in the file, or it is too long.
    """
    wanted = None if key is None else read_key(key)
    given = suited(read_given(str(file), option="your tune"), model.vocabulary.pitches, "your tune", wanted)
    meter, mode = form_after(given, meter, wanted.mode if wanted else None, {plan.form for plan in model.plans})
    bar = METERS[meter or "4/4"]
    begun = -(-sum(note.steps for note in given.notes) // bar)
    if begun > _LONGEST_BARS:
        raise UserError(f"your tune has {begun} bars: give one of at most {_LONGEST_BARS}")
    bars += begun
    notes = _generated(model, seed=seed, temperature=temperature, start=given.notes, bars=bars, meter=meter, mode=mode)
    return Composed(notes, given.shift, meter, mode, seed, given.remarks)


def _generated(model: Any, **options: Any) -> tuple[Note, ...]:
    """Have a model compose one melody, see its ``generate``.

    Raises:
        UserError: it cannot.
    """
    try:
        (notes,) = model.generate(1, **options)
    except ValueError as error:
        raise UserError(str(error)) from error
    return tuple(notes)


def score(composed: Composed, title: str, *, tempo: float = 120.0, instrument: str = "piano") -> Score:
    """Write a melody down, in the metre and the key that were asked for, or in what it sounds as.

    Args:
        composed: the melody.
        title: stands above.
        tempo: quarters a minute.
        instrument: one of `INSTRUMENTS`.

    Raises:
        UserError: it is higher or lower than MIDI goes.
    """
    notes = transposed(composed.notes, composed.shift)
    if any(note.pitch is not None and note.pitch not in _MIDI_PITCHES for note in notes):
        raise UserError("the melody is higher or lower than MIDI can write: choose another key")
    return score_of(
        notes,
        title,
        meters=[composed.meter] if composed.meter else USUAL,
        mode=composed.mode,
        fifths=signature(composed.shift % _OCTAVE, MODES[0]),
        tempo=tempo,
        program=instrument_program(INSTRUMENTS[instrument]),
    )


def write(place: Path, written: Score, formats: Sequence[str]) -> dict[str, list[Path]]:
    """Write a melody as files, and return those of each format: of what is engraved, a file a page.

    Args:
        place: path of the files without their endings.
        written: the melody.
        formats: of `FORMATS`.
    """
    write_score(place, written, formats)
    return {
        name: sorted(place.parent.glob(f"{place.name}*{SUFFIXES[name]}"), key=lambda file: (len(file.name), file.name))
        for name in formats
    }


def described(composed: Composed, written: Score) -> tuple[str, ...]:
    """Say of a melody what there is to say in few words."""
    bars = -(-sum(steps for _, steps in written.notes) // written.bar)
    sounding = sum(pitch is not None for pitch, _ in written.notes)
    tonics = {signature(read_key(key).shift % _OCTAVE, MODES[0]): key for key in KEYS if key.endswith(written.mode)}
    return (
        f"{bars} bars of {written.meter}",
        tonics[written.fifths],
        f"{sounding} notes",
        f"draw {composed.seed}",
    )
