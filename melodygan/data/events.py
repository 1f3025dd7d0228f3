"""What a reader makes of a score: timed notes and rests, part by part, with key and metre."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

_MOST_BEATS = 64
_UNITS = frozenset({1, 2, 4, 8, 16, 32, 64})
_FIFTHS = "FCGDAEB"  # letters, each a fifth above the one before
_SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_NOTE = re.compile(r"([A-Ga-g])(#{0,2}|b{0,2})(-?\d)")
MODES = {
    "lydian": 1, "major": 0, "ionian": 0, "mixolydian": -1, "dorian": -2, "minor": -3, "aeolian": -3, "phrygian": -4,
    "locrian": -5,
}  # fmt: skip
"""Each mode and its sharps more than those of the major key on the same tonic."""


class UnreadableError(ValueError):
    """The reason, in one line, why a file has no tune."""


class Event(NamedTuple):
    """A note or rest in time, in quarters from the beginning.

    Tied if it only prolongs the one before, moved if it was heard clearly before or after its onset.
    """

    onset: Fraction
    end: Fraction
    pitch: int | None
    tied: bool = False
    moved: bool = False


class Key(NamedTuple):
    """A key as a score states it: negative sharps are flats; no tonic if only the signature is known."""

    name: str
    sharps: int
    mode: str = ""
    tonic: int | None = None


class Bar(NamedTuple):
    """The length of a bar and of its metre, in quarters; open if the end of a section or of the piece may cut it."""

    number: int
    length: Fraction
    metre: Fraction
    open: bool = False


class Sheet(NamedTuple):
    """A score as read.

    Attributes:
        parts: the events of each voice or staff.
        key: the first; None if none is stated.
        meter: the first, such as "3/4"; empty if none is stated.
        pickup: quarters of an incomplete first bar.
        name: title.
        names: of the parts, if they have any.
        irregular: the first bar that does not fit its metre, in words; empty if all do.
        tempo: the first, in BPM; None if none is stated.
    """

    parts: list[list[Event]]
    key: Key | None = None
    meter: str = ""
    pickup: Fraction = Fraction(0)
    name: str = ""
    names: Sequence[str] = ()
    irregular: str = ""
    tempo: float | None = None

    @classmethod
    def of(cls, parts: Sequence[tuple[list[Event], Sequence[Bar]]], key: Key | None, meter: str, **more: Any) -> Sheet:
        """Return a score by the events and bars of its parts, the first of which has the upbeat; ``more`` is as above.

        A bar in the middle of a section is irregular if it is longer or shorter than its metre. A piece without bar
        lines, which is one long bar, is not.
        """
        first = parts[0][1] if parts else ()
        pickup = first[0].length if len(first) > 1 and first[0].length < first[0].metre else Fraction(0)
        irregular = (
            f"bar {bar.number} has {bar.length} quarters, the metre {bar.metre}"
            for _, bars in parts
            for place, bar in enumerate(bars if len(bars) > 1 else ())
            if bar.length > bar.metre or (bar.length < bar.metre and not (bar.open or place in {0, len(bars) - 1}))
        )
        return cls([events for events, _ in parts], key, meter, pickup, irregular=next(irregular, ""), **more)


def pitch_of(letter: str, alter: int, octave: int) -> int:
    """MIDI number of a note name; octave 4 begins at middle C (60)."""
    return 12 * (octave + 1) + _SEMITONES[letter] + alter


def pitch_named(name: str) -> int | None:
    """MIDI number of a note such as C4, F##3 or bb-1; None if the text names none."""
    match = _NOTE.fullmatch(name)
    return match and pitch_of(match[1].upper(), match[2].count("#") - match[2].count("b"), int(match[3]))


def key_of(letter: str, accidental: int, mode: str) -> Key:
    """Return a key by its tonic (a letter, and semitones up or down) and mode, one of `MODES`."""
    sharps = _FIFTHS.index(letter) - 1 + len(_FIFTHS) * accidental + MODES[mode]
    sign = "#" * accidental if accidental > 0 else "b" * -accidental
    return Key(f"{letter}{sign} {mode}", sharps, mode, pitch_of(letter, accidental, -1) % 12)


def key_with(sharps: int, mode: str = "") -> Key:
    """Return the key of a signature in a mode, one of `MODES`; without a mode, the signature alone."""
    if mode not in MODES:
        return Key(f"{abs(sharps)} {'flat' if sharps < 0 else 'sharp'}{'' if abs(sharps) == 1 else 's'}", sharps)
    accidental, letter = divmod(sharps - MODES[mode] + 1, len(_FIFTHS))
    return key_of(_FIFTHS[letter], accidental, mode)


def signature(sharps: int) -> dict[str, int]:
    """Semitones by which each letter is altered under a key signature; negative sharps are flats."""
    return {letter: (sharps - place + 6) // 7 for place, letter in enumerate(_FIFTHS)}


def meter_length(meter: str) -> Fraction:
    """Quarters of a bar of a metre such as ``6/8`` or ``2+3/8``.

    Raises:
        UnreadableError: it is not a metre.
    """
    match = re.fullmatch(r"\(?([\d+ ]{1,20})\)?/(\d{1,3})", meter.strip())
    beats = sum(int(number) for number in match[1].split("+") if number.strip().isdecimal()) if match else 0
    if match is None or not 0 < beats <= _MOST_BEATS or int(match[2]) not in _UNITS:
        raise UnreadableError(f"{meter[:20]!r} is not a metre")
    return Fraction(4 * beats, int(match[2]))
