"""Schedules of quantities over training: pure functions of the progress.

A schedule maps ``progress``, 0 at the first update and 1 at the last, to a factor from 0 to 1.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

import keras

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Schedule: TypeAlias = Callable[[float], float]

_RISE = 0.5  # share of training, or of a cycle, in which the linear schedules rise
_CYCLES = 4
_STEEPNESS = 12.0


def linear(progress: float) -> float:
    """Rise evenly to 1 over the first half, and stay (Bowman et al., 2016)."""
    return min(1.0, progress / _RISE)


def cyclical(progress: float) -> float:
    """Rise as `linear` does, four times over (Fu et al., 2019); at the very end it is 1."""
    return 1.0 if progress >= 1 else linear(progress * _CYCLES % 1)


def sigmoid(progress: float) -> float:
    """Rise along a logistic curve with its middle at a quarter of training."""
    return 1 / (1 + math.exp(-_STEEPNESS * (progress - _RISE / 2) / _RISE))


SCHEDULES: Mapping[str, Schedule] = {"none": lambda _: 1.0, "linear": linear, "cyclical": cyclical, "sigmoid": sigmoid}
"""By the names that ``--anneal`` takes."""


def between(first: float, last: float, progress: float) -> float:
    """Interpolate geometrically from ``first`` to ``last`` by progress."""
    return first * (last / first) ** min(1.0, progress)


class Scheduled(keras.callbacks.Callback):
    """Set variables of the model by schedules before every one of n updates.

    Progress is the optimizer's, so that continued training resumes its schedules.
    """

    def __init__(self, updates: int, schedules: Mapping[str, Schedule]) -> None:
        super().__init__()
        self.updates = updates
        self.schedules = schedules

    def on_train_batch_begin(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Set them."""
        progress = int(self.model.optimizer.iterations) / max(1, self.updates - 1)
        for name, schedule in self.schedules.items():
            getattr(self.model, name).assign(schedule(min(1.0, progress)))
