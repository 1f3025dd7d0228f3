"""Our training and composing of melodies beside the report's loops.

    python benchmarks/reported.py                       both
    python benchmarks/reported.py sampling --repeats 5

*update*: samples a second through one update of critic and generator of the report's 512-unit networks. Ours is
`manymodes.nn.adversarial.AdversarialModel`: both updates in one compiled step, real and generated examples in one call
of the critic, at several batch sizes. Reported is the report's loop at its batch of 16: ``generator.predict``,
``train_on_batch`` on real and on generated windows, ``train_on_batch`` of the generator with the frozen critic behind
it. Networks, loss and optimizer are the same (`melodygan.models.reported`, Wasserstein, Adam 2e-4).

*sampling*: symbols a second of the report's LSTM (256 units, 38 symbols), untrained: what a symbol costs does not
depend on the weights, but that ours never ends a tune. Ours is `MelodyLSTM.candidates` for 1,000 tunes of 128 symbols.
Reported is the report's loop for one tune: the last 64 symbols as one-hot vectors, ``model.predict`` on them, one
symbol drawn from the last distribution.

Both take turns in one process; the ratios are those of the medians.
"""

from __future__ import annotations

import os
import statistics
from functools import partial
from typing import TYPE_CHECKING

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import common
import keras
import numpy as np
from keras import layers

from manymodes.nn.adversarial import AdversarialModel
from melodygan.data.encoding import DELIMITER, StepVocabulary
from melodygan.models.choosing import CANDIDATES
from melodygan.models.lstm import MelodyLSTM
from melodygan.models.reported import (
    BATCH_SIZE,
    LATENT_DIM,
    LENGTH,
    UNITS,
    build_reported_discriminator,
    build_reported_generator,
)

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping

VOCABULARY = StepVocabulary(("/", "_", "r", *map(str, range(50, 85))))
LSTM_UNITS, WINDOW, TEMPERATURE, STEPS = 256, 64, 0.9, 128


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
    critic = build_reported_discriminator(units=units, recurrence=layers.LSTM)
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


def our_sampling(tunes: int) -> Callable[[], object]:
    """Return a function that composes tunes, each the best of `CANDIDATES`."""
    model = MelodyLSTM(VOCABULARY, units=LSTM_UNITS)
    model.build()
    endless = np.zeros(len(VOCABULARY))
    endless[VOCABULARY.index(DELIMITER)] = -1e9
    model.logits.bias.assign(endless)
    how = {"temperature": TEMPERATURE, "max_steps": STEPS, "ending": "free"}
    return partial(model.candidates, tunes, seed=0, **how)


def reported_sampling(symbols: int) -> Callable[[], None]:
    """Return a function that draws symbols by the report's loop."""
    model = keras.Sequential(
        [
            keras.Input((None, len(VOCABULARY))),
            layers.LSTM(LSTM_UNITS),
            layers.Dropout(0.2),
            layers.Dense(len(VOCABULARY), activation="softmax"),
        ]
    )
    rng, identity = np.random.default_rng(0), np.eye(len(VOCABULARY), dtype=np.float32)

    def sample() -> None:
        context = [VOCABULARY.index("/")] * WINDOW
        for _ in range(symbols):
            probabilities = model.predict(identity[context[-WINDOW:]][None], verbose=0)[0].astype(np.float64)
            weights = np.exp(np.log(probabilities) / TEMPERATURE)
            context.append(int(rng.choice(len(VOCABULARY), p=weights / weights.sum())))

    return sample


def compare(works: Mapping[str, tuple[Callable[[], object], int]], repeats: int, what: str, bar: int) -> None:
    """Print the speed of each work, given with the number of things that it makes, and its ratio to "reported"."""
    for work, _ in works.values():
        work()  # compiled before it is timed
    turns = [{name: common.timed(work)[1] for name, (work, _) in works.items()} for _ in range(repeats)]
    speeds = {}
    print(f"{'':>14}  {'seconds: median (least … most)':>32}  {f'{what}/s':>12}  {'ratio':>7}")
    for name, (_, count) in works.items():
        taken = [turn[name] for turn in turns]
        speeds[name] = count / statistics.median(taken)
        span = f"{statistics.median(taken):.3f} ({min(taken):.3f} … {max(taken):.3f})"
        print(f"{name:>14}  {span:>32}  {speeds[name]:>12,.1f}  {speeds[name] / speeds['reported']:>7.2f}")
    best = max(speeds, key=speeds.__getitem__)
    print(f"{best} is {speeds[best] / speeds['reported']:,.1f} times as fast (bar: {bar})\n", flush=True)


def update(args: argparse.Namespace) -> None:
    """Compare training."""
    works = {"reported": (reported_update(args.units, BATCH_SIZE), BATCH_SIZE)}
    works |= {f"ours, batch {size}": (our_update(args.units, size), size) for size in args.batch_sizes}
    compare(works, args.repeats, "samples", bar=3)


def sampling(args: argparse.Namespace) -> None:
    """Compare composing."""
    works = {"reported": (reported_sampling(args.symbols), args.symbols)}
    tunes = -(-args.tunes // CANDIDATES)
    works["ours"] = (our_sampling(tunes), tunes * CANDIDATES * STEPS)
    compare(works, args.repeats, "symbols", bar=500)


PARTS = {"update": update, "sampling": sampling}


def main() -> None:
    """Run the given parts."""
    options = common.parser(__doc__, repeats=5)
    options.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)} (default: both)")
    options.add_argument("--units", type=int, default=UNITS, help="of the critic (default %(default)s)")
    sizes = [BATCH_SIZE, 64, 128]
    options.add_argument("--batch-sizes", type=int, nargs="+", default=sizes, help="of ours (default 16 64 128)")
    options.add_argument("--tunes", type=int, default=1000, help="drawn by ours at once (default %(default)s)")
    options.add_argument("--symbols", type=int, default=100, help="a turn of the report's loop (default %(default)s)")
    args = options.parse_args()
    keras.utils.set_random_seed(0)
    for part in args.parts or PARTS:
        PARTS[part](args)


if __name__ == "__main__":
    main()
