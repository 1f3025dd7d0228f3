"""Choosing symbols from logits: temperature, top-k and top-p, as one pure function."""

from __future__ import annotations

import tensorflow as tf


def filtered_logits(logits: tf.Tensor, *, temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0) -> tf.Tensor:
    """Return the logits [..., symbols] to draw from; those of excluded symbols become −∞.

    Args:
        logits: unnormalised log probabilities.
        temperature: divides the logits; below 1 likely symbols become likelier, above 1 the choice is freer.
        top_k: keep the k most likely symbols (ties with the k-th included); 0 keeps all.
        top_p: keep the smallest set of most likely symbols whose probabilities reach p (Holtzman et al., 2020);
            at least the most likely one stays. Applied after temperature and top-k.
    """
    logits = logits / temperature
    excluded = tf.constant(float("-inf"), logits.dtype)
    if 0 < top_k < logits.shape[-1]:
        least = tf.math.top_k(logits, top_k).values[..., -1:]
        logits = tf.where(logits < least, excluded, logits)
    if top_p < 1.0:
        descending = tf.sort(logits, axis=-1, direction="DESCENDING")
        probabilities = tf.nn.softmax(descending)
        before = tf.cumsum(probabilities, axis=-1, exclusive=True)
        # The first symbol has nothing before it, so one symbol is always kept.
        least = tf.reduce_min(tf.where(before < top_p, descending, tf.fill(tf.shape(descending), float("inf"))), -1)
        logits = tf.where(logits < least[..., None], excluded, logits)
    return logits
