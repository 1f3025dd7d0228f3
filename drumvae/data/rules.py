"""Grooves made by rule, whose exact probability is known, and so the best that a model of them can reach.

The rules are named drum patterns of five styles: text grids of chances in ``drumvae/styles/*.ini``. A grid gives each
instrument a chance in each sixteenth of a bar, in tenths: ``0`` never, ``1`` to ``9``, ``x`` always. Spaces separate
beats. The row ``ghost`` is the snare played softly. Grids are layers, and ``.`` shows the layer below: the section
``ornaments`` lies under every template of the style. Each other section is a template or, if it has a ``chance``, a
change of that share of the bars of any template, such as a fill.

A bar follows from a style, one of its templates, at most one of its changes, and a density. Given these, cells are
independent, except that at most one hi-hat sounds in a step. So the probability of a bar is a sum over all that these
could have been, and no model of the bars can have a lower mean of −log p than their entropy.
"""

from __future__ import annotations

import configparser
import functools
import itertools
from dataclasses import dataclass, replace
from importlib import resources
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import entr, logsumexp, ndtr, ndtri

from drumvae.data.kit import INSTRUMENTS, LATEST, STEPS, STEPS_PER_QUARTER, Bars

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

STYLES = ("rock", "jazz", "hiphop", "electronic", "latin")

ROWS = (*INSTRUMENTS, "ghost")
GHOST = ROWS.index("ghost")
ALWAYS = 10
_THROUGH = -1
_CHANCES = {".": _THROUGH, **{str(tenths): tenths for tenths in range(ALWAYS)}, "x": ALWAYS}
_ORNAMENTS = "ornaments"

_EXCLUSIVE = [
    [ROWS.index(row) for row in pair] for pair in (("hihat_closed", "hihat_open"), ("snare", "ghost"))
]  # one pair of cymbals, and one snare: a step has at most one of each

_CELLS = STEPS * len(INSTRUMENTS)
_BEATS = STEPS // STEPS_PER_QUARTER
_SNARE, _CLOSED, _OPEN = (INSTRUMENTS.index(name) for name in ("snare", "hihat_closed", "hihat_open"))

# How loudly a drummer plays each instrument, and the four sixteenths of a beat: rounded means of the Groove MIDI
# Dataset (Gillick et al., "Learning to Groove with Inverse Sequence Transformations", 2019), without ghost notes.
_LOUDNESS = np.array([0.55, 0.75, 0.58, 0.65, 0.7, 0.66, 0.75, 0.6, 0.7])
_ACCENTS = np.array([1.0, 0.8, 0.9, 0.85])
_GHOST_LOUDNESS = 0.25
_LOUDNESS_SPREAD, _BAR_LOUDNESS_SPREAD = 0.08, 0.06
_LEVELS = 127  # of a MIDI velocity

# The same for time: hits of a bar are early or late together, and each on its own; 30 ms in all.
_DRIFT_MS, _SPREAD_MS = 15.0, 26.0
_STEP_MS = 60_000 / STEPS_PER_QUARTER  # at 1 BPM


@dataclass(frozen=True, eq=False)
class Template:
    """A pattern that bars are made from, with the lowest and the highest tempo, BPM.

    Attributes:
        timing: delay of a beat's four sixteenths, in sixteenths: swing.
        loudness: a factor for velocities.
        tenths: int64 [16, 10], the chance of each of `ROWS` in each step, in tenths.
    """

    name: str
    tempo: tuple[float, ...]
    timing: tuple[float, ...]
    loudness: float
    tenths: NDArray[np.int64]


class Change(NamedTuple):
    """A change of a share of the bars of any template of a style; tenths as in `Template`, −1 where it stays."""

    chance: float
    tenths: NDArray[np.int64]


@dataclass(frozen=True)
class Style:
    """Templates of a style, equally likely, and the changes of any of them."""

    name: str
    templates: tuple[Template, ...]
    changes: tuple[Change, ...]


class Density(NamedTuple):
    """How much is played: chance of a bar, rise of the log-odds of each uncertain hit, and whether there are ghosts."""

    chance: float
    tilt: float
    ghosts: bool


_DENSITIES = (Density(0.25, -0.4, ghosts=False), Density(0.5, 0.0, ghosts=True), Density(0.25, 0.4, ghosts=True))
"""Sparse, usual and busy bars."""


class EntropyBound(NamedTuple):
    """The entropy of bars, and of bars whose style is known, in nats a bar, with standard errors.

    They are the least mean of −log p that a model can have. ``factorised_nats`` is that of independent cells with the
    right probabilities.
    """

    total_nats: float
    total_error: float
    given_style_nats: float
    given_style_error: float
    factorised_nats: float


class _Components(NamedTuple):
    """Each way to make a bar, a row each: style × template × change or none × density.

    Attributes:
        styles: int64 [k], the number of the style.
        templates: [k], of objects.
        chances: [k], they add up to 1.
        hits: [k, 16, 9], the chance of each cell.
        rests: [k, 16, 9], the chance that nothing of its group sounds: of the two hi-hats, or of the cell alone.
        ghosts: [k, 16], the chance of a ghost note, a part of the snare's chance.
    """

    styles: NDArray[np.int64]
    templates: NDArray[np.object_]
    chances: NDArray[np.float64]
    hits: NDArray[np.float64]
    rests: NDArray[np.float64]
    ghosts: NDArray[np.float64]


class Rules:
    """The distribution of the bars of equally likely styles."""

    def __init__(self, styles: Sequence[Style]) -> None:
        self.styles = tuple(styles)
        rows, nothing = [], np.full((STEPS, len(ROWS)), _THROUGH)
        for number, style in enumerate(styles):
            changes = (Change(1 - sum(change.chance for change in style.changes), nothing), *style.changes)
            for template, change, density in itertools.product(style.templates, changes, _DENSITIES):
                share = change.chance * density.chance / len(styles) / len(style.templates)
                rows.append((number, template, share, *_chances(_over(change.tenths, template.tenths), density)))
        self._components = _Components(*map(np.array, zip(*rows, strict=True)))

    def sample(self, style: int, count: int, seed: Sequence[int]) -> Bars:
        """Make bars of one style; the first ones are the same whatever their count."""
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
        templates = parts.templates[rows]
        names = [f"{self.styles[style].name}/{template.name}" for template in templates]
        return replace(_played(hits, ghosts, templates, feel), styles=np.full(count, style), sources=np.array(names))

    def log_probability(self, hits: np.ndarray) -> NDArray[np.float64]:
        """Return the exact log-probability of bars, [n, 16, 9], in nats, [n], −∞ for bars that are never made."""
        return np.asarray(logsumexp(self._joint(hits), axis=1))

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

    def entropy_bound(self, samples: int = 5_000) -> EntropyBound:
        """Estimate the entropy of bars from samples, as many of each style, at least two.

        H(bar) = H(component) + H(bar | component) − H(component | bar), and the same given the style: only the last
        term is estimated.
        """
        parts, each = self._components, samples // len(self.styles)
        groups = entr(parts.hits).sum(axis=(1, 2)) + entr(np.delete(parts.rests, _OPEN, axis=2)).sum(axis=(1, 2))
        known = parts.chances @ groups + entr(parts.chances).sum()
        left, left_in_style = [], []
        for style in range(len(self.styles)):
            joint = self._joint(self.sample(style, each, [0, len(self.styles)]).hits)
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
    """Return the rules of the five bundled styles."""
    folder = resources.files("drumvae") / "styles"
    return Rules([parse_style(name, (folder / f"{name}.ini").read_text(encoding="utf-8")) for name in STYLES])


def _chances(tenths: NDArray[np.int64], density: Density) -> tuple[NDArray[np.float64], ...]:
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


def _played(
    hits: NDArray[np.bool_], ghosts: NDArray[np.bool_], templates: Sequence[Template], rng: np.random.Generator
) -> Bars:
    """Give hits, one template a bar, a tempo, velocities and offsets as drummers have them."""
    slowest, fastest = np.array([template.tempo for template in templates]).T
    timing = np.array([template.timing for template in templates])
    loudness = np.array([template.loudness for template in templates])
    of_bar, of_velocity, of_offset = rng.spawn(3)
    shares = of_bar.random((len(hits), 3))
    tempos = np.rint(slowest + (fastest - slowest) * shares[:, 0])

    loud = np.tile(_LOUDNESS, (*hits.shape[:2], 1))
    loud[:, :, _SNARE][ghosts] = _GHOST_LOUDNESS
    loud *= loudness[:, None, None] * np.tile(_ACCENTS, _BEATS)[:, None]
    loud += _BAR_LOUDNESS_SPREAD * ndtri(shares[:, 1])[:, None, None]
    loud += _LOUDNESS_SPREAD * of_velocity.standard_normal(hits.shape)
    velocities = np.clip(np.rint(loud * _LEVELS), 1, _LEVELS) / _LEVELS

    step_ms = (_STEP_MS / tempos)[:, None, None]
    late = np.tile(timing, _BEATS)[:, :, None] + _DRIFT_MS * ndtri(shares[:, 2])[:, None, None] / step_ms
    spread = _SPREAD_MS / step_ms
    # normally distributed, of those within half a step, by the inverse of their distribution
    lowest, highest = ndtr((-0.5 - late) / spread), ndtr((0.5 - late) / spread)
    offsets = late + spread * ndtri(lowest + of_offset.random(hits.shape) * (highest - lowest))
    return Bars.of(hits, velocities, np.clip(offsets.astype(np.float32), np.float32(-0.5), LATEST), tempo=tempos)


def _log(chances: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return logarithms, and 0 for that of 0."""
    return np.log(np.where(chances > 0, chances, 1))


def _entropy(joint: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the entropy of the component given each bar, from log p of both together."""
    return np.asarray(entr(np.exp(joint - logsumexp(joint, axis=1, keepdims=True))).sum(axis=1))


def _error(groups: Sequence[NDArray[np.float64]]) -> float:
    """Return the standard error of the mean of groups' means, each group drawn by itself."""
    return float(np.sqrt(sum(group.var(ddof=1) / len(group) for group in groups)) / len(groups))


def parse_style(name: str, text: str) -> Style:
    """Read the templates and changes of one style; a ValueError names two rows whose chances are too many."""
    parser = configparser.ConfigParser(interpolation=None, delimiters=("=",))
    parser.read_string(text, name)
    ornaments = np.zeros((STEPS, len(ROWS)), np.int64)
    templates, changes = [], []
    for title in parser.sections():
        section = dict(parser[title])
        if title == _ORNAMENTS:
            ornaments = _over(_grid(section), ornaments)
        elif "chance" in section:
            changes.append(Change(float(section.pop("chance")), _grid(section)))
        else:
            tempo, timing = (tuple(map(float, section.pop(key, "0 0 0 0").split())) for key in ("tempo", "timing"))
            loudness = float(section.pop("loudness", "1"))
            templates.append(Template(title, tempo, timing, loudness, _over(_grid(section), ornaments)))
    return Style(name, tuple(templates), tuple(changes))


def _grid(rows: Mapping[str, str]) -> NDArray[np.int64]:
    """Read the rows of a section, [16, 10] tenths, −1 where the layer below shows."""
    tenths = np.full((STEPS, len(ROWS)), _THROUGH)
    for row, text in rows.items():
        tenths[:, ROWS.index(row)] = [_CHANCES[character] for character in text.replace(" ", "")]
    for pair in _EXCLUSIVE:
        if (np.maximum(tenths[:, pair], 0).sum(axis=1) > ALWAYS).any():
            names = " and ".join(ROWS[row] for row in pair)
            raise ValueError(f"{names} never sound together: their chances must add up to at most x")
    return tenths


def _over(upper: NDArray[np.int64], lower: NDArray[np.int64]) -> NDArray[np.int64]:
    """Lay one grid over another; a chance that shows through is limited to what its partner leaves."""
    tenths = np.where(upper == _THROUGH, lower, upper)
    for pair in _EXCLUSIVE:
        for row, partner in (pair, pair[::-1]):
            limited = (upper[:, row] == _THROUGH) & (upper[:, partner] != _THROUGH)
            left = np.where(limited, ALWAYS - tenths[:, partner], ALWAYS)
            tenths[:, row] = np.minimum(tenths[:, row], left)
    return tenths
