"""What the verbs that play share: models from files, beats from MIDI files, and beats as MIDI, sound and pictures.

A single file that is written says so of itself, with the digest of its content: so the program knows it again, and
knows that nobody has worked on it since.
"""

from __future__ import annotations

import hashlib
import io
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from manymodes import cli, hub
from manymodes import hub as pretrained
from manymodes.cli import UserError
from manymodes.files import check_place, output_folder, replacing_file, set_aside
from manymodes.music.formats import SUFFIXES, write_sound

if TYPE_CHECKING:
    import argparse
    from collections.abc import Collection, Mapping

    from drumvae.data.kit import Bars
    from drumvae.models.vae import DrumVAE

DRUM_MODEL = hub.Kind("a model of drums", "drumvae.train", {"drumvae>DrumVAE": "drumvae.models.vae"})

FORMATS = ("midi", "wav", "png")
"""What beats can be written as, of `manymodes.music.formats.SUFFIXES`."""

MAKER = "manymodes drumvae"

_DIGEST_LENGTH = 64
_FORMATS = {".midi": "midi"} | {SUFFIXES[name]: name for name in FORMATS}
_BARS_A_ROW, _ROWS = 4, 16  # of a picture


# --- options ------------------------------------------------------------------------------------------------


def add_model_option(parser: argparse.ArgumentParser) -> None:
    """Add --model to a verb's options."""
    pretrained.add_model_option(parser, DRUM_MODEL.program)


def add_playing_options(group: argparse._ArgumentGroup, humanize: str) -> None:
    """Add what says how a model plays to a verb's options.

    Args:
        group: where to.
        humanize: what --humanize is by default, in words.
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


# --- models -------------------------------------------------------------------------------------------------


def model_file(path: Path | None) -> Path:
    """Return the file of the model that was asked for, see `manymodes.hub.model_file`.

    Raises:
        UserError: it does not exist.
    """
    return pretrained.model_file(path, DRUM_MODEL.program)


def load_model(file: Path, named: str = "--model") -> DrumVAE:
    """Load a model that `drumvae.train` has saved.

    Args:
        file: where it is.
        named: what messages call the file.

    Raises:
        UserError: see `manymodes.hub.load_model`.
    """
    return hub.load_model(file, DRUM_MODEL, named)


# --- beats --------------------------------------------------------------------------------------------------


def read_bars(path: Path) -> Bars:
    """Read somebody's beat, up to its end and not only its last hit, and say what of it is left out.

    Raises:
        UserError: there is no beat.
    """
    import numpy as np

    from drumvae.data.kit import Bars
    from drumvae.data.midi_grooves import note_name, read_beat

    beat = read_beat(path)
    if beat.unmapped:
        named = ", ".join(f"{note_name(note)} ({count})" for note, count in sorted(beat.unmapped.items()))
        print(f"note: hits of {path} that are of none of the nine instruments are left out: {named}")
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


def write_beats(folder: Path, beats: Mapping[str, Bars], formats: Collection[str], *, force: bool) -> None:
    """Write beats as files, in one step; a folder that the program wrote before is replaced.

    Args:
        folder: where to.
        beats: by file name without suffix.
        formats: of `FORMATS`, what of each is written.
        force: set aside what somebody else put there.
    """
    at_once = {"midi"}.issuperset(formats)
    with output_folder(folder, force=force) as partial:
        for name, bars in tqdm(beats.items(), unit="beat", disable=at_once or None):  # None: unless somebody looks on
            for kind in formats:
                _save(partial / f"{name}{SUFFIXES[kind]}", bars, name, kind)


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
        force: whether what stands there may be set aside.

    Raises:
        UserError: it may not.
    """
    if path.suffix.lower() not in _FORMATS:
        raise UserError(f"--out {path} does not say what to write: give a name that ends with .mid, .wav or .png")
    if path.is_dir():
        raise UserError(f"--out {path} is a folder: give the path of a file to write")
    if path.resolve() == source.resolve():
        raise UserError(f"--out {path} is the beat itself: choose another name")
    check_place(path)
    if path.exists() and not _is_ours(path) and not force:
        raise UserError(f"{path} is not of this program's making: choose another name, or --force to set it aside")


def write_file(path: Path, bars: Bars) -> None:
    """Write a beat as what the file's name ends with, in one step; what somebody else put there is set aside."""
    if path.exists() and not _is_ours(path):
        set_aside(path)
    kind = _FORMATS[path.suffix.lower()]
    with replacing_file(path) as partial:
        _save(partial, bars, path.stem, kind)
        partial.write_bytes(_signed(partial, kind))


def _signed(path: Path, kind: str) -> bytes:
    """Return the content of a file, with a text in it that says who made it and what its digest was without.

    In a MIDI file it is an event. What reads sounds and pictures stops before the end of the file, where it is then.
    """
    import mido

    blank = "0" * _DIGEST_LENGTH
    text = f"{MAKER} {blank}"
    content = io.BytesIO()
    if kind == "midi":
        midi = mido.MidiFile(path)
        midi.tracks[0].insert(0, mido.MetaMessage("text", text=text))
        midi.save(file=content)
    else:
        content.write(path.read_bytes() + text.encode())
    unsigned = content.getvalue()
    return unsigned.replace(blank.encode(), hashlib.sha256(unsigned).hexdigest().encode(), 1)


def _is_ours(path: Path) -> bool:
    """Whether a file is as `write_file` has left it."""
    try:
        content = path.read_bytes()
    except OSError:
        return False
    before, mark, after = content.partition(f"{MAKER} ".encode())
    digest, rest = after[:_DIGEST_LENGTH], after[_DIGEST_LENGTH:]
    unsigned = before + mark + b"0" * _DIGEST_LENGTH + rest
    return hashlib.sha256(unsigned).hexdigest().encode() == digest
