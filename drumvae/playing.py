"""Beats of a trained model: what the commands and the studio share.

A beat is a `drumvae.data.kit.Bars`. Everything drawn depends on the seed alone.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np

from drumvae.composing import (
    TYPICAL,
    derived,
    draw_latents,
    ground,
    humanise,
    loop,
    rearrange,
    repeated,
    restyled,
    vary,
)
from manymodes import cli, hub

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drumvae.data.kit import Bars
    from drumvae.models.vae import DrumVAE

DRUM_MODEL = hub.Kind(
    "a model of drums",
    "drumvae.train",
    {"drumvae>DrumVAE": "drumvae.models.vae"},
    portable={"drumvae>DrumVAE": "drumvae.models.latents:PortableDrumVAE"},
)

TEMPO, BARS, AMOUNT = 120.0, 4, 0.3
"""Defaults: BPM, bars of a beat, and the amount of variations."""

_AT_ONCE = 64  # beats composed at once: each needs as many bars as candidates for its fill

load = DRUM_MODEL.load


def beats(
    model: DrumVAE,
    style: str | Sequence[float] | np.ndarray,
    *,
    count: int = 1,
    bars: int = BARS,
    tempo: float = TEMPO,
    complexity: float = 0.5,
    humanize: float = 1.0,
    temperature: float = 1.0,
    seed: int = 0,
) -> list[Bars]:
    """Compose beats of a style or of a mixture of styles; their last bar, if there are several, ends with a fill.

    They begin with the style's plain groove: kick on one and snare on two and four, where most of its bars have them.

    Args:
        model: a trained model.
        style: its name, or the share of each style, [S], adding up to 1.
        count: number of beats.
        bars: of each beat.
        tempo: BPM.
        complexity: 0 few hits, 1 many.
        humanize: 0 exactly on the grid, 1 as uneven as people play.
        temperature: below 1 likelier hits, above 1 less likely ones.
        seed: the same seed, the same beats; a mixture changes gradually with its shares.

    Raises:
        UserError: unknown style.
    """
    shares = np.eye(len(model.styles))[style_number(model, style)] if isinstance(style, str) else np.asarray(style)
    composed = []
    for begin in range(0, count, _AT_ONCE):
        some, part = min(_AT_ONCE, count - begin), derived(seed, begin)
        mixtures = np.tile(shares, (some, 1))
        latents, plain = draw_latents(model, mixtures, seed=part), ground(model, mixtures)
        hits = loop(model, latents, bars, seed=part, complexity=complexity, temperature=temperature, always=plain)
        played = humanise(
            model, repeated(latents, bars), hits.reshape(-1, *hits.shape[2:]), tempo=tempo, amount=humanize, seed=part
        )
        composed += [played[bars * number : bars * (number + 1)] for number in range(some)]
    return composed


def style_number(model: DrumVAE, name: str, option: str = "style") -> int:
    """Return the number of a style; raise a UserError that begins with ``option`` if it is unknown."""
    return cli.number_of(name, model.styles, option, "style")


def varied(
    model: DrumVAE,
    source: Bars,
    *,
    count: int = 1,
    amount: float = AMOUNT,
    complexity: float = 0.5,
    humanize: float | None = None,
    temperature: float = 1.0,
    seed: int = 0,
) -> list[Bars]:
    """Vary a beat ``count`` times; hits that stay keep their velocity and timing.

    An amount near 0 changes hardly anything, 1 nearly everything. ``humanize``, of added hits, is by default 0 if the
    beat is on the grid, else 1. The other options are as in `beats`.
    """
    uneven = float(source.offsets.any()) if humanize is None else humanize
    variations = []
    for number in range(count):
        part = derived(seed, number)
        latents, hits = rearrange(
            model,
            source.hits,
            functools.partial(vary, model=model, amount=amount, seed=part),
            keep=1 - amount,
            seed=part,
            complexity=complexity,
            temperature=temperature,
        )
        played = humanise(model, latents, hits, tempo=source.tempos, amount=uneven, seed=part)
        velocities = np.where(source.hits, source.velocities, played.velocities)
        offsets = np.where(source.hits, source.offsets, played.offsets)
        variation = type(source).of(played.hits, velocities, offsets, tempo=source.tempos)
        variations.append(variation.with_notes_of(source))
    return variations


def transferred(
    model: DrumVAE,
    source: Bars,
    shares: Sequence[float],
    *,
    keep: float,
    seed: int,
    humanize: float = 1.0,
    complexity: float = 0.5,
    temperature: float = 1.0,
) -> Bars:
    """Transfer a beat to a mixture of styles, with its length and tempo.

    The shares of the styles, [S], add up to 1; ``keep`` is the share of the hits that stays, see
    `drumvae.composing.compose`. The other options are as in `beats`.
    """
    drawn = draw_latents(model, np.array([shares]), seed=seed, spread=TYPICAL)
    latents, hits = rearrange(
        model,
        source.hits,
        # One z_high for all bars, so that the beat is of one kind.
        lambda latents: restyled(latents, model, repeated(drawn, len(latents.high)).high),
        keep=keep,
        seed=seed,
        complexity=complexity,
        temperature=temperature,
    )
    played = humanise(model, latents, hits, tempo=source.tempos, amount=humanize, seed=seed)
    return played.with_notes_of(source)


def humanized(model: DrumVAE, source: Bars, *, amount: float = 1.0, seed: int = 0) -> Bars:
    """Give the hits of a beat velocities and timing between its own (``amount`` 0) and those of the model (1)."""
    latents = model.means(source.hits.astype(np.float32))
    human = humanise(model, latents, source.hits, tempo=source.tempos, amount=1.0, seed=seed)
    velocities, offsets = (
        (1 - amount) * theirs + amount * ours
        for theirs, ours in ((source.velocities, human.velocities), (source.offsets, human.offsets))
    )
    return type(source).of(source.hits, velocities, offsets, tempo=source.tempos, notes=source.notes)
