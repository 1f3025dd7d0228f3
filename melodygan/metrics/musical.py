"""The musical distance of generated tunes from real ones, by which checkpoints are chosen."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from evaluation.features.catalogue import FEATURES, feature_table
from evaluation.features.table import COMPARED
from evaluation.reading.notes import Notes, defined_rows
from evaluation.scores.distances import inter_set_distances, intra_set_distances, overlap_area, spread
from evaluation.scores.two_sample import TwoSampleTest
from melodygan.data.encoding import STEPS_PER_QUARTER, pitches_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from melodygan.data.encoding import Note

SPREAD_FEATURES = ("total_used_pitch", "total_used_note", "total_pitch_class_histogram", "note_length_hist")
"""The features whose spread shows a collapse first."""

_WORST_RATIO = 1000.0  # limit of the ratio of spreads; without variety its logarithm would be infinite

NO_TUNES = {
    "musical_distance": 3 + math.log(_WORST_RATIO),
    "told_apart": 1.0,
    "overlap": 0.0,
    "distinct": 0.0,
    "spread": 0.0,
}
"""`musical_distance` of a generator that writes nothing usable."""


def as_pieces(tunes: Iterable[Sequence[Note]]) -> list[Notes]:
    """Return tunes as pieces of `evaluation`, without metre, because most models know none."""
    pieces = []
    for notes in tunes:
        lengths = np.array([note.steps for note in notes]) / STEPS_PER_QUARTER
        sounding = [note.pitch is not None for note in notes]
        onsets = np.cumsum(lengths) - lengths
        pieces.append(Notes.from_quarters(onsets[sounding], lengths[sounding], pitches_in(notes), meter_given=False))
    return pieces


def two_sample_test(real: Sequence[Sequence[Note]]) -> TwoSampleTest:
    """Return the test by which generated tunes may be told from these."""
    return TwoSampleTest(as_pieces(real), FEATURES)


def distinct_share(tunes: Sequence[Sequence[Note]]) -> float:
    """Return the share of tunes that no earlier one equals, 0 to 1."""
    return len({tuple(tune) for tune in tunes}) / len(tunes)


def musical_distance(
    generated: Sequence[Sequence[Note]], real: Sequence[Sequence[Note]], test: TwoSampleTest | None = None
) -> dict[str, float]:
    """Measure generated tunes against real ones; a two-sample test of the real ones that is at hand is used again.

    For every feature that reports compare, the distances between generated tunes, which reveal a collapse,
    and between generated and real tunes, which reveal a shift, are compared with those between real tunes by the
    overlap of their densities; their mean is the overlap.

    Returns:
        ``overlap`` (0 to 1); ``distinct`` (share, 0 to 1); ``spread``, the least of the four `SPREAD_FEATURES`
        relative to that of the real tunes; ``told_apart``, the accuracy of `TwoSampleTest`, 0.5 for sets too small to
        be tested; and ``musical_distance`` = (1 − overlap) + (1 − distinct) + 2 · (told_apart − 0.5) + the mean |ln| of
        those four ratios, so that too little and too much variety count alike. Least is best.
    """
    tables = [feature_table(as_pieces(tunes), COMPARED) for tunes in (generated, real)]
    overlaps = []
    spreads = []
    for name, real_values in tables[1].items():
        ours, theirs = defined_rows(tables[0][name]), defined_rows(real_values)
        if len(ours) < 2 or len(theirs) < 2:  # noqa: PLR2004 - a distance needs two
            overlaps.append(0.0)
            spreads += [0.0] * (name in SPREAD_FEATURES)
            continue
        between_real = intra_set_distances(theirs).ravel()
        overlaps.append(overlap_area(intra_set_distances(ours).ravel(), between_real))
        overlaps.append(overlap_area(inter_set_distances(ours, theirs).ravel(), between_real))
        if name in SPREAD_FEATURES:
            spreads.append(_ratio(spread(ours), spread(theirs)))
    overlap, distinct = float(np.mean(overlaps)), distinct_share(generated)
    wrong_spread = float(np.mean(np.abs(np.log(np.clip(spreads, 1 / _WORST_RATIO, _WORST_RATIO)))))
    accuracy = (test or two_sample_test(real)).accuracy(as_pieces(generated))
    told_apart = max(accuracy, 0.5) if math.isfinite(accuracy) else 0.5
    return {
        "musical_distance": (1 - overlap) + (1 - distinct) + 2 * (told_apart - 0.5) + wrong_spread,
        "told_apart": told_apart,
        "overlap": overlap,
        "distinct": distinct,
        "spread": min(spreads),
    }


def _ratio(ours: float, theirs: float) -> float:
    """Return the ratio of two spreads; two sets without any variety are alike."""
    if theirs == 0:
        return 1.0 if ours == 0 else _WORST_RATIO
    return ours / theirs
