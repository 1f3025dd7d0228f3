import numpy as np
import pytest
import soundfile
from hypothesis import example, given, settings
from hypothesis import strategies as st
from smallsounds import noise

from audiovae import codec
from audiovae.codes import pack, unpack
from audiovae.data.chunks import CHUNK, PEAK
from audiovae.synthesis import HOP, decode, encode
from manymodes.cli import UserError

pytestmark = pytest.mark.usefixtures("loaded_once", "unwatched")


class EightBits:
    """Keeps every sample of a chunk as one of 256 levels: a nearly perfect model."""

    frames, code_count, maker = CHUNK, 256, "00ff" * 4

    def encode_codes(self, chunks):
        return np.rint((chunks / PEAK + 1) / 2 * 255).clip(0, 255).astype(np.int32)

    def decode_codes(self, codes):
        return ((codes / 255 * 2 - 1) * PEAK).astype(np.float32)


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


def test_codes_of_another_shape_are_refused():
    coded = encode(EightBits(), noise(CHUNK))
    for other in (coded._replace(codes=coded.codes[:, 1:]), coded._replace(code_count=512), coded._replace(hop=CHUNK)):
        with pytest.raises(UserError, match="not those of this model"):
            decode(EightBits(), other)


@pytest.fixture
def verb(models, completed):
    """Run the command; return what it printed."""

    def run(*arguments):
        return completed(codec.main, *arguments, "--model", models.codes)

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
    path = tmp_path / "my.codes"
    text = verb("encode", sound, path)
    size = path.stat().st_size
    assert text == f"wrote {path}: 3.50 s in {size:,} bytes, {8 * size / 3.5 / 1000:.2f} kbit/s\n"
    assert size == 33 + 4 * (2 + 172 * 4 // 8)  # four chunks of 172 codes, of which there are 16
    return path


def test_codes_become_a_sound_in_any_format(verb, codes, tmp_path):
    for name in ("again.wav", "again.flac"):
        assert verb("decode", codes, tmp_path / name) == f"wrote {tmp_path / name}: 3.50 s\n"
    wav, flac = (soundfile.read(tmp_path / name)[0] for name in ("again.wav", "again.flac"))
    assert len(wav) == 77_175
    assert np.abs(wav - flac).max() < 1e-4  # formats round differently


def test_refusals(refused, models, sound, codes, tmp_path):
    def refusal(*arguments, model=models.codes):
        return refused(codec.main, *arguments, "--model", model)

    out = tmp_path / "again.wav"
    assert f"{codes} was made by another model" in refusal("decode", codes, out, model=models.other)
    assert "is a model without codes" in refusal("encode", sound, tmp_path / "more.codes", model=models.latents)
    assert f"{codes} cannot be read as sound" in refusal("encode", codes, tmp_path / "more.codes")
    assert "does not exist" in refusal("decode", tmp_path / "none.codes", out)
    assert "again must end with .wav" in refusal("decode", codes, tmp_path / "again")
    assert f"{sound} exists" in refusal("decode", codes, sound)
