"""Form: bars and phrases that return, exactly or changed, near and far; and how a piece closes, in key and bars.

Bars and beats are those of the best-fitting metre (`evaluation.features.metre`). The bars of a piece go from the first
onset's to the last's, and hold the notes of the melodic line that start in them. Times are rounded to 1/24 quarter. The
last note is that of the melodic line, the key the best-fitting one (`evaluation.features.line.keys`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from evaluation.features.contour import DEGREES, is_step
from evaluation.features.feature import Feature, feature, mean, ratio, shared
from evaluation.features.line import PER_OCTAVE, PER_QUARTER, keys, melody, phrases, spread_out
from evaluation.features.metre import NEAR, fitted, fitted_meters, on_multiple
from evaluation.features.sequences import same_sequences
from evaluation.features.table import longest_repeated_phrase
from evaluation.reading.notes import PITCHES, SIMULTANEOUS, BoolArray, FloatArray, IntArray, Stack

FORM: dict[str, Feature] = {}
"""The features of this module by name."""

ALIKE = 0.75
"""Similarity from which two bars are alike: the same rhythm, and half of the intervals."""

_LAGS = (1, 2, 3, 4, 5, 6, 7, 8)
_PERIOD = 4
_LONGEST = 1000.0  # quarters; longer notes, and bars, are damage


class _Bars(NamedTuple):
    """The bars with notes [b], and the contents of each note [M].

    Attributes:
        piece, number: [b] the piece of each bar, and its number, counted through all pieces with the silent bars.
        bar, opens: [M] which of these bars each note starts in, and whether it is the first there.
        place: [M] its place in the bar.
        rhythm: [M] place and length as one number.
        interval: [M] that from the note before in the line, 0 semitones for the first of a piece, and 128 more.
    """

    piece: IntArray
    number: IntArray
    bar: IntArray
    opens: BoolArray
    place: IntArray
    rhythm: IntArray
    interval: IntArray


@shared
def _bars(stack: Stack) -> _Bars:
    line, grid = melody(stack), fitted(stack)
    place, length = (
        np.round(np.clip(times, 0, _LONGEST) * PER_QUARTER).astype(np.int64) for times in (grid.place, line.duration)
    )
    interval = np.diff(line.pitch, prepend=0)
    interval[line.first] = 0
    opens = np.diff(grid.bar, prepend=-1) > 0
    return _Bars(
        piece=line.piece[opens],
        number=grid.bar[opens],
        bar=np.cumsum(opens) - 1,
        opens=opens,
        place=place,
        rhythm=length * int(_LONGEST * PER_QUARTER + 1) + place,
        interval=interval + PITCHES,
    )


def _returns(stack: Stack, tokens: IntArray) -> tuple[FloatArray, FloatArray]:
    """Find the shares of bars with notes whose tokens [M] are those of another bar, and that are different; [n]."""
    bars = _bars(stack)
    count = len(bars.piece)
    content = bars.piece * (count + 1) + same_sequences(tokens, bars.bar, count)
    _, first, group, times = np.unique(content, return_index=True, return_inverse=True, return_counts=True)
    total = stack.count(bars.piece)
    returning, different = stack.per_piece(times[group] > 1, bars.piece), stack.count(bars.piece[first])
    return ratio(returning, total), ratio(different, total)


@shared
def _exact(stack: Stack) -> tuple[FloatArray, FloatArray]:
    return _returns(stack, _bars(stack).rhythm * PITCHES + melody(stack).pitch)


@feature(FORM, "Repeated phrase's share", "share of onsets", group="form")
def repeated_phrase_share(stack: Stack) -> FloatArray:
    """Length of `longest_repeated_phrase` divided by that of the melodic line. [n] 0–½; NaN without notes."""
    return ratio(longest_repeated_phrase(stack), stack.count(melody(stack).piece))


@feature(FORM, "Bars that return", "share of bars", group="form")
def returning_bar_share(stack: Stack) -> FloatArray:
    """Share of the bars with notes whose places, lengths and pitches are all those of another bar. [n] 0–1.

    NaN without notes.
    """
    return _exact(stack)[0]


@feature(FORM, "Bars that return transposed", "share of bars", group="form")
def transposed_bar_share(stack: Stack) -> FloatArray:
    """Share of the bars with notes that return at any pitch level. [n] 0–1; NaN without notes.

    Places, lengths and the intervals within the bar are those of another bar.
    """
    bars = _bars(stack)
    returning, _ = _returns(stack, bars.rhythm * (2 * PITCHES) + np.where(bars.opens, 0, bars.interval))
    return returning


@feature(FORM, "Rhythms that return", "share of bars", group="form")
def returning_rhythm_share(stack: Stack) -> FloatArray:
    """Share of the bars with notes whose places and lengths are those of another bar. [n] 0–1; NaN without notes."""
    return _returns(stack, _bars(stack).rhythm)[0]


@feature(FORM, "Different bars", "share of bars", group="form")
def different_bar_share(stack: Stack) -> FloatArray:
    """Number of different bars divided by the number of bars with notes. [n] 0–1; NaN without notes.

    Bars are the same as in `returning_bar_share`.
    """
    return _exact(stack)[1]


@shared
def _pairs(stack: Stack) -> dict[int, tuple[FloatArray, IntArray, FloatArray]]:
    """Compare the bars of each piece at each of `_LAGS`, as `short_structureness` says.

    Gives the similarity and the piece of the pairs of bars that both have notes, and [n] the number of all pairs.
    """
    bars, total = _bars(stack), fitted(stack).bars
    within = bars.number - (np.cumsum(total) - total)[bars.piece]
    alphabets = (bars.place, bars.place * (2 * PITCHES) + bars.interval)
    contents = [_content(bars, tokens) for tokens in alphabets]
    found = {}
    for lag in _LAGS:
        follows = within + lag < total[bars.piece]
        other = np.minimum(np.searchsorted(bars.number, bars.number + lag), max(len(bars.number) - 1, 0))
        both = np.flatnonzero(follows & (bars.number[other] == bars.number + lag))
        piece = bars.piece[both]
        similarity = np.zeros(len(both))
        for present in contents:
            one, two = present[both], present[other[both]]
            similarity += one.multiply(two).sum(axis=1) / (one.sum(axis=1) + two.sum(axis=1))
        # a pair of two bars with notes has been counted from both sides
        pairs = stack.per_piece(follows, bars.piece) + stack.per_piece(within >= lag, bars.piece)
        found[lag] = similarity, piece, pairs - stack.count(piece)
    return found


def _content(bars: _Bars, tokens: IntArray) -> csr_array:
    """Return which tokens each bar has, [b, different tokens]."""
    _, symbol = np.unique(tokens, return_inverse=True)
    present = csr_array((np.ones(len(symbol)), (bars.bar, symbol)), (len(bars.piece), int(symbol.max(initial=0)) + 1))
    present.sum_duplicates()
    present.data[:] = 1
    return present


def _structureness(stack: Stack, lags: tuple[int, ...]) -> FloatArray:
    found = [_pairs(stack)[lag] for lag in lags]
    alike = np.sum([stack.per_piece(similarity, piece) for similarity, piece, _ in found], axis=0)
    return ratio(alike, np.sum([pairs for *_, pairs in found], axis=0))


@feature(FORM, "Structure at short distance", "0–1", group="form")
def short_structureness(stack: Stack) -> FloatArray:
    """Mean similarity of bars at 1 and 2 bars' distance. [n] 0–1; NaN for a piece of one bar.

    The similarity of two bars is the mean of two shares, 2 · |A ∩ B| / (|A| + |B|): of common onset places, and of
    common places where the interval from the note before is the same, too. So a transposed bar is alike, but for its
    first note. Pairs of silent bars do not count. Three scales are the idea of S.-L. Wu and Y.-H. Yang's structureness
    indicator (The Jazz Transformer on the Front Line, ISMIR 2020), which takes them from audio.
    """
    return _structureness(stack, (1, 2))


@feature(FORM, "Structure at middle distance", "0–1", group="form")
def middle_structureness(stack: Stack) -> FloatArray:
    """As `short_structureness`, at 3 and 4 bars' distance. [n] 0–1; NaN for a piece of three bars or fewer."""
    return _structureness(stack, (3, 4))


@feature(FORM, "Structure at long distance", "0–1", group="form")
def long_structureness(stack: Stack) -> FloatArray:
    """As `short_structureness`, at 5 to 8 bars' distance. [n] 0–1; NaN for a piece of five bars or fewer."""
    return _structureness(stack, (5, 6, 7, 8))


@feature(FORM, "Bars like the fourth before", "share of bars", group="form")
def four_bar_return_share(stack: Stack) -> FloatArray:
    """Share of bars, from the fifth, with a similarity of ¾ or more to the fourth before them. [n] 0–1.

    Similarity as in `short_structureness`. NaN for a piece of four bars or fewer.
    """
    similarity, piece, pairs = _pairs(stack)[_PERIOD]
    return ratio(stack.per_piece(similarity >= ALIKE - 1e-9, piece), pairs)


@shared
def _phrase_lengths(stack: Stack) -> tuple[FloatArray, IntArray]:
    line, cut = melody(stack), phrases(stack)
    return line.onset[cut.last] + line.duration[cut.last] - line.onset[cut.first], cut.piece


@feature(FORM, "Phrase length", "quarters", group="form")
def phrase_length(stack: Stack) -> FloatArray:
    """Mean length of phrases, from the first onset to the end of the last note. [n] quarters; NaN without notes.

    A phrase ends with a note at least twice as long as the piece's median, before a rest of a 16th or more, and with
    the piece; `evaluation.features.line.phrases` has the sources.
    """
    return mean(stack, *_phrase_lengths(stack))


@feature(FORM, "Deviation of phrase lengths", "quarters", group="form")
def phrase_length_sd(stack: Stack) -> FloatArray:
    """Standard deviation (divided by their number) of the lengths of a piece's phrases. [n] quarters.

    NaN for a piece of one phrase.
    """
    lengths, piece = _phrase_lengths(stack)
    off = lengths - phrase_length(stack)[piece]
    return np.where(stack.count(piece) > 1, np.sqrt(mean(stack, off**2, piece)), np.nan)


def _last_degree(stack: Stack) -> FloatArray:
    """Semitones of the last note above the tonic, [n] 0–11; NaN without a key."""
    line, key = melody(stack), keys(stack)
    degree = (line.pitch[line.last] - key.tonic[line.owners]) % PER_OCTAVE
    return np.where(key.known, spread_out(stack, degree, line.owners), np.nan)


@feature(FORM, "Ends on the tonic", "share of pieces", group="endings")
def ends_on_tonic(stack: Stack) -> FloatArray:
    """Whether the last note is the tonic of the piece's key. [n] 0 or 1; NaN where nothing sounds."""
    degree = _last_degree(stack)
    return np.where(np.isfinite(degree), degree == 0, np.nan)


@feature(FORM, "Last scale degree", "share of pieces", group="endings", columns=DEGREES)
def last_degree(stack: Stack) -> FloatArray:
    """Degree of the last note above the tonic: 1 in its column, 0 in the others. [n, 12]; NaN where nothing sounds."""
    degree = _last_degree(stack)
    return np.where(np.isfinite(degree)[:, None], degree[:, None] == np.arange(PER_OCTAVE), np.nan)


@feature(FORM, "Ends on a beat", "share of pieces", group="endings")
def ends_on_beat(stack: Stack) -> FloatArray:
    """Whether the last note starts on a beat. [n] 0 or 1; NaN without notes."""
    line, grid = melody(stack), fitted(stack)
    return spread_out(stack, grid.on(grid.beat)[line.last], line.owners)


@feature(FORM, "Ends on a bar line", "share of pieces", group="endings")
def ends_on_downbeat(stack: Stack) -> FloatArray:
    """Whether the last note starts on a bar line. [n] 0 or 1; NaN without notes."""
    line, grid = melody(stack), fitted(stack)
    return spread_out(stack, grid.on(grid.length)[line.last], line.owners)


@feature(FORM, "Length of the last note", "mean lengths", group="endings")
def last_length_ratio(stack: Stack) -> FloatArray:
    """Length of the last note divided by the mean length of the line's notes. [n]; NaN where nothing sounds."""
    line = melody(stack)
    return ratio(spread_out(stack, line.duration[line.last], line.owners), mean(stack, line.duration, line.piece))


@feature(FORM, "Last bar is whole", "share of pieces", group="endings")
def last_bar_whole(stack: Stack) -> FloatArray:
    """Whether the last note ends on a bar line, or fills its bar together with the upbeat. [n] 0 or 1.

    The second is so when the piece, from the first onset to the last note's end, is whole bars long. NaN without notes.
    """
    line, meters = melody(stack), fitted_meters(stack)
    length, phase = meters.length[line.owners], meters.phase[line.owners]
    end = line.onset[line.last] + line.duration[line.last]
    span = end - line.onset[line.first]
    whole = on_multiple(end - phase, length) | (on_multiple(span, length) & (span > NEAR))
    return spread_out(stack, whole, line.owners)


@feature(FORM, "Last step", "share of pieces", group="endings")
def ends_by_step(stack: Stack) -> FloatArray:
    """Whether the last note is one or two semitones from the note before. [n] 0 or 1; NaN for fewer than two onsets."""
    line = melody(stack)
    several = line.last > line.first
    last = line.last[several]
    return spread_out(stack, is_step(line.pitch[last] - line.pitch[last - 1]), line.owners[several])


@feature(FORM, "Last note is the longest", "share of pieces", group="endings")
def last_is_longest(stack: Stack) -> FloatArray:
    """Whether no note that starts in the last note's bar is longer. [n] 0 or 1; NaN without notes."""
    line, grid = melody(stack), fitted(stack)
    last = np.repeat(line.last, np.diff(line.first, append=len(line.piece)))
    longer = (grid.bar == grid.bar[last]) & (line.duration > line.duration[last] + SIMULTANEOUS)
    return spread_out(stack, stack.per_piece(longer, line.piece)[line.owners] == 0, line.owners)
