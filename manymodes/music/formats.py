"""File formats of music: the option --format, and writing melodies and sounds in each format."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from manymodes.cli import UserError, some_of
from manymodes.files import is_one_file
from manymodes.music.engraving import png, svg_pages
from manymodes.music.midi import velocity, write_melody
from manymodes.music.score import STEPS_PER_QUARTER, abc, musicxml

if TYPE_CHECKING:
    import argparse
    from collections.abc import Collection, Iterable, Sequence

    import numpy as np

    from manymodes.music.score import Score
    from manymodes.music.soundfont import PlayedNote

_PLAIN = ("musicxml", "abc", "wav", "mp3", "png", "svg")  # their files' names end as they are called

SUFFIXES = {"midi": ".mid"} | {name: f".{name}" for name in _PLAIN}
"""The formats, in the order in which they are named, and how their files' names end."""

SOUNDS = ("wav", "mp3")
"""The formats that are sound."""

RATE_HZ = 44_100
"""Samples a second of instruments: cymbals have frequencies above 11 kHz."""

_PEAK = 0.9  # of full scale: between samples, players may reach higher


def add_output_options(options: argparse._ActionsContainer, known: Sequence[str], folder: str) -> None:
    """Add --out, --format and --force, with the formats of `SUFFIXES` that a command can write, and its folder."""
    names = ", ".join(SUFFIXES[name] for name in known)
    options.add_argument(
        "--out", type=Path, default=Path(folder), metavar="DIR|FILE",
        help=f"folder to add files to (default {folder}), or one file: a name that ends with {names}",
    )  # fmt: skip
    options.add_argument(
        "--format", type=some_of(known, "format"), metavar="LIST",
        help=f"formats with commas between them: {', '.join(known)} (default midi, or what --out ends with)",
    )  # fmt: skip
    options.add_argument("--force", action="store_true", help="overwrite a file that exists")


def file_format(out: Path, formats: Sequence[str] | None, known: Sequence[str], count: int, *, force: bool) -> str:
    """Return the format of the one file that --out names, "" for a folder.

    What `manymodes.files.is_one_file` refuses, or --format for one file, raises a UserError.
    """
    if not is_one_file(out, [SUFFIXES[name] for name in known], count, force=force):
        return ""
    if formats is not None:
        raise UserError(f"--format does not go with --out {out}, whose ending says it: leave it out, or give a folder")
    return next(name for name in known if SUFFIXES[name] == out.suffix.lower())


def write_score(place: Path, score: Score, formats: Collection[str]) -> None:
    """Write a melody in formats of `SUFFIXES`, at a path without suffix; the same melody gives the same bytes.

    Each engraved page is a file; the name of the second page ends with -2.
    """

    def file(name: str, page: int = 1) -> Path:
        return place.with_name(place.name + (f"-{page}" if page > 1 else "") + SUFFIXES[name])

    if "midi" in formats:
        write_melody(file("midi"), score)
    if "abc" in formats:
        file("abc").write_text(abc(score), encoding="utf-8")
    if sounds := [name for name in SOUNDS if name in formats]:
        write_sound([file(name) for name in sounds], played_notes(score))
    document = "" if {"musicxml", "png", "svg"}.isdisjoint(formats) else musicxml(score)
    if "musicxml" in formats:
        file("musicxml").write_text(document, encoding="utf-8")
    pages = [] if {"png", "svg"}.isdisjoint(formats) else svg_pages(document)
    for number, page in enumerate(pages, start=1):
        if "svg" in formats:
            file("svg", number).write_text(page, encoding="utf-8")
        if "png" in formats:
            file("png", number).write_bytes(png(page))


def played_notes(score: Score) -> list[PlayedNote]:
    """Return a melody as a synthesizer plays it."""
    from manymodes.music.soundfont import PlayedNote

    step = 60 / score.tempo / STEPS_PER_QUARTER
    return [
        PlayedNote(place * step, steps * step, pitch, velocity(place - score.upbeat, score.meter), score.program)
        for place, pitch, steps in score.sounding()
    ]


def sound_of(notes: Iterable[PlayedNote], ring_seconds: float = 4.0) -> np.ndarray:
    """Render notes at full level, float32 [samples] at `RATE_HZ`.

    Sound that lasts longer than ``ring_seconds`` after the last key is released is faded out.
    """
    import numpy as np

    from manymodes.music.soundfont import render

    played = list(notes)
    sound = render(played, RATE_HZ)
    keys_up = max((note.start_seconds + note.seconds for note in played), default=0.0)
    kept = round((keys_up + ring_seconds) * RATE_HZ)
    if len(sound) > kept:
        sound = sound[:kept]
        fading = sound[-round(ring_seconds / 2 * RATE_HZ) :]
        fading *= np.cos(np.linspace(0, np.pi / 2, len(fading))) ** 2
    loudest = np.abs(sound).max(initial=0)
    return sound * (_PEAK / loudest) if loudest else sound


def write_sound(paths: Iterable[Path], notes: Iterable[PlayedNote]) -> None:
    """Write notes as sound, in the formats of the files' suffixes, see `manymodes.music.audio.FORMATS`."""
    from manymodes.music.audio import write_audio

    sound = sound_of(notes)
    for path in paths:
        write_audio(path, sound, RATE_HZ)
