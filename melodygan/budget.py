"""Training a row of `melodygan.compare` for as long as every other (`manymodes.experiment.budget`)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from manymodes.experiment.budget import Trained, Training, train_for
from melodygan.comparison import LOSSES
from melodygan.config import MelodyConfig
from melodygan.trainer import PENALTY_SETTINGS, prepare

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from melodygan.data.corpus import Split


def train_row(
    path: Path,
    settings: dict[str, Any],
    split: Split,
    seconds: float,
    *,
    title: str = "",
    clock: Callable[[], float] = time.perf_counter,
) -> Trained:
    """Train what ``settings`` describe for so long, and choose among its epochs as `melodygan.train` does.

    Args:
        path: run folder; a run in it that was made with the same is continued.
        settings: as `melodygan.comparison.Terms.settings`.
        split: the tunes.
        seconds: that updates may take.
        title: shown beside the progress bar.
        clock: gives the time in seconds.

    Raises:
        KeyboardInterrupt: Ctrl-C; the run can be continued.
    """

    def ready(kept: dict[str, Any], done: int, checkpoint: Path | None) -> Training:
        model, batches, measure, callbacks, fit, _ = prepare(MelodyConfig.from_json(kept), split, done, checkpoint)
        return Training(model, batches, measure, callbacks, fit)

    examples = settings["batch_size"] * PENALTY_SETTINGS[settings["penalty"]]["discriminator_steps"]
    return train_for(seconds, path, settings, ready, examples=examples, losses=LOSSES, title=title, clock=clock)
