"""Beats for the studio: loops in a mixture of styles, uploaded beats in other styles, and sound that repeats."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from drumvae.data.kit import INSTRUMENTS, STEPS, STEPS_PER_QUARTER
from drumvae.data.midi_grooves import write_beat
from drumvae.output import read_bars, save_picture
from drumvae.playing import beats, transferred
from drumvae.playing import varied as varied_beats
from manymodes.cli import UserError
from manymodes.music.audio import read_midi, write_audio
from manymodes.music.formats import RATE_HZ, SUFFIXES
from manymodes.music.soundfont import render
from manymodes_studio.language import counted, say

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from drumvae.data.kit import Bars
    from drumvae.models.vae import DrumVAE

FORMATS = ("wav", "midi", "png")
"""File formats of a beat."""

_MOST_BARS = 16  # of a beat that is uploaded
_PEAK, _USUAL = 0.9, 0.7
_QUARTERS = STEPS // STEPS_PER_QUARTER


def play(model: DrumVAE, sliders: Sequence[float], **options: Any) -> Bars:
    """Play a loop in a mixture of styles, whose proportions are [S] sliders from 0.

    With one seed, sliders change a beat and do not draw another one. The options are those of `drumvae.playing.beats`.
    Proportions that are all 0 raise a UserError.
    """
    (beat,) = beats(model, _shares(sliders), **options)
    return beat


def read_beat(file: Path) -> tuple[Bars, tuple[str, ...]]:
    """Return the beginning of a beat, and remarks on what was cut; raise a UserError without a beat."""
    bars = read_bars(file)
    remarks = (say("drums.first", most=_MOST_BARS, bars=len(bars)),) if len(bars) > _MOST_BARS else ()
    bars = bars[:_MOST_BARS]
    if not bars.hits.any():
        raise UserError(say("drums.silent", file=file, bars=_MOST_BARS))
    return bars, remarks


def transfer(model: DrumVAE, bars: Bars, sliders: Sequence[float], *, tempo: float, count: int, **options: Any) -> Bars:
    """Transfer a beat to a mixture of styles as `play`, in a tempo, repeated or cut to a number of bars.

    The options are those of `drumvae.playing.transferred`.
    """
    return transferred(model, in_tempo(bars[np.arange(count) % len(bars)], tempo), _shares(sliders), **options)


def in_tempo(bars: Bars, tempo: float) -> Bars:
    """Return a beat in a tempo in BPM."""
    return replace(bars, tempos=np.full(len(bars), tempo, np.float32))


def change(model: DrumVAE, before: Bars, after: Bars, *, seed: int) -> Bars:
    """Return a beat that was played again with other settings, or a variation of it if they made no difference."""
    same = len(before) == len(after) and (before.hits == after.hits).all()
    if not same or not np.allclose(before.velocities, after.velocities) or (before.tempos != after.tempos).any():
        return after
    (varied,) = varied_beats(model, before, seed=seed)
    return varied


def toggled(bars: Bars, place: tuple[int, int, int], on: bool) -> Bars:
    """Return a beat with a hit added or removed at (bar, step, instrument); a new one is as loud as its beat is."""
    hits, velocities = bars.hits.copy(), bars.velocities.copy()
    usual = velocities[..., place[2]][hits[..., place[2]]]
    hits[place] = on
    velocities[place] = usual.mean() if len(usual) else _USUAL
    return type(bars).of(hits, velocities, bars.offsets, tempo=bars.tempos).with_notes_of(bars)


def locked(bars: Bars, before: Bars | None, rows: Collection[int]) -> Bars:
    """Return a beat with some rows, numbers of instruments, as in another one, which repeats if it is shorter."""
    if before is None or not rows:
        return bars
    kept = np.zeros(len(INSTRUMENTS), bool)
    kept[list(rows)] = True
    old = before[np.arange(len(bars)) % len(before)]
    names = ("hits", "velocities", "offsets", "notes")
    *parts, notes = (np.where(kept, getattr(old, name), getattr(bars, name)) for name in names)
    return type(bars).of(*parts, tempo=bars.tempos, notes=notes)


def audible(bars: Bars, mute: Collection[int], solo: Collection[int]) -> Bars:
    """Return a beat without its muted rows, and without all but the solo ones, if any."""
    heard = [number not in mute and (not solo or number in solo) for number in range(len(INSTRUMENTS))]
    return type(bars).of(
        bars.hits & np.array(heard), bars.velocities, bars.offsets, tempo=bars.tempos, notes=bars.notes
    )


def shares_at(x: float, y: float) -> list[float]:
    """Return the shares of four styles at a place in a square of side 1: top left, top right, bottom left and right."""
    return [(1 - x) * (1 - y), x * (1 - y), (1 - x) * y, x * y]


def _shares(sliders: Sequence[float]) -> list[float]:
    total = sum(sliders)
    if total <= 0:
        raise UserError(say("drums.no-style"))
    return [slider / total for slider in sliders]


def turning(midi: Path, seconds: float) -> np.ndarray:
    """Play a MIDI file so that it can repeat: what rings on at the end is heard at the beginning.

    Gives float32 [seconds × `RATE_HZ`], at full level.
    """
    sound = render(read_midi(midi), RATE_HZ)
    length = round(seconds * RATE_HZ)
    turns = np.pad(sound, (0, -len(sound) % length)).reshape(-1, length).sum(axis=0)
    loudest = np.abs(turns).max(initial=0)
    return turns * (_PEAK / loudest) if loudest else turns


def write(stem: Path, bars: Bars, formats: Sequence[str]) -> dict[str, Path]:
    """Write a beat as files of some of `FORMATS` at ``stem``, which has no suffix; its sound repeats without a gap."""
    files = {name: stem.with_name(stem.name + SUFFIXES[name]) for name in ("midi", *formats)}
    write_beat(files["midi"], bars)
    if "wav" in formats:
        seconds = float((60 * _QUARTERS / bars.tempos).sum())
        write_audio(files["wav"], turning(files["midi"], seconds), RATE_HZ)
    if "png" in formats:
        save_picture(files["png"], bars, stem.name)
    return {name: files[name] for name in formats}


def described(bars: Bars) -> tuple[str, ...]:
    """Return the length, number of hits and tempo of a beat in words."""
    return (
        counted("drums.bars", len(bars)),
        counted("drums.hits", int(bars.hits.sum())),
        say("bpm", tempo=f"{bars.tempos[0]:.0f}"),
    )
