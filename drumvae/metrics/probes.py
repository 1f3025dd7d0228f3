"""What latents and bars predict: probes, a style classifier, scores of style transfer, and measures of disentanglement.

A probe is fitted on some examples and scored on others; those of one recording belong to one side.

Disentangled dimensions stand for one factor each. Notation: n bars, D dimensions of a latent [n, D], K factors, such as
style, density and syncopation. Predictions are learned from ``train`` [m, D] with its factors ``known``, and scored on
``others`` [n, D] with its factors ``asked``. MIG, DCI and SAP depend on the order or the proportions of a dimension's
values, not on their size: a collapsed latent must be drawn, as for a decoder, so that noise drowns what is left of the
means. Even random latents score a little above 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.stats import entropy
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import mutual_info_score, recall_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from drumvae.metrics.rhythm import expected_f1, hit_f1, struck_steps

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from sklearn.base import ClassifierMixin

_ITERATIONS = 5000

BINS = 20
"""Equally frequent classes of continuous values, where a measure needs classes."""


def balanced_accuracy(styles: np.ndarray, predicted: np.ndarray) -> float:
    """Return the share of bars [n] predicted correctly, averaged over the styles: 1 / S for guessing."""
    return float(recall_score(styles, predicted, labels=np.unique(styles), average="macro"))


def probe(train: np.ndarray, train_styles: np.ndarray, others: np.ndarray, other_styles: np.ndarray) -> float:
    """Return the balanced accuracy with which a logistic regression predicts styles, 0 to 1.

    It is fitted on latents or bars [m, ...] with styles [m] and scored on [n, ...] with styles [n]. If all training
    styles are the same, it predicts that one. Inputs are standardised, so a variation of a millionth counts as much as
    one of 1: use latents that are drawn, which is what a decoder gets, and not their means, which may predict the style
    though the noise around them drowns it.
    """
    model = make_pipeline(StandardScaler(), _regression(train_styles)).fit(_flat(train), train_styles)
    return balanced_accuracy(other_styles, model.predict(_flat(others)))


def style_classifier(hits: np.ndarray, styles: np.ndarray) -> Callable[[np.ndarray], NDArray[np.int64]]:
    """Return a function that predicts styles [n] from hits [n, 16, 9], fitted on real bars [m, 16, 9] with styles [m].

    A logistic regression on the cells. On the Groove MIDI Dataset's test files, random forests, support vectors and
    small networks were no better beyond chance.
    """
    # not standardised: cells have one unit, and rare hits would get too much weight
    model = _regression(styles).fit(_flat(hits), styles)
    return lambda bars: np.asarray(model.predict(_flat(bars)))


def transfer_scores(
    classify: Callable[[np.ndarray], np.ndarray],
    sources: np.ndarray,
    transferred: np.ndarray,
    targets: np.ndarray,
    real: np.ndarray,
    real_styles: np.ndarray,
) -> dict[str, float]:
    """Measure whether transferred bars have the target style, and whether they are still like their sources.

    Only both together are a transfer: a bar left as it is keeps every onset, and any bar of the target has the style.
    An onset is a cell, an instrument struck in a step. F1 is over the cells of all bars together. Sources and
    transferred bars are [n, 16, 9], targets [n]; real bars [m, 16, 9], some of every target, have styles [m].

    Returns:
        ``transfer_success``, the share of transferred bars that are classified as the target, and
        ``transfer_success_unchanged``, that of the sources; ``transfer_onset_f1``, the F1 of a transferred bar's onsets
        with its source's, and ``transfer_onset_f1_random``, that of any real bar of the target with the source;
        ``transfer_step_f1`` and ``transfer_step_f1_random``, the same with steps in which anything is struck as onsets.
    """
    scores = {
        "transfer_success": float((classify(transferred) == targets).mean()),
        "transfer_success_unchanged": float((classify(sources) == targets).mean()),
    }
    for name, onsets in (("onset", np.asarray), ("step", struck_steps)):
        ours, theirs = onsets(sources), onsets(real)
        styles, numbers = np.unique(targets, return_inverse=True)
        shares = np.stack([theirs[real_styles == style].mean(axis=0) for style in styles])
        scores[f"transfer_{name}_f1"] = hit_f1(ours, onsets(transferred))
        scores[f"transfer_{name}_f1_random"] = expected_f1(ours, shares[numbers])
    return scores


def _regression(styles: np.ndarray) -> ClassifierMixin:
    if len(np.unique(styles)) == 1:  # which a regression refuses
        return DummyClassifier()
    return LogisticRegression(class_weight="balanced", max_iter=_ITERATIONS)


def _flat(values: np.ndarray) -> NDArray[np.float64]:
    return np.asarray(values, np.float64).reshape(len(values), -1)


class Factor(NamedTuple):
    """Something that varies among bars: values [n] are numbers of classes if categorical, otherwise quantities."""

    name: str
    values: np.ndarray
    categorical: bool


def in_bins(values: np.ndarray) -> NDArray[np.int64]:
    """Return ordered classes of numbers [n], 0 to `BINS` − 1; equal numbers are in one class."""
    edges = np.quantile(values, np.arange(1, BINS) / BINS)
    return np.searchsorted(edges, values, side="right")


def mutual_information_gaps(latents: np.ndarray, factors: Sequence[Factor]) -> NDArray[np.float64]:
    """Return the lead of the best dimension over the second in information on each factor: [K], 0 to 1.

    (I(z₁; v) − I(z₂; v)) / H(v), in classes by `in_bins`. Their mean is MIG: Chen et al., "Isolating Sources of
    Disentanglement in Variational Autoencoders", 2018. Every factor varies. With few bars, say under 1,000, all
    information is overestimated, but much the same for every dimension.
    """
    dimensions = [in_bins(dimension) for dimension in latents.T]
    gaps = []
    for factor in factors:
        classes = factor.values if factor.categorical else in_bins(factor.values)
        information = [mutual_info_score(classes, dimension) for dimension in dimensions]
        gaps.append(_lead(information) / entropy(np.unique(classes, return_counts=True)[1]))
    return np.array(gaps)


def separated_attribute_predictability(
    train: np.ndarray, known: Sequence[Factor], others: np.ndarray, asked: Sequence[Factor]
) -> NDArray[np.float64]:
    """Return for each factor how much better the best dimension alone predicts it than the second: [K], 0 to 1.

    A quantity by a line, scored by squared correlation; a class by a logistic regression, scored by balanced accuracy,
    with guessing at 0. Their mean is SAP: Kumar et al., "Variational Inference of Disentangled Latent Concepts from
    Unlabeled Observations", 2018, who have two classes, of which guessing gets half right. Every factor varies.
    """
    leads = []
    for ours, theirs in zip(known, asked, strict=True):
        if theirs.categorical:
            guessing = 1 / len(np.unique(theirs.values))
            pairs = zip(train.T, others.T, strict=True)
            accuracies = [probe(fitted, ours.values, scored, theirs.values) for fitted, scored in pairs]
            predicted = [max(0.0, (accuracy - guessing) / (1 - guessing)) for accuracy in accuracies]
        else:
            predicted = [
                0.0 if dimension.std() == 0 else float(np.corrcoef(dimension, theirs.values)[0, 1] ** 2)
                for dimension in others.T
            ]
        leads.append(_lead(predicted))
    return np.array(leads)


def dci(
    train: np.ndarray, known: Sequence[Factor], others: np.ndarray, asked: Sequence[Factor], *, seed: int
) -> tuple[float, float, NDArray[np.float64]]:
    """Return disentanglement, completeness and informativeness by random forests that predict factors from latents.

    All are best at 1. With R [D, K] the importance of each dimension for each factor, D and K at least 2:

    - disentanglement: 1 − entropy of a dimension's row of R, to base K, averaged with the row's share of R as weight:
      a dimension is important for one factor only;
    - completeness: 1 − entropy of a factor's column of R, to base D, averaged: one dimension is important for it;
    - informativeness, of each factor: the share of the error of guessing that the forest saves on ``others``; guessing
      is the mean, or the commonest class. Below 0 it is worse.

    Eastwood and Williams, "A Framework for the Quantitative Evaluation of Disentangled Representations", 2018. The
    first two mean little where the third is low: importance adds up to 1 even where nothing can be predicted.
    """
    importances, saved = [], []
    for ours, theirs in zip(known, asked, strict=True):
        kind = RandomForestClassifier if ours.categorical else RandomForestRegressor
        # every split considers all dimensions: otherwise those with less information get a share by chance
        forest = kind(50, min_samples_leaf=5, max_features=None, random_state=seed)
        # scaled, since scikit-learn's trees do not split values that are less than 10⁻⁷ from each other
        model = make_pipeline(StandardScaler(), forest).fit(train, ours.values)
        importances.append(forest.feature_importances_)
        saved.append(_saved_error(model.predict(others), ours, theirs))
    relative = np.stack(importances, axis=1)
    weights = relative.sum(axis=1) / max(relative.sum(), np.finfo(float).tiny)
    return float(weights @ _concentration(relative)), float(_concentration(relative.T).mean()), np.array(saved)


def disentanglement_scores(
    train: np.ndarray, known: Sequence[Factor], others: np.ndarray, asked: Sequence[Factor], *, seed: int
) -> dict[str, float]:
    """Return all measures of one latent.

    Returns:
        ``mig``, ``sap``, ``dci_disentanglement``, ``dci_completeness`` and ``dci_informativeness``, means over the
        factors, and ``mig_NAME``, ``sap_NAME`` and ``dci_informativeness_NAME`` of each. A factor that does not vary
        on both sides is left out; with less than two factors left there are no measures.
    """
    pairs = zip(known, asked, strict=True)
    varying = [pair for pair in pairs if all(len(np.unique(factor.values)) > 1 for factor in pair)]
    if len(varying) < 2:  # noqa: PLR2004 - a pair
        return {}
    known, asked = zip(*varying, strict=True)
    disentanglement, completeness, informativeness = dci(train, known, others, asked, seed=seed)
    results = {"dci_disentanglement": disentanglement, "dci_completeness": completeness}
    for measure, values in (
        ("mig", mutual_information_gaps(others, asked)),
        ("sap", separated_attribute_predictability(train, known, others, asked)),
        ("dci_informativeness", informativeness),
    ):
        results[measure] = float(values.mean())
        results |= {f"{measure}_{factor.name}": float(value) for factor, value in zip(asked, values, strict=True)}
    return results


def variance_ratio(latents: np.ndarray, styles: np.ndarray) -> float:
    """Return the variance of latents [n, D] between styles [n] divided by that within them, summed over dimensions.

    From 0 to ∞; ∞ where bars of a style are all alike, NaN where all bars are. The reports' measure of disentanglement,
    kept for comparison. It does not show that a latent holds the style:

    - it is the same for latents of any size: means that have collapsed to a millionth of the noise around them, so that
      a decoder gets nothing, score as before;
    - one style far away makes it as large as one likes, while the others cannot be distinguished;
    - dimensions that vary for reasons of their own make it small, while the style can be predicted without fail.
    """
    names, numbers = np.unique(styles, return_inverse=True)
    means = np.stack([latents[styles == name].mean(axis=0) for name in names])[numbers]
    between, within = ((means - latents.mean(axis=0)) ** 2).sum(), ((latents - means) ** 2).sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.divide(between, within))


def _lead(values: Sequence[float]) -> float:
    """Return the difference of the largest value and the second, or 0 if there is only one."""
    second, first = sorted([0.0, *values])[-2:]
    return float(first - second)


def _saved_error(predicted: np.ndarray, known: Factor, asked: Factor) -> float:
    if known.categorical:
        classes, counts = np.unique(known.values, return_counts=True)
        error, guessing = ((guess != asked.values).mean() for guess in (predicted, classes[counts.argmax()]))
    else:
        error, guessing = (((guess - asked.values) ** 2).mean() for guess in (predicted, known.values.mean()))
    return float(1 - error / guessing)


def _concentration(weights: np.ndarray) -> NDArray[np.float64]:
    """Return 1 − entropy of each row of [.., N] to base N: 1 for all in one place, 0 for evenly, or nothing at all."""
    nothing = weights.sum(axis=1) == 0
    return np.where(nothing, 0.0, 1 - entropy(weights + nothing[:, None], base=weights.shape[1], axis=1))
