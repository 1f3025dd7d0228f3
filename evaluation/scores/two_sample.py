"""Two-sample test by classifiers: can generated pieces be told from real ones, and by what?

A set passes only if everything about it is right at once, which no average over single features asks for.
Source: D. Lopez-Paz and M. Oquab, "Revisiting classifier two-sample tests", ICLR 2017.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.sparse import csr_array
from scipy.special import stdtr, stdtrit

from evaluation.features.catalogue import feature_table
from evaluation.features.feature import Feature, columns_of
from evaluation.reading.notes import PITCHES, FloatArray, IntArray, Notes, Stack
from evaluation.scores.duplicates import NEAR, similarity
from evaluation.scores.duplicates import groups as connected
from evaluation.scores.sampling import generator, sample, wilson

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

LARGEST = 400
"""Pieces of each set that are looked at; larger sets are sampled."""

SMALLEST = 10
"""Pieces of the smallest sets that are tested."""

FOLDS = 5
TREES = 40
"""Trees of a forest; there is one for each fold."""

SPLITS = 20
SPLIT_TREES = 6
"""Random splits of the originals, which show how the accuracy varies if there is nothing to tell, and their trees.

Where answers are guesses, their number varies with the pieces drawn and hardly with the size of a forest."""

SIGNIFICANT = 0.05
"""Probability of an accuracy at random under which sets are told apart."""

WIDEST = 25
"""Features of more numbers than this are left to the n-grams: transition matrices of one piece are mostly empty."""

LONGEST_GRAM = 4
RIDGE = 0.3
"""Penalty of the linear classifier, on profiles of n-grams of length 1."""

SETTINGS = ("key and register", "length", "tempo", "dynamics", "time signature")
"""Groups of features that are settings of many generators, or of the program that wrote the files, and not skill."""

EXAMPLES = 3
"""Pairs of surely recognised pieces to listen to."""

_DEPENDENCE = 1.3
"""How much more accuracies vary than independent answers, where no halves of the originals can say it."""

_WEIGHTLESS = 0.01
_FOREST = {"max_features": 0.3, "min_samples_leaf": 3}
"""More columns a split than usual, because a difference may show in a few of many; no leaves of single pieces."""

_LAST = 2 * PITCHES
_PER_QUARTER = 12
_LONGEST_GAP = 8.0

_NAN = float("nan")


class Difference(NamedTuple):
    """How two sets differ in a column of features, named as by `columns_of`: the means, and Cohen's d as the effect."""

    feature: str
    group: str
    gen: float
    org: float
    effect: float


class Reason(NamedTuple):
    """A group of features by which pieces are told apart, and where the sets differ most within it.

    Its weight is the permutation importance: how far the answers move towards a guess when the group's values are
    exchanged among pieces, as a share of the distance between sure right answers and guesses.
    """

    group: str
    weight: float
    most: Difference


@dataclass(frozen=True)
class ToldApart:
    """How well classifiers tell a generated set from the originals.

    Attributes:
        accuracy: share of right answers about held-out pieces, of the better classifier; NaN under `SMALLEST` pieces.
        interval: 95 % interval of the accuracy if files are drawn again.
        forest, ngrams: accuracy of the forest on features, and of the linear classifier on n-grams.
        halves: mean accuracy between random halves of the originals, and the range of 95 % of them; NaN where the
            originals are fewer than twice `SMALLEST`.
        limit: the least accuracy that would count as told apart at this number of pieces.
        p: probability of such an accuracy between halves of the originals.
        pieces: number of pieces of each set that were looked at.
        without_settings: accuracy without the groups of `SETTINGS`; NaN where the sets are not told apart.
        reasons: what the answers rest on, the weightiest first; empty where the sets are not told apart.
        differences: all columns of features, the most different first.
        examples: places of the (generated, original) pieces that were recognised most surely.
    """

    accuracy: float = _NAN
    interval: tuple[float, float] = (_NAN, _NAN)
    forest: float = _NAN
    ngrams: float = _NAN
    halves: tuple[float, float, float] = (_NAN, _NAN, _NAN)
    limit: float = _NAN
    p: float = _NAN
    pieces: int = 0
    without_settings: float = _NAN
    reasons: tuple[Reason, ...] = ()
    differences: tuple[Difference, ...] = ()
    examples: tuple[tuple[int, int], ...] = ()

    @property
    def found(self) -> bool:
        """Whether the sets are told apart."""
        return self.p < SIGNIFICANT

    @property
    def by_settings(self) -> bool:
        """Whether settings such as the key account for most of what was found."""
        return self.found and 3 * (self.without_settings - 0.5) < self.accuracy - 0.5

    @property
    def score(self) -> float:
        """1 if nobody can tell, as between halves of the originals; 0 if everybody can."""
        chance = self.halves[0] if np.isfinite(self.halves[0]) else 0.5
        return float(np.clip((1 - self.accuracy) / (1 - chance), 0, 1))

    def record(self, names: Sequence[str]) -> dict[str, Any]:
        """Return the result as it appears in `report.json`, where generated pieces have the given names."""
        return {
            "found": self.found,
            "accuracy": self.accuracy,
            "accuracy_ci": self.interval,
            "forest": self.forest,
            "ngrams": self.ngrams,
            "halves": self.halves[0],
            "halves_interval": self.halves[1:],
            "limit": self.limit,
            "p": self.p,
            "score": self.score,
            "pieces": self.pieces,
            "without_settings": self.without_settings,
            "by_settings": self.by_settings,
            "reasons": self.reasons,
            "differences": self.differences,
            "recognised": [names[mine] for mine, _ in self.examples],
        }


@dataclass(frozen=True)
class _Pool:
    """Pieces of both sets: features [n, d] without NaN, their names and groups [d], and the kernel of n-grams [n, n].

    The family [n] is the number of the group of near copies that a piece belongs to.
    """

    columns: FloatArray
    names: list[str]
    groups: list[str]
    kernel: FloatArray
    family: IntArray

    @classmethod
    def of(cls, pieces: Sequence[Notes], features: Mapping[str, Feature]) -> _Pool:
        stack = Stack.of(pieces)
        table = {name: values for name, values in feature_table(stack, features).items() if values[:1].size <= WIDEST}
        columns = columns_of(table, features)
        groups = [features[name.partition("[")[0]].group for name in columns]
        family = connected(np.argwhere(similarity(stack.pieces) >= NEAR), stack.size)
        return cls(_filled(np.stack(list(columns.values()), axis=1)), list(columns), groups, gram_kernel(stack), family)

    def trial(self, places: IntArray, rng: np.random.Generator) -> _Trial:
        """Deal the pieces at 2n places to folds; the first half is one set."""
        label = np.repeat([1, 0], len(places) // 2)
        fold = _folds(self.family[places], label, rng)
        return _Trial(self, self.columns[places], self.kernel[np.ix_(places, places)], 2.0 * label - 1, fold)


def _filled(columns: FloatArray) -> FloatArray:
    """Replace NaN by the median of the column; a column without any number becomes 0."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # columns of NaN only
        middle = np.nan_to_num(np.nanmedian(columns, axis=0))
    return np.where(np.isfinite(columns), columns, middle)


def gram_kernel(stack: Stack) -> FloatArray:
    """Compare pieces by their n-grams of (interval, time to the next onset, silence before it). [n, n], 0–1.

    n-grams of 1 to `LONGEST_GRAM` steps along the melodic line, the end of the piece being a step; of each length, the
    profile of a piece holds 1 + ln(count) for grams that occur in two pieces or more, scaled to length 1. The kernel is
    the mean over lengths of the products of profiles. Times are rounded to twelfths of a quarter.
    """
    line, owner = stack.line, stack.piece[stack.line]
    last = np.append(np.diff(owner) > 0, True)[: len(line)]
    onset, length = stack.onset[line], stack.duration[line]
    gap = np.where(last, length, np.append(np.diff(onset), 0.0)[: len(line)])
    interval = np.where(last, _LAST, np.append(np.diff(stack.pitch[line]), 0)[: len(line)] + PITCHES)
    time = np.round(np.clip(gap, 0.0, _LONGEST_GAP) * _PER_QUARTER).astype(np.int64)
    silent = gap - length > 1 / _PER_QUARTER
    _, step = np.unique((interval * 1000 + time) * 2 + silent, return_inverse=True)
    width = int(step.max(initial=0)) + 1
    gram = step.astype(np.int64)
    kernel = np.zeros((stack.size, stack.size))
    for n in range(1, LONGEST_GRAM + 1):
        count = max(len(step) - n + 1, 0)
        if n > 1:
            _, gram = np.unique(gram[:count] * width + step[n - 1 :], return_inverse=True)
        inside = owner[:count] == owner[n - 1 :]
        profile = csr_array(
            (np.ones(int(inside.sum())), (owner[:count][inside], gram[:count][inside])),
            shape=(stack.size, int(gram.max(initial=0)) + 1),
        )
        profile.sum_duplicates()
        profile = profile[:, np.bincount(profile.indices, minlength=profile.shape[1]) > 1]
        profile.data = 1 + np.log(profile.data)
        product = (profile @ profile.T).toarray()
        size = np.sqrt(product.diagonal())
        kernel += np.divide(product, np.outer(size, size), out=np.zeros_like(product), where=product > 0)
    return kernel / LONGEST_GRAM


def _folds(family: IntArray, label: IntArray, rng: np.random.Generator) -> IntArray:
    """Deal pieces to folds, families of near copies whole, both labels evenly. [n] to [n].

    A family that is larger than a fold is the set's own trait (a collapse), and is dealt out piece by piece.
    """
    _, family, size = np.unique(family, return_inverse=True, return_counts=True)
    fold = np.full(len(label), -1)
    filled = np.zeros((FOLDS, 2))
    room = np.bincount(label, minlength=2) / FOLDS
    for one in rng.permutation(np.flatnonzero((size > 1) & (size <= room.min()))):
        members = np.flatnonzero(family == one)
        counts = np.bincount(label[members], minlength=2)
        best = int(((filled + counts) / room).max(axis=1).argmin())
        fold[members] = best
        filled[best] += counts
    for which in (0, 1):
        for place in rng.permutation(np.flatnonzero((fold < 0) & (label == which))):
            best = int(filled[:, which].argmin())
            fold[place] = best
            filled[best, which] += 1
    return fold


class TwoSampleTest:
    """A test of generated sets against one set of originals, which can be asked again and again.

    Two classifiers learn to tell pieces apart: a forest of random trees on features (P. Geurts et al. 2006), and a
    linear one on n-grams. They answer about held-out pieces, in `FOLDS` folds, with as many pieces of one set as of the
    other; near copies of a piece are in its own fold, so that no copy gives its original away. The accuracy is that of
    the better classifier. Folds share most of their pieces, so that accuracies vary more than independent answers do:
    what counts as chance comes from random halves of the originals that go through the same test.

    The forest is given the features; the seed is that of all random draws.
    """

    def __init__(self, originals: Sequence[Notes], features: Mapping[str, Feature], seed: int = 0) -> None:
        self.features, self.seed = features, seed
        self._kept = sample(len(originals), 2 * LARGEST, generator(seed, "originals"))
        self._originals = [originals[i] for i in self._kept]
        self._halves: dict[int, FloatArray] = {}

    def halves(self, n: int) -> FloatArray:
        """Accuracies between random halves of the originals, scaled to the variation at n pieces; [SPLITS] or [0]."""
        size = min(len(self._originals) // 2, n)
        if size < SMALLEST:
            return np.empty(0)
        if n not in self._halves:
            pool = _Pool.of(self._originals, self.features)
            accuracies = []
            for split in range(SPLITS):
                rng = generator(self.seed, f"split {split}")
                trial = pool.trial(rng.permutation(len(self._originals))[: 2 * size], rng)
                accuracies.append(max(map(trial.accuracy, trial.answers(trial.forests(SPLIT_TREES, split)))))
            found = np.array(accuracies)
            self._halves[n] = found.mean() + (found - found.mean()) * np.sqrt(size / n)
        return self._halves[n]

    def accuracy(self, generated: Sequence[Notes]) -> float:
        """Share of right answers alone, of the better classifier, as a training loop needs it; NaN for too few."""
        n = self._size(generated)
        if n < SMALLEST:
            return _NAN
        trial, *_ = self._trial(generated, n, generator(self.seed, "two-sample"))
        return max(map(trial.accuracy, trial.answers(trial.forests(TREES, self.seed))))

    def _size(self, generated: Sequence[Notes]) -> int:
        return min(len(generated), len(self._originals), LARGEST)

    def _trial(self, generated: Sequence[Notes], n: int, rng: np.random.Generator) -> tuple[_Trial, IntArray, IntArray]:
        """Draw n pieces of each set: the trial, and the places of its pieces in both sets."""
        ours, theirs = sample(len(generated), n, rng), sample(len(self._originals), n, rng)
        pool = _Pool.of([*(generated[i] for i in ours), *(self._originals[i] for i in theirs)], self.features)
        return pool.trial(np.arange(2 * n), rng), ours, theirs

    def __call__(self, generated: Sequence[Notes]) -> ToldApart:
        """Tell generated pieces from the originals."""
        rng = generator(self.seed, "two-sample")
        n = self._size(generated)
        if n < SMALLEST:
            return ToldApart(pieces=n)
        trial, ours, theirs = self._trial(generated, n, rng)
        forests = trial.forests(TREES, self.seed)
        answers = trial.answers(forests)
        forest, ngrams = map(trial.accuracy, answers)
        accuracy = max(forest, ngrams)
        halves = self.halves(n)
        chance, deviation, freedom = _chance(halves, n)
        p = float(stdtr(freedom, (chance - accuracy) / deviation))
        found = p < SIGNIFICANT
        width = -float(stdtrit(freedom, 0.025)) * deviation
        reasons = trial.reasons(forests, answers[0], rng) if found else ()
        # where no setting weighs, there is nothing to leave out
        by_settings = any(one.group in SETTINGS and one.weight > _WEIGHTLESS for one in reasons)
        without = max(trial.without(SETTINGS, self.seed), ngrams) if by_settings else accuracy
        chosen = answers[int(ngrams > forest)]
        sure = zip(np.argsort(-chosen[:n], kind="stable"), np.argsort(chosen[n:], kind="stable"), strict=True)
        examples = [(int(ours[mine]), int(self._kept[theirs[real]])) for mine, real in sure]
        independent = 0.25 / (2 * n)
        return ToldApart(
            accuracy=accuracy,
            interval=wilson(accuracy, 2 * n * min(1.0, independent / deviation**2)),
            forest=forest,
            ngrams=ngrams,
            halves=(chance, chance - width, chance + width) if len(halves) else (_NAN, _NAN, _NAN),
            limit=chance - float(stdtrit(freedom, SIGNIFICANT)) * deviation,
            p=p,
            pieces=n,
            without_settings=without if found else _NAN,
            reasons=reasons,
            differences=trial.differences(),
            examples=tuple(examples[:EXAMPLES]),
        )


@dataclass(frozen=True)
class _Trial:
    """Pieces of two sets dealt to folds: features [2n, d], kernel [2n, 2n], sign [2n] 1 for the first half, −1 else."""

    pool: _Pool
    columns: FloatArray
    kernel: FloatArray
    sign: FloatArray
    fold: IntArray

    def parts(self) -> Iterator[tuple[IntArray, IntArray]]:
        """Yield the places to learn from and to be asked about, fold by fold."""
        for one in range(FOLDS):
            yield np.flatnonzero(self.fold != one), np.flatnonzero(self.fold == one)

    def accuracy(self, answers: FloatArray) -> float:
        """Share of right answers; an undecided one counts as half."""
        return float(0.5 + 0.5 * (np.sign(answers) * self.sign).mean())

    def forests(self, trees: int, seed: int) -> list[list[Any]]:
        """Grow one forest a fold, each a list of trees."""
        from sklearn import config_context
        from sklearn.tree import ExtraTreeRegressor
        from sklearn.utils import check_random_state

        columns = self.columns.astype(np.float32)
        seeds = check_random_state(seed).randint(np.iinfo(np.int32).max, size=trees)

        def grown(known: IntArray, one: int) -> Any:
            tree = ExtraTreeRegressor(**_FOREST, random_state=one)
            return tree.fit(columns[known], self.sign[known], check_input=False)

        # of two labels, squared error chooses the splits of Gini's impurity; scikit-learn's forests and classifiers
        # look at their arguments for longer than small trees take to grow
        with config_context(skip_parameter_validation=True):
            return [[grown(known, one) for one in seeds] for known, _ in self.parts()]

    def answers(self, forests: Sequence[Sequence[Any]]) -> tuple[FloatArray, FloatArray]:
        """Ask both classifiers, the forests and the linear one."""
        return self.forest_answers(forests), self.linear_answers()

    def forest_answers(self, forests: Sequence[Sequence[Any]]) -> FloatArray:
        """Ask each forest about its fold. [2n] −1 to 1, as `sign`."""
        answers = np.zeros(len(self.sign))
        for forest, (_, asked) in zip(forests, self.parts(), strict=True):
            answers[asked] = _ask(forest, self.columns[asked])
        return answers

    def linear_answers(self) -> FloatArray:
        """Ask a least-squares classifier on n-gram profiles (kernel ridge regression of ±1). [2n], as the forest's."""
        kernel, answers = self.kernel, np.zeros(len(self.sign))
        for known, asked in self.parts():
            gram, across = kernel[np.ix_(known, known)], kernel[np.ix_(asked, known)]
            mean = gram.mean(axis=0)
            centred = gram - mean - mean[:, None] + mean.mean()
            target = self.sign[known]
            dual = np.linalg.solve(centred + RIDGE * np.eye(len(known)), target - target.mean())
            answers[asked] = (across - mean - across.mean(axis=1, keepdims=True) + mean.mean()) @ dual
        return answers

    def without(self, groups: Sequence[str], seed: int) -> float:
        """Accuracy of a forest without the features of some groups."""
        kept = [group not in groups for group in self.pool.groups]
        fewer = replace(self, columns=self.columns[:, kept])
        return fewer.accuracy(fewer.forest_answers(fewer.forests(TREES, seed)))

    def differences(self) -> tuple[Difference, ...]:
        """Compare the means of all columns."""
        mine, theirs = self.columns[self.sign > 0], self.columns[self.sign < 0]
        deviation = np.sqrt((mine.var(axis=0) + theirs.var(axis=0)) / 2)
        means = mine.mean(axis=0), theirs.mean(axis=0)
        gap = np.abs(means[0] - means[1])
        effect = np.divide(gap, deviation, out=np.where(gap > 0, np.inf, 0.0), where=deviation > 0)
        found = map(Difference, self.pool.names, self.pool.groups, *(each.tolist() for each in (*means, effect)))
        return tuple(sorted(found, key=lambda one: -one.effect))

    def reasons(
        self, forests: Sequence[Sequence[Any]], answers: FloatArray, rng: np.random.Generator
    ) -> tuple[Reason, ...]:
        """Weigh each group of features by permutation importance."""
        columns, groups = self.columns, np.array(self.pool.groups)
        most = {one.group: one for one in reversed(self.differences())}
        names = list(dict.fromkeys(self.pool.groups))
        exchanged = np.zeros((len(names), len(self.sign)))
        for forest, (_, asked) in zip(forests, self.parts(), strict=True):
            copies = np.tile(columns[asked], (len(names), 1, 1))
            for copy, name in zip(copies, names, strict=True):
                members = groups == name
                copy[:, members] = copy[rng.permutation(len(asked))][:, members]
            # all at once: a forest takes as long to begin as to answer
            exchanged[:, asked] = _ask(forest, copies.reshape(-1, columns.shape[1])).reshape(len(names), -1)
        weights = ((answers - exchanged) * self.sign).mean(axis=1).tolist()
        reasons = [Reason(name, weight, most[name]) for name, weight in zip(names, weights, strict=True)]
        found = (one for one in reasons if one.weight > 1e-9)  # noqa: PLR2004 - rounding leaves specks beside zero
        return tuple(sorted(found, key=lambda one: -one.weight))


def _ask(forest: Sequence[Any], columns: FloatArray) -> FloatArray:
    """Ask a forest about pieces [n, d]: −1 to 1, positive for generated ones."""
    columns = columns.astype(np.float32)
    answers: FloatArray = np.mean([tree.predict(columns, check_input=False) for tree in forest], axis=0)
    return answers


def _chance(halves: FloatArray, n: int) -> tuple[float, float, int]:
    """How accuracies vary if there is nothing to tell: mean, deviation, and degrees of freedom."""
    independent = float(0.5 / np.sqrt(2 * n))
    if not len(halves):
        return 0.5, _DEPENDENCE * independent, SPLITS - 1
    deviation = max(float(halves.std(ddof=1)), independent) * float(np.sqrt(1 + 1 / len(halves)))
    return float(halves.mean()), deviation, len(halves) - 1
