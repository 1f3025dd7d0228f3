"""The note array of one piece, and many pieces laid end to end.

`Notes` is what a file becomes. `Packed` keeps those of a whole folder in flat arrays, about 40 bytes a note. `Stack` is
what features work on: notes with the numbers of their pieces, so that one NumPy call measures thousands of pieces.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

PITCHES = 128
"""Number of MIDI pitches."""

SIMULTANEOUS = 1e-6
"""Onsets closer than this many quarters are one onset: far below a tick, far above rounding."""

CHUNK = 100_000
"""Notes that whatever works through a large set looks at in one go: some 2,000 folk tunes."""


def as_rows(values: ArrayLike) -> FloatArray:
    """Lay out [n, ...] as [n, d], with one column for [n]; n may be 0. The precision stays."""
    array = np.asarray(values)
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
        bar_starts: [bars + 1] quarters; the last entry is the end of the bar where the last note ends.
        meter: numerator and denominator of the first time signature.
        main_meter: those of the one that lasts longest, not the first where an upbeat is a short bar; None if it is.
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
    drum: BoolArray
    bar_starts: FloatArray
    meter: tuple[int, int] = (4, 4)
    main_meter: tuple[int, int] | None = None
    meter_given: bool = True

    def __len__(self) -> int:
        return len(self.onset)

    @property
    def drums_only(self) -> bool:
        """Whether every note is a drum note."""
        return bool(self.drum.all())

    def counted(self) -> BoolArray:
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
        meter_given: bool = True,
    ) -> Notes:
        """Build a piece of one track, one tempo in BPM and one metre from [n] quarters and MIDI note numbers 0–127.

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
            bar_starts=bar_grid([(0.0, *meter)], float((quarters + lengths).max(initial=0.0))),
            meter=meter,
            meter_given=meter_given,
        )


def bar_grid(meters: Sequence[tuple[float, int, int]], end: float) -> FloatArray:
    """Return the starts of the bars, [bars + 1] quarters, from quarter 0 to the first bar line at or after `end`.

    A change of metre inside a bar cuts that bar short, as notation programs do. There is always at least one bar.
    `meters` are (quarter, numerator, denominator) in order of time, the first at quarter 0.
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


_TIMES = ("onset", "duration", "onset_seconds", "duration_seconds")
_STORED = np.dtype(
    [
        *((name, np.float64) for name in _TIMES),
        *[("pitch", np.int16), ("velocity", np.int16), ("track", np.uint16), ("drum", bool)],
    ],
    align=True,
)


@dataclass(frozen=True, eq=False)
class Packed(Sequence[Notes]):
    """Pieces in flat arrays of compact types: a sequence whose items are built when they are asked for.

    A hundred thousand tunes take 200 MB so, and 1 GB as a list of `Notes`.

    Attributes:
        names: [n] of the pieces.
        notes: [N] fields of `Notes`, the notes of all pieces, one piece after another.
        sizes: [n] number of notes of each piece.
        bar_starts: [B + n] as in `Notes`, one piece after another.
        lines: [n] number of bar starts of each piece.
        meters: [n, 5] of each piece `meter`, `main_meter` (0 and 0 for None) and `meter_given`, as in `Notes`.
    """

    names: list[str]
    notes: NDArray[np.void]
    sizes: IntArray
    bar_starts: FloatArray
    lines: IntArray
    meters: IntArray

    @classmethod
    def of(cls, pieces: Sequence[Notes]) -> Packed:
        """Pack pieces; packed ones stay as they are."""
        if isinstance(pieces, Packed):
            return pieces
        sizes = np.array([len(piece) for piece in pieces], np.int64)
        notes = np.empty(sizes.sum(), _STORED)
        for name in _STORED.names or ():
            notes[name] = np.concatenate([[], *(getattr(piece, name) for piece in pieces)])
        meters = [(*piece.meter, *(piece.main_meter or (0, 0)), piece.meter_given) for piece in pieces]
        return cls(
            names=[piece.name for piece in pieces],
            notes=notes,
            sizes=sizes,
            bar_starts=np.concatenate([[], *(piece.bar_starts for piece in pieces)]),
            lines=np.array([len(piece.bar_starts) for piece in pieces], np.int64),
            meters=np.array(meters, np.int64).reshape(-1, 5),
        )

    @classmethod
    def join(cls, parts: Sequence[Packed]) -> Packed:
        """Lay packed pieces end to end."""
        if len(parts) == 1:
            return parts[0]
        arrays: Any = (
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("notes", "sizes", "bar_starts", "lines", "meters")
        )
        return cls([name for part in parts for name in part.names], *arrays)

    def __len__(self) -> int:
        return len(self.names)

    @overload
    def __getitem__(self, index: int) -> Notes: ...
    @overload
    def __getitem__(self, index: slice) -> Packed: ...
    def __getitem__(self, index: int | slice) -> Notes | Packed:
        if isinstance(index, slice):
            start, stop, step = index.indices(len(self))
            if step != 1:
                return self.take(range(start, stop, step))
            stop = max(start, stop)
            notes = self.notes[self.first[start] : self.first[stop]]
            bar_starts = self.bar_starts[self.first_line[start] : self.first_line[stop]]
            kept = slice(start, stop)
            return Packed(self.names[kept], notes, self.sizes[kept], bar_starts, self.lines[kept], self.meters[kept])
        index = range(len(self))[index]
        one = self[index : index + 1]
        fields: dict[str, Any] = {name: one.notes[name] for name in (*_TIMES, "drum")}
        fields |= {name: one.notes[name].astype(np.int64) for name in ("pitch", "velocity", "track")}
        numerator, denominator, main, part, given = one.meters[0].tolist()
        return Notes(
            name=one.names[0],
            **fields,
            bar_starts=one.bar_starts,
            meter=(numerator, denominator),
            main_meter=(main, part) if main else None,
            meter_given=bool(given),
        )

    def take(self, indices: Sequence[int] | IntArray) -> Packed:
        """Pack the pieces at these places."""
        return Packed.of([self[int(index)] for index in indices])

    def chunks(self, notes: int = CHUNK) -> Iterator[slice]:
        """Cut the set into runs of pieces with at most so many notes, or a single piece; where depends on it alone."""
        start = 0
        while start < len(self):
            stop = int(np.searchsorted(self.first, self.first[start] + notes, side="right")) - 1
            stop = max(stop, start + 1)
            yield slice(start, stop)
            start = stop

    @cached_property
    def first(self) -> IntArray:
        """[n + 1] place of each piece's first note in `notes`; the last entry is their number."""
        return np.cumsum([0, *self.sizes])

    @cached_property
    def first_line(self) -> IntArray:
        """[n + 1] the same of its first bar in `bar_starts`."""
        return np.cumsum([0, *self.lines])

    @cached_property
    def drums_only(self) -> BoolArray:
        """[n] whether every note of a piece is a drum note."""
        pitched = np.concatenate([[0], np.cumsum(~self.notes["drum"])])[self.first]
        return np.diff(pitched) == 0


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
        derived: what several features have in common, by the function that computes it.
    """

    pieces: Packed
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
    meter_given: BoolArray
    derived: dict[Any, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, pieces: Notes | Sequence[Notes] | Stack) -> Stack:
        """Lay pieces end to end; a single piece is a stack of one, and a stack stays as it is."""
        if isinstance(pieces, Stack):
            return pieces
        many = Packed.of([pieces] if isinstance(pieces, Notes) else pieces)
        owner = np.repeat(np.arange(len(many)), many.sizes)
        kept = ~many.notes["drum"] | many.drums_only[owner]
        owner = owner[kept]
        notes: dict[str, Any] = {field: many.notes[field][kept] for field in _TIMES}
        bars = many.lines - 1
        bar_piece = np.repeat(np.arange(len(many)), bars)
        bar = np.arange(len(bar_piece)) + bar_piece
        bar_start = many.bar_starts[bar]
        room = many.bar_starts[many.first_line[1:] - 1] + 1.0
        begin = np.cumsum(room) - room
        place = notes["onset"] + begin[owner] + SIMULTANEOUS
        return cls(
            pieces=many,
            piece=owner,
            pitch=many.notes["pitch"][kept].astype(np.int64),
            bar=np.searchsorted(bar_start + begin[bar_piece], place, side="right") - 1,
            bar_piece=bar_piece,
            bar_start=bar_start,
            bar_end=many.bar_starts[bar + 1],
            begin=begin,
            velocity=many.notes["velocity"][kept].astype(np.int64),
            meter=np.where(many.meters[:, 2:4] > 0, many.meters[:, 2:4], many.meters[:, :2]),
            meter_given=many.meters[:, 4] > 0,
            **notes,
        )

    @property
    def size(self) -> int:
        """Number of pieces."""
        return len(self.pieces)

    @cached_property
    def notes(self) -> FloatArray:
        """[n] number of notes in each piece."""
        return self.count(self.piece)

    @cached_property
    def line(self) -> IntArray:
        """[M] indices of the melodic line: the highest note at each onset, so that a chord is one step."""
        moves_on = (np.diff(self.onset) > SIMULTANEOUS) | (np.diff(self.piece) > 0)
        return np.flatnonzero(np.append(moves_on, True)[: len(self.piece)])

    @cached_property
    def steps(self) -> tuple[IntArray, IntArray, IntArray]:
        """([S], [S], [S]): from-note, to-note and piece of each step along the melodic line."""
        before, after = self.line[:-1], self.line[1:]
        same = self.piece[before] == self.piece[after]
        return before[same], after[same], self.piece[before][same]

    def count(self, piece: IntArray) -> FloatArray:
        """Count things by the piece that each belongs to, [k] to [n]."""
        return np.bincount(piece, minlength=self.size).astype(np.float64)

    def per_piece(self, values: NDArray[Any], piece: IntArray | None = None) -> FloatArray:
        """Sum [k] values by the piece that each belongs to, by default those of the notes; to [n]."""
        return np.bincount(self.piece if piece is None else piece, values, minlength=self.size).astype(np.float64)

    def table(self, rows: IntArray, columns: IntArray, width: int, weights: FloatArray | None = None) -> FloatArray:
        """Count (or sum weights of) pairs of piece and column, to [n, width]."""
        cells = np.bincount(rows * width + columns, weights, minlength=self.size * width)
        return cells.astype(np.float64).reshape(self.size, width)

    def span(self, low: ArrayLike, high: ArrayLike) -> FloatArray:
        """Return the greatest `high` less the least `low` of each piece's notes, [N] to [n]; NaN without notes."""
        least, greatest = np.full((2, self.size), np.nan)
        np.fmin.at(least, self.piece, low)
        np.fmax.at(greatest, self.piece, high)
        return greatest - least
