"""Use each model once at the start: this imports libraries, reads soundfonts and traces the networks."""

from __future__ import annotations

import contextlib
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from manymodes.cli import UserError, quiet_start
from manymodes_studio import drums, letters, melody, sound
from melodygan.models.lstm import MelodyLSTM

if TYPE_CHECKING:
    from typing import Any

    from manymodes_studio.models import Models

__all__ = ["warm"]


def warm(models: Models, *, progress: bool = True) -> None:
    """Generate something with each loaded model and discard it.

    Args:
        models: the loaded models.
        progress: print the time taken.
    """
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, quiet_start():
        for name, model in models.loaded.items():
            # Errors of a model are shown later, in its tab.
            with contextlib.suppress(UserError):
                _use(name, model, models.files[name], Path(folder) / name)
    if progress:
        print(f"warmed up ({time.monotonic() - begun:.1f} s)", flush=True)


def _use(name: str, model: Any, file: Path, place: Path) -> None:
    match name.partition("-")[0]:
        case "melody":
            _melodies(model, place)
        case "drums":
            _beats(model, place)
        case "letters":
            _letters(model, place)
        case "sounds":
            _sounds(model, file, place)


def _melodies(model: Any, place: Path) -> None:
    # With different lengths and temperatures, TensorFlow traces graphs that serve all of them.
    for seed, (bars, temperature) in enumerate([(4, 1.0), (6, 0.9), (8, 0.8)]):
        found = melody.compose(model, key="G major", meter="3/4", bars=bars, temperature=temperature, seed=seed)
        melody.write(place, found.score, melody.FORMATS)
        if isinstance(model, MelodyLSTM):
            melody.vary(model, found, temperature=temperature, seed=seed)


def _beats(model: Any, place: Path) -> None:
    sliders = [1.0] * len(model.styles)
    bars = drums.play(model, sliders, bars=2, complexity=0.5, humanize=1, tempo=110, seed=0)
    drums.write(place, bars, drums.FORMATS)


def _letters(model: Any, place: Path) -> None:
    images = letters.alphabet(model, 0, 1, 0)
    letters.write(place, images, letters.typeset(images, letters.read_text("A")), "warm")


def _sounds(model: Any, file: Path, place: Path) -> None:
    import numpy as np

    made = sound.reconstruct(model, np.sin(np.arange(sound.RATE_HZ, dtype=np.float32) / 10))
    sound.write_picture(place, made, "warm")
    for count in (1, 2):  # so that one graph serves any number of sounds, as above
        sound.new_sounds(model, file, model.instruments[0], count, temperature=1.0, seed=0)
