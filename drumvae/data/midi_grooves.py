"""Drum MIDI to bars and back, with velocities and micro-timing.

A hit goes to the nearest sixteenth, and what is left over is its offset; halfway it goes to the later one. A hit that
is nearest to the first sixteenth of the next bar belongs to that bar. Of two hits in one cell the louder stays.
Notes that strike none of the nine instruments (`drumvae.data.kit.NOTES`) are counted.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import sys
import zipfile
from collections import Counter, defaultdict
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from tqdm import tqdm

from drumvae.data.kit import INSTRUMENT_OF_NOTE, INSTRUMENTS, NOTES, STEPS, STEPS_PER_QUARTER, Bars
from manymodes.cli import UserError, existing_file
from manymodes.files import cache_folder, replacing_file
from manymodes.music.midi import TICKS_PER_QUARTER

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["Beat", "UnusableBeatError", "note_name", "parse_beat", "parse_files", "read_beat", "write_beat"]

MOST_BARS = 20_000
"""A drummer would play them for half a day."""

DRUM_CHANNEL = 9
"""Channel 10, counted from 0."""

_LOUDEST = 127
_TICKS_A_STEP = TICKS_PER_QUARTER // STEPS_PER_QUARTER
_DEFAULT_TEMPO = 500_000  # microseconds a quarter, where a file says nothing
_DRUM_TRACKS = ("drum", "percussion", "beat")
_DRUM_SHARE = 0.9
_FEW = 5
_PARSER_VERSION = 1  # to be raised when `parse_beat` finds something else in a file
_WORTH_KEEPING = 100  # files: fewer are parsed within a second or so


class UnusableBeatError(Exception):
    """Why a file gives no bars of drums, in one line."""


class Beat(NamedTuple):
    """A beat read from a file.

    Attributes:
        bars: all bars up to the last hit, silent ones too.
        unmapped: how often each MIDI note is struck that is none of the nine instruments.
    """

    bars: Bars
    unmapped: Counter[int]


class _Strikes(NamedTuple):
    """Notes struck, [n] each: when, in ticks, which, and how loudly, 1 to 127."""

    ticks: NDArray[np.int64]
    notes: NDArray[np.int64]
    velocities: NDArray[np.int64]


def note_name(note: int) -> str:
    """Name a MIDI note as General MIDI percussion has it."""
    from pretty_midi import note_number_to_drum_name

    return f"{note} {note_number_to_drum_name(note)}".rstrip()


# --- reading -----------------------------------------------------------------------------------------------


def read_beat(path: str | Path) -> Beat:
    """Read a beat of somebody's own.

    Args:
        path: a MIDI file of drums, on channel 10 or alone, in bars of four quarters.

    Raises:
        UserError: there is no such file, or no such beat in it.
    """
    file = existing_file(path, "the beat")
    try:
        return parse_beat(file.read_bytes(), file.name)
    except OSError as error:
        raise UserError(f"cannot read {file}: {error.strerror or error}; check its permissions") from error
    except UnusableBeatError as error:
        raise UserError(f"{file} is no beat: {error}; give a MIDI file of drums on channel 10, in 4/4") from error


def parse_beat(data: bytes, source: str) -> Beat:
    """Read the drums of a MIDI file.

    They are the notes on channel 10; where there are none, those of tracks named as drums; where there are none
    either, those of the only part, if nine of ten are in the table, a kick among them, and two sound together.

    Args:
        data: the file.
        source: what to write as the source of its bars.

    Raises:
        UnusableBeatError: it is no MIDI file, is not all in bars of four quarters, or has no drums.
    """
    file = _parse(data)
    _check_meter(file)
    strikes = _drums(file)
    instruments = INSTRUMENT_OF_NOTE[strikes.notes]
    known = instruments >= 0
    unmapped = Counter(strikes.notes[~known].tolist())
    if not known.any():
        named = ", ".join(note_name(note) for note, _ in unmapped.most_common(_FEW))
        raise UnusableBeatError(f"its notes are none of the nine instruments ({named})")
    exact = strikes.ticks[known] * STEPS_PER_QUARTER / file.ticks_per_beat
    places = np.floor(exact + 0.5).astype(np.int64)
    count = int(places.max()) // STEPS + 1
    if count > MOST_BARS:
        raise UnusableBeatError(f"it has {count:,} bars, more than {MOST_BARS:,}")
    cells = places * len(INSTRUMENTS) + instruments[known]
    velocities = strikes.velocities[known]
    order = np.lexsort((exact, -velocities, cells))
    struck, first = np.unique(cells[order], return_index=True)
    kept = order[first]  # the loudest of each cell
    hits, loud, late = (np.zeros((count, STEPS, len(INSTRUMENTS)), kind) for kind in (bool, np.float32, np.float32))
    hits.flat[struck] = True
    loud.flat[struck] = velocities[kept] / _LOUDEST
    late.flat[struck] = exact[kept] - places[kept]
    bar_ticks = np.arange(count) * (STEPS // STEPS_PER_QUARTER) * file.ticks_per_beat
    return Beat(Bars.of(hits, loud, late, tempo=_tempos(file, bar_ticks), source=source), unmapped)


def _parse(data: bytes) -> Any:
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
    return file


def _check_meter(file: Any) -> None:
    for message in itertools.chain.from_iterable(file.tracks):
        if message.type == "time_signature" and message.numerator != message.denominator:
            raise UnusableBeatError(f"its metre is {message.numerator}/{message.denominator}, not 4/4")


def _drums(file: Any) -> _Strikes:
    parts = _parts(file)
    if not parts:
        raise UnusableBeatError("it has no notes")
    on_channel = [part for (_, channel), part in parts.items() if channel == DRUM_CHANNEL]
    by_name = [part for (track, _), part in parts.items() if _named_drums(file.tracks[track].name)]
    if chosen := on_channel or by_name:
        return _Strikes(*(np.concatenate(arrays) for arrays in zip(*chosen, strict=True)))
    only, *others = parts.values()
    if others or not _like_drums(only):
        raise UnusableBeatError("it has no drums")
    return only


def _parts(file: Any) -> dict[tuple[int, int], _Strikes]:
    """Collect what each track strikes on each channel; how long notes sound does not matter."""
    found: dict[tuple[int, int], list[tuple[int, int, int]]] = defaultdict(list)
    for number, track in enumerate(file.tracks):
        tick = 0
        for message in track:
            tick += message.time
            if message.type == "note_on" and message.velocity > 0:
                found[number, message.channel].append((tick, message.note, message.velocity))
    return {part: _Strikes(*np.array(strikes).T) for part, strikes in found.items()}


def _named_drums(name: str) -> bool:
    return any(word in name.lower() for word in _DRUM_TRACKS)


def _like_drums(part: _Strikes) -> bool:
    """Whether a part may be drums that are on another channel: a bass line is as low, but has one note at a time."""
    known = (INSTRUMENT_OF_NOTE[part.notes] >= 0).mean() >= _DRUM_SHARE
    together = len(np.unique(part.ticks)) < len(part.ticks)
    return bool(known and together and np.isin(part.notes, NOTES["kick"]).any())


def _tempos(file: Any, ticks: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the tempo at each tick, quarters a minute."""
    changes = {0: _DEFAULT_TEMPO}
    for track in file.tracks:
        tick = 0
        for message in track:
            tick += message.time
            if message.type == "set_tempo" and message.tempo > 0:
                changes[tick] = message.tempo
    starts = sorted(changes)
    holding = np.searchsorted(starts, ticks, side="right") - 1
    return 60e6 / np.array([changes[start] for start in starts])[holding]


# --- many files --------------------------------------------------------------------------------------------


def parse_files(folder: Path, names: Sequence[str], *, progress: bool) -> dict[str, Beat | str]:
    """Parse the files of a folder; what comes of a hundred or more is kept in the cache, until one of them changes.

    Args:
        folder: where they are.
        names: their paths within it.
        progress: show a bar while parsing, if the terminal can.

    Returns:
        for each name the beat, or in one line why there is none.
    """
    found: dict[str, Beat | str] = {}
    digests = {}
    for name in names:
        try:
            with (folder / name).open("rb") as stream:
                digests[name] = hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            found[name] = _unreadable(error)
    key = json.dumps([_PARSER_VERSION, version("mido"), list(digests.items())])
    cache = cache_folder() / f"beats-{hashlib.sha256(key.encode()).hexdigest()}.npz"
    kept = _read_cache(cache) if len(digests) >= _WORTH_KEEPING else None
    if kept is not None:
        return found | kept
    shown = tqdm(digests, "reading", unit="file", leave=False, disable=None if progress else True)
    parsed = {name: _parse_file(folder / name, name) for name in shown}
    if len(digests) >= _WORTH_KEEPING:
        _write_cache(cache, parsed)
    return found | parsed


def _parse_file(path: Path, name: str) -> Beat | str:
    try:
        return parse_beat(path.read_bytes(), name)
    except UnusableBeatError as error:
        return str(error)
    except OSError as error:
        return _unreadable(error)


def _unreadable(error: OSError) -> str:
    return f"cannot be read: {error.strerror or error}"


def _read_cache(path: Path) -> dict[str, Beat | str] | None:
    """Read what came of files before; None if there is nothing, or if the file is damaged."""
    try:
        with path.open("rb") as stream, np.load(stream) as arrays:
            hits = np.unpackbits(arrays["hits"], axis=1).astype(bool).reshape(-1, STEPS, len(INSTRUMENTS))
            velocities, offsets = np.zeros(hits.shape, np.float32), np.zeros(hits.shape, np.float32)
            velocities[hits], offsets[hits] = arrays["velocities"], arrays["offsets"]
            tempos, files = arrays["tempos"], json.loads(str(arrays["files"]))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    found: dict[str, Beat | str] = {}
    begin = 0
    for name, count, said in files:
        rows = slice(begin, begin + count)
        if isinstance(said, str):
            found[name] = said
        else:
            bars = Bars.of(hits[rows], velocities[rows], offsets[rows], tempo=tempos[rows], source=name)
            found[name] = Beat(bars, Counter({int(note): struck for note, struck in said.items()}))
        begin += count
    return found


def _write_cache(path: Path, parsed: Mapping[str, Beat | str]) -> None:
    """Keep what came of files; say so if that cannot be done."""
    bars = Bars.join([beat.bars for beat in parsed.values() if isinstance(beat, Beat)])
    files = [
        (name, len(beat.bars), beat.unmapped) if isinstance(beat, Beat) else (name, 0, beat)
        for name, beat in parsed.items()
    ]
    arrays: dict[str, np.ndarray] = {
        "hits": np.packbits(bars.hits.reshape(-1, STEPS * len(INSTRUMENTS)), axis=1),
        "velocities": bars.velocities[bars.hits],
        "offsets": bars.offsets[bars.hits],
        "tempos": bars.tempos,
        "files": np.array(json.dumps(files)),
    }
    try:
        with replacing_file(path) as partial:
            np.savez(partial, allow_pickle=False, **arrays)
    except OSError as error:
        print(f"note: what was read cannot be kept in {path.parent}: {error.strerror or error}", file=sys.stderr)


# --- writing -----------------------------------------------------------------------------------------------


def write_beat(path: Path, bars: Bars, *, tempo: float | None = None) -> None:
    """Write bars as a type 0 MIDI file, drums on channel 10, with their velocities and offsets.

    `read_beat` gives the same hits again, velocities and offsets to the nearest of MIDI: of 127, and of 120 ticks a
    sixteenth. A hit that would come before the beginning comes at the beginning.

    Args:
        path: the file, replaced in one step.
        bars: at least one.
        tempo: quarters a minute, at least 4; by default as each bar has it.

    Raises:
        OSError: it cannot be written.
    """
    import mido

    tempos = bars.tempos if tempo is None else np.full(len(bars), tempo)
    bar_ticks = STEPS * _TICKS_A_STEP
    events = [
        (begin * bar_ticks, 0, mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(float(tempos[begin]))))
        for begin in range(len(bars))
        if begin == 0 or tempos[begin] != tempos[begin - 1]
    ]
    for tick, end, note, velocity in _timed(bars):
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


def _timed(bars: Bars) -> list[tuple[int, int, int, int]]:
    """Return the begin, the end, the note and the velocity of each hit; no note goes on when it is struck again."""
    bar, step, instrument = np.nonzero(bars.hits)
    half = _TICKS_A_STEP // 2
    late = np.clip(np.rint(bars.offsets[bars.hits] * _TICKS_A_STEP), -half, half - 1).astype(np.int64)
    ticks = np.maximum(0, (bar * STEPS + step) * _TICKS_A_STEP + late)
    velocities = np.clip(np.rint(bars.velocities[bars.hits] * _LOUDEST), 1, _LOUDEST).astype(np.int64)
    timed = []
    for number, notes in enumerate(NOTES.values()):
        of_it = instrument == number
        begins = ticks[of_it]
        ends = np.minimum(begins + half, np.append(begins[1:], np.iinfo(np.int64).max))
        timed += [
            (begin, end, notes[0], velocity)
            for begin, end, velocity in zip(begins.tolist(), ends.tolist(), velocities[of_it].tolist(), strict=True)
        ]
    return timed
