"""Compare generated music with real music: how close it is, whether it has collapsed, whether it copies."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_NAMES = {
    "reading.notes": ("Notes", "Stack"),
    "reading.folders": ("ReadResult", "Skipped", "read_folder"),
    "features.catalogue": ("FEATURES", "feature_table"),
    "features.table": ("manhattan_distances",),
    "scores.distances": (
        *("intra_set_distances", "inter_set_distances", "overlap_area", "spread", "kld", "jsd", "wasserstein"),
    ),
    "scores.diversity": ("vendi_score", "precision_recall", "frechet_distance"),
    "scores.two_sample": ("TwoSampleTest", "ToldApart"),
    "scores.sets": (
        *("MusicSet", "measure", "read_set", "compare_sets", "ranking", "comparison_frame", "feature_frame"),
    ),
    "comparison": ("Report", "compare_folders"),
}
_HOME = {name: module for module, names in _NAMES.items() for name in names}

__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    """Import a name on first use, so that `import evaluation` costs nothing."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(_HOME)
