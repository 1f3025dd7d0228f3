"""The models of the studio, loaded once at the start."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

from drumvae.playing import DRUM_MODEL
from fontgan.lettering import LETTER_MODEL
from manymodes import hub
from manymodes.cli import UserError
from melodygan.composing import MELODY_MODEL

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

KINDS = {
    "melody-lstm": hub.Kind(
        *("an LSTM", "melodygan.train --lstm", {"melodygan>MelodyLSTM": "melodygan.models.lstm"}),
        portable=MELODY_MODEL.portable,
    ),
    "melody-wgan": hub.Kind(
        *("a Wasserstein GAN", "melodygan.train --wgan --noise --l2"),
        *({"melodygan>MelodyGAN": "melodygan.models.gan"}, MELODY_MODEL.former),
    ),
    "drums-styles": DRUM_MODEL,
    "drums-groove": DRUM_MODEL._replace(program="drumvae.train --grooves"),
    "letters-conditional": LETTER_MODEL._replace(program="fontgan.train --conditional"),
    "sounds-vqvae": hub.Kind(
        "a model with codes", "audiovae.train --model vqvae", {"audiovae>AudioVQVAE": "audiovae.models.vae"}
    ),
}
"""The models that the studio can use, by their names in `manymodes.hub.MODELS`."""


class Models(NamedTuple):
    """The loaded models by name, in the order of `KINDS`, and for each missing one a line on how to get it."""

    loaded: Mapping[str, Any]
    missing: Mapping[str, str]


def load_models(folder: Path | None = None) -> Models:
    """Load all models that are available, and print each of them and its loading time.

    They are NAME.keras in the folder, by default the pretrained models.
    """
    loaded: dict[str, Any] = {}
    missing: dict[str, str] = {}
    for name, kind in KINDS.items():
        begun = time.monotonic()
        try:
            loaded[name] = _load((folder or hub.folder()) / f"{name}.keras", kind)
            print(f"loaded {name} ({time.monotonic() - begun:.1f} s)", flush=True)
        except UserError as error:
            missing[name] = f"{name}: {error}"
            print(f"note: {missing[name]}", flush=True)
    return Models(loaded, missing)


def _load(file: Path, kind: hub.Kind) -> Any:
    """Load a model; raise a UserError if the file is missing or unusable."""
    if not file.is_file():
        raise UserError(
            f"not here. Run python -m {kind.program}, put the model.keras that it writes into a folder as "
            f"{file.name}, and start the studio with --models and that folder."
        )
    # A visitor's request is too little work for TensorFlow: onnxruntime takes a tenth of the time for a step of an LSTM.
    model = hub.load_from(file, kind, runtime="auto", named="the model")
    if not getattr(model, "labelled", True):
        raise UserError(f"the model {file} was trained without labels: give one of {kind.program}")
    return model
