"""Samples a second through one critic and one generator update of the report's 512-unit networks.

*Ours* is `manymodes.nn.adversarial.AdversarialModel`: both updates in one compiled step, real and generated examples
in one call of the critic, at several batch sizes. *Reported* is the report's loop at its batch of 16:
``generator.predict``, ``train_on_batch`` on real and on generated windows, ``train_on_batch`` of the generator
with the frozen critic behind it. The networks, the loss and the optimizer are the same (`melodygan.models.reported`,
Wasserstein, Adam 2e-4). They take turns in one process; the table has the medians.

    python benchmarks/melodygan_update.py --repeats 5
"""

from __future__ import annotations

import os
import statistics
from functools import partial
from typing import TYPE_CHECKING

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from timing import parser, timed

from manymodes.nn.adversarial import AdversarialModel
from melodygan.models.reported import (
    BATCH_SIZE,
    LATENT_DIM,
    LENGTH,
    UNITS,
    build_reported_discriminator,
    build_reported_generator,
)

if TYPE_CHECKING:
    from collections.abc import Callable


def adam() -> keras.optimizers.Optimizer:
    """Return the report's optimizer."""
    return keras.optimizers.Adam(2e-4, 0.5)


def windows(batch_size: int) -> np.ndarray:
    """Return random windows of notes, [batch_size, LENGTH, 1]."""
    return np.random.default_rng(0).uniform(-1, 1, (batch_size, LENGTH, 1)).astype(np.float32)


def our_update(units: int, batch_size: int) -> Callable[[], object]:
    """Return a function that makes one update of each player on ``batch_size`` windows."""
    model = AdversarialModel(build_reported_generator(), build_reported_discriminator(units=units))
    model.compile(adam(), adam(), objective="wasserstein")
    return partial(model.train_on_batch, windows(batch_size))


def reported_update(units: int, batch_size: int) -> Callable[[], None]:
    """Return a function that makes one update of each player as the report's loop does."""

    def wasserstein(labels: np.ndarray, scores: np.ndarray) -> np.ndarray:
        return keras.ops.mean(labels * scores)

    rng = np.random.default_rng(0)
    generator = build_reported_generator()
    critic = build_reported_discriminator(units=units, recurrence=keras.layers.LSTM)
    critic.compile(adam(), loss=wasserstein)
    real, labels = windows(batch_size), np.ones((batch_size, 1), np.float32)
    # A critic's update is compiled with its weights trainable, the generator's with them frozen: each keeps what
    # it was compiled with.
    critic.train_on_batch(real, -labels)
    critic.trainable = False
    combined = keras.Sequential([keras.Input((LATENT_DIM,)), generator, critic])
    combined.compile(adam(), loss=wasserstein)

    def latents() -> np.ndarray:
        return rng.normal(size=(batch_size, LATENT_DIM)).astype(np.float32)

    def update() -> None:
        fake = generator.predict(latents(), verbose=0)
        critic.train_on_batch(real, -labels)
        critic.train_on_batch(fake, labels)
        combined.train_on_batch(latents(), -labels)

    return update


def main() -> None:
    """Measure and print."""
    options = parser(__doc__, repeats=5)
    options.add_argument("--units", type=int, default=UNITS, help=f"width of the critic's LSTMs (default {UNITS})")
    sizes = [BATCH_SIZE, 64, 128]
    options.add_argument("--batch-sizes", type=int, nargs="+", default=sizes, help="of ours (default 16 64 128)")
    args = options.parse_args()

    keras.utils.set_random_seed(0)
    candidates = {("reported", BATCH_SIZE): reported_update(args.units, BATCH_SIZE)}
    candidates |= {("ours", size): our_update(args.units, size) for size in args.batch_sizes}
    for update in candidates.values():
        update()  # compiled before it is timed
    taken: dict[tuple[str, int], list[float]] = {name: [] for name in candidates}
    for _ in range(args.repeats):
        for name, update in candidates.items():
            taken[name].append(timed(update)[1])

    speeds = {(who, size): size / statistics.median(times) for (who, size), times in taken.items()}
    print(f"{'':>10} {'batch':>6} {'seconds an update: median (least … most)':>42} {'samples/s':>10} {'ratio':>6}")
    for (who, size), times in taken.items():
        ratio = speeds[who, size] / speeds["reported", BATCH_SIZE]
        span = f"{statistics.median(times):.3f} ({min(times):.3f} … {max(times):.3f})"
        print(f"{who:>10} {size:>6} {span:>42} {speeds[who, size]:>10.1f} {ratio:>6.2f}")
    best = max((speed, size) for (who, size), speed in speeds.items() if who == "ours")
    print(f"ours is {best[0] / speeds['reported', BATCH_SIZE]:.1f} times as fast at batch {best[1]} (bar: 3)")


if __name__ == "__main__":
    main()
