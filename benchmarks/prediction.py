"""How well is the next note predicted? Bits a note on public melodies, by 10-fold cross-validation as for IDyOM.

    python benchmarks/prediction.py
    python benchmarks/prediction.py --corpora erk chorales --lstm

Melodies are the books of the Essen collection and the sopranos of Bach's chorales that music21 brings, transposed to C
major or A minor; repetitions are left out, and variants stay in one fold. Three numbers a model, in bits a note: the
pitch given the pitches before it, the interval between onsets given those before it, and their sum.

Baselines are n-gram models with interpolated smoothing (PPM, method C): long-term ones learn from the other folds, the
short-term one from the melody so far, and both are combined as IDyOM does, by the product of their probabilities, the
surer one weighing more (M. Pearce, "The construction and evaluation of statistical models of melodic structure", 2005).
The LSTM is that of melodygan without plans: its pitch is given that a note begins, its onsets are holds and rests.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

import common
import numpy as np

from melodygan.data.corpus import load_corpus, music21_corpus, near_duplicate_key
from melodygan.data.encoding import DELIMITER, STEPS_PER_QUARTER, Note, Tune
from melodygan.data.melody import top_line
from melodygan.data.musicxml import read_musicxml

if TYPE_CHECKING:
    from collections.abc import Sequence

FOLDS = 10
ORDERS = (0, 1, 2, 4)
CHORALES = "chorales"


class NGrams:
    """Counts of symbols after the contexts of up to ``order`` symbols; predictions are distributions, [symbols]."""

    def __init__(self, symbols: int, order: int) -> None:
        self.symbols, self.order = symbols, order
        self._counts: dict[tuple[int, ...], Counter[int]] = defaultdict(Counter)

    def learn(self, before: Sequence[int], symbol: int) -> None:
        """Count a symbol after those before it."""
        for length in range(min(self.order, len(before)) + 1):
            self._counts[tuple(before[len(before) - length :])][symbol] += 1

    def predict(self, before: Sequence[int]) -> np.ndarray:
        """Return the probabilities of what follows."""
        found = np.full(self.symbols, 1 / self.symbols)
        for length in range(min(self.order, len(before)) + 1):
            counts = self._counts.get(tuple(before[len(before) - length :]))
            if counts:
                total = sum(counts.values()) + len(counts)
                found = found * len(counts) / total
                for symbol, count in counts.items():
                    found[symbol] += count / total
        return found


def combined(*predictions: np.ndarray) -> np.ndarray:
    """Combine distributions by their product, each to the power of how sure it is: most entropy / entropy."""
    sure = [math.log(len(one)) / max(-float(one @ np.log(one)), 1e-9) for one in predictions]
    logs = sum(weight / sum(sure) * np.log(one) for weight, one in zip(sure, predictions, strict=True))
    product = np.exp(logs)
    return product / product.sum()


def ngram_bits(lines: Sequence[Sequence[int]], folds: np.ndarray) -> dict[str, float]:
    """Return the mean bits a symbol of each n-gram model."""
    symbols, most = max(map(max, lines)) + 1, max(ORDERS)
    bits: dict[str, list[float]] = defaultdict(list)
    for fold in range(FOLDS):
        long = {order: NGrams(symbols, order) for order in ORDERS}
        for n in np.flatnonzero(folds != fold):
            for place, symbol in enumerate(lines[n]):
                for model in long.values():
                    model.learn(lines[n][max(place - most, 0) : place], symbol)
        for n in np.flatnonzero(folds == fold):
            short = NGrams(symbols, most)
            for place, symbol in enumerate(lines[n]):
                before = lines[n][max(place - most, 0) : place]
                given = {f"long-term, order {order}": model.predict(before) for order, model in long.items()}
                given["short-term"] = short.predict(before)
                given["both"] = combined(given[f"long-term, order {most}"], given["short-term"])
                for name, probabilities in given.items():
                    bits[name].append(-math.log2(probabilities[symbol]))
                short.learn(before, symbol)
    return {name: float(np.mean(values)) for name, values in bits.items()}


def lstm_bits(tunes: Sequence[Tune], folds: np.ndarray, epochs: int | None) -> tuple[float, float]:
    """Return the bits a note of the LSTM: of pitches, and of onsets."""
    import keras
    import tensorflow as tf

    from melodygan.config import MelodyConfig
    from melodygan.data.corpus import Split
    from melodygan.models.composer import kinds_of
    from melodygan.models.lstm import TuneBatches
    from melodygan.trainer import prepare

    totals, notes = np.zeros(2), 0
    for fold in range(FOLDS):
        keras.utils.set_random_seed(fold)
        test = tuple(tunes[n] for n in np.flatnonzero(folds == fold))
        train = tuple(tunes[n] for n in np.flatnonzero(folds != fold))
        config = MelodyConfig(lstm=True, seed=fold, epochs=epochs).check()
        training = prepare(config, Split(train, test, test), 0, None)
        model: Any = training.model
        model.fit(training.batches, epochs=config.epochs, callbacks=list(training.callbacks), verbose=0)
        kinds, delimiter = kinds_of(model.vocabulary), model.vocabulary.index(DELIMITER)
        for inputs, targets, weights in TuneBatches(test, model.vocabulary, config.batch_size):
            logs = tf.nn.log_softmax(model(inputs)).numpy() / math.log(2)
            of_kind = np.stack([np.logaddexp2.reduce(logs[..., kinds == kind], axis=-1) for kind in (1, 2, 3)], axis=-1)
            kind = np.take_along_axis(of_kind, kinds[targets][..., None] - 1, axis=-1)[..., 0]
            whole = np.take_along_axis(logs, targets[..., None], axis=-1)[..., 0]
            begins = (weights > 0) & (kinds[targets] == 3) & (targets != delimiter)
            totals -= (whole - kind)[begins].sum(), kind[weights > 0].sum()
            notes += int(begins.sum())
    return totals[0] / notes, totals[1] / notes


def chorales() -> list[Tune]:
    """Read the sopranos of Bach's chorales, transposed by their key signatures."""
    tunes: dict[tuple[Note, ...], Tune] = {}
    for path in sorted((music21_corpus() / "bach").glob("bwv*.mxl")):
        sheet = read_musicxml(path.read_bytes())
        sharps = sheet.key.sharps if sheet.key else 0
        line = [(pitch, quarters * STEPS_PER_QUARTER) for pitch, quarters in top_line(sheet.parts[0])]
        if len(sheet.parts) >= 4 and all(steps.denominator == 1 for _, steps in line):
            up = (6 - 7 * sharps) % 12 - 6
            notes = tuple(Note(None if pitch is None else pitch + up, int(steps)) for pitch, steps in line)
            tunes.setdefault(notes, Tune(notes, path.stem, meter=sheet.meter))
    return list(tunes.values())


def folds_of(tunes: Sequence[Tune]) -> np.ndarray:
    """Return the fold of each tune, that of its variants, [tunes]."""
    keys = [near_duplicate_key(tune) for tune in tunes]
    rng = np.random.default_rng(0)
    number = dict(zip(dict.fromkeys(keys), rng.permutation(len(set(keys))) % FOLDS, strict=True))
    return np.array([number[key] for key in keys])


def numbered(lines: Sequence[Sequence[int]]) -> list[list[int]]:
    """Number the values that occur, from 0."""
    numbers = {value: n for n, value in enumerate(sorted({value for line in lines for value in line}))}
    return [[numbers[value] for value in line] for line in lines]


def pitches_and_gaps(tune: Tune) -> tuple[list[int], list[int]]:
    """Return the pitches of a tune, and the sixteenths from each onset to the next, or to the end."""
    pitches, gaps = [], []
    for note in tune.notes:
        if note.pitch is not None:
            pitches.append(note.pitch)
            gaps.append(note.steps)
        elif gaps:
            gaps[-1] += note.steps
    return pitches, gaps


def main() -> None:
    """Print a table for each corpus."""
    options = common.parser(__doc__)
    options.add_argument("--corpora", nargs="+", default=["erk", CHORALES], metavar="NAME", help="books, or chorales")
    options.add_argument("--lstm", action="store_true", help="train the LSTM on every fold, too: five minutes each")
    options.add_argument("--epochs", type=int, help="of the LSTM (default that of melodygan.train)")
    args = options.parse_args()
    for name in args.corpora:
        tunes = chorales() if name == CHORALES else list(load_corpus(name).tunes)
        tunes, folds = [tune for tune in tunes if pitches_and_gaps(tune)[0]], folds_of(tunes)
        lines = list(zip(*map(pitches_and_gaps, tunes), strict=True))
        print(f"\n{name}: {len(tunes)} melodies, {sum(map(len, lines[0]))} notes\n\n| model | pitch | onset | both |")
        print("| --- | ---: | ---: | ---: |")
        rows = [ngram_bits(numbered(some), folds) for some in lines]
        results = {model: (rows[0][model], rows[1][model]) for model in rows[0]}
        if args.lstm:
            results["LSTM"] = lstm_bits(tunes, folds, args.epochs)
        for model, (pitch, onset) in results.items():
            print(f"| {model} | {pitch:.3f} | {onset:.3f} | {pitch + onset:.3f} |", flush=True)


if __name__ == "__main__":
    main()
