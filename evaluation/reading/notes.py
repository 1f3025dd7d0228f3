"""The note array of one piece, and many pieces laid end to end.

`Notes` is what a file becomes; `Stack` is what the features work on: the notes of many pieces in flat arrays,
each with the number of its piece, so that one NumPy call measures a whole folder.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

PITCHES = 128
"""Number of MIDI pitches."""

SIMULTANEOUS = 1e-6
"""Onsets closer than this many quarters are one onset: far below a tick, far above rounding."""


def as_rows(values: ArrayLike) -> FloatArray:
    """Lay out [n, ...] as [n, d], with one column for [n]; n may be 0."""
    array = np.asarray(values, np.float64)
    return array.reshape(len(array), math.prod(array.shape[1:]))


def defined_rows(values: ArrayLike) -> FloatArray:
    """Return the rows without NaN of [n, ...], [≤ n, d]."""
    rows = as_rows(values)
    return rows[np.isfinite(rows).all(axis=1)]


def counted_up(sizes: IntArray) -> IntArray:
    """Return 0, 1, … size − 1 for each size, one after another: [k] to [sum of sizes]."""
    return np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)


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
        main_meter: those of the signature that lasts longest, which is not the first one where an upbeat is written as
            a short bar; None where it is the first.
        meter_given: whether the piece says its metre; without, `meter` is 4/4 by default.
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
    main_meter: tuple[int, int] | None = None
    meter_given: bool = True

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
        return ~self.drum | self.drums_only

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
        upbeat: float = 0.0,
        meter_given: bool = True,
    ) -> Notes:
        """Build a piece of one track, one tempo in BPM and one metre from [n] quarters and MIDI note numbers 0–127.

        An upbeat of so many quarters is a short bar before the first whole one.

        Raises:
            ValueError: for arrays of different lengths, negative or non-finite times, or pitches outside 0–127.
        """
        piece = name or "piece"
        quarters, lengths = (np.asarray(times, np.float64).ravel() for times in (onset, duration))
        pitches = np.asarray(pitch, np.int64).ravel()
        if not len(quarters) == len(lengths) == len(pitches):
            raise ValueError(
                f"{piece}: {len(quarters)} onsets, {len(lengths)} durations and {len(pitches)} pitches; "
                "give one of each per note"
            )
        times = np.concatenate([quarters, lengths])
        if not np.isfinite(times).all() or (times < 0).any():
            raise ValueError(f"{piece}: onsets and durations must be finite and not negative")
        if len(pitches) and not 0 <= pitches.min() <= pitches.max() < PITCHES:
            raise ValueError(f"{piece}: pitches must be MIDI note numbers, 0 to 127")
        if not 0 <= upbeat < meter[0] * 4 / max(meter[1], 1):
            raise ValueError(f"{piece}: the upbeat must be shorter than a bar of {meter[0]}/{meter[1]}")
        if min(tempo, *meter) <= 0:
            raise ValueError(f"{piece}: the tempo and both parts of the metre must be positive")
        order = np.lexsort((pitches, quarters))
        quarters, lengths = quarters[order], lengths[order]
        seconds = 60.0 / tempo
        return cls(
            name=name,
            onset=quarters,
            duration=lengths,
            pitch=pitches[order],
            velocity=np.broadcast_to(np.asarray(velocity, np.int64), order.shape)[order],
            onset_seconds=quarters * seconds,
            duration_seconds=lengths * seconds,
            track=np.zeros(len(order), np.int64),
            drum=np.full(len(order), drum),
            bar_starts=_bars(meter, upbeat, float((quarters + lengths).max(initial=0.0))),
            meter=meter,
            meter_given=meter_given,
        )


def _bars(meter: tuple[int, int], upbeat: float, end: float) -> FloatArray:
    bars = bar_grid([(0.0, *meter)], max(end - upbeat, 0.0))
    if not upbeat:
        return bars
    # what ends with the upbeat has no other bar
    return np.concatenate([[0.0], bars[: 1 if end <= upbeat else None] + upbeat])


def bar_grid(meters: Sequence[tuple[float, int, int]], end: float) -> FloatArray:
    """Return the starts of the bars, [bars + 1] quarters, from quarter 0 to the first bar line at or after `end`.

    A bar lasts numerator · 4 / denominator quarters. A change of metre inside a bar cuts that bar short, as notation
    programs do. There is always at least one bar. `meters` are (quarter, numerator, denominator) in order of time, the
    first at quarter 0.
    """
    used = [meters[0], *(meter for meter in meters[1:] if meter[0] < end)]
    starts = []
    for index, (begin, numerator, denominator) in enumerate(used):
        length = numerator * 4 / denominator
        last = index + 1 == len(used)
        stop = end if last else used[index + 1][0]
        count = max(1, math.ceil((stop - begin) / length - SIMULTANEOUS))
        starts.append(begin + length * np.arange(count + last, dtype=np.float64))
    return np.concatenate(starts)


@dataclass(frozen=True, eq=False)
class Stack:
    """The counted notes of many pieces laid end to end: N notes, n pieces, B bars.

    Attributes:
        pieces: [n] what was laid end to end.
        piece: [N] the number of each note's piece.
        onset, duration, onset_seconds, duration_seconds, pitch, velocity: [N], as in `Notes`.
        bar: [N] the number of the bar where each note starts, counted through all pieces.
        bar_piece: [B] the number of each bar's piece.
        bar_start, bar_end: [B] quarters from the beginning of the bar's piece.
        begin: [n] where each piece begins, in quarters, when all are laid on one axis of time with a gap between them.
        meter: [n, 2] numerator and denominator of the signature that lasts longest in each piece.
        meter_given: [n] as in `Notes`.
        drums_only: [n] as in `Notes`.
        derived: what several features have in common, by the function that computes it.
    """

    pieces: Sequence[Notes]
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
    velocity: IntArray
    meter: IntArray
    meter_given: NDArray[np.bool_]
    drums_only: NDArray[np.bool_]
    derived: dict[Any, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, pieces: Notes | Sequence[Notes] | Stack) -> Stack:
        """Lay pieces end to end; a single piece is a stack of one, and a stack stays as it is."""
        if isinstance(pieces, Stack):
            return pieces
        many = [pieces] if isinstance(pieces, Notes) else list(pieces)

        def join(parts: list[Any], kind: type = np.float64) -> Any:
            return np.concatenate([np.empty(0, kind), *parts], dtype=kind)

        kept = join([piece.counted() for piece in many], bool)
        owner = np.repeat(np.arange(len(many)), [len(piece) for piece in many])[kept]
        times = ("onset", "duration", "onset_seconds", "duration_seconds")
        notes = {name: join([getattr(piece, name) for piece in many])[kept] for name in times}
        bar_start = join([piece.bar_starts[:-1] for piece in many])
        bar_piece = np.repeat(np.arange(len(many)), [piece.bars for piece in many])
        room = np.array([piece.bar_starts[-1] for piece in many], np.float64) + 1.0
        begin = np.cumsum(room) - room
        place = notes["onset"] + begin[owner] + SIMULTANEOUS
        return cls(
            pieces=many,
            piece=owner,
            pitch=join([piece.pitch for piece in many], np.int64)[kept],
            bar=np.searchsorted(bar_start + begin[bar_piece], place, side="right") - 1,
            bar_piece=bar_piece,
            bar_start=bar_start,
            bar_end=join([piece.bar_starts[1:] for piece in many]),
            begin=begin,
            velocity=join([piece.velocity for piece in many], np.int64)[kept],
            meter=np.array([piece.main_meter or piece.meter for piece in many], np.int64).reshape(-1, 2),
            meter_given=np.array([piece.meter_given for piece in many], bool),
            drums_only=np.array([piece.drums_only for piece in many], bool),
            **notes,
        )

    @property
    def size(self) -> int:
        """Number of pieces."""
        return len(self.pieces)

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
        moves_on = (np.diff(self.onset) > SIMULTANEOUS) | (np.diff(self.piece) > 0)
        return np.flatnonzero(np.append(moves_on, True)[: len(self.piece)])

    @cached_property
    def steps(self) -> tuple[IntArray, IntArray, IntArray]:
        """([S], [S], [S]): from-note, to-note and piece of each step along the melodic line."""
        before, after = self.line[:-1], self.line[1:]
        same = self.piece[before] == self.piece[after]
        return before[same], after[same], self.piece[before][same]

    def per_piece(self, values: NDArray[Any], piece: IntArray | None = None) -> FloatArray:
        """Sum [N] values over the notes of each piece, to [n]."""
        return np.bincount(self.piece if piece is None else piece, values, minlength=self.size).astype(np.float64)

    def table(self, rows: IntArray, columns: IntArray, width: int, weights: FloatArray | None = None) -> FloatArray:
        """Count (or sum weights of) pairs of piece and column, to [n, width]."""
        cells = np.bincount(rows * width + columns, weights, minlength=self.size * width)
        return cells.astype(np.float64).reshape(self.size, width)

    def span(self, low: ArrayLike, high: ArrayLike) -> FloatArray:
        """Return the greatest of [N] `high` less the least of [N] `low` in each piece, [n]; NaN without notes."""
        least, greatest = np.full((2, self.size), np.nan)
        np.fmin.at(least, self.piece, low)
        np.fmax.at(greatest, self.piece, high)
        return greatest - least
