import struct

import numpy as np
import pytest
import soundfile
from hypothesis import example, given, settings
from hypothesis import strategies as st
from smallsounds import noise

from audiovae import codec
from audiovae.codes import MAGIC, CodedSound, UnreadableCodesError, fingerprint, pack, read_codes, unpack
from audiovae.data.chunks import CHUNK, PEAK, to_chunks
from audiovae.synthesis import HOP, decode, encode
from manymodes.cli import UserError

pytestmark = pytest.mark.usefixtures("loaded_once", "unwatched")

MAKER = bytes(range(8))


def coded(codes, gains, length=CHUNK, hop=CHUNK, code_count=256):
    return CodedSound(np.array(codes, np.int32), np.array(gains, np.float32), length, hop, code_count, MAKER)


@st.composite
def coded_sounds(draw):
    length, hop = draw(st.integers(0, 4 * CHUNK)), draw(st.integers(CHUNK // 8, CHUNK))
    count, frames = len(to_chunks(np.zeros(length), hop)), draw(st.integers(1, 12))
    code_count = draw(st.sampled_from((2, 3, 255, 256, 257, 1000, 2**16)))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    codes = rng.integers(code_count, size=(count, frames))
    codes[0, 0] = code_count - 1
    return coded(codes, rng.random(count).astype(np.float16), length, hop, code_count)


SMALL = coded([[1, 2, 3], [250, 251, 252]], [0.5, 0], 30_000, 20_000)


@settings(max_examples=50)
@given(coded_sounds())
def test_what_is_packed_is_unpacked(sound):
    result = unpack(pack(sound))
    assert result.codes.tolist() == sound.codes.tolist()
    assert result.gains.tolist() == sound.gains.tolist()
    assert result[2:] == sound[2:]
    assert result.codes.dtype == np.int32


def test_the_bytes_are_as_documented():
    # five codes of 3 bits each: 001 010 011 100 101, and a zero up to 16 bits
    content = pack(coded([[1, 2, 3, 4, 5]], [0.5], length=7, hop=CHUNK, code_count=6))
    header = b"MMSC" + bytes([1]) + struct.pack("<IHHII", 6, 5, 22_050, 22_050, 7) + MAKER
    assert content.startswith(header)
    assert content[len(header) :][:-4] == struct.pack("<e", 0.5) + bytes([0b00101001, 0b11001010])


def test_what_is_cut_short_is_refused():
    content = pack(SMALL)
    for size in range(len(content)):
        reason = "is not a file of sound codes" if size < len(MAGIC) else "is cut short"
        with pytest.raises(UnreadableCodesError, match=reason):
            unpack(content[:size])


def test_any_damaged_byte_is_noticed():
    for place in range(len(pack(SMALL))):
        content = bytearray(pack(SMALL))
        content[place] ^= 0x41
        with pytest.raises(UnreadableCodesError):
            unpack(bytes(content))


def test_another_version_is_refused(tmp_path):
    path = tmp_path / "my.codes"
    path.write_bytes(MAGIC + b"\x02" * 99)
    with pytest.raises(UserError, match="version 2"):
        read_codes(path)


def test_a_fingerprint_tells_models_apart():
    weights = [np.arange(6, dtype=np.float32), np.zeros((2, 3), np.float32)]
    same = fingerprint(array.copy() for array in weights)
    assert fingerprint(weights) == same
    first, second = weights
    others = [[first + 1e-6, second], [first, second.T], [first.reshape(2, 3), second], [second, first]]
    assert len({same, *map(fingerprint, others)}) == 5


def test_gains_beyond_16_bits_are_as_large_as_can_be():
    assert unpack(pack(coded([[0]], [1e9]))).gains.tolist() == [65504]


class EightBits:
    """Keeps every sample of a chunk as one of 256 levels: a nearly perfect model."""

    frames, code_count, maker = CHUNK, 256, "00ff" * 4

    def encode_codes(self, chunks):
        return np.rint((chunks / PEAK + 1) / 2 * 255).clip(0, 255).astype(np.int32)

    def decode_codes(self, codes):
        return ((codes / 255 * 2 - 1) * PEAK).astype(np.float32)


@settings(max_examples=25)
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
    return lambda *arguments: completed(codec.main, *arguments, "--model", models.codes)


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
    sounds = []
    for path in (tmp_path / "again.wav", tmp_path / "again.flac"):
        assert verb("decode", codes, path) == f"wrote {path}: 3.50 s\n"
        sounds.append(soundfile.read(path)[0])
    wav, flac = sounds
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
