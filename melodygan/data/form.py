"""Metres, keys and lengths of tunes, and the transposition of notes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from manymodes.music.score import signature
from melodygan.data.encoding import Note, Tune, pitches_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

METERS = {"2/4": 8, "3/4": 12, "4/4": 16, "6/8": 12, "3/8": 6, "6/4": 24}
"""The metres that models know, with the sixteenths per bar."""

MODES = ("major", "minor")
TONICS = {"major": 0, "minor": 9}
"""Pitch class of the tonic after transposition: tunes are in C major or A minor."""

TONIC_NAMES = {"major": "C", "minor": "A"}
"""Its name."""

ENDINGS = ("songs", "tonic", "free")
"""What a tune ends on, if possible: the tonic of its key as often as songs do, always the tonic, or anything."""

ON_THE_THIRD = {"major": 0.2, "minor": 0.0}
"""How many songs end on the third. Of the training tunes in major .18 do, .79 on the tonic and .02 on the fifth."""

PLANS = ("training", "composed")
"""Whose forms tunes have: those of training tunes, or of a model of forms."""

UNKNOWN_METER = "4/4"
"""The metre of tunes in another metre, or in none: their bars are whole notes."""

_KEY = re.compile(
    r"(?P<letter>[A-Ha-h])"
    r"(?P<accidental>(?<![Bb])is|(?<![ABEabe])es|(?<=[AEae])s|[ -]?(?:#|♯|b|♭|(?i:sharp|flat)))?"
    r"[ -]*(?P<mode>(?i:major|minor|maj|min|dur|moll)|m|M)?"
)
_TONICS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11, "H": 11}
_FLATS = ("es", "s", "b", "♭", "flat")  # the others are sharps
_GERMAN_MODES = ("dur", "moll")
_MINOR = ("minor", "min", "moll", "m")
_OCTAVE = 12
_THIRD = 4  # semitones, in major
_MOST_SHARPS = 6  # F sharp major and D sharp minor, which are G flat major and E flat minor


class Form(NamedTuple):
    """The metre, one of `METERS`, and the mode, one of `MODES`."""

    meter: str
    mode: str


def form_of(tune: Tune) -> Form:
    """Return the form of a tune."""
    meter = tune.meter if tune.meter in METERS else UNKNOWN_METER
    return Form(meter, MODES[tune.key.endswith("minor")])


def tune_in(meter: str | None, mode: str | None, notes: tuple[Note, ...], upbeat: int, name: str = "") -> Tune:
    """Return notes in C major or A minor as a tune; its metre and its mode may be unknown."""
    key = f"{TONIC_NAMES[mode]} {mode}" if mode else ""
    return Tune(notes, name, key=key, meter=meter or "", pickup_steps=upbeat % METERS[meter] if meter else 0)


def ends_on_the_tonic(notes: Sequence[Note], mode: str) -> bool:
    """Whether the last note that sounds is the tonic."""
    return ends_on(notes, frozenset({TONICS[mode]}))


def last_pitches(ending: str, modes: Sequence[str | None], seed: int) -> list[frozenset[int] | None]:
    """Return the pitch classes on which each of some tunes is to end, one of `ENDINGS`; None is any.

    A tune of unknown mode, None, ends on the tonic of either one.
    """
    if ending == "free":
        return [None] * len(modes)

    def classes(mode: str | None, share: float) -> frozenset[int]:
        third = _THIRD if ending == "songs" and mode is not None and share < ON_THE_THIRD[mode] else 0
        return frozenset(TONICS[one] + third for one in ([mode] if mode else MODES))

    return list(map(classes, modes, np.random.default_rng([seed, 2]).random(len(modes))))


def ends_on(notes: Sequence[Note], classes: frozenset[int] | None) -> bool:
    """Whether the last note that sounds is of one of some pitch classes; None is any."""
    pitches = pitches_in(notes)
    return classes is None or (bool(pitches) and pitches[-1] % _OCTAVE in classes)


class NoTunesError(ValueError):
    """Hardly any tune of a model is as requested."""


def cut_at(notes: Sequence[Note], steps: int) -> tuple[Note, ...]:
    """Return the first sixteenths of a tune; a note that sounds across the cut ends there."""
    kept = []
    for note in notes:
        if steps <= 0:
            break
        kept.append(note._replace(steps=min(note.steps, steps)))
        steps -= note.steps
    return tuple(kept)


FORMS = tuple(Form(meter, mode) for meter in METERS for mode in MODES)
"""All forms, in the order of their numbers from 1; 0 is an unknown form."""


def number_of(form: Form) -> int:
    """Return the number of a form."""
    return 1 + FORMS.index(form)


def places_of(forms: Iterable[Form], meter: str | None, mode: str | None) -> list[int]:
    """Return the places of the forms in a metre and a mode; None is any.

    Raises:
        ValueError: there is none.
    """
    places = [n for n, form in enumerate(forms) if meter in {None, form.meter} and mode in {None, form.mode}]
    if not places:
        asked = " ".join(filter(None, (meter, mode)))
        raise ValueError(f"the model never heard a tune in {asked}: ask for another metre or mode")
    return places


class Key(NamedTuple):
    """A key: pitch class of the tonic (C is 0), mode, and whether its name has a flat: G flat is not F sharp."""

    tonic: int
    mode: str
    flat: bool = False

    @property
    def shift(self) -> int:
        """Semitones from the tunes' own key, C major or A minor, to this one: the shorter way, −6 to 5."""
        return (self.tonic - TONICS[self.mode] + 6) % 12 - 6

    @property
    def fifths(self) -> int:
        """Sharps of the key signature; below 0 they are flats."""
        sharps = signature(self.tonic, self.mode)
        return -sharps if self.flat and sharps == _MOST_SHARPS else sharps


def read_key(text: str) -> Key:
    """Read the English or German name of a key: ``D minor``, ``Bb``, ``F#m``, ``E flat major``, ``fis-Moll``.

    Without a mode the key is major, whatever the case of its letter. B is a semitone below C, except with the German
    words *Dur* and *Moll*, where that note is H and B is B flat.

    Raises:
        ValueError: it is not a key.
    """
    match = _KEY.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a key: give one such as 'D minor', Bb, F#m or H-Dur")
    letter, mode = match["letter"].upper(), match["mode"] or MODES[0]
    accidental = (match["accidental"] or "").strip(" -").lower()
    flat = accidental in _FLATS or (letter == "B" and not accidental and mode.lower() in _GERMAN_MODES)
    sharp = bool(accidental) and not flat
    minor = mode != "M" and mode.lower() in _MINOR
    return Key((_TONICS[letter] + sharp - flat) % 12, MODES[minor], flat)


def transposed(notes: Iterable[Note], semitones: int) -> tuple[Note, ...]:
    """Return notes transposed by a number of semitones."""
    return tuple(note if note.pitch is None else note._replace(pitch=note.pitch + semitones) for note in notes)


def raised(notes: Sequence[Note], least: int) -> tuple[Note, ...]:
    """Return notes, an octave higher if their mean pitch is below ``least``."""
    pitches = pitches_in(notes)
    return transposed(notes, _OCTAVE if sum(pitches) < least * len(pitches) else 0)
