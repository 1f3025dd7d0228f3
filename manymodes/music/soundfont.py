"""Play General MIDI instruments with the soundfont of pretty_midi.

A soundfont's instruments are zones: ranges of keys that share a recorded sample, with its root key, loop, envelopes and
low-pass filter (SoundFont Technical Specification 2.04, section 8.1). `render` reads them and renders notes as sound.
Not supported are vibrato, tremolo, reverb, chorus, panning, and modulators other than velocity to loudness.

symusic 0.5 does not play this file in tune: it takes the root key from a sample's header, which this soundfont
overrides zone by zone.
"""

from __future__ import annotations

import functools
import importlib.util
import itertools
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import soxr

from manymodes import deadline
from manymodes.cli import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_DRUM_BANK = 128
_LOUDEST = 127
_OVERSAMPLING = 2  # against aliasing of samples that are pitched up
_FULL_FALL_DB = 100  # to which decay and release times refer
_SHARE_UNTIL_SILENT = 0.8  # of it: a released note ends at −80 dB
_CHOKE_SECONDS = 0.01  # in which a closed hi-hat ends an open one
_NEVER = 1e6  # seconds: longer than any music
_SHORTEST_KEPT_SECONDS = 2.0  # of a voice: others are twice, four times … as long
_CUTOFF_STEP_CENTS = 50
_FILTERED = 4096  # samples at a time, which is fastest
_BUTTERWORTH_DB = -3.0103  # height of a filter's edge without resonance

# The records of a soundfont's lists, each with one more that marks the end (section 7).
_BAG = [("generator", "<u2"), ("modulator", "<u2")]
_GENERATOR = [("what", "<u2"), ("amount", "<i2")]
_SAMPLE_POSITIONS = ("start", "end", "loop_start", "loop_end")
_RECORDS = {
    b"phdr": [("name", "S20"), ("program", "<u2"), ("bank", "<u2"), ("bag", "<u2"), ("unused", "V12")],
    b"pbag": _BAG,
    b"pgen": _GENERATOR,
    b"inst": [("name", "S20"), ("bag", "<u2")],
    b"ibag": _BAG,
    b"igen": _GENERATOR,
    b"shdr": [
        ("name", "S20"),
        *((position, "<u4") for position in (*_SAMPLE_POSITIONS, "rate")),
        *(("root", "u1"), ("correction", "i1"), ("link", "<u2"), ("type", "<u2")),
    ],
}

# Generators by their numbers, and the defaults that are not 0 (section 8.1.3).
_ENVELOPE_TO_PITCH, _CUTOFF, _RESONANCE, _ENVELOPE_TO_CUTOFF = 7, 8, 9, 11
_MODULATION_ENVELOPE, _VOLUME_ENVELOPE = 25, 33
_INSTRUMENT, _KEYS, _ATTENUATION, _COARSE, _FINE, _SAMPLE = 41, 43, 48, 51, 52, 53
_LOOPS, _SCALE, _CLASS, _ROOT = 54, 56, 57, 58
_DEFAULTS = {_CUTOFF: 13_500, _SCALE: 100, _ROOT: -1, _KEYS: 127 << 8}
_TIMES = (0, 1, 2, 3, 5)  # of an envelope: delay, attack, hold, decay and release; 4 is how far decay goes
_DEFAULTS |= {envelope + time: -12_000 for envelope in (_MODULATION_ENVELOPE, _VOLUME_ENVELOPE) for time in _TIMES}
_SAMPLE_OFFSETS = ((0, 4), (1, 12), (2, 45), (3, 50))  # of the sample's positions: fine, and in 32,768


class PlayedNote(NamedTuple):
    """A note for the synthesizer.

    Attributes:
        start_seconds: from the beginning of the sound.
        seconds: how long the key is held.
        pitch: MIDI number, 69 is A4 = 440 Hz; for drums the General MIDI percussion key.
        velocity: 1 to 127; amplitude is proportional to its square.
        program: General MIDI program, 0 to 127; for drums the drum kit.
    """

    start_seconds: float
    seconds: float
    pitch: int
    velocity: int = 90
    program: int = 0
    drums: bool = False


class _Envelope(NamedTuple):
    """A rise and a fall; times in seconds, those of decay and release for a full fall (8.1.2, 33 to 38)."""

    delay: float
    attack: float
    hold: float
    decay: float
    release: float
    fall: float  # where decay ends, as a share of the full fall

    def rise_at(self, time: np.ndarray) -> np.ndarray:
        return np.clip((time - self.delay) / self.attack, 0, 1)

    def fall_at(self, time: np.ndarray) -> np.ndarray:
        since = time - (self.delay + self.attack + self.hold)
        return np.clip(since / self.decay, 0, self.fall)


class _Zone(NamedTuple):
    """The sound of a range of keys; ``loop``, in samples of the soundfont, is empty where the sample does not loop."""

    keys: range
    start: int
    end: int
    loop: range
    rate: int
    root: int
    cents_a_key: int
    tuning_cents: int
    gain: float
    volume: _Envelope
    modulation: _Envelope
    envelope_to_pitch_cents: int
    cutoff_cents: int
    envelope_to_cutoff_cents: int
    resonance_db: float
    choke_class: int


def render(notes: Iterable[PlayedNote], rate_hz: int, seconds: float | None = None) -> np.ndarray:
    """Render notes as sound, float32 [samples], mono, of a number of seconds or until the last note has died away.

    A program or key that the soundfont lacks is silent. One note is at most about 1; many at a time may be more.
    """
    sound = np.zeros(0 if seconds is None else round(seconds * rate_hz), np.float32)
    for note, end in _until_choked(notes):
        start = round(note.start_seconds * rate_hz)
        for voice in _voices(note, end, rate_hz):  # all of them at once would need 100 MB for half a minute
            if seconds is None and start + len(voice) > len(sound):
                sound = np.pad(sound, (0, start + len(voice) - len(sound)))
            part = sound[start : start + len(voice)]
            part += voice[: len(part)]
    return sound


def soundfont_file() -> Path:
    """Return pretty_midi's soundfont, without importing pretty_midi for a second; raise a UserError without it."""
    package = importlib.util.find_spec("pretty_midi")
    if package is not None and package.origin is not None:
        file = Path(package.origin).with_name("TimGM6mb.sf2")
        if file.is_file():
            return file
    raise UserError("pretty_midi has no TimGM6mb.sf2, which instruments are played with: install pretty_midi 0.2.11")


def _until_choked(notes: Iterable[PlayedNote]) -> list[tuple[PlayedNote, float]]:
    """Return the notes, latest first, and when another of the same choke class ends each, or `_NEVER`."""
    next_start: dict[tuple[int, bool, int], float] = {}
    ended = []
    for note in sorted(notes, reverse=True):
        zones = _zones(note.program, note.drums)
        places = {
            (note.program, note.drums, zone.choke_class)
            for zone in zones
            if note.pitch in zone.keys and zone.choke_class
        }
        ended.append((note, min((next_start.get(place, _NEVER) for place in places), default=_NEVER)))
        next_start.update(dict.fromkeys(places, note.start_seconds))
    return ended


def _voices(note: PlayedNote, end: float, rate_hz: int) -> Iterator[np.ndarray]:
    """Render each zone of a note, float32 [samples], until it has died away or is choked at ``end`` seconds."""
    held = max(round(note.seconds * rate_hz), 1)
    choked = round((end - note.start_seconds) * rate_hz)
    fade = np.linspace(1, 0, round(_CHOKE_SECONDS * rate_hz), dtype=np.float32)
    deadline.check()
    for zone in _zones(note.program, note.drums):
        if note.pitch not in zone.keys:
            continue
        volume = _volume(zone.volume, held, rate_hz)[: choked + len(fade)]
        voice = volume * np.float32(zone.gain * (note.velocity / _LOUDEST) ** 2)
        voice[choked:] *= fade[: len(voice[choked:])]
        doublings = np.ceil(np.log2(max(len(voice) / (_SHORTEST_KEPT_SECONDS * rate_hz), 1)))
        kept = round(_SHORTEST_KEPT_SECONDS * rate_hz * 2**doublings)
        voice *= _steady_voice(zone, note.pitch, kept, rate_hz)[: len(voice)]
        yield voice


@functools.lru_cache(maxsize=32)  # hits of a drum, and notes of a length, have the same one
def _volume(envelope: _Envelope, held: int, rate_hz: int) -> np.ndarray:
    """Return the amplitude of a key held for n samples, float32, until it has faded."""
    time = np.arange(held + 1) / rate_hz
    holding = envelope.rise_at(time) * _amplitude(envelope.fall_at(time))
    release = envelope.release * rate_hz
    dying = np.arange(1, round(_SHARE_UNTIL_SILENT * release)) / release
    return np.concatenate([holding, holding[-1] * _amplitude(dying)]).astype(np.float32)


def _amplitude(fall: np.ndarray) -> np.ndarray:
    """Return the amplitude after a share of the full fall."""
    return 10 ** (-_FULL_FALL_DB / 20 * fall)


@functools.lru_cache(maxsize=512)
def _steady_voice(zone: _Zone, key: int, count: int, rate_hz: int) -> np.ndarray:
    """Render a key at full volume, float32 [count]."""
    rate = rate_hz * _OVERSAMPLING
    time = np.arange(count * _OVERSAMPLING) / rate
    modulation = zone.modulation.rise_at(time) * (1 - zone.modulation.fall_at(time))
    cents = (key - zone.root) * zone.cents_a_key + zone.tuning_cents + zone.envelope_to_pitch_cents * modulation
    voice = _read_sample(zone, zone.rate / rate * 2 ** (cents / 1200))
    voice = _low_pass(voice, zone.cutoff_cents + zone.envelope_to_cutoff_cents * modulation, zone.resonance_db, rate)
    return soxr.resample(voice, rate, rate_hz)[:count].astype(np.float32)


def _read_sample(zone: _Zone, steps: np.ndarray) -> np.ndarray:
    """Read a sample, [count], in steps of the given sizes, with linear interpolation."""
    sample = _soundfont()[1]
    places = zone.start + np.cumsum(steps) - steps
    if zone.loop:
        looping = places >= zone.loop.stop
        places[looping] = zone.loop.start + (places[looping] - zone.loop.start) % len(zone.loop)
        sounding = slice(None)
    else:
        sounding = slice(int(np.searchsorted(places, zone.end - 1)))
    voice = np.zeros(len(places))
    whole = places[sounding].astype(np.int64)
    part = places[sounding] - whole
    voice[sounding] = (sample[whole] * (1 - part) + sample[whole + 1] * part) / 2**15
    return voice


def _low_pass(voice: np.ndarray, cutoff_cents: np.ndarray, resonance_db: float, rate: int) -> np.ndarray:
    """Filter with two poles whose frequency moves, in small steps; cutoffs [count] in cents above 8.176 Hz.

    In each part of constant frequency the input is convolved with the impulse response of the poles. SciPy's filter is
    left out: it would be a third of what must be installed to play.
    """
    steps = np.round(cutoff_cents / _CUTOFF_STEP_CENTS)
    changes = np.flatnonzero(np.diff(steps)) + 1
    filtered = np.empty_like(voice)
    state = np.zeros(2)
    for first, last in itertools.pairwise(sorted({*range(0, len(voice), _FILTERED), *changes.tolist(), len(voice)})):
        cutoff_hz = 8.176 * 2 ** (steps[first] * _CUTOFF_STEP_CENTS / 1200)
        count = last - first
        numerator, denominator, response = _filter(min(cutoff_hz / rate, 0.45), resonance_db, count)
        fed = np.convolve(voice[first:last], numerator)
        fed[:2] += state
        filtered[first:last] = part = np.fft.irfft(np.fft.rfft(fed[:count], 2 * count) * response, 2 * count)[:count]
        state = fed[count:] - np.convolve(part[-2:], denominator)[-2:]
    return filtered


@functools.lru_cache(maxsize=64)
def _filter(frequency: float, resonance_db: float, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return numerator and denominator of a low-pass filter of two poles, and the spectrum [count + 1] of the response.

    The filter is the bilinear transform of 1 / (s² + s/Q + 1). The frequency of its edge is a share of the sampling
    rate, below 0.5, the resonance the height of the edge over one without. The response is that of the poles to an
    impulse, over ``count`` samples.
    """
    damping = 10 ** (-(resonance_db + _BUTTERWORTH_DB) / 20)
    edge = np.tan(np.pi * frequency)
    numerator = edge**2 * np.array([1.0, 2.0, 1.0])
    denominator = np.array([1 + damping * edge + edge**2, 2 * (edge**2 - 1), 1 - damping * edge + edge**2])
    numerator, denominator = numerator / denominator[0], denominator / denominator[0]
    radius = np.sqrt(denominator[2])
    angle = np.arccos(-denominator[1] / (2 * radius))
    time = np.arange(count)
    response = radius**time * np.sin((time + 1) * angle) / np.sin(angle)
    return numerator, denominator, np.fft.rfft(response, 2 * count)


@functools.cache
def _zones(program: int, drums: bool) -> tuple[_Zone, ...]:
    """Return the zones of an instrument or a drum kit; none where the soundfont lacks it."""
    tables, _ = _soundfont()
    presets = tables[b"phdr"]
    bank = _DRUM_BANK if drums else 0
    return tuple(
        _zone(zone, of_preset, tables[b"shdr"][zone[_SAMPLE]])
        for preset in np.flatnonzero((presets["program"][:-1] == program) & (presets["bank"][:-1] == bank))
        for of_preset in _generators(b"phdr", int(preset), b"pbag", b"pgen", _INSTRUMENT)
        for zone in _generators(b"inst", of_preset[_INSTRUMENT], b"ibag", b"igen", _SAMPLE)
    )


def _generators(owners: bytes, owner: int, bags: bytes, generators: bytes, target: int) -> Iterator[dict[int, int]]:
    """Yield the generators of each zone of a preset or instrument; a first zone without target holds for all others."""
    tables, _ = _soundfont()
    first, last = tables[owners]["bag"][owner : owner + 2]
    for_all: dict[int, int] = {}
    for bag in range(first, last):
        begin, end = tables[bags]["generator"][bag : bag + 2]
        zone = for_all | {int(what): int(amount) for what, amount in tables[generators][begin:end]}
        if target in zone:
            yield zone
        elif bag == first:
            for_all = zone


def _zone(generators: dict[int, int], of_preset: dict[int, int], sample: np.void) -> _Zone:
    """Combine an instrument's zone, the preset, whose generators are added (9.4), and the sample."""

    def amount(what: int) -> int:
        return generators.get(what, _DEFAULTS.get(what, 0)) + (0 if what in (_ROOT, _LOOPS) else of_preset.get(what, 0))

    def envelope(first: int) -> _Envelope:
        delay, attack, hold, decay, release = (2 ** (amount(first + part) / 1200) for part in _TIMES)
        return _Envelope(delay, attack, hold, decay, release, min(max(amount(first + 4) / 1000, 0), 1))

    start, end, loop_start, loop_end = (
        int(sample[name]) + amount(fine) + 32_768 * amount(coarse)
        for name, (fine, coarse) in zip(_SAMPLE_POSITIONS, _SAMPLE_OFFSETS, strict=True)
    )
    keys = [given.get(_KEYS, _DEFAULTS[_KEYS]) for given in (generators, of_preset)]
    root = amount(_ROOT)
    return _Zone(
        keys=range(max(pair & 255 for pair in keys), min(pair >> 8 for pair in keys) + 1),
        start=start,
        end=end,
        loop=range(loop_start, loop_end) if amount(_LOOPS) & 1 else range(0),
        rate=int(sample["rate"]),
        root=int(sample["root"]) if root < 0 else root,
        cents_a_key=amount(_SCALE),
        tuning_cents=100 * amount(_COARSE) + amount(_FINE) + int(sample["correction"]),
        gain=10 ** (-amount(_ATTENUATION) / 200),
        volume=envelope(_VOLUME_ENVELOPE),
        modulation=envelope(_MODULATION_ENVELOPE),
        envelope_to_pitch_cents=amount(_ENVELOPE_TO_PITCH),
        cutoff_cents=amount(_CUTOFF),
        envelope_to_cutoff_cents=amount(_ENVELOPE_TO_CUTOFF),
        resonance_db=amount(_RESONANCE) / 10,
        choke_class=amount(_CLASS),
    )


@functools.cache
def _soundfont() -> tuple[dict[bytes, np.ndarray], np.ndarray]:
    """Read the tables of the soundfont and its samples, int16."""
    data = soundfont_file().read_bytes()
    chunks = _chunks(data, 12, len(data))
    lists = {name: np.frombuffer(chunks[name], np.dtype(fields)) for name, fields in _RECORDS.items()}
    return lists, np.frombuffer(chunks[b"smpl"], "<i2")


def _chunks(data: bytes, first: int, last: int) -> dict[bytes, bytes]:
    """Return the chunks of a RIFF file by name, also those within lists."""
    found: dict[bytes, bytes] = {}
    while first < last:
        name, size = data[first : first + 4], int.from_bytes(data[first + 4 : first + 8], "little")
        if name == b"LIST":
            found |= _chunks(data, first + 12, first + 8 + size)
        else:
            found[name] = data[first + 8 : first + 8 + size]
        first += 8 + size + size % 2
    return found
