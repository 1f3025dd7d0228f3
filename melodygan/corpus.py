"""Where tunes come from: the bundled Essen books, or any folder of kern, ABC, MIDI and MusicXML files.

`load_corpus` reads a source, keeps the tunes whose every duration is accepted
(`encoding.DURATIONS_QUARTERS`), transposes them to C major or A minor and removes repetitions; `split` parts
them into training, validation and test tunes.

music21 takes a second to import and twelve milliseconds a tune, so it is imported only where a file is really
parsed, on all cores, and what it found is kept in the user's cache directory under the hash of the files'
content.
"""

from __future__ import annotations

import contextlib
import difflib
import gzip
import hashlib
import importlib.metadata
import importlib.util
import io
import itertools
import json
import math
import os
import re
import sys
import tempfile
import threading
import warnings
import zipfile
import zlib
from collections import Counter, defaultdict
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import platformdirs

from melodygan.encoding import ACCEPTED_STEPS, STEPS_PER_QUARTER, Note, Tune
from modelkit.cli import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

__all__ = [
    "Corpus",
    "Skipped",
    "Split",
    "book_names",
    "cache_folder",
    "load_corpus",
    "near_duplicate_key",
    "split",
]

PARSER_VERSION = 2
"""Part of the cache key: raise it whenever the same files would give other tunes."""

CACHE_VARIABLE = "MANYMODES_CACHE"
NEAR_DUPLICATE_INTERVALS = 20

_FORMATS = {
    ".krn": "kern",
    ".abc": "abc",
    ".mid": "midi",
    ".midi": "midi",
    ".xml": "musicxml",
    ".musicxml": "musicxml",
    ".mxl": "musicxml",
}

# Of a book, only the tunes whose collection number begins so: erk5 holds other peoples' tunes, numbered L….
_BOOK_NUMBERS = {"erk": "E"}

# Starting worker processes takes longer than parsing so few tunes.
_FEW_PIECES = 40


class Skipped(NamedTuple):
    """A tune or file that is not in the corpus, and why, in one line."""

    name: str
    reason: str


@dataclass(frozen=True)
class Corpus:
    """What `load_corpus` found.

    Attributes:
        source: the book or path asked for.
        tunes: the tunes, transposed, each once, in the order of the files.
        loaded: how many tunes could be read.
        filtered: the tunes left out because of a duration outside the accepted ones.
        duplicates: how many tunes equal an earlier one after transposition.
        skipped: what could not be read.
        fingerprint: sha256 of the tunes, in hex; where the files lie does not matter.
    """

    source: str
    tunes: tuple[Tune, ...]
    loaded: int
    filtered: tuple[Skipped, ...]
    duplicates: int
    skipped: tuple[Skipped, ...]
    fingerprint: str

    def table(self, limit: int = 40) -> str:
        """Say what was loaded, removed and skipped, for the terminal.

        Args:
            limit: how many skipped files are named one by one; the others are counted.
        """
        rows = [
            ("tunes read", self.loaded, ""),
            ("  removed: durations", len(self.filtered), _most_common(self.filtered)),
            ("  removed: repetitions", self.duplicates, "equal to an earlier tune after transposition"),
            ("  kept", len(self.tunes), f"{sum(len(tune.notes) for tune in self.tunes)} notes and rests"),
            ("skipped", len(self.skipped), "could not be read" if self.skipped else ""),
        ]
        width = max(len(label) for label, _, _ in rows)
        lines = [f"corpus {self.source}, fingerprint {self.fingerprint[:12]}"]
        lines += [f"{label:<{width}}  {count:>7}  {remark}".rstrip() for label, count, remark in rows]
        lines += [f"    {name}: {reason}" for name, reason in self.skipped[:limit]]
        if len(self.skipped) > limit:
            rest = self.skipped[limit:]
            lines.append(f"    and {len(rest)} more: {_most_common(rest)}")
        return "\n".join(lines)


class Split(NamedTuple):
    """The three sides of a corpus."""

    train: tuple[Tune, ...]
    validation: tuple[Tune, ...]
    test: tuple[Tune, ...]


def _most_common(items: Iterable[Skipped], limit: int = 3) -> str:
    counted = sorted(Counter(item.reason for item in items).items(), key=lambda pair: (-pair[1], pair[0]))
    named = [f"{reason} ({count})" for reason, count in counted[:limit]]
    return ", ".join(named + ["…"] * (len(counted) > limit))


# --- loading -----------------------------------------------------------------------------------------------


def load_corpus(
    source: str | Path = "erk",
    *,
    cache_dir: str | Path | None = None,
    jobs: int = -1,
    progress: bool = True,
) -> Corpus:
    """Read, filter, transpose and deduplicate tunes.

    Args:
        source: the name of a bundled book (`book_names`), or a file or folder of ``.krn``, ``.abc``,
            ``.mid``, ``.midi``, ``.xml``, ``.musicxml`` and ``.mxl``, searched recursively, in any case,
            hidden ones left out. A text that is the name of a book is the book even where a folder of that
            name exists: write ``./erk`` for the folder.
        cache_dir: where parsed tunes are kept; by default `cache_folder`.
        jobs: processes that parse; −1 for one a core. A joblib backend that is active is used.
        progress: show a bar while parsing, if the terminal can.

    Returns:
        The corpus, with at least one tune.

    Raises:
        UserError: the source does not exist, cannot be read, or has no usable tune.
    """
    found = _find(source)
    contents = _hash_files(found)
    cache = (
        Path(cache_dir if cache_dir is not None else cache_folder()) / f"tunes-{_cache_key(found, contents)}.json.gz"
    )
    cached = _read_cache(cache)
    records = cached if cached is not None else _parse(found, contents, jobs, progress)
    corpus = _assemble(found.label, records)
    if not corpus.tunes:
        raise UserError(_nothing_usable(corpus))
    if cached is None:
        _write_cache(cache, records)
    return corpus


def cache_folder() -> Path:
    """Give the folder for parsed corpora: $MANYMODES_CACHE, else the user's cache directory."""
    return Path(os.environ.get(CACHE_VARIABLE) or platformdirs.user_cache_dir("manymodes"))


def _assemble(label: str, records: Sequence[_Record]) -> Corpus:
    seen: set[tuple[Note, ...]] = set()
    tunes = []
    for record in records:
        if record.tune is not None and record.tune.notes not in seen:
            seen.add(record.tune.notes)
            tunes.append(record.tune)
    read = sum(record.tune is not None for record in records)
    filtered = tuple(Skipped(record.name, record.filtered) for record in records if record.filtered)
    return Corpus(
        source=label,
        tunes=tuple(tunes),
        loaded=read + len(filtered),
        filtered=filtered,
        duplicates=read - len(tunes),
        skipped=tuple(Skipped(record.name, record.skipped) for record in records if record.skipped),
        fingerprint=_fingerprint(tunes),
    )


def _fingerprint(tunes: Iterable[Tune]) -> str:
    content = [[tune.notes, tune.name, tune.key, tune.meter, tune.pickup_steps] for tune in tunes]
    return hashlib.sha256(json.dumps(content, separators=(",", ":")).encode()).hexdigest()


def _nothing_usable(corpus: Corpus) -> str:
    reasons = []
    if corpus.filtered:
        durations = _most_common(corpus.filtered)
        reasons.append(f"{len(corpus.filtered)} with durations outside the accepted ones: {durations}")
    if corpus.skipped:
        first = corpus.skipped[0]
        reasons.append(f"{len(corpus.skipped)} skipped, first {first.name}: {first.reason}")
    return f"no usable tune in {corpus.source} ({'; '.join(reasons)}): give a book or a folder of melodies"


# --- finding files -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Found:
    """The files of a source; `names` are their paths relative to it, which do not change when it is moved."""

    label: str
    paths: tuple[Path, ...]
    names: tuple[str, ...]
    numbers: str = ""


def book_names() -> tuple[str, ...]:
    """Name the bundled Essen books: "erk" for erk10.abc, erk20.abc … together."""
    return tuple(sorted(_books()))


def _books() -> dict[str, list[Path]]:
    books: dict[str, list[Path]] = defaultdict(list)
    # found without importing music21, which takes longer than all the rest of a cached load
    spec = importlib.util.find_spec("music21")
    if spec is not None and spec.origin is not None:
        for path in sorted((Path(spec.origin).parent / "corpus" / "essenFolksong").glob("*.abc")):
            books[path.stem.rstrip("0123456789")].append(path)
    return books


def _find(source: str | Path) -> _Found:
    if isinstance(source, str):
        book = _books().get(source)
        if book:
            return _Found(source, tuple(book), tuple(path.name for path in book), _BOOK_NUMBERS.get(source, ""))
    if source == "":
        raise UserError("the corpus has no name: give a bundled book such as erk, a file or a folder")
    path = Path(source).expanduser()
    try:
        if path.is_dir():
            return _find_in_folder(path)
        if path.exists():
            return _find_file(path)
    except OSError as error:
        raise UserError(f"cannot read {path}: {_one_line(error.strerror or error)}; check its permissions") from None
    raise UserError(_no_such_source(source))


def _find_file(path: Path) -> _Found:
    if path.suffix.lower() not in _FORMATS or not path.is_file():
        raise UserError(f"{path} is not a file of tunes: give one of {_formats()}, or a folder of them")
    return _Found(str(path), (path,), (path.name,))


def _find_in_folder(folder: Path) -> _Found:
    with os.scandir(folder):  # os.walk would pass over a folder that may not be read
        pass
    paths = [
        Path(parent) / name
        for parent, subfolders, names in os.walk(folder)
        for name in _visible(names, subfolders)
        if Path(name).suffix.lower() in _FORMATS and not (Path(parent) / name).is_fifo()  # reading it would wait
    ]
    if not paths:
        raise UserError(f"no tunes in {folder}: it has no file of {_formats()}")
    by_name = sorted((path.relative_to(folder).as_posix(), path) for path in paths)
    return _Found(str(folder), tuple(path for _, path in by_name), tuple(name for name, _ in by_name))


def _visible(names: list[str], subfolders: list[str]) -> list[str]:
    """Leave out hidden files and, in place, hidden folders: macOS writes ``._name`` doubles."""
    subfolders[:] = [name for name in subfolders if not name.startswith(".")]
    return [name for name in names if not name.startswith(".")]


def _no_such_source(source: str | Path) -> str:
    text = str(source)
    if isinstance(source, Path) or os.sep in text or Path(text).suffix:
        return f"no such file or folder: {text}; check the path, or name a bundled book such as erk"
    books = book_names()
    near = difflib.get_close_matches(text.lower(), books, n=3)
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    return f"no bundled book and no path is called {text!r}: {hint}books are {', '.join(books)}"


def _formats() -> str:
    return ", ".join(_FORMATS)


# --- parsing -----------------------------------------------------------------------------------------------


class _Record(NamedTuple):
    """One tune read, filtered out (why) or skipped (why)."""

    name: str
    tune: Tune | None = None
    filtered: str = ""
    skipped: str = ""


class _Piece(NamedTuple):
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


class _Key(NamedTuple):
    """A key as a score states it: negative sharps are flats; no tonic if only the signature is known."""

    name: str
    sharps: int
    mode: str = ""
    tonic: int | None = None


def _parse(found: _Found, contents: Sequence[str | OSError], jobs: int, progress: bool) -> list[_Record]:
    records: list[_Record | None] = []
    pieces = []
    for path, name, content in zip(found.paths, found.names, contents, strict=True):
        if isinstance(content, OSError):
            records.append(_Record(name, skipped=_one_line(content.strerror or content)))
        else:
            in_file = _pieces(path, name, found.numbers)
            pieces += in_file
            records += [None] * len(in_file)
    parsed = _parse_pieces(pieces, jobs, progress)
    return [record if record is not None else next(parsed) for record in records]


def _parse_pieces(pieces: Sequence[_Piece], jobs: int, progress: bool) -> Iterator[_Record]:
    from joblib import Parallel, delayed  # noqa: PLC0415  (a cached load needs neither)
    from tqdm import tqdm  # noqa: PLC0415

    if len(pieces) <= _FEW_PIECES:
        jobs = 1
    work = Parallel(n_jobs=jobs, batch_size=16 if jobs != 1 else 1, return_as="generator")
    results = work(delayed(_read_piece)(piece) for piece in pieces)
    # disable=None: no bar where the output is not a terminal
    yield from tqdm(results, "parsing", len(pieces), unit="tune", leave=False, disable=None if progress else True)


def _pieces(path: Path, name: str, numbers: str) -> list[_Piece]:
    """Part a file into tunes; only an ABC file has several."""
    file_format = _FORMATS[path.suffix.lower()]
    if file_format != "abc":
        return [_Piece(name, path, file_format)]
    header, *texts = re.split(r"(?m)^(?=X:)", _decode(path.read_bytes()))
    if not texts:
        return [_Piece(name, path, file_format, f"X:1\n{header}")]
    # fields above the first tune hold for all of them
    defaults = "".join(f"{field}\n" for field in re.findall(r"(?m)^[LMQ]:.*$", header))
    pieces = []
    for position, text in enumerate(texts, start=1):
        reference, _, body = text.partition("\n")
        if _essen_number(text).startswith(numbers):
            label = reference.removeprefix("X:").strip() or str(position)
            pieces.append(_Piece(f"{name}#{label}", path, file_format, f"{reference}\n{defaults}{body}"))
    return pieces


def _decode(data: bytes) -> str:
    """Decode a text file; older collections are Latin-1, in which every byte is a character."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _read_piece(piece: _Piece) -> _Record:
    """Parse one tune; runs in a worker, and never raises, so that one bad file does not end a long load."""
    try:
        with _PARSING, _silence():
            melody = _READERS[piece.format](piece)
            return _record(piece, melody)
    except _UnreadableError as error:
        return _Record(piece.name, skipped=str(error))
    except Exception as error:  # noqa: BLE001  (parsers raise anything on a malformed file)
        return _Record(piece.name, skipped=f"{type(error).__name__}: {_one_line(error)}"[:160])


def _record(piece: _Piece, melody: _Melody) -> _Record:
    if all(pitch is None for pitch, _ in melody.line):
        raise _UnreadableError("it has no notes")
    for pitch, quarters in melody.line:
        if quarters * STEPS_PER_QUARTER not in ACCEPTED_STEPS:
            kind = "rest" if pitch is None else "note"
            return _Record(piece.name, filtered=f"a {kind} of {_in_words(quarters)}")
    notes = tuple(Note(pitch, int(quarters * STEPS_PER_QUARTER)) for pitch, quarters in melody.line)
    key = _settle_mode(melody.key, notes) if melody.key is not None else _analysed_key(notes)
    pickup = melody.pickup * STEPS_PER_QUARTER
    tune = Tune(
        notes=_transpose(notes, key.sharps),
        name=melody.name or Path(piece.name).stem,
        source=piece.name,
        key=key.name,
        meter=melody.meter,
        pickup_steps=int(pickup) if pickup.denominator == 1 else 0,
    )
    return _Record(piece.name, tune)


def _in_words(quarters: Fraction) -> str:
    number = f"{float(quarters):g}" if (quarters * 64).denominator == 1 else str(quarters)
    return f"{number} quarter{'s' if quarters > 1 else ''}"


def _one_line(problem: object) -> str:
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
_LONGEST_SILENCE_QUARTERS = 16


class _UnreadableError(Exception):
    """A reason, in words, why a file has no tune."""


def _read_abc(piece: _Piece) -> _Melody:
    from music21 import converter  # noqa: PLC0415  (slow to import, and only workers need it)

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
    from music21 import stream  # noqa: PLC0415

    streams: Any = stream.Stream
    beaming = streams.makeBeams
    streams.makeBeams = lambda part, **_: part
    try:
        yield
    finally:
        streams.makeBeams = beaming


def _read_kern(piece: _Piece) -> _Melody:
    from music21 import converter  # noqa: PLC0415

    text = _decode(piece.path.read_bytes())
    name = _field(r"^!!!SCT:(.*)$", text) or _field(r"^!!!OTL.*?:(.*)$", text)
    return _melody_of_score(converter.parseData(text, format="humdrum"), name)


def _read_musicxml(piece: _Piece) -> _Melody:
    from music21 import converter  # noqa: PLC0415

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


def _read_midi(piece: _Piece) -> _Melody:
    """Read the melody of a MIDI file.

    Every onset and end goes to the nearest sixteenth (halfway: later), a note lasts at least one. Channel 10
    holds drums and is left out. Each other track and channel is a part. Silence between notes is written as
    the fewest rests of accepted length; silence before the first note is no part of the tune, but places its
    upbeat.
    """
    import mido  # noqa: PLC0415  (only workers need it)

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
    )


def _midi_parts(file: Any) -> list[list[_Event]]:
    """Collect the notes of each track and channel, quantised."""
    parts: dict[tuple[int, int], list[_Event]] = defaultdict(list)
    for number, track in enumerate(file.tracks):
        tick = 0
        started: dict[tuple[int, int], list[Fraction]] = defaultdict(list)
        for message in track:
            tick += message.time
            if message.type not in {"note_on", "note_off"} or message.channel == _DRUM_CHANNEL:
                continue
            now = Fraction(math.floor(Fraction(tick * STEPS_PER_QUARTER, file.ticks_per_beat) + Fraction(1, 2)))
            voice = (message.channel, message.note)
            if message.type == "note_on" and message.velocity > 0:
                started[voice].append(now)
            elif started[voice]:
                onset = started[voice].pop(0)
                end = max(now, onset + 1)
                event = _Event(onset / STEPS_PER_QUARTER, end / STEPS_PER_QUARTER, message.note)
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


_READERS: dict[str, Callable[[_Piece], _Melody]] = {
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
    """A note or rest in time, in quarters from the beginning; tied if it only prolongs the one before."""

    onset: Fraction
    end: Fraction
    pitch: int | None
    tied: bool = False


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
    from music21 import key  # noqa: PLC0415  (slow to import, and only workers need it)

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
    from music21 import note, stream  # noqa: PLC0415  (slow to import, and only workers need it)

    line: Any = stream.Stream()
    line.append(
        [note.Note(pitch, quarterLength=steps / STEPS_PER_QUARTER) for pitch, steps in notes if pitch is not None]
    )
    return _music21_key(line.analyze("key"))


def _transpose(notes: Sequence[Note], sharps: int) -> tuple[Note, ...]:
    """Transpose from a signature to that of C major and A minor, downwards by 0 … 11 semitones.

    Always down, not by the nearest way: so the tonic goes to the C below it, and tunes noted in F and in G,
    where most folk tunes are, stay in one register. The nearest way would set them an octave apart, and ask a
    model to learn every melody twice. A tune that would fall below MIDI number 0 goes up an octave instead.
    """
    semitones = -(_FIFTH * sharps % _OCTAVE)
    lowest = min(note.pitch for note in notes if note.pitch is not None)
    if lowest + semitones < 0:
        semitones += _OCTAVE
    return tuple(Note(None if note.pitch is None else note.pitch + semitones, note.steps) for note in notes)


# --- cache -------------------------------------------------------------------------------------------------


def _hash_files(found: _Found) -> list[str | OSError]:
    """Hash each file's content; one that cannot be read gives its error instead.

    Raises:
        UserError: there is no file that can be read.
    """
    hashes: list[str | OSError] = []
    for path in found.paths:
        try:
            hashes.append(hashlib.sha256(path.read_bytes()).hexdigest())
        except OSError as error:
            hashes.append(error)
    problems = [content for content in hashes if isinstance(content, OSError)]
    if len(problems) == len(hashes):
        reason = _one_line(problems[0].strerror or problems[0])
        raise UserError(f"cannot read {found.paths[0]}: {reason}; check its permissions")
    return hashes


def _cache_key(found: _Found, contents: Sequence[str | OSError]) -> str:
    parts = [
        str(PARSER_VERSION),
        importlib.metadata.version("music21"),
        found.numbers,
        *(f"{name}\0{content}" for name, content in zip(found.names, contents, strict=True)),
    ]
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogateescape")).hexdigest()


def _read_cache(path: Path) -> list[_Record] | None:
    """Read parsed tunes; None if there are none, or if the file is damaged."""
    try:
        return [_record_from_json(item) for item in json.loads(gzip.decompress(path.read_bytes()))]
    except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError):
        return None


def _write_cache(path: Path, records: Iterable[_Record]) -> None:
    """Write parsed tunes in one move, so that no reader meets half a file; say so if that cannot be done."""
    data = gzip.compress(json.dumps([_record_to_json(record) for record in records]).encode(), mtime=0)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            part = Path(folder) / path.name
            part.write_bytes(data)
            part.replace(path)
    except OSError as error:
        print(f"note: the parsed corpus cannot be kept in {path.parent}: {_one_line(error)}", file=sys.stderr)


def _record_to_json(record: _Record) -> dict[str, Any]:
    if record.tune is None:
        return {"name": record.name, "filtered": record.filtered, "skipped": record.skipped}
    tune = record.tune
    return {
        "name": tune.name,
        "source": tune.source,
        "key": tune.key,
        "meter": tune.meter,
        "pickup_steps": tune.pickup_steps,
        "pitches": [note.pitch for note in tune.notes],
        "steps": [note.steps for note in tune.notes],
    }


def _record_from_json(item: dict[str, Any]) -> _Record:
    if "pitches" not in item:
        return _Record(item["name"], None, item["filtered"], item["skipped"])
    notes = tuple(map(Note, item["pitches"], item["steps"]))
    tune = Tune(notes, item["name"], item["source"], item["key"], item["meter"], item["pickup_steps"])
    return _Record(tune.source, tune)


# --- splitting ---------------------------------------------------------------------------------------------


def near_duplicate_key(tune: Tune) -> tuple[int, ...]:
    """Give the first 20 intervals of a tune in semitones, rests passed over.

    Tunes with the same key are taken for variants of one another. A tune with fewer intervals has all of them
    as its key, so it is a variant only of tunes that end there too.
    """
    pitches = [note.pitch for note in tune.notes if note.pitch is not None][: NEAR_DUPLICATE_INTERVALS + 1]
    return tuple(second - first for first, second in itertools.pairwise(pitches))


def split(tunes: Sequence[Tune], seed: int, fractions: tuple[float, float, float] = (0.8, 0.1, 0.1)) -> Split:
    """Part tunes at random into training, validation and test tunes; variants stay together.

    The side of a tune depends on the seed and on which tunes there are, not on their order; within a side
    they keep their order. Sizes are those of `fractions`, as near as whole groups of variants allow. With
    three groups or more, every side whose fraction is not 0 has a tune.

    Args:
        tunes: what to part.
        seed: another number, another split.
        fractions: of train, validation and test; they add up to 1.

    Raises:
        ValueError: a fraction is negative, or they do not add up to 1.
    """
    if min(fractions) < 0 or not math.isclose(sum(fractions), 1):
        raise ValueError(f"the fractions of a split are not negative and add up to 1, got {fractions}")
    groups: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for position, tune in enumerate(tunes):
        groups[near_duplicate_key(tune)].append(position)
    # the order of a hash, unlike that of a random generator, is the same in every version of every library
    shuffled = sorted(groups, key=lambda key: hashlib.sha256(f"{seed} {key}".encode()).digest())
    waiting = [groups[key] for key in shuffled]
    test, waiting = _take(waiting, round(fractions[2] * len(tunes)), fractions[2] > 0, leave=2)
    validation, waiting = _take(waiting, round(fractions[1] * len(tunes)), fractions[1] > 0, leave=1)
    train = sorted(position for group in waiting for position in group)
    return Split(*(tuple(tunes[position] for position in side) for side in (train, validation, test)))


def _take(groups: list[list[int]], size: int, wanted: bool, leave: int) -> tuple[list[int], list[list[int]]]:
    """Take whole groups up to `size` tunes, at least one if `wanted`, and leave at least so many groups."""
    taken: list[int] = []
    left: list[list[int]] = []
    for position, group in enumerate(groups):
        enough_left = len(left) + len(groups) - position - 1 >= leave
        fits = len(taken) + len(group) <= size or (wanted and not taken)
        if fits and enough_left:
            taken += group
        else:
            left.append(group)
    return sorted(taken), left
