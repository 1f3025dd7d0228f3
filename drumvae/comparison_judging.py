"""What is measured of a row of `drumvae.compare`, and the rows that need no training: no TensorFlow."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.special import logsumexp
from sklearn.decomposition import PCA

from drumvae.comparison_text import nats
from drumvae.data.grooves import log_probability
from drumvae.data.kit import INSTRUMENTS, STEPS
from drumvae.metrics.floors import COMPONENTS, best_threshold, hit_f1_floors
from drumvae.metrics.probes import balanced_accuracy, probe, style_classifier, transfer_scores
from drumvae.metrics.rhythm import hit_f1, mean_distance, nearest_training, onset_profile
from evaluation.scores.distances import pairwise
from evaluation.scores.diversity import precision_recall
from evaluation.scores.verdict import number, share

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from drumvae.data.grooves import Bars, Grooves

SHOWN = 2
"""Bars of each style that are drawn of a row."""

HIGH_COMPONENTS = 4
"""Principal components that stand for z_high, the greatest; the others stand for z_low."""

_COLUMNS = {"high": "kl_high_", "low": "kl_low_"}


class Made(NamedTuple):
    """What a row has made, to be judged.

    Attributes:
        hits: [n, 16, 9] of bars; none where it makes none.
        styles: [n] that they are to have.
        measures: what is known of it besides, as in analysis.json.
        facts: of the training; nothing where there was none.
        history: of it.
    """

    hits: np.ndarray
    styles: np.ndarray
    measures: Mapping[str, Any] = {}
    facts: Mapping[str, Any] = {}
    history: Sequence[Mapping[str, float]] = ()


# --- rows that need no training -----------------------------------------------------------------------------


def real_bars(grooves: Grooves, count: int, seed: int) -> Made:
    """Take up to ``count`` validation bars, which nothing here learns from."""
    some = grooves.validation[np.random.default_rng(seed).permutation(len(grooves.validation))[:count]]
    measures: dict[str, Any] = {}
    if grooves.by_rule:
        measures = {"iwae_nats": float(-log_probability(grooves.test.hits).mean()), "gap_nats": 0.0, "gap_error": 0.0}
    return Made(some.hits, some.styles, measures)


def principal_components(grooves: Grooves, count: int, seed: int) -> Made:
    """Let principal components stand for latents: what needs no network.

    Bars are composed from components that are normally distributed in each style. One that is given another style
    keeps how its components differ from the mean of its own.
    """
    train, test = grooves.train, grooves.test
    model = PCA(min(COMPONENTS, train.hits[0].size, len(train)), svd_solver="full").fit(_flat(train.hits))
    known, seen = (model.transform(_flat(bars.hits)) for bars in (train, test))

    def rebuilt(components: np.ndarray) -> np.ndarray:
        probabilities: np.ndarray = components @ model.components_ + model.mean_
        return probabilities.reshape(-1, *train.hits.shape[1:])

    threshold = best_threshold(train.hits, rebuilt(known))
    asked = asked_styles(grooves, count)
    means, composed = (np.zeros((rows, known.shape[1])) for rows in (len(grooves.styles), count))
    rng = np.random.default_rng(seed)
    for style in np.unique(train.styles):
        components = known[train.styles == style]
        means[style] = components.mean(axis=0)
        spread = np.atleast_2d(np.cov(components, rowvar=False, bias=True))
        composed[asked == style] = rng.multivariate_normal(means[style], spread, int((asked == style).sum()))
    parts = {"high": slice(HIGH_COMPONENTS), "low": slice(HIGH_COMPONENTS, None)}
    measures = {
        f"probe_{level}": probe(known[:, part], train.styles, seen[:, part], test.styles)
        for level, part in parts.items()
    }
    measures["hit_f1"] = hit_f1(test.hits, rebuilt(seen), threshold)
    rows, targets = _every_other_style(grooves)
    moved = seen[rows] - means[test.styles[rows]] + means[targets]
    measures |= _transfer(grooves, rebuilt(moved) >= threshold)
    return Made(rebuilt(composed) >= threshold, asked, measures)


def replayed_bars(grooves: Grooves, count: int, seed: int) -> Made:
    """Replay training bars of the style asked for; one that is to be given another style becomes its nearest there."""
    train = grooves.train
    asked = asked_styles(grooves, count)
    rows, targets = _every_other_style(grooves)
    sources = grooves.test.hits[rows]
    nearest = np.empty_like(sources)
    for target in np.unique(targets):
        of_style = train.hits[train.styles == target]
        nearest[targets == target] = of_style[_most_alike(sources[targets == target], of_style)]
    return Made(
        train.hits[_any_of_style(train, asked, np.random.default_rng(seed))],
        asked,
        _transfer(grooves, nearest),
    )


def shuffled_hits(grooves: Grooves, count: int, seed: int) -> Made:
    """Take each cell from another training bar of the style: as often as it is hit there, and independent of others."""
    train = grooves.train
    rng = np.random.default_rng(seed)

    def drawn(styles: np.ndarray) -> np.ndarray:
        return rng.random((len(styles), *train.hits.shape[1:])) < _profiles(grooves)[styles]

    asked = asked_styles(grooves, count)
    learned, counts = np.unique(train.styles, return_counts=True)
    each = [_independent(train.hits[train.styles == style], grooves.test.hits) for style in learned]
    nats_a_bar = -logsumexp(np.stack(each) + np.log(counts / len(train))[:, None], axis=0)
    _, targets = _every_other_style(grooves)
    measures = {**_likelihood(grooves, nats_a_bar), **_transfer(grooves, drawn(targets))}
    return Made(drawn(asked), asked, measures)


def mean_patterns(grooves: Grooves, count: int, seed: int) -> Made:  # noqa: ARG001 - one signature for all controls
    """Play the mean pattern of a style again and again."""
    train, test = grooves.train, grooves.test
    profiles = _profiles(grooves)
    patterns = profiles >= best_threshold(train.hits, profiles[train.styles])
    asked = asked_styles(grooves, count)
    _, targets = _every_other_style(grooves)
    measures = {
        "hit_f1": hit_f1_floors(train.hits, test.hits)["hit_f1_mean_pattern"],
        **_likelihood(grooves, -_independent(train.hits, test.hits)),
        **_transfer(grooves, patterns[targets]),
    }
    return Made(patterns[asked], asked, measures)


CONTROLS: dict[str, Callable[[Grooves, int, int], Made]] = {
    "real": real_bars,
    "components": principal_components,
    "replay": replayed_bars,
    "shuffled": shuffled_hits,
    "mean-pattern": mean_patterns,
}
"""What gives a row that needs no training, from the grooves, a count and a seed."""


def asked_styles(grooves: Grooves, count: int) -> NDArray[np.int64]:
    """Return the styles that so many bars are to have, [n]: those in turn that there are bars to learn from."""
    learned = np.unique(grooves.train.styles)
    return np.asarray(learned[np.arange(count) % len(learned)])


def _any_of_style(bars: Bars, styles: np.ndarray, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return for each style the number of any bar that has it, [n]."""
    rows = np.empty(len(styles), np.int64)
    for style in np.unique(styles):
        rows[styles == style] = rng.choice(np.flatnonzero(bars.styles == style), int((styles == style).sum()))
    return rows


def _most_alike(bars: np.ndarray, others: np.ndarray) -> NDArray[np.int64]:
    """Return for each of n bars which other one has most hits in common with it, by F1: [n]."""
    ours, theirs = _flat(bars), _flat(others)
    alike = 2 * ours @ theirs.T / np.maximum(ours.sum(axis=1)[:, None] + theirs.sum(axis=1), 1)
    return np.asarray(alike.argmax(axis=1))


def _profiles(grooves: Grooves) -> NDArray[np.float64]:
    """Return the share of each style's training bars that hit each cell, [S, 16, 9]; 0 where there are none."""
    train = grooves.train
    profiles = np.zeros((len(grooves.styles), *train.hits.shape[1:]))
    for style in np.unique(train.styles):
        profiles[style] = onset_profile(train.hits[train.styles == style])
    return profiles


def _independent(train: np.ndarray, bars: np.ndarray) -> NDArray[np.float64]:
    """Return log p of bars, [n], with cells that are hit as often as in training, each by itself.

    By Laplace's rule, so that nothing is impossible for never having been seen.
    """
    chances = ((np.sum(train, axis=0) + 1) / (len(train) + 2)).reshape(-1)
    hits = _flat(bars)
    return np.asarray(hits @ np.log(chances) + (1 - hits) @ np.log1p(-chances))


def _likelihood(grooves: Grooves, nats_a_bar: np.ndarray) -> dict[str, float]:
    """Return the measures of −log p of the test bars, [n]."""
    found = {"iwae_nats": float(nats_a_bar.mean())}
    if grooves.by_rule:
        apart = nats_a_bar + log_probability(grooves.test.hits)
        found |= {"gap_nats": float(apart.mean()), "gap_error": float(apart.std(ddof=1) / np.sqrt(len(apart)))}
    return found


def _every_other_style(grooves: Grooves) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return every test bar with every learned style that it does not have: numbers of bars [m] and styles [m]."""
    learned = np.unique(grooves.train.styles)
    rows = [np.flatnonzero(grooves.test.styles != style) for style in learned]
    return np.concatenate(rows), np.repeat(learned, list(map(len, rows)))


def _transfer(grooves: Grooves, transferred: np.ndarray) -> dict[str, float]:
    """Judge what has become of the bars of `_every_other_style`, [m, 16, 9]."""
    rows, targets = _every_other_style(grooves)
    if not len(rows):
        return {}
    train, sources = grooves.train, grooves.test.hits[rows]
    return transfer_scores(_reader(grooves), sources, transferred, targets, train.hits, train.styles)


# --- what is measured ---------------------------------------------------------------------------------------


def judge(made: Made, grooves: Grooves) -> dict[str, Any]:
    """Measure what a row has made.

    Returns:
        ``measures``: those of analysis.json that are known of it, and of its bars ``style_hit``, ``diversity``,
        ``precision``, ``recall`` and what `drumvae.metrics.rhythm.nearest_training` has; ``…_real`` is the same of test
        bars, ``…_ceiling`` of as many training bars. ``verdict``: sentences. ``figures``: the first ``bars`` of each
        style, as hexadecimal digits, and of each of the ``epochs`` the ``seconds`` spent, ``val_nats`` and the
        divergences of each dimension of both levels, ``high`` and ``low``.
    """
    measures = {**_bounds(grooves), **made.measures, **_composed(made, grooves)}
    rows = [np.flatnonzero(made.styles == style)[:SHOWN] for style in range(len(grooves.styles))]
    bars = [[pack(bar) for bar in made.hits[some]] for some in rows]
    return {
        "measures": measures,
        "verdict": {"latents": _latents_sentence(measures), "bars": _bars_sentence(measures)},
        "figures": {"bars": bars, "epochs": [_epoch(row) for row in made.history]},
    }


def pack(bar: np.ndarray) -> str:
    """Write hits [16, 9] as hexadecimal digits."""
    return np.packbits(np.asarray(bar, bool)).tobytes().hex()


def unpack(text: str) -> NDArray[np.bool_]:
    """Read what `pack` has written: [16, 9]."""
    cells = np.unpackbits(np.frombuffer(bytes.fromhex(text), np.uint8))
    return cells[: STEPS * len(INSTRUMENTS)].reshape(STEPS, len(INSTRUMENTS)).astype(bool)


@functools.lru_cache(maxsize=1)
def _reader(grooves: Grooves) -> Callable[[np.ndarray], np.ndarray]:
    return style_classifier(grooves.train.hits, grooves.train.styles)


@functools.lru_cache(maxsize=1)
def _bounds(grooves: Grooves) -> Mapping[str, Any]:
    """Return what stands beside the measures of every row."""
    train, test = grooves.train, grooves.test
    learned = train[np.random.default_rng(grooves.seed).permutation(len(train))]
    exact = float(-log_probability(test.hits).mean()) if grooves.by_rule else None
    return {
        **hit_f1_floors(train.hits, test.hits),
        "probe_raw": probe(train.hits, train.styles, test.hits, test.styles),
        "chance": 1 / len(grooves.styles),
        "entropy_bound_nats": exact,
        "style_hit_real": balanced_accuracy(test.styles, _reader(grooves)(test.hits)),
        "diversity_real": diversity(test.hits, test.styles),
        **{f"{name}_ceiling": value for name, value in among(learned.hits, learned.styles, test).items()},
    }


def _composed(made: Made, grooves: Grooves) -> dict[str, float]:
    """Compare bars with real ones."""
    return {
        "style_hit": balanced_accuracy(made.styles, _reader(grooves)(made.hits)),
        "diversity": diversity(made.hits, made.styles),
        **among(made.hits, made.styles, grooves.test),
        **nearest_training(made.hits, grooves.test.hits, grooves.train.hits),
    }


def diversity(hits: np.ndarray, styles: np.ndarray) -> float:
    """Return the mean distance of two bars of one style, in cells, over the styles that have two; NaN if none has.

    Within styles, for bars may differ from style to style and yet be the same again and again.
    """
    each = [mean_distance(hits[styles == style]) for style in np.unique(styles)]
    known = [distance for distance in each if np.isfinite(distance)]
    return float(np.mean(known)) if known else float("nan")


def among(hits: np.ndarray, styles: np.ndarray, real: Bars) -> dict[str, float]:
    """Return ``precision``, the share of bars that lie among real ones of their style, and ``recall``, the reverse.

    Of each style as many bars as there are real ones, or as there are; the mean over styles
    (`evaluation.scores.diversity.precision_recall`). What lies among real bars has to have more than the right hits:
    they have to go together.
    """
    found = []
    for style in np.unique(real.styles):
        theirs = _flat(real.hits[real.styles == style])
        ours = _flat(hits[styles == style][: len(theirs)])
        if min(len(ours), len(theirs)) >= 2:  # noqa: PLR2004 - a bar and its neighbour
            found.append(precision_recall(pairwise(theirs, theirs), pairwise(ours, theirs), pairwise(ours, ours)))
    return {name: float(np.mean([one[name] for one in found])) for name in ("precision", "recall") if found}


def _epoch(row: Mapping[str, float]) -> dict[str, Any]:
    """Return what figures show of an epoch."""
    each = {
        level: [value for name, value in row.items() if name.startswith(start) and name[len(start) :].isdigit()]
        for level, start in _COLUMNS.items()
    }
    return {"seconds": row["seconds"], "val_nats": row["val_nats"], **each}


def _latents_sentence(found: Mapping[str, Any]) -> str:
    if "probe_high" not in found:
        return ""
    told = f"the style is read from z_high in {share(found['probe_high'])}, from z_low in {share(found['probe_low'])}"
    beside = f"of the bars themselves in {share(found['probe_raw'])}, by guessing in {share(found['chance'])}"
    if "kl_high_nats" not in found:
        return f"{told}, {beside}"
    active = f"{found['active_high']} of {found['high_dim']} dimensions active"
    return f"z_high holds {nats(found['kl_high_nats'])} nats, {active}; {told}, {beside}"


def _bars_sentence(found: Mapping[str, Any]) -> str:
    read, real = share(found["style_hit"]), share(found["style_hit_real"])
    apart, usual = number(found["diversity"]), number(found["diversity_real"])
    return (
        f"{read} of its bars are read as the style asked for (of real bars {real}), "
        f"and two of a style differ in {apart} cells (real bars in {usual})"
    )


def _flat(hits: np.ndarray) -> NDArray[np.float32]:
    return np.asarray(hits, np.float32).reshape(len(hits), -1)
