"""Doing everything once before anybody clicks: libraries are imported, soundfonts read, graphs of networks made."""

from __future__ import annotations

import contextlib
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from modelkit.cli import UserError
from studio import drums, letters, melody, sound

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from studio.models import Models

__all__ = ["warm"]


def warm(models: Models, *, progress: bool = True) -> None:
    """Make something with each model that was loaded, and throw it away.

    Args:
        models: what is warmed up.
        progress: say how long it took.
    """
    begun = time.monotonic()
    makers: dict[str, Callable[[str, Any, Path], None]] = {
        "melody": lambda _, model, place: _melodies(model, place),
        "drums": lambda _, model, place: _beats(model, place),
        "letters": lambda _, model, place: _letters(model, place),
        "sounds": lambda name, model, place: _sounds(model, models.files[name], place),
    }
    with tempfile.TemporaryDirectory() as folder:
        for name, model in models.loaded.items():
            # What a model cannot do, its tab says when it is asked.
            with contextlib.suppress(UserError):
                makers[name.split("-")[0]](name, model, Path(folder) / name)
    if progress:
        print(f"warmed up ({time.monotonic() - begun:.1f} s)", flush=True)


def _melodies(model: Any, place: Path) -> None:
    # Lengths and temperatures that differ: the graph that is made then is one for all of them.
    for seed, (bars, meter, temperature) in enumerate([(4, "4/4", 1.0), (6, "3/4", 0.9), (8, "3/4", 0.8)]):
        found = melody.compose(model, key="G major", meter=meter, bars=bars, temperature=temperature, seed=seed)
        written = melody.score(found, "warm")
        melody.write(place, written, melody.FORMATS)


def _beats(model: Any, place: Path) -> None:
    sliders = [1.0] * len(model.styles)
    bars = drums.play(model, sliders, bars=2, complexity=0.5, humanize=1, tempo=110, seed=0)
    drums.write(place, bars, drums.FORMATS)


def _letters(model: Any, place: Path) -> None:
    images = letters.alphabet(model, 0, 1, 0)
    letters.write(place, images, letters.typeset(images, letters.read_text("A")), "warm")


def _sounds(model: Any, file: Path, place: Path) -> None:
    import numpy as np  # noqa: PLC0415 - beside its use

    made = sound.heard(model, np.sin(np.arange(sound.RATE_HZ, dtype=np.float32) / 10))
    sound.write_picture(place, made, "warm")
    sound.new_sounds(model, file, model.instruments[0], 1, temperature=1.0, seed=0)
