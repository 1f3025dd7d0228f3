"""From a file of kern, ABC, MIDI or MusicXML to tunes in C major or A minor.

`pieces_of` divides a file into tunes; `read_piece` parses one of them and extracts its melody.
"""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from manymodes.music.midifile import LARGEST_FILE
from melodygan.data.abc import read_abc
from melodygan.data.encoding import ACCEPTED_STEPS, STEPS_PER_QUARTER, Note, Tune, pitches_in
from melodygan.data.events import Key, Sheet, UnreadableError, key_of, key_with
from melodygan.data.kern import read_kern
from melodygan.data.melody import melodic_part, top_line
from melodygan.data.midi import read_midi
from melodygan.data.musicxml import read_musicxml

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

PARSER_VERSION = 5
"""Increase it whenever the same files would give other records: cached ones are then parsed again."""

_MIDI = (".mid", ".midi")

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


class _Melody(NamedTuple):
    """The melody of a file, before filter and transposition.

    Attributes:
        line: (pitch, or None for a rest; length in quarters) one after the other.
        sheet: the whole score.
        part: the name of the part with the melody, if there are several.
        moved: notes that were played audibly beside their sixteenth.
    """

    line: list[tuple[int | None, Fraction]]
    sheet: Sheet
    part: str
    moved: int


def pieces_of(path: Path, name: str, numbers: str = "") -> list[Piece]:
    """Divide a file, called ``name`` in the corpus, into tunes; only an ABC file has several.

    Of these, only those are returned whose Essen number begins with ``numbers``.

    Raises:
        OSError: the file cannot be read.
        UnreadableError: it is too large.
    """
    if path.suffix.lower() != ".abc":
        return [Piece(name, path)]
    header, *texts = re.split(r"(?m)^(?=X:)", _decode(read_limited(path)))
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
    """Parse one tune; never raises, so that one bad file does not end a long load.

    Tunes with a length outside `ACCEPTED_STEPS`, or with a bar that does not fit its metre, are filtered out.
    """
    try:
        melody = _read(piece)
    except (OSError, UnreadableError) as error:
        return Record(piece.name, skipped=one_line(error))
    if melody.sheet.irregular:
        return Record(piece.name, filtered=melody.sheet.irregular)
    for pitch, quarters in melody.line:
        if quarters * STEPS_PER_QUARTER not in ACCEPTED_STEPS:
            kind, unit = "rest" if pitch is None else "note", "quarters" if quarters > 1 else "quarter"
            length = f"{float(quarters):g}" if (quarters * 64).denominator == 1 else quarters
            return Record(piece.name, filtered=f"a {kind} of {length} {unit}")
    notes = [Note(pitch, int(quarters * STEPS_PER_QUARTER)) for pitch, quarters in melody.line]
    return Record(piece.name, _in_common_key(piece, melody, notes)[0])


class Quantised(NamedTuple):
    """A tune of any rhythm, moved to sixteenths.

    Attributes:
        tune: in C major or A minor.
        semitones: up, from its own key to that one.
        moved: the number of notes and rests that have another length than in the score, or are gone.
        part: the name of the part with the melody, if there are several.
        irregular: the first bar that does not fit its metre, in words.
        tempo: in BPM, if the file has one.
    """

    tune: Tune
    semitones: int
    moved: int
    part: str = ""
    irregular: str = ""
    tempo: float | None = None


def read_quantised(piece: Piece) -> Quantised | str:
    """Parse one tune of any lengths: every onset goes to the nearest sixteenth.

    A note without a length after that, such as an ornament, is left out. A MIDI file without a time signature is in
    4/4, as the standard says; a tune of white keys without a key signature is in C major or A minor.

    Returns:
        the tune, or in one line why there is none.
    """
    try:
        melody = _read(piece)
        ends = itertools.accumulate((quarters for _, quarters in melody.line), initial=Fraction(0))
        places = [math.floor(end * STEPS_PER_QUARTER + Fraction(1, 2)) for end in ends]
        steps = [end - begin for begin, end in itertools.pairwise(places)]
        notes = [Note(pitch, length) for (pitch, _), length in zip(melody.line, steps, strict=True) if length]
        _check_sounding(notes)
    except (OSError, UnreadableError) as error:
        return one_line(error)
    moved = sum(length != part[1] * STEPS_PER_QUARTER for part, length in zip(melody.line, steps, strict=True))
    tune, semitones = _in_common_key(piece, melody, notes, white=True)
    if not tune.meter and piece.path.suffix.lower() in _MIDI:
        tune = replace(tune, meter="4/4")
    return Quantised(tune, semitones, melody.moved + moved, melody.part, melody.sheet.irregular, melody.sheet.tempo)


def _read(piece: Piece) -> _Melody:
    suffix = piece.path.suffix.lower()
    data = b"" if piece.text else read_limited(piece.path)
    if suffix == ".abc":
        sheet = read_abc(piece.text)
        sheet = sheet._replace(name=_essen_number(piece.text) or sheet.name)
    elif suffix == ".krn":
        sheet = read_kern(_decode(data))
    else:
        sheet = read_midi(data) if suffix in _MIDI else read_musicxml(data)
    if not sheet.parts:
        raise UnreadableError("it has no notes")
    number = melodic_part(sheet.parts)
    line = top_line(sheet.parts[number])
    if suffix in _MIDI:
        line = [shorter for pitch, length in line for shorter in _shortened_silence(pitch, length)]
    _check_sounding(line)
    part = (list(sheet.names) or [f"part {number + 1}"] * len(sheet.parts))[number] if len(sheet.parts) > 1 else ""
    return _Melody(line, sheet, part, sum(event.moved for event in sheet.parts[number]))


def _check_sounding(notes: Iterable[tuple[int | None, Any]]) -> None:
    if all(pitch is None for pitch, _ in notes):
        raise UnreadableError("it has no notes")


def _in_common_key(piece: Piece, melody: _Melody, notes: Sequence[Note], *, white: bool = False) -> tuple[Tune, int]:
    """Return a tune transposed to C major or A minor, and by how many semitones; ``white`` as in `_analysed_key`.

    Always down by 0 … 11 semitones, not by the nearest way, so that tunes in F and in G, where most folk tunes are,
    stay in one register. The nearest way would put them an octave apart, and a model would have to learn every melody
    twice. A tune that would fall below MIDI number 0 goes up an octave instead.
    """
    sheet = melody.sheet
    key = _analysed_key(notes, white=white) if sheet.key is None else _with_mode(sheet.key, notes)
    pickup, semitones = sheet.pickup * STEPS_PER_QUARTER, -(_FIFTH * key.sharps % _OCTAVE)
    if min(pitches_in(notes)) + semitones < 0:
        semitones += _OCTAVE
    tune = Tune(
        notes=tuple(Note(None if pitch is None else pitch + semitones, steps) for pitch, steps in notes),
        name=sheet.name or Path(piece.name).stem,
        source=piece.name,
        key=key.name,
        meter=sheet.meter,
        pickup_steps=int(pickup) if pickup.denominator == 1 else 0,
    )
    return tune, semitones


def read_limited(path: Path) -> bytes:
    """Read a file of music.

    Raises:
        OSError: it cannot be read.
        UnreadableError: it is larger than `LARGEST_FILE`.
    """
    if path.stat().st_size > LARGEST_FILE:
        raise UnreadableError(f"{path.stat().st_size / 1e6:.0f} MB, more than {LARGEST_FILE / 1e6:.0f} MB")
    return path.read_bytes()


def one_line(problem: object) -> str:
    """Return the message of an error without line breaks, and of the operating system without the path."""
    return " ".join(str(getattr(problem, "strerror", None) or problem).split())


_LONGEST_SILENCE_QUARTERS = 16


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


def _essen_number(text: str) -> str:
    """Return the number of a tune in the Essen collection, such as E0001A: its first ``N:`` field."""
    match = re.search(r"(?m)^N:[ \t]*([A-Z]+\d+[A-Z]*)[ \t]*$", text)
    return match[1] if match else ""


_OCTAVE = 12
_FIFTH = 7
_MINOR_THIRD = 3
_MAJOR_THIRD = 4
_WHITE = frozenset({0, 2, 4, 5, 7, 9, 11})


def _with_mode(key: Key, notes: Sequence[Note]) -> Key:
    """Turn a key that is major by its name and minor by its notes into minor.

    The Essen collection gives the tonic of each tune without its mode, and its ABC edition writes that as a major
    key: ``K: A`` for A minor, with every C natural marked. Where the minor third above the tonic lasts longer in all
    than the major third, the tune is minor.
    """
    if key.tonic is None or key.mode != "major":
        return key
    durations: Counter[int] = Counter()
    for pitch, steps in notes:
        if pitch is not None:
            durations[(pitch - key.tonic) % _OCTAVE] += steps
    if durations[_MINOR_THIRD] <= durations[_MAJOR_THIRD]:
        return key
    return key_with(key.sharps - 3, "minor")  # the parallel minor


def _analysed_key(notes: Sequence[Note], *, white: bool = False) -> Key:
    """Estimate the key with music21's analysis, for scores without one.

    If ``white``, a tune of white keys is in C major or A minor, the likelier of them: a beginning often lacks the notes
    that tell C major from G or F major.
    """
    from music21 import note, stream

    line: Any = stream.Stream()
    line.append(
        [note.Note(pitch, quarterLength=steps / STEPS_PER_QUARTER) for pitch, steps in notes if pitch is not None]
    )
    key = line.analyze("key")
    if white and {pitch % _OCTAVE for pitch in pitches_in(notes)} <= _WHITE:
        key = next(other for other in (key, *key.alternateInterpretations) if other.sharps == 0)
    return key_of(key.tonic.step, int(key.tonic.alter), key.mode)
