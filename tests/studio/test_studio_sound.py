import numpy as np
import pytest
import soundfile
from studiomodels import SOUNDS, sound_file

from manymodes.cli import UserError
from manymodes_studio import sound

HOW = {"temperature": 1.0, "seed": 4}


def test_a_long_sound_in_a_small_file_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "silence.flac"
    soundfile.write(path, np.zeros(22_050 * 60 * 30, np.int16), 22_050)
    assert path.stat().st_size < 200_000
    with pytest.raises(UserError, match="longer than 20 seconds"):
        sound.read(path)
    assert len(sound.read(sound_file(tmp_path / "a.wav", sound.LONGEST_SECONDS))) == 22_050 * sound.LONGEST_SECONDS


def test_a_model_without_a_prior_is_refused(models, tmp_path, monkeypatch):
    model = models.loaded["sounds-vqvae"]
    monkeypatch.setattr(model, "file", tmp_path / model.file.name)
    with pytest.raises(UserError, match="prior"):
        sound.new_sounds(model, SOUNDS[0], 1, **HOW)


def test_sounds_follow_each_other_with_pauses():
    joined = sound.one_after_the_other([np.ones(10, np.float32), np.full(5, 2, np.float32)])
    assert joined[:10].tolist() == [1] * 10
    assert not joined[10:-5].any()
    assert abs(len(joined) - 15 - sound.RATE_HZ // 4) <= 1
    assert joined[-5:].tolist() == [2] * 5
