"""Whether each latent dimension stands for one thing: MIG, DCI, SAP, and a variance ratio that does not tell.

Notation: n bars, D dimensions of a latent [n, D], K factors, such as style, density and syncopation.

MIG, DCI and SAP see the order or the proportions of a dimension's values, but not how large they are: of latents that
have collapsed they must be given draws, as a decoder gets them, in which noise has drowned what is left of the means.
Even random latents get a little more than 0; `scores` of factors in another order says how much.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.stats import entropy
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.metrics import mutual_info_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from drumvae.metrics.probes import probe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

BINS = 20
"""Classes, of as many bars each, that continuous values are put into where a measure needs classes."""


class Factor(NamedTuple):
    """Something that varies among bars.

    Attributes:
        name: of it.
        values: [n], numbers of classes, or quantities.
        categorical: which of the two they are.
    """

    name: str
    values: np.ndarray
    categorical: bool


class DCI(NamedTuple):
    """See `dci`; all are best at 1."""

    disentanglement: float
    completeness: float
    informativeness: NDArray[np.float64]


def in_bins(values: np.ndarray) -> NDArray[np.int64]:
    """Return classes of numbers [n], 0 to `BINS` − 1 in their order; equal numbers are in one class."""
    edges = np.quantile(values, np.arange(1, BINS) / BINS)
    return np.searchsorted(edges, values, side="right")


def mutual_information_gaps(latents: np.ndarray, factors: Sequence[Factor]) -> NDArray[np.float64]:
    """Return for each factor how much more the best dimension tells of it than the second: [K], 0 to 1.

    (I(z₁; v) − I(z₂; v)) / H(v), in classes by `in_bins`. Their mean is MIG: Chen et al., "Isolating Sources of
    Disentanglement in Variational Autoencoders", 2018. A factor that is told by two dimensions alike has none.

    Args:
        latents: [n, D].
        factors: of these; each varies. With few bars, say under 1,000, all information is overstated, but much the
            same for every dimension.
    """
    dimensions = [in_bins(dimension) for dimension in latents.T]
    gaps = []
    for factor in factors:
        classes = factor.values if factor.categorical else in_bins(factor.values)
        told = [mutual_info_score(classes, dimension) for dimension in dimensions]
        gaps.append(_lead(told) / entropy(np.unique(classes, return_counts=True)[1]))
    return np.array(gaps)


def separated_attribute_predictability(
    train: np.ndarray, train_factors: Sequence[Factor], others: np.ndarray, other_factors: Sequence[Factor]
) -> NDArray[np.float64]:
    """Return for each factor how much better the best dimension alone predicts it than the second: [K], 0 to 1.

    A quantity by a line, scored by squared correlation; a class by a logistic regression, scored by balanced accuracy,
    with guessing at 0. Their mean is SAP: Kumar et al., "Variational Inference of Disentangled Latent Concepts from
    Unlabeled Observations", 2018, who have classes of two, which guessing gets half right.

    Args:
        train: latents [m, D] that regressions are fitted on.
        train_factors: of these.
        others: latents [n, D] that all is scored on.
        other_factors: of these, the same in the same order; each varies.
    """
    leads = []
    for known, asked in zip(train_factors, other_factors, strict=True):
        if known.categorical:
            guessing = 1 / len(np.unique(asked.values))
            pairs = zip(train.T, others.T, strict=True)
            read = [probe(ours, known.values, theirs, asked.values) for ours, theirs in pairs]
            predicted = [max(0.0, (accuracy - guessing) / (1 - guessing)) for accuracy in read]
        else:
            predicted = [_squared_correlation(dimension, asked.values) for dimension in others.T]
        leads.append(_lead(predicted))
    return np.array(leads)


def dci(
    train: np.ndarray,
    train_factors: Sequence[Factor],
    others: np.ndarray,
    other_factors: Sequence[Factor],
    *,
    seed: int,
) -> DCI:
    """Return disentanglement, completeness and informativeness by random forests that predict factors from latents.

    With R [D, K] how important each dimension is for each factor:

    - disentanglement: 1 − entropy of a dimension's row of R, to base K, averaged with the row's share of R as weight:
      a dimension is important for one factor only;
    - completeness: 1 − entropy of a factor's column of R, to base D, averaged: one dimension is important for it;
    - informativeness, of each factor: the share of the error of guessing that the forest saves on ``others``; guessing
      says the mean, or the commonest class. Below 0 it is worse.

    Eastwood and Williams, "A Framework for the Quantitative Evaluation of Disentangled Representations", 2018. The
    first two say little where the third is low: importance adds up to 1 even where nothing can be predicted.

    Args:
        train: latents [m, D] that forests are fitted on, D at least 2.
        train_factors: of these, at least 2.
        others: latents [n, D] that informativeness is judged on.
        other_factors: of these, the same in the same order; each varies.
        seed: of the forests.
    """
    importances, saved = [], []
    for known, asked in zip(train_factors, other_factors, strict=True):
        kind = RandomForestClassifier if known.categorical else RandomForestRegressor
        # all dimensions are asked at every split: else those that tell less get a share by chance
        forest = kind(50, min_samples_leaf=5, max_features=None, random_state=seed)
        # scaled, since scikit-learn's trees do not part values that are less than 10⁻⁷ from each other
        model = make_pipeline(StandardScaler(), forest).fit(train, known.values)
        importances.append(forest.feature_importances_)
        saved.append(_saved_error(model.predict(others), known, asked))
    relative = np.stack(importances, axis=1)
    weights = relative.sum(axis=1) / max(relative.sum(), np.finfo(float).tiny)
    return DCI(float(weights @ _concentration(relative)), float(_concentration(relative.T).mean()), np.array(saved))


def scores(
    train: np.ndarray,
    train_factors: Sequence[Factor],
    others: np.ndarray,
    other_factors: Sequence[Factor],
    *,
    seed: int,
) -> dict[str, float]:
    """Return all measures of one latent.

    Args:
        train: latents [m, D] that predictions are learned from.
        train_factors: of these.
        others: latents [n, D] that all is measured on.
        other_factors: of these, the same in the same order.
        seed: of the forests.

    Returns:
        ``mig``, ``sap``, ``dci_disentanglement``, ``dci_completeness`` and ``dci_informativeness``, means over the
        factors, and ``mig_NAME``, ``sap_NAME`` and ``dci_informativeness_NAME`` of each. A factor that does not vary
        on both sides is left out; where less than two are left, there is nothing to be told apart, and nothing said.
    """
    varying = [pair for pair in zip(train_factors, other_factors, strict=True) if all(map(_varies, pair))]
    if len(varying) < 2:  # noqa: PLR2004 - a pair
        return {}
    train_factors, other_factors = [known for known, _ in varying], [asked for _, asked in varying]
    by_forests = dci(train, train_factors, others, other_factors, seed=seed)
    of_factors = {
        "mig": mutual_information_gaps(others, other_factors),
        "sap": separated_attribute_predictability(train, train_factors, others, other_factors),
        "dci_informativeness": by_forests.informativeness,
    }
    found = {
        "dci_disentanglement": by_forests.disentanglement,
        "dci_completeness": by_forests.completeness,
        **{measure: float(values.mean()) for measure, values in of_factors.items()},
    }
    for measure, values in of_factors.items():
        found |= {f"{measure}_{factor.name}": float(value) for factor, value in zip(other_factors, values, strict=True)}
    return found


def variance_ratio(latents: np.ndarray, styles: np.ndarray) -> float:
    """Return the variance between styles divided by that within them, both summed over dimensions: 0 to ∞.

    The reports' measure of disentanglement, kept to be compared with. It is no evidence that a latent holds the style:

    - it is the same for latents of any size: means that have collapsed to a millionth of the noise around them, of
      which a decoder sees nothing, score as before;
    - one style far away makes it as large as one likes, while the others cannot be told apart;
    - dimensions that vary for reasons of their own make it small, while the style can be told without fail.

    Args:
        latents: [n, D].
        styles: int [n].

    Returns:
        ∞ where bars of a style are all alike, NaN where all bars are.
    """
    between = within = 0.0
    middle = latents.mean(axis=0)
    for style in np.unique(styles):
        group = latents[styles == style]
        share = len(group) / len(latents)
        between += share * float(((group.mean(axis=0) - middle) ** 2).sum())
        within += share * float(group.var(axis=0).sum())
    if within == 0:
        return float("inf") if between > 0 else float("nan")
    return between / within


def _varies(factor: Factor) -> bool:
    return len(np.unique(factor.values)) > 1


def _lead(values: Sequence[float]) -> float:
    """Return how far the largest is above the second, or above 0 where it is the only one."""
    second, first = sorted([0.0, *values])[-2:]
    return float(first - second)


def _squared_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Return the squared correlation of [n] and [n], 0 where one of them does not vary."""
    if a.std() == 0 or b.std() == 0:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1] ** 2)


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
