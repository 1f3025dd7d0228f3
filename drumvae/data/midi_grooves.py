"""Drum MIDI to bars and back, with velocities and micro-timing.

A hit goes to the nearest sixteenth, halfway to the later one, and the rest is its offset. A hit nearest to the first
sixteenth of the next bar belongs to that bar. Of two hits in one cell the louder stays. Notes of none of the nine
instruments (`drumvae.data.kit.NOTES`) are counted.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from tqdm import tqdm

from drumvae.data.kit import INSTRUMENT_OF_NOTE, INSTRUMENTS, NOTES, STEPS, STEPS_PER_QUARTER, Bars
from manymodes.cli import UserError, existing_file
from manymodes.files import replacing_file
from manymodes.music.midi import TICKS_PER_QUARTER, track_of
from manymodes.music.midifile import Message, UnreadableMidiError, check_size, messages, standard, ticks_per_quarter
from manymodes.watched import each

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

MOST_BARS = 20_000
"""Half a day of drumming."""

DRUM_CHANNEL = 9
"""Channel 10, counted from 0."""

_LOUDEST = 127
_TICKS_PER_STEP = TICKS_PER_QUARTER // STEPS_PER_QUARTER
_DEFAULT_TEMPO = 500_000  # microseconds per quarter, where a file says nothing
_DRUM_TRACKS = ("drum", "percussion", "beat")
_DRUM_SHARE = 0.9
_FEW = 5
_NOTE_ON, _META = 0x9, 0xFF
_NAME, _TEMPO, _SIGNATURE = b"\x03", b"\x51", b"\x58"  # of meta events


class UnusableBeatError(Exception):
    """Why a file gives no bars of drums, in one line."""


class Beat(NamedTuple):
    """The bars of a file, silent ones too, and how often each MIDI note occurs that is none of the nine instruments."""

    bars: Bars
    unmapped: Counter[int]


def note_name(note: int) -> str:
    """Name a MIDI note as General MIDI percussion does."""
    from pretty_midi import note_number_to_drum_name

    return f"{note} {note_number_to_drum_name(note)}".rstrip()


def read_beat(path: str | Path) -> Beat:
    """Read a user's beat, up to the end of its track; see `parse_beat`.

    Raises:
        UserError: there is no such file, or no such beat in it.
    """
    file = existing_file(path, "the beat")
    (beat,) = read_files([(str(file), file.name)], to_end=True)
    if isinstance(beat, str):
        raise UserError(f"{file} is no beat: {beat}; give a MIDI file of drums on channel 10, in 4/4")
    return beat


def read_files(files: Sequence[tuple[str, str]], *, to_end: bool = False, progress: bool = False) -> list[Beat | str]:
    """Read files, given by path and name, in watched processes: for each the beat, or in one line why there is none.

    ``to_end`` is as in `parse_beat`; ``progress`` shows a bar, on a terminal.
    """
    requests = [(path, name, to_end) for path, name in files]
    answers = each("drumvae.data.midi_grooves:read_request", requests)
    shown = tqdm(answers, "reading", len(files), unit="file", leave=False, disable=None if progress else True)
    return list(shown)


def read_request(request: tuple[str, str, bool]) -> Beat | str:
    """Read a file: its path, its name, and whether up to the end of its track; called in a watched process."""
    path, name, to_end = request
    try:
        check_size(Path(path).stat().st_size)
        return parse_beat(Path(path).read_bytes(), name, to_end=to_end)
    except (UnusableBeatError, UnreadableMidiError) as error:
        return str(error)
    except OSError as error:
        return f"cannot be read: {error.strerror or error}"


def parse_beat(data: bytes, source: str, *, to_end: bool = False) -> Beat:
    """Read the drums of a MIDI file.

    They are the notes on channel 10; without any, those of tracks named as drums; without these, those of the only
    part, if nine of ten notes are instruments, a kick among them, and two sound together. With ``to_end``, the bars
    include the silence between the last hit and the end of the file.

    Raises:
        UnusableBeatError: not a MIDI file, not all in bars of four quarters, or no drums.
    """
    try:
        data = standard(data)  # once for both
        file, per_quarter = list(messages(data)), ticks_per_quarter(data)
    except UnreadableMidiError as error:
        raise UnusableBeatError(str(error)) from None
    for message in _meta(file, _SIGNATURE):
        if len(message.data) > 2 and message.data[1] != 1 << message.data[2]:  # noqa: PLR2004 - both numbers are there
            raise UnusableBeatError(f"its metre is {message.data[1]}/{1 << message.data[2]}, not 4/4")
    struck = _drums(file)
    known = INSTRUMENT_OF_NOTE[struck[1]] >= 0
    unmapped = Counter(struck[1, ~known].tolist())
    if not known.any():
        named = ", ".join(note_name(note) for note, _ in unmapped.most_common(_FEW))
        raise UnusableBeatError(f"its notes are none of the nine instruments ({named})")
    ticks, notes, velocities = struck[:, known]
    exact = ticks * STEPS_PER_QUARTER / per_quarter
    places = np.floor(exact + 0.5).astype(np.int64)
    count = int(places.max()) // STEPS + 1
    if count > MOST_BARS:
        raise UnusableBeatError(f"it has {count:,} bars, more than {MOST_BARS:,}")
    bar_ticks = STEPS // STEPS_PER_QUARTER * per_quarter
    if to_end:
        count = max(count, min(_end(file) // bar_ticks, MOST_BARS))
    cells = places * len(INSTRUMENTS) + INSTRUMENT_OF_NOTE[notes]
    order = np.lexsort((exact, -velocities, cells))
    kept = order[np.unique(cells[order], return_index=True)[1]]  # the loudest of each cell
    hits, loud, late, pitches = np.zeros((4, count, STEPS, len(INSTRUMENTS)))
    hits.flat[cells[kept]] = 1
    loud.flat[cells[kept]] = velocities[kept] / _LOUDEST
    late.flat[cells[kept]] = exact[kept] - places[kept]
    pitches.flat[cells[kept]] = notes[kept]
    tempos = _tempos(file, np.arange(count) * bar_ticks)
    return Beat(Bars.of(hits, loud, late, tempo=tempos, source=source, notes=pitches), unmapped)


def _drums(file: Sequence[Message]) -> NDArray[np.int64]:
    """Return the ticks, the notes and the velocities, 1 to 127, of all drum notes: [3, n]."""
    struck = [message for message in file if message.status >> 4 == _NOTE_ON and message.data[1]]
    parts: dict[tuple[int, int], list[tuple[int, int, int]]] = defaultdict(list)
    for message in struck:
        parts[message.track, message.status & 15].append((message.tick, *message.data))
    if not parts:
        raise UnusableBeatError("it has no notes")
    names = {message.track: message.data[1:].decode("latin-1").lower() for message in _meta(file, _NAME)}
    on_channel = [part for (_, channel), part in parts.items() if channel == DRUM_CHANNEL]
    by_name = [part for (track, _), part in parts.items() if any(word in names.get(track, "") for word in _DRUM_TRACKS)]
    if chosen := on_channel or by_name:
        return np.array(list(itertools.chain.from_iterable(chosen)), np.int64).T
    only, *others = (np.array(part, np.int64).T for part in parts.values())
    if others or not _like_drums(only):
        raise UnusableBeatError("it has no drums")
    return only


def _meta(file: Sequence[Message], kind: bytes) -> list[Message]:
    return [message for message in file if message.status == _META and message.data[:1] == kind]


def _like_drums(part: NDArray[np.int64]) -> bool:
    """Whether a part may be drums on another channel: a bass line is as low, but has one note at a time."""
    ticks, notes, _ = part
    known = (INSTRUMENT_OF_NOTE[notes] >= 0).mean() >= _DRUM_SHARE
    together = len(np.unique(ticks)) < len(ticks)
    return bool(known and together and np.isin(notes, NOTES["kick"]).any())


def _tempos(file: Sequence[Message], ticks: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the tempo at each tick, BPM."""
    changes = {0: _DEFAULT_TEMPO}
    for message in _meta(file, _TEMPO):
        if tempo := int.from_bytes(message.data[1:4], "big"):
            changes[message.tick] = tempo
    starts = sorted(changes)
    current = np.searchsorted(starts, ticks, side="right") - 1
    return 60e6 / np.array([changes[start] for start in starts])[current]


def _end(file: Sequence[Message]) -> int:
    """Return the tick at which the tracks with notes on channel 10 end, or all tracks if there are none."""
    drums = {message.track for message in file if message.status == _NOTE_ON << 4 | DRUM_CHANNEL}
    return max(message.tick for message in file if not drums or message.track in drums)


def write_beat(path: Path, bars: Bars) -> None:
    """Write bars as a type 0 MIDI file, drums on channel 10, with their velocities, offsets and tempos from 4 BPM.

    `read_beat` returns the same hits and notes, velocities rounded to 1/127, and offsets to one of 120 ticks per
    sixteenth. A hit before the beginning moves to the beginning. The file is replaced in one step.
    """
    import mido

    half = _TICKS_PER_STEP // 2
    instrument, bar, step = np.nonzero(bars.hits.transpose(2, 0, 1))
    late = np.clip(np.rint(bars.offsets[bar, step, instrument] * _TICKS_PER_STEP), -half, half - 1)
    begins = np.maximum(0, (bar * STEPS + step) * _TICKS_PER_STEP + late).astype(np.int64)
    velocities = np.clip(np.rint(bars.velocities[bar, step, instrument] * _LOUDEST), 1, _LOUDEST).astype(np.int64)
    # a note ends when the same instrument is hit again
    again = np.where(instrument[1:] == instrument[:-1], begins[1:], np.iinfo(np.int64).max)
    ends = np.minimum(begins + half, np.append(again, begins[-1:] + half))

    bar_ticks = STEPS * _TICKS_PER_STEP
    events = [(0, mido.MetaMessage("track_name", name="drums")), (0, mido.MetaMessage("time_signature"))]
    for number, tempo in enumerate(bars.tempos):
        if number == 0 or tempo != bars.tempos[number - 1]:
            events.append((number * bar_ticks, mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(float(tempo)))))
    pitches = bars.notes[bar, step, instrument].tolist()
    for tick, end, note, velocity in zip(begins.tolist(), ends.tolist(), pitches, velocities.tolist(), strict=True):
        events.append((tick, mido.Message("note_on", channel=DRUM_CHANNEL, note=note, velocity=velocity)))
        events.append((end, mido.Message("note_off", channel=DRUM_CHANNEL, note=note, velocity=0)))
    events.append((max([len(bars) * bar_ticks, *ends.tolist()]), mido.MetaMessage("end_of_track")))
    with replacing_file(path) as partial:
        mido.MidiFile(type=0, ticks_per_beat=TICKS_PER_QUARTER, tracks=[track_of(events)]).save(partial)
