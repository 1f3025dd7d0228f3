"""Drum grooves: from rules or real playing to a hierarchical variational autoencoder, and back to MIDI."""
