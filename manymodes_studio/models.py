"""The models of the studio, loaded once at the start."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

from audiovae.synthesis import SOUND_MODEL
from drumvae.playing import DRUM_MODEL
from fontgan.designing import TYPEFACE_MODEL
from manymodes import hub
from manymodes.cli import UserError
from melodygan.composing import MELODY_MODEL

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def _only(kind: hub.Kind, name: str, what: str, program: str) -> hub.Kind:
    """Return the models of a kind that are of one class."""
    modules, portable = ({name: classes[name]} for classes in (kind.modules, kind.portable))
    return kind._replace(what=what, program=program, modules=modules, portable=portable)


KINDS = {
    "melody-lstm": _only(MELODY_MODEL, "melodygan>MelodyLSTM", "an LSTM", "melodygan.train --lstm"),
    "melody-wgan": _only(
        MELODY_MODEL, "melodygan>MelodyGAN", "a Wasserstein GAN", "melodygan.train --wgan --noise --l2"
    ),
    "drums-styles": DRUM_MODEL,
    "drums-groove": DRUM_MODEL._replace(program="drumvae.train --grooves"),
    "typefaces": TYPEFACE_MODEL,
    "sounds-vqvae": _only(SOUND_MODEL, "audiovae>AudioVQVAE", "a model with codes", "audiovae.train --model vqvae"),
}
"""The models that the studio can use, by their names in `manymodes.hub.MODELS`."""


class Models(NamedTuple):
    """The loaded models by name, in the order of `KINDS`, and for each missing one a line on how to get it."""

    loaded: Mapping[str, Any]
    missing: Mapping[str, str]


def load_models(folder: Path | None = None, runtime: str = "auto") -> Models:
    """Load all models that are available, and print each of them and its loading time.

    They are NAME.keras in the folder, by default the pretrained models; the runtime is as in `manymodes.hub.Kind`. By
    default it is onnxruntime where a model has that form: a visitor's request is too little work for TensorFlow, which
    takes ten times as long for a step of an LSTM.
    """
    loaded: dict[str, Any] = {}
    missing: dict[str, str] = {}
    for name, kind in KINDS.items():
        begun = time.monotonic()
        try:
            loaded[name] = _load((folder or hub.folder()) / f"{name}.keras", kind, runtime)
            print(f"loaded {name} ({time.monotonic() - begun:.1f} s)", flush=True)
        except UserError as error:
            missing[name] = f"{name}: {error}"
            print(f"note: {missing[name]}", flush=True)
    return Models(loaded, missing)


def _load(file: Path, kind: hub.Kind, runtime: str) -> Any:
    """Load a model; raise a UserError if the file is missing or unusable."""
    if not file.is_file():
        raise UserError(
            f"not here. Run python -m {kind.program}, put the model.keras that it writes into a folder as "
            f"{file.name}, and start the studio with --models and that folder."
        )
    return hub.load_from(file, kind, runtime=runtime, named="the model")
