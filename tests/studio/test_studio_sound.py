import numpy as np
import pytest
import soundfile
from studiomodels import SOUNDS, sound_file

from manymodes.cli import UserError
from manymodes_studio import sound


@pytest.fixture
def model(models):
    return models.loaded["sounds-vqvae"]


@pytest.fixture
def file(models):
    return models.files["sounds-vqvae"]


@pytest.mark.parametrize("name", ["a.wav", "Flöte.flac", "c.ogg", "d.mp3"])
def test_sounds_of_every_format_are_read(tmp_path, name):
    read = sound.read(sound_file(tmp_path / name, 0.5))
    assert read.dtype == np.float32
    assert abs(len(read) - 11025) < 2000  # lossy formats pad


def test_a_small_file_that_is_long_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "silence.flac"
    soundfile.write(path, np.zeros(22_050 * 60 * 30, np.int16), 22_050)
    assert path.stat().st_size < 200_000
    with pytest.raises(UserError, match="longer than 20 seconds"):
        sound.read(path)


def test_as_long_as_is_allowed_is_read(tmp_path):
    assert len(sound.read(sound_file(tmp_path / "a.wav", sound.LONGEST_SECONDS))) == 22_050 * sound.LONGEST_SECONDS


@pytest.mark.parametrize(
    ("content", "reason"), [(b"RIFF of nothing", "cannot be read as sound"), (b"\0" * 400, "cannot be read as sound")]
)
def test_what_is_no_sound_is_a_message(tmp_path, content, reason):
    path = tmp_path / "bad.wav"
    path.write_bytes(content)
    with pytest.raises(UserError, match=reason):
        sound.read(path)


def test_silence_is_a_message(tmp_path):
    path = tmp_path / "silent.wav"
    soundfile.write(path, np.zeros(1000), 22_050)
    with pytest.raises(UserError, match="is silent"):
        sound.read(path)


def test_a_sound_is_as_long_through_codes_and_back(model):
    heard = sound.reconstruct(model, np.sin(np.arange(30_000, dtype=np.float32) / 20))
    assert heard.shape == (30_000,)
    assert np.isfinite(heard).all()


def test_new_sounds_come_back_by_their_draw(model, file):
    made = sound.new_sounds(model, file, SOUNDS[1], 2, temperature=1.0, seed=4)
    assert made.shape == (2, 22_050)
    assert (made == sound.new_sounds(model, file, SOUNDS[1], 2, temperature=1.0, seed=4)).all()
    assert (made != sound.new_sounds(model, file, SOUNDS[1], 2, temperature=1.0, seed=5)).any()


def test_without_a_prior_there_is_a_message(model, file, tmp_path):
    with pytest.raises(UserError, match="prior"):
        sound.new_sounds(model, tmp_path / file.name, SOUNDS[0], 1, temperature=1.0, seed=0)


def test_the_way_between_sounds_has_its_steps(model):
    ends = [np.sin(np.arange(length, dtype=np.float32) / 20) for length in (22_050, 33_075)]
    way = sound.interpolate(model, *ends, 3)
    assert [len(step) for step in way] == [22_050, 27_562, 33_075]


def test_sounds_follow_each_other_with_pauses():
    joined = sound.one_after_the_other([np.ones(10, np.float32), np.full(5, 2, np.float32)])
    pause = sound.RATE_HZ // 4
    assert joined[:10].tolist() == [1] * 10
    assert not joined[10:-5].any()
    assert abs(len(joined) - 15 - pause) <= 1
    assert joined[-5:].tolist() == [2] * 5


def test_a_sound_and_its_picture_are_written(tmp_path):
    wave = np.sin(np.arange(22_050, dtype=np.float32) / 20) / 2
    assert soundfile.info(sound.write_sound(tmp_path / "Flöte-1", wave)).frames == 22_050
    assert sound.write_picture(tmp_path / "Flöte-1", wave, "$Flöte$").read_bytes().startswith(b"\x89PNG")
