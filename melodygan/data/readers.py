"""From a file of kern, ABC, MIDI or MusicXML to tunes: one reader a format, one melody a score, one key for all.

`pieces_of` parts a file into tunes, `read_piece` parses one of them: it takes the melody out of all voices, leaves
out what has a duration outside the accepted ones (`encoding.DURATIONS_QUARTERS`), and transposes to C major or
A minor.

music21 takes a second to import and twelve milliseconds a tune, so it is imported only where a file is really
parsed.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import math
import re
import threading
import warnings
import zipfile
from collections import Counter, defaultdict
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from melodygan.data.encoding import ACCEPTED_STEPS, STEPS_PER_QUARTER, Note, Tune

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

__all__ = [
    "FORMATS",
    "PARSER_VERSION",
    "Piece",
    "Quantised",
    "Record",
    "one_line",
    "pieces_of",
    "read_piece",
    "read_quantised",
]

PARSER_VERSION = 2
"""Raise it whenever the same files would give other tunes: what was parsed before is then parsed again."""

FORMATS = {
    ".krn": "kern",
    ".abc": "abc",
    ".mid": "midi",
    ".midi": "midi",
    ".xml": "musicxml",
    ".musicxml": "musicxml",
    ".mxl": "musicxml",
}
"""The format of each file name suffix."""


class Record(NamedTuple):
    """One tune read, filtered out (why) or skipped (why)."""

    name: str
    tune: Tune | None = None
    filtered: str = ""
    skipped: str = ""


class Piece(NamedTuple):
    """One tune to be parsed, on its way to a worker: a file, or one tune's text out of an ABC file."""

    name: str
    path: Path
    format: str
    text: str = ""


@dataclass
class _Melody:
    """What a reader finds, before filter and transposition; lengths in quarters."""

    line: list[tuple[int | None, Fraction]]
    name: str = ""
    key: _Key | None = None
    meter: str = ""
    pickup: Fraction = Fraction(0)
    moved: int = 0


class _Key(NamedTuple):
    """A key as a score states it: negative sharps are flats; no tonic if only the signature is known."""

    name: str
    sharps: int
    mode: str = ""
    tonic: int | None = None


def pieces_of(path: Path, name: str, numbers: str = "") -> list[Piece]:
    """Part a file into tunes; only an ABC file has several.

    Args:
        path: the file.
        name: what it is called in the corpus.
        numbers: of an ABC file, only the tunes whose Essen number begins so.

    Raises:
        OSError: the file cannot be read.
    """
    file_format = FORMATS[path.suffix.lower()]
    if file_format != "abc":
        return [Piece(name, path, file_format)]
    header, *texts = re.split(r"(?m)^(?=X:)", _decode(path.read_bytes()))
    if not texts:
        return [Piece(name, path, file_format, f"X:1\n{header}")]
    # fields above the first tune hold for all of them
    defaults = "".join(f"{field}\n" for field in re.findall(r"(?m)^[LMQ]:.*$", header))
    pieces = []
    for position, text in enumerate(texts, start=1):
        reference, _, body = text.partition("\n")
        if _essen_number(text).startswith(numbers):
            label = reference.removeprefix("X:").strip() or str(position)
            pieces.append(Piece(f"{name}#{label}", path, file_format, f"{reference}\n{defaults}{body}"))
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
        with _PARSING, _silence():
            melody = _READERS[piece.format](piece)
            return _record(piece, melody)
    except _UnreadableError as error:
        return Record(piece.name, skipped=str(error))
    except Exception as error:  # noqa: BLE001  (parsers raise anything on a malformed file)
        return Record(piece.name, skipped=f"{type(error).__name__}: {one_line(error)}"[:160])


def _record(piece: Piece, melody: _Melody) -> Record:
    if all(pitch is None for pitch, _ in melody.line):
        raise _UnreadableError("it has no notes")
    for pitch, quarters in melody.line:
        if quarters * STEPS_PER_QUARTER not in ACCEPTED_STEPS:
            kind = "rest" if pitch is None else "note"
            return Record(piece.name, filtered=f"a {kind} of {_in_words(quarters)}")
    notes = tuple(Note(pitch, int(quarters * STEPS_PER_QUARTER)) for pitch, quarters in melody.line)
    return Record(piece.name, _in_common_key(piece, melody, notes)[0])


def _in_common_key(piece: Piece, melody: _Melody, notes: Sequence[Note]) -> tuple[Tune, int]:
    """Return a tune transposed to C major or A minor, and by how many semitones."""
    key = _settle_mode(melody.key, notes) if melody.key is not None else _analysed_key(notes)
    pickup = melody.pickup * STEPS_PER_QUARTER
    semitones = _to_common_key(notes, key.sharps)
    tune = Tune(
        notes=tuple(Note(None if pitch is None else pitch + semitones, steps) for pitch, steps in notes),
        name=melody.name or Path(piece.name).stem,
        source=piece.name,
        key=key.name,
        meter=melody.meter,
        pickup_steps=int(pickup) if pickup.denominator == 1 else 0,
    )
    return tune, semitones


class Quantised(NamedTuple):
    """A tune of any rhythm, moved to sixteenths.

    Attributes:
        tune: as the corpus has tunes, but of any lengths.
        semitones: by how many it was transposed to C major or A minor.
        moved: how many notes and rests have another length than in the score, or are gone.
    """

    tune: Tune
    semitones: int
    moved: int


def read_quantised(piece: Piece) -> Quantised:
    """Parse one tune whatever its lengths are: every onset goes to the nearest sixteenth.

    What is left without a length, such as an ornament, is left out.

    Raises:
        OSError: the file cannot be read.
        ValueError: nothing in it can be, or it has no notes.
    """
    try:
        with _PARSING, _silence():
            return _quantised(piece, _READERS[piece.format](piece))
    except _UnreadableError as error:
        raise ValueError(str(error)) from None
    except Exception as error:  # parsers raise anything on a malformed file, OSError without a number too
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise ValueError(f"{type(error).__name__} {one_line(error)}".strip()[:160]) from None


def _quantised(piece: Piece, melody: _Melody) -> Quantised:
    ends = itertools.accumulate((quarters for _, quarters in melody.line), initial=Fraction(0))
    places = [math.floor(end * STEPS_PER_QUARTER + Fraction(1, 2)) for end in ends]
    lengths = [end - begin for begin, end in itertools.pairwise(places)]
    notes = [Note(pitch, length) for (pitch, _), length in zip(melody.line, lengths, strict=True) if length]
    if all(note.pitch is None for note in notes):
        raise _UnreadableError("it has no notes")
    pairs = zip(melody.line, lengths, strict=True)
    moved = melody.moved + sum(length != quarters * STEPS_PER_QUARTER for (_, quarters), length in pairs)
    return Quantised(*_in_common_key(piece, melody, notes), moved)


def _in_words(quarters: Fraction) -> str:
    number = f"{float(quarters):g}" if (quarters * 64).denominator == 1 else str(quarters)
    return f"{number} quarter{'s' if quarters > 1 else ''}"


def one_line(problem: object) -> str:
    """Write what went wrong without line breaks."""
    return " ".join(str(problem).split())


# What is silenced belongs to the whole process, so where a joblib backend has threads they take turns.
_PARSING = threading.Lock()


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Keep a parser's remarks off the terminal: what matters of them is the reason for a skip."""
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stderr(io.StringIO()),
        contextlib.redirect_stdout(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        yield


# --- readers: one a format ---------------------------------------------------------------------------------

_DRUM_CHANNEL = 9  # counted from 0
_UNHEARD = Fraction(1, 8)  # of a sixteenth: players are no more exact, and no note of a tune is shorter
_LONGEST_SILENCE_QUARTERS = 16


class _UnreadableError(Exception):
    """A reason, in words, why a file has no tune."""


def _read_abc(piece: Piece) -> _Melody:
    from music21 import converter

    if not _field(r"^K:(.*)$", piece.text):
        # music21 would read the letters of any text as notes
        raise _UnreadableError("it is not an ABC tune: it has no key (K:)")
    # music21 carries an accidental to the end of the bar only for files that declare ABC 2; every version
    # means it.
    with _without_beams():
        score = converter.parseData(f"%abc-2.1\n{piece.text}", format="abc")
    return _melody_of_score(score, _essen_number(piece.text) or _field(r"^T:(.*)$", piece.text))


@contextlib.contextmanager
def _without_beams() -> Iterator[None]:
    """Spare music21 the beams of an ABC tune: half of its parsing time, and nothing here is drawn."""
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

    score = converter.parseData(_decode_xml(_unpack(piece.path.read_bytes())), format="musicxml")
    return _melody_of_score(score, score.metadata.title if score.metadata else "")


def _unpack(data: bytes) -> bytes:
    """Take the score out of a compressed MusicXML file; other data are returned as they are."""
    if not data.startswith(b"PK"):
        return data
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        container = archive.read("META-INF/container.xml").decode("utf-8")
        return archive.read(_field(r"<rootfile[^>]*full-path=[\"']([^\"']+)", container))


def _decode_xml(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16")
    declared = re.match(rb"\s*<\?xml[^>]*encoding=[\"']([\w-]+)", data)
    return data.decode(declared[1].decode("ascii") if declared else "utf-8").removeprefix("\ufeff")


def _read_midi(piece: Piece) -> _Melody:
    """Read the melody of a MIDI file.

    Every onset and end goes to the nearest sixteenth (halfway: later), a note lasts at least one. Channel 10
    holds drums and is left out. Each other track and channel is a part. Silence between notes is written as
    the fewest rests of accepted length; silence before the first note is no part of the tune, but places its
    upbeat.
    """
    import mido

    file = mido.MidiFile(file=io.BytesIO(piece.path.read_bytes()), clip=True)
    if file.ticks_per_beat <= 0:
        raise _UnreadableError("its time is in seconds, not in quarters")
    parts = _midi_parts(file)
    events = _sounding(max(parts, key=_mean_pitch)) if parts else []
    key = _first_meta(file, "key_signature")
    meter = _first_meta(file, "time_signature")
    bar = Fraction(4 * meter.numerator, meter.denominator) if meter else Fraction(0)
    onset = events[0].onset if events else Fraction(0)
    return _Melody(
        line=[part for pitch, length in _line(events) for part in _shortened_silence(pitch, length)],
        key=_midi_key(key.key) if key else None,
        meter=f"{meter.numerator}/{meter.denominator}" if meter else "",
        pickup=-onset % bar if bar else Fraction(0),
        moved=sum(event.moved for event in events),
    )


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
            exactly = Fraction(tick * STEPS_PER_QUARTER, file.ticks_per_beat)
            now = Fraction(math.floor(exactly + Fraction(1, 2)))
            voice = (message.channel, message.note)
            if message.type == "note_on" and message.velocity > 0:
                started[voice].append((now, abs(exactly - now) > _UNHEARD))
            elif started[voice]:
                onset, moved = started[voice].pop(0)
                end = max(now, onset + 1)
                event = _Event(onset / STEPS_PER_QUARTER, end / STEPS_PER_QUARTER, message.note, moved=moved)
                parts[number, message.channel].append(event)
    return [parts[voice] for voice in sorted(parts)]


def _first_meta(file: Any, kind: str) -> Any:
    return next((message for track in file.tracks for message in track if message.type == kind), None)


def _midi_key(text: str) -> _Key:
    minor = text.endswith("m")
    return _named_key(text.removesuffix("m"), "minor" if minor else "major")


def _shortened_silence(pitch: int | None, quarters: Fraction) -> Iterator[tuple[int | None, Fraction]]:
    """Part a silence into accepted rests; one of over 16 quarters stays, to fail the duration filter."""
    if pitch is not None or quarters > _LONGEST_SILENCE_QUARTERS:
        yield pitch, quarters
        return
    left = quarters * STEPS_PER_QUARTER
    for steps in reversed(ACCEPTED_STEPS):
        while left >= steps:
            left -= steps
            yield None, Fraction(steps, STEPS_PER_QUARTER)


_READERS: dict[str, Callable[[Piece], _Melody]] = {
    "abc": _read_abc,
    "kern": _read_kern,
    "midi": _read_midi,
    "musicxml": _read_musicxml,
}


def _field(pattern: str, text: str) -> str:
    found = re.search(pattern, text, re.MULTILINE)
    return found[1].strip() if found else ""


def _essen_number(text: str) -> str:
    """Give the number of a tune in the Essen collection, such as E0001A: its first ``N:`` field."""
    return _field(r"^N:[ \t]*([A-Z]+\d+[A-Z]*)[ \t]*$", text)


# --- from a score to one line of notes ---------------------------------------------------------------------


class _Event(NamedTuple):
    """A note or rest in time, in quarters from the beginning.

    Tied if it only prolongs the one before, moved if it was heard clearly before or after its onset.
    """

    onset: Fraction
    end: Fraction
    pitch: int | None
    tied: bool = False
    moved: bool = False


def _melody_of_score(score: Any, name: str) -> _Melody:
    """Take the melody out of a music21 score: of the part with the highest mean pitch, what `_line` keeps."""
    parts = [(part, _events(part)) for part in (list(score.parts) or [score])]
    part, events = max(parts, key=lambda pair: _mean_pitch(pair[1]))
    meter = part.recurse().getElementsByClass("TimeSignature").first()
    return _Melody(
        line=_line(events),
        name=name,
        key=_score_key(part),
        meter=meter.ratioString if meter else "",
        pickup=_pickup(part, meter),
    )


def _mean_pitch(events: Iterable[_Event]) -> float:
    pitches = [event.pitch for event in events if event.pitch is not None]
    return sum(pitches) / len(pitches) if pitches else -1.0


def _sounding(events: Iterable[_Event]) -> list[_Event]:
    return sorted((event for event in events if event.pitch is not None), key=_by_onset)


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

    Tied notes become one. Where notes overlap, the highest that begins is heard: a higher one cuts off what
    sounds, a lower one is left out while a higher sounds. Any note cuts off a rest. A gap is a rest.
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
    """Give the length of an incomplete first bar, in quarters; 0 where it is full or there is no metre."""
    bars = part.getElementsByClass("Measure")
    if meter is None or len(bars) < 2:  # noqa: PLR2004  (a single bar is no upbeat)
        return Fraction(0)
    length = Fraction(bars[0].highestTime)
    return length if length < Fraction(meter.barDuration.quarterLength) else Fraction(0)


# --- keys --------------------------------------------------------------------------------------------------

_OCTAVE = 12
_FIFTH = 7
_MINOR_THIRD = 3
_MAJOR_THIRD = 4


def _score_key(part: Any) -> _Key | None:
    """Find the first key of a part; of a signature and a key together, the key: it knows its tonic."""
    signatures = list(part.flatten().getElementsByClass("KeySignature"))
    if not signatures:
        return None
    first = [found for found in signatures if found.offset == signatures[0].offset]
    keyed = [found for found in first if "Key" in found.classes]
    if keyed:
        return _music21_key(keyed[0])
    sharps = first[0].sharps
    if sharps is None:  # a signature of other accidentals than those of the circle of fifths
        return None
    return _Key(f"{abs(sharps)} {'flat' if sharps < 0 else 'sharp'}{'' if abs(sharps) == 1 else 's'}", sharps)


def _music21_key(key: Any) -> _Key:
    tonic = key.tonic.name.replace("-", "b")
    return _Key(f"{tonic} {key.mode}", key.sharps, key.mode, key.tonic.pitchClass)


def _named_key(tonic: str, mode: str) -> _Key:
    from music21 import key

    return _music21_key(key.Key(tonic.replace("b", "-"), mode))


def _settle_mode(key: _Key, notes: Sequence[Note]) -> _Key:
    """Turn a key that is major by its name and minor by its notes into minor.

    The Essen collection gives the tonic of each tune and no mode, and its ABC edition writes that as a major
    key: ``K: A`` for A minor, with every C natural marked. The third above the tonic tells: where the minor
    third lasts longer in all than the major third, the tune is minor.
    """
    if key.mode != "major" or key.tonic is None:
        return key
    lasting: Counter[int] = Counter()
    for note in notes:
        if note.pitch is not None:
            lasting[(note.pitch - key.tonic) % _OCTAVE] += note.steps
    if lasting[_MINOR_THIRD] <= lasting[_MAJOR_THIRD]:
        return key
    # the parallel minor has three sharps less
    return _Key(key.name.replace("major", "minor"), key.sharps - 3, "minor", key.tonic)


def _analysed_key(notes: Sequence[Note]) -> _Key:
    """Estimate the key with music21's analysis, for scores that state none."""
    from music21 import note, stream

    line: Any = stream.Stream()
    line.append(
        [note.Note(pitch, quarterLength=steps / STEPS_PER_QUARTER) for pitch, steps in notes if pitch is not None]
    )
    return _music21_key(line.analyze("key"))


def _to_common_key(notes: Sequence[Note], sharps: int) -> int:
    """Return the semitones from a signature to that of C major and A minor: downwards, 0 … 11 of them.

    Always down, not by the nearest way: so the tonic goes to the C below it, and tunes noted in F and in G,
    where most folk tunes are, stay in one register. The nearest way would set them an octave apart, and ask a
    model to learn every melody twice. A tune that would fall below MIDI number 0 goes up an octave instead.
    """
    semitones = -(_FIFTH * sharps % _OCTAVE)
    lowest = min(note.pitch for note in notes if note.pitch is not None)
    return semitones + _OCTAVE if lowest + semitones < 0 else semitones
