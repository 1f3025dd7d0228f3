"""Sound: from one-second chunks of recorded instruments to VAEs and VQ-VAEs, and back to WAV.

import audiovae
sounds = audiovae.make_sounds(audiovae.load("sounds-vqvae"), instrument="piano", seed=7)
"""

from typing import Any

__all__ = ["load", "make_sounds"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from audiovae import synthesis

        return getattr(synthesis, name)
    raise AttributeError(f"module 'audiovae' has no attribute {name!r}")
