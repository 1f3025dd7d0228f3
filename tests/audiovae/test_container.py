import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audiovae.codes import MAGIC, CodedSound, UnreadableCodesError, fingerprint, pack, read_codes, unpack
from audiovae.data.chunks import CHUNK, to_chunks
from manymodes.cli import UserError

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


@settings(max_examples=50, deadline=None)
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


@pytest.mark.parametrize(
    ("content", "message"), [(b"RIFF....WAVE", "is not a file of sound codes"), (MAGIC + b"\x02" * 99, "version 2")]
)
def test_other_files_are_refused(tmp_path, content, message):
    path = tmp_path / "my.codes"
    path.write_bytes(content)
    with pytest.raises(UserError, match=message):
        read_codes(path)


def test_a_fingerprint_tells_models_apart():
    weights = [np.arange(6, dtype=np.float32), np.zeros((2, 3), np.float32)]
    same = fingerprint(array.copy() for array in weights)
    assert fingerprint(weights) == same
    others = [
        [weights[0] + 1e-6, weights[1]],
        [weights[0], weights[1].T],
        [weights[0].reshape(2, 3), weights[1]],
        weights[::-1],
    ]
    assert len({same, *map(fingerprint, others)}) == 5


def test_gains_beyond_16_bits_are_as_large_as_can_be():
    assert unpack(pack(coded([[0]], [1e9]))).gains.tolist() == [65504]
