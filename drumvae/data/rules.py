"""Grooves made by rule, whose probability is known: the measure of what a model of them can reach at best.

A bar follows from a style, one of its templates, one of its changes or none, and a density. Given these, cells are
independent, but the two hi-hats of a step, of which one sounds at most. So the probability of a bar is a sum over all
that these could have been, and no model of the bars can have a lower mean of −log p than their entropy.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import entr, logsumexp, ndtr, ndtri

from drumvae.data.kit import INSTRUMENTS, STEPS, STEPS_PER_QUARTER, Bars
from drumvae.data.templates import ALWAYS, GHOST, Change, Style, Template, read_styles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["DENSITIES", "Density", "EntropyBound", "Rules", "bundled_rules"]

_CELLS = STEPS * len(INSTRUMENTS)
_SNARE, _CLOSED, _OPEN = (INSTRUMENTS.index(name) for name in ("snare", "hihat_closed", "hihat_open"))

# How loudly a drummer plays each instrument, and the four sixteenths of a beat: rounded means of the Groove MIDI
# Dataset (Gillick et al., "Learning to Groove with Inverse Sequence Transformations", 2019), ghost notes apart.
_LOUDNESS = np.array([0.55, 0.75, 0.58, 0.65, 0.7, 0.66, 0.75, 0.6, 0.7])
_ACCENTS = np.array([1.0, 0.8, 0.9, 0.85])
_GHOST_LOUDNESS = 0.25
_LOUDNESS_SPREAD, _BAR_LOUDNESS_SPREAD = 0.08, 0.06
_LEVELS = 127  # of a MIDI velocity

# The same for time: hits of a bar are early or late together, and each on its own; 30 ms in all.
_DRIFT_MS, _SPREAD_MS = 15.0, 26.0
_STEP_MS = 60_000 / STEPS_PER_QUARTER  # at one quarter a minute
_LATEST = np.nextafter(np.float32(0.5), np.float32(0))


class Density(NamedTuple):
    """How much is played.

    Attributes:
        name: of it.
        chance: of a bar, 0 to 1.
        tilt: how much each hit that is not sure gains, nats.
        ghosts: whether there are ghost notes.
    """

    name: str
    chance: float
    tilt: float
    ghosts: bool


DENSITIES = (
    Density("sparse", 0.25, -0.4, ghosts=False),
    Density("usual", 0.5, 0.0, ghosts=True),
    Density("busy", 0.25, 0.4, ghosts=True),
)


class EntropyBound(NamedTuple):
    """The least mean of −log p that a model of bars can have, in nats a bar, and how far the estimate may be off.

    Attributes:
        total_nats: the entropy of bars.
        total_error: its standard error.
        given_style_nats: the entropy of bars whose style is known.
        given_style_error: its standard error.
        factorised_nats: the mean of −log p, exactly, under independent cells that have the right probabilities.
    """

    total_nats: float
    total_error: float
    given_style_nats: float
    given_style_error: float
    factorised_nats: float


@dataclass(frozen=True, eq=False)
class _Components:
    """Each way to make a bar, a row each: style × template × change or none × density.

    Attributes:
        styles, templates: int64 [k], the number of the style, and of the template among those of all styles.
        chances: [k], they add up to 1.
        hits: [k, 16, 9], the chance of each cell.
        rests: [k, 16, 9], the chance that nothing of its group sounds: of the two hi-hats, or of the cell alone.
        ghosts: [k, 16], the chance of a ghost note, a part of the snare's chance.
    """

    styles: NDArray[np.int64]
    templates: NDArray[np.int64]
    chances: NDArray[np.float64]
    hits: NDArray[np.float64]
    rests: NDArray[np.float64]
    ghosts: NDArray[np.float64]


class Rules:
    """The distribution of bars that styles make.

    Args:
        styles: equally likely.
        densities: how much may be played.

    Raises:
        ValueError: the chances of the densities do not add up to 1.
    """

    def __init__(self, styles: Sequence[Style], densities: Sequence[Density] = DENSITIES) -> None:
        whole = sum(density.chance for density in densities)
        if not np.isclose(whole, 1):
            raise ValueError(f"the chances of densities add up to {whole:g}, not 1")
        self.styles = tuple(styles)
        self.densities = tuple(densities)
        self.templates = tuple(template for style in self.styles for template in style.templates)
        self._components = self._all_components()

    def _all_components(self) -> _Components:
        numbers, chances, cells = [], [], []
        template_number = 0
        for style_number, style in enumerate(self.styles):
            for template in style.templates:
                for change_chance, tenths in _versions(template, style.changes):
                    for density in self.densities:
                        chance = change_chance * density.chance / len(self.styles) / len(style.templates)
                        if chance > 0:
                            numbers.append((style_number, template_number))
                            chances.append(chance)
                            cells.append(_chances(tenths, density))
                template_number += 1
        hits, rests, ghosts = (np.stack(arrays) for arrays in zip(*cells, strict=True))
        style_numbers, template_numbers = np.array(numbers).T
        return _Components(style_numbers, template_numbers, np.array(chances), hits, rests, ghosts)

    # --- bars ----------------------------------------------------------------------------------------------

    def sample(self, style: int, count: int, seed: Sequence[int]) -> Bars:
        """Make bars of one style; the first ones are the same whatever their count.

        Args:
            style: its number.
            count: how many.
            seed: another one, other bars.
        """
        parts = self._components
        which, cells, feel = np.random.default_rng([*seed, style]).spawn(3)
        of_style = np.flatnonzero(parts.styles == style)
        steps = np.cumsum(parts.chances[of_style])
        rows = of_style[np.searchsorted(steps, which.random(count) * steps[-1], side="right")]
        draws = cells.random((count, STEPS, len(INSTRUMENTS)))
        hits = draws < parts.hits[rows]
        # the two hi-hats of a step share one draw, so that they never sound together
        closed, opened = parts.hits[rows, :, _CLOSED], parts.hits[rows, :, _OPEN]
        hits[:, :, _OPEN] = (draws[:, :, _CLOSED] >= closed) & (draws[:, :, _CLOSED] < closed + opened)
        ghosts = draws[:, :, _SNARE] < parts.ghosts[rows]
        return self._played(hits, ghosts, style, parts.templates[rows], feel)

    def _played(
        self,
        hits: NDArray[np.bool_],
        ghosts: NDArray[np.bool_],
        style: int,
        templates: NDArray[np.int64],
        rng: np.random.Generator,
    ) -> Bars:
        """Give hits a tempo, velocities and offsets as people have them."""
        slowest, fastest = np.array([template.tempo for template in self.templates])[templates].T
        timing = np.array([template.timing for template in self.templates])[templates]
        loudness = np.array([template.loudness for template in self.templates])[templates]
        of_bar, of_velocity, of_offset = rng.spawn(3)
        shares = of_bar.random((len(hits), 3))
        tempos = np.rint(slowest + (fastest - slowest) * shares[:, 0])

        loud = np.tile(_LOUDNESS, (*hits.shape[:2], 1))
        loud[:, :, _SNARE][ghosts] = _GHOST_LOUDNESS
        loud *= loudness[:, None, None] * np.tile(_ACCENTS, STEPS // STEPS_PER_QUARTER)[:, None]
        loud += _BAR_LOUDNESS_SPREAD * ndtri(shares[:, 1])[:, None, None]
        loud += _LOUDNESS_SPREAD * of_velocity.standard_normal(hits.shape)
        velocities = np.clip(np.rint(loud * _LEVELS), 1, _LEVELS) / _LEVELS

        step_ms = (_STEP_MS / tempos)[:, None, None]
        late = np.tile(timing, STEPS // STEPS_PER_QUARTER)[:, :, None]
        late = late + _DRIFT_MS * ndtri(shares[:, 2])[:, None, None] / step_ms
        bars = Bars.of(
            hits, velocities, _within_a_step(late, _SPREAD_MS / step_ms, of_offset.random(hits.shape)), tempo=tempos
        )
        names = np.array([f"{self.styles[style].name}/{template.name}" for template in self.templates])
        return Bars(bars.hits, bars.velocities, bars.offsets, bars.tempos, np.full(len(hits), style), names[templates])

    # --- their probability ---------------------------------------------------------------------------------

    def log_probability(self, hits: np.ndarray, styles: np.ndarray | None = None) -> NDArray[np.float64]:
        """Return the exact log-probability of which cells are hit, in nats, −∞ for bars that are never made.

        Args:
            hits: [n, 16, 9], 0 or 1.
            styles: [n], the number of each bar's style; then it is the probability given the style.

        Returns:
            [n]
        """
        joint = self._joint(hits)
        if styles is not None:
            joint = np.where(self._components.styles == np.asarray(styles)[:, None], joint, -np.inf)
        known = 0.0 if styles is None else np.log(len(self.styles))
        return _total(joint) + known

    def _joint(self, hits: np.ndarray) -> NDArray[np.float64]:
        """Return log p of each bar together with each component, [n, k]."""
        parts = self._components
        struck = np.asarray(hits, bool)
        cells = struck.reshape(-1, _CELLS).astype(np.float64)
        chances, rests = parts.hits.reshape(-1, _CELLS).T, parts.rests.reshape(-1, _CELLS).T
        resting = np.delete(parts.rests, _OPEN, axis=2).reshape(len(rests.T), -1)  # each pair of hi-hats once
        possible = _log(resting).sum(axis=1) + cells @ (_log(chances) - _log(rests))
        # where a log was of 0: a hit that has no chance, or no hit where one is sure
        broken = cells @ (chances == 0) + (resting == 0).sum(axis=1) - cells @ (rests == 0)
        both = (struck[:, :, _CLOSED] & struck[:, :, _OPEN]).any(axis=1)
        return np.where((broken > 0) | both[:, None], -np.inf, possible + np.log(parts.chances))

    def entropy_bound(self, samples: int = 5_000, seed: int = 0) -> EntropyBound:
        """Estimate the entropy of bars; only what cannot be summed exactly is estimated.

        H(bar) = H(component) + H(bar | component) − H(component | bar), and the same given the style: only the last
        term needs samples.

        Args:
            samples: bars to draw, rounded down to as many of each style.
            seed: of the draws.

        Raises:
            ValueError: there are too few samples to tell the error.
        """
        parts, each = self._components, samples // len(self.styles)
        if each < 2:  # noqa: PLR2004 - one value has no spread
            raise ValueError(f"{samples} samples are too few: draw at least two of each style")
        groups = entr(parts.hits).sum(axis=(1, 2)) + entr(np.delete(parts.rests, _OPEN, axis=2)).sum(axis=(1, 2))
        known = parts.chances @ groups + entr(parts.chances).sum()
        left, left_in_style = [], []
        for style in range(len(self.styles)):
            joint = self._joint(self.sample(style, each, [seed, len(self.styles)]).hits)
            left.append(_entropy(joint))
            left_in_style.append(_entropy(joint[:, parts.styles == style]))
        marginal = np.tensordot(parts.chances, parts.hits, axes=1)
        return EntropyBound(
            known - float(np.mean(left)),
            _error(left),
            known - float(np.log(len(self.styles))) - float(np.mean(left_in_style)),
            _error(left_in_style),
            float((entr(marginal) + entr(1 - marginal)).sum()),
        )


@functools.cache
def bundled_rules() -> Rules:
    """Return the rules of the five styles that are kept beside the code."""
    return Rules(read_styles())


def _versions(template: Template, changes: Sequence[Change]) -> list[tuple[float, NDArray[np.int64]]]:
    """Return (chance, tenths) of a template with each change, and without any."""
    unchanged = 1 - sum(change.chance for change in changes)
    return [(unchanged, template.tenths), *((change.chance, change.applied(template)) for change in changes)]


def _chances(
    tenths: NDArray[np.int64], density: Density
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the hits, rests and ghosts of one component, as in `_Components`.

    The density multiplies the odds of each hit, against those of a rest of its group, by eᵗⁱˡᵗ.
    """
    hits = tenths[:, : len(INSTRUMENTS)].astype(np.float64)
    ghosts = tenths[:, GHOST] * float(density.ghosts)
    hits[:, _SNARE] += ghosts
    rests = ALWAYS - hits
    rests[:, [_CLOSED, _OPEN]] = (ALWAYS - hits[:, _CLOSED] - hits[:, _OPEN])[:, None]
    tilt = np.exp(density.tilt)
    whole = rests + tilt * hits
    whole[:, [_CLOSED, _OPEN]] = (rests[:, _CLOSED] + tilt * (hits[:, _CLOSED] + hits[:, _OPEN]))[:, None]
    return tilt * hits / whole, rests / whole, tilt * ghosts / whole[:, _SNARE]


def _within_a_step(mean: np.ndarray, spread: np.ndarray, shares: np.ndarray) -> NDArray[np.float32]:
    """Draw normally distributed offsets, of those within half a step, by the inverse of their distribution."""
    lowest, highest = ndtr((-0.5 - mean) / spread), ndtr((0.5 - mean) / spread)
    drawn = mean + spread * ndtri(lowest + shares * (highest - lowest))
    return np.clip(drawn.astype(np.float32), np.float32(-0.5), _LATEST)


def _log(chances: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return logarithms, and 0 for that of 0."""
    return np.log(np.where(chances > 0, chances, 1))


def _total(joint: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the logarithm of the sum of each row's exponentials, −∞ where all of a row is."""
    total: NDArray[np.float64] = logsumexp(joint, axis=1)
    return total


def _entropy(joint: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the entropy of what made each bar, given the bar, from log p of both together."""
    posterior = np.exp(joint - _total(joint)[:, None])
    entropy: NDArray[np.float64] = entr(posterior).sum(axis=1)
    return entropy


def _error(groups: Sequence[NDArray[np.float64]]) -> float:
    """Return the standard error of the mean of groups' means, each group drawn by itself."""
    return float(np.sqrt(sum(group.var(ddof=1) / len(group) for group in groups)) / len(groups))
