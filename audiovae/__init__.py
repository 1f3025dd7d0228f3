"""Sound: from one-second chunks of recorded instruments to VAEs and VQ-VAEs, and back to WAV.

import audiovae
sounds = audiovae.make_sounds(audiovae.load("sounds-vqvae"), instrument="piano", seed=7)
"""

from manymodes.lazy import lazily

__all__ = ["load", "make_sounds"]

__getattr__ = lazily(__name__, {"synthesis": __all__})
