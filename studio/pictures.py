"""Notes and beats as SVG that takes its colours from the page around it."""

from __future__ import annotations

import base64
from html import escape
from typing import TYPE_CHECKING

from drumvae.kit import INSTRUMENTS, STEPS, STEPS_PER_QUARTER
from melodygan.encoding import pitch_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from drumvae.kit import Bars
    from modelkit.score import Score

__all__ = ["drum_grid", "engraved", "lettering", "piano_roll", "report_frame", "verdict"]

_STEP, _ROW = 9.0, 9.0  # of a piano roll, for a sixteenth and a semitone
_CELL, _GAP = 15.0, 2.0  # of a drum grid
_LABELS = 64.0  # left of either
_OCTAVE = 12
_ROOM = 2  # semitones above and below


def piano_roll(score: Score) -> str:
    """Draw the notes of a melody over its bars."""
    sounding = [pitch for pitch, _ in score.notes if pitch is not None]
    low, high = min(sounding) - _ROOM, max(sounding) + _ROOM
    total = sum(steps for _, steps in score.notes)
    width, height = _LABELS + total * _STEP, (high - low + 1) * _ROW
    parts = []
    for pitch in range(low, high + 1):
        if pitch % _OCTAVE == 0:
            y = (high - pitch) * _ROW
            parts.append(f'<rect class="octave" x="{_LABELS}" y="{y:g}" width="{total * _STEP:g}" height="{_ROW:g}"/>')
            parts.append(f'<text x="{_LABELS - 8:g}" y="{y + _ROW - 1:g}">{escape(pitch_name(pitch))}</text>')
    parts += [
        f'<line class="bar" x1="{_LABELS + at * _STEP:g}" x2="{_LABELS + at * _STEP:g}" y1="0" y2="{height:g}"/>'
        for at in range(score.upbeat, total + 1, score.bar)
    ]
    place = 0
    for pitch, steps in score.notes:
        if pitch is not None:
            x, y = _LABELS + place * _STEP, (high - pitch) * _ROW
            name = escape(pitch_name(pitch))
            parts.append(
                f'<rect class="note" x="{x + 0.5:g}" y="{y + 0.5:g}" width="{steps * _STEP - 1:g}" '
                f'height="{_ROW - 1:g}" rx="2"><title>{name}</title></rect>'
            )
        place += steps
    return _drawing("roll", f"piano roll of {len(sounding)} notes", width, height, parts)


def drum_grid(bars: Bars) -> str:
    """Draw beats as a grid: steps across, cymbals above drums, loud hits darker, early and late ones off the middle."""
    rows = len(INSTRUMENTS)
    count = len(bars)
    wide = STEPS * _CELL + 2 * _GAP  # of a bar
    width, height = _LABELS + 16 + count * wide, rows * _CELL
    parts = []
    for number, name in enumerate(INSTRUMENTS):
        y = (rows - 1 - number) * _CELL
        parts.append(f'<text x="{_LABELS + 8:g}" y="{y + _CELL - 4:g}">{escape(name.replace("_", " "))}</text>')
        for bar in range(count):
            for step in range(STEPS):
                x = _LABELS + 16 + bar * wide + step * _CELL
                beat = " beat" if step % STEPS_PER_QUARTER == 0 else ""
                parts.append(
                    f'<rect class="cell{beat}" x="{x:g}" y="{y:g}" width="{_CELL - _GAP:g}" '
                    f'height="{_CELL - _GAP:g}" rx="2"/>'
                )
                if bars.hits[bar, step, number]:
                    late = float(bars.offsets[bar, step, number]) * _CELL
                    loud = 0.3 + 0.7 * float(bars.velocities[bar, step, number])
                    parts.append(
                        f'<rect class="hit" x="{x + late:.1f}" y="{y:g}" width="{_CELL - _GAP:g}" '
                        f'height="{_CELL - _GAP:g}" rx="2" opacity="{loud:.2f}"/>'
                    )
    return _drawing("grid", f"drum grid of {count} bars, {int(bars.hits.sum())} hits", width, height, parts)


def engraved(pages: Iterable[str], title: str) -> str:
    """Show pages of a score, which are SVG, each as a picture on white paper."""
    shown = [
        f'<img alt="{escape(title)}, page {number}" '
        f'src="data:image/svg+xml;base64,{base64.b64encode(page.encode()).decode()}">'
        for number, page in enumerate(pages, start=1)
    ]
    return f'<div class="studio-paper">{"".join(shown)}</div>'


def lettering(svg: str, text: str) -> str:
    """Show letters that are drawn as SVG, in the colour of the text around them."""
    return f'<div class="studio-letters" role="img" aria-label="{escape(text)}">{svg}</div>'


def verdict(sentences: Iterable[str]) -> str:
    """Show what was found of a set, each sentence on its own."""
    return f'<ul class="studio-verdict">{"".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)}</ul>'


def report_frame(page: str) -> str:
    """Show a page within this one; no script of it runs, and it reaches nothing here."""
    return f'<iframe class="studio-report" title="report" sandbox srcdoc="{escape(page)}"></iframe>'


def _drawing(kind: str, title: str, width: float, height: float, parts: Iterable[str]) -> str:
    """Return an SVG that can be scrolled to the side where there is no room for it; what it shows is its title."""
    return (
        f'<div class="studio-{kind}" tabindex="0" role="group" aria-label="{escape(title)}">'
        f'<svg role="img" viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}">'
        f"<title>{escape(title)}</title>{''.join(parts)}</svg></div>"
    )
