"""Tunes as folders of MIDI files, and model files back into models."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import numpy as np

from melodygan.encoding import STEPS_PER_QUARTER
from modelkit.cli import UserError, existing_file
from modelkit.files import output_folder
from modelkit.midi import write_melody
from modelkit.quiet import quiet_start

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    import keras

    from melodygan.encoding import Note, Tune


def write_tunes(
    folder: Path,
    tunes: Sequence[Sequence[Note]],
    *,
    names: Iterable[str] | None = None,
    tempo: float = 120.0,
    program: int = 0,
    force: bool = False,
) -> None:
    """Write tunes as MIDI files, in one step; a folder that the program wrote before is replaced.

    Args:
        folder: where to.
        tunes: notes and rests of each.
        names: file names without suffix; numbers by default.
        tempo: quarters a minute.
        program: General MIDI instrument.
        force: set aside what somebody else put there.
    """
    digits = max(3, len(str(len(tunes))))
    names = names or (f"{number:0{digits}d}" for number in range(1, len(tunes) + 1))
    with output_folder(folder, force=force) as partial:
        for name, notes in zip(names, tunes, strict=False):
            quarters = [(note.pitch, note.steps / STEPS_PER_QUARTER) for note in notes]
            write_melody(partial / f"{name}.mid", quarters, tempo=tempo, program=program)


def write_originals(folder: Path, tunes: Sequence[Tune], count: int, *, seed: int, force: bool = False) -> int:
    """Write up to ``count`` tunes drawn from held-out ones, as the models see them: in C or A minor, without metre.

    Returns:
        how many there were to write.
    """
    drawn = np.random.default_rng(seed).permutation(len(tunes))[:count]
    chosen = [tunes[index] for index in sorted(drawn)]
    digits = len(str(len(chosen)))
    names = [f"{number:0{digits}d}-{_file_name(tune.name)}" for number, tune in enumerate(chosen, start=1)]
    write_tunes(folder, [tune.notes for tune in chosen], names=names, force=force)
    return len(chosen)


def load_model(path: Path) -> keras.Model:
    """Load a model that `melodygan.train` has saved.

    Raises:
        UserError: there is no such file, or something else is in it.
    """
    file = existing_file(path, "--model")
    if not zipfile.is_zipfile(file):
        raise UserError(f"--model {file} is not a .keras file: give the model.keras of a run folder")

    with quiet_start():
        import keras  # noqa: PLC0415 - slow: only once the file is known to be one

        from melodygan import attention, gan, lstm, reported  # noqa: PLC0415 - the same; registers the classes

    try:
        model = keras.models.load_model(file, compile=False)
    except (ValueError, TypeError, KeyError, OSError) as error:
        raise UserError(f"--model {file} cannot be loaded ({error}): give the model.keras of a run folder") from error
    if not isinstance(model, gan.MelodyGAN | attention.AttentionGAN | lstm.MelodyLSTM | reported.ReportedGAN):
        raise UserError(
            f"--model {file} holds a {type(model).__name__}, not a melody model: give one of melodygan.train"
        )
    return model


def _file_name(name: str) -> str:
    """Make a tune's name a file's: letters, digits, - and _ stay."""
    kept = "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in name)
    return kept.strip("-")[:60] or "tune"
