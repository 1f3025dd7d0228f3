"""Melodies: from a corpus of tunes to an LSTM, a GAN or a Wasserstein GAN, and back to MIDI.

import melodygan
scores = melodygan.compose(melodygan.load("melody-lstm"), key="D minor", bars=8)
"""

from typing import Any

__all__ = ["compose", "load", "write_scores"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from melodygan import composing

        return getattr(composing, name)
    raise AttributeError(f"module 'melodygan' has no attribute {name!r}")
