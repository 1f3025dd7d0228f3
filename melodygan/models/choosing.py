"""Choosing among candidates by the odds of a discriminator, without TensorFlow; and tunes as it reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from melodygan.data.form import METERS, form_of, number_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from manymodes.portable import Graphs
    from melodygan.data.encoding import Note, Tune

CANDIDATES = 16
"""Tunes for each one that is composed, among which a discriminator chooses."""

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


class Choosing:
    """A composer that draws candidates for each tune, and chooses one of them by its odds of being real.

    Attributes:
        left_out: candidates of the last call that were no whole tunes, or ended otherwise than they were to.
    """

    left_out: int = 0

    @property
    def discriminates(self) -> bool:
        """Whether a discriminator tells these odds; otherwise they are even."""
        return False

    def candidates(self, count: int, *, seed: int, several: bool = True, **options: Any) -> list[list[Tune]]:
        """Draw candidates for each of some tunes, which end as they are to, if any does.

        They are ``several``, or as few as it takes for one to end right.
        """
        raise NotImplementedError

    def run(self, name: str, *inputs: Any) -> Sequence[np.ndarray]:
        """Return the outputs of one of the model's functions, which are also exported: ``discriminator`` and others."""
        raise NotImplementedError

    def log_odds(self, tunes: Sequence[Tune]) -> np.ndarray:
        """Return the log odds by the discriminator that tunes are real, [n]; 0 without one."""
        return self.run("discriminator", as_rows(tunes))[0][:, 0] if self.discriminates else np.zeros(len(tunes))

    def compose(self, count: int, *, seed: int, **options: Any) -> list[Tune]:
        """Compose tunes, each of which is drawn from its `candidates` by their odds; arguments as there.

        Raises:
            ValueError: as by `candidates`.
        """
        composed = []
        for n, those in enumerate(self.candidates(count, seed=seed, several=self.discriminates, **options)):
            shares = np.random.default_rng([seed, 0, n, 2]).random(len(those))
            # with Gumbel noise, the largest of logits is a draw from their distribution
            composed.append(those[np.argmax(self.log_odds(those) - np.log(-np.log(shares)))])
        return composed

    def generate(self, count: int, *, seed: int, **options: Any) -> list[tuple[Note, ...]]:
        """Return the notes of `compose`."""
        return [tune.notes for tune in self.compose(count, seed=seed, **options)]


class PortableChoosing(Choosing):
    """Chooses as a model that was exported did."""

    def __init__(self, graphs: Graphs) -> None:
        self._graphs = graphs

    @property
    def discriminates(self) -> bool:
        """Whether there is a discriminator."""
        return "discriminator" in self._graphs

    def run(self, name: str, *inputs: Any) -> Sequence[np.ndarray]:
        """Return the outputs of a graph, see `Choosing`."""
        return self._graphs.run(name, *inputs)
