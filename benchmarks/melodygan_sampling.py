"""Symbols a second of composing: the cell stepped for a whole batch against ``predict`` on a window a symbol.

Both models are the report's LSTM (256 units, 38 symbols), untrained: what a symbol costs does not depend on the
weights, but that ours never ends a tune. *Ours* is `MelodyLSTM.candidates` for 1,000 tunes of 128 symbols. *Reported*
is the report's loop: the last 64 symbols as one-hot vectors, ``model.predict`` on them, one symbol drawn from the last
distribution, for one tune.
They take turns in one process; the table has every turn, and the ratio of the medians.

    python benchmarks/melodygan_sampling.py --repeats 5
"""

from __future__ import annotations

import os
import statistics
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from keras import layers
from timing import parser, timed

from melodygan.data.encoding import DELIMITER, StepVocabulary
from melodygan.models.choosing import CANDIDATES
from melodygan.models.lstm import MelodyLSTM

VOCABULARY = StepVocabulary(("/", "_", "r", *map(str, range(50, 85))))
UNITS = 256
WINDOW = 64
TEMPERATURE = 0.9
STEPS = 128


def ours(model: MelodyLSTM, tunes: int, seed: int) -> float:
    """Return the symbols a second of drawing so many tunes, as the candidates of fewer."""
    composed = -(-tunes // CANDIDATES)
    _, taken = timed(
        lambda: model.candidates(composed, seed=seed, temperature=TEMPERATURE, max_steps=STEPS, ending="free")
    )
    return composed * CANDIDATES * STEPS / taken


def reported_model() -> keras.Model:
    """Return the report's network, which maps one-hot windows to a distribution."""
    return keras.Sequential(
        [
            keras.Input((None, len(VOCABULARY))),
            layers.LSTM(UNITS),
            layers.Dropout(0.2),
            layers.Dense(len(VOCABULARY), activation="softmax"),
        ]
    )


def reported(model: keras.Model, symbols: int, seed: int) -> float:
    """Return the symbols a second of the report's loop."""
    rng = np.random.default_rng(seed)
    context = [VOCABULARY.index("/")] * WINDOW
    identity = np.eye(len(VOCABULARY), dtype=np.float32)
    begin = time.perf_counter()
    for _ in range(symbols):
        probabilities = model.predict(identity[context[-WINDOW:]][None], verbose=0)[0].astype(np.float64)
        weights = np.exp(np.log(probabilities) / TEMPERATURE)
        context.append(int(rng.choice(len(VOCABULARY), p=weights / weights.sum())))
    return symbols / (time.perf_counter() - begin)


def main() -> None:
    """Measure and print."""
    options = parser(__doc__, repeats=5)
    options.add_argument("--tunes", type=int, default=1000, help="tunes that ours composes at once (default 1000)")
    options.add_argument("--symbols", type=int, default=100, help="symbols a turn of the report's loop (default 100)")
    args = options.parse_args()

    keras.utils.set_random_seed(0)
    composer, predictor = MelodyLSTM(VOCABULARY, units=UNITS), reported_model()
    composer.build()
    endless = np.zeros(len(VOCABULARY))
    endless[VOCABULARY.index(DELIMITER)] = -1e9
    composer.logits.bias.assign(endless)
    ours(composer, args.tunes, seed=0)  # both are compiled before they are timed
    reported(predictor, 5, seed=0)

    print(f"{'turn':>6}  {'ours, symbols/s':>16}  {'reported, symbols/s':>20}")
    turns = []
    for turn in range(1, args.repeats + 1):
        turns.append((ours(composer, args.tunes, seed=turn), reported(predictor, args.symbols, seed=turn)))
        print(f"{turn:>6}  {turns[-1][0]:>16,.0f}  {turns[-1][1]:>20,.1f}", flush=True)
    median_ours, median_reported = (statistics.median(column) for column in zip(*turns, strict=True))
    print(f"{'median':>6}  {median_ours:>16,.0f}  {median_reported:>20,.1f}")
    print(f"ours is {median_ours / median_reported:,.0f} times as fast (bar: 500)")


if __name__ == "__main__":
    main()
