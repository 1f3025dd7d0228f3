"""Melodies: from a corpus of tunes to an LSTM, a GAN or a Wasserstein GAN, and back to MIDI."""
