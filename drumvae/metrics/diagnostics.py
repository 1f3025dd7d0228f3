"""What is said of a drum VAE: metrics.json, every figure beside what bounds it.

All is measured on the test bars, a draw of `MOST` where there are more, and what is drawn follows from the seed. What
cannot be said, such as how bars take on another style where there is one alone, is null.

What the latents tell:

- ``n``: bars measured; ``hierarchy``, ``supervised``: as the model was made; ``train_seconds``: measures not counted.
- ``high_dim``, ``low_dim``: dimensions of z_high and z_low.
- ``kl_high_nats``, ``kl_low_nats``: divergence of the posterior from the prior, mean over bars, no floor under it; of
  a supervised model's z_high from the prior of the bar's style. ``kl_high_per_dimension``, ``kl_low_per_dimension``:
  the same of each dimension.
- ``active_high``, ``active_low``: dimensions whose posterior means move from bar to bar
  (`manymodes.nn.latents.active_units`).
- ``mutual_information_high``, ``mutual_information_low``, ``mutual_information``: between the bar and a level, or
  both, in nats, at most ``mutual_information_ceiling``, the logarithm of the number of bars. A divergence may be large
  though nothing is told, where all posteriors are alike and none is the prior; this one may not. A level is taken to be
  normally distributed around its mean, z_low given the mean of z_high.

How well bars are modelled:

- ``elbo_nats``, ``iwae_nats``: bounds of −log p of a bar's hits, with one sample and a hundred; less is better.
- ``entropy_bound_nats``: for grooves made by rule −log p of the same bars under the rules themselves, which no model
  can go below on average; null for others. ``gap_nats``: how far ``iwae_nats`` is above it, and ``gap_error`` the
  standard error of that.
- ``hit_f1``, ``hit_f1_per_instrument``: hits found again from the means of the latents.
- ``hit_f1_mean_pattern``, ``hit_f1_mean_pattern_per_instrument``, ``hit_f1_mean_pattern_at_half``, ``hit_f1_pca16``,
  ``hit_f1_pca16_per_instrument``, ``hit_f1_pca16_at_half``: the same without a network, see
  `drumvae.metrics.baselines.hit_f1_baselines`.

Whether the style is where it should be:

- ``probe_high``, ``probe_low``, ``probe_raw``, ``probe_played``: balanced accuracy of a logistic regression that reads
  the style from drawn latents, from the hits themselves, or from these and how they are played, which z_high hears;
  fitted on the training bars, so on other files; ``chance``: of guessing.
- ``style_hit``: share of `COMPOSED` composed bars that a classifier of real bars reads as the style asked for;
  ``style_hit_real``: of the test bars; both balanced over styles.
- ``transfer_success``, ``transfer_success_unchanged``, ``transfer_onset_f1``, ``transfer_onset_f1_random``,
  ``transfer_step_f1``, ``transfer_step_f1_random``: test bars given every other style by `drumvae.composing.transfer`,
  keeping to their hits as much as `drumvae.data.kit.KEPT` says; see `drumvae.metrics.probes.transfer_scores`.
- ``swap_success``, ``swap_onset_f1``, ``swap_step_f1``: the same where the latents alone do it: z_high is that of a
  training bar of the other style, z_low is kept (`drumvae.composing.restyled`), and nothing else of the bar is known.
- ``variance_ratio_high``, ``variance_ratio_low``: the reports' measure of disentanglement, and its failing:
  ``variance_ratio_collapsed``, of z_high made a million times smaller, is no less, while ``probe_collapsed``, which
  reads the style from that and the noise that a decoder gets with it, is down to guessing.
- ``disentanglement_high``, ``disentanglement_low``: `drumvae.metrics.disentanglement.scores` over style, density and
  syncopation.

What is composed:

- ``density``: of composed and real bars by style, see `drumvae.metrics.rhythm.density_calibration`.
- ``nearest_training``, ``nearest_training_held_out``, ``copies``, ``copies_held_out``: of composed and of test bars,
  see `drumvae.metrics.rhythm.nearest_training`.
- ``sweeps``: for each dimension of ``high`` and ``low``, in order, see `sweeps`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import tensorflow as tf

from drumvae.composing import compose, draw_latents, restyled, transfer
from drumvae.data.grooves import log_probability
from drumvae.data.kit import INSTRUMENTS, KEPT
from drumvae.metrics import disentanglement, rhythm
from drumvae.metrics.baselines import Composed, asked_styles, hit_f1_baselines
from drumvae.metrics.disentanglement import Factor, variance_ratio
from drumvae.metrics.probes import balanced_accuracy, probe, style_classifier, transfer_scores
from drumvae.models.vae import Latents, Playing
from manymodes.nn.latents import active_units, mutual_information
from manymodes.nn.variational import kl_divergence

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from drumvae.data.grooves import Bars, Grooves
    from drumvae.models.vae import DrumVAE

    Reader = Callable[[np.ndarray], np.ndarray]

MOST = 2000
"""Test bars that are measured, and training bars that forests learn from: more would take time, and say the same."""

SAMPLES = 100
"""Samples of the importance-weighted bound."""

COMPOSED = 1000
"""Bars that are composed, as many of each style."""

SWEPT = 2.0
"""How far a dimension is swept, in deviations of what is drawn for real bars, to either side of their mean."""

_DIGITS = 6
_SWEPT_BARS = 64
_COLLAPSED = 1e-6
_TRANSFERRED = tuple(
    f"transfer_{name}"
    for name in ("success", "success_unchanged", "onset_f1", "onset_f1_random", "step_f1", "step_f1_random")
)
_SWAPPED = ("success", "onset_f1", "step_f1")


class Encoded(NamedTuple):
    """Bars as a model encodes them, arrays [n, D] for each level.

    Attributes:
        means, log_variances, drawn: high and low.
        divergences: from the prior, of each dimension.
    """

    means: Latents
    log_variances: Latents
    drawn: Latents
    divergences: Latents


def encode(model: DrumVAE, bars: Bars, *, seed: int) -> Encoded:
    """Encode bars: the means of both levels, and latents drawn from the posterior."""
    hits = tf.constant(bars.hits, tf.float32)
    playing = Playing(*(tf.constant(values) for values in (bars.velocities, bars.offsets, bars.tempos)))
    drawn = model.encode(hits, model.noise(len(bars), [seed, 4]), playing)
    still = model.means(hits, playing)
    prior = model.prior_high(drawn.high, tf.constant(bars.styles) if model.supervised else None)
    divergences = Latents(
        kl_divergence(drawn.high, prior), kl_divergence(drawn.low, model.low_given(drawn.latents.high))
    )
    parts = (still, Latents(drawn.high.log_variance, drawn.low.log_variance), drawn.latents, divergences)
    return Encoded(*(Latents(*(level.numpy() for level in part)) for part in parts))


def from_prior(model: DrumVAE, count: int, *, seed: int) -> Latents:
    """Draw latents [count, D] as the prior has them, of all styles alike; arrays."""
    if model.supervised:
        latents = draw_latents(model, np.eye(len(model.styles))[np.arange(count) % len(model.styles)], seed=seed)
    else:
        noise = model.noise(count, [seed, 0])
        latents = Latents(noise.high, model.low_given(noise.high).sample(noise.low))
    return Latents(*(level.numpy() for level in latents))


def measured(bars: Bars, *, seed: int) -> Bars:
    """Return the bars that all is measured on: these, or `MOST` of them."""
    return bars if len(bars) <= MOST else bars[_some(len(bars), seed)]


def _some(count: int, seed: int) -> np.ndarray:
    """Return the numbers of `MOST` of so many bars, or of all there are."""
    return np.sort(np.random.default_rng(seed).permutation(count)[:MOST])


def analyse(model: DrumVAE, grooves: Grooves, *, seed: int, train_seconds: float) -> dict[str, Any]:
    """Return what metrics.json says of a model."""
    train, test = grooves.train, measured(grooves.test, seed=seed)
    known, seen = encode(model, train, seed=seed), encode(model, test, seed=seed)
    read = style_classifier(train.hits, train.styles)
    found = {
        "n": len(test),
        "hierarchy": model.hierarchy,
        "supervised": model.supervised,
        "train_seconds": train_seconds,
        **_divergences(seen, seed),
        **_likelihood(model, test, seed, by_rule=grooves.by_rule),
        **_rebuilding(model, train, test),
        **_probes(train, test, known, seen, seed),
        **_composed(model, train, test, read, seed),
        **_transfers(model, train, test, known, seen, read, seed),
        **_disentanglement(train, test, known, seen, seed),
        "sweeps": {level: sweeps(model, seen, level) for level in Latents._fields},
    }
    return _rounded(found)


def _divergences(seen: Encoded, seed: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for level in Latents._fields:
        divergences, means = getattr(seen.divergences, level), getattr(seen.means, level)
        found[f"kl_{level}_nats"] = float(divergences.sum(axis=1).mean())
        found[f"kl_{level}_per_dimension"] = divergences.mean(axis=0).tolist()
        found[f"active_{level}"] = int(active_units(means).sum())
        found[f"{level}_dim"] = means.shape[1]
        found[f"mutual_information_{level}"] = mutual_information(means, getattr(seen.log_variances, level), seed=seed)
    both = (np.concatenate(part, axis=1) for part in (seen.means, seen.log_variances))
    found["mutual_information"] = mutual_information(*both, seed=seed)
    found["mutual_information_ceiling"] = float(np.log(len(seen.means.high)))
    return found


def _likelihood(model: DrumVAE, test: Bars, seed: int, *, by_rule: bool) -> dict[str, Any]:
    hits = test.hits.astype(np.float32)
    elbo, iwae = (-model.log_likelihood(hits, samples=samples, seed=seed) for samples in (1, SAMPLES))
    found = {
        "elbo_nats": float(elbo.mean()),
        "iwae_nats": float(iwae.mean()),
        "entropy_bound_nats": None,
        "gap_nats": None,
        "gap_error": None,
    }
    if not by_rule:
        return found
    exact = -log_probability(test.hits)
    apart = iwae - exact
    return found | {
        "entropy_bound_nats": float(exact.mean()),
        "gap_nats": float(apart.mean()),
        "gap_error": float(apart.std(ddof=1) / np.sqrt(len(apart))),
    }


def _rebuilding(model: DrumVAE, train: Bars, test: Bars) -> dict[str, Any]:
    rebuilt = model(tf.constant(test.hits, tf.float32)).numpy()
    each = rhythm.instrument_f1(test.hits, rebuilt).tolist()
    return {
        "hit_f1": rhythm.hit_f1(test.hits, rebuilt),
        "hit_f1_per_instrument": dict(zip(INSTRUMENTS, each, strict=True)),
        **hit_f1_baselines(train.hits, test.hits),
    }


def _probes(train: Bars, test: Bars, known: Encoded, seen: Encoded, seed: int) -> dict[str, float]:
    """Say from what the style can be read, and what the variance ratio has to say of it."""
    rng = np.random.default_rng([seed, 5])
    faint = (_COLLAPSED * part.means.high + rng.standard_normal(part.means.high.shape) for part in (known, seen))
    probed = {
        **{level: (getattr(known.drawn, level), getattr(seen.drawn, level)) for level in Latents._fields},
        "raw": (train.hits, test.hits),
        "played": (_as_played(train), _as_played(test)),
        "collapsed": tuple(faint),
    }
    ratios = {**seen.means._asdict(), "collapsed": _COLLAPSED * seen.means.high}
    return {
        **{f"probe_{name}": probe(ours, train.styles, theirs, test.styles) for name, (ours, theirs) in probed.items()},
        "chance": 1 / len(np.unique(train.styles)),
        **{f"variance_ratio_{name}": variance_ratio(values, test.styles) for name, values in ratios.items()},
    }


def _as_played(bars: Bars) -> np.ndarray:
    """Return all that is known of bars as numbers, [n, 433]."""
    cells = np.concatenate([bars.hits, bars.velocities, bars.offsets], axis=2).reshape(len(bars), -1)
    return np.column_stack([cells, np.log(bars.tempos)])


def _composed(model: DrumVAE, train: Bars, test: Bars, read: Reader, seed: int) -> dict[str, Any]:
    """Compose bars of every style, and compare them with real ones."""
    asked = np.arange(COMPOSED) % len(model.styles)
    composed = compose(model, draw_latents(model, np.eye(len(model.styles))[asked], seed=seed), seed=seed)
    return {
        "style_hit": balanced_accuracy(asked, read(composed)),
        "style_hit_real": balanced_accuracy(test.styles, read(test.hits)),
        "density": rhythm.density_calibration(test.hits, test.styles, composed, asked, model.styles),
        **rhythm.nearest_training(composed, test.hits, train.hits),
    }


def _transfers(
    model: DrumVAE, train: Bars, test: Bars, known: Encoded, seen: Encoded, read: Reader, seed: int
) -> dict[str, float | None]:
    """Give every test bar every other style, and say what became of it."""
    learned = np.unique(train.styles)
    others = [np.flatnonzero(test.styles != style) for style in learned]
    rows, targets = np.concatenate(others), np.repeat(learned, list(map(len, others)))
    if not len(rows):
        return dict.fromkeys([*_TRANSFERRED, *(f"swap_{name}" for name in _SWAPPED)])
    sources = test.hits[rows]
    latents = Latents(*(tf.constant(level[rows]) for level in seen.means))
    taken = tf.constant(known.drawn.high[_partners(train.styles, targets, seed)])
    changed = (
        compose(model, transfer(latents, model, targets, seed=seed), seed=seed, keep=(sources, KEPT)),
        compose(model, restyled(latents, model, taken), seed=seed),
    )
    transferred, swapped = (transfer_scores(read, sources, hits, targets, train.hits, train.styles) for hits in changed)
    return {**transferred, **{f"swap_{name}": swapped[f"transfer_{name}"] for name in _SWAPPED}}


def _partners(styles: np.ndarray, targets: np.ndarray, seed: int) -> np.ndarray:
    """Draw for each target [n] the row of a bar, of those with styles [m], that has it: [n]."""
    order = np.argsort(styles, kind="stable")
    first, last = (np.searchsorted(styles[order], targets, side=side) for side in ("left", "right"))
    return order[np.random.default_rng([seed, 6]).integers(first, last)]


def _disentanglement(train: Bars, test: Bars, known: Encoded, seen: Encoded, seed: int) -> dict[str, Any]:
    rows = _some(len(train), seed)
    factors, others = _factors(train[rows]), _factors(test)
    return {
        f"disentanglement_{level}": disentanglement.scores(
            getattr(known.drawn, level)[rows], factors, getattr(seen.drawn, level), others, seed=seed
        )
        for level in Latents._fields
    }


def _factors(bars: Bars) -> list[Factor]:
    return [
        Factor("style", bars.styles, categorical=True),
        Factor("density", rhythm.density(bars.hits), categorical=False),
        Factor("syncopation", rhythm.syncopation(bars.hits), categorical=False),
    ]


def composed_by(model: DrumVAE, grooves: Grooves, count: int, seed: int, metrics: Mapping[str, Any]) -> Composed:
    """Compose ``count`` bars, as many of each learned style, and add the metrics of the model."""
    asked = asked_styles(grooves, count)
    hits = compose(model, draw_latents(model, np.eye(len(grooves.styles))[asked], seed=seed), seed=seed)
    return Composed(hits, asked, metrics)


# --- sweeps


def sweeps(model: DrumVAE, seen: Encoded, level: str) -> list[dict[str, float]]:
    """Say for each dimension of a level what changes from `SWEPT` deviations below its mean to as many above.

    Args:
        model: the trained one.
        seen: real bars, of which the first 64 are swept.
        level: high or low.

    Returns:
        for each dimension the change of each instrument and of ``density``, shares of cells that are expected to be
        hit, and of ``syncopation``, that of the hits that are likelier than not; means over the bars.
    """
    found = []
    for dimension in range(getattr(seen.means, level).shape[1]):
        first, last = (
            {
                **dict(zip(INSTRUMENTS, chances.mean(axis=(0, 1)), strict=True)),
                "density": chances.mean(),
                "syncopation": rhythm.syncopation(chances > rhythm.THRESHOLD).mean(),
            }
            for chances in swept(model, seen, level, dimension, (-SWEPT, SWEPT), bars=_SWEPT_BARS)
        )
        found.append({name: float(last[name] - first[name]) for name in first})
    return found


def swept(
    model: DrumVAE, seen: Encoded, level: str, dimension: int, places: Sequence[float], *, bars: int
) -> np.ndarray:
    """Return the chances of hits of real bars in which one dimension has another value, the others being their own.

    Under a dimension of the upper level the lower one keeps as far from what is expected as before, see
    `drumvae.composing.restyled`.

    Args:
        model: the trained one.
        seen: real bars.
        level: high or low.
        dimension: its number.
        places: k values, in deviations from the mean of what is drawn for real bars.
        bars: how many, the first ones.

    Returns:
        [k, bars, 16, 9], or less bars where there are less.
    """
    drawn = getattr(seen.drawn, level)[:, dimension]
    means = Latents(*(tf.constant(part[:bars]) for part in seen.means))
    found = []
    for place in places:
        values = getattr(seen.means, level)[:bars].copy()
        values[:, dimension] = drawn.mean() + place * drawn.std()
        moved = tf.constant(values)
        latents = restyled(means, model, moved) if level == "high" else means._replace(low=moved)
        found.append(tf.sigmoid(model.decode(latents)).numpy())
    return np.stack(found)


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [_rounded(entry) for entry in value]
    if isinstance(value, float):
        return round(value, _DIGITS) if np.isfinite(value) else None
    return value
