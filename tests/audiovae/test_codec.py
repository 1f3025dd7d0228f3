import numpy as np
import pytest
import soundfile
from hypothesis import example, given, settings
from hypothesis import strategies as st
from smallaudio import noise, small_vae, small_vqvae

from audiovae import codec
from audiovae.codes import pack, unpack
from audiovae.data.chunks import CHUNK, PEAK
from audiovae.synthesis import OVERLAP, decode, encode
from manymodes.files import save_keras

HOP = CHUNK - OVERLAP


class EightBits:
    """Keeps every sample of a chunk as one of 256 levels: what a model would be that hears everything."""

    frames, code_count = CHUNK, 256

    def __init__(self, offsets=0.0):
        self.offsets = offsets

    def get_weights(self):
        return [np.array([self.offsets])]

    def encode_codes(self, chunks):
        return np.rint((chunks / PEAK + 1) / 2 * 255).clip(0, 255).astype(np.int32)

    def decode_codes(self, codes):
        """Give the samples back, those of every second chunk too high and of the others too low."""
        drift = self.offsets * (-1.0) ** np.arange(len(codes))[:, None]
        return ((codes / 255 * 2 - 1) * PEAK + drift).astype(np.float32)


# --- what is done around the model


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 3 * CHUNK), st.floats(0.01, 1))
@example(CHUNK, 1.0)
@example(HOP + CHUNK, 1.0)
@example(HOP + CHUNK + 1, 1.0)
def test_a_sound_of_any_length_comes_back_as_long_and_as_loud(length, loudness):
    sound = loudness * noise(length)
    coded = unpack(pack(encode(EightBits(), sound)))
    assert len(coded.codes) == 1 + max(0, -(-(length - CHUNK) // HOP))
    again = decode(EightBits(), coded)
    assert len(again) == length
    assert np.abs(again - sound).max() < loudness * 0.005


def test_chunks_fade_into_one_another():
    drift = 0.2
    again = decode(EightBits(drift), encode(EightBits(), np.full(3 * CHUNK, 0.5, np.float32)))
    assert np.ptp(again) == pytest.approx(2 * drift * 0.5 / PEAK, rel=0.02)  # as far as chunks are apart
    steps = np.abs(np.diff(again))
    assert steps.max() < 4 * np.ptp(again) / OVERLAP
    changing = np.flatnonzero(steps > 1e-4) % HOP
    assert changing.max() < OVERLAP


# --- the verb


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Give two run folders with models that have codes, and one with a model that has none."""
    folder = tmp_path_factory.mktemp("runs")
    known = {"mine": small_vqvae(), "other": small_vqvae(seed=5), "latents": small_vae()}
    for name, model in known.items():
        save_keras(model, folder / name / "model.keras")
    return folder


@pytest.fixture
def verb(models, at_prompt):
    """Run the verb; return what it printed."""

    def run(*arguments, model="mine"):
        code, text, errors = at_prompt(codec.main, *arguments, "--model", models / model)
        assert (code, errors) == (0, "")
        return text

    return run


@pytest.fixture
def refusal(models, at_prompt, tmp_path, contents):
    """Run the verb in vain; return the one line that it says."""

    def run(*arguments, model="mine"):
        before = contents(tmp_path)
        code, text, errors = at_prompt(codec.main, *arguments, "--model", models / model)
        assert (code, text) == (2, "")
        assert errors.count("\n") == 1
        assert contents(tmp_path) == before
        return errors

    return run


@pytest.fixture
def sound(tmp_path):
    """Write three seconds and a half; return the path."""
    path = tmp_path / "my.wav"
    soundfile.write(path, noise(77_175), 22_050)
    return path


@pytest.fixture
def codes(verb, sound, tmp_path):
    """Encode the sound; return the path of the codes."""
    verb("encode", sound, tmp_path / "my.codes")
    return tmp_path / "my.codes"


def test_it_says_how_many_bits_a_second_takes(verb, sound, tmp_path):
    path = tmp_path / "my.codes"
    text = verb("encode", sound, path)
    size = path.stat().st_size
    assert text == f"wrote {path}: 3.50 s in {size:,} bytes, {8 * size / 3.5 / 1000:.2f} kbit/s\n"
    assert size == 33 + 4 * (2 + 172 * 4 // 8)  # four chunks of 172 codes, of which there are 16


def test_codes_become_a_sound_in_any_format(verb, codes, tmp_path):
    for name in ("again.wav", "again.flac"):
        assert verb("decode", codes, tmp_path / name) == f"wrote {tmp_path / name}: 3.50 s\n"
    wav, flac = (soundfile.read(tmp_path / name)[0] for name in ("again.wav", "again.flac"))
    assert len(wav) == 77_175
    assert np.abs(wav - flac).max() < 1e-4  # formats round differently


def test_refusals(verb, refusal, sound, codes, tmp_path):
    out = tmp_path / "again.wav"
    assert f"{codes} was made by another model" in refusal("decode", codes, out, model="other")
    assert "is a model without codes" in refusal("encode", sound, tmp_path / "more.codes", model="latents")
    assert f"{codes} cannot be read as sound" in refusal("encode", codes, tmp_path / "more.codes")
    assert "does not exist" in refusal("decode", tmp_path / "none.codes", out)
    assert "again must end with .wav" in refusal("decode", codes, tmp_path / "again")
    assert "is a folder" in refusal("encode", sound, tmp_path)
    assert f"{sound} exists" in refusal("decode", codes, sound)
    assert f"{codes} exists" in refusal("encode", sound, codes)
    kept = sound.read_bytes()
    verb("decode", codes, sound, "--force")
    assert sound.read_bytes() != kept
