import shutil

import numpy as np
import pytest
import soundfile
from smallsounds import noise, small_prior, small_vqvae, tone

import audiovae
from audiovae import generate
from audiovae.data.chunks import CHUNK, PEAK
from audiovae.synthesis import interpolate, make_sounds, reconstruct
from manymodes.cli import UserError
from manymodes.files import save_keras

pytestmark = pytest.mark.usefixtures("loaded_once", "unwatched")


class Exact:
    """Rebuilds chunks as they were, plus an offset."""

    def __init__(self, offset=0.0):
        self.offset = offset

    def latents(self, chunks):
        return chunks

    def from_latents(self, latents):
        return latents + self.offset

    reconstruct = from_latents


@pytest.fixture
def verb(models, completed, tmp_path):
    """Run the command; return the WAV files that it wrote."""

    def run(*options, model=models.codes, out="sounds"):
        text = completed(generate.main, "--model", model, "--out", tmp_path / out, *options)
        assert f"wrote {tmp_path / out}/" in text
        return sorted((tmp_path / out).glob("*.wav"))

    return run


@pytest.fixture
def refusal(models, refused, tmp_path):
    """Run the command in vain; return the error."""

    def run(*options, model=models.codes):
        given = [] if model is None else ["--model", model]
        return refused(generate.main, *given, "--out", tmp_path / "sounds", *options)

    return run


@pytest.fixture
def recording(tmp_path):
    """Write a sound; return its path."""

    def write(sound, name="my.wav", rate=22_050):
        soundfile.write(tmp_path / name, sound, rate)
        return tmp_path / name

    return write


def read(files):
    result = [soundfile.read(file, dtype="float32") for file in files]
    assert {rate for _, rate in result} == {22_050}
    return [sound for sound, _ in result]


def test_silence_stays_silence_whatever_the_model_makes_of_it():
    sound = np.concatenate([noise(CHUNK), np.zeros(3 * CHUNK)]).astype(np.float32)
    again = reconstruct(Exact(0.3), sound)
    assert not again[2 * CHUNK :].any()
    assert again[:CHUNK].any()


def test_a_way_leads_from_one_sound_to_the_other():
    first, second = tone(440, 2.5), tone(330, 2.5, amplitude=0.1)
    way = interpolate(Exact(), first, second, 5)
    assert [len(sound) for sound in way] == [len(first)] * 5
    assert np.abs(way[0] - first).max() < 1e-6
    assert np.abs(way[-1] - second).max() < 1e-6
    alike = np.array([[np.corrcoef(sound, end)[0, 1] for end in (first, second)] for sound in way])
    assert (np.diff(alike[:, 0]) < 0).all()
    assert (np.diff(alike[:, 1]) > 0).all()
    assert (np.diff([np.abs(sound).max() for sound in way]) < 0).all()


@pytest.mark.parametrize("kind", ["codes", "latents"])
def test_as_many_sounds_of_an_instrument_as_asked_for(verb, models, kind):
    files = verb("--count", 3, "--instrument", "PIANO", model=getattr(models, kind))
    assert [file.name for file in files] == ["piano-001.wav", "piano-002.wav", "piano-003.wav"]
    sounds = np.stack(read(files))
    assert sounds.shape == (3, CHUNK)
    assert len(np.unique(sounds, axis=0)) == 3
    assert np.abs(sounds).max(axis=1) == pytest.approx(PEAK, abs=1e-3)
    assert (sounds[:, [0, -1]] == 0).all()  # faded in and out


def test_python_makes_the_same_sounds_as_the_command_of_all_instruments_in_turn(verb, models):
    files = verb("--count", 4, "--seed", 3)
    names = ["Bass drum-002.wav", "flute-003.wav", "piano-001.wav", "piano-004.wav"]
    assert [file.name for file in files] == names
    made = make_sounds(audiovae.load(models.codes), count=4, seed=3)
    np.testing.assert_allclose(np.stack(read(files)), made[[1, 2, 0, 3]], atol=1e-4)
    with pytest.raises(UserError, match="give the prior"):
        make_sounds(small_vqvae())


@pytest.mark.parametrize("kind", ["codes", "latents"])
def test_recordings_are_reconstructed_and_interpolated(verb, models, recording, kind):
    model = getattr(models, kind)
    stereo = recording(np.stack([noise(66_150), noise(66_150, 1)], axis=1), "my song.flac", 44_100)
    (file,) = verb("--reconstruct", stereo, "--png", model=model)
    assert file.name == "my song.wav"
    assert file.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    files = verb("--interpolate", stereo, recording(tone(300, 1), "b.wav"), "--steps", 3, model=model, out="way")
    assert [file.name for file in files] == ["my song-b-001.wav", "my song-b-002.wav", "my song-b-003.wav"]
    way = read(files)
    assert [len(sound) for sound in way] == [33_075, 27_562, 22_050]
    assert np.abs(way[0] - read([file])[0]).max() < 1e-3


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--instrument", "pano"], "unknown instrument 'pano'; did you mean piano?"),
        (["--steps", "4"], "--steps goes with --interpolate"),
        (["--reconstruct", "none.wav"], "none.wav does not exist"),
        (["--reconstruct", "none.wav", "--count", "2"], "--count is for new sounds"),
        (["--reconstruct", "a.wav", "--interpolate", "a.wav", "b.wav"], "not allowed with"),
        (["--interpolate", "a.wav", "b.wav", "--steps", "1"], "--steps must be at least 2"),
    ],
)
def test_mistakes_are_one_clear_line(refusal, options, expected):
    assert expected in refusal(*options)


def test_what_a_model_cannot_use(refusal, models, recording):
    assert "leave them out" in refusal("--temperature", "0.5", model=models.latents)
    silent = recording(np.full(50_000, 1e-4, np.float32), "silent.wav")
    assert f"{silent} is silent" in refusal("--reconstruct", silent)
    assert f"{silent} is silent" in refusal("--interpolate", recording(noise(100)), silent)


def test_without_a_model_the_one_that_ships_makes_sounds(refusal, verb, completed, models, shipped, contents, tmp_path):
    line = refusal(model=None)
    assert "the pretrained model sounds-vqvae is not in" in line
    assert "train one with python -m audiovae.train --model vqvae --seed 0" in line
    for made, name in {"model": "sounds-vqvae", "prior": "sounds-vqvae-prior"}.items():
        shutil.copy(models.codes / f"{made}.keras", shipped / f"{name}.keras")
    completed(generate.main, "--count", 2, "--out", tmp_path / "shipped")
    verb("--count", 2)
    assert contents(tmp_path / "shipped") == contents(tmp_path / "sounds")


def test_a_prior_is_of_its_own_model(refusal, models, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(models.codes, run)
    (run / "prior.keras").unlink()
    assert f"prior.keras does not exist: train it with python -m audiovae.prior {run}" in refusal(model=run)
    save_keras(small_prior(small_vqvae(seed=7)), run / "prior.keras")
    assert "is the prior of another model" in refusal(model=run)
    shutil.copy(run / "model.keras", run / "prior.keras")
    assert f"the prior {run}/prior.keras holds a AudioVQVAE, not a prior over codes" in refusal(model=run)
