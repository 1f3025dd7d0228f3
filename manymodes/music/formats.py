"""File formats of music: the option --format, and writing melodies and sounds in each format."""

from __future__ import annotations

import argparse
import difflib
from typing import TYPE_CHECKING

from manymodes.music.engraving import png, svg_pages
from manymodes.music.midi import VELOCITY, write_melody
from manymodes.music.score import STEPS_PER_QUARTER, abc, musicxml

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from pathlib import Path

    import numpy as np

    from manymodes.music.score import Score
    from manymodes.music.soundfont import PlayedNote

__all__ = [
    "RATE_HZ",
    "SUFFIXES",
    "add_format_option",
    "format_list",
    "played_notes",
    "sound_of",
    "write_score",
    "write_sound",
]

SUFFIXES = {"midi": ".mid", "musicxml": ".musicxml", "abc": ".abc", "wav": ".wav", "png": ".png", "svg": ".svg"}
"""The formats, in the order in which they are named, and how their files' names end."""

RATE_HZ = 44_100
"""Samples a second of what instruments play: cymbals reach above what half as many can tell."""

_PEAK = 0.9  # of full scale; what is left is for players, which may go higher between samples
_SECONDS_A_MINUTE = 60


# --- at the prompt -----------------------------------------------------------------------------------------


def add_format_option(options: argparse._ActionsContainer, known: Sequence[str]) -> None:
    """Add --format, midi unless given, to the options of a command.

    Args:
        options: the parser.
        known: the formats that the command can write, all of `SUFFIXES`.
    """
    options.add_argument(
        "--format",
        type=format_list(known),
        default=("midi",),
        metavar="LIST",
        help=f"formats with commas between them: {', '.join(known)} (default midi)",
    )


def format_list(known: Sequence[str]) -> Callable[[str], tuple[str, ...]]:
    """Return an argparse type: formats with commas between them, each of ``known``, to their names in its order."""

    def convert(text: str) -> tuple[str, ...]:
        asked = [name.strip().lower() for name in text.split(",")]
        for name in asked:
            if name not in known:
                close = difflib.get_close_matches(name, known, n=1)
                hint = f"did you mean {close[0]}? " if close else ""
                raise argparse.ArgumentTypeError(f"{name!r} is no format here: {hint}there are {', '.join(known)}")
        return tuple(name for name in known if name in asked)

    return convert


# --- files -------------------------------------------------------------------------------------------------


def write_score(place: Path, score: Score, formats: Collection[str]) -> None:
    """Write a melody as a file of each format; the same melody gives the same bytes.

    Each engraved page is a file; the name of the second page ends with -2.

    Args:
        place: path of the files without the endings of `SUFFIXES`; its folder exists.
        score: the melody.
        formats: their names.
    """
    if "midi" in formats:
        in_quarters = [(pitch, steps / STEPS_PER_QUARTER) for pitch, steps in score.notes]
        write_melody(_file(place, "midi"), in_quarters, tempo=score.tempo, program=score.program)
    if "abc" in formats:
        _file(place, "abc").write_text(abc(score), encoding="utf-8")
    if "wav" in formats:
        write_sound(_file(place, "wav"), played_notes(score))
    if not {"musicxml", "png", "svg"}.isdisjoint(formats):
        document = musicxml(score)
        if "musicxml" in formats:
            _file(place, "musicxml").write_text(document, encoding="utf-8")
        if not {"png", "svg"}.isdisjoint(formats):
            _write_pages(place, svg_pages(document), formats)


def _write_pages(place: Path, pages: Iterable[str], formats: Collection[str]) -> None:
    for number, page in enumerate(pages, start=1):
        of_page = place if number == 1 else place.with_name(f"{place.name}-{number}")
        if "svg" in formats:
            _file(of_page, "svg").write_text(page, encoding="utf-8")
        if "png" in formats:
            _file(of_page, "png").write_bytes(png(page))


def _file(place: Path, name: str) -> Path:
    return place.with_name(place.name + SUFFIXES[name])


# --- sound -------------------------------------------------------------------------------------------------


def played_notes(score: Score) -> list[PlayedNote]:
    """Return a melody as a synthesizer plays it."""
    from manymodes.music.soundfont import PlayedNote

    step = _SECONDS_A_MINUTE / score.tempo / STEPS_PER_QUARTER
    place, notes = 0, []
    for pitch, steps in score.notes:
        if pitch is not None:
            notes.append(PlayedNote(place * step, steps * step, pitch, VELOCITY, score.program))
        place += steps
    return notes


def sound_of(notes: Iterable[PlayedNote], ring_seconds: float = 4.0) -> np.ndarray:
    """Play notes, float32 [samples] at `RATE_HZ`, at full level, until the last one has faded.

    Args:
        notes: the notes.
        ring_seconds: the longest time that sound lasts after the last key is released; longer sound is faded out.
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


def write_sound(path: Path, notes: Iterable[PlayedNote]) -> None:
    """Write notes as sound, in the format of `manymodes.music.audio.FORMATS` that the file's name ends with."""
    from manymodes.music.audio import write_audio

    write_audio(path, sound_of(notes), RATE_HZ)
