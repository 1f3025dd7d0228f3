"""Every feature against values worked out by hand on five small files, and against what must hold for any notes."""

from __future__ import annotations

import csv

import mido
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from midifiles import write_midi

from evaluation.features import table as features
from evaluation.features.__main__ import main
from evaluation.features.feature import NOTE_LENGTHS
from evaluation.features.table import FEATURES, feature_table, manhattan_distances, note_length_transitions
from evaluation.reading.folders import read_folder
from evaluation.reading.notes import Notes


def read_one(path):
    return read_folder(path.parent, jobs=1).pieces[0]


@pytest.fixture
def scale(tmp_path):
    """C major from C4 to C5 in quarters: two bars of 4/4 at 120."""
    notes = [(float(i), 1.0, pitch) for i, pitch in enumerate([60, 62, 64, 65, 67, 69, 71, 72])]
    return read_one(write_midi(tmp_path / "scale" / "a.mid", notes))


@pytest.fixture
def bell(tmp_path):
    """One pitch, eighths with rests between them: two bars of 3/4 at 60."""
    notes = [(onset, 0.5, 67) for onset in (0.0, 1.5, 3.0, 4.5)]
    return read_one(write_midi(tmp_path / "bell" / "a.mid", notes, tempo=1_000_000, meter=(3, 4)))


@pytest.fixture
def chords(tmp_path):
    """Two triads in halves with the G on top: one bar of 4/4 at 120."""
    notes = [(0.0, 2.0, 60), (0.0, 2.0, 64), (0.0, 2.0, 67), (2.0, 2.0, 59), (2.0, 2.0, 62), (2.0, 2.0, 67)]
    return read_one(write_midi(tmp_path / "chords" / "a.mid", notes))


@pytest.fixture
def changing(tmp_path):
    """Eight quarters on two pitches: two bars of 2/4 at 120, then a bar of 4/4 at 60, the tempo in a later track."""
    file = mido.MidiFile(type=1, ticks_per_beat=96)
    track, tempi = mido.MidiTrack(), mido.MidiTrack()
    track.append(mido.MetaMessage("time_signature", numerator=2, denominator=4))
    for number in range(8):
        if number == 4:
            track.append(mido.MetaMessage("time_signature", numerator=4, denominator=4))
        track.append(mido.Message("note_on", note=60 + 7 * (number % 2), velocity=80))
        track.append(mido.Message("note_off", note=60 + 7 * (number % 2), time=96))
    tempi.append(mido.MetaMessage("set_tempo", tempo=500_000))
    tempi.append(mido.MetaMessage("set_tempo", tempo=1_000_000, time=4 * 96))
    file.tracks.extend([track, tempi])
    (tmp_path / "changing").mkdir()
    file.save(tmp_path / "changing" / "a.mid")
    return read_one(tmp_path / "changing" / "a.mid")


@pytest.fixture
def band(tmp_path):
    """A melody of an eighth and a dotted quarter, and drums that must not count."""
    file = mido.MidiFile(type=1, ticks_per_beat=48)
    melody, drums = mido.MidiTrack(), mido.MidiTrack()
    for pitch, length in ((72, 24), (60, 72)):
        melody.append(mido.Message("note_on", note=pitch, velocity=90))
        melody.append(mido.Message("note_off", note=pitch, time=length))
    for _ in range(16):
        drums.append(mido.Message("note_on", note=42, velocity=90, channel=9))
        drums.append(mido.Message("note_off", note=42, time=12, channel=9))
    file.tracks.extend([melody, drums])
    (tmp_path / "band").mkdir()
    file.save(tmp_path / "band" / "a.mid")
    return read_one(tmp_path / "band" / "a.mid")


HAND = {
    "scale": {
        "total_used_pitch": 8,
        "bar_used_pitch": 4,
        "total_used_note": 8,
        "bar_used_note": 4,
        "pitch_range": 12,
        "avg_pitch_shift": 12 / 7,
        "avg_IOI": 0.5,
        "pitch_mean": 66.25,
        "repeated_note_rate": 0,
        "longest_repeated_phrase": 4,  # C D E F comes again as G A B C
        "best_key_share": 1,
        "bar_self_similarity": 0.5,  # equal rhythm, no common pitch class but C: see below
        "rest_share": 0,
        "notes_per_quarter": 1,
    },
    "bell": {
        "total_used_pitch": 1,
        "bar_used_pitch": 1,
        "total_used_note": 4,
        "bar_used_note": 2,
        "pitch_range": 0,
        "avg_pitch_shift": 0,
        "avg_IOI": 1.5,
        "pitch_mean": 67,
        "pitch_sd": 0,
        "repeated_note_rate": 1,
        "longest_repeated_phrase": 2,
        "best_key_share": 1,
        "bar_self_similarity": 1,
        "rest_share": 3 / 5,
        "notes_per_quarter": 4 / 5,
    },
    "chords": {
        "total_used_pitch": 5,
        "bar_used_pitch": 5,
        "total_used_note": 6,
        "bar_used_note": 6,
        "pitch_range": 8,
        "avg_pitch_shift": 0,
        "avg_IOI": 1,
        "pitch_mean": 379 / 6,
        "repeated_note_rate": 1,
        "longest_repeated_phrase": 0,
        "best_key_share": 1,
        "bar_self_similarity": np.nan,
        "rest_share": 0,
        "notes_per_quarter": 6 / 4,
    },
    "changing": {
        "total_used_pitch": 2,
        "bar_used_pitch": 2,
        "total_used_note": 8,
        "bar_used_note": 8 / 3,
        "pitch_range": 7,
        "avg_pitch_shift": 7,
        "avg_IOI": 5 / 7,
        "pitch_mean": 63.5,
        "pitch_sd": 3.5,
        "repeated_note_rate": 0,
        "longest_repeated_phrase": 4,  # up down up, and again
        "best_key_share": 1,
        "rest_share": 0,
        "notes_per_quarter": 1,
    },
    "band": {
        "total_used_pitch": 2,
        "bar_used_pitch": 2,
        "total_used_note": 2,
        "bar_used_note": 2,
        "pitch_range": 12,
        "avg_pitch_shift": 12,
        "avg_IOI": 0.25,
        "pitch_mean": 66,
        "pitch_sd": 6,
        "repeated_note_rate": 0,
        "longest_repeated_phrase": 0,
        "best_key_share": 1,
        "bar_self_similarity": np.nan,
        "rest_share": 0,
        "notes_per_quarter": 1,
    },
}
# C D E F against G A B C share one C: cosine 1/4, half of which joins the half for equal rhythm
HAND["scale"]["bar_self_similarity"] = 0.5 + 0.5 / 4


@pytest.mark.parametrize("name", list(HAND))
def test_numbers_worked_out_by_hand(name, request):
    piece = request.getfixturevalue(name)
    table = feature_table([piece])
    for feature, expected in HAND[name].items():
        assert table[feature][0] == pytest.approx(expected, nan_ok=True), feature


def test_histograms_worked_out_by_hand(scale, bell, chords, band):
    shares = np.zeros(12)
    shares[[0, 2, 4, 5, 7, 9, 11]] = [2, 1, 1, 1, 1, 1, 1]
    assert features.total_pitch_class_histogram(scale)[0] == pytest.approx(shares / 8)
    assert features.bar_pitch_class_histogram(scale)[0] == pytest.approx(shares / 8)
    shares = np.zeros(12)
    shares[[0, 4, 7, 11, 2]] = [2, 2, 4, 2, 2]
    assert features.total_pitch_class_histogram(chords)[0] == pytest.approx(shares / 12)
    lengths = list(NOTE_LENGTHS)
    assert features.note_length_hist(bell)[0, lengths.index("8th")] == 1
    assert features.note_length_hist(band)[0, lengths.index("8th")] == 0.5
    assert features.note_length_hist(band)[0, lengths.index("dotted quarter")] == 0.5


def test_transitions_worked_out_by_hand(scale, bell, chords):
    counts = features.pitch_class_transition_matrix(scale, normalize=0)[0]
    assert counts.sum() == 7
    assert counts[0, 2] == counts[11, 0] == 1
    assert features.pitch_class_transition_matrix(scale)[0, 0, 2] == pytest.approx(1 / 7)
    assert features.pitch_class_transition_matrix(bell, normalize=1)[0, 7, 7] == 1
    assert features.pitch_class_transition_matrix(chords, normalize=0)[0, 7, 7] == 1
    seconds = note_length_transitions(bell)[0]  # half a second is class 4
    assert seconds[4, 4] == seconds.sum() == 3
    with pytest.raises(ValueError, match="normalize=3"):
        features.pitch_class_transition_matrix(scale, normalize=3)


def test_bars_follow_the_metre_map(changing):
    assert changing.bar_starts.tolist() == [0, 2, 4, 8]


def test_a_note_across_a_bar_line_counts_in_both_bars():
    piece = Notes.from_quarters([0, 3], [3, 2], [60, 62])
    expected = np.zeros((2, 12))
    expected[0, 0], expected[0, 2], expected[1, 2] = 3 / 4, 1 / 4, 1
    assert features.bar_pitch_class_histogram(piece)[0] == pytest.approx(expected.mean(axis=0))


def test_drums_alone_are_measured_as_they_are():
    piece = Notes.from_quarters([0, 1, 2], [0.1] * 3, [36, 38, 36], drum=True)
    assert features.total_used_pitch(piece)[0] == 2


def test_pieces_without_notes_are_undefined_and_not_zero():
    table = feature_table([Notes.from_quarters([], [], [])])
    zero = {"total_used_pitch", "bar_used_pitch", "total_used_note", "bar_used_note"}
    for name, values in table.items():
        assert np.isnan(values).all() or name in zero, name
    assert all(len(values) == 0 for values in feature_table([]).values())


def test_manhattan_distance_of_pitch_groups():
    # groups [60 61] [65] against [62 63] [60]: |60−62| + |61−63| + |65−60|
    one = Notes.from_quarters(range(3), [1] * 3, [60, 61, 65])
    two = Notes.from_quarters(range(3), [1] * 3, [62, 63, 60])
    assert manhattan_distances(one, two)[0, 0] == 9
    # zipping stops at the shorter piece
    assert manhattan_distances(one, Notes.from_quarters([0], [1], [62]))[0, 0] == 2


NOTES = st.lists(st.tuples(st.integers(0, 200), st.integers(0, 40), st.integers(12, 110)), min_size=0, max_size=40)


def made(notes, **how):
    onset, duration, pitch = (np.array([note[k] for note in notes], float) for k in range(3))
    return Notes.from_quarters(onset / 12, duration / 12, pitch.astype(int), **how)


@settings(max_examples=60, deadline=None)
@given(NOTES)
def test_features_of_any_notes_are_in_their_range(notes):
    table = feature_table([made(notes)])
    for name, values in table.items():
        assert not np.isinf(values).any(), name
        assert (np.nan_to_num(values) >= 0).all(), name
    for name in ("repeated_note_rate", "best_key_share", "bar_self_similarity", "rest_share"):
        assert np.nan_to_num(table[name])[0] <= 1 + 1e-9, name
    for name in ("total_pitch_class_histogram", "note_length_hist", "pitch_class_transition_matrix"):
        total = table[name].sum()
        assert np.isnan(total) or total == pytest.approx(1), name
    assert np.nan_to_num(table["longest_repeated_phrase"])[0] <= max(len(notes), 0)


@settings(max_examples=40, deadline=None)
@given(st.lists(NOTES, min_size=1, max_size=5))
def test_a_stack_is_measured_as_its_pieces_are(many):
    pieces = [made(notes) for notes in many]
    together = feature_table(pieces)
    for index, piece in enumerate(pieces):
        for name, values in feature_table([piece]).items():
            assert together[name][index] == pytest.approx(values[0], nan_ok=True), name


@settings(max_examples=40, deadline=None)
@given(NOTES, st.integers(1, 11))
def test_transposition_moves_what_it_should(notes, steps):
    table = feature_table([made(notes)])
    higher = feature_table([made([(onset, length, pitch + steps) for onset, length, pitch in notes])])
    for name, values in table.items():
        if name == "pitch_mean":
            assert higher[name] == pytest.approx(values + steps, nan_ok=True)
        elif "pitch_class_histogram" in name:
            assert higher[name] == pytest.approx(np.roll(values, steps, axis=1), nan_ok=True)
        elif name != "pitch_class_transition_matrix":
            assert higher[name] == pytest.approx(values, nan_ok=True), name


@settings(max_examples=40, deadline=None)
@given(NOTES)
def test_tempo_moves_time_between_onsets_alone(notes):
    slow, fast = (feature_table([made(notes, tempo=tempo)]) for tempo in (60, 120))
    for name, values in slow.items():
        factor = 0.5 if name == "avg_IOI" else 1.0
        assert fast[name] == pytest.approx(values * factor, nan_ok=True), name


def test_command_writes_one_row_per_file(tune_folder, tmp_path, at_prompt):
    out = tmp_path / "features.csv"
    code, printed, _ = at_prompt(main, tune_folder, "--out", out, "--jobs", "1")
    assert code == 0
    with out.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 300
    assert set(FEATURES) - set(rows[0]) == {name for name in FEATURES if f"{name}[" in "".join(rows[0])}
    assert float(rows[0]["total_used_note"]) > 0
    assert "300 read, 0 skipped" in printed
    code, _, error = at_prompt(main, tune_folder, "--out", out)
    assert code == 2
    assert "--force" in error
