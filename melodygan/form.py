"""What a musician fixes before the first note: metre and mode; as text, as integers, as a vector."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import tensorflow as tf

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from melodygan.encoding import Note, Tune

METERS = {"2/4": 8, "3/4": 12, "4/4": 16, "6/8": 12, "3/8": 6, "6/4": 24}
"""The metres that models know, with the sixteenths of a bar."""

MODES = ("major", "minor")
TONICS = {"major": 0, "minor": 9}
"""Pitch class of the tonic after transposition: tunes are in C major or A minor."""

UNKNOWN_METER = "4/4"
"""What a tune in another metre, or in none, is taken for: its bars are then counted in whole notes."""

CONDITION_WIDTH = len(METERS) + len(MODES)


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


def as_integers(forms: Iterable[Form]) -> np.ndarray:
    """Write forms as int32 [n, 2]: metre and mode by their places."""
    meters = list(METERS)
    rows = [(meters.index(form.meter), MODES.index(form.mode)) for form in forms]
    return np.array(rows, np.int32).reshape(-1, 2)


def from_integers(row: Iterable[int]) -> Form:
    """Read one row of `as_integers`."""
    meter, mode = map(int, row)
    return Form(list(METERS)[meter], MODES[mode])


FORMS = tuple(Form(meter, mode) for meter in METERS for mode in MODES)
"""All forms, in the order of their numbers from 1 on; 0 is a form that is not known."""


def number_of(form: Form | None) -> int:
    """Return the number of a form, 0 for None."""
    return 0 if form is None else 1 + FORMS.index(form)


def as_vector(forms: tf.Tensor) -> tf.Tensor:
    """Turn integers [B, 2] into what networks read, one-hot each, [B, `CONDITION_WIDTH`]."""
    return tf.concat([tf.one_hot(forms[:, 0], len(METERS)), tf.one_hot(forms[:, 1], len(MODES))], axis=-1)
