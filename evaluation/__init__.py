"""Compare generated music with real music: how close it is, whether it has collapsed, whether it copies."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "Notes": "reading.notes",
    "Stack": "reading.notes",
    "ReadResult": "reading.folders",
    "Skipped": "reading.folders",
    "read_folder": "reading.folders",
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
    "MusicSet": "scores.sets",
    "measure": "scores.sets",
    "read_set": "scores.sets",
    "compare_sets": "scores.sets",
    "ranking": "scores.sets",
    "comparison_frame": "scores.sets",
    "feature_frame": "scores.sets",
    "Report": "report",
    "compare_folders": "report",
}

__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    """Import a name on first use, so that `import evaluation` costs nothing."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(_HOME)
