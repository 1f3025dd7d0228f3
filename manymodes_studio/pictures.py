"""Notes and beats as SVG that takes its colours from the page around it."""

from __future__ import annotations

import base64
from html import escape
from typing import TYPE_CHECKING

from drumvae.data.kit import INSTRUMENTS, STEPS, STEPS_PER_QUARTER
from melodygan.data.encoding import pitch_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from drumvae.data.kit import Bars
    from manymodes.music.score import Score

_CELL, _GAP = 14.0, 2.0  # of a drum grid
_LABELS = 72.0  # left of it
_NARROWEST_PX = 2.5  # of a sixteenth in a piano roll
_OCTAVE = 12
_ROOM = 2  # semitones above and below


def piano_roll(score: Score) -> str:
    """Draw the notes of a melody over its bars, as wide as there is room for."""
    sounding = [pitch for pitch, _ in score.notes if pitch is not None]
    low, high = min(sounding) - _ROOM, max(sounding) + _ROOM
    rows, total = high - low + 1, sum(steps for _, steps in score.notes)
    octaves = [pitch for pitch in range(low, high + 1) if pitch % _OCTAVE == 0]
    names = [
        f'<span style="top:{100 * (high - pitch + 0.5) / rows:.2f}%">{escape(pitch_name(pitch))}</span>'
        for pitch in octaves
    ]
    parts = [f'<rect class="octave" x="0" y="{high - pitch}" width="{total}" height="1"/>' for pitch in octaves]
    parts += [
        f'<line class="bar" x1="{place}" x2="{place}" y1="0" y2="{rows}"/>'
        for place in range(score.upbeat, total + 1, score.bar)
    ]
    place = 0
    for pitch, steps in score.notes:
        if pitch is not None:
            parts.append(
                f'<rect class="note" x="{place + 0.1:g}" y="{high - pitch + 0.05:g}" width="{steps - 0.2:g}" '
                f'height="0.9"><title>{escape(pitch_name(pitch))}</title></rect>'
            )
        place += steps
    title = f"piano roll of {len(sounding)} notes"
    return (
        f'<div class="studio-roll" style="--rows:{rows}"><div class="names" aria-hidden="true">{"".join(names)}</div>'
        f'<div class="scroll" tabindex="0" role="group" aria-label="{title}"><svg role="img" '
        f'viewBox="0 0 {total} {rows}" preserveAspectRatio="none" style="min-width:{_NARROWEST_PX * total:g}px">'
        f"<title>{title}</title>{''.join(parts)}</svg></div></div>"
    )


def drum_grid(bars: Bars) -> str:
    """Draw beats as a grid: steps across, cymbals above drums, loud hits darker, early and late ones off the middle."""
    rows, count = len(INSTRUMENTS), len(bars)
    wide = STEPS * _CELL + 2 * _GAP  # of a bar
    size = f'width="{_CELL - _GAP:g}" height="{_CELL - _GAP:g}" rx="2"'
    parts, hits = [], []
    for number, name in enumerate(INSTRUMENTS):
        y = (rows - 1 - number) * _CELL
        parts.append(f'<text x="{_LABELS - 8:g}" y="{y + _CELL - 4:g}">{escape(name.replace("_", " "))}</text>')
        for bar in range(count):
            for step in range(STEPS):
                x = _LABELS + bar * wide + step * _CELL
                beat = " beat" if step % STEPS_PER_QUARTER == 0 else ""
                parts.append(f'<rect class="cell{beat}" x="{x:g}" y="{y:g}" {size}/>')
                if bars.hits[bar, step, number]:
                    late = _CELL * bars.offsets[bar, step, number]
                    loud = 0.3 + 0.7 * bars.velocities[bar, step, number]
                    hits.append(f'<rect class="hit" x="{x + late:.1f}" y="{y:g}" {size} opacity="{loud:.2f}"/>')
    width, height = _LABELS + count * wide, rows * _CELL
    title = f"drum grid of {count} bars, {len(hits)} hits"
    return (
        f'<div class="studio-grid" tabindex="0" role="group" aria-label="{title}"><svg role="img" '
        f'viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}">'
        f"<title>{title}</title>{''.join(parts + hits)}</svg></div>"
    )


def engraved(pages: Iterable[str], title: str) -> str:
    """Show pages of a score, which are SVG, each as a picture on white paper."""
    shown = [
        f'<img alt="{escape(title)}, page {number}" '
        f'src="data:image/svg+xml;base64,{base64.b64encode(page.encode()).decode()}">'
        for number, page in enumerate(pages, start=1)
    ]
    return f'<div class="studio-paper" tabindex="0" role="group" aria-label="{escape(title)}">{"".join(shown)}</div>'


def lettering(svg: str, text: str) -> str:
    """Show letters that are drawn as SVG, in the colour of the text around them."""
    return f'<div class="studio-letters" role="img" aria-label="{escape(text)}">{svg}</div>'


def verdict(sentences: Iterable[str]) -> str:
    """Show sentences as a list."""
    return f'<ul class="studio-verdict">{"".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)}</ul>'


def report_frame(page: str) -> str:
    """Show a page within this one; no script of it runs, and it reaches nothing here."""
    return f'<iframe class="studio-report" title="report" sandbox srcdoc="{escape(page)}"></iframe>'
