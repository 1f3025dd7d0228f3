"""What the verbs that use a trained model share: models and sounds from files, loudness, and sounds back to files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from manymodes import hub
from manymodes import hub as pretrained
from manymodes.cli import UserError
from manymodes.files import check_place, output_folder, set_aside

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    import numpy as np

    from audiovae.models.prior import CodePrior
    from audiovae.models.vae import AudioModel, AudioVQVAE

SOUND_MODEL = hub.Kind(
    "a model of sounds",
    "audiovae.train",
    {f"audiovae>{name}": "audiovae.models.vae" for name in ("AudioVAE", "HierarchicalAudioVAE", "AudioVQVAE")},
)
CODE_PRIOR = hub.Kind("a prior over codes", "audiovae.prior", {"audiovae>CodePrior": "audiovae.models.prior"})

PRIOR = "prior.keras"
"""The file of the prior over a model's codes, beside the model's own; beside NAME.keras also NAME-prior.keras."""


# --- models -------------------------------------------------------------------------------------------------


def add_model_option(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    """Add --model to a verb's options."""
    pretrained.add_model_option(parser, SOUND_MODEL.program)


def model_file(path: Path | None) -> Path:
    """Return the file of the model that was asked for, see `manymodes.hub.model_file`.

    Raises:
        UserError: it does not exist.
    """
    return pretrained.model_file(path, SOUND_MODEL.program)


def load_model(file: Path, named: str = "--model") -> AudioModel:
    """Load a model that `audiovae.train` has saved.

    Args:
        file: where it is.
        named: what messages call the file.

    Raises:
        UserError: see `manymodes.hub.load_model`.
    """
    return hub.load_model(file, SOUND_MODEL, named)


def quantised(model: AudioModel, file: Path) -> AudioVQVAE:
    """Return a model that has codes.

    Args:
        model: any.
        file: where it is from.

    Raises:
        UserError: it has none.
    """
    from audiovae.models.vae import AudioVQVAE

    if not isinstance(model, AudioVQVAE):
        raise UserError(f"{file} is a model without codes: give one of python -m audiovae.train --model vqvae")
    return model


def load_prior(path: Path) -> CodePrior:
    """Load a prior over codes.

    Raises:
        UserError: see `manymodes.hub.load_model`.
    """
    return hub.load_model(path, CODE_PRIOR, "the prior")


def prior_of(model: AudioVQVAE, file: Path) -> CodePrior:
    """Load the prior over a model's codes, which is beside it.

    Args:
        model: trained.
        file: where it is from.

    Raises:
        UserError: there is no prior, or it knows the codes of another model.
    """
    from audiovae.codes import fingerprint

    path = file.with_name(f"{file.stem}-{PRIOR}")
    path = path if path.is_file() else file.with_name(PRIOR)
    if not path.is_file():
        raise UserError(f"{path} does not exist: train it with python -m audiovae.prior {file.parent}")
    prior = load_prior(path)
    if prior.maker != fingerprint(model.get_weights()).hex():
        raise UserError(f"{path} is the prior of another model: train it with python -m audiovae.prior {file.parent}")
    return prior


# --- sounds -------------------------------------------------------------------------------------------------


def read_sound(path: Path) -> np.ndarray:
    """Read a sound that is not silent, float32 [samples] at 22,050 a second.

    Raises:
        UserError: there is no such file, it is not a sound, or one can hear nothing.
    """
    from audiovae.data.chunks import QUIETEST_RMS, loudness, to_chunks
    from manymodes.music.audio import read_audio

    sound = read_audio(path)
    if loudness(to_chunks(sound)).max() < QUIETEST_RMS:
        raise UserError(f"{path} is silent: give a sound that is louder than -60 dB somewhere")
    return sound


def levelled(chunks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Make chunks equally loud, as models know them.

    Returns:
        (levelled, gains) as of `audiovae.data.chunks.normalise`, but that the gain of silence is 0: it stays silence,
        whatever a model makes of it.
    """
    import numpy as np

    from audiovae.data.chunks import normalise

    normalised, gains = normalise(chunks)
    return normalised, np.where(chunks.any(axis=1), gains, 0).astype(np.float32)


def write_sounds(folder: Path, sounds: Mapping[str, np.ndarray], *, pictures: bool, force: bool) -> None:
    """Write sounds as WAV files, in one step; a folder that the program wrote before is replaced.

    Args:
        folder: where to.
        sounds: [samples] each, by file name without suffix.
        pictures: whether to draw each, too.
        force: set aside what somebody else put there.
    """
    from audiovae.pictures import save_picture
    from manymodes.music.audio import write_audio

    with output_folder(folder, force=force) as partial:
        for name, sound in sounds.items():
            write_audio(partial / f"{name}.wav", sound)
            if pictures:
                save_picture(partial / f"{name}.png", sound, name)


# --- single files -------------------------------------------------------------------------------------------


def check_file(path: Path, suffixes: Iterable[str] = (), *, force: bool) -> None:
    """Make sure that a file may be written, before any work is done.

    Args:
        path: where to.
        suffixes: with one of which its name must end, if any are given.
        force: whether what stands there may be set aside.

    Raises:
        UserError: it may not.
    """
    known = tuple(suffixes)
    if known and path.suffix.lower() not in known:
        raise UserError(f"{path} does not say which format to write: give a name that ends with {', '.join(known)}")
    if path.is_dir():
        raise UserError(f"{path} is a folder: give the path of a file to write")
    check_place(path)
    if path.exists() and not force:
        raise UserError(f"{path} is there already: choose another name, or --force to set it aside")


def clear_place(path: Path) -> None:
    """Set aside what stands where a file is to be written."""
    if path.exists():
        set_aside(path)
