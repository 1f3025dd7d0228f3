"""Choosing symbols from logits: temperature, top-k and top-p, as pure functions on NumPy's arrays."""

from __future__ import annotations

import numpy as np

TEMPERATURE = 0.9
"""What melody models multiply the temperature by, a GAN its Gumbel noise, in training too.

Errors add up along a tune; a little less freedom makes up for that."""


def filtered_logits(logits: np.ndarray, *, temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0) -> np.ndarray:
    """Return the logits [..., symbols] to draw from; those of excluded symbols become −∞.

    Args:
        logits: unnormalised log probabilities.
        temperature: divides the logits; below 1 likely symbols become likelier, above 1 the choice is freer.
        top_k: keep the k most likely symbols (ties with the k-th included); 0 keeps all.
        top_p: keep the smallest set of most likely symbols whose probabilities reach p (Holtzman et al., 2020);
            at least the most likely one stays. Applied after temperature and top-k.
    """
    logits = logits / temperature
    if 0 < top_k < logits.shape[-1]:
        least = np.partition(logits, -top_k, axis=-1)[..., -top_k, None]
        logits = np.where(logits < least, -np.inf, logits)
    if top_p < 1.0:
        descending = -np.sort(-logits, axis=-1)
        probabilities = np.exp(log_softmax(descending))
        # The first symbol has nothing before it, so one symbol is always kept.
        before = np.cumsum(probabilities, axis=-1) - probabilities
        least = np.where(before < top_p, descending, np.inf).min(axis=-1, keepdims=True)
        logits = np.where(logits < least, -np.inf, logits)
    return logits


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Return the logarithms of the probabilities of logits [..., symbols]."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def drawn_symbols(logits: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Draw a symbol from each row of logits [n, symbols]: the place in their distribution is the share, in [0, 1)."""
    reached = np.cumsum(np.exp(log_softmax(logits)), axis=-1)
    return (reached <= shares[:, None] * reached[:, -1:]).sum(axis=-1).astype(np.int32)
