"""The result in plain sentences that name features and files."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from evaluation.scores.two_sample import SMALLEST, Reason, ToldApart

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evaluation.features.feature import Feature
    from evaluation.reading.notes import FloatArray, Notes
    from evaluation.scores.collapse import Collapse
    from evaluation.scores.copying import Copying
    from evaluation.scores.diversity import Diversity
    from evaluation.scores.overlap import FeatureComparison

SIGNIFICANT = 0.05
"""Corrected p-value under which two sets differ in a feature."""

CLOSE, SIMILAR = 0.95, 0.85
"""Share of the reachable overlap from which sets are close, or similar."""

ENOUGH = 30
"""Pieces of a set from which the two-sample test finds more than large differences."""

REASONS, NAMED = 2, 3
"""How many groups of features the first sentence names, and how many features and groups the others."""

_CLEARER, _WEIGHTY = 0.03, 0.2


class Verdict(NamedTuple):
    """The result of a comparison: one sentence on each question."""

    told: str
    closeness: str
    collapse: str
    copying: str


def counted(number: int, noun: str) -> str:
    """Count things: 1 file, 0 files, 1,754 files."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def number(value: float) -> str:
    """Write a number to three digits, without an exponent: 7.97, 8, 0.0132, 1234."""
    if not np.isfinite(value):
        return "–"
    text = f"{value:.3g}"
    if "e" in text:
        text = f"{value:.0f}" if abs(value) >= 1 else f"{value:.5f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def share(value: float) -> str:
    """Write a share as whole per cent: 15 %."""
    return f"{100 * value:.0f} %" if np.isfinite(value) else "–"


def of_hundred(value: float) -> str:
    """Write a share of answers: 90 of 100."""
    return f"{100 * value:.0f} of 100"


def told_sentence(found: ToldApart, features: Mapping[str, Feature]) -> str:
    """Say whether generated pieces can be told from the originals, and by what."""
    if not np.isfinite(found.accuracy):
        return f"not tested: {counted(found.pieces, 'piece')} of a set; give {SMALLEST} or more, better {ENOUGH}."
    known = "chance 50"
    if np.isfinite(found.halves).all():
        known += f", real halves {100 * found.halves[1]:.0f} to {100 * found.halves[2]:.0f}"
    score = f"Score {share(found.score)} (100 % if nobody can tell)."
    few = f" With {counted(found.pieces, 'piece')} only large differences show." if found.pieces < ENOUGH else ""
    if not found.found:
        limit = f"{of_hundred(found.limit)} would be significant"
        return f"not told apart: {of_hundred(found.accuracy)} answers right ({known}; {limit}). {score}{few}"
    weighty = [reason for reason in found.reasons if reason.weight > _WEIGHTY * found.reasons[0].weight]
    named = [_reason(reason, features) for reason in weighty[:REASONS]]
    if found.ngrams > found.forest + _CLEARER or not named:
        named = [f"turns of melody and rhythm ({of_hundred(found.ngrams)} by n-grams alone)", *named[: REASONS - 1]]
    how = "mainly" if found.by_settings else "above all"
    rest = f"; without settings such as these, in {of_hundred(found.without_settings)}" if found.by_settings else ""
    return f"told apart in {of_hundred(found.accuracy)} ({known}), {how} by {_listed(named)}{rest}. {score}{few}"


def _reason(reason: Reason, features: Mapping[str, Feature]) -> str:
    most = reason.most
    means = f"{number(most.gen)} against {number(most.org)}"
    return f"{reason.group} ({title_of(most.feature, features)}: {means})"


def title_of(column: str, features: Mapping[str, Feature]) -> str:
    """Name a column of features for people, in lower case: pitch classes (F)."""
    name, _, entry = column.partition("[")
    return features[name].title.lower() + (f" {entry.rstrip(']')}" if entry else "")


def closeness_sentence(
    score: float,
    interval: tuple[float, float],
    comparisons: Mapping[str, FeatureComparison],
    features: Mapping[str, Feature],
) -> str:
    """Say how close the sets are and where they differ."""
    if not np.isfinite(score):
        return "not comparable: too few pieces for random splits of the originals."
    reached = f"{share(score)} of the overlap that the originals reach with themselves"
    if np.isfinite(interval).all():
        reached += f" (95 % interval {100 * interval[0]:.0f} to {share(interval[1])})"
    different = [one for one in comparisons.values() if one.p_holm < SIGNIFICANT]
    if not different:
        word = "close" if score >= CLOSE else "similar" if score >= SIMILAR else "uncertain"
        return f"{word}: {reached}; no feature differs significantly."
    word = "similar" if score >= SIMILAR else "different"
    worst = []
    for one in sorted(different, key=lambda one: (one.relative_overlap, one.name))[:NAMED]:
        means = f"{number(one.gen.mean[0])} against {number(one.org.mean[0])}, " if len(one.gen.mean) == 1 else ""
        worst.append(f"{features[one.name].title.lower()} ({means}{share(one.relative_overlap)})")
    count = f"{len(different)} of {len(comparisons)} features differ" if len(different) > 1 else "one feature differs"
    return f"{word}: {reached}; {count} significantly, most of all {_listed(worst)}."


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def collapse_sentence(
    found: Collapse,
    pieces: Sequence[Notes],
    table: Mapping[str, FloatArray],
    comparisons: Mapping[str, FeatureComparison],
    diversity: Diversity | None,
    features: Mapping[str, Feature],
) -> str:
    """Say whether the set has collapsed, in which features, and onto which files."""
    reasons = [_narrow_reason(comparisons[name], features[name], table[name]) for name in found.narrow[:NAMED]]
    if (more := len(found.narrow) - NAMED) > 0:
        reasons.append(f"{counted(more, 'more feature')} hardly {'varies' if more == 1 else 'vary'}")
    if found.repeated:
        named = [
            f"{len(members)} of {found.compared} files are near copies of {pieces[centre].name}"
            for centre, members in found.clusters[:NAMED]
            if len(members) > 1
        ]
        reasons.append(_listed(named) if named else f"{share(found.near.value)} of files have a near copy in the set")
    if found.few and diversity is not None:
        reasons.append(f"the variety (Vendi score) is {share(diversity.vendi.at_n)} of the originals'")
    if reasons:
        return f"collapsed: {'; '.join(reasons)}."
    ratios = [one.spread.value for name, one in comparisons.items() if features[name].variety]
    known = [ratio for ratio in ratios if np.isfinite(ratio)]
    widths = f"{100 * min(known):.0f} to {100 * max(known):.0f} %" if known else "–"
    near = round(found.near.value * found.compared) if np.isfinite(found.near.value) else 0
    have = "has" if near == 1 else "have"
    return (
        f"not collapsed: no feature has lost its variety (spread {widths} of the originals'); "
        f"{near} of {counted(found.compared, 'file')} {have} a near copy in the set."
    )


def _narrow_reason(one: FeatureComparison, feature: Feature, values: FloatArray) -> str:
    spread = f"spread {share(one.spread.value)} of the originals'"
    if values.ndim > 1 or not feature.every:
        return f"{feature.title.lower()} hardly vary ({spread})"
    defined = values[np.isfinite(values)]
    middle = float(np.median(defined))
    # the value that nearly every piece rounds to
    nearly_all = np.mean(np.abs(defined - middle) < 0.5) >= 0.9 if float(middle).is_integer() else False  # noqa: PLR2004
    every = "every" if np.ptp(defined) == 0 else "nearly every" if nearly_all else "the average"
    value = middle if every != "the average" else float(defined.mean())
    return f"{every} tune {feature.every.format(number(value))} ({spread})"


def copying_sentence(found: Copying, train: str) -> str:
    """Say whether the set copies the training set, which has this name, and name the worst pair."""
    word = "copying" if found.found else "not copying"
    if not found.pairs:
        return f"{word}: no run of notes is shared with {train}."
    copies = int(found.gen.copied.sum())
    repeat = "repeats" if copies == 1 else "repeat"
    worst = found.pairs[0]
    return (
        f"{word}: {copies} of {counted(len(found.gen.copied), 'file')} {repeat} half or more of a tune in {train} "
        f"({share(found.train.copied_share)} of the files of {train} do); {worst.piece} shares {worst.notes} "
        f"consecutive notes, {share(worst.share)} of its length, with {worst.source}."
    )
