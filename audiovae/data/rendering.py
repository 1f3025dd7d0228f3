"""Playing the corpus: tunes on eight instruments, drum grooves on seven kits."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from audiovae.data.chunks import CHUNK, is_sounding
from drumvae.data.kit import NOTES
from manymodes.music.audio import RATE_HZ, PlayedNote, render

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drumvae.data.kit import Bars
    from melodygan.data.corpus import Tune

PROGRAMS = {
    # struck, plucked, bowed, blown: eight General MIDI programs that differ in their onsets and spectra
    "piano": 0,
    "vibraphone": 11,
    "organ": 19,  # church organ
    "guitar": 24,  # nylon strings
    "violin": 40,
    "trumpet": 56,
    "clarinet": 71,
    "flute": 73,
}
"""The instruments that tunes are played on, and their General MIDI programs."""

DRUMS = "drums"

INSTRUMENTS = (*PROGRAMS, DRUMS)

KITS = {"standard": 0, "room": 8, "power": 16, "electronic": 24, "TR-808": 25, "jazz": 32, "brush": 40}
"""The drum kits, and their programs on the percussion channel."""

_TAKE = 3  # chunks of a tune that are played in a row
_TEMPOS = (90, 150)  # BPM, of tunes
_STEPS_A_QUARTER = 4
_DRUM_SECONDS = 0.1
_LOUDEST = 127
_MOST_TAKES = 20  # for each chunk: beyond that, the soundfont has no such instrument


class Played(NamedTuple):
    """Chunks that an instrument played, float32 [n, 22050], and the number of silent ones that were left out.

    The origins, int64 [n], are the numbers of their tunes or grooves.
    """

    chunks: np.ndarray
    origins: np.ndarray
    silent: int


def play_instrument(name: str, tunes: Sequence[Tune], grooves: Bars, size: int, seed: Sequence[int]) -> Played:
    """Play one of `INSTRUMENTS` until there are ``size`` chunks, at least 1.

    Instruments take tunes in turn, drums take grooves; a tune returns, at another passage, when all have been played.
    """
    count = len(grooves) if name == DRUMS else len(tunes)
    order = np.random.default_rng([*seed, int(name == DRUMS)]).permutation(count)
    number = INSTRUMENTS.index(name)
    chunks: list[np.ndarray] = []
    origins: list[int] = []
    silent = 0
    for turn in range(_MOST_TAKES * size):
        rng = np.random.default_rng([*seed, number, turn])
        if name == DRUMS:
            origin = int(order[turn % count])
            take = play_groove(grooves[origin : origin + 1], int(rng.choice(list(KITS.values()))), rng)
        else:
            origin = int(order[(turn * len(PROGRAMS) + number) % count])
            take = play_tune(tunes[origin], PROGRAMS[name], rng)
        kept = is_sounding(take)
        silent += int((~kept).sum())
        sounding = take[kept][: size - len(chunks)]
        chunks += list(sounding)
        origins += [origin] * len(sounding)
        if len(chunks) == size:
            return Played(np.stack(chunks), np.array(origins, np.int64), silent)
    raise RuntimeError(f"the soundfont has hardly any sound of the {name}")


def play_tune(tune: Tune, program: int, rng: np.random.Generator) -> np.ndarray:
    """Play a passage of a tune, at a tempo drawn from 90 to 150 BPM: float32 [3, 22050], consecutive chunks.

    The first chunk begins anywhere, not only where a note does; a short tune may end before the last.
    """
    step = 60 / rng.uniform(*_TEMPOS) / _STEPS_A_QUARTER
    starts = np.cumsum([0, *(note.steps for note in tune.notes)]) * step
    whole_takes = np.flatnonzero(starts[-1] - starts[:-1] >= _TAKE + 1)
    first = int(rng.choice(whole_takes)) if len(whole_takes) else 0
    notes = [
        PlayedNote(start - starts[first], note.steps * step, note.pitch, program=program)
        for note, start in zip(tune.notes[first:], starts[first:], strict=False)
        if note.pitch is not None and start - starts[first] < _TAKE + 1
    ]
    return _cut(notes, _TAKE, int(rng.integers(CHUNK)))


def play_groove(bar: Bars, kit: int, rng: np.random.Generator) -> np.ndarray:
    """Play a bar of drums repeatedly on a kit, given by its program: float32 [whole seconds of the bar, 22050].

    The consecutive chunks begin anywhere in the bar.
    """
    step = 60 / float(bar.tempos[0]) / _STEPS_A_QUARTER
    seconds = bar.hits.shape[1] * step
    count = max(int(seconds), 1)
    keys = [keys[0] for keys in NOTES.values()]
    _, steps, drums = np.nonzero(bar.hits)
    hits = (0, steps, drums)
    times = (steps + bar.offsets[hits]) * step
    velocities = np.maximum(np.rint(bar.velocities[hits] * _LOUDEST).astype(int), 1)
    notes = [
        PlayedNote(repetition * seconds + float(time), _DRUM_SECONDS, keys[drum], int(velocity), kit, drums=True)
        for repetition in range(int((count + 1) / seconds) + 2)
        for time, drum, velocity in zip(times, drums, velocities, strict=True)
    ]
    earliest = min((note.start_seconds for note in notes), default=0.0)  # a hit may come before its bar
    notes = [note._replace(start_seconds=note.start_seconds - min(earliest, 0)) for note in notes]
    return _cut(notes, count, int(rng.integers(CHUNK)))


def _cut(notes: list[PlayedNote], chunks: int, start: int) -> np.ndarray:
    sound = render(notes, RATE_HZ, chunks + 1)
    return sound[start : start + chunks * CHUNK].reshape(chunks, CHUNK)
