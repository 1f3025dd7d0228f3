"""What several model families share: adversarial training, layers, run folders, command lines, MIDI."""

__version__ = "0.1.0"
