"""The nine instruments, the MIDI notes that strike them, and bars of drums."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

STEPS = 16
"""Sixteenths of a bar of four quarters."""

STEPS_PER_QUARTER = 4

NOTES: dict[str, tuple[int, ...]] = {
    # General MIDI percussion, and what Roland's V-Drums (TD-11) send from the edges and rims of their pads. The two
    # differ in one number: 58 is the rim of Roland's third tom, and a vibraslap in General MIDI. The first is written.
    "kick": (36, 35),
    "snare": (38, 40, 37),  # head; GM electric snare, Roland rim; side stick
    "hihat_closed": (42, 22, 44),  # closed; Roland closed edge; pedal
    "hihat_open": (46, 26),  # open; Roland open edge
    "tom_low": (45, 41, 43, 47, 58),  # low; floor low and high; GM low-mid, Roland tom 2 rim; Roland tom 3 rim
    "tom_high": (50, 48),  # GM high, Roland tom 1 rim; GM hi-mid, Roland tom 1
    "crash": (49, 57, 52, 55),  # crash 1 and 2; GM Chinese, Roland crash 2 edge; GM splash, Roland crash 1 edge
    "ride": (51, 59, 53),  # ride 1; GM ride 2, Roland edge; bell
    "clap": (39,),
}
"""The MIDI notes of each instrument."""

INSTRUMENTS = tuple(NOTES)

INSTRUMENT_OF_NOTE = np.full(128, -1)
"""[128] the instrument of a MIDI note, −1 for none of the nine."""
for _number, _notes in enumerate(NOTES.values()):
    INSTRUMENT_OF_NOTE[list(_notes)] = _number
INSTRUMENT_OF_NOTE.setflags(write=False)

KEPT = 0.28
"""Default of how much of a beat's hits a transfer keeps: the more, the less the result sounds like the new style."""

LATEST = np.nextafter(np.float32(0.5), np.float32(0))
"""The largest offset of a hit, in steps."""

_FIRST_NOTES = np.array([notes[0] for notes in NOTES.values()])
_STEP_MS_AT_1_BPM = 60_000 / STEPS_PER_QUARTER
_SILENT, _SOFT, _LOUD = 1e-6, 0.4, 0.8  # velocities above which a hit is drawn, and as louder


@dataclass(frozen=True, eq=False)
class Bars:
    """Bars of drums, of four quarters each.

    Attributes:
        hits: bool [n, 16, 9].
        velocities: float32 [n, 16, 9], above 0 and at most 1 where there is a hit, else 0.
        offsets: float32 [n, 16, 9], delay of a hit in steps, from −0.5 to below 0.5; 0 where there is no hit.
        tempos: float32 [n], BPM.
        styles: int64 [n], number of the style, −1 if unknown.
        sources: str [n], name of the file or template.
        notes: uint8 [n, 16, 9], MIDI note of each hit, one of its instrument's `NOTES`; 0 where there is no hit.
    """

    hits: NDArray[np.bool_]
    velocities: NDArray[np.float32]
    offsets: NDArray[np.float32]
    tempos: NDArray[np.float32]
    styles: NDArray[np.int64]
    sources: NDArray[np.str_]
    notes: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.hits)

    def __getitem__(self, rows: slice | NDArray[np.bool_] | NDArray[np.int64]) -> Bars:
        """Return some of the bars."""
        return Bars(*(array[rows] for array in vars(self).values()))

    @classmethod
    def of(
        cls,
        hits: np.ndarray,
        velocities: np.ndarray,
        offsets: np.ndarray,
        *,
        tempo: float | np.ndarray,
        source: str = "",
        notes: np.ndarray | None = None,
    ) -> Bars:
        """Return bars of unknown style from arrays [n, 16, 9], read where there is a hit, and BPM, one or [n].

        Hits have the first note of their instrument unless notes are given.
        """
        struck = np.asarray(hits, bool)
        return cls(
            struck,
            np.where(struck, velocities, 0).astype(np.float32),
            np.where(struck, offsets, 0).astype(np.float32),
            np.broadcast_to(np.asarray(tempo, np.float32), len(struck)).copy(),
            np.full(len(struck), -1, np.int64),
            np.full(len(struck), source),
            np.where(struck, _FIRST_NOTES if notes is None else notes, 0).astype(np.uint8),
        )

    @classmethod
    def join(cls, parts: list[Bars]) -> Bars:
        """Concatenate bars."""
        return cls(*(np.concatenate(arrays) for arrays in zip(*(vars(part).values() for part in parts), strict=True)))

    def with_notes_of(self, source: Bars) -> Bars:
        """Return these bars with the notes of another beat, as long as they are.

        A hit has the note of its cell there; a new one the commonest note of its instrument.
        """
        notes = source.notes.copy()
        for number in range(notes.shape[-1]):
            of_it = notes[..., number][source.hits[..., number]]
            usual = np.bincount(of_it).argmax() if len(of_it) else _FIRST_NOTES[number]
            notes[..., number] = np.where(notes[..., number], notes[..., number], usual)
        return replace(self, notes=np.where(self.hits, notes, 0).astype(np.uint8))

    @property
    def struck(self) -> NDArray[np.bool_]:
        """[n] whether there is a hit in a bar."""
        return np.asarray(self.hits.any(axis=(1, 2)))

    @property
    def offsets_ms(self) -> NDArray[np.float32]:
        """[hits] delay of each hit in milliseconds."""
        return (self.offsets * (_STEP_MS_AT_1_BPM / self.tempos)[:, None, None])[self.hits]


def draw(velocities: np.ndarray) -> str:
    """Draw a bar, velocities [16, 9], as text: a line an instrument, ``o`` soft, ``x`` and ``X`` loud."""
    marks = np.array([".", "o", "x", "X"])[np.digitize(velocities, [_SILENT, _SOFT, _LOUD])]
    width = max(map(len, INSTRUMENTS))
    beats = marks.reshape(-1, STEPS_PER_QUARTER, len(INSTRUMENTS))
    return "\n".join(
        f"{name:<{width}}  {' '.join(''.join(beat[:, number]) for beat in beats)}"
        for number, name in enumerate(INSTRUMENTS)
    )
