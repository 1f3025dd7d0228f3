"""Beats as files: options of the commands, beats from MIDI files, and beats as MIDI, sound and pictures."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from manymodes import cli
from manymodes.cli import UserError
from manymodes.files import adding_files, check_new_file, replacing_file
from manymodes.music.formats import SUFFIXES, write_sound

if TYPE_CHECKING:
    import argparse
    from collections.abc import Collection, Sequence

    from drumvae.data.kit import Bars

FORMATS = ("midi", "wav", "png")
"""What beats can be written as, of `manymodes.music.formats.SUFFIXES`."""

_FORMATS = {".midi": "midi"} | {SUFFIXES[name]: name for name in FORMATS}
_BARS_A_ROW, _ROWS = 4, 16  # of a picture


# --- options ------------------------------------------------------------------------------------------------


def add_playing_options(group: argparse._ArgumentGroup, humanize: str) -> None:
    """Add the options of all commands that compose.

    Args:
        group: gets them.
        humanize: the default of --humanize, in words.
    """
    share = cli.between(0, 1, "a share")
    group.add_argument(
        "--complexity", type=share, default=0.5, metavar="C", help="0 few hits, 1 many (default 0.5: as the style has)"
    )
    group.add_argument("--humanize", type=share, metavar="H", help=f"0 as a machine, 1 as people (default {humanize})")
    group.add_argument(
        "--temperature", type=cli.positive_float, default=1.0, help="below 1 safer, above 1 freer (default 1)"
    )
    group.add_argument("--seed", type=cli.seed_value, default=0, help="same seed, same beats (default 0)")


# --- beats --------------------------------------------------------------------------------------------------


def read_bars(path: Path) -> Bars:
    """Read a beat, up to its end and not only its last hit, and print which hits are left out.

    Raises:
        UserError: there is no beat.
    """
    import numpy as np

    from drumvae.data.kit import Bars
    from drumvae.data.midi_grooves import note_name, read_beat

    beat = read_beat(path)
    if beat.unmapped:
        named = ", ".join(f"{note_name(note)} ({count})" for note, count in sorted(beat.unmapped.items()))
        print(f"note: hits of {path} of other instruments are left out: {named}")
    rest = max(0, _whole_bars(path) - len(beat.bars))
    silence = np.zeros((rest, *beat.bars.hits.shape[1:]))
    return Bars.join([beat.bars, Bars.of(silence, silence, silence, tempo=beat.bars.tempos[-1])])


def _whole_bars(path: Path) -> int:
    """Return how many whole bars pass until the drums' track ends."""
    import mido

    from drumvae.data.kit import STEPS, STEPS_PER_QUARTER
    from drumvae.data.midi_grooves import DRUM_CHANNEL, MOST_BARS

    midi = mido.MidiFile(cli.existing_file(path, "the beat"), clip=True)
    struck = [any(note.type == "note_on" and note.channel == DRUM_CHANNEL for note in track) for track in midi.tracks]
    drums = [track for track, drum in zip(midi.tracks, struck, strict=True) if drum] or midi.tracks
    ticks = max(sum(message.time for message in track) for track in drums)
    return min(int(ticks) // (STEPS // STEPS_PER_QUARTER * midi.ticks_per_beat), MOST_BARS)


def write_beats(folder: Path, name: str, beats: Sequence[Bars], formats: Collection[str]) -> list[Path]:
    """Write beats to a folder as NAME-001, NAME-002 and so on, after those that are there; return the files.

    Args:
        folder: where to.
        name: of all of them.
        beats: as many as there are to be.
        formats: of `FORMATS`.
    """
    digits, quick = max(3, len(str(len(beats)))), {"midi"}.issuperset(formats)
    with adding_files(folder) as addition:
        # None: a progress bar only in a terminal
        for number, bars in enumerate(tqdm(beats, unit="beat", disable=quick or None), start=1):
            for kind in formats:
                _save(addition.path / f"{name}-{number:0{digits}d}{SUFFIXES[kind]}", bars, name, kind)
    return addition.written


def _save(path: Path, bars: Bars, name: str, kind: str) -> None:
    """Write a beat as one of `FORMATS`."""
    from drumvae.data.midi_grooves import write_beat

    if kind == "midi":
        write_beat(path, bars)
    elif kind == "wav":
        save_sound(path, bars)
    else:
        save_picture(path, bars, name)


def save_sound(path: Path, bars: Bars) -> None:
    """Write the beat as sound, as its MIDI file plays."""
    from drumvae.data.midi_grooves import write_beat
    from manymodes.music.audio import read_midi

    with tempfile.TemporaryDirectory() as folder:
        midi = Path(folder) / "beat.mid"
        write_beat(midi, bars)
        write_sound(path, read_midi(midi))


def save_picture(path: Path, bars: Bars, name: str) -> None:
    """Draw the bars of a beat, the first 64 if there are more, as a PNG."""
    from drumvae.plots import save_patterns

    title = name.replace("$", r"\$")  # between two of them matplotlib reads formulas
    begins = range(0, min(len(bars), _BARS_A_ROW * _ROWS), _BARS_A_ROW)
    rows = {f"{title}, from bar {begin + 1}": bars.velocities[begin : begin + _BARS_A_ROW] for begin in begins}
    save_patterns(rows, path)


# --- single files -------------------------------------------------------------------------------------------


def check_file(path: Path, source: Path, *, force: bool) -> None:
    """Make sure that a beat may be written, before any work is done.

    Args:
        path: where to.
        source: the beat that it is made from.
        force: whether a file that exists may be overwritten.

    Raises:
        UserError: it may not.
    """
    if path.suffix.lower() not in _FORMATS:
        raise UserError(f"--out {path} does not say what to write: give a name that ends with .mid, .wav or .png")
    if path.resolve() == source.resolve():
        raise UserError(f"--out {path} is the beat itself: choose another name")
    check_new_file(path, force=force)


def write_file(path: Path, bars: Bars) -> None:
    """Write a beat in the format that the name of the file ends with, in one step."""
    with replacing_file(path) as partial:
        _save(partial, bars, path.stem, _FORMATS[path.suffix.lower()])
