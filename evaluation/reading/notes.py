"""The note array of one piece, and many pieces laid end to end.

`Notes` is what a file becomes; `Stack` is what the features work on: the notes of many pieces in flat arrays,
each with the number of its piece, so that one NumPy call measures a whole folder.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def as_rows(values: ArrayLike) -> FloatArray:
    """Lay out [n, ...] as [n, d], with one column for [n]; n may be 0."""
    array = np.asarray(values, np.float64)
    return array.reshape(len(array), math.prod(array.shape[1:]))


PITCHES = 128
"""Number of MIDI pitches."""

SIMULTANEOUS = 1e-6
"""Onsets closer than this many quarters are one onset: far below a tick, far above rounding."""


@dataclass(frozen=True, eq=False)
class Notes:
    """The notes of one piece, sorted by onset and then pitch.

    Attributes:
        name: name of the piece in a report, for a file its set and path ("gen/017.mid").
        onset, duration: [n] quarters, as written (the metre's time).
        onset_seconds, duration_seconds: [n] seconds, through the tempo map (the listener's time).
        pitch: [n] MIDI note numbers 0–127; for a drum note, the instrument's number.
        velocity: [n] 1–127.
        track: [n] index of the note's track among the tracks that have notes.
        drum: [n] whether the note is on the percussion channel.
        bar_starts: [bars + 1] quarters; the last entry is the end of the last bar, which is the bar where the last
            note ends.
        meter: numerator and denominator of the first time signature.
    """

    name: str
    onset: FloatArray
    duration: FloatArray
    pitch: IntArray
    velocity: IntArray
    onset_seconds: FloatArray
    duration_seconds: FloatArray
    track: IntArray
    drum: NDArray[np.bool_]
    bar_starts: FloatArray
    meter: tuple[int, int] = (4, 4)

    def __len__(self) -> int:
        return len(self.onset)

    @property
    def bars(self) -> int:
        """Number of bars."""
        return len(self.bar_starts) - 1

    @property
    def drums_only(self) -> bool:
        """Whether every note is a drum note."""
        return bool(self.drum.all())

    def counted(self) -> NDArray[np.bool_]:
        """[n] the notes that features look at: the pitched ones, or all of them in a piece of drums only."""
        return np.ones(len(self), bool) if self.drums_only else ~self.drum

    @classmethod
    def from_quarters(
        cls,
        onset: ArrayLike,
        duration: ArrayLike,
        pitch: ArrayLike,
        *,
        name: str = "",
        tempo: float = 120.0,
        meter: tuple[int, int] = (4, 4),
        velocity: ArrayLike = 64,
        drum: bool = False,
    ) -> Notes:
        """Build a piece of one track, one tempo and one metre from arrays in memory.

        Args:
            onset: [n] quarters.
            duration: [n] quarters.
            pitch: [n] MIDI note numbers 0–127.
            name: name of the piece in a report.
            tempo: in BPM.
            meter: numerator and denominator of the time signature.
            velocity: one for all or [n].
            drum: whether the notes are drum notes.

        Raises:
            ValueError: for arrays of different lengths, negative or non-finite times, or pitches outside 0–127.
        """
        quarters = np.asarray(onset, np.float64).ravel()
        lengths = np.asarray(duration, np.float64).ravel()
        pitches = np.asarray(pitch, np.int64).ravel()
        if not len(quarters) == len(lengths) == len(pitches):
            raise ValueError(
                f"{name or 'piece'}: {len(quarters)} onsets, {len(lengths)} durations and {len(pitches)} pitches; "
                "give one of each per note"
            )
        times = np.concatenate([quarters, lengths])
        if not np.isfinite(times).all() or (times < 0).any():
            raise ValueError(f"{name or 'piece'}: onsets and durations must be finite and not negative")
        if len(pitches) and not 0 <= pitches.min() <= pitches.max() < PITCHES:
            raise ValueError(f"{name or 'piece'}: pitches must be MIDI note numbers, 0 to 127")
        if tempo <= 0 or meter[0] <= 0 or meter[1] <= 0:
            raise ValueError(f"{name or 'piece'}: the tempo and both parts of the metre must be positive")
        order = np.lexsort((pitches, quarters))
        quarters, lengths, pitches = quarters[order], lengths[order], pitches[order]
        seconds = 60.0 / tempo
        end = float((quarters + lengths).max(initial=0.0))
        return cls(
            name=name,
            onset=quarters,
            duration=lengths,
            pitch=pitches,
            velocity=np.broadcast_to(np.asarray(velocity, np.int64), order.shape)[order],
            onset_seconds=quarters * seconds,
            duration_seconds=lengths * seconds,
            track=np.zeros(len(order), np.int64),
            drum=np.full(len(order), drum),
            bar_starts=bar_grid([(0.0, meter[0], meter[1])], end),
            meter=meter,
        )


def bar_grid(meters: Sequence[tuple[float, int, int]], end: float) -> FloatArray:
    """Return the starts of the bars, [bars + 1] quarters, from quarter 0 to the first bar line at or after `end`.

    A bar lasts numerator · 4 / denominator quarters. A change of metre inside a bar cuts that bar short, as notation
    programs do. There is always at least one bar.

    Args:
        meters: (quarter, numerator, denominator), the first at quarter 0, in order of time.
        end: quarters.
    """
    starts: list[FloatArray] = []
    for index, (begin, numerator, denominator) in enumerate(meters):
        length = numerator * 4 / denominator
        last = index + 1 == len(meters) or meters[index + 1][0] >= end
        stop = end if last else meters[index + 1][0]
        count = max(1, math.ceil((stop - begin) / length - SIMULTANEOUS))
        starts.append(begin + length * np.arange(count + last, dtype=np.float64))
        if last:
            break
    return np.concatenate(starts)


def _end_to_end(lengths: Sequence[float]) -> FloatArray:
    """Place lengths one after another on one axis, a quarter apart; returns where each begins."""
    room = np.array(lengths, np.float64) + 1.0
    return np.cumsum(room) - room


@dataclass(frozen=True, eq=False)
class Stack:
    """The counted notes of many pieces laid end to end: N notes, n pieces, B bars.

    Attributes:
        size: n.
        piece: [N] the number of each note's piece.
        onset, duration, onset_seconds, duration_seconds, pitch: [N], as in `Notes`.
        bar: [N] the number of the bar where each note starts, counted through all pieces.
        bar_piece: [B] the number of each bar's piece.
        bar_start, bar_end: [B] quarters from the beginning of the bar's piece.
        begin: [n] where each piece begins, in quarters, when all are laid on one axis of time with a gap between them.
        pieces: what was laid end to end.
    """

    size: int
    piece: IntArray
    onset: FloatArray
    duration: FloatArray
    onset_seconds: FloatArray
    duration_seconds: FloatArray
    pitch: IntArray
    bar: IntArray
    bar_piece: IntArray
    bar_start: FloatArray
    bar_end: FloatArray
    begin: FloatArray
    pieces: Sequence[Notes]

    @classmethod
    def of(cls, pieces: Notes | Sequence[Notes] | Stack) -> Stack:
        """Lay pieces end to end; a single piece is a stack of one, and a stack stays as it is."""
        if isinstance(pieces, Stack):
            return pieces
        many = [pieces] if isinstance(pieces, Notes) else list(pieces)
        sizes = np.array([len(piece) for piece in many], np.int64)
        bars = np.array([piece.bars for piece in many], np.int64)
        owner = np.repeat(np.arange(len(many)), sizes)

        def join(parts: list[Any]) -> Any:
            return np.concatenate(parts or [np.empty(0)])

        drum = join([piece.drum for piece in many]).astype(bool)
        drums_only = np.bincount(owner, drum, minlength=len(many)) == sizes
        kept = np.flatnonzero(~drum | drums_only[owner])
        owner = owner[kept]
        onset = join([piece.onset for piece in many])[kept]
        bar_start = join([piece.bar_starts[:-1] for piece in many])
        bar_piece = np.repeat(np.arange(len(many)), bars)
        begin = _end_to_end([float(piece.bar_starts[-1]) for piece in many])
        bar = np.searchsorted(bar_start + begin[bar_piece], onset + begin[owner] + SIMULTANEOUS, side="right") - 1
        return cls(
            size=len(many),
            piece=owner,
            onset=onset,
            duration=join([piece.duration for piece in many])[kept],
            onset_seconds=join([piece.onset_seconds for piece in many])[kept],
            duration_seconds=join([piece.duration_seconds for piece in many])[kept],
            pitch=join([piece.pitch for piece in many])[kept].astype(np.int64),
            bar=bar.astype(np.int64),
            bar_piece=bar_piece,
            bar_start=bar_start,
            bar_end=join([piece.bar_starts[1:] for piece in many]),
            begin=begin,
            pieces=many,
        )

    @cached_property
    def notes(self) -> FloatArray:
        """[n] number of notes in each piece."""
        return self.per_piece(np.ones(len(self.piece)))

    @cached_property
    def bars(self) -> FloatArray:
        """[n] number of bars in each piece."""
        return np.bincount(self.bar_piece, minlength=self.size).astype(np.float64)

    @cached_property
    def line(self) -> IntArray:
        """[M] indices of the melodic line: the highest note at each onset (all notes, where there are no chords).

        Features of succession (intervals, transitions, phrases) follow this line, so that a chord is one step and
        not several.
        """
        if not len(self.piece):
            return np.empty(0, np.int64)
        moves_on = (np.diff(self.onset) > SIMULTANEOUS) | (np.diff(self.piece) > 0)
        return np.flatnonzero(np.append(moves_on, True))

    @cached_property
    def steps(self) -> tuple[IntArray, IntArray, IntArray]:
        """([S], [S], [S]): from-note, to-note and piece of each step along the melodic line."""
        before, after = self.line[:-1], self.line[1:]
        same = self.piece[before] == self.piece[after]
        return before[same], after[same], self.piece[before][same]

    def per_piece(self, values: FloatArray, piece: IntArray | None = None) -> FloatArray:
        """Sum [N] values over the notes of each piece, to [n]."""
        return np.bincount(self.piece if piece is None else piece, values, minlength=self.size).astype(np.float64)

    def table(self, rows: IntArray, columns: IntArray, width: int, weights: FloatArray | None = None) -> FloatArray:
        """Count (or sum weights of) pairs of piece and column, to [n, width]."""
        cells = np.bincount(rows * width + columns, weights, minlength=self.size * width)
        return cells.astype(np.float64).reshape(self.size, width)
