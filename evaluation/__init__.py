"""Compare generated music with real music: how close it is, whether it has collapsed, whether it copies."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "Notes": "notes",
    "Stack": "notes",
    "ReadResult": "reading",
    "Skipped": "reading",
    "read_folder": "reading",
    "FEATURES": "features",
    "feature_table": "features",
    "manhattan_distance": "features",
    "intra_set_distances": "distances",
    "inter_set_distances": "distances",
    "overlap_area": "distances",
    "spread": "distances",
    "kld": "distances",
    "jsd": "distances",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for, so that `import evaluation` costs nothing."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
