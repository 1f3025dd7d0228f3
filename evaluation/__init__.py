"""Compare generated music with real music: how close it is, whether it has collapsed, whether it copies."""

from __future__ import annotations

from manymodes.lazy import lazily

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

__all__ = [name for names in _NAMES.values() for name in names]

__getattr__ = lazily(__name__, _NAMES)


def __dir__() -> list[str]:
    return sorted(__all__)
