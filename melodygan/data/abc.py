"""Read ABC 2.1 (https://abcnotation.com/wiki/abc:standard:v2.1): notes as they sound, voice by voice, as written.

Repeats are not played out. Text, lyrics, chord symbols, decorations and grace notes have no sound here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

from melodygan.data.events import MODES, Bar, Event, Sheet, UnreadableError, key_of, meter_length, pitch_of, signature

if TYPE_CHECKING:
    from collections.abc import Iterator

    from melodygan.data.events import Key

_MOST_EVENTS = 50_000
_LONGEST_QUARTERS = 100_000
_TOKEN = re.compile(
    r"""
    (?P<inline>\[(?P<field>[A-Za-z]):(?P<value>[^\]]*)\])
  | (?P<note>(?P<accidental>\^{1,2}|_{1,2}|=)?(?P<letter>[A-Ga-g])(?P<octave>[',]*)(?P<length>[\d/]*))
  | (?P<rest>[zx](?P<rest_length>[\d/]*))
  | (?P<bars_rest>[ZX](?P<count>\d*))
  | (?P<bar>\[\||[.]?[|:]+\]?(?:\[?\d[\d,-]*)?|\[\d[\d,-]*)
  | (?P<chord>\[|\](?P<chord_length>[\d/]*))
  | (?P<tuplet>\((?P<p>\d)(?::(?P<q>\d?))?(?::(?P<r>\d?))?)
  | (?P<broken><+|>+)
  | (?P<tie>-)
  | (?P<overlay>&+)
  | "[^"]*"|![^!|\s]*!|\+[^+|\s]*\+|\{[^}]*\}|y\d*|.
    """,
    re.VERBOSE,
)
_FIELD = re.compile(r"(?![A-Ga-gz]:[|:])([A-Za-z+]):(.*)")  # a note before a repeat sign is no field
_KEY = re.compile(r"([A-G])([#b]?)\s*([A-Za-z]*)")
_MODES = {mode[:3]: mode for mode in MODES} | {"": "major", "m": "minor"}
_SIGN = {"^^": 2, "^": 1, "=": 0, "_": -1, "__": -2}
_TUPLET_TIMES = {2: 3, 3: 2, 4: 3, 6: 2, 8: 3}  # the others: 3 in compound metres, else 2
_OCTAVE_SMALL_LETTERS = 5


@dataclass
class _Voice:
    """The state of one voice while it is read; times in quarters."""

    unit: Fraction
    metre: Fraction | None
    accidentals: dict[str, int]
    shift: int = 0
    own_shift: int = 0
    events: list[Event] = field(default_factory=list)
    bars: list[Bar] = field(default_factory=list)
    now: Fraction = Fraction(0)
    bar_start: Fraction = Fraction(0)
    bar_end: Fraction = Fraction(0)
    starts: list[Fraction] = field(default_factory=list)
    overlaid: list[Fraction] = field(default_factory=list)
    after_section: bool = True
    in_bar: dict[str, int] = field(default_factory=dict)
    tied: dict[tuple[str, int], int] = field(default_factory=dict)
    open_tie: dict[tuple[str, int], int] = field(default_factory=dict)
    broken: Fraction | None = None
    tuplet: tuple[int, Fraction] = (0, Fraction(1))
    last: int = 0

    @property
    def length(self) -> Fraction:
        """Quarters of a note without a length: L:, else an eighth, in metres of less than 3/4 a sixteenth."""
        return self.unit or Fraction(1, 4 if self.metre is not None and self.metre < 3 else 2)  # noqa: PLR2004


class _Tune:
    """The reading of one tune: fields set the state of a voice, music adds to it."""

    def __init__(self) -> None:
        self.fields: dict[str, str] = {}
        self.named: list[str] = []
        self.key: Key | None = None
        self.meter = ""
        self.voices: dict[str, _Voice] = {}
        self.default = self.current = _Voice(Fraction(0), None, signature(0))
        self.chord: list[tuple[int, Fraction, bool]] | None = None
        self.tied_in_chord: dict[tuple[str, int], int] = {}
        self.by_octave = False
        self.propagate = True

    def start(self) -> None:
        """Begin the music: in the voice that the header named first, or in the only one."""
        for value in self.named or ["1"]:
            self._select(value)
        self.current = next(iter(self.voices.values()))

    def field(self, name: str, value: str) -> None:
        """Read a field: of all voices before the music, then of the current one."""
        value = value.strip()
        if not self.voices:
            self.fields.setdefault(name, value)
        if name == "V" and self.voices:
            self._select(value)
        elif name == "V":
            self.named.append(value)
        elif name == "M":
            ratio = _ratio(value)
            self.current.metre = meter_length(ratio) if ratio else None
            if not any(voice.events for voice in self.voices.values()):
                self.meter = ratio
        elif name == "L":
            self.current.unit = 4 * _length(value)
        elif name == "K":
            self._key(value)
        elif name == "I" and "propagate-accidentals" in value:
            self.propagate = "not" not in value
            self.by_octave = "octave" in value

    def _select(self, value: str) -> None:
        name, _, properties = value.partition(" ")
        if name not in self.voices:
            base = self.default
            self.voices[name] = _Voice(base.unit, base.metre, dict(base.accidentals), base.shift)
        self.current = self.voices[name]
        self.current.own_shift = _shift(properties, self.current.own_shift)

    def _key(self, value: str) -> None:
        voice, match, rest = self.current, _KEY.match(value), value
        if value.upper().startswith("HP"):
            voice.accidentals = signature(2) | ({"G": 0} if value.startswith("Hp") else {})
        elif match:
            short = match[3].lower()[:3]
            key = key_of(match[1], {"#": 1, "b": -1, "": 0}[match[2]], _MODES.get(short, "major"))
            self.key = self.key or key
            voice.accidentals = signature(0 if short == "exp" else key.sharps)
            if short == "exp" or short in _MODES:  # not "K:G clef=bass"
                rest = value[match.end() :]
        elif value.lower().startswith("none"):
            voice.accidentals = signature(0)
        for sign, letter in re.findall(r"(?:^|\s)(\^{1,2}|_{1,2}|=)([A-Ga-g])(?=\s|$|[\^_=])", rest):
            voice.accidentals[letter.upper()] = _SIGN[sign]
        voice.shift = _shift(rest, voice.shift)

    def music(self, line: str) -> None:
        self.chord = None
        for match in _TOKEN.finditer(line):
            if match.lastgroup == "inline":
                self.field(match["field"], match["value"])
            elif match.lastgroup == "bar":
                self._bar_line(match[0])
            elif match.lastgroup:
                getattr(self, f"_{match.lastgroup}")(match)
        voice = self.current
        end = max(voice.bar_end, voice.now)
        # The Essen collection leaves out the bar line at the end of a line; but an overlay may begin the next line.
        if voice.now > voice.bar_start and end - voice.bar_start == voice.metre:
            self._end_bar(end, is_open=False)

    def _note(self, match: re.Match[str]) -> None:
        length = _length(match["length"])
        pitch, tied = self._pitch(match)
        if self.chord is None:
            self._add([(pitch, tied)], length)
        else:
            self.chord.append((pitch, length, tied))

    def _rest(self, match: re.Match[str]) -> None:
        if self.chord is None:
            self._add([], _length(match["rest_length"]))

    def _chord(self, match: re.Match[str]) -> None:
        if match[0] == "[":
            self.chord, self.tied_in_chord = [], {}
        elif self.chord:
            length = self.chord[0][1] * _length(match["chord_length"])
            self._add([(pitch, tied) for pitch, _, tied in self.chord], length)
            self.current.open_tie = self.tied_in_chord
            self.chord = None

    def _broken(self, match: re.Match[str]) -> None:
        """Make the note before longer and the next one shorter (``>``), or the other way round."""
        voice, small = self.current, Fraction(1, 2 ** min(len(match[0]), 3))
        if not voice.events or voice.broken is not None:
            return
        before, voice.broken = (2 - small, small) if match[0][0] == ">" else (small, 2 - small)
        for place in range(len(voice.events) - voice.last, len(voice.events)):
            event = voice.events[place]
            voice.now = event.onset + (event.end - event.onset) * before
            voice.events[place] = event._replace(end=voice.now)

    def _tie(self, match: re.Match[str]) -> None:
        """Tie the last note or chord to the next one; within a chord, its last note."""
        if self.chord is None:
            self.current.open_tie = dict(self.current.tied)
        elif self.chord:
            name, alter = next(reversed(self.current.tied.items()))
            self.tied_in_chord[name] = alter

    def _overlay(self, match: re.Match[str]) -> None:
        """Go back to the beginning of the bar, or of as many bars as there are signs."""
        voice = self.current
        voice.bar_end = max(voice.bar_end, voice.now)
        for _ in range(min(len(match[0]) - 1, len(voice.starts))):
            voice.overlaid.insert(0, voice.bar_end)
            voice.bar_end, voice.bar_start = voice.bar_start, voice.starts.pop()
            del voice.bars[-1:]
        voice.now = voice.bar_start
        voice.in_bar = {}
        voice.open_tie = {}

    def _pitch(self, match: re.Match[str]) -> tuple[int, bool]:
        """Return the MIDI number of a note, and whether it prolongs a tied one."""
        voice, letter = self.current, match["letter"].upper()
        octave = _OCTAVE_SMALL_LETTERS - match["letter"].isupper()
        octave += match["octave"].count("'") - match["octave"].count(",")
        name = f"{letter}{octave}" if self.by_octave else letter
        carried = voice.open_tie.get((letter, octave))
        if match["accidental"]:
            alter = _SIGN[match["accidental"]]
            if self.propagate:
                voice.in_bar[name] = alter
        elif carried is not None:
            alter = carried
        else:
            alter = voice.in_bar.get(name, voice.accidentals[letter])
        voice.tied.pop((letter, octave), None)  # the last one is to be the last
        voice.tied[letter, octave] = alter
        return pitch_of(letter, alter, octave) + voice.shift + voice.own_shift, carried == alter

    def _add(self, notes: list[tuple[int, bool]], length: Fraction) -> None:
        voice = self.current
        quarters = length * voice.length
        left, factor = voice.tuplet
        if left:
            quarters *= factor
            voice.tuplet = (left - 1, factor)
        if voice.broken is not None:
            quarters *= voice.broken
            voice.broken = None
        end = voice.now + quarters
        voice.last = len(notes) or 1
        voice.events += [Event(voice.now, end, pitch, tied) for pitch, tied in notes] or [Event(voice.now, end, None)]
        voice.now = end
        voice.open_tie = {}
        sounding = {pitch - voice.shift - voice.own_shift for pitch, _ in notes}
        voice.tied = {name: by for name, by in voice.tied.items() if pitch_of(name[0], by, name[1]) in sounding}
        if len(voice.events) > _MOST_EVENTS or end > _LONGEST_QUARTERS:
            raise UnreadableError(f"more than {_MOST_EVENTS:,} notes or {_LONGEST_QUARTERS:,} quarters")

    def _bars_rest(self, match: re.Match[str]) -> None:
        voice, count = self.current, int((match["count"] or "1")[:6])
        if voice.metre is None:
            raise UnreadableError("a rest of whole bars (Z) without a metre (M:)")
        for _ in range(min(count, _MOST_EVENTS)):
            self._add([], voice.metre / voice.length)
            if count > 1:
                self._bar_line("|")

    def _bar_line(self, sign: str) -> None:
        voice = self.current
        end = max(voice.bar_end, voice.now)
        section = len(sign) > 1 and sign != ".|"
        if end > voice.bar_start:
            self._end_bar(end, is_open=voice.after_section or section)
            voice.after_section = section
        voice.after_section |= section
        voice.in_bar = {}
        voice.broken = None

    def _end_bar(self, end: Fraction, *, is_open: bool) -> None:
        voice = self.current
        if voice.metre is not None:
            voice.bars.append(Bar(len(voice.bars) + 1, end - voice.bar_start, voice.metre, is_open))
        voice.starts.append(voice.bar_start)
        voice.now = voice.bar_start = end
        voice.bar_end = voice.overlaid.pop(0) if voice.overlaid else end

    def _tuplet(self, match: re.Match[str]) -> None:
        """Play p notes in the time of q, for the next r notes."""
        notes, times, count = (int(match[name] or 0) for name in "pqr")
        metre = self.current.metre
        compound = metre is not None and metre.denominator <= 2 and (metre * 2) % 3 == 0 and metre != 3  # noqa: PLR2004
        times = times or _TUPLET_TIMES.get(notes) or (3 if compound else 2)
        if notes:
            self.current.tuplet = (count or notes, Fraction(times, notes))

    def sheet(self) -> Sheet:
        for voice in self.voices.values():
            self.current = voice
            self._bar_line("|]")
        played = {name: voice for name, voice in self.voices.items() if voice.events}
        return Sheet.of(
            [(voice.events, voice.bars) for voice in played.values()],
            self.key,
            self.meter,
            name=self.fields.get("T", ""),
            names=[f"voice {name}" for name in played],
            tempo=_tempo(self.fields.get("Q", "")),
        )


def read_abc(text: str) -> Sheet:
    """Read the first tune of a text.

    Raises:
        UnreadableError: it has no key, or a field that is out of range.
    """
    tune = _Tune()
    for line in _lines(text):
        if match := _FIELD.match(line):
            tune.field(match[1], match[2])
            if match[1] == "K" and not tune.voices:
                tune.start()
        elif tune.voices:
            tune.music(line)
    if not tune.voices:
        raise UnreadableError("it is not an ABC tune: it has no key (K:)")
    return tune.sheet()


def _lines(text: str) -> Iterator[str]:
    """Yield the lines of one tune without comments; an empty line after the key ends it (ABC 2.1, section 2.2.1)."""
    in_body, in_text = False, False
    for raw in text.splitlines():
        if raw.startswith(("%%begin", "%%end")):
            in_text = raw.startswith("%%begin")
            continue
        if in_text:
            continue
        if raw.startswith("%%propagate-accidentals"):
            yield f"I:{raw[2:]}"
            continue
        line = re.sub(r"(?<!\\)%.*", "", raw)
        if not raw.strip() and in_body:
            return
        in_body = in_body or line.startswith("K:")
        if line.strip():
            yield line.strip()


def _ratio(value: str) -> str:
    """Write a metre as a ratio; empty if there is none."""
    meter = value.strip()
    if meter.lower() in {"", "none"}:
        return ""
    return {"C": "4/4", "C|": "2/2"}.get(meter, meter.split()[0] if "+" not in meter else meter.replace(" ", ""))


def _tempo(value: str) -> float | None:
    """Read a tempo such as ``"Allegro" 3/8=60`` in BPM, which count quarters; None if it has no such number."""
    match = re.search(r"(\d{1,3})/(\d{1,3})\s*=\s*(\d{1,4})", value)
    return None if match is None or int(match[2]) == 0 else 4 * int(match[1]) / int(match[2]) * int(match[3])


def _length(text: str) -> Fraction:
    """Read a length such as ``3``, ``/``, ``//`` or ``3/2``; nothing is 1.

    Raises:
        UnreadableError: it is not one.
    """
    match = re.fullmatch(r"(\d{0,6})(?:(/{1,8})(\d{0,6}))?", text)
    below = 0 if match is None else int(match[3] or 2 ** len(match[2] or ""))
    if match is None or below == 0:
        raise UnreadableError(f"{text[:20]!r} is not a length")
    return Fraction(int(match[1] or 1), below)


def _shift(properties: str, before: int) -> int:
    """Semitones by which a clef, ``octave=`` and ``transpose=`` move the notes of a voice; without any, as before."""
    if not re.search(r"\b(?:octave=|transpose=|t=|clef=|treble|bass|alto|tenor)", properties):
        return before
    octaves = sum(int(number) for number in re.findall(r"\boctave=([+-]?\d)\b", properties))
    octaves += sum({"+": 1, "-": -1}[sign] for sign in re.findall(r"\b(?:[a-z]+\d?)([+-])8\b", properties))
    return 12 * octaves + sum(int(by) for by in re.findall(r"\b(?:transpose|t)=([+-]?\d{1,2})\b", properties))
