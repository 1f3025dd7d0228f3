"""Codecs: a tune as symbols per sixteenth, and as the scalars of the report.

- **step form** (LSTM): one symbol per sixteenth: a MIDI number or ``r`` where something starts, ``_`` while it
  lasts, ``/`` between tunes. `to_steps`, `from_steps`, `StepVocabulary`.
- **reported form** (``--as-reported``): one scalar in [−1, 1] per note, without rhythm. `ReportedCodec`.

GANs write tunes on a grid, see `melodygan.data.grid`. The order of symbols never depends on the order of the tunes.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np

from melodygan.data.events import pitch_named

if TYPE_CHECKING:
    from collections.abc import Iterable

STEPS_PER_QUARTER = 4
DURATIONS_QUARTERS = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0)
ACCEPTED_STEPS = tuple(round(quarters * STEPS_PER_QUARTER) for quarters in DURATIONS_QUARTERS)
"""The durations a tune may use, in sixteenths, ascending."""

REST = "r"
HOLD = "_"
DELIMITER = "/"

_PITCH_CLASSES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")


class Note(NamedTuple):
    """A note, or a rest, whose pitch is None: MIDI number (60 is middle C), and length in sixteenths, at least 1."""

    pitch: int | None
    steps: int


@dataclass(frozen=True)
class Tune:
    """A melody, one note at a time, without gaps: silence is a rest.

    Attributes:
        notes: notes and rests in order.
        name: its name in the collection, such as a number.
        source: the file and the number in that file.
        key: before transposition, such as "F major".
        meter: the first time signature, such as "2/4"; empty in free metre.
        pickup_steps: length of the upbeat in sixteenths; 0 when the tune starts on a bar line.
    """

    notes: tuple[Note, ...]
    name: str = ""
    source: str = ""
    key: str = ""
    meter: str = ""
    pickup_steps: int = 0


def length_of(notes: Iterable[Note]) -> int:
    """Return the sixteenths of all notes and rests."""
    return sum(note.steps for note in notes)


def pitches_in(notes: Iterable[Note]) -> list[int]:
    """Return the pitches of notes in order, without rests."""
    return [note.pitch for note in notes if note.pitch is not None]


def pitch_name(pitch: int) -> str:
    """Spell a MIDI number with sharps: 60 is "C4", 70 is "A#4"."""
    return f"{_PITCH_CLASSES[pitch % 12]}{pitch // 12 - 1}"


def _used_pitches(tunes: Iterable[Tune]) -> list[int]:
    return sorted({pitch for tune in tunes for pitch in pitches_in(tune.notes)})


class _Codec:
    """What the dataclasses of symbols below have in common: a configuration of plain lists, for Keras and JSON."""

    def to_config(self) -> dict[str, Any]:
        """Return the symbols as lists."""
        return {field.name: list(getattr(self, field.name)) for field in fields(self)}  # type: ignore[arg-type]

    @classmethod
    def from_config(cls, config: Self | dict[str, Any]) -> Self:
        """Restore what `to_config` returned; symbols are returned as they are."""
        return cls(**{name: tuple(config[name]) for name in config}) if isinstance(config, dict) else config


def to_steps(notes: Iterable[Note]) -> list[str]:
    """Write notes as one symbol per sixteenth: ``67 _ _ _ r _`` is a quarter of G4 and an eighth rest."""
    symbols: list[str] = []
    for note in notes:
        symbols += [REST if note.pitch is None else str(note.pitch), *[HOLD] * (note.steps - 1)]
    return symbols


def from_steps(symbols: Iterable[str]) -> tuple[Note, ...]:
    """Read one tune from step symbols; the inverse of `to_steps`.

    Generated sequences may hold what `to_steps` never writes: delimiters and holds before the first onset are
    ignored, and the first delimiter after an onset ends the tune.
    """
    pitches: list[int | None] = []
    steps: list[int] = []
    for symbol in symbols:
        if symbol not in {HOLD, DELIMITER}:
            pitches.append(None if symbol == REST else int(symbol))
            steps.append(1)
        elif steps:
            if symbol == DELIMITER:
                break
            steps[-1] += 1
    return tuple(map(Note, pitches, steps))


@dataclass(frozen=True)
class StepVocabulary(_Codec):
    """The symbols of the step form and their integers.

    `from_tunes` orders them: delimiter 0, hold 1, rest 2, then the pitches ascending. The first three are always
    there, so that any vocabulary can end a tune.
    """

    symbols: tuple[str, ...]

    @classmethod
    def from_tunes(cls, tunes: Iterable[Tune]) -> Self:
        """Collect the symbols of tunes."""
        return cls((DELIMITER, HOLD, REST, *map(str, _used_pitches(tunes))))

    @property
    def pitches(self) -> tuple[int, ...]:
        """MIDI numbers, ascending."""
        return tuple(sorted(int(symbol) for symbol in self.symbols if symbol.isdecimal()))

    def __len__(self) -> int:
        return len(self.symbols)

    @functools.cached_property
    def _indices(self) -> dict[str, int]:
        return {symbol: index for index, symbol in enumerate(self.symbols)}

    def index(self, symbol: str) -> int:
        """Return the integer of one symbol; raise a KeyError if it is not in the vocabulary."""
        return self._indices[symbol]

    def encode(self, symbols: Iterable[str]) -> np.ndarray:
        """Turn symbols into integers, int32 [steps]."""
        return np.array([self._indices[symbol] for symbol in symbols], np.int32)

    def decode(self, indices: Iterable[int]) -> list[str]:
        """Turn integers [steps] back into symbols."""
        return [self.symbols[index] for index in indices]


@dataclass(frozen=True)
class ReportedCodec(_Codec):
    """One scalar per note, as the report trained its GAN: no rhythm, no rests, no tune boundaries.

    `from_tunes` sorts the note names, one for each integer, as text ("A4" before "C4" before "C5"), which is what the
    report's ``sorted`` did.
    """

    names: tuple[str, ...]

    FALLBACK_PITCH = 72
    """C5: what the report plays for an index outside its mapping."""

    STEPS_PER_NOTE = 2
    """The report sets its notes half a quarter apart."""

    @classmethod
    def from_tunes(cls, tunes: Iterable[Tune]) -> Self:
        """Collect the note names of tunes."""
        return cls(tuple(sorted(map(pitch_name, _used_pitches(tunes)))))

    def windows(self, tunes: Iterable[Tune], length: int = 100) -> np.ndarray:
        """Cut the notes of all tunes, one after the other, into windows at stride 1; rests are left out.

        An index i of V names becomes (i − V/2) / (V/2), in [−1, 1): float32 [windows, length, 1], which has no windows
        if there are fewer than ``length`` notes.
        """
        index = {pitch_named(name): number for number, name in enumerate(self.names)}
        numbers = np.array([index[pitch] for tune in tunes for pitch in pitches_in(tune.notes)])
        if len(numbers) < length:
            return np.empty((0, length, 1), np.float32)
        half = len(self.names) / 2
        scaled = ((numbers - half) / half).astype(np.float32)
        return np.lib.stride_tricks.sliding_window_view(scaled, length)[..., np.newaxis].copy()

    def decode(self, values: np.ndarray) -> tuple[Note, ...]:
        """Read one generated window, float [length] or [length, 1]: x·V/2 + V/2, cut to an integer.

        As reported, every note lasts half a quarter, and an index outside the mapping becomes C5; so does NaN.
        """
        half = len(self.names) / 2
        # float32 may leave a scaled index slightly below the integer it came from
        positions = np.asarray(values, np.float64).reshape(-1) * half + half + 1e-3
        known = [int(place) if -1 < place < len(self.names) else None for place in positions.tolist()]
        pitches = [*map(pitch_named, self.names)]
        return tuple(Note(self.FALLBACK_PITCH if n is None else pitches[n], self.STEPS_PER_NOTE) for n in known)
