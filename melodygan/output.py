"""Tunes as folders of MIDI files, scores and sounds, and model files back into models."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from manymodes import hub
from manymodes.files import adding_files, replacing_folder
from manymodes.music.formats import write_score
from manymodes.music.score import Score
from melodygan.data.barlines import USUAL, bar_lines
from melodygan.data.form import MODES, TONICS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from pathlib import Path

    import keras

    from melodygan.data.encoding import Note, Tune


MELODY_MODEL = hub.Kind(
    "a melody model",
    "melodygan.train",
    {
        "melodygan>MelodyLSTM": "melodygan.models.lstm",
        "melodygan>MelodyGAN": "melodygan.models.gan",
        "melodygan>AttentionGAN": "melodygan.models.attention",
        "melodygan>ReportedGAN": "melodygan.models.reported",
    },
)


def write_tunes(
    folder: Path,
    tunes: Sequence[Sequence[Note]],
    *,
    names: Iterable[str] | None = None,
    tempo: float = 120.0,
    program: int = 0,
) -> None:
    """Write tunes as MIDI files, in one step; a folder that exists gets another name, see `replacing_folder`.

    Args:
        folder: where to.
        tunes: notes and rests of each.
        names: file names without suffix; numbers by default.
        tempo: BPM.
        program: General MIDI instrument.
    """
    with replacing_folder(folder) as partial:
        for name, notes in zip(names or numbers(len(tunes)), tunes, strict=False):
            write_score(partial / name, Score(notes, name, tempo=tempo, program=program), ["midi"])


def write_scores(folder: Path, scores: Sequence[Score], formats: Collection[str] = ("midi",)) -> list[Path]:
    """Write tunes as files of `manymodes.music.formats` that are named by their titles, beside what is there.

    Args:
        folder: where to.
        scores: the tunes.
        formats: what of each is written.

    Returns:
        the files that were written, see `adding_files`.
    """
    at_once = {"midi", "abc"}.issuperset(formats)
    with adding_files(folder) as addition:
        for score in tqdm(scores, unit="tune", disable=at_once or None):  # None: unless somebody looks on
            write_score(addition.path / score.title, score, formats)
    return addition.written


def numbers(count: int) -> list[str]:
    """Return the names of so many files, such as 001 and 002."""
    digits = max(3, len(str(count)))
    return [f"{number:0{digits}d}" for number in range(1, count + 1)]


def score_of(
    notes: Sequence[Note],
    title: str,
    *,
    meters: Iterable[str] = USUAL,
    mode: str | None = None,
    fifths: int = 0,
    tempo: float = 120.0,
    program: int = 0,
) -> Score:
    """Return a tune as it is written down, with the bar lines that fit it best.

    Args:
        notes: notes and rests.
        title: what it is called.
        meters: the metres it can be in.
        mode: ``major`` or ``minor``; by default it is minor if it ends on the tonic of that.
        fifths: sharps of its key signature; below 0 they are flats.
        tempo: BPM.
        program: General MIDI instrument.
    """
    if mode is None:
        last = next((note.pitch for note in reversed(notes) if note.pitch is not None), None)
        mode = MODES[last is not None and (last - 7 * fifths) % 12 == TONICS["minor"]]
    lines = bar_lines(notes, meters)
    return Score(
        notes, title, meter=lines.meter, upbeat=lines.upbeat, fifths=fifths, mode=mode, tempo=tempo, program=program
    )


def write_originals(folder: Path, tunes: Sequence[Tune], count: int, *, seed: int) -> int:
    """Write up to ``count`` tunes drawn from held-out ones, as the models see them: in C or A minor, without metre.

    Returns:
        how many there were to write.
    """
    drawn = np.random.default_rng(seed).permutation(len(tunes))[:count]
    chosen = [tunes[index] for index in sorted(drawn)]
    digits = len(str(len(chosen)))
    names = [f"{number:0{digits}d}-{_file_name(tune.name)}" for number, tune in enumerate(chosen, start=1)]
    write_tunes(folder, [tune.notes for tune in chosen], names=names)
    return len(chosen)


def load_model(path: Path) -> keras.Model:
    """Load a model that `melodygan.train` has saved.

    Raises:
        UserError: see `manymodes.hub.load_model`.
    """
    return hub.load_model(path, MELODY_MODEL)


def _file_name(name: str) -> str:
    """Make a tune's name a file's: letters, digits, - and _ stay."""
    kept = "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in name)
    return kept.strip("-")[:60] or "tune"
