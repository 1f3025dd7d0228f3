"""Corpora of tunes, and the codecs between tunes and tensors."""
