"""Drum grooves: from rules or real playing to a hierarchical variational autoencoder, and back to MIDI.

import drumvae
four, = drumvae.beats(drumvae.load("drums-styles"), "jazz", bars=4, seed=7)
"""

from manymodes.lazy import lazily

__all__ = ["beats", "load"]

__getattr__ = lazily(__name__, {"playing": __all__})
