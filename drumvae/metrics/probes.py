"""What can be told of bars from their latents, or from the bars themselves: style probes, and who reads the style.

A probe is simple and is judged on examples that it was not fitted on; those of one recording belong on one side.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from drumvae.metrics.rhythm import expected_f1, hit_f1, onset_profile, struck_steps

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from sklearn.base import ClassifierMixin

_ITERATIONS = 5000


def balanced_accuracy(styles: np.ndarray, read: np.ndarray) -> float:
    """Return the share of bars [n] read rightly, averaged over the styles that there are: 1 / S for guessing."""
    return float(np.mean([(read[styles == style] == style).mean() for style in np.unique(styles)]))


def probe(train: np.ndarray, train_styles: np.ndarray, others: np.ndarray, other_styles: np.ndarray) -> float:
    """Return the balanced accuracy with which a logistic regression tells styles, 0 to 1.

    It is fitted on one side and judged on the other. What it reads is scaled by the mean and deviation of the first
    side, and styles weigh alike however many bars they have. So it reads what varies by a millionth as well as what
    varies by 1: give it latents as they are drawn, which is what a decoder gets, and not their means. Means may tell
    the style that the noise around them drowns.

    Args:
        train: latents or bars [m, ...].
        train_styles: int [m]. Where all are the same, that one is read everywhere.
        others: [n, ...].
        other_styles: int [n].
    """
    model = make_pipeline(StandardScaler(), _regression(train_styles)).fit(_flat(train), train_styles)
    return balanced_accuracy(other_styles, model.predict(_flat(others)))


def style_classifier(hits: np.ndarray, styles: np.ndarray) -> Callable[[np.ndarray], NDArray[np.int64]]:
    """Learn to read styles from real bars alone, to judge generated bars with.

    A logistic regression on the cells. On the Groove MIDI Dataset's test files, random forests, support vectors and
    small networks were no better beyond chance.

    Args:
        hits: [m, 16, 9] of bars that were played or made by rule; no model has made any of them.
        styles: int [m], which weigh alike however many bars they have. Where all are the same, that one is read
            everywhere.

    Returns:
        a function from hits [n, 16, 9] to the styles that are read, int [n].
    """
    # not scaled: cells have one unit, and those that are hardly ever hit would weigh the more
    model = _regression(styles).fit(_flat(hits), styles)
    return lambda bars: np.asarray(model.predict(_flat(bars)))


def transfer_scores(
    read: Callable[[np.ndarray], np.ndarray],
    sources: np.ndarray,
    transferred: np.ndarray,
    targets: np.ndarray,
    real: np.ndarray,
    real_styles: np.ndarray,
) -> dict[str, float]:
    """Say whether bars that were given another style have it, and are still the bars that they were.

    Only both together are a transfer: a bar left as it is keeps every onset, and any bar of the target has the style.
    An onset is a cell, an instrument struck in a step. F1 is over the cells of all bars together.

    Args:
        read: what `style_classifier` returns.
        sources: hits [n, 16, 9] of bars.
        transferred: hits [n, 16, 9] of the same bars in another style.
        targets: int [n], that style.
        real: hits [m, 16, 9] of real bars, some of every target.
        real_styles: int [m], their styles.

    Returns:
        ``transfer_success``, the share of transferred bars that are read as the target, and
        ``transfer_success_unchanged``, the share of sources that already are; ``transfer_onset_f1``, the F1 of a
        transferred bar's onsets with its source's, and ``transfer_onset_f1_random``, that of any real bar of the
        target with the source; ``transfer_step_f1`` and ``transfer_step_f1_random``, the same where an onset is a step
        in which anything is struck, which keeps no account of instruments.
    """
    scores = {
        "transfer_success": float((read(transferred) == targets).mean()),
        "transfer_success_unchanged": float((read(sources) == targets).mean()),
    }
    for name, onsets in (("onset", np.asarray), ("step", struck_steps)):
        ours, theirs = onsets(sources), onsets(real)
        styles, numbers = np.unique(targets, return_inverse=True)
        shares = np.stack([onset_profile(theirs[real_styles == style]) for style in styles])
        scores[f"transfer_{name}_f1"] = hit_f1(ours, onsets(transferred))
        scores[f"transfer_{name}_f1_random"] = expected_f1(ours, shares[numbers])
    return scores


def _regression(styles: np.ndarray) -> ClassifierMixin:
    if len(np.unique(styles)) == 1:  # which a regression refuses
        return DummyClassifier()
    return LogisticRegression(class_weight="balanced", max_iter=_ITERATIONS)


def _flat(values: np.ndarray) -> NDArray[np.float64]:
    return np.asarray(values, np.float64).reshape(len(values), -1)
