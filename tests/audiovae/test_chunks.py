import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from smallsounds import noise

from audiovae.data.chunks import CHUNK, HOP, PEAK, from_chunks, is_sounding, normalise, to_chunks

lengths = st.sampled_from([0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK]) | st.integers(0, 4 * CHUNK)
hops = st.sampled_from([CHUNK // 4, HOP, CHUNK - 1, CHUNK]) | st.integers(2000, CHUNK)


@settings(max_examples=25)
@given(lengths, hops)
def test_chunks_lie_where_the_hop_says_and_give_the_sound_back(length, hop):
    sound = noise(length)
    chunks = to_chunks(sound, hop)
    assert chunks.dtype == np.float32
    assert chunks.shape == (1 + max(0, -(-(length - CHUNK) // hop)), CHUNK)
    for number, chunk in enumerate(chunks):
        part = sound[number * hop : number * hop + CHUNK]
        np.testing.assert_array_equal(chunk[: len(part)], part)
        assert not chunk[len(part) :].any()
    np.testing.assert_allclose(from_chunks(chunks, length, hop), sound, atol=1e-6)


def test_chunks_that_differ_fade_into_one_another():
    chunks = np.stack([np.full(CHUNK, -1.0), np.full(CHUNK, 1.0)])
    joined = from_chunks(chunks, CHUNK + HOP, HOP)
    np.testing.assert_allclose(joined[:HOP], -1, atol=1e-6)
    np.testing.assert_allclose(joined[CHUNK:], 1, atol=1e-6)
    assert (np.diff(joined) >= -1e-6).all()
    assert np.abs(np.diff(joined)).max() < 1.01 * 2 * np.pi / CHUNK


def test_gains_undo_normalising():
    chunks = noise(3 * CHUNK).reshape(3, CHUNK) * np.array([[1e-4], [0.3], [5.0]], np.float32)
    normalised, gains = normalise(chunks)
    assert normalised.dtype == gains.dtype == np.float32
    np.testing.assert_allclose(np.abs(normalised).max(axis=1), PEAK, rtol=1e-6)
    np.testing.assert_allclose(normalised * gains[:, None], chunks, rtol=1e-6)
    assert 20 * np.log10(PEAK) == pytest.approx(-1)


def test_chunks_worth_learning_from():
    chunks = np.zeros((5, CHUNK), np.float32)
    chunks[0] = noise(CHUNK)
    chunks[1, : CHUNK * 6 // 10] = 0.1 * noise(CHUNK)[: CHUNK * 6 // 10]
    chunks[2, : CHUNK * 4 // 10] = noise(CHUNK)[: CHUNK * 4 // 10]
    chunks[3] = 1e-4 * noise(CHUNK)
    assert is_sounding(chunks).tolist() == [True, True, False, False, False]
