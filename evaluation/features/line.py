"""The melodic line of many pieces, its intervals, rests and phrases, and the keys of the pieces."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from evaluation.features.feature import ratio, shared
from evaluation.reading.notes import SIMULTANEOUS, BoolArray, FloatArray, IntArray, Stack

REST = 0.25
"""The least silence that counts as a rest, in quarters; what is shorter is articulation."""

PHRASE_END = 2.0
"""A phrase ends at a note that is at least so many times as long as the piece's median …"""

PER_QUARTER = 24
"""To what part of a quarter times are rounded to be equal."""

PER_OCTAVE = 12

_MAJOR = (0.748, 0.060, 0.488, 0.082, 0.670, 0.460, 0.096, 0.715, 0.104, 0.366, 0.057, 0.400)
_MINOR = (0.712, 0.084, 0.474, 0.618, 0.049, 0.460, 0.105, 0.747, 0.404, 0.067, 0.133, 0.330)


class Line(NamedTuple):
    """The melodic line of each piece (`Stack.line`), one after another.

    Attributes:
        note: [M] indices into the notes of the stack; piece, onset, duration, pitch: [M], of these notes.
        owners: [k] the pieces that have notes; first, last: [k] where their lines begin and end.
    """

    note: IntArray
    piece: IntArray
    onset: FloatArray
    duration: FloatArray
    pitch: IntArray
    owners: IntArray
    first: IntArray
    last: IntArray


@shared
def melody(stack: Stack) -> Line:
    """Return the melodic line of each piece."""
    note = stack.line
    piece = stack.piece[note]
    first = np.flatnonzero(np.diff(piece, prepend=-1))
    last = np.flatnonzero(np.diff(piece, append=stack.size))
    return Line(note, piece, stack.onset[note], stack.duration[note], stack.pitch[note], piece[first], first, last)


def spread_out(stack: Stack, values: FloatArray | IntArray | BoolArray, pieces: IntArray) -> FloatArray:
    """Put [k] values where their pieces are; NaN for other pieces. To [n]."""
    result = np.full(stack.size, np.nan)
    result[pieces] = values
    return result


@shared
def silences(stack: Stack) -> FloatArray:
    """Silence between each note and all notes before it, [N] quarters; 0 for the first of a piece."""
    begin = stack.begin[stack.piece]
    # the latest end so far; on one axis of time, one running maximum serves all pieces
    reached = np.maximum.accumulate(stack.onset + stack.duration + begin) - begin
    silence = np.zeros(len(reached))
    same = stack.piece[1:] == stack.piece[:-1]
    silence[1:] = np.where(same, np.maximum(stack.onset[1:] - reached[:-1], 0.0), 0.0)
    # rounding on the common axis leaves specks of silence between notes that touch
    silence[silence < SIMULTANEOUS] = 0.0
    return silence


@shared
def rests(stack: Stack) -> IntArray:
    """Return the notes that come after a rest: a silence of `REST` or longer."""
    return np.flatnonzero(silences(stack) >= REST - SIMULTANEOUS)


@shared
def medians(stack: Stack) -> FloatArray:
    """Median length of the notes of each line, [n] quarters; NaN without notes."""
    line = melody(stack)
    lengths = line.duration[np.lexsort((line.duration, line.piece))]
    size = line.last - line.first
    middle = (lengths[line.first + size // 2] + lengths[line.first + (size + 1) // 2]) / 2
    return spread_out(stack, middle, line.owners)


class Phrases(NamedTuple):
    """The phrases of all lines: [p] piece of each, and where it begins and ends in the line."""

    piece: IntArray
    first: IntArray
    last: IntArray


@shared
def phrases(stack: Stack) -> Phrases:
    """Cut each line into phrases.

    A phrase ends with a note at least `PHRASE_END` times as long as the piece's median, before a rest, and with the
    piece. After the boundary rules of D. Temperley, The Cognition of Basic Musical Structures, 2001, and E.
    Cambouropoulos' Local Boundary Detection Model: gaps and long notes.
    """
    line = melody(stack)
    long = line.duration >= PHRASE_END * medians(stack)[line.piece] - SIMULTANEOUS
    long &= line.duration > SIMULTANEOUS
    begins = np.diff(line.piece, prepend=-1) > 0
    begins[1:] |= long[:-1]
    # a rest stands before the lowest note of a chord, and the line has the highest
    begins[np.searchsorted(line.note, rests(stack))] = True
    first = np.flatnonzero(begins)
    last = np.append(first[1:], len(begins))[: len(first)] - 1
    return Phrases(line.piece[first], first, last)


@shared
def intervals(stack: Stack) -> tuple[IntArray, IntArray]:
    """Return the intervals along each line, [S] semitones, upwards positive, and the piece of each."""
    before, after, piece = stack.steps
    return stack.pitch[after] - stack.pitch[before], piece


class Keys(NamedTuple):
    """The best-fitting key of each piece, [n]: pitch class of its tonic, whether it is minor, whether there is one."""

    tonic: IntArray
    minor: BoolArray
    known: BoolArray


@shared
def keys(stack: Stack) -> Keys:
    """Find the key of each piece: the one of 24 whose profile correlates best with the sounding time of pitch classes.

    The profiles are those that D. Temperley made from the examples of Kostka and Payne's Tonal Harmony; the method is
    C. L. Krumhansl and M. Schmuckler's (Cognitive Foundations of Musical Pitch, 1990). Of equal keys, the one whose
    tonic is the piece's last note, or the least above it, and major before minor. No key where nothing sounds.
    """
    line = melody(stack)
    last = np.zeros(stack.size, np.int64)
    last[line.owners] = line.pitch[line.last]
    # relative to the last note, so that equal keys are chosen alike at every pitch
    relative = (stack.pitch - last[stack.piece]) % PER_OCTAVE
    time = stack.table(stack.piece, relative, PER_OCTAVE, stack.duration)
    total = time.sum(axis=1)
    profiles = [np.roll(profile, tonic) for tonic in range(PER_OCTAVE) for profile in (_MAJOR, _MINOR)]
    standard = np.array([(profile - np.mean(profile)) / np.std(profile) for profile in profiles])
    fit = np.round(np.nan_to_num(ratio(time, total)) @ standard.T, 9)
    best = fit.argmax(axis=1)
    return Keys((last + best // 2) % PER_OCTAVE, best % 2 > 0, total > 0)
