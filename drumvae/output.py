"""Beats as files: options of the commands, beats from MIDI files, and beats as MIDI, sound and pictures."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from drumvae.playing import DRUM_MODEL
from manymodes import cli
from manymodes.files import adding_files, check_new_file, replacing_file
from manymodes.hub import add_model_option
from manymodes.music.formats import SUFFIXES, write_sound

if TYPE_CHECKING:
    import argparse
    from collections.abc import Collection, Sequence

    from drumvae.data.kit import Bars

FORMATS = ("midi", "wav", "mp3", "png")
"""What beats can be written as, of `manymodes.music.formats.SUFFIXES`."""

_FORMATS = {".midi": "midi"} | {SUFFIXES[name]: name for name in FORMATS}
_BARS_PER_ROW, _ROWS = 4, 16  # of a picture


def add_playing_options(group: argparse._ArgumentGroup, humanize: str) -> None:
    """Add the options of the commands that compose; ``humanize`` is the default of --humanize, in words."""
    share = cli.between(0, 1, "a share")
    group.add_argument(
        "--complexity", type=share, default=0.5, metavar="C", help="0 few hits, 1 many (default 0.5: as the style has)"
    )
    group.add_argument("--humanize", type=share, metavar="H", help=f"0 as a machine, 1 as people (default {humanize})")
    group.add_argument(
        "--temperature", type=cli.positive_float, default=1.0, help="below 1 safer, above 1 freer (default 1)"
    )
    group.add_argument("--seed", type=cli.seed_value, default=0, help="same seed, same beats (default 0)")


def add_beat_options(parser: argparse.ArgumentParser, suffix: str) -> None:
    """Add the options of the commands that make one beat from another, by default FILE-``suffix``.mid from FILE."""
    parser.add_argument("beat", type=Path, metavar="FILE", help="a MIDI file of drums on channel 10, in 4/4")
    add_model_option(parser, DRUM_MODEL.program)
    output = parser.add_argument_group("output")
    output.add_argument(
        "--out", type=Path, metavar="FILE", help=f"a .mid, .wav, .mp3 or .png (default FILE-{suffix}.mid beside it)"
    )
    output.add_argument("--force", action="store_true", help="overwrite a file that exists")


def output_file(args: argparse.Namespace, suffix: str) -> Path:
    """Return the output file of the options of `add_beat_options`; raise a UserError if it cannot be written."""
    source = cli.existing_file(args.beat, "the beat")
    path: Path = args.out or source.with_name(f"{source.stem}-{suffix}.mid")
    if path.suffix.lower() not in _FORMATS:
        raise cli.UserError(f"--out {path} is no beat: give a name that ends with .mid, .wav, .mp3 or .png")
    if path.resolve() == source.resolve():
        raise cli.UserError(f"--out {path} is the beat itself: choose another name")
    check_new_file(path, force=args.force)
    return path


def read_bars(path: Path) -> Bars:
    """Read a beat as `drumvae.data.midi_grooves.read_beat`, and print which hits are left out."""
    from drumvae.data.midi_grooves import note_name, read_beat

    beat = read_beat(path)
    if beat.unmapped:
        named = ", ".join(f"{note_name(note)} ({count})" for note, count in sorted(beat.unmapped.items()))
        print(f"note: hits of {path} of other instruments are left out: {named}")
    return beat.bars


def write_beats(folder: Path, name: str, beats: Sequence[Bars], formats: Collection[str]) -> list[Path]:
    """Write beats to a folder as NAME-001, NAME-002 and so on, after those that are there, in some of `FORMATS`.

    Returns their paths.
    """
    digits, quick = max(3, len(str(len(beats)))), {"midi"}.issuperset(formats)
    with adding_files(folder) as addition:
        # None: a progress bar only in a terminal
        for number, bars in enumerate(tqdm(beats, unit="beat", disable=quick or None), start=1):
            for kind in formats:
                _save(addition.path / f"{name}-{number:0{digits}d}{SUFFIXES[kind]}", bars, name, kind)
    return addition.written


def write_file(path: Path, bars: Bars) -> None:
    """Write a beat in the format that the name of the file ends with, in one step."""
    with replacing_file(path) as partial:
        _save(partial, bars, path.stem, _FORMATS[path.suffix.lower()])


def _save(path: Path, bars: Bars, name: str, kind: str) -> None:
    from drumvae.data.midi_grooves import write_beat

    if kind == "png":
        save_picture(path, bars, name)
    elif kind == "midi":
        write_beat(path, bars)
    else:
        from manymodes.music.audio import read_midi

        with tempfile.TemporaryDirectory() as folder:
            midi = Path(folder) / "beat.mid"
            write_beat(midi, bars)
            write_sound([path], read_midi(midi))


def save_picture(path: Path, bars: Bars, name: str) -> None:
    """Draw the bars of a beat, at most the first 64, as a PNG."""
    from drumvae.plots import save_patterns

    begins = range(0, min(len(bars), _BARS_PER_ROW * _ROWS), _BARS_PER_ROW)
    rows = {f"{name}, from bar {begin + 1}": bars.velocities[begin : begin + _BARS_PER_ROW] for begin in begins}
    save_patterns(rows, path)
