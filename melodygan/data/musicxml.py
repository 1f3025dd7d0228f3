"""Read MusicXML 4.0 (https://www.w3.org/2021/06/musicxml40/), plain or compressed: the notes as they sound."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections import defaultdict
from fractions import Fraction
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from melodygan.data.events import Event, Key, Sheet, UnreadableError, key_with, meter_length, pitch_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_LARGEST_BYTES = 64_000_000  # unpacked
_LARGEST_CONTAINER = 1_000_000
_MOST_EVENTS = 200_000
_LONGEST_QUARTERS = 1_000_000
_MOST_SHARPS = 7


def read_musicxml(data: bytes) -> Sheet:
    """Read a score. Cue and grace notes, percussion and chord symbols are left out; repeats are not played out.

    Args:
        data: of a .musicxml or .mxl file.

    Raises:
        UnreadableError: it is not MusicXML, is too large, or holds numbers that are none.
    """
    root = _parsed(_unpacked(data))
    if root.tag not in {"score-partwise", "score-timewise"}:
        raise UnreadableError(f"it is not a MusicXML score: its first element is <{root.tag[:40]}>")
    parts: dict[str, _Part] = defaultdict(_Part)
    try:
        for name, measure in _measures(root):
            parts[name].measure(measure)
    except UnreadableError:
        raise
    except (ValueError, KeyError, ArithmeticError):
        raise UnreadableError("a length, pitch or key in it is not a number") from None
    titles = {part.get("id", ""): part.findtext("part-name", "").strip() for part in root.iter("score-part")}
    names = [titles.get(name) or name for name, part in parts.items() if part.events]
    sounding = [part for part in parts.values() if part.events]
    title = (root.findtext("work/work-title") or root.findtext("movement-title") or "").strip()
    first = next(iter(sounding), _Part())
    tempo = next(filter(None, (_tempo(sound.get("tempo", "")) for sound in root.iter("sound"))), None)
    events = [part.events for part in sounding]
    return Sheet(events, first.key, first.meter, first.pickup, title, names, tempo=tempo)


def _tempo(text: str) -> float | None:
    try:
        return float(text) or None
    except ValueError:
        return None


def _measures(root: ET.Element) -> Iterator[tuple[str, ET.Element]]:
    """Yield (part, measure) in order, of a score written by parts or by measures."""
    by_parts = root.tag == "score-partwise"
    for outer in root.iterfind("part" if by_parts else "measure"):
        for inner in outer.iterfind("measure" if by_parts else "part"):
            yield (outer if by_parts else inner).get("id", ""), inner


def _unpacked(data: bytes) -> bytes:
    """Take the score out of a compressed file; other data are returned as they are.

    Raises:
        UnreadableError: the archive is damaged, holds no score, or grows too large.
    """
    if not data.startswith(b"PK"):
        return data
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return _member(archive, _score_in(archive), _LARGEST_BYTES)
    except UnreadableError:
        raise
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, OSError, EOFError, ValueError):
        raise UnreadableError("the archive is damaged, or needs a password") from None


def _score_in(archive: zipfile.ZipFile) -> str:
    """Return the name of the score: the root file of the container, else the first file that may be one."""
    names = archive.namelist()
    path = None
    if "META-INF/container.xml" in names:
        container = _parsed(_member(archive, "META-INF/container.xml", _LARGEST_CONTAINER))
        path = next((file.get("full-path") for file in container.iter() if file.tag.endswith("rootfile")), None)
    if path in names:
        return str(path)
    for name in names:
        if name.lower().endswith((".musicxml", ".xml")) and not name.startswith("META-INF"):
            return name
    raise UnreadableError("the archive holds no score")


def _parsed(data: bytes) -> ET.Element:
    try:
        # programs that write UTF-16 declare any encoding
        text = data.decode("utf-16") if data.startswith((b"\xff\xfe", b"\xfe\xff")) else data.lstrip()
        return ET.fromstring(text)  # noqa: S314  (expat limits what entities grow to)
    except ET.ParseError as error:
        line, column = error.position
        raise UnreadableError(f"it is not MusicXML: line {line}, column {column} is not XML") from None
    except (LookupError, ValueError):
        raise UnreadableError("it is not MusicXML: it is not in the encoding that it declares") from None


def _member(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    with archive.open(name) as stream:
        data = stream.read(limit + 1)
    if len(data) > limit:
        raise UnreadableError(f"{name[:60]} unpacks to more than {limit / 1e6:.0f} MB")
    return data


class _Part:
    """The reading of one part; times in quarters."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.key: Key | None = None
        self.meter = ""
        self.pickup = Fraction(0)
        self._divisions = Fraction(1)
        self._transposition = 0
        self._metre: Fraction | None = None
        self._start = self._now = self._end = self._onset = Fraction(0)
        self._bars: list[Fraction] = []

    def measure(self, measure: ET.Element) -> None:
        for element in measure:
            if element.tag == "note":
                self._note(element)
            elif element.tag == "backup":
                self._now = max(self._start, self._now - self._length(element))
            elif element.tag == "forward":
                self._move(self._now + self._length(element))
            elif element.tag == "attributes":
                self._attributes(element)
        length = self._end - self._start
        if length:
            self._bars.append(length)
        if len(self._bars) == 2 and self._bars[0] < (self._metre or 0):  # noqa: PLR2004  (a single bar is no upbeat)
            self.pickup = self._bars[0]
        self._start = self._now = self._end

    def _move(self, place: Fraction) -> None:
        self._now = place
        self._end = max(self._end, place)
        if place > _LONGEST_QUARTERS or len(self.events) > _MOST_EVENTS:
            raise UnreadableError(f"more than {_MOST_EVENTS:,} notes or {_LONGEST_QUARTERS:,} quarters")

    def _length(self, element: ET.Element) -> Fraction:
        length = Fraction(element.findtext("duration", "0").strip()) / self._divisions
        if length < 0:
            raise UnreadableError("a length in it is negative")
        return length

    def _note(self, note: ET.Element) -> None:
        if note.find("grace") is not None:
            return
        length = self._length(note)
        onset = self._onset if note.find("chord") is not None else self._now
        self._onset = onset
        pitch = note.find("pitch")
        silent = note.find("cue") is not None or note.find("unpitched") is not None
        if length and not silent and pitch is not None:
            tied = any(tie.get("type") == "stop" for tie in note.iterfind("tie"))
            self.events.append(Event(onset, onset + length, self._midi(pitch), tied))
        elif length and not silent:
            self.events.append(Event(onset, onset + length, None))
        self._move(max(self._now, onset + length))

    def _midi(self, pitch: ET.Element) -> int:
        letter, alter = pitch.findtext("step", "").strip(), round(float(pitch.findtext("alter", "0")))
        number = pitch_of(letter, alter, int(pitch.findtext("octave", ""))) + self._transposition
        if not 0 <= number <= 127:  # noqa: PLR2004
            raise UnreadableError(f"a pitch in it, MIDI number {number}, cannot be played")
        return number

    def _attributes(self, attributes: ET.Element) -> None:
        if divisions := attributes.findtext("divisions"):
            self._divisions = Fraction(divisions.strip())
            if self._divisions <= 0:
                raise ValueError(divisions)
        transpose = attributes.find("transpose")
        if transpose is not None:
            octaves = int(transpose.findtext("octave-change", "0"))
            self._transposition = round(float(transpose.findtext("chromatic", "0"))) + 12 * octaves
        time = attributes.find("time")
        if time is not None and time.find("beats") is not None:
            meter = f"{time.findtext('beats', '').strip()}/{time.findtext('beat-type', '').strip()}"
            self._metre = meter_length(meter)
            self.meter = self.meter or meter
        key = attributes.find("key")
        if key is not None and self.key is None and (fifths := key.findtext("fifths")):
            sharps = int(fifths)
            if abs(sharps) <= _MOST_SHARPS:
                sounding = (7 * self._transposition + sharps + 5) % 12 - 5 if self._transposition % 12 else sharps
                self.key = key_with(sounding, key.findtext("mode", "").strip().lower())
