"""The features of a piece: the twelve of mgeval, by their names, and eight more that a musician would ask for.

Every feature is a pure function of note arrays. It takes one `Notes`, a list of them or a `Stack`, and returns one row
per piece: [n], or [n, d] for histograms and matrices. A value that a piece does not have (the mean interval of a single
note) is NaN, never 0; comparisons leave such pieces out of that feature and count them.

The names, and the ideas, of the first twelve are from L.-C. Yang and A. Lerch, "On the evaluation of generative models
in music", Neural Computing and Applications 32, 2020. Here they are in a corrected form; `evaluation.legacy.mgeval` has
that program's own definitions, and the README lists each difference.

Features of succession follow the melodic line, the highest note at each onset. Drums are left out of other pieces.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evaluation.features.feature import NOTE_LENGTHS, PITCH_CLASSES, distinct, feature, mean, ratio, shared
from evaluation.features.line import PER_QUARTER, intervals, silences
from evaluation.features.sequences import longest_repeats
from evaluation.reading.notes import PITCHES, SIMULTANEOUS, FloatArray, IntArray, Stack, counted_up

if TYPE_CHECKING:
    from evaluation.features.feature import Feature, Pieces

COMPARED: dict[str, Feature] = {}
"""The features whose overlap reports show, by name, in the order of the page; the first twelve are mgeval's.

To compare the distances of a feature takes far longer than to measure it: the others are measured only."""

LENGTH_CLASSES = 8
"""Classes of note lengths in `averaged_transitions`."""

_DIATONIC = (0, 2, 4, 5, 7, 9, 11)
_HARMONIC_MINOR = (0, 2, 3, 5, 7, 8, 11)
_SLOTS = 16


@feature(COMPARED, "Pitches used", "pitches", group="pitches", every="uses {} pitches")
def total_used_pitch(stack: Stack) -> FloatArray:
    """Number of different pitches: |{pitch_i}|. [n] pitches, 0 for a piece without notes. Source: mgeval 1.

    Every note counts, however short; the original misses notes under 10 ms.
    """
    return distinct(stack.piece, stack.size, stack.pitch, PITCHES)


@feature(COMPARED, "Pitches per bar", "pitches/bar", group="pitches", every="has {} pitches per bar")
def bar_used_pitch(stack: Stack) -> FloatArray:
    """Different pitches that start in a bar, averaged over the bars of the piece. [n] pitches per bar.

    Bars follow the metre map; empty bars count as 0. Source: mgeval 2.
    """
    per_bar = distinct(stack.bar, len(stack.bar_piece), stack.pitch, PITCHES)
    return mean(stack, per_bar, stack.bar_piece)


@feature(COMPARED, "Notes", "notes", group="length", every="has {} notes", variety=False)
def total_used_note(stack: Stack) -> FloatArray:
    """Number of notes. [n] notes. A chord of three is three notes. Source: mgeval 3."""
    return stack.notes


@feature(COMPARED, "Notes per bar", "notes/bar", group="rhythm", every="has {} notes per bar")
def bar_used_note(stack: Stack) -> FloatArray:
    """Notes that start in a bar, averaged over the bars of the piece. [n] notes per bar. Source: mgeval 4."""
    return ratio(stack.notes, stack.count(stack.bar_piece))


@feature(COMPARED, "Pitch classes", "share of time", group="key and register", columns=PITCH_CLASSES)
def total_pitch_class_histogram(stack: Stack) -> FloatArray:
    """Share of sounding time in each pitch class: Σ duration of class k / Σ duration, in quarters. [n, 12] from C.

    Velocity does not weigh (the original multiplies by it). NaN where nothing sounds for any time. Source: mgeval 5.
    """
    time = stack.table(stack.piece, stack.pitch % 12, 12, stack.duration)
    return ratio(time, time.sum(axis=1))


@feature(COMPARED, "Pitch classes, bar by bar", "share of time", group="key and register", columns=PITCH_CLASSES)
def bar_pitch_class_histogram(stack: Stack) -> FloatArray:
    """Share of sounding time in each pitch class within a bar, averaged over the bars that sound. [n, 12] from C.

    A held note counts in each bar for the time that it sounds there. NaN where nothing sounds. Source: mgeval 6.
    """
    end = stack.onset + stack.duration
    # most notes end in the bar where they start; the others are cut at each bar line
    held = np.flatnonzero(end > stack.bar_end[stack.bar] + SIMULTANEOUS)
    begin = stack.begin[stack.piece[held]]
    last = np.searchsorted(stack.bar_start + stack.begin[stack.bar_piece], end[held] + begin - SIMULTANEOUS) - 1
    more = last - stack.bar[held]
    note = np.concatenate([np.arange(len(end)), np.repeat(held, more)])
    bar = np.concatenate([stack.bar, np.repeat(stack.bar[held], more) + counted_up(more) + 1])
    time = np.minimum(end[note], stack.bar_end[bar]) - np.maximum(stack.onset[note], stack.bar_start[bar])
    cells = np.bincount(bar * 12 + stack.pitch[note] % 12, np.maximum(time, 0.0), minlength=12 * len(stack.bar_piece))
    per_bar = cells.reshape(-1, 12).astype(np.float64)
    sounding = per_bar.sum(axis=1)
    shares = np.nan_to_num(ratio(per_bar, sounding), nan=0.0)
    total = np.stack([stack.per_piece(share, stack.bar_piece) for share in shares.T], axis=1)
    return ratio(total, stack.per_piece(sounding > 0, stack.bar_piece))


def _transitions(stack: Stack, classes: IntArray, k: int, normalize: int) -> FloatArray:
    """Count steps of the melodic line from one of k classes to another: [N] classes of notes to [n, k, k].

    `normalize`: 0 the counts, 1 each row as shares, 2 the whole matrix as shares.
    """
    before, after, piece = stack.steps
    counts = stack.table(piece, classes[before] * k + classes[after], k * k).reshape(-1, k, k)
    if normalize not in range(3):
        raise ValueError(f"normalize={normalize}: use 0 for counts, 1 for rows, 2 for a matrix that sums to 1")
    if normalize == 1:
        return np.nan_to_num(ratio(counts, counts.sum(axis=2)), nan=0.0)
    return ratio(counts, counts.sum(axis=(1, 2))) if normalize else counts


@feature(COMPARED, "Pitch-class transitions", "share of steps", group="key and register")
def pitch_class_transition_matrix(stack: Stack, normalize: int = 2) -> FloatArray:
    """How often pitch class i is followed by j along the melodic line. [n, 12, 12], from row i to column j.

    Each note is followed by the next one, across rests too (the original asks for a gap under 50 ms). `normalize`: 0
    the counts, 1 rows that sum to 1 (zero for classes that are never left), 2 a matrix that sums to 1 (NaN for a piece
    without a step). Source: mgeval 7.
    """
    return _transitions(stack, stack.pitch % 12, 12, normalize)


@feature(COMPARED, "Range", "semitones", group="pitches", every="spans {} semitones")
def pitch_range(stack: Stack) -> FloatArray:
    """Highest pitch − lowest pitch. [n] semitones; NaN for a piece without notes. Source: mgeval 8."""
    return stack.span(stack.pitch, stack.pitch)


@feature(COMPARED, "Mean interval", "semitones", group="melody", every="moves by {} semitones on average")
def avg_pitch_shift(stack: Stack) -> FloatArray:
    """Mean size of the intervals along the melodic line: mean |pitch_{i+1} − pitch_i|. [n] semitones.

    NaN for fewer than two onsets. Source: mgeval 9.
    """
    size, piece = intervals(stack)
    return mean(stack, np.abs(size), piece)


@feature(COMPARED, "Time between onsets", "seconds", group="rhythm", every="has an onset every {} seconds")
def avg_IOI(stack: Stack) -> FloatArray:  # noqa: N802 - mgeval's name
    """Mean time from one onset to the next, through the tempo map: mean(t_{i+1} − t_i). [n] seconds.

    A chord is one onset (the original averages in zeros). NaN for fewer than two onsets. Source: mgeval 10.
    """
    before, after, piece = stack.steps
    return mean(stack, stack.onset_seconds[after] - stack.onset_seconds[before], piece)


def _length_class(duration: FloatArray) -> IntArray:
    """Index of the nearest of `NOTE_LENGTHS`, ties to the first; [N] quarters to [N]."""
    values, where = np.unique(np.round(duration, 9), return_inverse=True)
    classes = np.array(list(NOTE_LENGTHS.values()))
    # rounding keeps 1/3 and 2/3 from deciding a tie by their last bit
    gaps = np.round(np.abs(values[:, None] - classes), 9)
    return np.argmin(gaps, axis=1)[where].astype(np.int64)


@feature(COMPARED, "Note lengths", "share of notes", group="rhythm", columns=tuple(NOTE_LENGTHS))
def note_length_hist(stack: Stack) -> FloatArray:
    """Share of notes of each written length, by the nearest of `NOTE_LENGTHS`, ties to the first. [n, 12].

    Lengths are note values: a quarter is a quarter in any metre (the original measures in 96ths of a bar, so that in
    3/4 a quarter counts as a triplet). NaN for a piece without notes. Source: mgeval 11.
    """
    counts = stack.table(stack.piece, _length_class(stack.duration), len(NOTE_LENGTHS))
    return ratio(counts, stack.notes)


@feature(COMPARED, "Note-length transitions", "share of steps", group="rhythm")
def note_length_transition_matrix(stack: Stack, normalize: int = 2) -> FloatArray:
    """How often length class i is followed by j along the melodic line. [n, 12, 12], classes of `note_length_hist`.

    `normalize` as in `pitch_class_transition_matrix`. Source: mgeval 12.
    """
    return _transitions(stack, _length_class(stack.duration), len(NOTE_LENGTHS), normalize)


def averaged_transitions(pieces: Pieces) -> tuple[FloatArray, FloatArray]:
    """Count transitions between pitch classes and between note lengths, averaged over pieces. [12, 12] and [8, 8].

    The class of a length is min(int(8 · seconds), 7): 0 is under 0.125 s. Source: the melody report.
    """
    stack = Stack.of(pieces)
    # ticks become seconds with rounding errors; half a second must not fall into the class below
    eighths = np.floor(stack.duration_seconds * LENGTH_CLASSES + 1e-6).astype(np.int64)
    lengths = np.clip(eighths, 0, LENGTH_CLASSES - 1)
    return (
        _transitions(stack, stack.pitch % 12, 12, 0).mean(axis=0),
        _transitions(stack, lengths, LENGTH_CLASSES, 0).mean(axis=0),
    )


@feature(COMPARED, "Mean pitch", "MIDI number", group="key and register", every="lies around MIDI pitch {}")
def pitch_mean(stack: Stack) -> FloatArray:
    """Mean pitch of the notes. [n] MIDI note numbers; NaN for a piece without notes. Moves with transposition."""
    return ratio(stack.per_piece(stack.pitch), stack.notes)


@feature(COMPARED, "Pitch deviation", "semitones", group="pitches", every="deviates {} semitones from its mean pitch")
def pitch_sd(stack: Stack) -> FloatArray:
    """Standard deviation (divided by the number of notes) of a piece's pitches. [n] semitones; NaN without notes."""
    off = stack.pitch - pitch_mean(stack)[stack.piece]
    return np.sqrt(ratio(stack.per_piece(off**2), stack.notes))


@feature(COMPARED, "Repeated notes", "share of steps", group="melody", variety=False)
def repeated_note_rate(stack: Stack) -> FloatArray:
    """Share of steps along the melodic line that stay on the pitch. [n] 0–1; NaN for fewer than two onsets."""
    size, piece = intervals(stack)
    return mean(stack, size == 0, piece)


def phrase_tokens(stack: Stack) -> tuple[IntArray, IntArray]:
    """Write each step of the melodic line as one number, its interval and the length of the note that it reaches.

    Lengths are rounded to 1/24 quarter, which tells apart 32nds and triplet 16ths. [S] tokens and the piece of each.
    """
    size, piece = intervals(stack)
    length = np.minimum(np.round(stack.duration[stack.steps[1]] * PER_QUARTER), 1e6).astype(np.int64)
    return length * (2 * PITCHES) + size + PITCHES, piece


@feature(COMPARED, "Longest repeated phrase", "notes", group="form", variety=False)
@shared
def longest_repeated_phrase(stack: Stack) -> FloatArray:
    """Length of the longest phrase that is repeated in the piece, at any pitch level. [n] notes.

    A phrase is repeated when all its intervals, and all its note lengths but the first, return at a later place
    without overlap. 0 where no two notes repeat; NaN for a piece without notes.
    """
    runs = longest_repeats(*phrase_tokens(stack), stack.size)
    return np.where(stack.notes > 0, np.where(runs > 0, runs + 1.0, 0.0), np.nan)


@feature(COMPARED, "Notes in the best key", "share of notes", group="pitches", variety=False)
def best_key_share(stack: Stack) -> FloatArray:
    """Share of notes that belong to the best of 24 keys: 12 diatonic and 12 harmonic minor scales. [n] 0–1.

    A major key and its natural minor share one scale. NaN without notes. Seven random pitch classes reach about 0.7.
    """
    counts = stack.table(stack.piece, stack.pitch % 12, 12)
    modes = [np.isin(np.arange(12), steps) for steps in (_DIATONIC, _HARMONIC_MINOR)]
    scales = np.stack([np.roll(mode, tonic) for mode in modes for tonic in range(12)], axis=1)
    return ratio((counts @ scales).max(axis=1), stack.notes)


@feature(COMPARED, "Similarity of neighbouring bars", "0–1", group="form", variety=False)
def bar_self_similarity(stack: Stack) -> FloatArray:
    """How much a bar resembles the one before it, averaged over the bars from the second on. [n] 0–1.

    Half the cosine of the two bars' pitch-class counts plus half the cosine of their onset counts in sixteenths of the
    bar. Two silent bars are alike (1), a silent and a sounding one are not (0). NaN for a piece of one bar.
    """
    bars = len(stack.bar_piece)
    length = (stack.bar_end - stack.bar_start)[stack.bar]
    position = (stack.onset - stack.bar_start[stack.bar]) / length * _SLOTS + 1e-6
    slot = np.clip(position.astype(np.int64), 0, _SLOTS - 1)
    pair = np.flatnonzero(stack.bar_piece[1:] == stack.bar_piece[:-1])
    cosines = np.zeros(len(pair))
    for symbols, width in ((stack.pitch % 12, 12), (slot, _SLOTS)):
        content = np.bincount(stack.bar * width + symbols, minlength=bars * width).reshape(bars, width).astype(float)
        norm = np.sqrt((content**2).sum(axis=1))
        product = (content[pair] * content[pair + 1]).sum(axis=1)
        silent = (norm[pair] == 0) & (norm[pair + 1] == 0)
        cosines += np.where(silent, 1.0, np.nan_to_num(ratio(product, norm[pair] * norm[pair + 1])))
    return mean(stack, cosines / 2, stack.bar_piece[pair])


@feature(COMPARED, "Silence", "share of time", group="rests", variety=False)
def rest_share(stack: Stack) -> FloatArray:
    """Share of the time from the first onset to the last note's end when nothing sounds, in quarters. [n] 0–1.

    NaN where that time is zero.
    """
    return ratio(stack.per_piece(silences(stack)), stack.span(stack.onset, stack.onset + stack.duration))


@feature(COMPARED, "Notes per quarter", "notes/quarter", group="rhythm", every="has {} notes per quarter")
def notes_per_quarter(stack: Stack) -> FloatArray:
    """Notes divided by the quarters from the first onset to the last note's end. [n]; NaN for zero time."""
    return ratio(stack.notes, stack.span(stack.onset, stack.onset + stack.duration))


def manhattan_distances(generated: Pieces, originals: Pieces) -> FloatArray:
    """Manhattan distance of pitch groups of each generated piece to each original. [n, m] semitones.

    The pitches of the melodic line are cut into groups that rise by exactly one semitone at each step. Two pieces'
    lists of groups are zipped, and the members of paired groups are zipped: the distance is Σ |x − y|. Zipping stops at
    the shorter side, so **short pieces score low**: compare sets of like length. The melody report gives the mean over
    originals, `manhattan_distances(gen, org).mean(axis=1)`. Source: the melody report's appendix.
    """
    left, right = _pitch_groups(Stack.of(generated)), _pitch_groups(Stack.of(originals))
    rows = min(left.shape[1], right.shape[1])
    columns = min(left.shape[2], right.shape[2])
    left, right = left[:, :rows, :columns], right[:, :rows, :columns]
    return np.array([np.nansum(np.abs(one - right), axis=(1, 2)) for one in left]).reshape(len(left), len(right))


def _pitch_groups(stack: Stack) -> FloatArray:
    """Pad the groups of semitone runs to [n, groups, members] with NaN."""
    line = stack.line
    pitch, piece = stack.pitch[line], stack.piece[line]
    first = np.flatnonzero((np.diff(piece, prepend=-1) > 0) | (np.diff(pitch, prepend=-1) != 1))
    sizes = np.diff(first, append=len(line))
    member = counted_up(sizes)
    number = np.repeat(counted_up(np.bincount(piece[first])), sizes)
    padded = np.full((stack.size, number.max(initial=-1) + 1, member.max(initial=-1) + 1), np.nan)
    padded[piece, number, member] = pitch
    return padded
