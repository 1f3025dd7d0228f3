"""Typefaces and their letters as arrays."""
