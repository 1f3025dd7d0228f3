"""From a file of kern, ABC, MIDI or MusicXML to tunes in C major or A minor.

`pieces_of` divides a file into tunes; `read_piece` parses one of them and extracts the melody from all voices.
music21 takes a second to import and twelve milliseconds per tune, so it is imported only when a file is parsed.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import math
import re
import statistics
import threading
import warnings
import zipfile
from collections import Counter, defaultdict
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from melodygan.data.encoding import ACCEPTED_STEPS, STEPS_PER_QUARTER, Note, Tune, pitches_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

PARSER_VERSION = 3
"""Increase it whenever the same files would give other records: cached ones are then parsed again."""

FORMATS = (".krn", ".abc", ".mid", ".midi", ".xml", ".musicxml", ".mxl")
"""The file name suffixes that can be read."""


class Record(NamedTuple):
    """One tune, or the reason why it was filtered out or skipped."""

    name: str
    tune: Tune | None = None
    filtered: str = ""
    skipped: str = ""


class Piece(NamedTuple):
    """One tune to be parsed, on its way to a worker: a file, or the text of one tune from an ABC file."""

    name: str
    path: Path
    text: str = ""


@dataclass
class _Melody:
    """The result of a reader, before filter and transposition; lengths in quarters, key as music21 has it."""

    line: list[tuple[int | None, Fraction]]
    name: str = ""
    key: Any = None
    meter: str = ""
    pickup: Fraction = Fraction(0)
    moved: int = 0


def pieces_of(path: Path, name: str, numbers: str = "") -> list[Piece]:
    """Divide a file, called ``name`` in the corpus, into tunes; only an ABC file has several.

    Of these, only those are returned whose Essen number begins with ``numbers``.

    Raises:
        OSError: the file cannot be read.
    """
    if path.suffix.lower() != ".abc":
        return [Piece(name, path)]
    header, *texts = re.split(r"(?m)^(?=X:)", _decode(path.read_bytes()))
    if not texts:
        return [Piece(name, path, f"X:1\n{header}")]
    # fields above the first tune hold for all of them
    defaults = "".join(f"{field}\n" for field in re.findall(r"(?m)^[LMQ]:.*$", header))
    pieces = []
    for position, text in enumerate(texts, start=1):
        reference, _, body = text.partition("\n")
        if _essen_number(text).startswith(numbers):
            label = reference.removeprefix("X:").strip() or str(position)
            pieces.append(Piece(f"{name}#{label}", path, f"{reference}\n{defaults}{body}"))
    return pieces


def _decode(data: bytes) -> str:
    """Decode a text file; older collections are Latin-1, in which every byte is a character."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_piece(piece: Piece) -> Record:
    """Parse one tune; runs in a worker, and never raises, so that one bad file does not end a long load."""
    try:
        with _parsing():
            melody = _READERS[piece.path.suffix.lower()](piece)
            _check_sounding(melody.line)
            for pitch, quarters in melody.line:
                if quarters * STEPS_PER_QUARTER not in ACCEPTED_STEPS:
                    kind, unit = "rest" if pitch is None else "note", "quarters" if quarters > 1 else "quarter"
                    length = f"{float(quarters):g}" if (quarters * 64).denominator == 1 else quarters
                    return Record(piece.name, filtered=f"a {kind} of {length} {unit}")
            notes = [Note(pitch, int(quarters * STEPS_PER_QUARTER)) for pitch, quarters in melody.line]
            return Record(piece.name, _in_common_key(piece, melody, notes)[0])
    except (OSError, _UnreadableError) as error:
        return Record(piece.name, skipped=one_line(error))


class Quantised(NamedTuple):
    """A tune of any rhythm, moved to sixteenths, and how many semitones up to C major or A minor.

    ``moved`` is the number of notes and rests that have another length than in the score, or are gone.
    """

    tune: Tune
    semitones: int
    moved: int


def read_quantised(piece: Piece) -> Quantised:
    """Parse one tune of any lengths: every onset goes to the nearest sixteenth.

    A note without a length after that, such as an ornament, is left out.

    Raises:
        OSError: the file cannot be read.
        ValueError: it cannot be parsed, or has no notes.
    """
    with _parsing():
        melody = _READERS[piece.path.suffix.lower()](piece)
        ends = itertools.accumulate((quarters for _, quarters in melody.line), initial=Fraction(0))
        steps = [end - begin for begin, end in itertools.pairwise(map(_nearest_step, ends))]
        notes = [Note(pitch, length) for (pitch, _), length in zip(melody.line, steps, strict=True) if length]
        _check_sounding(notes)
        moved = sum(length != part[1] * STEPS_PER_QUARTER for part, length in zip(melody.line, steps, strict=True))
        return Quantised(*_in_common_key(piece, melody, notes), melody.moved + moved)


def _nearest_step(quarters: Fraction) -> int:
    """Return the sixteenth nearest to a place; halfway it is the later one."""
    return math.floor(quarters * STEPS_PER_QUARTER + Fraction(1, 2))


def _check_sounding(notes: Iterable[tuple[int | None, Any]]) -> None:
    if all(pitch is None for pitch, _ in notes):
        raise _UnreadableError("it has no notes")


def _in_common_key(piece: Piece, melody: _Melody, notes: Sequence[Note]) -> tuple[Tune, int]:
    """Return a tune transposed to C major or A minor, and by how many semitones."""
    key = _analysed_key(notes) if melody.key is None else _with_mode(melody.key, notes)
    pickup, semitones = melody.pickup * STEPS_PER_QUARTER, _to_common_key(notes, key.sharps)
    tune = Tune(
        notes=tuple(Note(None if pitch is None else pitch + semitones, steps) for pitch, steps in notes),
        name=melody.name or Path(piece.name).stem,
        source=piece.name,
        key=_key_name(key),
        meter=melody.meter,
        pickup_steps=int(pickup) if pickup.denominator == 1 else 0,
    )
    return tune, semitones


def one_line(problem: object) -> str:
    """Return the message of an error without line breaks."""
    return " ".join(str(problem).split())


class _UnreadableError(ValueError):
    """The reason, in one line, why a file has no tune."""


# Output is redirected for the whole process, so the threads of a joblib backend take turns.
_LOCK = threading.Lock()


@contextlib.contextmanager
def _parsing() -> Iterator[None]:
    """Hide a parser's output; raise `_UnreadableError` for whatever it raises, except an OSError of the file."""
    try:
        with (
            _LOCK,
            warnings.catch_warnings(),
            contextlib.redirect_stderr(io.StringIO()),
            contextlib.redirect_stdout(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    except _UnreadableError:
        raise
    except Exception as error:  # parsers raise anything, OSError without a number too
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise _UnreadableError(f"{type(error).__name__}: {one_line(error)}".rstrip(": ")[:160]) from None


# --- readers, one for each format --------------------------------------------------------------------------

_DRUM_CHANNEL = 9  # counted from 0
_INAUDIBLE = Fraction(1, 8)  # of a sixteenth: players are not more exact, and notes are not shorter
_LONGEST_SILENCE_QUARTERS = 16


def _read_abc(piece: Piece) -> _Melody:
    from music21 import converter

    if not _field(r"^K:(.*)$", piece.text):
        # music21 would read the letters of any text as notes
        raise _UnreadableError("it is not an ABC tune: it has no key (K:)")
    # music21 carries an accidental to the end of the bar only for files that declare ABC 2.
    with _without_beams():
        score = converter.parseData(f"%abc-2.1\n{piece.text}", format="abc")
    return _melody_of_score(score, _essen_number(piece.text) or _field(r"^T:(.*)$", piece.text))


@contextlib.contextmanager
def _without_beams() -> Iterator[None]:
    """Keep music21 from computing the beams of an ABC tune, which takes half of its parsing time."""
    from music21 import stream

    streams: Any = stream.Stream
    beaming = streams.makeBeams
    streams.makeBeams = lambda part, **_: part
    try:
        yield
    finally:
        streams.makeBeams = beaming


def _read_kern(piece: Piece) -> _Melody:
    from music21 import converter

    text = _decode(piece.path.read_bytes())
    name = _field(r"^!!!SCT:(.*)$", text) or _field(r"^!!!OTL.*?:(.*)$", text)
    return _melody_of_score(converter.parseData(text, format="humdrum"), name)


def _read_musicxml(piece: Piece) -> _Melody:
    from music21 import converter

    data = piece.path.read_bytes()
    if data.startswith(b"PK"):  # compressed
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            container = archive.read("META-INF/container.xml").decode("utf-8")
            data = archive.read(_field(r"<rootfile[^>]*full-path=[\"']([^\"']+)", container))
    declared = re.match(rb"\s*<\?xml[^>]*encoding=[\"']([\w-]+)", data)
    encoding = declared[1].decode("ascii") if declared else "utf-8"
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    score = converter.parseData(data.decode(encoding).removeprefix("\ufeff"), format="musicxml")
    return _melody_of_score(score, score.metadata.title if score.metadata else "")


def _read_midi(piece: Piece) -> _Melody:
    """Read the melody of a MIDI file.

    Every onset and end goes to the nearest sixteenth (halfway: later), a note lasts at least one. Channel 10
    holds drums and is left out. Each other track and channel is a part. Silence between notes is written as
    the fewest rests of accepted length; silence before the first note is not part of the tune, but places its
    upbeat.
    """
    import mido

    file = mido.MidiFile(file=io.BytesIO(piece.path.read_bytes()), clip=True)
    if file.ticks_per_beat <= 0:
        raise _UnreadableError("its time is in seconds, not in quarters")
    events = sorted(max(_midi_parts(file), key=_mean_pitch, default=[]), key=_by_onset)
    first = {message.type: message for track in reversed(file.tracks) for message in reversed(track)}
    melody = _Melody([part for pitch, length in _line(events) for part in _shortened_silence(pitch, length)])
    melody.moved = sum(event.moved for event in events)
    if "key_signature" in first:
        melody.key = _midi_key(first["key_signature"].key)
    if "time_signature" in first:
        meter = first["time_signature"]
        melody.meter = f"{meter.numerator}/{meter.denominator}"
        if events:
            melody.pickup = -events[0].onset % Fraction(4 * meter.numerator, meter.denominator)
    return melody


def _midi_parts(file: Any) -> list[list[_Event]]:
    """Collect the notes of each track and channel, quantised."""
    parts: dict[tuple[int, int], list[_Event]] = defaultdict(list)
    for number, track in enumerate(file.tracks):
        tick = 0
        started: dict[tuple[int, int], list[tuple[Fraction, bool]]] = defaultdict(list)
        for message in track:
            tick += message.time
            if message.type not in {"note_on", "note_off"} or message.channel == _DRUM_CHANNEL:
                continue
            place = Fraction(tick, file.ticks_per_beat)
            now = Fraction(_nearest_step(place))
            voice = (message.channel, message.note)
            if message.type == "note_on" and message.velocity > 0:
                started[voice].append((now, abs(place * STEPS_PER_QUARTER - now) > _INAUDIBLE))
            elif started[voice]:
                onset, moved = started[voice].pop(0)
                end = max(now, onset + 1)
                event = _Event(onset / STEPS_PER_QUARTER, end / STEPS_PER_QUARTER, message.note, moved=moved)
                parts[number, message.channel].append(event)
    return [parts[voice] for voice in sorted(parts)]


def _midi_key(text: str) -> Any:
    from music21 import key

    return key.Key(text.removesuffix("m").replace("b", "-"), "minor" if text.endswith("m") else "major")


def _shortened_silence(pitch: int | None, quarters: Fraction) -> Iterator[tuple[int | None, Fraction]]:
    """Divide a silence into accepted rests; one of over 16 quarters stays, and fails the duration filter."""
    if pitch is not None or quarters > _LONGEST_SILENCE_QUARTERS:
        yield pitch, quarters
        return
    left = quarters * STEPS_PER_QUARTER
    for steps in reversed(ACCEPTED_STEPS):
        while left >= steps:
            left -= steps
            yield None, Fraction(steps, STEPS_PER_QUARTER)


_READERS = {
    ".krn": _read_kern,
    ".abc": _read_abc,
    **dict.fromkeys((".mid", ".midi"), _read_midi),
    **dict.fromkeys((".xml", ".musicxml", ".mxl"), _read_musicxml),
}


def _field(pattern: str, text: str) -> str:
    found = re.search(pattern, text, re.MULTILINE)
    return found[1].strip() if found else ""


def _essen_number(text: str) -> str:
    """Return the number of a tune in the Essen collection, such as E0001A: its first ``N:`` field."""
    return _field(r"^N:[ \t]*([A-Z]+\d+[A-Z]*)[ \t]*$", text)


# --- from a score to one line of notes ---------------------------------------------------------------------


class _Event(NamedTuple):
    """A note or rest in time, in quarters from the beginning.

    Tied if it only prolongs the one before; moved if it was played audibly before or after its onset.
    """

    onset: Fraction
    end: Fraction
    pitch: int | None
    tied: bool = False
    moved: bool = False


def _melody_of_score(score: Any, name: str) -> _Melody:
    """Return the melody of a music21 score: the `_line` of the part with the highest mean pitch."""
    parts = [(part, _events(part)) for part in (list(score.parts) or [score])]
    part, events = max(parts, key=lambda pair: _mean_pitch(pair[1]))
    meter = part.recurse().getElementsByClass("TimeSignature").first()
    ratio = meter.ratioString if meter else ""
    return _Melody(_line(events), name, _score_key(part), ratio, _pickup(part, meter))


def _mean_pitch(events: Iterable[_Event]) -> float:
    return statistics.fmean([event.pitch for event in events if event.pitch is not None] or [-1])


def _by_onset(event: _Event) -> tuple[Fraction, int]:
    return event.onset, -event.pitch if event.pitch is not None else 1


def _events(part: Any) -> list[_Event]:
    """List what a part plays, by onset, the highest first; no grace notes, chord symbols or drums."""
    events = []
    for element in part.flatten().notesAndRests:
        length = Fraction(element.quarterLength)
        if length <= 0 or element.duration.isGrace or "Harmony" in element.classes:
            continue
        if element.isRest:
            pitch, tie = None, None
        elif element.pitches:
            top = max(element.notes, key=lambda note: note.pitch.ps) if element.isChord else element
            pitch, tie = int(top.pitch.midi), top.tie
        else:
            continue
        onset = Fraction(element.offset)
        events.append(_Event(onset, onset + length, pitch, tie is not None and tie.type != "start"))
    return sorted(events, key=_by_onset)


def _line(events: Iterable[_Event]) -> list[tuple[int | None, Fraction]]:
    """Make one line of events sorted by onset, without gaps: (pitch, length in quarters).

    Tied notes become one. Of overlapping notes, a higher one cuts off the current one, and a lower one is left out. Any
    note cuts off a rest. A gap is a rest.
    """
    line: list[_Event] = []
    for event in events:
        if not line:
            line.append(event)
            continue
        last = line[-1]
        if event.tied and event.pitch == last.pitch and event.onset == last.end:
            line[-1] = last._replace(end=event.end)
        elif event.onset >= last.end:
            if event.onset > last.end:
                line.append(_Event(last.end, event.onset, None))
            line.append(event)
        elif event.pitch is not None and (last.pitch is None or event.pitch > last.pitch):
            line[-1] = last._replace(end=event.onset)
            line.append(event)
    return [(event.pitch, event.end - event.onset) for event in line if event.end > event.onset]


def _pickup(part: Any, meter: Any) -> Fraction:
    """Return the length of an incomplete first bar, in quarters; 0 where it is full or there is no metre."""
    bars = part.getElementsByClass("Measure")
    if meter is None or len(bars) < 2:  # noqa: PLR2004  (a single bar has no upbeat)
        return Fraction(0)
    length = Fraction(bars[0].highestTime)
    return length if length < Fraction(meter.barDuration.quarterLength) else Fraction(0)


# --- keys --------------------------------------------------------------------------------------------------

_OCTAVE = 12
_FIFTH = 7
_MINOR_THIRD = 3
_MAJOR_THIRD = 4


def _score_key(part: Any) -> Any:
    """Return the first key of a part, or the first signature if that has no key; None if there is neither."""
    signatures = list(part.flatten().getElementsByClass("KeySignature"))
    first = [signature for signature in signatures if signature.offset == signatures[0].offset]
    keys = [key for key in first if "Key" in key.classes]
    # A signature of other accidentals than those of the circle of fifths has no number of sharps.
    return next(iter(keys or [signature for signature in first if signature.sharps is not None]), None)


def _key_name(key: Any) -> str:
    """Name a key, such as "Bb major"; a signature without a key is named "2 flats"."""
    if "Key" in key.classes:
        return f"{key.tonic.name.replace('-', 'b')} {key.mode}"
    return f"{abs(key.sharps)} {'flat' if key.sharps < 0 else 'sharp'}{'' if abs(key.sharps) == 1 else 's'}"


def _with_mode(key: Any, notes: Sequence[Note]) -> Any:
    """Turn a key that is major by its name and minor by its notes into minor.

    The Essen collection gives the tonic of each tune without its mode, and its ABC edition writes that as a major
    key: ``K: A`` for A minor, with every C natural marked. Where the minor third above the tonic lasts longer in all
    than the major third, the tune is minor.
    """
    if "Key" not in key.classes or key.mode != "major":
        return key
    durations: Counter[int] = Counter()
    for pitch, steps in notes:
        if pitch is not None:
            durations[(pitch - key.tonic.pitchClass) % _OCTAVE] += steps
    return key.parallel if durations[_MINOR_THIRD] > durations[_MAJOR_THIRD] else key


def _analysed_key(notes: Sequence[Note]) -> Any:
    """Estimate the key with music21's analysis, for scores without one."""
    from music21 import note, stream

    line: Any = stream.Stream()
    line.append(
        [note.Note(pitch, quarterLength=steps / STEPS_PER_QUARTER) for pitch, steps in notes if pitch is not None]
    )
    return line.analyze("key")


def _to_common_key(notes: Sequence[Note], sharps: int) -> int:
    """Return the semitones from a signature to that of C major and A minor: downwards, 0 … 11 of them.

    Always down, not by the nearest way, so that tunes in F and in G, where most folk tunes are, stay in one register.
    The nearest way would put them an octave apart, and a model would have to learn every melody twice. A tune that
    would fall below MIDI number 0 goes up an octave instead.
    """
    semitones = -(_FIFTH * sharps % _OCTAVE)
    return semitones + _OCTAVE if min(pitches_in(notes)) + semitones < 0 else semitones
