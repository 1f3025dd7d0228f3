"""Sounds and their chunks."""
