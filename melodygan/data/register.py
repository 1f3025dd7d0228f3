"""Registers: in which octave a tune lies, for an instrument.

Models compose in C major and A minor, and a key may be six semitones away: without a register, the octave of a tune
would depend on its key.
"""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from melodygan.data.events import pitch_named

if TYPE_CHECKING:
    from collections.abc import Iterable

REGISTERS = ("low", "middle", "high", "own")
"""Around the middle of the instrument, an octave below or above it, or where the tune was composed."""

_OCTAVE = 12
_HIGHEST = 127
_SHIFTS = {"low": -_OCTAVE, "middle": 0, "high": _OCTAVE}
_USUAL = (60, 84)  # C4 to C6
_RANGES = {
    9: (79, 103),  # glockenspiel
    **dict.fromkeys(range(24, 32), (48, 72)),  # guitars
    **dict.fromkeys(range(32, 40), (28, 52)),  # basses
    41: (48, 84),  # viola
    42: (36, 72),  # cello
    43: (28, 55),  # contrabass
    47: (41, 60),  # timpani
    57: (40, 70),  # trombone
    58: (28, 58),  # tuba
    60: (46, 74),  # horn
    66: (46, 74),  # tenor saxophone
    67: (39, 67),  # baritone saxophone
    70: (36, 67),  # bassoon
    72: (74, 102),  # piccolo
}
"""Comfortable ranges of General MIDI programs, as MIDI numbers, where they are not `_USUAL`."""


def middle_of(register: str, program: int = 0) -> float | None:
    """Return the MIDI number in the middle of a register, one of `REGISTERS` or a note; None if tunes are not moved.

    Raises:
        ValueError: it is neither.
    """
    if register == "own":
        return None
    if register in _SHIFTS:
        return sum(_RANGES.get(program, _USUAL)) / 2 + _SHIFTS[register]
    pitch = pitch_named(register)
    if pitch is None or not 0 <= pitch <= _HIGHEST:
        raise ValueError(f"{register!r} is not a register: give {', '.join(REGISTERS)} or a note such as C5")
    return pitch


def octaves_to(pitches: Iterable[int], middle: float | None) -> int:
    """Return the semitones, whole octaves, after which the median of pitches is nearest to a middle; 0 for None."""
    pitches = list(pitches)
    if middle is None or not pitches:
        return 0
    distance = middle - median(pitches)
    return _OCTAVE * round(distance / _OCTAVE)
