"""MIDI files to note arrays."""

from __future__ import annotations

import itertools
import os
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from evaluation.reading.notes import FloatArray, IntArray, Notes, bar_grid
from manymodes.music.midifile import UnreadableMidiError, check_size, read_score

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_NOTES = 1_000_000
MOST_BARS = 10_000

_SHORTEST_NOTE_VALUE = 64
_FIELDS = ("time", "duration", "pitch", "velocity")


def load(path: Path, name: str) -> Notes:
    """Read one MIDI file.

    A key struck again before its release makes two notes, and releases end them first in, first out, as symusic
    pairs them. Notes that are never released are not notes. Tempo and metre are read from every track.

    Raises:
        UnreadableMidiError: with the reason, for a file that gives no notes.
    """
    with path.open("rb", buffering=0) as stream:
        check_size(os.fstat(stream.fileno()).st_size)
        score = read_score(stream.read())
    tracks = [track for track in score.tracks if len(track.notes)]
    if not tracks:
        raise UnreadableMidiError("no notes")
    sizes = [len(track.notes) for track in tracks]
    if sum(sizes) > MOST_NOTES:
        raise UnreadableMidiError(f"{sum(sizes):,} notes, more than the {MOST_NOTES:,} that a piece may have")
    blocks = [track.notes.numpy() for track in tracks]
    fields = np.array([np.concatenate([block[key] for block in blocks]) for key in _FIELDS], np.int64)
    if fields.min() < 0:
        raise UnreadableMidiError("times run backwards")
    order = np.lexsort((fields[2], fields[0]))
    fields = fields[:, order]
    onset, duration = fields[:2] / score.ticks_per_quarter
    meters, given = _meters(score)
    end = float((onset + duration).max())
    shortest = min(numerator * 4 / denominator for _, numerator, denominator in meters)
    if end / shortest + len(meters) > MOST_BARS:
        raise UnreadableMidiError(f"{end:,.0f} quarters long, more than {MOST_BARS:,} bars")
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
        main_meter=_longest(meters, end),
        meter_given=given,
    )


def read(request: tuple[str, str]) -> Notes | str:
    """Return the notes of a file (path, name), or the reason why there are none; called in a watched process."""
    path, name = request
    try:
        return load(Path(path), name)
    except UnreadableMidiError as error:
        return str(error)
    except OSError as error:
        return f"not readable: {error.strerror or error}"


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


def _meters(score: Any) -> tuple[list[tuple[float, int, int]], bool]:
    """Return (quarter, numerator, denominator) of the metre map, and whether the file has one.

    4/4 before the first signature.
    """
    meters = {}
    for sign in score.time_signatures:
        # a signature of 0 beats, or in 0ths, is damage: the metre before it goes on
        if sign.time >= 0 and sign.numerator > 0 and 0 < sign.denominator <= _SHORTEST_NOTE_VALUE:
            meters[sign.time / score.ticks_per_quarter] = (sign.numerator, sign.denominator)
    given = bool(meters)
    meters.setdefault(0.0, (4, 4))
    return [(begin, *meters[begin]) for begin in sorted(meters)], given


def _longest(meters: Sequence[tuple[float, int, int]], end: float) -> tuple[int, int]:
    """Return the metre that holds for the most quarters before the end; of equals the earlier."""
    held: dict[tuple[int, int], float] = defaultdict(float)
    for (begin, *meter), (stop, *_) in itertools.pairwise([*meters, (max(end, meters[-1][0]), 0, 0)]):
        held[meter[0], meter[1]] += max(min(stop, end) - begin, 0.0)
    return max(held, key=held.__getitem__)
