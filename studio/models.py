"""Which models the studio plays on: loaded once, before anybody clicks."""

from __future__ import annotations

import importlib
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from modelkit.cli import UserError
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
            file = pretrained(name) if folder is None else folder / f"{name}.keras"
            if not file.is_file():
                raise UserError(f"{file} does not exist")
            module, function = known.loader.split(":")
            loaded[name] = getattr(importlib.import_module(module), function)(file)
            files[name] = file
            if progress:
                print(f"loaded {name} ({time.monotonic() - begun:.1f} s)", flush=True)
        except UserError as error:
            missing[name] = (
                f"{name} is not here ({error}). Train it with python -m {known.trained_by}, and start the studio with "
                f"--models and a folder in which its model.keras is called {name}.keras."
            )
            if progress:
                print(f"note: {missing[name]}", flush=True)
    return Models(loaded, files, missing)
