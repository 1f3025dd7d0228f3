import functools
import json
import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from smallsounds import NAMES, TINY, hums

from audiovae.data.chunks import CHUNK, QUIETEST_RMS
from audiovae.metrics import measures
from audiovae.metrics.measures import codebook_use, distances, measure, sounding_codes
from audiovae.models.vae import AudioVAE, AudioVQVAE, HierarchicalAudioVAE
from manymodes.nn.randomness import make_deterministic

REQUIRED = {
    *("mse", "cosine", "spectral_convergence", "si_sdr", "codebook_use", "perplexity_nonsilent", "active_units"),
    *("kl_top_nats", "rtf_encode", "rtf_decode", "prior_bits", "unigram_bits", "bigram_bits", "instrument_hit"),
    *("instrument_hit_real", "train_seconds", "mel_distance"),
}
OF_CODES = {"quantizer", "codes", "bits_per_second", "codebook_use", "perplexity", "perplexity_nonsilent"}
OF_LATENTS = {"latents", "active_units", "kl_nats", "instrument_hit"}
OF_LEVELS = {"kl_top_nats", "kl_bottom_nats"}
OF_PRIORS = {"prior_bits", "unigram_bits", "bigram_bits"}
OF_MELS = {"mels", "griffin_lim"}


class Ears:
    """Take what is loud in the first half of a chunk for the first instrument, and all else for the second."""

    hit_real = 0.75

    def recognise(self, chunks):
        half = CHUNK // 2
        return (np.abs(chunks[:, :half]).sum(axis=1) <= np.abs(chunks[:, half:]).sum(axis=1)).astype(np.int64)

    def hit(self, chunks, instruments):
        return float((self.recognise(chunks) == instruments).mean())


@functools.cache
def made(kind, **options):
    make_deterministic(0)
    return kind(NAMES, **TINY, **options)


MODELS = {
    "vqvae": functools.partial(made, AudioVQVAE, codes=16, code_width=4),
    "fsq": functools.partial(made, AudioVQVAE, codes=16, quantizer_kind="fsq"),
    "vae": functools.partial(made, AudioVAE, latent_dim=4),
    "hvae": functools.partial(made, HierarchicalAudioVAE, top_dim=4, bottom_channels=1),
    "mel": functools.partial(made, AudioVQVAE, codes=16, code_width=4, input_kind="mel"),
}


@pytest.fixture(scope="module")
def said(sounds, rough_inversion, little_measured):
    """Return a function: what is said of a model, and what it was said with."""

    @functools.cache
    def of(name):
        return measure(MODELS[name](), sounds, Ears(), seed=3, train_seconds=12.3456789)

    return of


# --- what is said


@pytest.mark.parametrize("name", MODELS)
def test_every_key_is_there_and_documented(said, name):
    found = said(name)
    assert found.keys() >= REQUIRED
    assert found.keys() <= set(re.findall(r"``(\w+)``", measures.__doc__))
    # JSON knows no NaN, and no infinity
    assert json.loads(json.dumps(found, allow_nan=False)) == found


@pytest.mark.parametrize("name", MODELS)
def test_what_comes_back_is_what_is_measured(said, sounds, name):
    model, found = MODELS[name](), said(name)
    made_of = model.reconstruct(sounds.test.chunks)
    for key, value in distances(sounds.test.chunks, made_of).items():
        assert found[key] == pytest.approx(value, abs=1e-6)
    hit = Ears().hit(made_of, sounds.test.instruments)
    assert found["instrument_hit_reconstructed"] == pytest.approx(hit, abs=1e-6)
    assert found["instrument_hit_real"] == 0.75
    assert found["train_seconds"] == 12.345679
    assert found["n"] == len(sounds.test.chunks)
    parts = found["instruments"]
    assert {instrument: part["n"] for instrument, part in parts.items()} == {"hum": 3, "hiss": 3}
    mean = np.mean([part["spectral_convergence"] for part in parts.values()])
    assert mean == pytest.approx(found["spectral_convergence"], abs=1e-6)
    assert np.mean([part["hit"] for part in parts.values()]) == pytest.approx(
        found["instrument_hit_reconstructed"], abs=1e-6
    )


def test_the_ceiling_is_what_a_perfect_spectrogram_gives(said, sounds):
    chunks, model = sounds.test.chunks, MODELS["mel"]()
    expected = distances(chunks, model.sounds_of(model.features_of(chunks)))
    assert said("mel")["griffin_lim"] == pytest.approx(expected, abs=1e-6)
    assert expected["mel_distance"] < 0.5 * said("mel")["mel_distance"]


@pytest.mark.parametrize("name", ["vqvae", "vae"])
def test_speeds_count_seconds_of_sound(said, sounds, monkeypatch, name):
    ticks = iter(range(0, 1000, 2))  # every run takes two seconds
    monkeypatch.setattr(measures.time, "perf_counter", lambda: float(next(ticks)))
    monkeypatch.setattr(measures, "_TIMED_CHUNKS", 7)
    assert measures._speeds(MODELS[name](), sounds.test.chunks) == {"rtf_encode": 3.5, "rtf_decode": 3.5}


def test_samples_are_recognised_as_what_was_asked_for(sounds, monkeypatch):
    model = MODELS["vae"]()
    halves = np.zeros((2, CHUNK), np.float32)
    halves[0, :100], halves[1, -100:] = 0.5, 0.5  # each as its instrument is heard
    asked = []

    def sample(count, seed, instrument):
        asked.append((seed, instrument))
        return np.full((count, 4), instrument)

    monkeypatch.setattr(model, "sample_latents", sample)
    monkeypatch.setattr(model, "from_latents", lambda latents: halves[latents[:, 0]])
    assert measures._hit(model, Ears(), seed=5) == 1
    assert [instrument for _, instrument in asked] == [0, 1]
    assert len({seed for seed, _ in asked}) == 2
    monkeypatch.setattr(model, "from_latents", lambda latents: halves[0 * latents[:, 0]])
    assert measures._hit(model, Ears(), seed=5) == 0.5


# --- distances


def test_equal_sounds_are_as_near_as_can_be():
    chunks = hums(2, np.random.default_rng(0)).astype(np.float32)
    found = distances(chunks, chunks)
    assert found == {"mse": 0, "cosine": pytest.approx(1), "spectral_convergence": 0, "mel_distance": 0, "si_sdr": 60}


# --- codes


@given(count=st.integers(1, 300), silent=st.floats(0, 1))
@settings(max_examples=25, deadline=None)
def test_codes_sound_where_the_chunk_does(count, silent):
    chunk = np.full((1, CHUNK), 0.1)
    begins = round(silent * CHUNK)
    chunk[:, :begins] = 0
    sounding = sounding_codes(chunk, count)
    assert sounding.shape == (1, count)
    ends = np.arange(1, count + 1) * CHUNK / count
    np.testing.assert_array_equal(sounding[0][ends <= begins - 1], False)
    np.testing.assert_array_equal(sounding[0][ends - CHUNK / count >= begins], True)


def test_perplexity_leaves_silence_out(sounds, monkeypatch):
    model = MODELS["vqvae"]()
    chunks = sounds.test.chunks.copy()
    chunks[:, : CHUNK // 2] = 0  # half of the codes, which are then all 15
    codes = np.tile(np.where(np.arange(172) < 86, 15, np.arange(172) % 8), (len(chunks), 1)).astype(np.int32)
    monkeypatch.setattr(model, "encode_codes", lambda _: codes)
    found = measures._codes(model, chunks)
    assert found["perplexity_nonsilent"] == pytest.approx(8, rel=0.01)
    # ln 2 nats for whether it sounds, and ln 8 half of the time
    assert found["perplexity"] == pytest.approx(2 * math.sqrt(8), rel=0.01)
    assert found["codebook_use"] == 9 / 16


def test_use_counts_every_code_once():
    assert codebook_use(np.array([[3, 3, 5], [5, 5, 5]]), 8) == 0.25


def test_what_is_quieter_than_silence_is_silent():
    chunks = np.repeat(np.array([[0.99], [1.01]]) * QUIETEST_RMS, CHUNK, axis=1)
    np.testing.assert_array_equal(sounding_codes(chunks, 172), [[False] * 172, [True] * 172])


def test_silence_is_far_from_every_sound():
    chunks = hums(2, np.random.default_rng(0)).astype(np.float32)
    found = distances(chunks, np.zeros_like(chunks))
    assert found["mse"] == pytest.approx(float(np.mean(chunks**2)))
    assert (found["cosine"], found["si_sdr"]) == (0, -30)
    assert found["spectral_convergence"] == pytest.approx(1)
