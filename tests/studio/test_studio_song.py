import mido
import numpy as np
import pytest
import symusic

from drumvae.data.kit import INSTRUMENTS, STEPS, Bars
from manymodes.music.formats import RATE_HZ
from manymodes.music.score import Score
from manymodes_studio import song
from manymodes_studio.melody import Composed

# two bars of three after an upbeat: C E G, then D F B
TUNE = Score(((67, 4), (60, 4), (64, 4), (67, 4), (62, 4), (65, 4), (71, 4), (60, 12)), "tune", "3/4", 4, tempo=90)


def beat():
    hits = np.zeros((2, STEPS, len(INSTRUMENTS)), bool)
    hits[:, 0, 0] = hits[1, 4, 1] = hits[:, 12, 1] = True
    return Bars.of(hits, np.full(hits.shape, 0.7), np.zeros(hits.shape), tempo=90)


def in_bars(meter, *bars, mode="major"):
    """Return a tune in C or A minor, of the pitches of each bar, equally long."""
    tune = Score((), "tune", meter, mode=mode)
    return tune._replace(notes=[(pitch, tune.bar // len(bar)) for bar in bars for pitch in bar])


def names(chords):
    return ["".join("CdDeEFgGaAbB"[note] for note in chord) for chord in chords]


def test_bars_have_the_chord_of_their_notes_and_end_with_the_cadence():
    assert names(song.harmony(TUNE)) == ["CEG", "GBDF", "CEG"]
    relative = TUNE._replace(mode="minor", notes=((69, 4), (69, 12), (64, 12), (69, 12)))
    assert names(song.harmony(relative)) == ["ACE", "EaBD", "ACE"]


def test_a_bar_of_one_note_has_the_commonest_chord_with_it():
    tune = in_bars("3/4", [60], [62], [65], [67], [69], [71], [60])
    assert names(song.harmony(tune)) == ["CEG", "GBD", "FAC", "CEG", "FAC", "GBDF", "CEG"]


def test_a_minor_dominant_does_not_clash_with_the_natural_seventh():
    tune = in_bars("4/4", [69], [67, 64, 71, 67], [68, 64, 71, 68], [67], [69], mode="minor")
    assert names(song.harmony(tune))[1:4] == ["EGB", "EaB", "GBD"]


def test_a_waltz_keeps_the_backbeat_and_begins_with_the_first_bar():
    drums = song.voices(TUNE, ["drums"], beat())[1]
    starts = [(note.start, note.pitch) for note in drums.notes]
    assert starts == [(4, 36), (12, 38), (16, 36), (20, 38), (24, 38), (28, 36), (36, 38)]


@pytest.mark.parametrize(
    ("meter", "starts"),
    [("2/4", [0, 12, 16, 20, 28, 32, 44]), ("4/4", [0, 12, 16, 20, 28, 32, 44]), ("6/8", [0, 18, 24, 30, 42, 48, 66])],
)
def test_drums_go_on_where_the_bar_before_ended(meter, starts):
    tune = in_bars(meter, *[[60]] * 6)
    played = [note.start for note in song.voices(tune, ["drums"], beat())[1].notes if note.start < 3 * starts[2]]
    assert played == starts


def test_an_eighth_between_beats_is_late_in_six_eight():
    eighths = beat()
    eighths.hits[:] = False
    eighths.hits[:, ::2, 2] = True
    drums = song.voices(in_bars("6/8", [60, 60]), ["drums"], eighths)[1]
    assert [note.start for note in drums.notes] == [0, 4, 6, 10]


@pytest.mark.parametrize("meter", sorted({mood.meter for mood in song.MOODS.values()}))
def test_bass_and_chords_take_turns(meter):
    tune = in_bars(meter, *[[60, 64]] * 4)
    _, chords, bass = song.voices(tune, ["chords", "bass"])
    assert not {note.start for note in chords.notes[:-3]} & {note.start for note in bass.notes[:-1]}
    assert [note.pitch % 12 for note in bass.notes[:2]] == [0, 7]
    assert (bass.notes[-1].start, bass.notes[-1].pitch % 12) == (3 * tune.bar, 0)
    assert {note.start for note in chords.notes[-3:]} == {3 * tune.bar}


def test_tracks_have_one_tempo_the_metre_and_the_key(tmp_path):
    made = song.Song(Composed(TUNE, 0, 1), song.voices(TUNE, song.PARTS, beat()))
    song.write_midi(tmp_path / "song.mid", made)
    read = symusic.Score(tmp_path / "song.mid")
    assert [track.is_drum for track in read.tracks] == [False, True, False, False]
    assert [tempo.qpm for tempo in read.tempos] == pytest.approx([90])
    last = read.time_signatures[-1]
    assert (last.time, last.numerator, last.denominator) == (mido.MidiFile(tmp_path / "song.mid").ticks_per_beat, 3, 4)
    assert read.key_signatures[0].key == 0
    sound = song.sound(made)
    assert len(sound) > sum(steps for _, steps in TUNE.notes) / 4 * 60 / TUNE.tempo * RATE_HZ
    assert np.abs(sound).max() == pytest.approx(0.9, abs=1e-5)


def test_other_parts_and_tempo_leave_the_melody(models):
    how = {"seed": 4, "mood": "march"}
    melodist, drummer = models.loaded["melody-lstm"], models.loaded["drums-styles"]
    alone = song.compose(melodist, drummer, **how)
    together = song.compose(melodist, drummer, **how, parts=song.PARTS, tempo=150)
    assert len(alone.voices) == 1
    assert [voice.name for voice in together.voices] == ["melody", *song.PARTS]
    assert together.composed.score.notes == alone.composed.score.notes
    assert together.composed.score.tempo == 150


def test_leaving_the_tempo_as_it_was_makes_no_take(models):
    gr = pytest.importorskip("gradio")
    from manymodes_studio.tabs import song as tab

    values = {"mood": "march", "parts": ["bass"], "tempo": 108, "model": "melody-lstm", "temperature": 1.0, "seed": "4"}
    (shown,) = tab._Tab(models).again(pytest.fail, [{**values, "id": "take"}], **values)
    assert shown == [gr.skip()] * 5
