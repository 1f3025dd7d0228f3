"""Compare generated music with real music: how close it is, whether it has collapsed, whether it copies."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "Notes": "reading.notes",
    "Stack": "reading.notes",
    "ReadResult": "reading.reading",
    "Skipped": "reading.reading",
    "FolderError": "reading.reading",
    "read_folder": "reading.reading",
    "FEATURES": "features.table",
    "feature_table": "features.table",
    "manhattan_distances": "features.table",
    "intra_set_distances": "scores.distances",
    "inter_set_distances": "scores.distances",
    "overlap_area": "scores.distances",
    "spread": "scores.distances",
    "kld": "scores.distances",
    "jsd": "scores.distances",
    "wasserstein": "scores.distances",
    "vendi_score": "scores.diversity",
    "precision_recall": "scores.diversity",
    "frechet_distance": "scores.diversity",
    "MusicSet": "scores.assessment",
    "measure": "scores.assessment",
    "read_set": "scores.assessment",
    "compare_sets": "scores.assessment",
    "ranking": "scores.assessment",
    "comparison_frame": "scores.results",
    "feature_frame": "scores.results",
}

__all__ = [
    "FEATURES",
    "FolderError",
    "MusicSet",
    "Notes",
    "ReadResult",
    "Skipped",
    "Stack",
    "compare_sets",
    "comparison_frame",
    "feature_frame",
    "feature_table",
    "frechet_distance",
    "inter_set_distances",
    "intra_set_distances",
    "jsd",
    "kld",
    "manhattan_distances",
    "measure",
    "overlap_area",
    "precision_recall",
    "ranking",
    "read_folder",
    "read_set",
    "spread",
    "vendi_score",
    "wasserstein",
]


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for, so that `import evaluation` costs nothing."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
