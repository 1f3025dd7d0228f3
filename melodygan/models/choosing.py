"""Choosing among candidates: tunes as a discriminator reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from melodygan.data.form import METERS, form_of, number_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from melodygan.data.encoding import Tune

NOTES = 128
"""The last notes of a tune, by which it is judged."""

COLUMNS = ("pitch", "steps", "onset", "form")


def as_rows(tunes: Sequence[Tune]) -> np.ndarray:
    """Return the last `NOTES` notes of tunes: int32 [B, NOTES, COLUMNS], zeros after the end.

    The pitch of a rest is 0; onsets are sixteenths since the bar line before the tune; the form is its number.
    """
    rows = np.zeros((len(tunes), NOTES, len(COLUMNS)), np.int32)
    for row, tune in zip(rows, tunes, strict=True):
        steps = np.array([note.steps for note in tune.notes])
        onsets = np.cumsum(steps) - steps
        form = 0
        if tune.meter in METERS:
            onsets += -tune.pickup_steps % METERS[tune.meter]
            form = number_of(form_of(tune))
        pitches = [note.pitch or 0 for note in tune.notes]
        known = np.stack([pitches, steps, onsets, np.full(len(steps), form)], axis=-1)[-NOTES:]
        row[: len(known)] = known
    return rows
