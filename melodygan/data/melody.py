"""The melody of a score: one part, and in it one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from melodygan.data.events import Event

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from fractions import Fraction

_BUSY = 4  # a melody has at least a quarter as many onsets as the part that has most
_OCTAVE = 12
_MELODIC = 0.8  # share of the onsets at which a melody plays one note


def melodic_part(parts: Sequence[Sequence[Event]]) -> int:
    """Return the number of the part that is most like a melody.

    Of the parts that have enough notes to be one it is the one with the highest upper line, where a part that mostly
    plays one note at a time counts as an octave higher.
    """
    lines = [_top_notes(part) for part in parts]
    busiest = max((len(line) for line in lines), default=0)

    def rank(number: int) -> tuple[bool, float]:
        line = lines[number]
        if not line:
            return False, 0.0
        alone = len(line) >= _MELODIC * sum(event.pitch is not None for event in parts[number])
        return len(line) * _BUSY >= busiest, sum(line) / len(line) + _OCTAVE * alone

    return max(range(len(parts)), key=rank)


def _top_notes(part: Iterable[Event]) -> list[int]:
    """Return the highest pitch of each onset."""
    top: dict[Fraction, int] = {}
    for event in part:
        if event.pitch is not None:
            top[event.onset] = max(event.pitch, top.get(event.onset, 0))
    return list(top.values())


def top_line(part: Iterable[Event]) -> list[tuple[int | None, Fraction]]:
    """Make one line of a part, without gaps: (pitch, length in quarters).

    Tied notes become one. Of notes that begin together the highest is heard. A note that begins while another sounds
    cuts it off if it is higher, or if it goes on where the other is about to end, as in legato; else it is an inner
    voice and is left out. Any note cuts off a rest. A gap is a rest.
    """
    line: list[Event] = []
    for event in sorted(part, key=lambda event: (event.onset, 1 if event.pitch is None else -event.pitch)):
        if not line:
            line.append(event)
            continue
        last = line[-1]
        if event.tied and event.pitch == last.pitch and event.onset == last.end:
            line[-1] = last._replace(end=event.end)
        elif event.onset >= last.end:
            if event.onset > last.end:
                line.append(Event(last.end, event.onset, None))
            line.append(event)
        elif event.pitch is not None and (last.pitch is None or event.pitch > last.pitch or _goes_on(last, event)):
            line[-1] = last._replace(end=event.onset)
            line.append(event)
    return [(event.pitch, event.end - event.onset) for event in line if event.end > event.onset]


def _goes_on(last: Event, event: Event) -> bool:
    """Whether a note begins halfway through another or later, and ends after it."""
    return event.end > last.end and event.onset - last.onset >= last.end - event.onset
