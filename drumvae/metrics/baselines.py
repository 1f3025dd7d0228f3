"""Baselines without a network: the ceiling, reconstructions and bars, and their measures. A model has to be better.

Reconstructions are fitted on training bars and scored on others by the F1 of hits. They are no probabilities, so beside
a threshold of a half there is the best one on the training bars: the mean pattern is hardly ever above a half.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.special import logsumexp
from sklearn.decomposition import PCA

from drumvae.data.rules import bundled_rules
from drumvae.metrics.probes import probe, style_classifier, transfer_scores
from drumvae.metrics.rhythm import THRESHOLD, hit_f1, instrument_f1

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from drumvae.data.grooves import Bars, Grooves

COMPONENTS = 16
"""As many numbers per bar as both levels of the hierarchy have together."""

HIGH_COMPONENTS = 4
"""The greatest principal components, which stand for z_high; the others stand for z_low."""

_THRESHOLDS = np.arange(1, 100) / 100


class Composed(NamedTuple):
    """The bars [n, 16, 9] of a row of `drumvae.compare`, the styles asked for [n], and measures as in metrics.json."""

    hits: np.ndarray
    styles: np.ndarray
    measures: Mapping[str, Any] = {}


def mean_pattern(train: np.ndarray, bars: np.ndarray) -> NDArray[np.float64]:
    """Return for every bar the share of training bars that hit each cell: [m, 16, 9], [n, 16, 9] → [n, 16, 9]."""
    return np.broadcast_to(np.asarray(train, np.float64).mean(axis=0), bars.shape)


def principal_components(train: np.ndarray, bars: np.ndarray) -> NDArray[np.float64]:
    """Return bars reconstructed from their `COMPONENTS`, [m, 16, 9], [n, 16, 9] → [n, 16, 9], about 0 to 1."""
    known, ours = (np.asarray(hits, np.float64).reshape(len(hits), -1) for hits in (train, bars))
    model = _components(known)
    return np.asarray(model.inverse_transform(model.transform(ours))).reshape(bars.shape)


def _components(cells: np.ndarray) -> PCA:
    return PCA(min(COMPONENTS, *cells.shape), svd_solver="full").fit(cells)


def best_threshold(hits: np.ndarray, probabilities: np.ndarray) -> float:
    """Return the threshold, in hundredths, at which predicted hits have the highest F1; the lowest of equals."""
    return float(max(_THRESHOLDS, key=lambda threshold: np.nan_to_num(hit_f1(hits, probabilities, threshold))))


def hit_f1_baselines(train: np.ndarray, bars: np.ndarray) -> dict[str, Any]:
    """Return the F1 of hits [n, 16, 9] reconstructed without a network, from ``train`` alone.

    Returns:
        ``hit_f1_mean_pattern`` and ``hit_f1_pca16`` with the best threshold on the training bars, and with it
        ``hit_f1_mean_pattern_per_instrument`` and ``hit_f1_pca16_per_instrument``, each by name, NaN for one that is
        neither struck nor predicted; ``hit_f1_mean_pattern_at_half`` and ``hit_f1_pca16_at_half`` with that of a half.
    """
    scores: dict[str, Any] = {}
    for name, rebuild in (("mean_pattern", mean_pattern), ("pca16", principal_components)):
        rebuilt, threshold = rebuild(train, bars), best_threshold(train, rebuild(train, train))
        scores[f"hit_f1_{name}"] = hit_f1(bars, rebuilt, threshold)
        scores[f"hit_f1_{name}_at_half"] = hit_f1(bars, rebuilt, THRESHOLD)
        scores[f"hit_f1_{name}_per_instrument"] = instrument_f1(bars, rebuilt, threshold)
    return scores


def real_bars(grooves: Grooves, count: int, seed: int) -> Composed:
    """Take up to ``count`` validation bars, from which nothing here is learned."""
    some = grooves.validation[np.random.default_rng(seed).permutation(len(grooves.validation))[:count]]
    measures: dict[str, float] = {}
    if grooves.by_rule:
        measures = likelihood_measures(-bundled_rules().log_probability(grooves.test.hits), grooves.test, by_rule=True)
    return Composed(some.hits, some.styles, measures)


def composed_of_components(grooves: Grooves, count: int, seed: int) -> Composed:
    """Compose with principal components as latents, normally distributed in each style.

    A bar that gets another style keeps the distance of its components from the mean of its own.
    """
    train, test = grooves.train, grooves.test
    model = _components(_flat(train.hits))
    known, seen = (model.transform(_flat(bars.hits)) for bars in (train, test))

    def rebuilt(components: np.ndarray) -> np.ndarray:
        # `PCA.inverse_transform` refuses no rows, as there are where there is one style alone
        return np.asarray(components @ model.components_ + model.mean_).reshape(-1, *train.hits.shape[1:])

    threshold = best_threshold(train.hits, rebuilt(known))
    asked = asked_styles(grooves, count)
    means, composed = (np.zeros((rows, known.shape[1])) for rows in (len(grooves.styles), count))
    rng = np.random.default_rng(seed)
    for style in np.unique(train.styles):
        components = known[train.styles == style]
        means[style] = components.mean(axis=0)
        spread = np.atleast_2d(np.cov(components, rowvar=False, bias=True))
        composed[asked == style] = rng.multivariate_normal(means[style], spread, int((asked == style).sum()))
    rows, targets = other_styles(train, test)
    moved = seen[rows] - means[test.styles[rows]] + means[targets]
    high, low = (
        probe(known[:, part], train.styles, seen[:, part], test.styles)
        for part in (slice(HIGH_COMPONENTS), slice(HIGH_COMPONENTS, None))
    )
    measures = {
        "probe_high": high,
        "probe_low": low,
        "hit_f1": hit_f1(test.hits, rebuilt(seen), threshold),
        **_transfer(grooves, rebuilt(moved) >= threshold),
    }
    return Composed(rebuilt(composed) >= threshold, asked, measures)


def replayed_bars(grooves: Grooves, count: int, seed: int) -> Composed:
    """Replay training bars of the style; a transferred bar becomes the most similar bar of the other style."""
    train, rng = grooves.train, np.random.default_rng(seed)
    asked = asked_styles(grooves, count)
    rows, targets = other_styles(train, grooves.test)
    sources = grooves.test.hits[rows]
    nearest = np.empty_like(sources)
    for target in np.unique(targets):
        of_style = train.hits[train.styles == target]
        nearest[targets == target] = of_style[_most_similar(sources[targets == target], of_style)]
    replayed = np.empty(count, np.int64)
    for style in np.unique(asked):
        replayed[asked == style] = rng.choice(np.flatnonzero(train.styles == style), int((asked == style).sum()))
    return Composed(train.hits[replayed], asked, _transfer(grooves, nearest))


def shuffled_hits(grooves: Grooves, count: int, seed: int) -> Composed:
    """Draw each cell by itself, hit as often as in the training bars of the style."""
    train, test = grooves.train, grooves.test
    rng = np.random.default_rng(seed)

    def drawn(styles: np.ndarray) -> np.ndarray:
        return rng.random((len(styles), *train.hits.shape[1:])) < _profiles(grooves)[styles]

    asked = asked_styles(grooves, count)
    learned, counts = np.unique(train.styles, return_counts=True)
    each = [_independent(train.hits[train.styles == style], test.hits) for style in learned]
    nats_a_bar = -logsumexp(np.stack(each) + np.log(counts / len(train))[:, None], axis=0)
    _, targets = other_styles(train, test)
    likelihood = likelihood_measures(nats_a_bar, test, by_rule=grooves.by_rule)
    measures = {**likelihood, **_transfer(grooves, drawn(targets))}
    return Composed(drawn(asked), asked, measures)


def mean_patterns(grooves: Grooves, count: int, _seed: int) -> Composed:
    """Repeat the mean pattern of a style."""
    train, test = grooves.train, grooves.test
    profiles = _profiles(grooves)
    patterns = profiles >= best_threshold(train.hits, profiles[train.styles])
    asked = asked_styles(grooves, count)
    _, targets = other_styles(train, test)
    measures = {
        "hit_f1": hit_f1_baselines(train.hits, test.hits)["hit_f1_mean_pattern"],
        **likelihood_measures(-_independent(train.hits, test.hits), test, by_rule=grooves.by_rule),
        **_transfer(grooves, patterns[targets]),
    }
    return Composed(patterns[asked], asked, measures)


BASELINES: dict[str, Callable[[Grooves, int, int], Composed]] = {
    "real": real_bars,
    "components": composed_of_components,
    "replay": replayed_bars,
    "shuffled": shuffled_hits,
    "mean-pattern": mean_patterns,
}
"""Functions of grooves, a count and a seed, by the names of their rows."""


def asked_styles(grooves: Grooves, count: int) -> NDArray[np.int64]:
    """Return the styles for ``count`` bars, [n]: in turn those that have training bars."""
    learned = np.unique(grooves.train.styles)
    return np.asarray(learned[np.arange(count) % len(learned)])


def other_styles(train: Bars, test: Bars) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return every test bar with every learned style but its own: numbers of bars [m] and styles [m]."""
    learned = np.unique(train.styles)
    numbers, rows = np.nonzero(test.styles != learned[:, None])
    return rows, learned[numbers]


@functools.lru_cache(maxsize=1)
def classifier_of(grooves: Grooves) -> Callable[[np.ndarray], np.ndarray]:
    """Return the style classifier of the training bars, see `drumvae.metrics.probes.style_classifier`."""
    return style_classifier(grooves.train.hits, grooves.train.styles)


def _most_similar(bars: np.ndarray, others: np.ndarray) -> NDArray[np.int64]:
    """Return for each of n bars the number of the other bar with the highest F1 of hits: [n]."""
    ours, theirs = _flat(bars), _flat(others)
    scores = 2 * ours @ theirs.T / np.maximum(ours.sum(axis=1)[:, None] + theirs.sum(axis=1), 1)
    return np.asarray(scores.argmax(axis=1))


def _profiles(grooves: Grooves) -> NDArray[np.float64]:
    """Return the share of each style's training bars that hit each cell, [S, 16, 9]; 0 where there are none."""
    train = grooves.train
    profiles = np.zeros((len(grooves.styles), *train.hits.shape[1:]))
    for style in np.unique(train.styles):
        profiles[style] = train.hits[train.styles == style].mean(axis=0)
    return profiles


def _independent(train: np.ndarray, bars: np.ndarray) -> NDArray[np.float64]:
    """Return log p of bars, [n], with independent cells that are hit as often as in training.

    By Laplace's rule, so that nothing is impossible only because it has never occurred.
    """
    chances = ((np.sum(train, axis=0) + 1) / (len(train) + 2)).reshape(-1)
    hits = _flat(bars)
    return np.asarray(hits @ np.log(chances) + (1 - hits) @ np.log1p(-chances))


def likelihood_measures(nats_a_bar: np.ndarray, test: Bars, *, by_rule: bool) -> dict[str, float]:
    """Return the measures of −log p of the test bars, [n]; of bars by rule its distance from the least possible too."""
    measures = {"iwae_nats": float(nats_a_bar.mean(dtype=np.float64))}
    if by_rule:
        exact = -bundled_rules().log_probability(test.hits)
        gaps = nats_a_bar - exact
        measures |= {
            "entropy_bound_nats": float(exact.mean()),
            "gap_nats": float(gaps.mean()),
            "gap_error": float(gaps.std(ddof=1) / np.sqrt(len(gaps))),
        }
    return measures


def _transfer(grooves: Grooves, transferred: np.ndarray) -> dict[str, float]:
    """Measure the bars of `other_styles` after their transfer, [m, 16, 9]."""
    train = grooves.train
    rows, targets = other_styles(train, grooves.test)
    if not len(rows):
        return {}
    sources = grooves.test.hits[rows]
    return transfer_scores(classifier_of(grooves), sources, transferred, targets, train.hits, train.styles)


def _flat(hits: np.ndarray) -> NDArray[np.float32]:
    return np.asarray(hits, np.float32).reshape(len(hits), -1)
