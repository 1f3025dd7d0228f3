"""Notes and beats as SVG that takes its colours from the page around it."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from html import escape
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from drumvae.data.kit import INSTRUMENTS, STEPS, STEPS_PER_QUARTER
from manymodes.music.score import bars_of
from manymodes_studio.language import counted, named, say
from melodygan.data.encoding import pitch_name

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from drumvae.data.kit import Bars
    from manymodes.music.score import Score

STATES = ("lock", "mute", "solo")
"""Of a row of a drum grid."""

_NARROWEST_PX = 2.5  # of a sixteenth in a piano roll
_OCTAVE = 12
_MIDDLE_C, _KEYS = 60, 17  # of the piano
_ROOM = 2  # semitones above and below


def take(
    inner: str,
    *,
    title: str,
    tab: str,
    audio: Path,
    midi: Path | None = None,
    loop: bool = False,
    values: Mapping[str, Any] | None = None,
    follows: str = "",
    more: bool = False,
    quiet: bool = False,
) -> tuple[str, str]:
    """Return a result that the page's transport plays, and its id.

    Args:
        inner: pictures of it, with places as `_timeline` marks them.
        title: of it, also of the files that it becomes.
        tab: that made it, in small letters.
        audio: its sound, in the workspace.
        midi: its notes.
        loop: whether it repeats.
        values: the settings that give it again, by the names of the tab's inputs.
        follows: the id of a take whose place it takes.
        more: one of several that are not played at once.
        quiet: do not play it by itself.
    """
    name = secrets.token_hex(6)
    described = {
        "id": name,
        "title": title,
        "tab": tab,
        "audio": _address(audio),
        "midi": midi and _address(midi),
        "loop": loop,
        "values": values,
        "follows": follows,
        "more": more,
    }
    hushed = " data-quiet" if quiet else ""
    html = f'<section class="studio-take" data-take="{escape(json.dumps(described))}"{hushed}>{inner}</section>'
    return html, name


def also(name: str, inner: str) -> str:
    """Return more pictures of a take."""
    return f'<section class="studio-take" data-of="{name}">{inner}</section>'


def _address(path: Path) -> str:
    return f"gradio_api/file={quote(str(path))}"


def _timeline(begin: float, end: float, content: str = "", kind: str = "") -> str:
    """Return a part of a picture that goes from a second to another one: it shows where the sound is."""
    return (
        f'<div class="timeline {kind}" data-from="{begin:.4f}" data-to="{end:.4f}">{content}'
        f'<div class="playhead" hidden=""></div></div>'
    )


def piano_roll(score: Score) -> str:
    """Draw the notes of a melody over its bars, as wide as there is room for; bars can be chosen by their numbers."""
    sounding = list(score.sounding())
    pitches = [pitch for _, pitch, _ in sounding]
    low, high = min(pitches) - _ROOM, max(pitches) + _ROOM
    rows, total = high - low + 1, score.steps
    octaves = [pitch for pitch in range(low, high + 1) if pitch % _OCTAVE == 0]
    names = [
        f'<span style="top:{100 * (high - pitch + 0.5) / rows:.2f}%">{escape(pitch_name(pitch))}</span>'
        for pitch in octaves
    ]
    part = 100 / total
    bars = [
        f'<button class="number" data-bar="{number}" aria-pressed="false" aria-label="{say("roll.bar", bar=number)}" '
        f'style="left:{part * place:.3f}%;width:{part * min(score.bar, total - place):.3f}%">{number}</button>'
        for number, place in enumerate(range(score.upbeat, total, score.bar), start=1)
    ]
    parts = [f'<rect class="octave" x="0" y="{high - pitch}" width="{total}" height="1"/>' for pitch in octaves]
    parts += [
        f'<line class="bar" x1="{place}" x2="{place}" y1="0" y2="{rows}"/>'
        for place in range(score.upbeat, total + 1, score.bar)
    ]
    parts += [
        f'<rect class="note" x="{place + 0.1:g}" y="{high - pitch + 0.05:g}" width="{steps - 0.2:g}" '
        f'height="0.9"><title>{escape(pitch_name(pitch))}</title></rect>'
        for place, pitch, steps in sounding
    ]
    title = say("roll", notes=len(sounding))
    picture = (
        f'<svg role="img" viewBox="0 0 {total} {rows}" preserveAspectRatio="none">'
        f"<title>{title}</title>{''.join(parts)}</svg>"
    )
    return (
        f'<div class="studio-roll" style="--rows:{rows}"><div class="names" aria-hidden="true">{"".join(names)}</div>'
        f'<div class="scroll" tabindex="0" role="group" aria-label="{title}">'
        f'<div style="min-width:{_NARROWEST_PX * total:g}px"><div class="numbers">{"".join(bars)}</div>'
        f"{_timeline(0, total * 60 / score.tempo / STEPS_PER_QUARTER, picture)}</div></div></div>"
    )


def drum_grid(bars: Bars, switched: Mapping[str, Collection[int]] = {}) -> str:
    """Draw beats as a grid of buttons: a block a bar, cymbals above drums, loud hits darker.

    ``switched`` are the rows that are locked, mute and solo.
    """
    hits, begin, blocks = int(bars.hits.sum()), 0.0, []
    numbers = "".join(f"<span>{beat}</span>" for beat in range(1, STEPS // STEPS_PER_QUARTER + 1))
    for bar, tempo in enumerate(bars.tempos):
        length = 60 * STEPS / STEPS_PER_QUARTER / float(tempo)
        rows = "".join(_grid_row(bars, bar, number, switched) for number in reversed(range(len(INSTRUMENTS))))
        head = _timeline(begin, begin + length, f'<div class="beats" aria-hidden="true">{numbers}</div>', "steps")
        blocks.append(f'<div class="bar"><div class="head"><b>{bar + 1}</b>{head}</div>{rows}</div>')
        begin += length
    title = say("grid", bars=counted("drums.bars", len(bars)), hits=counted("drums.hits", hits))
    return f'<div class="studio-grid" role="group" aria-label="{title}">{"".join(blocks)}</div>'


def _grid_row(bars: Bars, bar: int, number: int, switched: Mapping[str, Collection[int]]) -> str:
    name = named("drum", INSTRUMENTS[number])
    cells = []
    for step in range(STEPS):
        on = bool(bars.hits[bar, step, number])
        beat, part = divmod(step, STEPS_PER_QUARTER)
        loud = f' style="--loud:{0.35 + 0.65 * float(bars.velocities[bar, step, number]):.2f}"' if on else ""
        within = say("grid.part", part=part) if part else ""
        first = bar == step == number == 0
        cells.append(
            f'<button class="cell{" beat" if part == 0 else ""}" data-at="{bar},{step},{number}"{loud} '
            f'tabindex="{0 if first else -1}" aria-pressed="{str(on).lower()}" '
            f'aria-label="{say("grid.cell", drum=name, bar=bar + 1, beat=beat + 1)}{within}"></button>'
        )
    states = "".join(
        f'<button class="state {state}" data-state="{state}" title="{named("state", state)}" '
        f'aria-label="{named("state", state)} {name}" '
        f'aria-pressed="{str(number in switched.get(state, ())).lower()}">{say(f"state.{state}.letter")}</button>'
        for state in (STATES if bar == 0 else ())
    )
    states = f'<span class="states">{states}</span>' if states else ""
    return (
        f'<div class="row" data-row="{number}"><span class="name">{name}</span>{states}'
        f'<div class="cells">{"".join(cells)}</div></div>'
    )


def pad(corners: Sequence[str]) -> str:
    """Draw a square between styles, whose places mix them; without four of them there is none."""
    if len(corners) < 4:  # noqa: PLR2004 - corners of a square
        return ""
    names = "".join(f"<span>{escape(name)}</span>" for name in corners)
    return (
        f'<div class="studio-pad" tabindex="0" role="group" aria-label="{say("pad")}">{names}<i class="dot"></i></div>'
    )


def play_button() -> str:
    """Draw a large button for the transport."""
    words = f'aria-label="{say("script.play-tune")}">▶ {say("script.play")}'
    return f'<button class="studio-play" data-toggles {words}</button>'


def folder_button(field: str) -> str:
    """Draw a button that gives the MIDI files of a folder to a field for files, by the id of its element."""
    return f'<button class="studio-folder" data-folder="{field}">{say("judge.folder")}</button>'


def piano() -> str:
    """Draw the keys of a piano, two C's and a third, which sound and write notes, and its switches."""
    keys = []
    for semitone in range(_KEYS):
        name = pitch_name(_MIDDLE_C + semitone)
        kind, text = ("black", "") if "#" in name else ("white", name if name[0] == "C" else "")
        keys.append(
            f'<button class="{kind}" data-semitone="{semitone}" tabindex="-1" aria-label="{name}">{text}</button>'
        )
    return (
        f'<div class="studio-piano" role="group" aria-label="{say("piano")}"><div class="switches">'
        f'<button data-keys aria-pressed="false">{say("piano.keys")}</button>'
        f'<button data-octaves="-1">{say("piano.down")}</button><button data-octaves="1">{say("piano.up")}</button>'
        f"<button data-clears>{say('piano.clear')}</button></div>"
        f'<div class="keys">{"".join(keys)}</div></div>'
    )


def lesson(name: str, sliders: Iterable[Any], *, switch: str = "", bars: str = "") -> str:
    """Draw an experiment that the page's script makes with the values of sliders, and of a switch if it has one."""
    controls = "".join(
        f'<label>{say(f"learn.{name}.{one.name}")} <input type="range" name="{one.name}" min="{one.least}" '
        f'max="{one.most}" step="{one.step}" value="{one.value}"{" data-power=1" if one.power else ""}>'
        f"<output>{one.value}</output></label>"
        for one in sliders
    )
    if switch:
        controls += f'<label><input type="checkbox" name="{switch}"> {say(f"learn.{name}.{switch}")}</label>'
    return (
        f'<section class="studio-lesson" data-lesson="{name}" data-result="{escape(say(f"learn.{name}.result"))}"'
        f' data-bars="{bars}"><h2>{say(f"learn.{name}")}</h2><p>{say(f"learn.{name}.what")}</p>'
        f'<div class="controls">{controls}</div>'
        f'<canvas role="img" aria-label="{say(f"learn.{name}.picture")}"></canvas>'
        f'<p class="result" aria-live="polite"></p><p><em>{say(f"learn.{name}.ask")}</em></p></section>'
    )


def engraved(pages: Iterable[str], score: Score) -> str:
    """Show pages of a score, which are SVG; its notes are marked while they sound, and clicked to be heard."""
    step = 60 / score.tempo / STEPS_PER_QUARTER
    onsets, place = [], 0
    for values in bars_of(score):
        for value in values:
            if value.pitch is not None:
                onsets.append(round(place * step, 4))
            place += value.steps
    sheets = "".join(
        f'<div class="sheet" role="img" aria-label="{say("score.page", page=n)}">{page}</div>'
        for n, page in enumerate(pages, 1)
    )
    return (
        f'<div class="studio-paper" tabindex="0" role="group" aria-label="{say("score")}" '
        f'data-onsets="{json.dumps(onsets)}">{sheets}</div>'
    )


def plot(light: Path, dark: Path, title: str) -> str:
    """Show a picture of a sound, which is another one where the page is dark."""
    alt = say("plot", title=escape(title))
    pictures = {"light": light, "dark": dark}.items()
    return "".join(f'<img class="studio-plot on-{kind}" alt="{alt}" src="{_address(png)}">' for kind, png in pictures)


def styles(samples: Iterable[tuple[int, str]], chosen: int) -> str:
    """Show styles to choose from: their seeds, and letters of each as SVG."""
    buttons = "".join(
        f'<button type="button" data-style="{seed}" aria-pressed="{str(seed == chosen).lower()}" '
        f'aria-label="{say("style.of", style=seed)}">{svg}</button>'
        for seed, svg in samples
    )
    return f'<div class="studio-styles" role="group" aria-label="{say("style")}">{buttons}</div>'


def specimen(woff2: bytes, name: str, text: str) -> str:
    """Show a text in a typeface, in three sizes."""
    family = f"{name} {hashlib.sha256(woff2).hexdigest()[:12]}"  # each change of a typeface is another one
    source = f"url(data:font/woff2;base64,{base64.b64encode(woff2).decode()})"
    lines = "".join(f'<p class="{size}">{escape(text)}</p>' for size in ("large", "middle", "small"))
    return (
        f'<style>@font-face {{font-family: "{family}"; src: {source}}}</style>'
        f'<div class="studio-letters" style="font-family: \'{family}\'">{lines}</div>'
    )


def verdict(sentences: Iterable[str]) -> str:
    """Show sentences as a list."""
    return f'<ul class="studio-verdict">{"".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)}</ul>'


def report_frame(page: str) -> str:
    """Show a page within this one, folded; no script of it runs, and it reaches nothing here."""
    frame = f'<iframe class="studio-report" title="{say("report")}" sandbox srcdoc="{escape(page)}"></iframe>'
    return f"<details><summary>{say('report.whole')}</summary>{frame}</details>"
