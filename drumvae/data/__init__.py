"""Drum patterns from rules and from recorded MIDI."""
