"""From a trained model to bars that are played: styles that mix, complexity, loops with fills, a human touch.

Every function draws from a seed: the same seed, the same bars. Notation: n bars, S styles.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from drumvae.data.kit import INSTRUMENTS, STEPS, Bars
from drumvae.models.vae import Latents

if TYPE_CHECKING:
    from collections.abc import Callable

    from drumvae.models.vae import DrumVAE

USUAL = 0.5
"""The complexity at which a bar has as many hits as its style has."""

TYPICAL = 0.3
"""The spread of upper levels near the middle of their style: a bar that keeps to another is then still of the style."""

_REACH_NATS = 4.0  # that logits move from the least to the greatest complexity
_KEEPING_NATS = 3.0  # that logits move for a little keeping, by how much is kept
_ALL = 1 - 1e-12  # how much is kept when all is: beyond it there are infinities
_CANDIDATES = 64  # bars among which a fill is looked for
_FILL_FROM = 12  # the step at which a fill begins
_TOGETHER = (0.28, 0.16, 0.56)
"""Of the variance of offsets in the Groove MIDI Dataset, what a bar's hits share, a step's hits too, and none do."""
_SKINS = [INSTRUMENTS.index(name) for name in ("snare", "tom_low", "tom_high")]
_HALF_STEP = np.nextafter(np.float32(0.5), np.float32(0))


def derived(seed: int, *numbers: int) -> int:
    """Return the seed of a part, told by numbers, of what a seed is for; below 2³¹."""
    return int(np.random.SeedSequence([seed, *numbers]).generate_state(1)[0] >> 1)


def draw_latents(model: DrumVAE, shares: np.ndarray, *, seed: int, spread: float = 1.0) -> Latents:
    """Draw both levels of latents for bars of given styles.

    Args:
        model: the trained one.
        shares: [n, S] how much of each style a bar is to have, from 0 and adding up to 1; the latents of the styles
            are mixed in these shares.
        seed: of the draws.
        spread: how far upper levels are from the middle of their style: 1 as in the model, 0 not at all.
    """
    noise = model.noise(len(shares), [seed, 0])
    means = shares @ model.style_means.numpy()
    deviations = spread * (shares @ model.style_deviations.numpy())
    high = tf.constant(means, tf.float32) + tf.constant(deviations, tf.float32) * noise.high
    return Latents(high, model.low_given(high).sample(noise.low))


def repeated(latents: Latents, times: int) -> Latents:
    """Return each bar's latents so many times, one after the other."""
    return Latents(*(tf.repeat(level, times, axis=0) for level in latents))


def vary(latents: Latents, model: DrumVAE, amount: float, *, seed: int) -> Latents:
    """Move the lower level of latents to other draws of what their upper level says.

    Args:
        latents: of n bars.
        model: the trained one.
        amount: 0 leaves them as they are, 1 draws them anew; their spread stays that of the model.
        seed: of the draws.
    """
    around = model.low_given(latents.high)
    deviation = tf.exp(around.log_variance / 2)
    noise = (latents.low - around.mean) / deviation
    fresh = model.noise(len(noise), [seed, 1]).low
    return Latents(latents.high, around.mean + deviation * (np.sqrt(1 - amount**2) * noise + amount * fresh))


def transfer(latents: Latents, model: DrumVAE, styles: np.ndarray, *, seed: int) -> Latents:
    """Give bars other styles: each an upper level typical of one, and the lower one as `restyled` has it.

    Args:
        latents: of n bars, as the encoder gives them.
        model: the trained one.
        styles: [n] the number of the style that each is to have.
        seed: of the draws.
    """
    shares = np.eye(len(model.styles))[styles]
    return restyled(latents, model, draw_latents(model, shares, seed=seed, spread=TYPICAL).high)


def restyled(latents: Latents, model: DrumVAE, high: tf.Tensor) -> Latents:
    """Give bars another upper level, and keep the lower one as far from what the upper one expects as before.

    Args:
        latents: of n bars.
        model: the trained one.
        high: [n, high_dim].
    """
    before, after = model.low_given(latents.high), model.low_given(high)
    stray = (latents.low - before.mean) * tf.exp(-before.log_variance / 2)
    return Latents(high, after.mean + tf.exp(after.log_variance / 2) * stray)


def compose(
    model: DrumVAE,
    latents: Latents,
    *,
    seed: int,
    complexity: float = USUAL,
    temperature: float = 1.0,
    keep: tuple[np.ndarray, float] | None = None,
) -> np.ndarray:
    """Draw hits, bool [n, 16, 9], at least one a bar; with one seed a greater complexity never has fewer.

    Args:
        model: the trained one.
        latents: of n bars.
        seed: of the draws.
        complexity: 0 to 1: few hits or many.
        temperature: below 1 hits are the likeliest ones, above 1 anything.
        keep: hits [n, 16, 9] to keep to, and how much: at 0 not at all, at 1 nothing changes.
    """
    logits = model.decode(latents).numpy().astype(np.float64) + _REACH_NATS * (complexity - USUAL)
    if keep is not None:
        hits, share = keep
        logits += _KEEPING_NATS * np.arctanh(share * _ALL) * (2.0 * np.asarray(hits) - 1)
    margin = logits - temperature * np.random.default_rng([seed, 2]).logistic(size=logits.shape)
    return _playable((margin > 0) | (margin == margin.max(axis=(1, 2), keepdims=True)), logits)


def loop(
    model: DrumVAE,
    latents: Latents,
    bars: int,
    *,
    seed: int,
    variation: float = 0.3,
    complexity: float = USUAL,
    temperature: float = 1.0,
) -> np.ndarray:
    """Draw pieces of several bars, bool [n, bars, 16, 9]: bars that vary the first one, and a fill at the end.

    The fill is the last beat that has the most drums and the least cymbals, of a number of bars of the style. With one
    seed a greater complexity never has fewer hits.

    Args:
        model: the trained one.
        latents: of the first bar of n pieces.
        bars: of a piece; a single one has no fill.
        seed: of the draws.
        variation: see `vary`.
        complexity: see `compose`.
        temperature: see `compose`.
    """
    drawn = functools.partial(compose, model, temperature=temperature)
    pieces = [drawn(latents, seed=seed, complexity=complexity)]
    for number in range(1, bars - 1):
        varied = vary(latents, model, variation, seed=derived(seed, number))
        pieces.append(drawn(varied, seed=derived(seed, number) if number % 2 else seed, complexity=complexity))
    if bars > 1:
        candidates = vary(repeated(latents, _CANDIDATES), model, 1.0, seed=derived(seed, 0))
        # Which fill is taken does not depend on the complexity, or a greater one could have fewer hits.
        usual, asked = (drawn(candidates, seed=derived(seed, 0), complexity=level) for level in (USUAL, complexity))
        last = pieces[0].copy()
        last[:, _FILL_FROM:] = asked[_best_fills(usual), _FILL_FROM:]
        pieces.append(last)
    return np.stack(pieces, axis=1)


def _best_fills(candidates: np.ndarray) -> np.ndarray:
    """Return for each of n pieces which of its bars [n · candidates, 16, 9] ends with most drums and least cymbals."""
    ending = candidates[:, _FILL_FROM:]
    score = ending[:, :, _SKINS].any(axis=2).sum(axis=1) - 0.5 * np.delete(ending, _SKINS, axis=2).sum(axis=(1, 2))
    best = score.reshape(-1, _CANDIDATES).argmax(axis=1)
    return np.arange(len(best)) * _CANDIDATES + best


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
    """Compose a beat anew; bars that are alike stay alike, and silent ones silent.

    Args:
        model: the trained one.
        hits: of the beat, [n, 16, 9].
        change: what becomes of the latents of its bars.
        keep: how much of its hits, see `compose`.
        seed: of the draws.
        complexity: see `compose`.
        temperature: see `compose`.

    Returns:
        latents and hits of n bars.
    """
    distinct, which = np.unique(hits, axis=0, return_inverse=True)
    latents = change(model.means(tf.constant(distinct, tf.float32)))
    composed = compose(model, latents, seed=seed, complexity=complexity, temperature=temperature, keep=(distinct, keep))
    composed &= distinct.any(axis=(1, 2), keepdims=True)
    return Latents(*(tf.gather(level, which) for level in latents)), composed[which]


def humanise(
    model: DrumVAE, latents: Latents, hits: np.ndarray, *, tempo: float | np.ndarray, amount: float, seed: int
) -> Bars:
    """Play hits as people do: loud and soft, early and late.

    Args:
        model: the trained one.
        latents: of n bars.
        hits: [n, 16, 9].
        tempo: quarters a minute, for all bars or [n].
        amount: 0 is a machine, every hit on its step and as loud as the mean of its kind; 1 is as uneven as people.
        seed: of the draws.
    """
    faster = np.broadcast_to(np.asarray(tempo, np.float32) / model.tempo, len(hits))
    played = model.play(latents, tf.constant(hits, tf.float32)).at(tf.constant(faster))
    rng = np.random.default_rng([seed, 3])
    loud = rng.standard_normal(hits.shape)
    velocities = played.velocity.mean.numpy() + amount * loud * np.exp(played.velocity.log_variance.numpy() / 2)
    deviation = np.exp(played.offset.log_variance.numpy() / 2)
    offsets = amount * (played.offset.mean.numpy() + deviation * _lateness(len(hits), rng))
    return Bars.of(hits, velocities.clip(1 / 127, 1), offsets.clip(-_HALF_STEP, _HALF_STEP), tempo=tempo)


def _lateness(count: int, rng: np.random.Generator) -> np.ndarray:
    """Draw how late hits are, [n, 16, 9], each a standard normal value, and those together that people play so."""
    shapes = ((count, 1, 1), (count, STEPS, 1), (count, STEPS, len(INSTRUMENTS)))
    of_bar, of_step, own = (
        np.sqrt(share) * rng.standard_normal(shape) for share, shape in zip(_TOGETHER, shapes, strict=True)
    )
    return of_bar + of_step + own


def _playable(hits: np.ndarray, logits: np.ndarray) -> np.ndarray:
    """Return hits without the less likely of two hi-hats on one step: there is one pair of them."""
    closed, opened = INSTRUMENTS.index("hihat_closed"), INSTRUMENTS.index("hihat_open")
    both = hits[:, :, closed] & hits[:, :, opened]
    prefers_open = logits[:, :, opened] > logits[:, :, closed]
    hits[:, :, closed] &= ~(both & prefers_open)
    hits[:, :, opened] &= ~(both & ~prefers_open)
    return hits
