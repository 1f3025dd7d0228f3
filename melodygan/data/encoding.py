"""Codecs: a tune as symbols a sixteenth, as (pitch, duration) pairs, and as the scalar form of the report.

Three forms, each with the way back:

- **step form** (LSTM): one symbol a sixteenth — a MIDI number or ``r`` where something starts, ``_`` while it
  lasts, ``/`` between tunes. `to_steps`, `from_steps`, `StepVocabulary`.
- **note form** (GAN): one pair of integers a note, pitch symbol and duration symbol. `NoteVocabulary`.
- **reported form** (``--as-reported``): one scalar in [−1, 1] a note, rhythm left out. `ReportedCodec`.

Every order of symbols follows from a rule stated where the vocabulary is built, never from the order of the
tunes.
"""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "ACCEPTED_STEPS",
    "DELIMITER",
    "DURATIONS_QUARTERS",
    "HOLD",
    "REST",
    "STEPS_PER_QUARTER",
    "Note",
    "NoteVocabulary",
    "ReportedCodec",
    "StepVocabulary",
    "Tune",
    "cut_windows",
    "from_steps",
    "pitch_name",
    "to_steps",
    "truncate",
]

STEPS_PER_QUARTER = 4
DURATIONS_QUARTERS = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0)
ACCEPTED_STEPS = tuple(round(quarters * STEPS_PER_QUARTER) for quarters in DURATIONS_QUARTERS)
"""The durations a tune may use, in sixteenths, ascending."""

REST = "r"
HOLD = "_"
DELIMITER = "/"

_SPECIALS = (DELIMITER, HOLD, REST)
_HIGHEST_PITCH = 127
_PITCHES_PER_OCTAVE = 12
_PITCH_CLASSES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")


class Note(NamedTuple):
    """A note or a rest.

    Attributes:
        pitch: MIDI number, 60 is middle C; None is a rest.
        steps: length in sixteenths, at least 1.
    """

    pitch: int | None
    steps: int


@dataclass(frozen=True)
class Tune:
    """A melody, one note at a time, without gaps: silence is a rest.

    Attributes:
        notes: what is played, in order.
        name: what the collection calls the tune, such as its number.
        source: the file it comes from, and its number in that file.
        key: the key before transposition, such as "F major".
        meter: the first time signature, such as "2/4"; empty in free metre.
        pickup_steps: length of the upbeat in sixteenths; 0 when the tune starts on a bar line.
    """

    notes: tuple[Note, ...]
    name: str = ""
    source: str = ""
    key: str = ""
    meter: str = ""
    pickup_steps: int = 0

    @property
    def steps(self) -> int:
        """The length of the tune in sixteenths."""
        return sum(note.steps for note in self.notes)


# --- step form ---------------------------------------------------------------------------------------------


def to_steps(notes: Iterable[Note]) -> list[str]:
    """Write notes as one symbol a sixteenth: ``67 _ _ _ r _`` is a quarter of G4 and an eighth rest.

    Args:
        notes: notes and rests in order.

    Returns:
        As many symbols as the notes have sixteenths.

    Raises:
        ValueError: a note is shorter than a sixteenth.
    """
    symbols: list[str] = []
    for note in notes:
        if note.steps < 1:
            raise ValueError(f"{note} is shorter than a sixteenth and has no step to stand on")
        symbols.append(REST if note.pitch is None else str(note.pitch))
        symbols.extend([HOLD] * (note.steps - 1))
    return symbols


def from_steps(symbols: Iterable[str]) -> tuple[Note, ...]:
    """Read one tune from step symbols; the inverse of `to_steps`.

    Generated sequences may hold what `to_steps` never writes: delimiters and holds before the first onset are
    passed over (nothing sounds yet that could be held), and the first delimiter after an onset ends the tune.
    The last note lasts to that end.

    Raises:
        ValueError: a symbol is none of pitch, ``r``, ``_`` and ``/``.
    """
    notes: list[Note] = []
    for symbol in symbols:
        if symbol == DELIMITER:
            if notes:
                break
        elif symbol == HOLD:
            if notes:
                notes[-1] = Note(notes[-1].pitch, notes[-1].steps + 1)
        else:
            notes.append(Note(_pitch_of(symbol), 1))
    return tuple(notes)


def _pitch_of(symbol: str) -> int | None:
    if symbol == REST:
        return None
    if symbol.isascii() and symbol.isdigit() and int(symbol) <= _HIGHEST_PITCH:
        return int(symbol)
    raise ValueError(f"{symbol!r} is not a step symbol: a MIDI number, {REST!r}, {HOLD!r} or {DELIMITER!r}")


@dataclass(frozen=True)
class StepVocabulary:
    """The symbols of the step form and their integers.

    `from_tunes` orders them: delimiter 0, hold 1, rest 2, then the pitches ascending. The three specials are
    always there, so that any vocabulary can say where a tune ends.

    Attributes:
        symbols: the symbol of each integer.

    Raises:
        ValueError: a symbol occurs twice, a special is missing, or a symbol is not of the step form.
    """

    symbols: tuple[str, ...]

    def __post_init__(self) -> None:
        # a Keras config comes back from JSON with lists
        object.__setattr__(self, "symbols", tuple(self.symbols))
        if len(set(self.symbols)) != len(self.symbols):
            raise ValueError("a symbol occurs twice in the step vocabulary")
        missing = [special for special in _SPECIALS if special not in self.symbols]
        if missing:
            raise ValueError(f"the step vocabulary has no {', '.join(map(repr, missing))}")
        for symbol in self.symbols:
            if symbol not in _SPECIALS:
                _pitch_of(symbol)

    @classmethod
    def from_tunes(cls, tunes: Iterable[Tune]) -> Self:
        """Collect the symbols of tunes; their order does not matter."""
        return cls(_SPECIALS + tuple(str(pitch) for pitch in _used_pitches(tunes)))

    @property
    def pitches(self) -> tuple[int, ...]:
        """MIDI numbers, ascending."""
        return tuple(sorted(int(symbol) for symbol in self.symbols if symbol.isdecimal()))

    def __len__(self) -> int:
        return len(self.symbols)

    def index(self, symbol: str) -> int:
        """Give the integer of one symbol.

        Raises:
            ValueError: the symbol is not in the vocabulary.
        """
        if symbol not in self._indices:
            raise ValueError(f"{symbol!r} is not among the {len(self)} symbols of the step vocabulary")
        return self._indices[symbol]

    @functools.cached_property
    def _indices(self) -> dict[str, int]:
        return {symbol: index for index, symbol in enumerate(self.symbols)}

    def encode(self, symbols: Iterable[str]) -> np.ndarray:
        """Turn symbols into integers, int32 [steps].

        Raises:
            ValueError: a symbol is not in the vocabulary.
        """
        return np.array([self.index(symbol) for symbol in symbols], dtype=np.int32)

    def decode(self, indices: Iterable[int] | np.ndarray) -> list[str]:
        """Turn integers [steps] back into symbols.

        Raises:
            ValueError: an integer is outside the vocabulary.
        """
        numbers = np.asarray(indices if isinstance(indices, np.ndarray) else list(indices), dtype=np.int64)
        _check_range(numbers, len(self), "step symbol")
        return [self.symbols[number] for number in numbers.tolist()]

    def to_config(self) -> dict[str, Any]:
        """Give plain lists, for a Keras config or JSON."""
        return {"symbols": list(self.symbols)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Rebuild the vocabulary of `to_config`."""
        return cls(tuple(config["symbols"]))


def _used_pitches(tunes: Iterable[Tune]) -> list[int]:
    return sorted({note.pitch for tune in tunes for note in tune.notes if note.pitch is not None})


def _check_range(numbers: np.ndarray, size: int, what: str) -> None:
    if numbers.size and (numbers.min() < 0 or numbers.max() >= size):
        raise ValueError(f"a {what} is outside 0…{size - 1}")


# --- note form ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class NoteVocabulary:
    """The two alphabets of the note form: what is played, and how long.

    Pitch symbols: end 0, rest 1, then `pitches` ascending. Duration symbols: end 0, then `durations`
    ascending.

    Attributes:
        pitches: MIDI numbers, ascending.
        durations: lengths in sixteenths, ascending.

    Raises:
        ValueError: the numbers are not strictly ascending, or out of range.
    """

    pitches: tuple[int, ...]
    durations: tuple[int, ...]

    END = 0
    """The symbol, in both channels, of every step after the last note."""

    PITCH_REST = 1
    """The pitch symbol of a rest."""

    def __post_init__(self) -> None:
        for name, lowest, highest in (("pitches", 0, _HIGHEST_PITCH), ("durations", 1, None)):
            values = tuple(int(value) for value in getattr(self, name))
            if any(low >= high for low, high in itertools.pairwise(values)):
                raise ValueError(f"{name} of a note vocabulary are strictly ascending, got {values}")
            if values and (values[0] < lowest or (highest is not None and values[-1] > highest)):
                raise ValueError(f"{name} of a note vocabulary are out of range: {values}")
            object.__setattr__(self, name, values)

    @classmethod
    def from_tunes(cls, tunes: Iterable[Tune]) -> Self:
        """Collect the pitches and durations of tunes; the order of the tunes does not matter."""
        kept = tuple(tunes)
        durations = sorted({note.steps for tune in kept for note in tune.notes})
        return cls(tuple(_used_pitches(kept)), tuple(durations))

    @property
    def n_pitches(self) -> int:
        """How many pitch symbols there are, end and rest included."""
        return len(self.pitches) + 2

    @property
    def n_durations(self) -> int:
        """How many duration symbols there are, end included."""
        return len(self.durations) + 1

    def encode(self, tunes: Sequence[Tune], length: int) -> np.ndarray:
        """Write tunes as pairs of symbols; both are `END` after the last note.

        Args:
            tunes: tunes of at most `length` notes (`truncate` and `cut_windows` make them so).
            length: steps a tune.

        Returns:
            int32 [tunes, length, 2]; the last axis is (pitch symbol, duration symbol).

        Raises:
            ValueError: a tune is longer, or has a pitch or duration that the vocabulary lacks.
        """
        pitch_symbols: dict[int | None, int] = {None: self.PITCH_REST}
        pitch_symbols.update((pitch, index) for index, pitch in enumerate(self.pitches, start=2))
        duration_symbols = {steps: index for index, steps in enumerate(self.durations, start=1)}
        encoded = np.full((len(tunes), length, 2), self.END, dtype=np.int32)
        for row, tune in zip(encoded, tunes, strict=True):
            if len(tune.notes) > length:
                raise ValueError(f"tune {tune.name!r} has {len(tune.notes)} notes, more than {length}: cut it first")
            for step, note in zip(row, tune.notes, strict=False):
                if note.pitch not in pitch_symbols or note.steps not in duration_symbols:
                    raise ValueError(f"{note} of tune {tune.name!r} is not in the vocabulary")
                step[:] = pitch_symbols[note.pitch], duration_symbols[note.steps]
        return encoded

    def decode(self, encoded: np.ndarray) -> tuple[Note, ...]:
        """Read one tune, int [length, 2].

        The pitch channel rules: the tune stops at its first `END`, whatever the duration there. A step before
        that whose duration is `END` has no length, so it is passed over as if it were not there.

        Raises:
            ValueError: the shape is another, or a symbol is outside the vocabulary.
        """
        steps = np.asarray(encoded)
        if steps.ndim != 2 or steps.shape[1] != 2:  # noqa: PLR2004  (pitch and duration)
            raise ValueError(f"one tune in note form is [length, 2], got {list(steps.shape)}")
        _check_range(steps[:, 0], self.n_pitches, "pitch symbol")
        _check_range(steps[:, 1], self.n_durations, "duration symbol")
        notes = []
        for pitch, duration in steps.tolist():
            if pitch == self.END:
                break
            if duration != self.END:
                sounding = None if pitch == self.PITCH_REST else self.pitches[pitch - 2]
                notes.append(Note(sounding, self.durations[duration - 1]))
        return tuple(notes)

    def to_config(self) -> dict[str, Any]:
        """Give plain lists, for a Keras config or JSON."""
        return {"pitches": list(self.pitches), "durations": list(self.durations)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Rebuild the vocabulary of `to_config`."""
        return cls(tuple(config["pitches"]), tuple(config["durations"]))


def truncate(tunes: Iterable[Tune], length: int) -> tuple[Tune, ...]:
    """Keep the first `length` notes of each tune: every example begins as a tune begins.

    Raises:
        ValueError: `length` is not positive.
    """
    _check_positive(length=length)
    return tuple(replace(tune, notes=tune.notes[:length]) for tune in tunes)


def cut_windows(tunes: Iterable[Tune], length: int, stride: int) -> tuple[Tune, ...]:
    """Cut each tune into windows of at most `length` notes that start every `stride` notes.

    A tune that fits is one window. The last window of a longer one ends with the tune, so every ending is
    seen. Only a first window keeps the upbeat of its tune.

    Raises:
        ValueError: `length` or `stride` is not positive.
    """
    _check_positive(length=length, stride=stride)
    windows = []
    for tune in tunes:
        last = max(0, len(tune.notes) - length)
        for start in [*range(0, last, stride), last]:
            pickup = 0 if start else tune.pickup_steps
            windows.append(replace(tune, notes=tune.notes[start : start + length], pickup_steps=pickup))
    return tuple(windows)


def _check_positive(**values: int) -> None:
    for name, value in values.items():
        if value < 1:
            raise ValueError(f"{name} is {value}, it must be at least 1")


# --- the reported form -------------------------------------------------------------------------------------


def pitch_name(pitch: int) -> str:
    """Spell a MIDI number with sharps: 60 is "C4", 70 is "A#4"."""
    return f"{_PITCH_CLASSES[pitch % _PITCHES_PER_OCTAVE]}{pitch // _PITCHES_PER_OCTAVE - 1}"


_PITCH_BY_NAME = {pitch_name(pitch): pitch for pitch in range(_HIGHEST_PITCH + 1)}


@dataclass(frozen=True)
class ReportedCodec:
    """One scalar a note, as the report trained its GAN: no rhythm, no rests, no tune boundaries.

    `from_tunes` sorts the names as text ("A4" before "C4" before "C5"), which is what the report's ``sorted``
    did. Kept to show what that form does; `NoteVocabulary` is the form to train on.

    Attributes:
        names: the note name of each integer.

    Raises:
        ValueError: there is no name, one occurs twice, or one is not a note name with sharps.
    """

    names: tuple[str, ...]

    FALLBACK_PITCH = 72
    """C5: what the report plays for an index outside its mapping."""

    STEPS_PER_NOTE = 2
    """The report sets its notes half a quarter apart."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(self.names))
        if not self.names or len(set(self.names)) != len(self.names):
            raise ValueError("a reported codec needs at least one note name, and each only once")
        for name in self.names:
            if name not in _PITCH_BY_NAME:
                raise ValueError(f"{name!r} is not a note name such as 'C4' or 'F#5'")

    @classmethod
    def from_tunes(cls, tunes: Iterable[Tune]) -> Self:
        """Collect the note names of tunes; their order does not matter."""
        return cls(tuple(sorted(pitch_name(pitch) for pitch in _used_pitches(tunes))))

    def windows(self, tunes: Iterable[Tune], length: int = 100) -> np.ndarray:
        """Cut the notes of all tunes, one after the other, into windows at stride 1.

        An index i of V names becomes (i − V/2) / (V/2), in [−1, 1).

        Args:
            tunes: tunes in order of playing; rests are passed over.
            length: notes a window.

        Returns:
            float32 [windows, length, 1]; no window at all if there are fewer than `length` notes.

        Raises:
            ValueError: a pitch is not among the names, or `length` is not positive.
        """
        _check_positive(length=length)
        index = {_PITCH_BY_NAME[name]: number for number, name in enumerate(self.names)}
        try:
            numbers = [index[note.pitch] for tune in tunes for note in tune.notes if note.pitch is not None]
        except KeyError as error:
            raise ValueError(f"{pitch_name(error.args[0])} is not among the names of the codec") from None
        if len(numbers) < length:
            return np.empty((0, length, 1), dtype=np.float32)
        half = len(self.names) / 2
        scaled = ((np.array(numbers) - half) / half).astype(np.float32)
        return np.lib.stride_tricks.sliding_window_view(scaled, length)[..., np.newaxis].copy()

    def decode(self, values: np.ndarray) -> tuple[Note, ...]:
        """Read one generated window, float [length] or [length, 1]: x·V/2 + V/2, cut to an integer.

        As reported, every note lasts half a quarter, and an index outside the mapping becomes C5; so does
        what is not a number.
        """
        half = len(self.names) / 2
        positions = np.asarray(values, dtype=np.float64).reshape(-1) * half + half
        # float32 may leave a scaled index a hair below the integer it came from
        return tuple(Note(self._pitch_at(position + 1e-3), self.STEPS_PER_NOTE) for position in positions.tolist())

    def _pitch_at(self, position: float) -> int:
        if not -1 < position < len(self.names):
            return self.FALLBACK_PITCH
        return _PITCH_BY_NAME[self.names[int(position)]]

    def to_config(self) -> dict[str, Any]:
        """Give plain lists, for a Keras config or JSON."""
        return {"names": list(self.names)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Rebuild the codec of `to_config`."""
        return cls(tuple(config["names"]))
