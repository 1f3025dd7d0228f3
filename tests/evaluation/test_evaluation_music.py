"""Features of metre, form, endings, melody, rhythm, rests and drums by hand, and all features of any notes."""

from dataclasses import replace

import mido
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from midifiles import write_midi, write_pieces

from evaluation.comparison import compare_folders
from evaluation.features.catalogue import DRUMS, FEATURES, feature_table, suited
from evaluation.features.drums import DRUM_FEATURES, VOICES
from evaluation.features.metre import METRE, fitted_meters
from evaluation.features.table import COMPARED
from evaluation.reading.midi import load
from evaluation.reading.notes import Notes, Stack

NEW = {name: feature for name, feature in FEATURES.items() if name not in COMPARED}


def made(lengths, pitches, **how):
    """Notes one after another; None is a rest."""
    lengths = np.asarray(lengths, float)
    onsets = np.cumsum(lengths) - lengths
    sounding = [pitch is not None for pitch in pitches]
    return Notes.from_quarters(
        onsets[sounding], lengths[sounding], [pitch for pitch in pitches if pitch is not None], **how
    )


def measured(piece, features=FEATURES):
    return {name: values[0] for name, values in feature_table([piece], features).items()}


def one_of(size, **entries):
    """A histogram with these shares, by column number: c3=0.5."""
    shares = np.zeros(size)
    for column, share in entries.items():
        shares[int(column[1:])] = share
    return shares


def drums(*bars, velocity=64, tempo=120.0):
    hits = [(4 * bar + place, pitch) for bar, content in enumerate(bars) for place, pitch in content]
    onset, pitch = zip(*hits, strict=True)
    return Notes.from_quarters(onset, [0.1] * len(hits), pitch, drum=True, velocity=velocity, tempo=tempo)


WALTZ = replace(made([1, 2, 1, 2], [67, 72, 74, 72], meter=(3, 4)), bar_starts=np.array([0.0, 1, 4, 7]))
"""G | C – D | C –, two bars of 3/4 with the upbeat."""

OFF_BEAT = made([0.5, 1, 0.5, 1, 1, 2, 1, 1, 2, 1, 1], range(60, 71))
"""The second of eleven notes starts off the beat and sounds through it."""

FOUR_BARS = made([2, 1, 1, 2, 1, 1, 4, 2, 1, 1], [60, 62, 64, 67, 69, 71, 67, 60, 62, 64])
"""A, A a fifth higher, another bar, A."""

ARCH = made([1, 1, 1, 1, 2], [60, 62, 64, 62, 60])
LEAPS = made([1] * 5, [60, 67, 65, 72, 76])
MINOR = made([2, 1, 1, 2, 1, 1, 2, 1, 1, 4], [69, 71, 72, 76, 74, 72, 71, 69, 68, 69])
RESTS = made([3, 1, 4, 4], [60, None, 62, 64])
DOTTED = made([1.5, 0.5, 0.5, 1.5], [60, 62, 64, 65], tempo=90, velocity=[60, 100, 60, 100])


def of(piece, **numbers):
    return [(piece, name, expected) for name, expected in numbers.items()]


HAND = [
    *of(WALTZ, beat_onset_share=1, downbeat_onset_share=1 / 2, long_on_beat_share=1, long_on_downbeat_share=1),
    *of(WALTZ, syncopation=0, onset_places=one_of(16, c0=0.5, c11=0.5), filled_downbeat_share=1, rest_length=np.nan),
    *of(WALTZ, ends_on_beat=1, ends_on_downbeat=1, last_bar_whole=1, last_length_ratio=2 / 1.5, ends_by_step=1),
    *of(WALTZ, last_is_longest=1, ends_on_tonic=1, last_degree=one_of(12, c0=1), first_in_range=0, last_in_range=5 / 7),
    *of(OFF_BEAT, syncopation=1 / 11, written_syncopation=1 / 11, written_beat_onset_share=9 / 11),
    # beats of 6/8 are three eighths
    *of(made([0.5] * 6 + [1.5] * 2, [60] * 8, meter=(6, 8)), written_beat_onset_share=4 / 8),
    # C D E, G A B, and C D E with the G between
    *of(FOUR_BARS, returning_bar_share=2 / 4, transposed_bar_share=3 / 4, returning_rhythm_share=3 / 4),
    *of(FOUR_BARS, different_bar_share=3 / 4, repeated_phrase_share=3 / 10),
    # alike but for the first interval: 1/2 + 2/3/2 = 5/6; the long note against three: 1/4
    *of(FOUR_BARS, short_structureness=(5 / 6 + 1 / 4 + 1 / 4 + 1 / 4 + 5 / 6) / 5, middle_structureness=5 / 6),
    *of(FOUR_BARS, long_structureness=np.nan, four_bar_return_share=np.nan),
    # the median is a quarter, so that phrases are of 2, 4, 6, 2 and 2
    *of(FOUR_BARS, phrase_length=3.2, phrase_length_sd=1.6),
    # two quarters and a half; two quarters and a rest; one quarter
    *of(made([1, 1, 2, 1, 1, 1, 1], [60, 62, 64, 60, 62, None, 64]), phrase_length=7 / 3),
    *of(FOUR_BARS, last_bar_whole=1, last_is_longest=0, ends_on_downbeat=0),
    *of(ARCH, step_share=1, leap_share=0, gap_fill_share=np.nan, direction_change_share=1 / 3, direction_run_length=2),
    *of(ARCH, interval_histogram=one_of(25, c10=0.5, c14=0.5), interval_autocorrelation=1 / 4),
    *of(ARCH, phrase_arch=3 / np.sqrt(0.875 * 11.2), phrase_length_sd=np.nan),
    *of(LEAPS, leap_share=2 / 4, gap_fill_share=1 / 2, long_on_beat_share=np.nan),
    *of(made([1] * 10, range(60, 70)), tessitura=8),
    *of(MINOR, minor_mode=1, out_of_scale_share=0),
    *of(MINOR, degree_histogram=one_of(12, c0=7 / 16, c2=3 / 16, c3=2 / 16, c5=1 / 16, c7=2 / 16, c11=1 / 16)),
    *of(made([1] * 6, [60, 64, 67, 66, 67, 60]), out_of_scale_share=1 / 6),
    *of(RESTS, rests_per_onset=1 / 3, rest_length=1, bars_ending_in_rest=1 / 2),
    *of(DOTTED, length_entropy=1, dotted_pair_share=2 / 3, equal_neighbour_share=1 / 3),
    *of(DOTTED, velocity_mean=80, velocity_sd=20, tempo=90),
]

ROCK = [(0, 36), (1, 38), (2, 36), (3, 38)]
PATTERN = drums(ROCK, ROCK, ROCK, [(0, 36), (1, 38)])
EARLY = drums([(0, 36), (3.97, 36)], [(1, 38)])
SWUNG = drums([(beat + part, 42) for beat in range(4) for part in (0, 2 / 3)])
LATE = drums([(0, 42), (0.26, 42), (1.01, 42), (2.25, 42), (2.24, 42)], velocity=[100, 60, 80, 20, 40])

DRUM_HAND = [
    *of(PATTERN, backbeat_share=3 / 4, kick_on_one_share=1, voice_density=one_of(9, c0=7 / 4, c1=7 / 4)),
    *of(PATTERN, off_beat_share=0, swing=np.nan, groove_consistency=(1 + 1 + 2 / 4) / 3, fill_contrast=1 - 2 / 4),
    *of(PATTERN, different_drum_bar_share=2 / 4),
    # silence makes no groove consistent, and two silent bars are no pair
    *of(drums(ROCK, [(0, 51)]), groove_consistency=0),
    *of(drums(ROCK, [], [], ROCK), groove_consistency=0),
    # a hit just before the bar line is on it
    *of(EARLY, kick_on_one_share=1, timing_profile=[-0.015, *[np.nan] * 3, 0, *[np.nan] * 11]),
    *of(SWUNG, swing=2 / 3, off_beat_share=1 / 2, groove_consistency=np.nan, fill_contrast=np.nan),
    *of(LATE, velocity_profile=[100, 60, *[np.nan] * 2, 80, *[np.nan] * 4, 30, *[np.nan] * 6]),
    *of(LATE, timing_profile=[0, 0.01, *[np.nan] * 2, 0.01, *[np.nan] * 4, -0.005, *[np.nan] * 6]),
]


@pytest.mark.parametrize(
    ("piece", "name", "expected"),
    [pytest.param(*row, id=f"{row[1]}-{number}") for number, row in enumerate(HAND + DRUM_HAND)],
)
def test_numbers_worked_out_by_hand(piece, name, expected):
    feature = (FEATURES | DRUM_FEATURES)[name]
    assert feature.function(piece)[0] == pytest.approx(np.asarray(expected, float), nan_ok=True)


def test_every_new_feature_has_a_number_worked_out_by_hand():
    assert {name for name in NEW if not name.startswith("written_")} <= {name for _, name, _ in HAND}
    assert {name for _, name, _ in DRUM_HAND} == set(DRUM_FEATURES)
    notes = [note for numbers in VOICES.values() for note in numbers]
    assert len(notes) == len(set(notes))


def test_written_bars_agree_with_fitted_ones_where_these_fit_and_there_is_a_signature():
    table, without = measured(WALTZ), measured(replace(WALTZ, meter_given=False))
    for name in METRE:
        if name.startswith("written_"):
            assert table[name] == pytest.approx(table[name.removeprefix("written_")]), name
            assert np.isnan(without[name]).all(), name
        else:
            assert without[name] == pytest.approx(table[name]), name


def test_a_played_note_is_on_the_beat_that_it_is_near():
    exact, played = (
        Notes.from_quarters(onsets, [0.9] * 4, [60] * 4) for onsets in ([0, 1, 2, 4], [0, 0.98, 2.03, 3.98])
    )
    for name in ("written_beat_onset_share", "written_downbeat_onset_share", "written_onset_places"):
        assert measured(played)[name] == pytest.approx(measured(exact)[name]), name
    assert measured(played)["written_filled_downbeat_share"] == 1


@pytest.mark.parametrize(
    ("lengths", "length", "beat"),
    [([2, 1, 1] * 4, 4, 1), ([1, 0.5, 0.5] * 8, 2, 1), ([2, 1] * 4, 3, 1), ([1.5, 1, 0.5] * 4, 3, 1.5)],
)
@pytest.mark.parametrize("upbeat", [0, 1])
def test_the_metre_that_fits(lengths, length, beat, upbeat):
    piece = made([1] * upbeat + lengths, [60] * (upbeat + len(lengths)))
    found = fitted_meters(Stack.of(piece))
    assert (found.length[0], found.beat[0], found.phase[0]) == (length, beat, upbeat)


def test_files_say_their_metre_or_not(tmp_path):
    notes = [(0.0, 1.0, 67), (1.0, 2.0, 72), (3.0, 1.0, 74), (4.0, 2.0, 72)]
    change = mido.MetaMessage("time_signature", numerator=3, denominator=4)
    upbeat = load(write_midi(tmp_path / "upbeat.mid", notes, meter=(1, 4), meta=[(1, change)]), "upbeat")
    assert (upbeat.meter, upbeat.main_meter, upbeat.meter_given) == ((1, 4), (3, 4), True)
    waltz = measured(WALTZ)
    for name in METRE:
        assert measured(upbeat)[name] == pytest.approx(waltz[name]), name
    none = load(write_midi(tmp_path / "none.mid", notes, meter=None), "none")
    assert (none.meter, none.meter_given) == ((4, 4), False)
    assert np.isnan(measured(none)["written_beat_onset_share"])


NOTES = st.lists(st.tuples(st.integers(0, 200), st.integers(0, 40), st.integers(12, 110)), max_size=40)


def scattered(notes, shift=0.0, **how):
    onset, duration, pitch = (np.array([note[k] for note in notes], float) for k in range(3))
    return Notes.from_quarters(onset / 12 + shift, duration / 12, pitch.astype(int), **how)


@settings(max_examples=60, deadline=None)
@given(NOTES)
def test_features_of_any_notes_are_in_their_range(notes):
    for name, values in measured(scattered(notes)).items():
        assert not np.isinf(values).any(), name
        known = values[np.isfinite(values)]
        assert (known >= (0 if name in COMPARED else -1 - 1e-9)).all(), name
        if FEATURES[name].unit.startswith("share") or name == "bar_self_similarity":
            assert (known <= 1 + 1e-9).all(), name
        if FEATURES[name].columns or name == "pitch_class_transition_matrix":
            assert np.isnan(values).all() or values.sum() == pytest.approx(1), name
        if name == "longest_repeated_phrase":
            assert (known <= len(notes)).all()


@settings(max_examples=60, deadline=None)
@given(NOTES, st.integers(1, 11))
def test_time_pitch_and_tempo_move_what_they_should_and_nothing_else(notes, steps):
    higher = [(onset, length, pitch + steps) for onset, length, pitch in notes]
    # after 12 quarters all fitted metres are where they were
    pieces = [scattered(notes), scattered(notes, 12.0), scattered(higher), scattered(notes, tempo=240)]
    for name, (plain, later, transposed, faster) in feature_table(pieces).items():
        if name not in COMPARED and not name.startswith("written_"):
            assert later == pytest.approx(plain, nan_ok=True), name
        if name == "pitch_mean":
            assert transposed == pytest.approx(plain + steps, nan_ok=True)
        elif "pitch_class_histogram" in name:
            assert transposed == pytest.approx(np.roll(plain, steps), nan_ok=True)
        elif name != "pitch_class_transition_matrix":
            assert transposed == pytest.approx(plain, nan_ok=True), name
        factor = {"avg_IOI": 0.5, "tempo": 2.0}.get(name, 1.0)
        assert faster == pytest.approx(plain * factor, nan_ok=True), name


def test_pieces_without_notes_are_undefined_and_not_zero():
    counts = {"total_used_pitch", "bar_used_pitch", "total_used_note", "bar_used_note"}
    silent = [made([], []), made([], [], drum=True)]
    for pieces, features in ((silent, FEATURES), ([*silent, WALTZ], DRUM_FEATURES)):
        for name, values in feature_table(pieces, features).items():
            assert np.isnan(values).all() or name in counts, name
        assert all(len(values) == 0 for values in feature_table([], features).values())


def test_a_single_note_has_no_melody():
    table = measured(made([1], [60]), NEW)
    for name, feature in NEW.items():
        if feature.group == "melody":
            assert np.isnan(table[name]).all(), name


def test_drums_alone_are_measured_as_drums(tmp_path):
    assert suited([PATTERN, SWUNG]) is DRUMS
    assert suited([PATTERN], [SWUNG]) is suited([PATTERN], []) is DRUMS
    assert suited([PATTERN, WALTZ]) is suited([PATTERN], [WALTZ]) is suited([]) is FEATURES
    for folder in ("gen", "org"):
        write_pieces(tmp_path / folder, [PATTERN, SWUNG, LATE], channel=9)
    report = compare_folders([tmp_path / "gen"], tmp_path / "org", jobs=1)
    assert list(report.comparisons[0].features) == list(COMPARED)
    assert report.org.table["backbeat_share"][0] == 3 / 4
    assert "groove_consistency" in "".join(report.files("evaluation.report", html=False)["features.csv"])


HITS = st.lists(st.tuples(st.integers(0, 200), st.just(1), st.integers(35, 60)), max_size=40)


@pytest.mark.parametrize(
    ("features", "notes", "drum"), [(FEATURES, NOTES, False), (DRUMS, HITS, True)], ids=["pitched", "drums"]
)
@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_stack_is_measured_as_its_pieces_are(features, notes, drum, data):
    pieces = [scattered(some, drum=drum) for some in data.draw(st.lists(notes, min_size=1, max_size=3))]
    together = feature_table([WALTZ, *pieces, WALTZ], features)
    for index, piece in enumerate(pieces, start=1):
        for name, values in feature_table([piece], features).items():
            assert together[name][index] == pytest.approx(values[0], nan_ok=True), name
