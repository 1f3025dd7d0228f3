"""Rhythm, rests, dynamics and tempo. Lengths are those of the melodic line, in quarters.

A rest is a silence of a 16th or more (`evaluation.features.line.REST`); what is shorter is articulation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evaluation.features.feature import Feature, feature, mean, ratio, shared
from evaluation.features.line import PER_QUARTER, melody, rests, silences, spread_out
from evaluation.features.metre import NEAR, fitted_meters

if TYPE_CHECKING:
    from evaluation.reading.notes import FloatArray, IntArray, Stack

RHYTHM: dict[str, Feature] = {}
"""The features of this module by name."""

_LONGEST = 1e6


@shared
def _lengths(stack: Stack) -> IntArray:
    """Length of each note of the lines, [M] 24ths of a quarter."""
    return np.round(np.minimum(melody(stack).duration * PER_QUARTER, _LONGEST)).astype(np.int64)


@feature(RHYTHM, "Entropy of note lengths", "bits", group="rhythm")
def length_entropy(stack: Stack) -> FloatArray:
    """Entropy of the lengths of a piece's notes: −Σ p_k log₂ p_k, lengths to 1/24 quarter. [n] bits.

    0 where all notes are of one length; NaN without notes.
    """
    lengths, piece = _lengths(stack), melody(stack).piece
    width = int(lengths.max(initial=0)) + 1
    keys, counts = np.unique(piece * width + lengths, return_counts=True)
    owner = keys // width
    share = counts / np.maximum(stack.per_piece(counts, owner), 1)[owner]
    entropy = stack.per_piece(-share * np.log2(share), owner)
    # without the negative zero of a single length
    return np.where(stack.notes > 0, np.abs(entropy), np.nan)


@feature(RHYTHM, "Dotted pairs", "share of steps", group="rhythm")
def dotted_pair_share(stack: Stack) -> FloatArray:
    """Share of neighbouring notes of which one is three times as long as the other. [n] 0–1.

    Lengths to 1/24 quarter, and three times to within 1/24. NaN for fewer than two onsets.
    """
    short, long, piece = _pairs(stack)
    return mean(stack, (np.abs(long - 3 * short) <= 1) & (short > 0), piece)


@feature(RHYTHM, "Neighbours of equal length", "share of steps", group="rhythm")
def equal_neighbour_share(stack: Stack) -> FloatArray:
    """Share of neighbouring notes of equal length, to 1/24 quarter. [n] 0–1; NaN for fewer than two onsets."""
    short, long, piece = _pairs(stack)
    return mean(stack, short == long, piece)


@shared
def _pairs(stack: Stack) -> tuple[IntArray, IntArray, IntArray]:
    lengths, piece = _lengths(stack), melody(stack).piece
    same = piece[1:] == piece[:-1]
    before, after = lengths[:-1][same], lengths[1:][same]
    return np.minimum(before, after), np.maximum(before, after), piece[1:][same]


@feature(RHYTHM, "Rests", "rests/onset", group="rests")
def rests_per_onset(stack: Stack) -> FloatArray:
    """Number of rests within the piece divided by the number of onsets. [n] rests per onset; NaN without notes."""
    return ratio(stack.count(stack.piece[rests(stack)]), stack.count(melody(stack).piece))


@feature(RHYTHM, "Length of rests", "quarters", group="rests")
def rest_length(stack: Stack) -> FloatArray:
    """Mean length of rests. [n] quarters; NaN for a piece without rests."""
    return mean(stack, silences(stack)[rests(stack)], stack.piece[rests(stack)])


@feature(RHYTHM, "Bars that end in a rest", "share of bar lines", group="rests")
def bars_ending_in_rest(stack: Stack) -> FloatArray:
    """Share of the bar lines, after the first onset up to the last, before which nothing sounds. [n] 0–1.

    Bars are those of the best-fitting metre. NaN for a piece without such a bar line.
    """
    line, meters = melody(stack), fitted_meters(stack)

    def lines_to(time: FloatArray, piece: IntArray) -> FloatArray:
        return np.floor((time - meters.phase[piece] + NEAR) / meters.length[piece])

    after = rests(stack)
    piece, onset = stack.piece[after], stack.onset[after]
    silent = lines_to(onset, piece) - lines_to(onset - silences(stack)[after], piece)
    every = lines_to(line.onset[line.last], line.owners) - lines_to(line.onset[line.first], line.owners)
    return ratio(stack.per_piece(silent, piece), spread_out(stack, every, line.owners))


@feature(RHYTHM, "Mean velocity", "MIDI velocity", group="dynamics")
def velocity_mean(stack: Stack) -> FloatArray:
    """Mean velocity of the notes. [n] 1–127; NaN without notes. A setting of generators that know no dynamics."""
    return mean(stack, stack.velocity, stack.piece)


@feature(RHYTHM, "Deviation of velocity", "MIDI velocity", group="dynamics")
def velocity_sd(stack: Stack) -> FloatArray:
    """Standard deviation (divided by the number of notes) of a piece's velocities. [n]; NaN without notes."""
    off = stack.velocity - velocity_mean(stack)[stack.piece]
    return np.sqrt(mean(stack, off**2, stack.piece))


@feature(RHYTHM, "Tempo", "BPM", group="tempo")
def tempo(stack: Stack) -> FloatArray:
    """Quarters per minute from the first onset to the end of the last note, through the tempo map. [n] BPM.

    NaN where that time is zero. A setting of generators that know no tempo.
    """
    seconds = stack.span(stack.onset_seconds, stack.onset_seconds + stack.duration_seconds)
    return ratio(60 * stack.span(stack.onset, stack.onset + stack.duration), seconds)
