"""The features that reports compare against values worked out by hand on five small files, and the command."""

import csv
from pathlib import Path
from types import SimpleNamespace

import mido
import numpy as np
import pytest
from midifiles import write_midi

from evaluation.features import table as features
from evaluation.features.__main__ import main
from evaluation.features.catalogue import FEATURES, feature_table
from evaluation.features.feature import NOTE_LENGTHS
from evaluation.features.table import averaged_transitions, manhattan_distances
from evaluation.reading.folders import read_folder
from evaluation.reading.notes import Notes


@pytest.fixture(scope="module")
def pieces(tmp_path_factory):
    """Five MIDI files, written and read."""
    folder = tmp_path_factory.mktemp("pieces")
    # C major from C4 to C5 in quarters: two bars of 4/4 at 120
    write_midi(folder / "scale.mid", [(i, 1, pitch) for i, pitch in enumerate([60, 62, 64, 65, 67, 69, 71, 72])])
    # one pitch, eighths with rests between them: two bars of 3/4 at 60
    write_midi(folder / "bell.mid", [(1.5 * i, 0.5, 67) for i in range(4)], tempo=1_000_000, meter=(3, 4))
    # two triads in halves with the G on top: one bar of 4/4 at 120
    triads = [(start, 2, pitch) for start, chord in ((0, (60, 64, 67)), (2, (59, 62, 67))) for pitch in chord]
    write_midi(folder / "chords.mid", triads)
    # eight quarters on two pitches: two bars of 2/4 at 120, then a bar of 4/4 at 60, the changes in a later track
    signature = mido.MetaMessage("time_signature", numerator=4, denominator=4)
    changes = [(4, signature), (4, mido.MetaMessage("set_tempo", tempo=1_000_000))]
    eight = [(i, 1, 60 + 7 * (i % 2)) for i in range(8)]
    write_midi(folder / "changing.mid", eight, meter=(2, 4), ticks=96, meta=changes)
    # a melody of an eighth and a dotted quarter, and drums that must not count
    off, on = (mido.Message(kind, note=42, channel=9, time=0) for kind in ("note_off", "note_on"))
    drums = [(number / 4, message) for number in range(16) for message in (off, on)]
    write_midi(folder / "band.mid", [(0, 0.5, 72), (0.5, 1.5, 60)], ticks=48, meta=[*drums, (4, off)])
    return SimpleNamespace(**{Path(piece.name).stem: piece for piece in read_folder(folder, jobs=1).pieces})


PIECES = ("scale", "bell", "chords", "changing", "band")

HAND = {
    "total_used_pitch": (8, 1, 5, 2, 2),
    "bar_used_pitch": (4, 1, 5, 2, 2),
    "total_used_note": (8, 4, 6, 8, 2),
    "bar_used_note": (4, 2, 6, 8 / 3, 2),
    "pitch_range": (12, 0, 8, 7, 12),
    "avg_pitch_shift": (12 / 7, 0, 0, 7, 12),
    "avg_IOI": (0.5, 1.5, 1, 5 / 7, 0.25),
    "pitch_mean": (66.25, 67, 379 / 6, 63.5, 66),
    "pitch_sd": (..., 0, ..., 3.5, 6),
    "repeated_note_rate": (0, 1, 1, 0, 0),
    "longest_repeated_phrase": (4, 2, 0, 4, 0),
    "best_key_share": (1, 1, 1, 1, 1),
    "bar_self_similarity": (0.5 + 0.5 / 4, 1, np.nan, ..., np.nan),
    "rest_share": (0, 3 / 5, 0, 0, 0),
    "notes_per_quarter": (1, 4 / 5, 6 / 4, 1, 1),
}
"""A feature of each of `PIECES`; the ellipsis leaves one out.

scale: C D E F comes again as G A B C. These are its bars, too: equal rhythm, which counts half, and one common C,
cosine 1/4 in the other half. changing: up down up, and again.
"""


@pytest.mark.parametrize(("index", "name"), list(enumerate(PIECES)))
def test_numbers_worked_out_by_hand(index, name, pieces):
    table = feature_table([getattr(pieces, name)])
    for feature, expected in HAND.items():
        if expected[index] is not ...:
            assert table[feature][0] == pytest.approx(expected[index], nan_ok=True), feature


def test_histograms_worked_out_by_hand(pieces):
    shares = np.zeros(12)
    shares[[0, 2, 4, 5, 7, 9, 11]] = [2, 1, 1, 1, 1, 1, 1]
    assert features.total_pitch_class_histogram(pieces.scale)[0] == pytest.approx(shares / 8)
    assert features.bar_pitch_class_histogram(pieces.scale)[0] == pytest.approx(shares / 8)
    shares = np.zeros(12)
    shares[[0, 4, 7, 11, 2]] = [2, 2, 4, 2, 2]
    assert features.total_pitch_class_histogram(pieces.chords)[0] == pytest.approx(shares / 12)
    lengths = list(NOTE_LENGTHS)
    assert features.note_length_hist(pieces.bell)[0, lengths.index("8th")] == 1
    assert features.note_length_hist(pieces.band)[0, lengths.index("8th")] == 0.5
    assert features.note_length_hist(pieces.band)[0, lengths.index("dotted quarter")] == 0.5


def test_transitions_worked_out_by_hand(pieces):
    counts, _ = averaged_transitions(pieces.scale)
    assert counts.sum() == 7
    assert counts[0, 2] == counts[11, 0] == 1
    assert features.pitch_class_transition_matrix(pieces.scale)[0, 0, 2] == pytest.approx(1 / 7)
    assert features.pitch_class_transition_matrix(pieces.scale, normalize=0)[0].tolist() == counts.tolist()
    assert features.pitch_class_transition_matrix(pieces.bell, normalize=1)[0, 7, 7] == 1
    with pytest.raises(ValueError, match="normalize=3"):
        features.note_length_transition_matrix(pieces.scale, normalize=3)
    assert averaged_transitions(pieces.chords)[0][7, 7] == 1
    _, seconds = averaged_transitions(pieces.bell)  # half a second is class 4
    assert seconds[4, 4] == seconds.sum() == 3


def test_a_note_across_a_bar_line_counts_in_both_bars():
    piece = Notes.from_quarters([0, 3], [3, 2], [60, 62])
    expected = np.zeros((2, 12))
    expected[0, 0], expected[0, 2], expected[1, 2] = 3 / 4, 1 / 4, 1
    assert features.bar_pitch_class_histogram(piece)[0] == pytest.approx(expected.mean(axis=0))


def test_manhattan_distance_of_pitch_groups():
    # groups [60 61] [65] against [62 63] [60]: |60−62| + |61−63| + |65−60|
    one = Notes.from_quarters(range(3), [1] * 3, [60, 61, 65])
    two = Notes.from_quarters(range(3), [1] * 3, [62, 63, 60])
    assert manhattan_distances(one, two)[0, 0] == 9
    # zipping stops at the shorter piece
    assert manhattan_distances(one, Notes.from_quarters([0], [1], [62]))[0, 0] == 2


def test_command_writes_one_row_per_file(tune_folder, tmp_path, completed, refused):
    out = tmp_path / "features.csv"
    printed = completed(main, tune_folder, "--out", out, "--jobs", "1")
    with out.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 300
    assert set(FEATURES) - set(rows[0]) == {name for name in FEATURES if f"{name}[" in "".join(rows[0])}
    assert float(rows[0]["total_used_note"]) > 0
    assert "300 read, 0 skipped" in printed
    assert "--force" in refused(main, tune_folder, "--out", out)
