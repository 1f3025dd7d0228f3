"""Melodies: from a corpus of tunes to an LSTM, a GAN or a Wasserstein GAN, and back to MIDI.

import melodygan
scores = melodygan.compose(melodygan.load("melody-lstm"), key="D minor", bars=8)
"""

from manymodes.lazy import lazily

__all__ = ["compose", "load", "write_scores"]

__getattr__ = lazily(__name__, {"composing": __all__})
