"""Features of drum patterns, for pieces that are drums alone; NaN for others.

Bars are those of the file's metre map (4/4 without one), from that of the first to that of the last hit. Each hit
belongs to the nearest sixteenth of its bar's length, or to the next bar line. Voices are the nine of the Groove MIDI
Dataset (J. Gillick et al., Learning to Groove, 2019), with the pedal hi-hat as closed; other instruments have none.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from evaluation.features.feature import Feature, feature, mean, ratio, shared
from evaluation.features.metre import COLUMNS, PLACES, numbered
from evaluation.reading.notes import PITCHES, BoolArray, FloatArray, IntArray, Stack, counted_up

DRUM_FEATURES: dict[str, Feature] = {}
"""The features of pieces of drums alone, by name."""

VOICES: dict[str, tuple[int, ...]] = {
    "kick": (35, 36),
    "snare": (37, 38, 39, 40),
    "closed hi-hat": (22, 42, 44, 54),
    "open hi-hat": (26, 46),
    "low tom": (41, 43, 58),
    "mid tom": (45, 47),
    "high tom": (48, 50),
    "crash": (49, 52, 55, 57),
    "ride": (51, 53, 59),
}
"""The General MIDI instruments, and the numbers of Roland's pads, of each voice."""

SWUNG = (0.4, 0.72)
"""Between which shares of a beat a hit is its off-beat eighth, straight (½) or swung (up to ⅔), and no sixteenth."""

_VOICE = np.full(PITCHES, -1)
for _number, _notes in enumerate(VOICES.values()):
    _VOICE[list(_notes)] = _number
_KICK, _SNARE = 0, 1
_BEATS = 4
_PERIOD = 4
_ON_BEAT = 1 / 8


class _Hits(NamedTuple):
    """The hits of pieces of drums alone, and their bars.

    Attributes:
        note, piece, place: [h] index, piece and place 0–15 of each hit.
        off, beat: [h] quarters after that place, and beats from the bar line.
        owner, number: [b] the piece of each bar, and the bar's number in it, from 0.
        cells: [b, 16, 9] whether a voice is hit at a place of a bar.
        common: [n] whether the bars of a piece have four beats.
    """

    note: IntArray
    piece: IntArray
    place: IntArray
    off: FloatArray
    beat: FloatArray
    owner: IntArray
    number: IntArray
    cells: BoolArray
    common: BoolArray


@shared
def _hits(stack: Stack) -> _Hits:
    note = np.flatnonzero(stack.pieces.drums_only[stack.piece])
    piece, bar = stack.piece[note], stack.bar[note]
    size = (stack.bar_end - stack.bar_start)[bar]
    position = stack.onset[note] - stack.bar_start[bar]
    place = np.round(position / size * PLACES).astype(np.int64)
    where, bars = numbered(bar + (place == PLACES), piece, stack.size)
    voice = _VOICE[stack.pitch[note]]
    known = voice >= 0
    cells = np.zeros((bars.sum(), PLACES, len(VOICES)), bool)
    cells[where[known], (place % PLACES)[known], voice[known]] = True
    beats = stack.meter[:, 1] / 4
    return _Hits(
        note=note,
        piece=piece,
        place=place % PLACES,
        off=position - place * size / PLACES,
        beat=position * beats[piece],
        owner=np.repeat(np.arange(stack.size), bars),
        number=counted_up(bars),
        cells=cells,
        common=stack.meter[:, 0] == _BEATS,
    )


@feature(DRUM_FEATURES, "Backbeat", "share of bars", group="drums")
def backbeat_share(stack: Stack) -> FloatArray:
    """Share of bars with a snare on beats 2 and 4. [n] 0–1; NaN where the metre has not four beats."""
    hits = _hits(stack)
    snare = hits.cells[:, :, _SNARE]
    back = mean(stack, snare[:, PLACES // 4] & snare[:, 3 * PLACES // 4], hits.owner)
    return np.where(hits.common, back, np.nan)


@feature(DRUM_FEATURES, "Kick on one", "share of bars", group="drums")
def kick_on_one_share(stack: Stack) -> FloatArray:
    """Share of bars with a kick on the bar line. [n] 0–1, in any metre; NaN without hits."""
    hits = _hits(stack)
    return mean(stack, hits.cells[:, 0, _KICK], hits.owner)


@feature(DRUM_FEATURES, "Voices", "hits/bar", group="drums", columns=tuple(VOICES))
def voice_density(stack: Stack) -> FloatArray:
    """Hits of each of the nine voices per bar. [n, 9] hits per bar; NaN without hits."""
    hits = _hits(stack)
    voice = _VOICE[stack.pitch[hits.note]]
    counts = stack.table(hits.piece[voice >= 0], voice[voice >= 0], len(VOICES))
    return ratio(counts, stack.count(hits.owner))


@feature(DRUM_FEATURES, "Hits off the beat", "share of hits", group="drums")
def off_beat_share(stack: Stack) -> FloatArray:
    """Share of hits farther from every beat than an eighth of it (half a sixteenth in 4/4). [n] 0–1; NaN without hits.

    Beats are those of the signature's denominator.
    """
    hits = _hits(stack)
    return mean(stack, np.abs(hits.beat - np.round(hits.beat)) > _ON_BEAT, hits.piece)


@feature(DRUM_FEATURES, "Swing", "share of a beat", group="drums")
def swing(stack: Stack) -> FloatArray:
    """Mean place of off-beat eighths between two beats: ½ is straight, ⅔ a triplet's swing (2:1). [n] share of a beat.

    Off-beat eighths are hits between 0.40 and 0.72 of a beat; NaN without any. The swing ratio is s / (1 − s).
    """
    hits = _hits(stack)
    part = hits.beat % 1.0
    kept = (part > SWUNG[0]) & (part < SWUNG[1])
    return mean(stack, part[kept], hits.piece[kept])


def _profile(stack: Stack, values: FloatArray | IntArray) -> FloatArray:
    """Average [h] values at each place of the bar, [n, 16]; NaN at places without hits."""
    hits = _hits(stack)
    total = stack.table(hits.piece, hits.place, PLACES, values.astype(np.float64))
    return ratio(total, stack.table(hits.piece, hits.place, PLACES))


@feature(DRUM_FEATURES, "Velocity over the bar", "MIDI velocity", group="drums", columns=COLUMNS)
def velocity_profile(stack: Stack) -> FloatArray:
    """Mean velocity of the hits at each sixteenth of the bar. [n, 16] 1–127; NaN at places without hits."""
    return _profile(stack, stack.velocity[_hits(stack).note])


@feature(DRUM_FEATURES, "Timing over the bar", "quarters", group="drums", columns=COLUMNS)
def timing_profile(stack: Stack) -> FloatArray:
    """Mean delay of the hits after each sixteenth of the bar, the nearest. [n, 16] quarters; negative is early.

    In seconds, at T BPM, times 60 / T. NaN at places without hits.
    """
    return _profile(stack, _hits(stack).off)


@shared
def _neighbours(stack: Stack) -> tuple[FloatArray, IntArray, IntArray]:
    """Compare neighbouring bars: Jaccard similarity, the piece, and the number of the first bar."""
    hits = _hits(stack)
    both = (hits.cells[1:] & hits.cells[:-1]).sum(axis=(1, 2)).astype(np.float64)
    either = (hits.cells[1:] | hits.cells[:-1]).sum(axis=(1, 2)).astype(np.float64)
    pair = (hits.owner[1:] == hits.owner[:-1]) & (either > 0)
    return both[pair] / either[pair], hits.owner[1:][pair], hits.number[:-1][pair]


@feature(DRUM_FEATURES, "Groove consistency", "0–1", group="drums")
def groove_consistency(stack: Stack) -> FloatArray:
    """Mean similarity of neighbouring bars: common hits divided by the hits of either (Jaccard). [n] 0–1.

    A hit is a voice at a sixteenth. Silence counts for nothing: two silent bars are no pair, and places silent in both
    bars make them no more alike, unlike in muspy's groove consistency. NaN for a piece of one bar.
    """
    similarity, piece, _ = _neighbours(stack)
    return mean(stack, similarity, piece)


@feature(DRUM_FEATURES, "Fills", "−1 to 1", group="drums")
def fill_contrast(stack: Stack) -> FloatArray:
    """How much less the fourth bar of four resembles the third than the first three resemble each other. [n] −1 to 1.

    Mean similarity, as in `groove_consistency`, of bars 1 with 2 and 2 with 3, less that of bars 3 with 4, counted from
    the bar of the first hit. NaN for a piece of three bars or fewer.
    """
    similarity, piece, number = _neighbours(stack)
    step = number % _PERIOD
    inside, before_last = step < _PERIOD - 2, step == _PERIOD - 2
    among = mean(stack, similarity[inside], piece[inside])
    return among - mean(stack, similarity[before_last], piece[before_last])


@feature(DRUM_FEATURES, "Different bars of drums", "share of bars", group="drums")
def different_drum_bar_share(stack: Stack) -> FloatArray:
    """Number of different bars divided by the number of bars that have a voice. [n] 0–1; NaN without any.

    Bars are the same when the same voices are hit at the same sixteenths.
    """
    hits = _hits(stack)
    filled = hits.cells.any(axis=(1, 2))
    packed = np.packbits(hits.cells[filled].reshape(-1, PLACES * len(VOICES)), axis=1)
    owner = hits.owner[filled]
    _, first = np.unique(np.column_stack([owner, packed]), axis=0, return_index=True)
    return ratio(stack.count(owner[first]), stack.count(owner))
