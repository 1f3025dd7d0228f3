"""Beats for the studio: loops in a mixture of styles, somebody's beat in other styles, and sound that goes round."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from drumvae.data.kit import STEPS, STEPS_PER_QUARTER
from drumvae.data.midi_grooves import write_beat
from drumvae.output import read_bars, save_picture
from drumvae.playing import beats, transferred
from manymodes.cli import UserError
from manymodes.music.audio import read_midi, write_audio
from manymodes.music.formats import RATE_HZ, SUFFIXES
from manymodes.music.soundfont import render

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from drumvae.data.kit import Bars
    from drumvae.models.vae import DrumVAE

__all__ = ["FORMATS", "described", "play", "read_beat", "transfer", "turning", "write"]

FORMATS = ("wav", "midi", "png")
"""What a beat is written as."""

_MOST_BARS = 16  # of a beat that is uploaded
_PEAK = 0.9
_QUARTERS = STEPS // STEPS_PER_QUARTER


def play(
    model: DrumVAE,
    sliders: Sequence[float],
    *,
    bars: int,
    complexity: float,
    humanize: float,
    tempo: float,
    seed: int,
) -> Bars:
    """Play a loop in a mixture of styles; with one seed, sliders change a beat and do not draw another one.

    Args:
        model: the trained one.
        sliders: [S] how much of each style, from 0.
        bars: of the loop; the last of several ends with a fill.
        complexity: 0 few hits, 1 many.
        humanize: 0 exactly on the grid, 1 as people play.
        tempo: BPM.
        seed: the same seed, the same loop.

    Raises:
        UserError: no style is asked for.
    """
    (beat,) = beats(
        model, _shares(sliders), bars=bars, tempo=tempo, complexity=complexity, humanize=humanize, seed=seed
    )
    return beat


def read_beat(file: Path) -> tuple[Bars, tuple[str, ...]]:
    """Read a beat, and say what of it is left out.

    Raises:
        UserError: there is no beat in the file.
    """
    bars = read_bars(file)
    remarks = (f"the first {_MOST_BARS} of {len(bars)} bars",) if len(bars) > _MOST_BARS else ()
    bars = bars[:_MOST_BARS]
    if not bars.hits.any():
        raise UserError(f"{file} is silent for {_MOST_BARS} bars: give a beat that begins at once")
    return bars, remarks


def transfer(
    model: DrumVAE,
    bars: Bars,
    sliders: Sequence[float],
    *,
    keep: float,
    complexity: float,
    humanize: float,
    seed: int,
) -> Bars:
    """Transfer a beat to a mixture of styles, with its length and tempo.

    Args:
        model: the trained one.
        bars: of the beat.
        sliders: [S] how much of each style, from 0.
        keep: how much of its hits stays, 0 none, 1 all.
        complexity: 0 few hits, 1 many.
        humanize: 0 exactly on the grid, 1 as people play.
        seed: the same seed, the same beat.

    Raises:
        UserError: no style is asked for.
    """
    shares = _shares(sliders)
    return transferred(model, bars, shares, keep=keep, seed=seed, humanize=humanize, complexity=complexity)


def _shares(sliders: Sequence[float]) -> list[float]:
    total = sum(sliders)
    if total <= 0:
        raise UserError("all styles are at 0: raise one of them")
    return [slider / total for slider in sliders]


def turning(midi: Path, seconds: float) -> np.ndarray:
    """Play a beat so that it can go round: what rings on at the end is heard at the beginning.

    Args:
        midi: file of the beat.
        seconds: how long it takes.

    Returns:
        float32 [seconds × `RATE_HZ`], as loud as there is room for.
    """
    sound = render(read_midi(midi), RATE_HZ)
    length = round(seconds * RATE_HZ)
    turns = np.pad(sound, (0, -len(sound) % length)).reshape(-1, length).sum(axis=0)
    loudest = np.abs(turns).max(initial=0)
    return turns * (_PEAK / loudest) if loudest else turns


def write(place: Path, bars: Bars, formats: Sequence[str]) -> dict[str, Path]:
    """Write a beat as files; its sound goes round.

    Args:
        place: path of the files without their endings.
        bars: of the beat.
        formats: of `FORMATS`.
    """
    files = {name: place.with_name(place.name + SUFFIXES[name]) for name in ("midi", *formats)}
    write_beat(files["midi"], bars)
    if "wav" in formats:
        seconds = float((60 * _QUARTERS / bars.tempos).sum())
        write_audio(files["wav"], turning(files["midi"], seconds), RATE_HZ)
    if "png" in formats:
        save_picture(files["png"], bars, place.name)
    return {name: files[name] for name in formats}


def described(bars: Bars) -> tuple[str, ...]:
    """Say of a beat what there is to say in few words."""
    count = f"{len(bars)} bars" if len(bars) > 1 else "1 bar"
    return count, f"{int(bars.hits.sum())} hits", f"tempo {bars.tempos[0]:.0f}"
