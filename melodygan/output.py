"""The folders of MIDI files that training leaves: generated tunes, and originals beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from manymodes.files import replacing_folder
from manymodes.music.formats import write_score
from manymodes.music.score import Score
from melodygan.composing import numbers

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from melodygan.data.encoding import Note, Tune


def write_tunes(
    folder: Path,
    tunes: Sequence[Sequence[Note]],
    *,
    names: Iterable[str] | None = None,
    tempo: float = 120.0,
    program: int = 0,
) -> None:
    """Write tunes as MIDI files, in one step; a folder that exists is moved to NAME-1, see `replacing_folder`.

    Args:
        folder: of the files.
        tunes: notes and rests of each.
        names: file names without suffix; numbers by default.
        tempo: BPM.
        program: General MIDI instrument.
    """
    with replacing_folder(folder) as partial:
        for name, notes in zip(names or numbers(len(tunes)), tunes, strict=False):
            write_score(partial / name, Score(notes, name, tempo=tempo, program=program), ["midi"])


def write_originals(folder: Path, tunes: Sequence[Tune], count: int, *, seed: int) -> int:
    """Write a random choice of held-out tunes as the models see them: in C major or A minor, without metre.

    Args:
        folder: of the files.
        tunes: the held-out ones.
        count: the greatest number of them to write.
        seed: of the choice.

    Returns:
        the number of files.
    """
    drawn = np.random.default_rng(seed).permutation(len(tunes))[:count]
    chosen = [tunes[index] for index in sorted(drawn)]
    digits = len(str(len(chosen)))
    names = [f"{number:0{digits}d}-{_file_name(tune.name)}" for number, tune in enumerate(chosen, start=1)]
    write_tunes(folder, [tune.notes for tune in chosen], names=names)
    return len(chosen)


def _file_name(name: str) -> str:
    """Make a tune's name a file's: letters, digits, - and _ stay."""
    kept = "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in name)
    return kept.strip("-")[:60] or "tune"
