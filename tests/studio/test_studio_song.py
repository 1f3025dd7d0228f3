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


def test_bars_have_the_triad_of_their_notes_and_end_with_the_cadence():
    assert song.harmony(TUNE) == [(0, 4, 7), (7, 11, 2), (0, 4, 7)]
    relative = TUNE._replace(mode="minor", notes=((69, 4), (69, 12), (64, 12), (69, 12)))
    assert song.harmony(relative) == [(9, 0, 4), (4, 8, 11), (9, 0, 4)]


def test_a_beat_is_cut_to_the_metre_and_begins_with_the_first_bar():
    drums = song.voices(TUNE, ["drums"], beat())[1]
    assert [(note.start, note.pitch) for note in drums.notes] == [(4, 36), (16, 36), (20, 38), (28, 36)]


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
