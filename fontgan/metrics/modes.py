"""Modes of stacked letters, counted as those of Stacked MNIST are: a classifier reads each plane by itself.

Source: Metz et al. (2017), Srivastava et al. (2017) and Lin et al. (2018), who stack digits: 1,000 modes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import binom, entropy

from fontgan.data.glyphs import LETTERS
from fontgan.data.stacks import MODES, PLANES
from fontgan.metrics.coverage import CONFIDENT

if TYPE_CHECKING:
    from fontgan.metrics.coverage import Reading


def expected_modes(count: int) -> float:
    """Return the mean number of modes of n stacks of letters drawn evenly: M (1 − (1 − 1 / M)ⁿ)."""
    return MODES * (1 - (1 - 1 / MODES) ** count)


def kl_floor(count: int) -> float:
    """Return the mean divergence for n stacks of letters drawn evenly, each mode occurring binomially often."""
    times = np.arange(1, count + 1)
    return float((binom.pmf(times, count, 1 / MODES) * times * np.log(times * MODES / count)).sum() * MODES / count)


def measure_modes(reading: Reading) -> dict[str, float]:
    """Return the measures of n stacks, given the reading of their planes [3 n].

    - ``modes``, ``kl``: number of different modes, and Σ p ln(17,576 p) over them, in nats: 0 where all are as
      frequent, 9.77 for one mode; whether letters are read with confidence or not.
    - ``legible``: share of the stacks whose three letters are read with a confidence of at least `CONFIDENT`;
      ``legible_modes``: the modes that these have.
    - ``expected``, ``kl_floor``: the means of the first two for n stacks of letters drawn evenly.
    - ``n``: stacks.
    """
    modes = reading.letters.reshape(-1, PLANES) @ len(LETTERS) ** np.arange(PLANES)[::-1]  # 0 for AAA
    sure = reading.confidence.reshape(-1, PLANES).min(axis=1) >= CONFIDENT
    return {
        "n": len(modes),
        "modes": len(np.unique(modes)),
        "expected": expected_modes(len(modes)),
        "kl": float(entropy(np.bincount(modes, minlength=MODES), np.ones(MODES))),
        "kl_floor": kl_floor(len(modes)),
        "legible": float(sure.mean()),
        "legible_modes": len(np.unique(modes[sure])),
    }
