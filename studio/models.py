"""Which models the studio plays on: loaded once, before anybody clicks."""

from __future__ import annotations

import importlib
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from modelkit.cli import UserError, existing_file
from modelkit.pretrained import pretrained

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

__all__ = ["KNOWN", "Known", "Models", "load_models"]


class Known(NamedTuple):
    """A model that has a place in the studio.

    Attributes:
        title: what it is called there.
        loader: ``module:function`` that loads its file.
        trained_by: the command that trains one.
    """

    title: str
    loader: str
    trained_by: str


KNOWN = {
    "melody-lstm": Known("LSTM", "melodygan.output:load_model", "melodygan.train --lstm"),
    "melody-attention": Known("GAN with attention", "melodygan.output:load_model", "melodygan.train --attention"),
    "drums-styles": Known("five styles, by rule", "drumvae.output:load_model", "drumvae.train"),
    "drums-groove": Known("drummers, Groove MIDI", "drumvae.output:load_model", "drumvae.train --grooves FOLDER"),
    "letters-conditional": Known("conditional GAN", "fontgan.generate:load_model", "fontgan.train --conditional"),
    "sounds-vqvae": Known("VQ-VAE", "audiovae.output:load_model", "audiovae.train --model vqvae"),
}
"""By name; the first of a tab is the one it opens with."""


class Models(NamedTuple):
    """What was loaded.

    Attributes:
        loaded: models by name, in the order of `KNOWN`.
        files: where each is from.
        missing: by name, one line of how to get what was not loaded.
    """

    loaded: Mapping[str, Any]
    files: Mapping[str, Path]
    missing: Mapping[str, str]

    def titles(self, names: Iterable[str]) -> list[tuple[str, str]]:
        """Return (title, name) of each that was loaded."""
        return [(KNOWN[name].title, name) for name in names if name in self.loaded]


def load_models(folder: Path | None = None, *, progress: bool = True) -> Models:
    """Load all models that are there.

    Args:
        folder: where each is, as NAME.keras; None for those that ship with the program.
        progress: say what is loaded, and how long it takes.
    """
    loaded: dict[str, Any] = {}
    files: dict[str, Path] = {}
    missing: dict[str, str] = {}
    for name, known in KNOWN.items():
        begun = time.monotonic()
        try:
            file = _file(name, folder)
            loaded[name] = _load(known, file)
        except UserError as error:
            missing[name] = (
                f"{name} is not here ({error}). Train it with python -m {known.trained_by}, and start the studio with "
                f"--models and a folder in which its model.keras is called {name}.keras."
            )
            said = f"note: {missing[name]}"
        else:
            files[name] = file
            said = f"loaded {name} ({time.monotonic() - begun:.1f} s)"
        if progress:
            print(said, flush=True)
    return Models(loaded, files, missing)


def _file(name: str, folder: Path | None) -> Path:
    return pretrained(name) if folder is None else existing_file(folder / f"{name}.keras", "the model")


def _load(known: Known, file: Path) -> Any:
    module, function = known.loader.split(":")
    return getattr(importlib.import_module(module), function)(file)
