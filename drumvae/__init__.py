"""Drum grooves: from rules or real playing to a hierarchical variational autoencoder, and back to MIDI.

import drumvae
four, = drumvae.beats(drumvae.load("drums-styles"), "jazz", bars=4, seed=7)
"""

from typing import Any

__all__ = ["beats", "load"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from drumvae import playing

        return getattr(playing, name)
    raise AttributeError(f"module 'drumvae' has no attribute {name!r}")
