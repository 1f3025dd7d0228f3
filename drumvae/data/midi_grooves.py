"""Drum MIDI to bars and back, with velocities and micro-timing.

A hit goes to the nearest sixteenth, halfway to the later one, and the rest is its offset. A hit nearest to the first
sixteenth of the next bar belongs to that bar. Of two hits in one cell the louder stays. Notes of none of the nine
instruments (`drumvae.data.kit.NOTES`) are counted.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import itertools
import json
import zipfile
import zlib
from collections import Counter, defaultdict
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from tqdm import tqdm

from drumvae.data.kit import INSTRUMENT_OF_NOTE, INSTRUMENTS, NOTES, STEPS, STEPS_PER_QUARTER, Bars
from manymodes.cli import UserError, existing_file
from manymodes.files import cache_file, replacing_file, write_cache
from manymodes.music.midi import TICKS_PER_QUARTER

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

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
_CACHE_VERSION = 2  # to be raised when `parse_beat` returns something else for a file
_WORTH_CACHING = 100  # files: fewer are parsed within a second or so


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


# --- reading -----------------------------------------------------------------------------------------------


def read_beat(path: str | Path) -> Beat:
    """Read a user's beat, up to the end of its track, as `parse_beat`; raise a UserError if there is none."""
    file = existing_file(path, "the beat")
    try:
        return parse_beat(file.read_bytes(), file.name, to_end=True)
    except OSError as error:
        raise UserError(f"cannot read {file}: {error.strerror or error}; check its permissions") from error
    except UnusableBeatError as error:
        raise UserError(f"{file} is no beat: {error}; give a MIDI file of drums on channel 10, in 4/4") from error


def parse_beat(data: bytes, source: str, *, to_end: bool = False) -> Beat:
    """Read the drums of a MIDI file.

    They are the notes on channel 10; without any, those of tracks named as drums; without these, those of the only
    part, if nine of ten notes are instruments, a kick among them, and two sound together. With ``to_end``, the bars
    include the silence between the last hit and the end of the track.

    Raises:
        UnusableBeatError: not a MIDI file, not all in bars of four quarters, or no drums.
    """
    file = _open(data)
    ticks, notes, velocities = _drums(file).T
    instruments = INSTRUMENT_OF_NOTE[notes]
    known = instruments >= 0
    unmapped = Counter(notes[~known].tolist())
    if not known.any():
        named = ", ".join(note_name(note) for note, _ in unmapped.most_common(_FEW))
        raise UnusableBeatError(f"its notes are none of the nine instruments ({named})")
    exact = ticks[known] * STEPS_PER_QUARTER / file.ticks_per_beat
    places = np.floor(exact + 0.5).astype(np.int64)
    count = int(places.max()) // STEPS + 1
    if count > MOST_BARS:
        raise UnusableBeatError(f"it has {count:,} bars, more than {MOST_BARS:,}")
    bar_ticks = STEPS // STEPS_PER_QUARTER * file.ticks_per_beat
    if to_end:
        count = max(count, min(_end(file) // bar_ticks, MOST_BARS))
    cells = places * len(INSTRUMENTS) + instruments[known]
    velocities = velocities[known]
    order = np.lexsort((exact, -velocities, cells))
    struck, first = np.unique(cells[order], return_index=True)
    kept = order[first]  # the loudest of each cell
    hits, loud, late = (np.zeros((count, STEPS, len(INSTRUMENTS)), kind) for kind in (bool, np.float32, np.float32))
    hits.flat[struck] = True
    loud.flat[struck] = velocities[kept] / _LOUDEST
    late.flat[struck] = exact[kept] - places[kept]
    tempos = _tempos(file, np.arange(count) * bar_ticks)
    return Beat(Bars.of(hits, loud, late, tempo=tempos, source=source), unmapped)


def _open(data: bytes) -> Any:
    import mido

    if not data:
        raise UnusableBeatError("the file is empty")
    try:
        file = mido.MidiFile(file=io.BytesIO(data), clip=True)
    except Exception as error:  # mido raises anything on a malformed file
        problem = " ".join(f"{type(error).__name__} {error}".split())[:100]
        raise UnusableBeatError(f"it cannot be read as MIDI ({problem})") from error
    if file.ticks_per_beat <= 0:
        raise UnusableBeatError("its time is in seconds, not in quarters")
    if file.type == 2:  # noqa: PLR2004 - the number of the format
        raise UnusableBeatError("its tracks are not played together (MIDI format 2)")
    for message in itertools.chain.from_iterable(file.tracks):
        if message.type == "time_signature" and message.numerator != message.denominator:
            raise UnusableBeatError(f"its metre is {message.numerator}/{message.denominator}, not 4/4")
    return file


def _messages(file: Any) -> Iterator[tuple[int, int, Any]]:
    """Yield the number of the track, the tick and the message of every event."""
    for number, track in enumerate(file.tracks):
        ticks = itertools.accumulate(message.time for message in track)
        yield from zip(itertools.repeat(number), ticks, track, strict=False)


def _drums(file: Any) -> NDArray[np.int64]:
    """Return the tick, the note and the velocity, 1 to 127, of each drum note: [n, 3]."""
    notes: dict[tuple[int, int], list[tuple[int, int, int]]] = defaultdict(list)
    for track, tick, message in _messages(file):
        if message.type == "note_on" and message.velocity > 0:
            notes[track, message.channel].append((tick, message.note, message.velocity))
    if not notes:
        raise UnusableBeatError("it has no notes")
    parts = {place: np.array(struck) for place, struck in notes.items()}
    on_channel = [part for (_, channel), part in parts.items() if channel == DRUM_CHANNEL]
    by_name = [part for (track, _), part in parts.items() if _named_drums(file.tracks[track].name)]
    if chosen := on_channel or by_name:
        return np.concatenate(chosen)
    only, *others = parts.values()
    if others or not _like_drums(only):
        raise UnusableBeatError("it has no drums")
    return only


def _named_drums(name: str) -> bool:
    return any(word in name.lower() for word in _DRUM_TRACKS)


def _like_drums(part: NDArray[np.int64]) -> bool:
    """Whether a part may be drums on another channel: a bass line is as low, but has one note at a time."""
    ticks, notes, _ = part.T
    known = (INSTRUMENT_OF_NOTE[notes] >= 0).mean() >= _DRUM_SHARE
    together = len(np.unique(ticks)) < len(ticks)
    return bool(known and together and np.isin(notes, NOTES["kick"]).any())


def _tempos(file: Any, ticks: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the tempo at each tick, BPM."""
    changes = {0: _DEFAULT_TEMPO}
    for _, tick, message in _messages(file):
        if message.type == "set_tempo" and message.tempo > 0:
            changes[tick] = message.tempo
    starts = sorted(changes)
    holding = np.searchsorted(starts, ticks, side="right") - 1
    return 60e6 / np.array([changes[start] for start in starts])[holding]


def _end(file: Any) -> int:
    """Return the tick at which the tracks with notes on channel 10 end, or all tracks if there are none."""
    drums = [
        track
        for track in file.tracks
        if any(message.type == "note_on" and message.channel == DRUM_CHANNEL for message in track)
    ]
    return max(sum(message.time for message in track) for track in drums or file.tracks)


# --- many files --------------------------------------------------------------------------------------------


def parse_files(folder: Path, names: Sequence[str], *, progress: bool) -> dict[str, Beat | str]:
    """Parse files by their paths in a folder; return for each the beat, or in one line why there is none.

    The results of a hundred files or more are cached until one of them changes. With ``progress``, a terminal shows a
    progress bar.
    """
    results: dict[str, Beat | str] = {}
    contents = {}
    for name in names:
        try:
            contents[name] = (folder / name).read_bytes()
        except OSError as error:
            results[name] = f"cannot be read: {error.strerror or error}"
    digests = [(name, hashlib.sha256(data).hexdigest()) for name, data in contents.items()]
    cache = cache_file("beats", [_CACHE_VERSION, version("mido"), digests], ".npz")
    cached = _read_cache(cache) if len(contents) >= _WORTH_CACHING else None
    if cached is not None:
        return results | cached
    parsed: dict[str, Beat | str] = {}
    for name, data in tqdm(contents.items(), "reading", unit="file", leave=False, disable=None if progress else True):
        try:
            parsed[name] = parse_beat(data, name)
        except UnusableBeatError as error:
            parsed[name] = str(error)
    if len(contents) >= _WORTH_CACHING:
        _write_cache(cache, parsed)
    return results | parsed


def _read_cache(path: Path) -> dict[str, Beat | str] | None:
    """Read cached results; None if there are none, or if the file is damaged."""
    try:
        with path.open("rb") as stream, np.load(stream) as arrays:
            bars = Bars(*(arrays[field.name] for field in dataclasses.fields(Bars)))
            files = json.loads(str(arrays["files"]))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
        return None
    ends = itertools.accumulate(count for _, count, _ in files)
    return {
        name: result
        if isinstance(result, str)
        else Beat(bars[end - count : end], Counter({int(note): times for note, times in result.items()}))
        for (name, count, result), end in zip(files, ends, strict=True)
    }


def _write_cache(path: Path, parsed: Mapping[str, Beat | str]) -> None:
    bars = Bars.join([beat.bars for beat in parsed.values() if isinstance(beat, Beat)])
    files = [
        (name, len(beat.bars), beat.unmapped) if isinstance(beat, Beat) else (name, 0, beat)
        for name, beat in parsed.items()
    ]
    described = np.array(json.dumps(files))
    write_cache(path, "parsed beats", lambda partial: np.savez_compressed(partial, files=described, **vars(bars)))


# --- writing -----------------------------------------------------------------------------------------------


def write_beat(path: Path, bars: Bars) -> None:
    """Write bars as a type 0 MIDI file, drums on channel 10, with their velocities, offsets and tempos from 4 BPM.

    `read_beat` returns the same hits, velocities rounded to 1/127, and offsets to one of 120 ticks per sixteenth. A
    hit before the beginning moves to the beginning. The file is replaced in one step.
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
    events = [
        (begin * bar_ticks, 0, mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(float(bars.tempos[begin]))))
        for begin in range(len(bars))
        if begin == 0 or bars.tempos[begin] != bars.tempos[begin - 1]
    ]
    pitches = np.array([notes[0] for notes in NOTES.values()])[instrument].tolist()
    for tick, end, note, velocity in zip(begins.tolist(), ends.tolist(), pitches, velocities.tolist(), strict=True):
        events.append((tick, 2, mido.Message("note_on", channel=DRUM_CHANNEL, note=note, velocity=velocity)))
        events.append((end, 1, mido.Message("note_off", channel=DRUM_CHANNEL, note=note, velocity=0)))
    events.sort(key=lambda event: event[:2])  # what ends comes before what begins
    track = mido.MidiTrack([mido.MetaMessage("track_name", name="drums"), mido.MetaMessage("time_signature")])
    last = 0
    for tick, _, message in events:
        track.append(message.copy(time=tick - last))
        last = tick
    track.append(mido.MetaMessage("end_of_track", time=max(0, len(bars) * bar_ticks - last)))
    midi = mido.MidiFile(type=0, ticks_per_beat=TICKS_PER_QUARTER)
    midi.tracks.append(track)
    with replacing_file(path) as partial:
        midi.save(partial)
