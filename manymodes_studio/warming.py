"""Use each model once at the start: this imports libraries, reads soundfonts and traces the networks."""

from __future__ import annotations

import contextlib
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from audiovae.picture import save_picture
from manymodes.cli import UserError, quiet_start
from manymodes_studio import drums, letters, melody, sound

if TYPE_CHECKING:
    from manymodes_studio.models import Models


def warm(models: Models) -> None:
    """Generate something with each loaded model and discard it; print the time taken."""
    begun = time.monotonic()
    uses = {"melody": _melodies, "drums": _beats, "typefaces": _typefaces, "sounds": _sounds}
    with tempfile.TemporaryDirectory() as folder, quiet_start():
        for name, model in models.loaded.items():
            # Errors of a model are shown later, in its tab.
            with contextlib.suppress(UserError):
                uses[name.partition("-")[0]](model, Path(folder) / name)
    print(f"warmed up ({time.monotonic() - begun:.1f} s)", flush=True)


def _melodies(model: Any, stem: Path) -> None:
    # With different lengths and temperatures, TensorFlow traces graphs that serve all of them.
    for seed, (bars, temperature) in enumerate([(4, 1.0), (6, 0.9), (8, 0.8)]):
        composed = melody.compose(model, key="G major", meter="3/4", bars=bars, temperature=temperature, seed=seed)
        melody.write(stem, composed.score, melody.FORMATS)
        if hasattr(model, "vary"):
            melody.vary(model, composed, temperature=temperature, seed=seed)


def _beats(model: Any, stem: Path) -> None:
    sliders = [1.0] * len(model.styles)
    bars = drums.play(model, sliders, bars=2, complexity=0.5, humanize=1, tempo=110, seed=0)
    drums.write(stem, bars, drums.FORMATS)


def _typefaces(model: Any, stem: Path) -> None:
    letters.write(stem, letters.face(model, letters.FIRST), "warm")


def _sounds(model: Any, stem: Path) -> None:
    made = sound.reconstruct(model, np.sin(np.arange(sound.RATE_HZ, dtype=np.float32) / 10))
    save_picture(stem.with_suffix(".png"), made, "warm")
    for count in (1, 2):  # so that one graph serves any number of sounds, as above
        sound.new_sounds(model, model.instruments[0], count, temperature=1.0, seed=0)
