"""From a trained model to bars that are played: mixtures of styles, complexity, loops with fills, humanised playing.

Everything drawn depends on the seed alone: the same seed, the same bars. Notation: n bars, S styles; hits are bool
[n, 16, 9].
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np

from drumvae.data.kit import INSTRUMENTS, LATEST, STEPS, Bars
from drumvae.models.latents import Latents

if TYPE_CHECKING:
    from collections.abc import Callable

    from drumvae.models.vae import DrumVAE

USUAL = 0.5
"""The complexity at which a bar has as many hits as its style has."""

TYPICAL = 0.3
"""The spread of z_high near the middle of its style: a bar that keeps to another is then still of the style."""

_REACH_NATS = 4.0  # that logits move from the least to the greatest complexity
_KEEPING_NATS = 3.0  # that logits move per share of hits kept, where the share is small
_ALL = 1 - 1e-12  # the largest share of hits kept: beyond it there are infinities
_VARIATION = 0.3  # of the bars of a loop, see `vary`
_CANDIDATES = 64  # bars among which the best fill is chosen
_FILL_FROM = 12  # the step at which a fill begins
_TOGETHER = (0.28, 0.16, 0.56)
"""Shares of the variance of offsets in the Groove MIDI Dataset: common to a bar, common to a step, of a hit alone."""
_SKINS = [INSTRUMENTS.index(name) for name in ("snare", "tom_low", "tom_high")]
_PLAIN = 0.5  # of the temperature, for the first bar of a loop: likelier hits than in its variations
_GROUND = ((0, "kick"), (4, "snare"), (12, "snare"))  # steps: the one and the backbeat
_DRAWS = 64  # bars of each style that show whether it has them


def derived(seed: int, *numbers: int) -> int:
    """Return the seed, below 2³¹, of a numbered part of what a seed is for."""
    return int(np.random.SeedSequence([seed, *numbers]).generate_state(1)[0] >> 1)


def draw_latents(model: DrumVAE, shares: np.ndarray, *, seed: int, spread: float = 1.0) -> Latents:
    """Draw both levels of latents of bars, mixed from those of the styles in their shares, [n, S], adding up to 1.

    ``spread`` is the distance of z_high from the middle of its style: 1 as in the model, 0 none.
    """
    noise = _noise(model, len(shares), seed, 0)
    means, deviations = (shares @ np.asarray(of) for of in (model.style_means, model.style_deviations))
    high = (means + spread * deviations * noise.high).astype(np.float32)
    return Latents(high, _at(model.low_given(high), noise.low))


def _noise(model: DrumVAE, count: int, seed: int, stream: int) -> Latents:
    """Draw standard normal noise for latents of bars, another for each stream of a seed."""
    drawn = np.random.default_rng([seed, 4, stream]).standard_normal(
        (count, model.high_dim + model.low_dim), np.float32
    )
    return Latents(drawn[:, : model.high_dim], drawn[:, model.high_dim :])


def _deviation(around: Any) -> np.ndarray:
    return np.exp(np.asarray(around.log_variance) / 2)


def _at(around: Any, noise: np.ndarray) -> np.ndarray:
    """Return values of a normal distribution that are ``noise`` deviations from its mean."""
    return np.asarray(around.mean) + _deviation(around) * noise


def _distance(around: Any, values: np.ndarray) -> np.ndarray:
    """Return how many deviations values of a normal distribution are from its mean."""
    return (np.asarray(values) - np.asarray(around.mean)) / _deviation(around)


def repeated(latents: Latents, times: int) -> Latents:
    """Return each bar's latents ``times`` times, one after the other."""
    return Latents(*(np.repeat(np.asarray(level), times, axis=0) for level in latents))


def vary(latents: Latents, model: DrumVAE, amount: float, *, seed: int) -> Latents:
    """Move z_low towards another draw given z_high: not at all for an amount of 0, all the way for 1."""
    around = model.low_given(latents.high)
    fresh = _noise(model, len(latents.low), seed, 1).low
    noise = np.float32(np.sqrt(1 - amount**2)) * _distance(around, latents.low) + np.float32(amount) * fresh
    return Latents(latents.high, _at(around, noise))


def restyled(latents: Latents, model: DrumVAE, high: np.ndarray) -> Latents:
    """Replace z_high by ``high`` [n, high_dim]; z_low keeps its distance, in deviations, from its mean given z_high."""
    return Latents(high, _at(model.low_given(high), _distance(model.low_given(latents.high), latents.low)))


def ground(model: DrumVAE, shares: np.ndarray) -> np.ndarray:
    """Return the plain groove of mixtures of styles, whose shares are [n, S]: bool [n, 16, 9].

    It is the kick on one and the snare on two and four, each where most bars of the styles have it.
    """
    styles = np.repeat(np.eye(len(model.styles)), _DRAWS, axis=0)
    logits = np.asarray(model.decode(draw_latents(model, styles, seed=0)), np.float64)
    chances = 1 / (1 + np.exp(-logits)).reshape(-1, _DRAWS, STEPS, len(INSTRUMENTS))
    usual = np.tensordot(shares, chances.mean(axis=1), axes=1)
    grooves = np.zeros(usual.shape, bool)
    for step, name in _GROUND:
        place = ..., step, INSTRUMENTS.index(name)
        grooves[place] = usual[place] > 0.5  # noqa: PLR2004 - more bars with it than without
    return grooves


def compose(
    model: DrumVAE,
    latents: Latents,
    *,
    seed: int,
    complexity: float = USUAL,
    temperature: float = 1.0,
    keep: tuple[np.ndarray, float] | None = None,
    always: np.ndarray | None = None,
) -> np.ndarray:
    """Draw hits, at least one a bar; with one seed a greater complexity never has fewer.

    The complexity is 0 for few hits, 1 for many; below a temperature of 1 hits are likelier ones, above it less likely.
    ``keep`` are hits [n, 16, 9] and the share of them to keep: at 0 they have no effect, at 1 nothing changes.
    ``always`` are hits [n, 16, 9] that each bar has.
    """
    logits = np.asarray(model.decode(latents), np.float64) + _REACH_NATS * (complexity - USUAL)
    if keep is not None:
        hits, share = keep
        logits += _KEEPING_NATS * np.arctanh(share * _ALL) * (2.0 * np.asarray(hits) - 1)
    margin = logits - temperature * np.random.default_rng([seed, 2]).logistic(size=logits.shape)
    if always is not None:
        margin[always] = np.inf
    return _playable((margin > 0) | (margin == margin.max(axis=(1, 2), keepdims=True)), logits)


def loop(
    model: DrumVAE,
    latents: Latents,
    bars: int,
    *,
    seed: int,
    complexity: float = USUAL,
    temperature: float = 1.0,
    always: np.ndarray | None = None,
) -> np.ndarray:
    """Draw pieces, bool [n, bars, 16, 9], that vary their first bar, whose latents are given, and end with a fill.

    The first bar is plainer than the others, and has the hits ``always`` [n, 16, 9].
    The fill is the last beat with the most drums and the fewest cymbals among several bars of the style; a single bar
    has none. Complexity and temperature are as in `compose`.
    """
    drawn = functools.partial(compose, model, temperature=temperature)
    pieces = [
        compose(model, latents, seed=seed, complexity=complexity, temperature=_PLAIN * temperature, always=always)
    ]
    for number in range(1, bars - 1):
        varied = vary(latents, model, _VARIATION, seed=derived(seed, number))
        pieces.append(drawn(varied, seed=derived(seed, number) if number % 2 else seed, complexity=complexity))
    if bars > 1:
        candidates = vary(repeated(latents, _CANDIDATES), model, 1.0, seed=derived(seed, 0))
        # The choice of the fill does not depend on the complexity, or a greater one could have fewer hits.
        usual, asked = (drawn(candidates, seed=derived(seed, 0), complexity=level) for level in (USUAL, complexity))
        ending = usual[:, _FILL_FROM:]
        score = ending[:, :, _SKINS].any(axis=2).sum(axis=1) - 0.5 * np.delete(ending, _SKINS, axis=2).sum(axis=(1, 2))
        best = score.reshape(-1, _CANDIDATES).argmax(axis=1)
        last = pieces[0].copy()
        last[:, _FILL_FROM:] = asked[np.arange(len(best)) * _CANDIDATES + best, _FILL_FROM:]
        pieces.append(last)
    return np.stack(pieces, axis=1)


def rearrange(
    model: DrumVAE,
    hits: np.ndarray,
    change: Callable[[Latents], Latents],
    *,
    keep: float,
    seed: int,
    complexity: float = USUAL,
    temperature: float = 1.0,
) -> tuple[Latents, np.ndarray]:
    """Compose the bars of a beat again from changed latents, and return these and the new hits.

    Bars that are alike stay alike, and silent ones silent. The share of hits to keep, complexity and temperature are as
    in `compose`.
    """
    distinct, which = np.unique(hits, axis=0, return_inverse=True)
    latents = change(model.means(np.asarray(distinct, np.float32)))
    composed = compose(model, latents, seed=seed, complexity=complexity, temperature=temperature, keep=(distinct, keep))
    composed &= distinct.any(axis=(1, 2), keepdims=True)
    return Latents(*(np.asarray(level)[which] for level in latents)), composed[which]


def humanise(
    model: DrumVAE, latents: Latents, hits: np.ndarray, *, tempo: float | np.ndarray, amount: float, seed: int
) -> Bars:
    """Give hits [n, 16, 9] velocities and offsets as drummers play them, at a tempo in BPM, of all bars or [n].

    An ``amount`` of 0 is like a machine, every hit on its step with the mean velocity of its kind; 1 as uneven as
    drummers.
    """
    faster = np.broadcast_to(np.asarray(tempo, np.float32) / model.tempo, len(hits))
    played = model.play(latents, hits.astype(np.float32))
    rng = np.random.default_rng([seed, 3])
    loud = rng.standard_normal(hits.shape)
    velocities = _at(played.velocity, amount * loud)
    # standard normal delays, with parts that hits of a bar and of a step have in common
    shapes = ((len(hits), 1, 1), (len(hits), STEPS, 1), hits.shape)
    of_bar, of_step, own = (
        np.sqrt(share) * rng.standard_normal(shape) for share, shape in zip(_TOGETHER, shapes, strict=True)
    )
    # deviations stay the same in milliseconds, so grow with the tempo
    uneven = faster[:, None, None] * (of_bar + of_step + own)
    offsets = amount * _at(played.offset, uneven)
    return Bars.of(hits, velocities.clip(1 / 127, 1), offsets.clip(-LATEST, LATEST), tempo=tempo)


def _playable(hits: np.ndarray, logits: np.ndarray) -> np.ndarray:
    """Remove the less likely of two hi-hats in one step: there is one pair of them."""
    closed, opened = INSTRUMENTS.index("hihat_closed"), INSTRUMENTS.index("hihat_open")
    both = hits[:, :, closed] & hits[:, :, opened]
    prefers_open = logits[:, :, opened] > logits[:, :, closed]
    hits[:, :, closed] &= ~(both & prefers_open)
    hits[:, :, opened] &= ~(both & ~prefers_open)
    return hits
