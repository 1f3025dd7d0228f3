"""Notes, MIDI, scores and sound."""
