"""Distances, diversity, copying and collapse of sets, and the verdict."""
