"""The models of the studio, loaded once at the start."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

from drumvae.playing import DRUM_MODEL
from fontgan.lettering import LETTER_MODEL
from manymodes import hub as pretrained
from manymodes.cli import UserError
from manymodes.hub import Kind, load_model

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

__all__ = ["KNOWN", "Known", "Models", "load_models"]


class Known(NamedTuple):
    """A model the studio can use.

    Attributes:
        title: its name on the page.
        kind: the kind of model the file must hold.
    """

    title: str
    kind: Kind


KNOWN = {
    "melody-lstm": Known(
        "LSTM", Kind("an LSTM", "melodygan.train --lstm", {"melodygan>MelodyLSTM": "melodygan.models.lstm"})
    ),
    "melody-attention": Known(
        "GAN with attention",
        Kind(
            "a GAN with attention",
            "melodygan.train --attention",
            {"melodygan>AttentionGAN": "melodygan.models.attention"},
        ),
    ),
    "drums-styles": Known("five styles by rule", DRUM_MODEL),
    "drums-groove": Known("drummers", DRUM_MODEL._replace(program="drumvae.train --grooves")),
    "letters-conditional": Known("conditional GAN", LETTER_MODEL._replace(program="fontgan.train --conditional")),
    "sounds-vqvae": Known(
        "VQ-VAE",
        Kind("a model with codes", "audiovae.train --model vqvae", {"audiovae>AudioVQVAE": "audiovae.models.vae"}),
    ),
}
"""By name, as in `manymodes.hub.MODELS`; a tab opens with its first model."""


class Models(NamedTuple):
    """The loaded models.

    Attributes:
        loaded: models by name, in the order of `KNOWN`.
        files: the file of each loaded model.
        missing: by name, one line on how to get a model that was not loaded.
    """

    loaded: Mapping[str, Any]
    files: Mapping[str, Path]
    missing: Mapping[str, str]

    def titles(self, names: Iterable[str]) -> list[tuple[str, str]]:
        """Return (title, name) of each loaded model."""
        return [(KNOWN[name].title, name) for name in names if name in self.loaded]


def load_models(folder: Path | None = None, *, progress: bool = True) -> Models:
    """Load all models that are available.

    Args:
        folder: contains NAME.keras for each model; None for the pretrained models.
        progress: print each model and its loading time.
    """
    loaded: dict[str, Any] = {}
    files: dict[str, Path] = {}
    missing: dict[str, str] = {}
    for name, known in KNOWN.items():
        begun = time.monotonic()
        file = (folder or pretrained.folder()) / f"{name}.keras"
        try:
            loaded[name] = _load(file, known.kind)
        except UserError as error:
            missing[name] = f"{name}: {error}"
            said = f"note: {missing[name]}"
        else:
            files[name] = file
            said = f"loaded {name} ({time.monotonic() - begun:.1f} s)"
        if progress:
            print(said, flush=True)
    return Models(loaded, files, missing)


def _load(file: Path, kind: Kind) -> Any:
    """Load a model.

    Raises:
        UserError: the file is missing or unusable.
    """
    if not file.is_file():
        raise UserError(
            f"not here. Run python -m {kind.program}, put the model.keras that it writes into a folder as "
            f"{file.name}, and start the studio with --models and that folder."
        )
    model = load_model(file, kind, "the model")
    if getattr(model, "labelled", True):
        return model
    raise UserError(f"the model {file} was trained without labels: give one of {kind.program}")
