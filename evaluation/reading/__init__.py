"""MIDI files and folders of them as arrays."""
