"""The metrics of a drum VAE, as in metrics.json, each beside its bounds.

They are measured on the test bars, or a random `MOST` of them; what is drawn follows from the seed. What cannot be
measured, such as the transfer between styles where there is only one, is null.

Information in the latents:

- ``n``: bars measured; ``hierarchy``, ``supervised``: of the model; ``train_seconds``: without measurements.
- ``high_dim``, ``low_dim``: dimensions of z_high and z_low.
- ``kl_high_nats``, ``kl_low_nats``: divergence of the posterior from the prior, mean over bars, without free bits; of
  a supervised model's z_high from the prior of the bar's style. ``kl_high_per_dimension``, ``kl_low_per_dimension``:
  the same of each dimension.
- ``active_high``, ``active_low``: dimensions whose posterior means differ from bar to bar
  (`manymodes.nn.latents.active_units`).
- ``mutual_information_high``, ``mutual_information_low``, ``mutual_information``: between the bar and a level, or
  both, in nats, at most ``mutual_information_ceiling``, the logarithm of the number of bars. A divergence may be large
  without information, where all posteriors are alike and none is the prior. A level is taken to be normally
  distributed around its mean, z_low given the mean of z_high.

Likelihood and reconstruction:

- ``elbo_nats``, ``iwae_nats``: bounds of −log p of a bar's hits, with one sample and a hundred; less is better.
- ``entropy_bound_nats``: for grooves made by rule −log p of the same bars under the rules themselves, the least that a
  model can have on average; null for others. ``gap_nats``: how far ``iwae_nats`` is above it, and ``gap_error`` the
  standard error of that.
- ``hit_f1``, ``hit_f1_per_instrument``: hits reconstructed from the means of the latents.
- ``hit_f1_mean_pattern``, ``hit_f1_mean_pattern_per_instrument``, ``hit_f1_mean_pattern_at_half``, ``hit_f1_pca16``,
  ``hit_f1_pca16_per_instrument``, ``hit_f1_pca16_at_half``: the same without a network, see
  `drumvae.metrics.baselines.hit_f1_baselines`.

Style in the latents:

- ``probe_high``, ``probe_low``, ``probe_raw``, ``probe_played``: balanced accuracy of a logistic regression that
  predicts the style from drawn latents, from the hits themselves, or from hits and playing, the input of z_high; fitted
  on the training bars, so on other files; ``chance``: of guessing.
- ``style_hit``: share of `COMPOSED` composed bars that a classifier of real bars assigns to the style asked for;
  ``style_hit_real``: of the test bars to theirs; both balanced over styles.
- ``transfer_success``, ``transfer_success_unchanged``, ``transfer_onset_f1``, ``transfer_onset_f1_random``,
  ``transfer_step_f1``, ``transfer_step_f1_random``: test bars given every other style, with a
  z_high drawn near its middle and the share `drumvae.data.kit.KEPT` of their hits; see
  `drumvae.metrics.probes.transfer_scores`.
- ``swap_success``, ``swap_onset_f1``, ``swap_step_f1``: the same by the latents alone: z_high is that of a training bar
  of the other style, z_low is kept (`drumvae.composing.restyled`), and no hits are.
- ``variance_ratio_high``, ``variance_ratio_low``: the reports' measure of disentanglement, and its failing:
  ``variance_ratio_collapsed``, of z_high made a million times smaller, is no less, while ``probe_collapsed``, which
  predicts the style from that and the noise that a decoder gets with it, is down to guessing.
- ``disentanglement_high``, ``disentanglement_low``: `drumvae.metrics.probes.disentanglement_scores` over style, density
  and syncopation.

Composed bars:

- ``density``: of composed and real bars by style, see `drumvae.metrics.rhythm.density_calibration`.
- ``nearest_training``, ``nearest_training_held_out``, ``copies``, ``copies_held_out``: of composed and of test bars,
  see `drumvae.metrics.rhythm.nearest_training`.
- ``sweeps``: for each dimension of ``high`` and ``low``, in order, see `sweeps`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import tensorflow as tf

from drumvae.composing import TYPICAL, compose, draw_latents, humanise, restyled
from drumvae.data.kit import INSTRUMENTS, KEPT
from drumvae.metrics import rhythm
from drumvae.metrics.baselines import Composed, asked_styles, hit_f1_baselines, likelihood_measures, other_styles
from drumvae.metrics.probes import (
    Factor,
    balanced_accuracy,
    disentanglement_scores,
    probe,
    style_classifier,
    transfer_scores,
    variance_ratio,
)
from drumvae.models.vae import Latents, Playing
from manymodes.experiment.records import plain
from manymodes.nn.latents import active_units, mutual_information
from manymodes.nn.variational import kl_divergence

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from drumvae.data.grooves import Bars, Grooves
    from drumvae.models.vae import DrumVAE

    Classifier = Callable[[np.ndarray], np.ndarray]

MOST = 2000
"""Test bars that are measured, and training bars that forests are fitted on."""

SAMPLES = 100
"""Samples of the importance-weighted bound."""

COMPOSED = 1000
"""Bars that are composed, as many of each style."""

SWEPT = 2.0
"""Range of a sweep: deviations of what is drawn for real bars, to either side of their mean."""

_DIGITS = 6
_SWEPT_BARS = 64
_SHOWN = 4  # bars of each style in a picture
_COLLAPSED = 1e-6
_TRANSFERRED = ("success", "success_unchanged", "onset_f1", "onset_f1_random", "step_f1", "step_f1_random")
_SWAPPED = ("success", "onset_f1", "step_f1")


class Encoded(NamedTuple):
    """Bars as a model encodes them, arrays [n, D] for each level; divergences from the prior are of each dimension."""

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
    """Draw latents from the prior, as many of each style: arrays [count, D]."""
    if model.supervised:
        latents = draw_latents(model, np.eye(len(model.styles))[np.arange(count) % len(model.styles)], seed=seed)
    else:
        noise = model.noise(count, [seed, 0])
        latents = Latents(noise.high, model.low_given(noise.high).sample(noise.low))
    return Latents(*(np.asarray(level) for level in latents))


def sample(count: int, *, seed: int) -> np.ndarray:
    """Return the numbers of the bars, of ``count``, that are measured: all in their order, or a random `MOST`."""
    return np.sort(np.random.default_rng(seed).permutation(count)[:MOST])


def analyse(model: DrumVAE, grooves: Grooves, *, seed: int, train_seconds: float) -> dict[str, Any]:
    """Return the content of metrics.json."""
    train, test = grooves.train, grooves.test[sample(len(grooves.test), seed=seed)]
    known, seen = encode(model, train, seed=seed), encode(model, test, seed=seed)
    classify = style_classifier(train.hits, train.styles)
    hits = test.hits.astype(np.float32)
    elbo, iwae = (-model.log_likelihood(hits, samples=samples, seed=seed) for samples in (1, SAMPLES))
    rebuilt = model(tf.constant(hits)).numpy()
    metrics = {
        "n": len(test),
        "hierarchy": model.hierarchy,
        "supervised": model.supervised,
        "train_seconds": train_seconds,
        **_information(seen, seed),
        "elbo_nats": float(elbo.mean()),
        **dict.fromkeys(("iwae_nats", "entropy_bound_nats", "gap_nats", "gap_error")),
        **likelihood_measures(iwae, test, by_rule=grooves.by_rule),
        "hit_f1": rhythm.hit_f1(test.hits, rebuilt),
        "hit_f1_per_instrument": rhythm.instrument_f1(test.hits, rebuilt),
        **hit_f1_baselines(train.hits, test.hits),
        **_probes(train, test, known, seen, seed),
        **_composed(model, train, test, classify, seed),
        **_transfers(model, train, test, known, seen, classify, seed),
        **_disentanglement(train, test, known, seen, seed),
        "sweeps": {level: sweeps(model, seen, level) for level in Latents._fields},
    }
    return dict(plain(metrics, _DIGITS))


def _information(seen: Encoded, seed: int) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for level in Latents._fields:
        divergences, means = getattr(seen.divergences, level), getattr(seen.means, level)
        result[f"kl_{level}_nats"] = float(divergences.sum(axis=1).mean())
        result[f"kl_{level}_per_dimension"] = divergences.mean(axis=0).tolist()
        result[f"active_{level}"] = int(active_units(means).sum())
        result[f"{level}_dim"] = means.shape[1]
        result[f"mutual_information_{level}"] = mutual_information(means, getattr(seen.log_variances, level), seed=seed)
    both = (np.concatenate(part, axis=1) for part in (seen.means, seen.log_variances))
    result["mutual_information"] = mutual_information(*both, seed=seed)
    result["mutual_information_ceiling"] = float(np.log(len(seen.means.high)))
    return result


def _probes(train: Bars, test: Bars, known: Encoded, seen: Encoded, seed: int) -> dict[str, float]:
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
    """Return hits and playing as numbers, [n, 433]."""
    cells = np.concatenate([bars.hits, bars.velocities, bars.offsets], axis=2).reshape(len(bars), -1)
    return np.column_stack([cells, np.log(bars.tempos)])


def _composed(model: DrumVAE, train: Bars, test: Bars, classify: Classifier, seed: int) -> dict[str, Any]:
    """Compose bars of every style, and compare them with real ones."""
    asked = np.arange(COMPOSED) % len(model.styles)
    composed = compose(model, draw_latents(model, np.eye(len(model.styles))[asked], seed=seed), seed=seed)
    return {
        "style_hit": balanced_accuracy(asked, classify(composed)),
        "style_hit_real": balanced_accuracy(test.styles, classify(test.hits)),
        "density": rhythm.density_calibration(test.hits, test.styles, composed, asked, model.styles),
        **rhythm.nearest_training(composed, test.hits, train.hits),
    }


def _transfers(
    model: DrumVAE, train: Bars, test: Bars, known: Encoded, seen: Encoded, classify: Classifier, seed: int
) -> dict[str, float | None]:
    """Transfer every test bar to every other style."""
    rows, targets = other_styles(train, test)
    if not len(rows):
        names = [f"transfer_{name}" for name in _TRANSFERRED] + [f"swap_{name}" for name in _SWAPPED]
        return dict.fromkeys(names)
    sources = test.hits[rows]
    latents = Latents(*(level[rows] for level in seen.means))
    partners = known.drawn.high[_partners(train.styles, targets, seed)]
    typical = draw_latents(model, np.eye(len(model.styles))[targets], seed=seed, spread=TYPICAL).high
    changed = (
        compose(model, restyled(latents, model, typical), seed=seed, keep=(sources, KEPT)),
        compose(model, restyled(latents, model, partners), seed=seed),
    )
    transferred, swapped = (
        transfer_scores(classify, sources, hits, targets, train.hits, train.styles) for hits in changed
    )
    return {**transferred, **{f"swap_{name}": swapped[f"transfer_{name}"] for name in _SWAPPED}}


def _partners(styles: np.ndarray, targets: np.ndarray, seed: int) -> np.ndarray:
    """Draw for each target style [n] the row of a bar, of those with styles [m], that has it: [n]."""
    order = np.argsort(styles, kind="stable")
    first, last = (np.searchsorted(styles[order], targets, side=side) for side in ("left", "right"))
    return order[np.random.default_rng([seed, 6]).integers(first, last)]


def _disentanglement(train: Bars, test: Bars, known: Encoded, seen: Encoded, seed: int) -> dict[str, Any]:
    rows = sample(len(train), seed=seed)
    ours, theirs = (
        [
            Factor("style", bars.styles, categorical=True),
            Factor("density", rhythm.density(bars.hits), categorical=False),
            Factor("syncopation", rhythm.syncopation(bars.hits), categorical=False),
        ]
        for bars in (train[rows], test)
    )
    return {
        f"disentanglement_{level}": disentanglement_scores(
            getattr(known.drawn, level)[rows], ours, getattr(seen.drawn, level), theirs, seed=seed
        )
        for level in Latents._fields
    }


def composed_by(model: DrumVAE, grooves: Grooves, count: int, seed: int, metrics: Mapping[str, Any]) -> Composed:
    """Compose ``count`` bars, as many of each learned style, and add the metrics of the model."""
    asked = asked_styles(grooves, count)
    hits = compose(model, draw_latents(model, np.eye(len(grooves.styles))[asked], seed=seed), seed=seed)
    return Composed(hits, asked, metrics)


def sweeps(model: DrumVAE, seen: Encoded, level: str) -> list[dict[str, float]]:
    """Return what changes as each dimension of a level goes from −`SWEPT` to `SWEPT` deviations, for the first 64 bars.

    The changes, means over the bars, are those of each instrument and of ``density``, shares of cells that are expected
    to be hit, and of ``syncopation``, of the hits that are likelier than not.
    """
    changes = []
    for dimension in range(getattr(seen.means, level).shape[1]):
        first, last = (
            {
                **dict(zip(INSTRUMENTS, chances.mean(axis=(0, 1)), strict=True)),
                "density": chances.mean(),
                "syncopation": rhythm.syncopation(chances > rhythm.THRESHOLD).mean(),
            }
            for chances in swept(model, seen, level, dimension, (-SWEPT, SWEPT), bars=_SWEPT_BARS)
        )
        changes.append({name: float(last[name] - first[name]) for name in first})
    return changes


def swept(
    model: DrumVAE, seen: Encoded, level: str, dimension: int, places: Sequence[float], *, bars: int
) -> np.ndarray:
    """Return the chances of hits of the first bars, [k, bars, 16, 9], with other values of one dimension.

    The k places are in deviations from the mean of what is drawn for real bars. With a dimension of z_high, z_low
    changes as in `drumvae.composing.restyled`.
    """
    drawn = getattr(seen.drawn, level)[:, dimension]
    means = Latents(*(part[:bars] for part in seen.means))
    rows = []
    for place in places:
        moved = getattr(means, level).copy()
        moved[:, dimension] = drawn.mean() + place * drawn.std()
        latents = restyled(means, model, moved) if level == "high" else means._replace(low=moved)
        rows.append(tf.sigmoid(model.decode(latents)).numpy())
    return np.stack(rows)


def traversals(model: DrumVAE, seen: Encoded) -> dict[str, np.ndarray]:
    """Return by title the first bar with other values of each dimension, as chances of hits [5, 16, 9]."""
    title = "z_{}, {}: 2 deviations below its mean, 1 below, the mean, 1 and 2 above"
    return {
        title.format(level, number): swept(model, seen, level, number, (-2.0, -1.0, 0.0, 1.0, 2.0), bars=1)[:, 0]
        for level, means in seen.means._asdict().items()
        for number in range(means.shape[1])
    }


def examples(model: DrumVAE, test: Bars, seed: int) -> dict[str, np.ndarray]:
    """Return by title the velocities of bars of each style, real ones and composed ones."""
    asked = np.arange(len(model.styles)).repeat(_SHOWN)
    latents = draw_latents(model, np.eye(len(model.styles))[asked], seed=seed)
    hits = compose(model, latents, seed=seed)
    composed = humanise(model, latents, hits, tempo=model.tempo, amount=1.0, seed=seed)
    shown = {}
    for style, name in enumerate(model.styles):
        real = test.velocities[test.styles == style]
        if count := min(_SHOWN, len(real)):
            # from the middles of equal parts: the beginning and the end of a piece are unlike the rest of it
            shown[f"{name}, real"] = real[(2 * np.arange(count) + 1) * len(real) // (2 * count)]
        shown[f"{name}, composed"] = composed.velocities[asked == style]
    return shown
