"""What is said of a drum VAE: analysis.json, every figure beside what bounds it.

Keys of analysis.json; all is measured on the test bars, and what is drawn follows from the seed:

- ``kl_high_nats``, ``kl_low_nats``: divergence of the posterior from the prior, mean over bars, no floor under it;
  ``kl_high_per_dimension``, ``kl_low_per_dimension``: the same of each dimension.
- ``active_high``, ``active_low``: dimensions whose posterior means move from bar to bar
  (`modelkit.latents.active_units`), of ``high_dim`` and ``low_dim``.
- ``mutual_information``: between bar and both levels, in nats, at most ``mutual_information_ceiling``, the logarithm
  of the number of bars; ``mutual_information_high`` and ``…_low`` of each level.
- ``elbo_nats``, ``iwae_nats``: bounds of −log p of a bar's hits, with one sample and a hundred; less is better.
  ``entropy_bound_nats``: for grooves made by rule −log p of the same bars under the rules themselves, which no model
  can go below on average; null for others. ``gap_nats``: how far ``iwae_nats`` is above it, and ``gap_error`` the
  standard error of that.
- ``hit_f1``, ``hit_f1_per_instrument``: hits found again from the means of the latents; ``hit_f1_mean_pattern``,
  ``hit_f1_pca16``: without a network (`drumvae.floors`).
- ``probe_high``, ``probe_low``, ``probe_raw``: balanced accuracy of a logistic regression that reads the style from
  drawn latents, or from the bars themselves; ``chance``: of guessing.
- ``style_hit``: share of composed bars that a classifier of real bars reads as the style asked for;
  ``style_hit_real``: of the test bars; both balanced over styles.
- ``transfer_…``: bars given every other style, see `drumvae.probes.transfer_scores`.
- ``density``, ``nearest_…``, ``copies…``: `drumvae.rhythm.density_calibration` and `nearest_training`.
- ``disentanglement_high``, ``disentanglement_low``: `drumvae.disentanglement.scores` over style, density and
  syncopation; ``variance_ratio_high`` and ``…_low``: the reports' measure, and ``variance_ratio_collapsed``: the same
  of z_high made a million times smaller, which a decoder could not read.
- ``sweeps``: for each dimension of each level how far density, syncopation and each instrument move between −2 and 2.
- ``supervised``, ``hierarchy``, ``n``, ``train_seconds``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import tensorflow as tf

from drumvae import disentanglement, rhythm
from drumvae.composing import compose, draw_latents, transfer
from drumvae.disentanglement import Factor, variance_ratio
from drumvae.floors import hit_f1_floors
from drumvae.grooves import log_probability
from drumvae.kit import INSTRUMENTS
from drumvae.model import Latents
from drumvae.probes import balanced_accuracy, probe, style_classifier, transfer_scores
from modelkit.latents import active_units, mutual_information
from modelkit.variational import kl_divergence

if TYPE_CHECKING:
    from drumvae.grooves import Bars, Grooves
    from drumvae.model import DrumVAE

SAMPLES = 100
"""Samples of the importance-weighted bound."""

KEEP = 0.3
"""How much of the source a transfer keeps, see `drumvae.composing.compose`."""

_SWEPT_FROM, _SWEPT_TO = -2.0, 2.0
_DIGITS = 6
_SWEPT = 64  # bars whose latents are swept
_COLLAPSED = 1e-6


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
    drawn = model.encode(hits, model.noise(len(bars), [seed, 4]))
    still = model.means(hits)
    prior = model.prior_high(drawn.high, tf.constant(bars.styles) if model.supervised else None)
    divergences = Latents(
        kl_divergence(drawn.high, prior), kl_divergence(drawn.low, model.low_given(drawn.latents.high))
    )
    parts = (still, Latents(drawn.high.log_variance, drawn.low.log_variance), drawn.latents, divergences)
    return Encoded(*(Latents(*(level.numpy() for level in part)) for part in parts))


def analyse(model: DrumVAE, grooves: Grooves, *, seed: int, train_seconds: float) -> dict[str, Any]:
    """Return what analysis.json says of a model, without figures that need more than numbers."""
    train, test = grooves.train, grooves.test
    known, seen = encode(model, train, seed=seed), encode(model, test, seed=seed)
    read = style_classifier(train.hits, train.styles)
    found = {
        "n": len(test),
        "hierarchy": model.hierarchy,
        "supervised": model.supervised,
        "train_seconds": train_seconds,
        **_divergences(seen, seed),
        **_likelihood(model, grooves, seed),
        **_rebuilding(model, train, test),
        **_styles(model, grooves, known, seen, read, seed),
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


def _likelihood(model: DrumVAE, grooves: Grooves, seed: int) -> dict[str, Any]:
    hits = grooves.test.hits.astype(np.float32)
    elbo, iwae = (-model.log_likelihood(hits, samples=samples, seed=seed) for samples in (1, SAMPLES))
    found = {
        "elbo_nats": float(elbo.mean()),
        "iwae_nats": float(iwae.mean()),
        "entropy_bound_nats": None,
        "gap_nats": None,
        "gap_error": None,
    }
    if not grooves.by_rule:
        return found
    exact = -log_probability(grooves.test.hits)
    apart = iwae - exact
    return found | {
        "entropy_bound_nats": float(exact.mean()),
        "gap_nats": float(apart.mean()),
        "gap_error": float(apart.std(ddof=1) / np.sqrt(len(apart))),
    }


def _rebuilding(model: DrumVAE, train: Bars, test: Bars) -> dict[str, Any]:
    rebuilt = model(tf.constant(test.hits, tf.float32)).numpy()
    each = rhythm.instrument_f1(test.hits, rebuilt)
    return {
        "hit_f1": rhythm.hit_f1(test.hits, rebuilt),
        "hit_f1_per_instrument": dict(zip(INSTRUMENTS, map(float, each), strict=True)),
        **hit_f1_floors(train.hits, test.hits),
    }


def _styles(model: DrumVAE, grooves: Grooves, known: Encoded, seen: Encoded, read: Any, seed: int) -> dict[str, Any]:
    """Say whether latents hold the style, composed bars have it, and bars can be given another one."""
    train, test = grooves.train, grooves.test
    count = len(grooves.styles)
    probed = {
        **{f"probe_{level}": (getattr(known.drawn, level), getattr(seen.drawn, level)) for level in Latents._fields},
        "probe_raw": (train.hits, test.hits),
    }
    asked = np.arange(len(test)) % count
    composed = compose(model, draw_latents(model, np.eye(count)[asked], seed=seed), seed=seed)
    return {
        **{name: probe(ours, train.styles, theirs, test.styles) for name, (ours, theirs) in probed.items()},
        "chance": 1 / count,
        "style_hit": balanced_accuracy(asked, read(composed)),
        "style_hit_real": balanced_accuracy(test.styles, read(test.hits)),
        **(_transfer(model, grooves, seen, read, seed) if count > 1 else {}),
        "density": rhythm.density_calibration(test.hits, test.styles, composed, asked, grooves.styles),
        **rhythm.nearest_training(composed, test.hits, train.hits),
    }


def _transfer(model: DrumVAE, grooves: Grooves, seen: Encoded, read: Any, seed: int) -> dict[str, float]:
    """Give every test bar every other style, and say what became of it."""
    train, test, count = grooves.train, grooves.test, len(grooves.styles)
    targets = np.concatenate([(test.styles + shift) % count for shift in range(1, count)])
    sources = np.tile(test.hits, (count - 1, 1, 1))
    means = Latents(*(tf.constant(np.tile(level, (count - 1, 1))) for level in seen.means))
    transferred = compose(model, transfer(means, model, targets, seed=seed), seed=seed, keep=(sources, KEEP))
    return transfer_scores(read, sources, transferred, targets, train.hits, train.styles)


def _disentanglement(train: Bars, test: Bars, known: Encoded, seen: Encoded, seed: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    factors, others = _factors(train), _factors(test)
    for level in Latents._fields:
        ours, theirs = getattr(known.drawn, level), getattr(seen.drawn, level)
        found[f"disentanglement_{level}"] = disentanglement.scores(ours, factors, theirs, others, seed=seed)
        found[f"variance_ratio_{level}"] = variance_ratio(getattr(seen.means, level), test.styles)
    found["variance_ratio_collapsed"] = variance_ratio(_COLLAPSED * seen.means.high, test.styles)
    return found


def _factors(bars: Bars) -> list[Factor]:
    return [
        Factor("style", bars.styles, categorical=True),
        Factor("density", rhythm.density(bars.hits), categorical=False),
        Factor("syncopation", rhythm.syncopation(bars.hits), categorical=False),
    ]


def sweeps(model: DrumVAE, seen: Encoded, level: str) -> list[dict[str, float]]:
    """Say for each dimension of a level what changes between −2 and 2, the others being those of real bars.

    Expected values under the probabilities of hits; syncopation is that of the hits that are likelier than not.
    """
    found = []
    means = Latents(*(part[:_SWEPT] for part in seen.means))
    for dimension in range(getattr(means, level).shape[1]):
        ends = []
        for value in (_SWEPT_FROM, _SWEPT_TO):
            moved = getattr(means, level).copy()
            moved[:, dimension] = value
            latents = means._replace(**{level: moved})
            ends.append(tf.sigmoid(model.decode(Latents(*map(tf.constant, latents)))).numpy())
        first, last = (
            {
                **dict(zip(INSTRUMENTS, chances.mean(axis=(0, 1)), strict=True)),
                "density": chances.mean(),
                "syncopation": rhythm.syncopation(chances > rhythm.THRESHOLD).mean(),
            }
            for chances in ends
        )
        found.append({name: float(last[name] - first[name]) for name in first})
    return found


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [_rounded(entry) for entry in value]
    if isinstance(value, float):
        return round(value, _DIGITS) if np.isfinite(value) else None
    return value
