"""One MIDI file to one note array, and the process that does it.

`python -m evaluation.parsing` is what `evaluation.reading` starts: it reads paths from its standard input and answers
on its standard output. A parser of foreign bytes may crash or hang; here that costs one file and not the run.
"""

from __future__ import annotations

import json
import os
import pickle
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import symusic

from evaluation.notes import Notes, bar_grid

if TYPE_CHECKING:
    from evaluation.notes import FloatArray, IntArray

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


def parse(path: Path, name: str) -> Notes:
    """Read one MIDI file.

    A key struck again before its release makes two notes, and releases end them first in, first out, as symusic
    pairs them. Notes that are never released are not notes. Tempo and metre are read from every track.

    Args:
        path: the file.
        name: what to call the piece.

    Raises:
        UnreadableError: with the reason, for a file that gives no notes.
    """
    with path.open("rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        if size > LARGEST_FILE:
            limit = f"{LARGEST_FILE / 1e6:.0f} MB"
            raise UnreadableError(f"{size / 1e6:.0f} MB, more than the {limit} that a MIDI file may have")
        data = stream.read()
    if not data:
        raise UnreadableError("empty file")
    try:
        score = symusic.Score.from_midi(data)
    except (RuntimeError, ValueError, MemoryError, OverflowError) as error:
        raise UnreadableError(f"not readable as MIDI: {_plain(error)}") from error
    return _notes(score, name)


def _plain(error: BaseException) -> str:
    """Put the message of a native error on one short line."""
    text = " ".join(str(error).split()).removeprefix("MiniMidi: ").removesuffix(": iostream error")
    return text[:160] or type(error).__name__


def _notes(score: Any, name: str) -> Notes:
    tracks = [(track.notes.numpy(), track.is_drum) for track in score.tracks if len(track.notes)]
    lengths = [len(notes["time"]) for notes, _ in tracks]
    if not tracks:
        raise UnreadableError("no notes")
    if sum(lengths) > MOST_NOTES:
        raise UnreadableError(f"{sum(lengths):,} notes, more than the {MOST_NOTES:,} that a piece may have")
    resolution = score.ticks_per_quarter
    if resolution <= 0:
        raise UnreadableError(f"{resolution} ticks a quarter")
    # one array of all fields: files are many and short, and every call on an array has its price
    blocks = [np.array([notes[field] for field in _FIELDS], np.int64) for notes, _ in tracks]
    fields = blocks[0] if len(blocks) == 1 else np.concatenate(blocks, axis=1)
    if fields.min() < 0:
        raise UnreadableError("times run backwards")
    track = np.repeat(np.arange(len(tracks)), lengths)
    if (fields[0, 1:] <= fields[0, :-1]).any():
        order = np.lexsort((fields[2], fields[0]))
        fields, track = fields[:, order], track[order]
    times = fields[:2] / resolution
    seconds = _seconds(score, fields[:2])
    meters = _meters(score)
    return Notes(
        name=name,
        onset=times[0],
        duration=times[1],
        pitch=fields[2],
        velocity=fields[3],
        onset_seconds=seconds[0],
        duration_seconds=seconds[1],
        track=track,
        drum=np.array([drum for _, drum in tracks], bool)[track],
        bar_starts=_bars(meters, float((times[0] + times[1]).max())),
        meter=meters[0][1:],
    )


def _seconds(score: Any, ticks: IntArray) -> FloatArray:
    """Turn onsets and durations, [2, n] ticks, into seconds through the tempo map.

    Before the first tempo, and without any, a minute has 120 quarters.
    """
    tempos = score.tempos.numpy()
    # of several tempos at one tick the last one holds
    changes = {0: 500_000} | dict(zip(tempos["time"].tolist(), tempos["mspq"].tolist(), strict=True))
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
    """Gather (quarter, numerator, denominator) of the metre map; before the first signature, and without any, 4/4."""
    signatures = score.time_signatures.numpy()
    meters = {0.0: (4, 4)}
    for tick, numerator, denominator in zip(
        signatures["time"].tolist(), signatures["numerator"].tolist(), signatures["denominator"].tolist(), strict=True
    ):
        # a signature of 0 beats, or in 0ths, is damage: the metre before it goes on
        if tick >= 0 and numerator > 0 and 0 < denominator <= _SHORTEST_NOTE_VALUE:
            meters[tick / score.ticks_per_quarter] = (numerator, denominator)
    return [(begin, *meters[begin]) for begin in sorted(meters)]


def _bars(meters: list[tuple[float, int, int]], end: float) -> FloatArray:
    shortest = min(numerator * 4 / denominator for _, numerator, denominator in meters)
    if end / shortest + len(meters) > MOST_BARS:
        raise UnreadableError(f"{end:,.0f} quarters long, more than {MOST_BARS:,} bars")
    return bar_grid(meters, end)


def _limit_damage() -> None:
    """Let a file that asks for more memory than any piece needs fail alone, and a crash leave no dump behind."""
    try:
        import resource  # noqa: PLC0415 - not on Windows
    except ImportError:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = MEMORY if hard == resource.RLIM_INFINITY else min(MEMORY, hard)
    resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer a list of [path, name] pairs with one pickled `Notes` or reason (str) each, in order, after a "ready"."""
    pickle.dump("ready", answers)
    answers.flush()
    for path, name in json.load(requests):
        try:
            result: Notes | str = parse(Path(path), name)
        except UnreadableError as error:
            result = str(error)
        except OSError as error:
            result = f"not readable: {error.strerror or error}"
        pickle.dump(result, answers, protocol=pickle.HIGHEST_PROTOCOL)
        answers.flush()


def main() -> int:
    """Serve the process that started this one."""
    _limit_damage()
    # the answers get the standard output to themselves: whatever native code prints goes to the standard error
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)
        serve(sys.stdin.buffer, answers)
    return 0


if __name__ == "__main__":
    sys.exit(main())
