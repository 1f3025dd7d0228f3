"""MIDI files to note arrays, and the process that opens them.

`evaluation.reading.folders` starts `python -m evaluation.reading.midi SECONDS`, which reads file names from its
standard input and answers on its standard output. A damaged file may crash or hang the parser; here that costs this
file only.
"""

from __future__ import annotations

import json
import os
import pickle
import resource
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import numpy as np
import symusic

from evaluation.reading.notes import Notes, bar_grid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from evaluation.reading.notes import FloatArray, IntArray

    Meters = list[tuple[float, int, int]]

LARGEST_FILE = 32_000_000
"""Bytes. A symphony is under one million."""

MOST_NOTES = 1_000_000
MOST_BARS = 50_000
MEMORY = 6_000_000_000
"""Bytes of address space that a parsing process may ask for."""

_SHORTEST_NOTE_VALUE = 64
_FIELDS = ("time", "duration", "pitch", "velocity")


class UnreadableError(Exception):
    """A file that gives no notes, with the reason in words."""


class Loaded(NamedTuple):
    """What a file says, as symusic gives it: the notes' numbers in ticks, and the maps of tempo and metre.

    Attributes:
        name: of the piece.
        resolution: ticks per quarter.
        tracks: the time, duration, pitch and velocity of the notes of each track that has any.
        drums: whether each of these tracks is on the percussion channel.
        tempos: (tick, microseconds per quarter).
        signatures: (tick, numerator, denominator).
    """

    name: str
    resolution: int
    tracks: list[dict[str, NDArray[Any]]]
    drums: list[bool]
    tempos: list[tuple[int, int]]
    signatures: list[tuple[int, int, int]]


def load(path: Path, name: str) -> Loaded:
    """Read one MIDI file.

    A key struck again before its release makes two notes, and releases end them first in, first out, as symusic
    pairs them. Notes that are never released are not notes. Tempo and metre are read from every track.

    Args:
        path: the file.
        name: what to call the piece.

    Raises:
        UnreadableError: with the reason, for a file that gives no notes.
    """
    with path.open("rb", buffering=0) as stream:
        size = os.fstat(stream.fileno()).st_size
        if size > LARGEST_FILE:
            limit = f"{LARGEST_FILE / 1e6:.0f} MB"
            raise UnreadableError(f"{size / 1e6:.0f} MB, more than the {limit} that a MIDI file may have")
        data = stream.read()
    if not data:
        raise UnreadableError("empty file")
    try:
        score: Any = symusic.Score.from_midi(data)  # its published type is a union with times in seconds
    except (RuntimeError, ValueError, MemoryError, OverflowError) as error:
        raise UnreadableError(f"not readable as MIDI: {_plain(error)}") from error
    tracks, drums, total = [], [], 0
    for track in score.tracks:
        notes = track.notes
        if count := len(notes):
            tracks.append(notes.numpy())
            drums.append(track.is_drum)
            total += count
    if not tracks:
        raise UnreadableError("no notes")
    if total > MOST_NOTES:
        raise UnreadableError(f"{total:,} notes, more than the {MOST_NOTES:,} that a piece may have")
    if score.ticks_per_quarter <= 0:
        raise UnreadableError(f"{score.ticks_per_quarter} ticks per quarter")
    return Loaded(
        name,
        score.ticks_per_quarter,
        tracks,
        drums,
        [(tempo.time, tempo.mspq) for tempo in score.tempos],
        [(sign.time, sign.numerator, sign.denominator) for sign in score.time_signatures],
    )


def _plain(error: BaseException) -> str:
    """Put the message of a native error on one short line."""
    text = " ".join(str(error).split()).removeprefix("MiniMidi: ").removesuffix(": iostream error")
    return text[:160] or type(error).__name__


def as_notes(files: Sequence[Loaded]) -> list[Notes | str]:
    """Turn what files say into notes, all files in one go: files are many and short, and every call has its price.

    Returns:
        [len(files)] the notes, which share their memory, or the reason why there are none.
    """
    if not files:
        return []
    blocks = [track for file in files for track in file.tracks]
    lengths = np.array([len(block["time"]) for block in blocks], np.int64)
    piece_of_block = np.repeat(np.arange(len(files)), [len(file.tracks) for file in files])
    sizes = np.bincount(piece_of_block, lengths, minlength=len(files)).astype(np.int64)
    first = np.cumsum(sizes) - sizes
    owner = np.repeat(np.arange(len(files)), sizes)
    fields = np.stack([np.concatenate([block[key] for block in blocks]).astype(np.int64) for key in _FIELDS])
    backwards = np.minimum.reduceat(fields.min(axis=0), first) < 0
    track = np.repeat(np.concatenate([np.arange(len(file.tracks)) for file in files]), lengths)
    drum = np.repeat(np.array([is_drum for file in files for is_drum in file.drums], bool), lengths)
    order = np.lexsort((fields[2], fields[0], owner))
    fields, track, drum = fields[:, order], track[order], drum[order]
    resolution = np.array([file.resolution for file in files], np.int64)[owner]
    onset, duration = fields[0] / resolution, fields[1] / resolution
    rate = np.array([_seconds_a_tick(file) for file in files])
    seconds = fields[:2] * rate[owner]
    for number in np.flatnonzero(np.isnan(rate)).tolist():
        place = slice(first[number], first[number] + sizes[number])
        seconds[:, place] = _through_tempos(files[number], fields[:2, place])
    meters = [_meters(file) for file in files]
    ends = np.maximum.reduceat(onset + duration, first)
    result: list[Notes | str] = []
    for number, (begin, size) in enumerate(zip(first.tolist(), sizes.tolist(), strict=True)):
        starts = _bar_starts(meters[number], float(ends[number]))
        if backwards[number]:
            result.append("times run backwards")
        elif starts is None:
            result.append(f"{ends[number]:,.0f} quarters long, more than {MOST_BARS:,} bars")
        else:
            place = slice(begin, begin + size)
            result.append(
                Notes(
                    name=files[number].name,
                    onset=onset[place],
                    duration=duration[place],
                    pitch=fields[2, place],
                    velocity=fields[3, place],
                    onset_seconds=seconds[0, place],
                    duration_seconds=seconds[1, place],
                    track=track[place],
                    drum=drum[place],
                    bar_starts=starts,
                    meter=meters[number][0][1:],
                )
            )
    return result


def _tempos(file: Loaded) -> dict[int, int]:
    """Microseconds per quarter from each tick on; 120 BPM before the first tempo, and without any."""
    # of several tempos at one tick the last one holds
    return {0: 500_000} | dict(file.tempos)


def _seconds_a_tick(file: Loaded) -> float:
    """One tempo in seconds a tick; NaN for a file with several."""
    changes = _tempos(file)
    return changes[0] / 1e6 / file.resolution if len(changes) == 1 else float("nan")


def _through_tempos(file: Loaded, ticks: IntArray) -> FloatArray:
    """Turn onsets and durations, [2, n] ticks, into seconds through the tempo map."""
    changes = _tempos(file)
    begin = np.array(sorted(changes), np.float64)
    rate = np.array([changes[tick] for tick in sorted(changes)]) / 1e6 / file.resolution
    elapsed = np.concatenate([[0.0], np.cumsum(np.diff(begin) * rate[:-1])])
    limits = np.stack([ticks[0], ticks[0] + ticks[1]])
    segment = np.searchsorted(begin, limits, side="right") - 1
    seconds = elapsed[segment] + (limits - begin[segment]) * rate[segment]
    return np.stack([seconds[0], seconds[1] - seconds[0]])


def _meters(file: Loaded) -> Meters:
    """Gather (quarter, numerator, denominator) of the metre map; before the first signature, and without any, 4/4."""
    meters = {0.0: (4, 4)}
    for tick, numerator, denominator in file.signatures:
        # a signature of 0 beats, or in 0ths, is damage: the metre before it goes on
        if tick >= 0 and numerator > 0 and 0 < denominator <= _SHORTEST_NOTE_VALUE:
            meters[tick / file.resolution] = (numerator, denominator)
    return [(begin, *meters[begin]) for begin in sorted(meters)]


def _bar_starts(meters: Meters, end: float) -> FloatArray | None:
    """`bar_grid` of one piece; None where it would have more than `MOST_BARS`."""
    shortest = min(numerator * 4 / denominator for _, numerator, denominator in meters)
    return bar_grid(meters, end) if end / shortest + len(meters) <= MOST_BARS else None


def _limit_damage() -> None:
    """Limit the memory of this process, and write no core dump after a crash."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY if hard == resource.RLIM_INFINITY else min(MEMORY, hard), hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def serve(requests: BinaryIO, answers: BinaryIO, seconds_a_file: float) -> None:
    """Answer a list of [path, name] pairs with one pickled tuple (the fields of `Loaded`) or reason (str) each.

    The answers come in the order of the requests, after a "ready". An alarm ends the process when one file takes longer
    than `seconds_a_file`; it is the system's own, so it ends native code too.
    """
    pickle.dump("ready", answers)
    answers.flush()
    for path, name in json.load(requests):
        signal.setitimer(signal.ITIMER_REAL, seconds_a_file)
        try:
            # as a plain tuple: this module has another name in its own process
            result: tuple[Any, ...] | str = tuple(load(Path(path), name))
        except UnreadableError as error:
            result = str(error)
        except OSError as error:
            result = f"not readable: {error.strerror or error}"
        pickle.dump(result, answers, protocol=pickle.HIGHEST_PROTOCOL)
        answers.flush()
    signal.setitimer(signal.ITIMER_REAL, 0)


def main() -> None:
    """Serve the process that started this one."""
    _limit_damage()
    # the answers get the standard output to themselves: whatever native code prints goes to the standard error
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)
        serve(sys.stdin.buffer, answers, float(sys.argv[1]))


if __name__ == "__main__":
    main()
