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
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import symusic

from evaluation.reading.notes import Notes, bar_grid

if TYPE_CHECKING:
    from evaluation.reading.notes import FloatArray, IntArray

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


def load(path: Path, name: str) -> Notes:
    """Read one MIDI file.

    A key struck again before its release makes two notes, and releases end them first in, first out, as symusic
    pairs them. Notes that are never released are not notes. Tempo and metre are read from every track.

    Raises:
        UnreadableError: with the reason, for a file that gives no notes.
    """
    score = _parse(path)
    tracks = [track for track in score.tracks if len(track.notes)]
    if not tracks:
        raise UnreadableError("no notes")
    sizes = [len(track.notes) for track in tracks]
    if sum(sizes) > MOST_NOTES:
        raise UnreadableError(f"{sum(sizes):,} notes, more than the {MOST_NOTES:,} that a piece may have")
    if score.ticks_per_quarter <= 0:
        raise UnreadableError(f"{score.ticks_per_quarter} ticks per quarter")
    blocks = [track.notes.numpy() for track in tracks]
    fields = np.array([np.concatenate([block[key] for block in blocks]) for key in _FIELDS], np.int64)
    if fields.min() < 0:
        raise UnreadableError("times run backwards")
    order = np.lexsort((fields[2], fields[0]))
    fields = fields[:, order]
    onset, duration = fields[:2] / score.ticks_per_quarter
    meters = _meters(score)
    end = float((onset + duration).max())
    shortest = min(numerator * 4 / denominator for _, numerator, denominator in meters)
    if end / shortest + len(meters) > MOST_BARS:
        raise UnreadableError(f"{end:,.0f} quarters long, more than {MOST_BARS:,} bars")
    onset_seconds, duration_seconds = _seconds(score, fields[:2])
    return Notes(
        name=name,
        onset=onset,
        duration=duration,
        pitch=fields[2],
        velocity=fields[3],
        onset_seconds=onset_seconds,
        duration_seconds=duration_seconds,
        track=np.repeat(np.arange(len(tracks)), sizes)[order],
        drum=np.repeat([track.is_drum for track in tracks], sizes)[order],
        bar_starts=bar_grid(meters, end),
        meter=meters[0][1:],
    )


def _parse(path: Path) -> Any:
    """Return the file as symusic reads it, in ticks."""
    with path.open("rb", buffering=0) as stream:
        size = os.fstat(stream.fileno()).st_size
        if size > LARGEST_FILE:
            limit = f"{LARGEST_FILE / 1e6:.0f} MB"
            raise UnreadableError(f"{size / 1e6:.0f} MB, more than the {limit} that a MIDI file may have")
        data = stream.read()
    if not data:
        raise UnreadableError("empty file")
    try:
        return symusic.Score.from_midi(data)
    except (RuntimeError, ValueError, MemoryError, OverflowError) as error:
        text = " ".join(str(error).split()).removeprefix("MiniMidi: ").removesuffix(": iostream error")
        raise UnreadableError(f"not readable as MIDI: {text[:160] or type(error).__name__}") from error


def _seconds(score: Any, ticks: IntArray) -> FloatArray:
    """Turn onsets and durations, [2, n] ticks, into seconds through the tempo map; 120 BPM before the first tempo."""
    # of several tempos at one tick the last one holds
    changes = {0: 500_000} | {tempo.time: tempo.mspq for tempo in score.tempos}
    if len(changes) == 1:
        return ticks * (changes[0] / 1e6 / score.ticks_per_quarter)
    begin = np.array(sorted(changes), np.float64)
    rate = np.array([changes[tick] for tick in sorted(changes)]) / 1e6 / score.ticks_per_quarter
    elapsed = np.concatenate([[0.0], np.cumsum(np.diff(begin) * rate[:-1])])
    limits = np.stack([ticks[0], ticks[0] + ticks[1]])
    segment = np.searchsorted(begin, limits, side="right") - 1
    seconds = elapsed[segment] + (limits - begin[segment]) * rate[segment]
    return np.stack([seconds[0], seconds[1] - seconds[0]])


def _meters(score: Any) -> list[tuple[float, int, int]]:
    """Return (quarter, numerator, denominator) of the metre map; 4/4 before the first signature."""
    meters = {0.0: (4, 4)}
    for sign in score.time_signatures:
        # a signature of 0 beats, or in 0ths, is damage: the metre before it goes on
        if sign.time >= 0 and sign.numerator > 0 and 0 < sign.denominator <= _SHORTEST_NOTE_VALUE:
            meters[sign.time / score.ticks_per_quarter] = (sign.numerator, sign.denominator)
    return [(begin, *meters[begin]) for begin in sorted(meters)]


def _limit_damage() -> None:
    """Limit the memory of this process, and write no core dump after a crash."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY if hard == resource.RLIM_INFINITY else min(MEMORY, hard), hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def serve(requests: BinaryIO, answers: BinaryIO, seconds_a_file: float) -> None:
    """Answer a list of [path, name] pairs with one pickled `Notes` or reason (str) each.

    The answers come in the order of the requests, after a "ready". An alarm ends the process when one file takes longer
    than `seconds_a_file`; it is the system's own, so it ends native code too.
    """
    pickle.dump("ready", answers)
    answers.flush()
    for path, name in json.load(requests):
        signal.setitimer(signal.ITIMER_REAL, seconds_a_file)
        try:
            result: Notes | str = load(Path(path), name)
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
