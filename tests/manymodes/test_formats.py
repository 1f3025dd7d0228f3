import numpy as np
import pytest
import soundfile
from music21 import converter

from manymodes.music.audio import read_midi
from manymodes.music.formats import RATE_HZ, SUFFIXES, played_notes, sound_of, write_score
from manymodes.music.score import Score

TUNE = Score(((67, 4), (72, 6), (None, 2), (76, 4), (72, 12)), "a tune", "4/4", 4, tempo=90, program=73)


def test_every_format_has_the_same_notes(tmp_path, contents):
    write_score(tmp_path / "tune", TUNE, SUFFIXES)
    assert sorted(contents(tmp_path)) == sorted(f"tune{suffix}" for suffix in SUFFIXES.values())
    for suffix in (".mid", ".musicxml", ".abc"):
        score = converter.parse(tmp_path / f"tune{suffix}", forceSource=True)
        assert [note.pitch.midi for note in score.stripTies().flatten().notes] == [67, 72, 76, 72]
    assert soundfile.info(tmp_path / "tune.wav").samplerate == RATE_HZ
    assert (tmp_path / "tune.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "tune.svg").read_text(encoding="utf-8").startswith("<svg")
    first = contents(tmp_path)
    write_score(tmp_path / "tune", TUNE, SUFFIXES)
    assert contents(tmp_path) == first


def test_each_page_is_a_file(tmp_path):
    write_score(tmp_path / "long", Score(((60, 4), (64, 4), (67, 4), (72, 4)) * 80, "long"), ("svg", "png", "abc"))
    names = {file.name for file in tmp_path.iterdir()}
    assert {"long.abc", "long.svg", "long-2.svg", "long.png", "long-2.png"} <= names
    assert sum(name.endswith(".svg") for name in names) == sum(name.endswith(".png") for name in names)


def test_played_notes_are_those_of_the_midi_file(tmp_path):
    write_score(tmp_path / "tune", TUNE, ("midi",))
    for ours, theirs in zip(played_notes(TUNE), read_midi(tmp_path / "tune.mid"), strict=True):
        assert ours._replace(start_seconds=0, seconds=0) == theirs._replace(start_seconds=0, seconds=0)
        assert ours[:2] == pytest.approx(theirs[:2], abs=1e-3)


@pytest.mark.parametrize("program", [0, 19, 40, 73])
def test_sound_is_at_full_level(program):
    sound = sound_of(played_notes(Score(((69, 16),), "a", program=program)))
    assert np.abs(sound).max() == pytest.approx(0.9, abs=1e-5)


def test_sound_that_rings_for_too_long_is_faded_out():
    glockenspiel = played_notes(Score(((84, 4),), "", program=9))
    whole, cut = sound_of(glockenspiel, 60), sound_of(glockenspiel, 2)
    assert len(whole) > 5 * RATE_HZ
    assert len(cut) == round(2.5 * RATE_HZ)
    np.testing.assert_allclose(cut[: round(1.5 * RATE_HZ)], whole[: round(1.5 * RATE_HZ)], rtol=1e-5)
    assert abs(cut[-1]) < 1e-6
    assert (np.abs(cut) - np.abs(whole[: len(cut)])).max() < 1e-6
