"""Read Humdrum `**kern` (https://www.humdrum.org/rep/kern/): the notes of each spine, with its splits and joins."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from melodygan.data.events import MODES, Bar, Event, Sheet, UnreadableError, key_of, key_with, meter_length, pitch_of

if TYPE_CHECKING:
    from melodygan.data.events import Key

_MOST_SPINES = 64
_MOST_EVENTS = 50_000
_PITCH = re.compile(r"([A-Ga-g])\1*")
_LENGTH = re.compile(r"(\d{1,5})(?:%(\d{1,4}))?(\.{0,4})")
_KEY = re.compile(r"\*([A-Ga-g])([#-]?):(\w{3})?")
_METER = re.compile(r"\*M(\d[\d+]*/\d+)")
_MODES = {mode[:3]: mode for mode in MODES}
_BREVES = {"0": 8, "00": 16, "000": 32}  # quarters


@dataclass
class _Part:
    """What is known of one `**kern` spine of the first line, whatever it splits into."""

    events: list[Event] = field(default_factory=list)
    bars: list[Bar] = field(default_factory=list)
    key: Key | None = None
    signature: Key | None = None
    meter: str = ""
    metre: Fraction | None = None
    bar_start: Fraction = Fraction(0)
    after_section: bool = True


class _Spine(NamedTuple):
    """A column: the part that it belongs to, None for what is not `**kern`, and its place in quarters."""

    part: _Part | None
    now: Fraction = Fraction(0)


def read_kern(text: str) -> Sheet:
    """Read a score; repeats are not played out.

    Raises:
        UnreadableError: it has no `**kern`, or columns that do not match its spines.
    """
    spines: list[_Spine] = []
    parts: list[_Part] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("!"):
            continue
        cells = [cell.strip() for cell in line.split("\t")]
        if line.startswith("**"):
            spines = [_Spine(_Part() if cell == "**kern" else None) for cell in cells]
            parts += [spine.part for spine in spines if spine.part]
            continue
        if len(cells) != len(spines):
            raise UnreadableError(f"line {number} has {len(cells)} columns where there are {len(spines)} spines")
        if line.startswith("*"):
            for spine, cell in zip(spines, cells, strict=True):
                if spine.part:
                    _interpret(spine.part, cell)
            spines = _paths(spines, cells)
        elif line.startswith("="):
            spines = _bar_line(spines, cells)
        else:
            spines = _data(spines, cells)
        if len(spines) > _MOST_SPINES or sum(len(part.events) for part in parts) > _MOST_EVENTS:
            raise UnreadableError(f"more than {_MOST_SPINES} spines or {_MOST_EVENTS:,} notes")
    _bar_line(spines, ["=="] * len(spines))
    return _sheet(parts, text)


def _sheet(parts: list[_Part], text: str) -> Sheet:
    if not parts:
        raise UnreadableError("it has no **kern spine")
    name = re.search(r"(?m)^!!!SCT:(.*)$", text) or re.search(r"(?m)^!!!OTL[^:\n]*:(.*)$", text)
    tempo = re.search(r"(?m)^(?:.*\t)?\*MM(\d{1,4}(?:\.\d{1,3})?)(?:\t|$)", text)
    played = [part for part in parts if part.events] or parts
    return Sheet.of(
        [(part.events, part.bars) for part in played],
        next(filter(None, (part.key or part.signature for part in parts)), None),
        played[0].meter,
        name=name[1].strip() if name else "",
        tempo=float(tempo[1]) if tempo else None,
    )


def _interpret(part: _Part, cell: str) -> None:
    if match := _METER.fullmatch(cell):
        part.metre = meter_length(match[1])
        part.meter = part.meter or match[1]
    elif cell in {"*MX", "*M?"}:
        part.metre = None
    elif cell.startswith("*k["):
        sharps = cell.count("#") - cell.count("-")
        part.signature = part.signature or key_with(sharps)
    elif (match := _KEY.fullmatch(cell)) and part.key is None:
        mode = _MODES.get(match[3] or ("major" if match[1].isupper() else "minor")[:3], "major")
        part.key = key_of(match[1].upper(), {"#": 1, "-": -1, "": 0}[match[2]], mode)


def _paths(spines: list[_Spine], cells: list[str]) -> list[_Spine]:
    """Split (`*^`), join (`*v`), exchange (`*x`), add (`*+`) and end (`*-`) spines."""
    after: list[_Spine] = []
    joining = False
    exchanged: int | None = None
    for spine, cell in zip(spines, cells, strict=True):
        if cell == "*v" and joining and after and after[-1].part is spine.part:
            after[-1] = spine._replace(now=max(after[-1].now, spine.now))
            continue
        joining = cell == "*v"
        if cell == "*-":
            continue
        after.append(spine)
        if cell == "*^":
            after.append(spine)
        elif cell == "*+":
            after.append(_Spine(None, spine.now))
        elif cell == "*x":
            if exchanged is None:
                exchanged = len(after) - 1
            else:
                after[exchanged], after[-1] = after[-1], after[exchanged]
                exchanged = None
    return after


def _bar_line(spines: list[_Spine], cells: list[str]) -> list[_Spine]:
    """Note the length of the bar that ends, in every part, and bring its spines to the same place."""
    parts = [spine.part for spine in spines if spine.part]
    ends = {id(part): max(spine.now for spine in spines if spine.part is part) for part in parts}
    for spine, cell in zip(spines, cells, strict=True):
        part = spine.part
        if part and (end := ends[id(part)]) > part.bar_start:
            section = any(sign in cell for sign in (":", "||", "|!", "=="))
            if part.metre is not None:
                length = end - part.bar_start
                part.bars.append(Bar(len(part.bars) + 1, length, part.metre, part.after_section or section))
            part.bar_start, part.after_section = end, section
    return [spine._replace(now=ends[id(spine.part)]) if spine.part else spine for spine in spines]


def _data(spines: list[_Spine], cells: list[str]) -> list[_Spine]:
    """Add a line of notes; all that begin in it begin at the same place."""
    begins = [spine.now for spine, cell in zip(spines, cells, strict=True) if spine.part and _sounds(cell)]
    now = max(begins, default=Fraction(0))
    after = []
    for spine, cell in zip(spines, cells, strict=True):
        if spine.part is None or not _sounds(cell):
            after.append(spine)
            continue
        end = now
        for note in cell.split():
            length, letters, rest = _length(note), _PITCH.search(note), "r" in note
            if length is not None and (letters or rest):
                end = max(end, now + length)
                pitch = _pitch(letters[0], note) if letters and not rest else None
                tied = pitch is not None and ("_" in note or "]" in note)
                spine.part.events.append(Event(now, now + length, pitch, tied))
        after.append(spine._replace(now=end))
    return after


def _sounds(cell: str) -> bool:
    return cell != "." and "q" not in cell.lower()


def _pitch(letters: str, note: str) -> int:
    octave = 3 + len(letters) if letters.islower() else 4 - len(letters)
    return pitch_of(letters[0].upper(), note.count("#") - note.count("-"), octave)


def _length(note: str) -> Fraction | None:
    """Quarters of a note; None for a grace note or a cell without a length."""
    match = _LENGTH.search(note)
    if match is None:
        return None
    if int(match[1]) == 0:
        quarters = Fraction(_BREVES.get(match[1], 8))
    else:
        quarters = Fraction(4 * int(match[2] or 1), int(match[1]))
    return quarters * (2 - Fraction(1, 2 ** len(match[3])))
