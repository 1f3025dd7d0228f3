"""Compare generated music with real music: how close it is, whether it has collapsed, whether it copies."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "Notes": "notes",
    "Stack": "notes",
    "ReadResult": "reading",
    "Skipped": "reading",
    "FolderError": "reading",
    "read_folder": "reading",
    "FEATURES": "features",
    "feature_table": "features",
    "manhattan_distances": "features",
    "intra_set_distances": "distances",
    "inter_set_distances": "distances",
    "overlap_area": "distances",
    "spread": "distances",
    "kld": "distances",
    "jsd": "distances",
    "wasserstein": "distances",
    "vendi_score": "diversity",
    "precision_recall": "diversity",
    "frechet_distance": "diversity",
    "MusicSet": "assessment",
    "measure": "assessment",
    "read_set": "assessment",
    "compare_sets": "assessment",
    "ranking": "assessment",
    "comparison_frame": "results",
    "feature_frame": "results",
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
