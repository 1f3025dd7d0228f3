from itertools import chain, pairwise

import pytest
from anyscore import METERS, scores
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from music21 import converter

from manymodes.music.score import Name, Score, abc, bars_of, musicxml, signature, spelled

FEWER = settings(suppress_health_check=[HealthCheck.too_slow], max_examples=30)
WRITABLE = {1, 2, 3, 4, 6, 8, 12, 16, 24}

# An upbeat of a quarter, a note over the bar line, a rest, and an end that the upbeat completes; in D major.
WALTZ = Score(
    ((69, 4), (74, 4), (76, 2), (78, 2), (74, 8), (73, 2), (71, 1), (69, 1), (None, 4), (66, 4), (74, 4)),
    "waltz",
    meter="3/4",
    upbeat=4,
    fifths=2,
)


def joined(events):
    """Join rests, and leave out those at the end."""
    notes = []
    for pitch, steps in events:
        if pitch is None and notes and notes[-1][0] is None:
            notes[-1] = (None, notes[-1][1] + steps)
        else:
            notes.append((pitch, steps))
    return notes[:-1] if notes[-1][0] is None else notes


def read(text, format):  # noqa: A002 - as music21 calls it
    """Read a score with music21: its notes, (pitch, sixteenths), tied ones as one, and music21's part."""
    score = converter.parseData(text, format=format)
    events = []
    going_on = False
    for symbol in score.parts[0].flatten().notesAndRests:
        pitch = None if symbol.isRest else symbol.pitch.midi
        steps = round(symbol.quarterLength * 4)
        if going_on:
            assert events[-1][0] == pitch
            events[-1] = (pitch, events[-1][1] + steps)
        else:
            events.append((pitch, steps))
        going_on = symbol.tie is not None and symbol.tie.type in {"start", "continue"}
    return joined(events), score.parts[0]


def test_signatures_are_those_of_the_circle_of_fifths():
    for fifths in range(-5, 7):
        assert signature(7 * fifths % 12, "major") == fifths
        assert signature((7 * fifths + 9) % 12, "minor") == fifths


def test_notes_are_called_as_their_key_has_them():
    assert [spelled(pitch, 0, "major").letter for pitch in range(60, 72)] == list("CCDEEFFGGABB")
    assert [spelled(pitch, 0, "major").alter for pitch in range(60, 72)] == [0, 1, 0, -1, 0, 0, 1, 0, 1, 0, -1, 0]
    assert spelled(61, -5, "major") == Name("D", -1, 4)
    assert spelled(66, 6, "minor") == Name("F", 1, 4)
    assert spelled(63, 0, "minor") == Name("D", 1, 4)  # the leading note of the fifth
    # over the octave's edge
    assert spelled(71, -6, "major") == Name("C", -1, 5)
    assert spelled(60, 6, "minor") == Name("B", 1, 3)


@given(st.integers(0, 127), st.integers(-6, 6), st.sampled_from(["major", "minor"]))
def test_a_name_sounds_as_its_pitch(pitch, fifths, mode):
    letter, alter, octave = spelled(pitch, fifths, mode)
    assert 12 * (octave + 1) + {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}[letter] + alter == pitch


@given(scores())
@FEWER
def test_bars_are_full_and_values_can_be_written_and_show_where_beats_are(score):
    bars = bars_of(score)
    _, *others = bars
    for number, values in enumerate(bars):
        assert all(before.place + before.steps == after.place for before, after in pairwise(values))
        assert values[0].place == (score.bar - score.upbeat if number == 0 and score.upbeat else 0)
    assert all(values[-1].place + values[-1].steps == score.bar for values in bars[:-1])
    end = bars[-1][-1].place + bars[-1][-1].steps
    assert end == score.bar or (score.upbeat and others and end == score.bar - score.upbeat)
    assert any(value.pitch is not None for value in bars[-1])
    for value in chain.from_iterable(bars):
        end = value.place + value.steps
        assert value.steps in WRITABLE or (value.pitch is None and value.steps == score.bar)
        if value.pitch is None:
            continue
        if score.meter in {"6/8", "6/4"} and value.steps < score.bar:
            assert not value.place < score.bar // 2 < end
        if value.place % 2 or value.steps % 2:
            assert value.place // 4 == (end - 1) // 4


@pytest.mark.parametrize(
    ("meter", "notes", "written"),
    [
        ("4/4", [(None, 6), (60, 2), (None, 8)], [4, 2, 2, 8]),  # rests begin where beats do
        ("4/4", [(60, 4), (62, 8), (64, 4)], [4, 8, 4]),  # what everybody reads
        ("4/4", [(60, 6), (62, 4), (64, 6)], [6, 2, 2, 6]),  # the middle of the bar is seen
        ("4/4", [(60, 9), (62, 7)], [8, 1, 3, 4]),
        ("3/4", [(60, 12), (None, 12), (60, 12)], [12, 12, 12]),  # a rest of a bar is one
        ("6/8", [(60, 8), (62, 4)], [6, 2, 4]),
        ("6/8", [(60, 6), (None, 4), (62, 2)], [6, 4, 2]),
        ("3/4", [(None, 5), (None, 80)], [12]),
        ("3/4", [], [12]),
    ],
)
def test_what_notes_are_written_as(meter, notes, written):
    assert [value.steps for value in chain.from_iterable(bars_of(Score(notes, "", meter)))] == written


@given(scores())
@FEWER
def test_musicxml_reads_back_note_for_note(score):
    notes, part = read(musicxml(score), "musicxml")
    assert notes == joined(score.notes)
    first = part.getElementsByClass("Measure").first()
    assert first.timeSignature.ratioString == score.meter
    assert (first.keySignature.sharps, first.keySignature.mode) == (score.fifths, score.mode)
    assert first.duration.quarterLength * 4 == (score.upbeat or score.bar)
    assert first.number == (0 if score.upbeat else 1)
    assert part.getElementsByClass("Measure").last().rightBarline.type == "final"
    assert [mark.getQuarterBPM() for mark in part["MetronomeMark"]] == [score.tempo]


def test_accidentals_are_those_that_the_signature_lacks():
    # in G: F sharp is in the signature, F natural is not, nor is it any more in the next bar
    score = Score(((66, 4), (65, 4), (65, 4), (66, 4), (66, 16)), "", fifths=1)
    text = musicxml(score)
    signs = [part.split("</note>")[0].partition("<accidental>")[2].split("<")[0] for part in text.split("<note>")[1:]]
    assert signs == ["", "natural", "", "sharp", ""]


@pytest.mark.parametrize(
    ("meter", "beams"),
    [("4/4", [2] * 4), ("3/4", [2] * 3), ("2/4", [2] * 2), ("6/8", [3, 3]), ("3/8", [3]), ("6/4", [2] * 6)],
)
def test_beams_show_the_beats(meter, beams):
    # An upbeat of an eighth stands alone; a bar of them does not.
    score = Score(((72, 2),) * (1 + METERS[meter] // 2), "", meter, upbeat=2)
    _, part = read(musicxml(score), "musicxml")
    (upbeat,), bar = [list(measure.notes) for measure in part.getElementsByClass("Measure")][:2]
    assert not upbeat.beams.beamsList
    starts = [place for place, note in enumerate(bar) if note.beams.getTypeByNumber(1) == "start"]
    assert [after - start for start, after in pairwise([*starts, METERS[meter] // 2])] == beams


@given(scores())
@FEWER
def test_abc_reads_back_note_for_note(score):
    notes, part = read(abc(score), "abc")
    assert notes == joined(score.notes)
    assert part.flatten().getElementsByClass("TimeSignature").first().ratioString == score.meter
    signature_read = part.flatten().getElementsByClass("KeySignature").first()
    assert (signature_read.sharps, signature_read.mode) == (score.fifths, score.mode)


def test_abc_of_a_waltz():
    head = ["%abc-2.1", "X:1", "T:waltz", "M:3/4", "L:1/16", "Q:1/4=120", "%%MIDI program 0", "K:D"]
    assert abc(WALTZ).splitlines() == [*head, "A4 | d4 e2f2 d4- | d4 c2BA z4 | F4 d4 |]"]


def test_accidentals_of_abc_are_the_same_however_far_they_hold():
    # A sharp in one octave, then the same letter in another: some readers carry the sharp over, some do not.
    (line,) = abc(Score(((66, 4), (77, 4), (78, 4), (65, 4)), "")).splitlines()[8:]
    assert line == "^F4 =f4 ^f4 =F4 |]"
