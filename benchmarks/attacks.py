"""Measure the measures: which damage to real tunes does each metric see, and does it leave real tunes alone?

    python benchmarks/attacks.py --pieces 25 50 100 --repetitions 20 --out results/evaluation

The tunes of the Erk collection are divided at random into originals and held-out tunes. An attack makes a set of n
pieces from held-out tunes; without attack they are the null. Each metric is one number that should be larger for the
worse set. Its AUC is the probability that an attacked set has a larger one than a real set: 0.5 is blind, 1 never errs.
Where a metric has a verdict of its own, the share of sets that it accuses stands beside it: of real sets, these are
false alarms.

Results are appended to attacks-values.jsonl as they come; the same command goes on where it was stopped. The metrics
of muspy are measured where muspy is installed.
"""

from __future__ import annotations

import importlib.util
import json
import time
import warnings
from collections import defaultdict
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import common
import known
import numpy as np
from tqdm import tqdm

from evaluation import FEATURES, compare_sets, feature_table, inter_set_distances, intra_set_distances
from evaluation.legacy import mgeval
from evaluation.reading.notes import Notes, Packed, bar_grid, defined_rows
from evaluation.scores import sampling
from evaluation.scores.sets import MusicSet, SetComparison
from evaluation.scores.two_sample import TwoSampleTest
from melodygan.data.corpus import load_corpus
from melodygan.data.encoding import STEPS_PER_QUARTER, Tune

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from evaluation.reading.notes import FloatArray

    Table = dict[str, FloatArray]
    Pieces = list[Notes]

MOST_ORIGINALS = 400
NULL = "none"


def as_read(tune: Tune) -> Notes:
    """Return a tune as it is read from our own MIDI file, where an upbeat is a first bar in a metre of its own."""
    steps = np.array([note.steps for note in tune.notes]) / STEPS_PER_QUARTER
    sounding = np.array([note.pitch is not None for note in tune.notes])
    pitch = [note.pitch for note in tune.notes if note.pitch is not None]
    upbeat = tune.pickup_steps / STEPS_PER_QUARTER
    beats, unit = map(int, tune.meter.split("/"))
    meters = [(upbeat, beats, unit)]
    if upbeat:
        whole = 4 * STEPS_PER_QUARTER
        short = next(size for size in (4, 8, 16) if size >= unit and tune.pickup_steps * size % whole == 0)
        meters.insert(0, (0.0, tune.pickup_steps * short // whole, short))
    onset = np.cumsum(steps) - steps
    piece = Notes.from_quarters(onset[sounding], steps[sounding], pitch, name=tune.name, meter=meters[0][1:])
    end = float((piece.onset + piece.duration).max())
    return replace(piece, bar_starts=bar_grid(meters, end))


class Division(NamedTuple):
    """Real tunes of one repetition: `size` held-out ones, the originals, and the tunes that are neither."""

    held: Pieces
    org: Pieces
    others: Pieces

    @property
    def size(self) -> int:
        """Pieces that an attack makes, at most."""
        return len(self.held)


ATTACKS: dict[str, Callable[[Division, np.random.Generator], Pieces]] = {
    NULL: lambda tunes, _: tunes.held,
    "one tune jittered": lambda tunes, rng: known.collapsed(tunes.held, rng, copies=tunes.size),
    "40 % one tune jittered": lambda tunes, rng: [
        *tunes.held[: tunes.size * 6 // 10],
        *known.collapsed(tunes.others, rng, copies=tunes.size - tunes.size * 6 // 10),
    ],
    "pitch count frozen": lambda tunes, _: known.one_frozen([*tunes.held, *tunes.others]),
    "transposed a third": lambda tunes, _: known.transposed(tunes.held, 4),
    "bars shuffled": lambda tunes, rng: known.bars_shuffled(tunes.held, rng),
    "notes shuffled": lambda tunes, rng: known.shuffled(tunes.held, rng),
    "an eighth late": lambda tunes, _: known.shifted(tunes.held),
    "pitches of others": lambda tunes, _: known.crossed(tunes.held),
    "babble, order 2": lambda tunes, rng: known.babble(tunes.others[:MOST_ORIGINALS], rng, 2, tunes.size),
    "babble, order 4": lambda tunes, rng: known.babble(tunes.others[:MOST_ORIGINALS], rng, 4, tunes.size),
    "two bars repeated": lambda tunes, _: known.looped(tunes.held),
    "endings cut": lambda tunes, rng: known.endings_cut(tunes.held, rng),
    "half copied": lambda tunes, _: [*tunes.org[: tunes.size // 2], *tunes.held[tunes.size // 2 :]],
    "minor missing": lambda tunes, _: known.without_minor([*tunes.held, *tunes.others]),
    "triple metre missing": lambda tunes, _: known.without_triple([*tunes.held, *tunes.others]),
    "uniform": lambda tunes, rng: known.uniform(tunes.held, rng),
}
"""Each makes pieces of real tunes; of more pieces than are wanted, the first are taken."""


def divide(pieces: Sequence[Notes], size: int, ratio: int, seed: int) -> Division:
    """Divide tunes at random; all attacks of one repetition have the same division."""
    order = [pieces[i] for i in np.random.default_rng([seed, size]).permutation(len(pieces))]
    end = size + min(size * ratio, MOST_ORIGINALS)
    return Division(order[:size], order[size:end], order[end:])


class Result(NamedTuple):
    """One metric of one set: larger is worse. `alarm` is the metric's own verdict, None where it has none."""

    value: float
    alarm: bool | None = None


def muspy_table(pieces: Pieces) -> Table:
    """Measure the 14 metrics of muspy, those per bar with the piece's bar, those of a scale in C major."""
    import muspy

    resolution = 24
    rows = []
    for piece in pieces:
        ticks = np.rint(np.stack([piece.onset, piece.duration]) * resolution).astype(int)
        notes = [
            muspy.Note(time=time, pitch=pitch, duration=duration, velocity=64)
            for time, duration, pitch in zip(*ticks.tolist(), piece.pitch.tolist(), strict=True)
        ]
        music = muspy.Music(resolution=resolution, tracks=[muspy.Track(notes=notes)])
        bar = round(known.bar_quarters(piece) * resolution)
        rows.append(
            {
                **{name: getattr(muspy, name)(music) for name in MUSPY},
                **{name: getattr(muspy, name)(music, bar) for name in MUSPY_PER_BAR},
                "pitch_in_scale_rate": muspy.pitch_in_scale_rate(music, 0, "major"),
                "drum_in_pattern_rate": muspy.drum_in_pattern_rate(music, "duple"),
            }
        )
    return {name: np.array([row[name] for row in rows], np.float64) for name in rows[0]}


MUSPY = (
    *("n_pitches_used", "n_pitch_classes_used", "pitch_range", "empty_beat_rate", "polyphony", "polyphony_rate"),
    *("scale_consistency", "drum_pattern_consistency", "pitch_entropy", "pitch_class_entropy"),
)
MUSPY_PER_BAR = ("empty_measure_rate", "groove_consistency")

PROGRAMS: dict[str, Callable[[Pieces], Table]] = {
    "ours": lambda pieces: feature_table(pieces, FEATURES),
    "mgeval": lambda pieces: feature_table(pieces, mgeval.FEATURES),
}
if importlib.util.find_spec("muspy"):
    PROGRAMS["muspy"] = muspy_table


@lru_cache(maxsize=2 * len(PROGRAMS))  # the originals of a repetition are those of all its attacks
def table(program: str, pieces: tuple[Notes, ...]) -> Table:
    """Measure pieces."""
    return {name: values.astype(np.float64) for name, values in PROGRAMS[program](pieces).items()}


@dataclass(frozen=True)
class Case:
    """A generated set against the originals, with what metrics share."""

    gen: tuple[Notes, ...]
    org: tuple[Notes, ...]
    seed: int
    test: TwoSampleTest

    def tables(self, program: str) -> tuple[Table, Table]:
        """Tables of both sets."""
        return table(program, self.gen), table(program, self.org)

    @cached_property
    def comparison(self) -> SetComparison:
        """The whole comparison as a report makes it, without intervals."""
        sets = [
            MusicSet(name, "", Packed.of(pieces), table("ours", pieces), [])
            for name, pieces in (("gen", self.gen), ("org", self.org))
        ]
        return compare_sets(*sets, seed=self.seed, test=self.test)

    @cached_property
    def mgeval(self) -> dict[str, float]:
        """Overlap and divergence of distances within the generated set and to the originals, mean over features."""
        scores = defaultdict(list)
        for ours, theirs in zip(*(table.values() for table in self.tables("mgeval")), strict=True):
            within, between = intra_set_distances(defined_rows(ours)), inter_set_distances(ours, theirs)
            scores["overlap"].append(mgeval.overlap_area(within, between))
            scores["divergence"].append(mgeval.kl_dist(within, between))
        return {name: float(np.nanmean(values)) for name, values in scores.items()}


def evidence(p: float, found: bool) -> Result:
    """−log₁₀ of a p-value."""
    return Result(-np.log10(max(p, 1e-300)), found)


def told_apart(case: Case) -> Result:
    """Evidence that both sets are told apart more surely than halves of the originals."""
    return evidence(case.comparison.told.p, case.comparison.told.found)


def copying(case: Case) -> Result:
    """Evidence of more copies than originals have among themselves."""
    return evidence(case.comparison.copying.p, case.comparison.copying.found)


def verdict(case: Case) -> Result:
    """The surest of the sentences: told apart, copying, or collapsed, which has no probability and counts as sure."""
    told, copied, collapsed = told_apart(case), copying(case), case.comparison.collapse.found
    return Result(max(told.value, copied.value, 10.0 * collapsed), collapsed or copied.alarm or told.alarm)


def features_differ(case: Case) -> Result:
    """−log₁₀ of the smallest corrected p-value."""
    least = np.nanmin([one.p_holm for one in case.comparison.features.values()])
    return Result(-np.log10(least), bool(least < 0.05))


def narrowest(case: Case) -> Result:
    """1 − the smallest spread of a feature, relative to the originals'."""
    found = case.comparison.features
    ratios = [one.spread.value for name, one in found.items() if FEATURES[name].variety]
    return Result(1 - np.nanmin(ratios), bool(case.comparison.collapse.narrow))


def muspy_largest(case: Case) -> Result:
    """The largest Kolmogorov–Smirnov statistic of muspy's metrics."""
    from scipy.stats import ks_2samp

    pairs = zip(*(table.values() for table in case.tables("muspy")), strict=True)
    defined = [[x[np.isfinite(x)] for x in pair] for pair in pairs]
    return Result(max(ks_2samp(ours, theirs).statistic for ours, theirs in defined if len(ours) and len(theirs)))


METRICS: dict[str, Callable[[Case], Result]] = {
    "verdict": verdict,
    "told apart": told_apart,
    "overlap score": lambda case: Result(1 - case.comparison.score),
    "features differ": features_differ,
    "narrowest feature": narrowest,
    "near copies": lambda case: Result(case.comparison.collapse.near.value, case.comparison.collapse.repeated),
    "Vendi": lambda case: Result(1 - case.comparison.diversity.vendi.at_n, case.comparison.collapse.few),
    "copying": copying,
    "precision": lambda case: Result(1 - case.comparison.diversity.precision.value),
    "recall": lambda case: Result(1 - case.comparison.diversity.recall.value),
    "density": lambda case: Result(1 - case.comparison.diversity.density.value),
    "coverage": lambda case: Result(1 - case.comparison.diversity.coverage.value),
    "Fréchet": lambda case: Result(case.comparison.diversity.frechet.value),
    "mgeval OA": lambda case: Result(1 - case.mgeval["overlap"]),
    "mgeval KLD": lambda case: Result(case.mgeval["divergence"]),
}
"""Every metric by its name in the table, in the table's order; what several share is computed by the first."""
if "muspy" in PROGRAMS:
    METRICS["muspy"] = muspy_largest


def stored(path: Path) -> dict[tuple[str, int, int], dict[str, Any]]:
    """Read the results that a stopped run has left, by attack, pieces and repetition."""
    if not path.exists():
        return {}
    lines = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.endswith("}"))
    return {(line["attack"], line["pieces"], line["repetition"]): line for line in lines}


def run(case: Case) -> dict[str, Any]:
    """Return each metric's value, alarm and seconds."""
    values, alarms, seconds = {}, {}, {}
    for name, metric in METRICS.items():
        begin = time.perf_counter()
        result = metric(case)
        seconds[name] = round(time.perf_counter() - begin, 4)
        values[name] = float(result.value) if np.isfinite(result.value) else None
        if result.alarm is not None:
            alarms[name] = bool(result.alarm)
    return {"values": values, "alarms": alarms, "seconds": seconds}


def measure_all(
    path: Path, sizes: Sequence[int], repetitions: int, ratio: int, names: Iterable[str]
) -> list[dict[str, Any]]:
    """Measure every attack by every metric, and write each result to a line of the file at once."""
    found = stored(path)
    wanted = [(name, size, turn) for turn in range(repetitions) for size in sizes for name in names]
    missing = [key for key in wanted if key not in found or not METRICS.keys() <= found[key]["values"].keys()]
    if missing:
        pieces = [as_read(tune) for tune in load_corpus("erk", progress=False).tunes]
        tests: dict[tuple[int, int], TwoSampleTest] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as stream:
            for key in tqdm(missing, unit="set", disable=None):
                name, size, turn = key
                tunes = divide(pieces, size, ratio, turn)
                rng = np.random.default_rng([turn, size, list(ATTACKS).index(name)])
                gen = tuple(ATTACKS[name](tunes, rng)[:size])
                if (size, turn) not in tests:
                    tests = {(size, turn): TwoSampleTest(tunes.org, FEATURES, turn)}
                line = {"attack": name, "pieces": size, "repetition": turn}
                found[key] = line | run(Case(gen, tuple(tunes.org), turn, tests[size, turn]))
                stream.write(json.dumps(found[key], ensure_ascii=False) + "\n")
                stream.flush()
    return [found[key] for key in wanted]


def auc(attacked: FloatArray, real: FloatArray) -> float:
    """Probability that an attacked set has a larger value than a real one, ties counting half; NaN is no alarm."""
    ours, theirs = (np.nan_to_num(values, nan=-np.inf) for values in (attacked, real))
    difference = np.greater(ours[:, None], theirs) + 0.5 * np.equal(ours[:, None], theirs)
    return float(difference.mean())


class Summary(NamedTuple):
    """Of one number of pieces: attacks and metrics, and AUC and share of alarms [attacks, metrics], NaN for none."""

    attacks: list[str]
    metrics: list[str]
    auc: FloatArray
    alarms: FloatArray


def summarise(results: Sequence[Mapping[str, Any]], size: int) -> Summary:
    """Compare the values of each attack with those of real tunes."""
    grouped = defaultdict(list)
    for result in results:
        if result["pieces"] == size:
            grouped[result["attack"]].append(result)
    metrics = [name for name in METRICS if name in results[0]["values"]]

    def values(attack: str, metric: str) -> FloatArray:
        return np.array([one["values"][metric] for one in grouped[attack]], np.float64)

    def alarms(attack: str, metric: str) -> float:
        given = [one["alarms"][metric] for one in grouped[attack] if metric in one["alarms"]]
        return float(np.mean(given)) if given else float("nan")

    attacks = [name for name in ATTACKS if name in grouped]
    return Summary(
        attacks,
        metrics,
        np.array([[auc(values(name, metric), values(NULL, metric)) for metric in metrics] for name in attacks]),
        np.array([[alarms(name, metric) for metric in metrics] for name in attacks]),
    )


def markdown(summary: Summary, numbers: FloatArray, form: str) -> str:
    """Write numbers [attacks, metrics] as a table, without metrics that have none."""
    kept = np.flatnonzero(np.isfinite(numbers).any(axis=0))
    lines = [f"| attack | {' | '.join(summary.metrics[i] for i in kept)} |", f"|---{'|--:' * len(kept)}|"]
    lines += [
        f"| {name} | {' | '.join(format(value, form) for value in row[kept])} |"
        for name, row in zip(summary.attacks, numbers, strict=True)
    ]
    return "\n".join(lines)


def draw(summaries: Mapping[int, Summary], path: Path) -> None:
    """Draw the AUC of attacks × metrics, one panel for each number of pieces."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt
    import seaborn as sns

    first = next(iter(summaries.values()))
    size = (1 + 0.55 * len(first.metrics) * len(summaries) + 2, 1.6 + 0.34 * len(first.attacks))
    figure, axes = plt.subplots(1, len(summaries), figsize=size, sharey=True, squeeze=False, layout="constrained")
    for axis, (pieces, one) in zip(axes[0], summaries.items(), strict=True):
        sns.heatmap(
            one.auc[1:], ax=axis, vmin=0, vmax=1, center=0.5, cmap="vlag", annot=True, fmt=".2f",
            annot_kws={"fontsize": 7}, cbar=False, xticklabels=one.metrics, yticklabels=one.attacks[1:],
        )  # fmt: skip
        axis.set_title(f"{pieces} pieces")
    figure.suptitle("AUC of detection: 0.5 is blind, 1 never errs")
    figure.savefig(path, dpi=150)
    plt.close(figure)


def main() -> None:
    """Measure, print the tables and draw the picture."""
    options = common.parser(__doc__)
    options.add_argument("--pieces", type=int, nargs="+", default=[25, 50, 100], help="pieces of a generated set")
    options.add_argument("--repetitions", type=int, default=20, help="divisions of the tunes (default %(default)s)")
    options.add_argument("--ratio", type=int, default=2, help="originals per generated piece (default %(default)s)")
    options.add_argument("--attacks", nargs="+", default=list(ATTACKS), choices=list(ATTACKS), metavar="ATTACK")
    options.add_argument("--out", type=Path, default=common.ROOT / "results/evaluation", help="folder of the results")
    given = options.parse_args()
    # no interval is looked at, and drawing for them takes most of the time; the sums of a finer grid are the same
    sampling.RESAMPLES = 2
    mgeval.GRID = 100
    warnings.filterwarnings("ignore", module=r"numpy|mgeval|evaluation\.legacy|muspy")
    names = [NULL, *(name for name in given.attacks if name != NULL)]
    path = given.out / "attacks-values.jsonl"
    results = measure_all(path, given.pieces, given.repetitions, given.ratio, names)
    summaries = {size: summarise(results, size) for size in given.pieces}
    for size, summary in summaries.items():
        print(f"\nAUC of detection, {size} pieces, {given.repetitions} repetitions\n")
        print(markdown(summary, summary.auc, ".2f"))
        print(f"\nSets accused, {size} pieces; of real tunes (none) these are false alarms\n")
        print(markdown(summary, summary.alarms, ".0%"))
    print("\nSeconds per set; what several metrics share is counted with the first\n")
    for metric in METRICS:
        print(f"{metric:<20} {np.mean([one['seconds'][metric] for one in results]):8.3f}")
    draw(summaries, given.out / "attacks.png")
    print(f"\nwritten: {path}, {given.out / 'attacks.png'}")


if __name__ == "__main__":
    main()
