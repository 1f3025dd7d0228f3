"""The report as one self-contained HTML page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from evaluation.features.feature import NOTE_LENGTHS, PITCH_CLASSES
from evaluation.features.table import averaged_transitions
from evaluation.page import figures
from evaluation.reading.notes import Stack
from evaluation.scores.copying import COPIED_NOTES, COPIED_SHARE
from evaluation.scores.overlap import PERMUTATIONS
from evaluation.scores.sampling import PAIRWISE, RESAMPLED, RESAMPLES, SPLITS
from evaluation.scores.verdict import CLOSE, SIGNIFICANT, SIMILAR, counted, number, share
from manymodes.experiment.page import template

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from markupsafe import Markup

    from evaluation.features.feature import Feature
    from evaluation.reading.notes import Notes
    from evaluation.scores.copying import Pair
    from evaluation.scores.sampling import Score
    from evaluation.scores.sets import MusicSet, SetComparison

_LENGTH_ROWS = ("<⅛", "⅛", "¼", "⅜", "½", "⅝", "¾", "≥⅞")
_ROLLED_PAIRS = 3
_LISTED = 200


@dataclass(frozen=True)
class Row:
    """One line of a table of scores."""

    title: str
    hint: str
    score: Score
    good: str


def page(
    ranked: Sequence[SetComparison],
    org: MusicSet,
    train: MusicSet,
    *,
    features: Mapping[str, Feature],
    command: str,
    seed: int,
    versions: Mapping[str, str],
) -> str:
    """Render the page.

    Args:
        ranked: generated sets, the best first.
        org: the originals.
        train: the set in which copies were looked for.
        features: measured in the sets.
        command: as it was typed.
        seed: of all random numbers.
        versions: of the programs that the numbers depend on.
    """
    sets = {id(one): one for one in (*(one.gen for one in ranked), org, train)}.values()
    return template("evaluation", "report.html.jinja").render(
        number=number,
        share=share,
        fixed=fixed,
        p_value=p_value,
        counted=counted,
        capitalised=capitalised,
        title=f"{', '.join(one.gen.label for one in ranked)} against {org.label}",
        comparisons=[_section(one, train, features) for one in ranked],
        org=org,
        train=train,
        features=features,
        figures=figures,
        org_matrices=_matrices(org, "org"),
        skipped=[file for one in sets for file in one.skipped],
        listed=_LISTED,
        sampled=[one.label for one in sets if len(one.pieces) > PAIRWISE],
        limits={
            "pairwise": PAIRWISE,
            "resampled": RESAMPLED,
            "splits": SPLITS,
            "resamples": RESAMPLES,
            "permutations": PERMUTATIONS,
            "significant": SIGNIFICANT,
            "copied_share": COPIED_SHARE,
            "copied_notes": COPIED_NOTES,
        },
        command=command,
        seed=seed,
        versions=versions,
    )


def fixed(value: float) -> str:
    """Write a score from 0 to 1 to two decimals, so that columns align."""
    return f"{value:.2f}" if np.isfinite(value) else "–"


def capitalised(sentence: str) -> str:
    """Begin a sentence with a capital and leave the rest as it is."""
    return sentence[:1].upper() + sentence[1:]


def p_value(p: float) -> str:
    """Write a p-value: three decimals, never 0."""
    if not np.isfinite(p):
        return "–"
    return "<0.001" if p < 0.001 else f"{p:.3f}"  # noqa: PLR2004 - the last decimal


def _section(one: SetComparison, train: MusicSet, features: Mapping[str, Feature]) -> dict[str, Any]:
    closeness = "unknown"
    if np.isfinite(one.score):
        closeness = "good" if one.score >= CLOSE else "fair" if one.score >= SIMILAR else "bad"
    return {
        "found": one,
        "marks": {
            "closeness": closeness,
            "collapse": "bad" if one.collapse.found else "good",
            "copying": "bad" if one.copying.found else "good",
        },
        "matrices": _matrices(one.gen, "gen"),
        "histograms": _histograms(one, features),
        "rows": _rows(one),
        "rolls": _rolls(one, train),
    }


def _matrices(one: MusicSet, css: str) -> dict[str, Markup]:
    pitch, lengths = averaged_transitions(one.pieces)
    return {
        "pitch": figures.matrix(pitch, PITCH_CLASSES, f"Pitch-class transitions of {one.label}", css),
        "length": figures.matrix(lengths, _LENGTH_ROWS, f"Note-length transitions of {one.label}, in seconds", css),
    }


def _histograms(one: SetComparison, features: Mapping[str, Feature]) -> list[tuple[str, Markup]]:
    return [
        (feature.title, figures.histogram(found.gen.mean, found.org.mean, _short(feature.columns), feature.title))
        for name, feature in features.items()
        if feature.columns and (found := one.features[name]).gen.n and found.org.n
    ]


def _short(labels: Sequence[str]) -> Sequence[str]:
    """Shorten the names of note lengths so that they fit under a bar."""
    if tuple(labels) == tuple(NOTE_LENGTHS):
        return [label.replace("dotted ", "").replace(" triplet", "") + _dot(label) for label in labels]
    return labels


def _dot(label: str) -> str:
    return "." if label.startswith("dotted") else " ³" if label.endswith("triplet") else ""


def _rows(one: SetComparison) -> list[Row]:
    rows = []
    if one.diversity is not None:
        rows = [
            Row("Variety", "Vendi score, relative to the originals", one.diversity.vendi, "1"),
            Row("Precision", "share of pieces near an original", one.diversity.precision, "high"),
            Row("Recall", "share of originals near a generated piece", one.diversity.recall, "high"),
            Row(
                "Density",
                "originals near each piece, relative to their number of neighbours",
                one.diversity.density,
                "1",
            ),
            Row("Coverage", "share of originals with a piece in their neighbourhood", one.diversity.coverage, "high"),
            Row("Fréchet distance", "of the standardised features", one.diversity.frechet, "low"),
        ]
    rows.append(Row("Manhattan distance", "of pitch groups; short pieces score low", one.manhattan, "low"))
    rows.append(Row("Near copies", "share of pieces with a near copy in their own set", one.collapse.near, "low"))
    return rows


def _rolls(one: SetComparison, train: MusicSet) -> list[dict[str, Any]]:
    rolls = []
    if one.diversity is not None:
        for title, index in (("The most typical", one.diversity.typical), ("The most unusual", one.diversity.unusual)):
            piece = one.gen.pieces[index]
            rolls.append({"title": f"{title}: {piece.name}", "images": [figures.piano_roll(piece, "gen")]})
    rolls.extend(_pair_roll(pair, one, train) for pair in one.copying.pairs[:_ROLLED_PAIRS])
    return rolls


def _pair_roll(pair: Pair, one: SetComparison, train: MusicSet) -> dict[str, Any]:
    piece, source = one.gen.pieces[pair.index], train.pieces[pair.source_index]
    return {
        "title": f"{pair.notes} consecutive notes, {share(pair.share)} of {pair.piece}, are also in {pair.source}",
        "images": [
            figures.piano_roll(piece, "gen", _on_line(piece, pair.start, pair.notes)),
            figures.piano_roll(source, "org", _on_line(source, pair.source_start, pair.notes)),
        ],
    }


def _on_line(piece: Notes, start: int, notes: int) -> list[int]:
    """Numbers, among the counted notes, of a run on the melodic line."""
    return [int(note) for note in Stack.of(piece).line[start : start + notes]]
