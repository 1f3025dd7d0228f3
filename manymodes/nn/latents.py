"""Measures of posterior collapse, on arrays.

Notation: n examples, D dimensions. ``means`` and ``log_variances`` [n, D] are those of the posteriors q(z | x).
"""

from __future__ import annotations

import numpy as np
from scipy.special import logsumexp

ACTIVE_VARIANCE = 0.01
"""Variance of the posterior means from which on a dimension is active (Burda et al., 2016)."""


def active_units(means: np.ndarray) -> np.ndarray:
    """Return which dimensions move from example to example, bool [D]."""
    return means.var(axis=0) > ACTIVE_VARIANCE


def mutual_information(means: np.ndarray, log_variances: np.ndarray, *, seed: int) -> float:
    """Return I(x; z) in nats, at most ln n: how well the latents identify the example.

    E [log q(z | x) − log q(z)], where q(z) is the mean of all n posteriors (Hoffman and Johnson, 2016) and one z is
    drawn for each. Divergence that does not distinguish examples does not count.
    """
    noise = np.random.default_rng(seed).standard_normal(means.shape)
    samples = means + np.exp(log_variances / 2) * noise
    count = len(means)
    log_densities = np.empty((count, count))
    for begin in range(0, count, 256):
        part = samples[begin : begin + 256, None]
        squared = (part - means) ** 2 * np.exp(-log_variances) + log_variances
        log_densities[begin : begin + 256] = -0.5 * squared.sum(axis=-1)
    own = np.diagonal(log_densities)
    return float((own - logsumexp(log_densities, axis=1) + np.log(count)).mean())
