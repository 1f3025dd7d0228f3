"""What codes cost whoever only counts: the floors of a prior.

Both count the codes of training sequences with one more of everything (Laplace), so that nothing is impossible, and
are measured on other sequences. Codes are int [n, T], from 0 to K − 1.
"""

from __future__ import annotations

import numpy as np

__all__ = ["bigram_bits", "unigram_bits"]


def unigram_bits(train: np.ndarray, held_out: np.ndarray, count: int) -> float:
    """Return the mean −log₂ p(c) with p(c) = (n(c) + 1) / (n + K), in bits a code.

    Args:
        train: the codes that are counted.
        held_out: the codes that are measured.
        count: K.
    """
    return float(_unigram_costs(train, held_out, count).mean())


def bigram_bits(train: np.ndarray, held_out: np.ndarray, count: int) -> float:
    """Return the mean −log₂ p(c | b) with p(c | b) = (n(b c) + 1) / (n(b ·) + K), in bits a code.

    The first code of a sequence has none before it, and costs what it costs in `unigram_bits`.

    Args:
        train: the codes that are counted.
        held_out: the codes that are measured.
        count: K.
    """
    counts = np.bincount((train[:, :-1].astype(np.int64) * count + train[:, 1:]).ravel(), minlength=count**2)
    counts = counts.reshape(count, count) + 1
    costs = np.log2(counts.sum(axis=1, keepdims=True)) - np.log2(counts)
    later = costs[held_out[:, :-1], held_out[:, 1:]]
    return float((_unigram_costs(train, held_out[:, :1], count).sum() + later.sum()) / held_out.size)


def _unigram_costs(train: np.ndarray, held_out: np.ndarray, count: int) -> np.ndarray:
    counts = np.bincount(train.ravel(), minlength=count) + 1
    return (np.log2(counts.sum()) - np.log2(counts))[held_out]
