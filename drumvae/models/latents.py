"""What drum models exchange with those who compose with them, and their exported form, without TensorFlow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np

    from manymodes.portable import Graphs


class Latents(NamedTuple):
    """Both levels of the hierarchy, drawn or as means: high [B, high_dim], low [B, low_dim]."""

    high: Any
    low: Any


class Normal(NamedTuple):
    """Normal distributions, by mean and logarithm of the variance."""

    mean: np.ndarray
    log_variance: np.ndarray


class Played(NamedTuple):
    """Normal distributions of velocity and offset in every cell, [B, 16, 9] each."""

    velocity: Any
    offset: Any


class PortableDrumVAE:
    """A `DrumVAE` that was exported: composes the same beats without TensorFlow."""

    def __init__(self, graphs: Graphs) -> None:
        config = graphs.config
        self.styles, self.tempo = config["styles"], config["tempo"]
        self.high_dim, self.low_dim = config["high_dim"], config["low_dim"]
        self.style_means, self.style_deviations = (graphs.arrays[name] for name in ("style_means", "style_deviations"))
        self._run = graphs.run

    def means(self, hits: np.ndarray) -> Latents:
        """Return the means of the latents of patterns [B, 16, 9]."""
        return Latents(*self._run("means", hits))

    def low_given(self, high: np.ndarray) -> Normal:
        """Return p(z_low | z_high), [B, low_dim]."""
        return Normal(*self._run("low_given", high))

    def decode(self, latents: Latents) -> np.ndarray:
        """Return the logits of hits, [B, 16, 9]."""
        return self._run("decode", *latents)[0]

    def play(self, latents: Latents, hits: np.ndarray) -> Played:
        """Return how hits [B, 16, 9] are played under latents."""
        parts = self._run("play", *latents, hits)
        return Played(Normal(*parts[:2]), Normal(*parts[2:]))
