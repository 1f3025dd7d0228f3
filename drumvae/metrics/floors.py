"""What rebuilds bars without a network: the mean pattern, and principal components. A model has to be better.

Both are fitted on training bars and judged on others, by the F1 of hits. Neither gives probabilities, so beside the
usual threshold of a half stands the one that is best on the training bars: the mean pattern is hardly ever over a half.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.decomposition import PCA

from drumvae.data.kit import INSTRUMENTS
from drumvae.metrics.rhythm import THRESHOLD, hit_f1, instrument_f1

if TYPE_CHECKING:
    from numpy.typing import NDArray

COMPONENTS = 16
"""As many numbers a bar as both levels of the hierarchy have together."""

_THRESHOLDS = np.arange(1, 100) / 100


def mean_pattern(train: np.ndarray, bars: np.ndarray) -> NDArray[np.float64]:
    """Return for every bar the share of training bars that hit each cell: [m, 16, 9], [n, 16, 9] → [n, 16, 9]."""
    return np.broadcast_to(np.asarray(train, np.float64).mean(axis=0), bars.shape)


def principal_components(train: np.ndarray, bars: np.ndarray, components: int = COMPONENTS) -> NDArray[np.float64]:
    """Return bars rebuilt from their principal components, [n, 16, 9], about 0 to 1.

    Args:
        train: hits [m, 16, 9] that the components are those of.
        bars: hits [n, 16, 9].
        components: how many; as many as there are training bars, if that is less.
    """
    known, ours = (np.asarray(hits, np.float64).reshape(len(hits), -1) for hits in (train, bars))
    model = PCA(min(components, *known.shape), svd_solver="full").fit(known)
    rebuilt: NDArray[np.float64] = model.inverse_transform(model.transform(ours)).reshape(bars.shape)
    return rebuilt


def best_threshold(hits: np.ndarray, probabilities: np.ndarray) -> float:
    """Return the threshold, in hundredths, from which on predicted hits have the highest F1; the lowest of equals."""
    return float(max(_THRESHOLDS, key=lambda threshold: np.nan_to_num(hit_f1(hits, probabilities, threshold))))


def hit_f1_floors(train: np.ndarray, bars: np.ndarray) -> dict[str, Any]:
    """Return the F1 of hits [n, 16, 9] rebuilt without a network that has seen only ``train``.

    Returns:
        ``hit_f1_mean_pattern`` and ``hit_f1_pca16`` with the threshold that is best on the training bars, and with it
        ``hit_f1_mean_pattern_per_instrument`` and ``hit_f1_pca16_per_instrument``, each by name, NaN for one that is
        neither struck nor predicted; ``hit_f1_mean_pattern_at_half`` and ``hit_f1_pca16_at_half`` with that of a half.
    """
    floors: dict[str, Any] = {}
    for name, rebuild in (("mean_pattern", mean_pattern), ("pca16", principal_components)):
        rebuilt, threshold = rebuild(train, bars), best_threshold(train, rebuild(train, train))
        floors[f"hit_f1_{name}"] = hit_f1(bars, rebuilt, threshold)
        floors[f"hit_f1_{name}_at_half"] = hit_f1(bars, rebuilt, THRESHOLD)
        each = instrument_f1(bars, rebuilt, threshold).tolist()
        floors[f"hit_f1_{name}_per_instrument"] = dict(zip(INSTRUMENTS, each, strict=True))
    return floors
