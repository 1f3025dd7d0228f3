"""What a musician fixes before the first note: the metre, and the key."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from melodygan.data.encoding import Note, Tune

METERS = {"2/4": 8, "3/4": 12, "4/4": 16, "6/8": 12, "3/8": 6, "6/4": 24}
"""The metres that models know, with the sixteenths of a bar."""

MODES = ("major", "minor")
TONICS = {"major": 0, "minor": 9}
"""Pitch class of the tonic after transposition: tunes are in C major or A minor."""

UNKNOWN_METER = "4/4"
"""What a tune in another metre, or in none, is taken for: its bars are then counted in whole notes."""


_KEY = re.compile(r"(?P<letter>[A-Ga-g])(?P<accidental>#|b|)(?:[ -]*(?P<mode>major|minor))?", re.IGNORECASE)
_TONICS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


class Form(NamedTuple):
    """The metre, one of `METERS`, and the mode, one of `MODES`."""

    meter: str
    mode: str


def form_of(tune: Tune) -> Form:
    """Return the form of a tune."""
    meter = tune.meter if tune.meter in METERS else UNKNOWN_METER
    return Form(meter, MODES[tune.key.endswith("minor")])


def ends_on_the_bar(notes: Sequence[Note], meter: str) -> bool:
    """Whether upbeat and last bar together make whole bars, as they do in a tune that ends where a phrase ends."""
    return sum(note.steps for note in notes) % METERS[meter] == 0


def ends_on_the_tonic(notes: Sequence[Note], mode: str) -> bool:
    """Whether the last note that sounds is the tonic."""
    pitches = [note.pitch for note in notes if note.pitch is not None]
    return bool(pitches) and pitches[-1] % 12 == TONICS[mode]


FORMS = tuple(Form(meter, mode) for meter in METERS for mode in MODES)
"""All forms, in the order of their numbers from 1 on; 0 is a form that is not known."""


def number_of(form: Form | None) -> int:
    """Return the number of a form, 0 for None."""
    return 0 if form is None else 1 + FORMS.index(form)


class Key(NamedTuple):
    """A tonic as pitch class, C being 0, and the mode, one of `MODES`."""

    tonic: int
    mode: str

    @property
    def shift(self) -> int:
        """Semitones from the tunes' own key, C major or A minor, to this one: the shorter way, −6 to 5."""
        return (self.tonic - TONICS[self.mode] + 6) % 12 - 6


def read_key(text: str) -> Key:
    """Read a key such as ``D minor``, ``Bb major`` or ``F#``, which is major.

    Raises:
        ValueError: it is none.
    """
    match = _KEY.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no key: give one such as 'D minor', 'Bb major' or F#")
    accidental = {"": 0, "#": 1, "b": -1}[match["accidental"]]
    return Key((_TONICS[match["letter"].upper()] + accidental) % 12, (match["mode"] or MODES[0]).lower())


def transposed(notes: Iterable[Note], semitones: int) -> tuple[Note, ...]:
    """Return notes so many semitones higher."""
    return tuple(note if note.pitch is None else note._replace(pitch=note.pitch + semitones) for note in notes)
