import functools
import json
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from smallsounds import Ears, made, untrained

from audiovae.data.chunks import CHUNK
from audiovae.metrics import measures
from audiovae.metrics.measures import codebook_measures, distances, evaluate, sounding_codes
from manymodes.cli import UserError

MODELS = {"vqvae": ("vq", "raw"), "hvae": ("hvae", "raw"), "mel": ("vq", "mel")}


@pytest.fixture(scope="module")
def measured(sounds, rough_inversion, little_measured):
    """Return a function that measures a model."""
    return functools.cache(lambda name: evaluate(made(*MODELS[name]), sounds, Ears(), seed=3, train_seconds=12.3456789))


@pytest.mark.parametrize("name", MODELS)
def test_every_key_is_there_and_documented(measured, name):
    result = measured(name)
    documented = set(re.findall(r"``(\w+)``", measures.__doc__))
    assert result.keys() == documented - {"hit"}
    # JSON has no NaN and no infinity
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    coded = name != "hvae"
    assert (result["latents"] is None, result["instrument_hit"] is None) == (coded, coded)
    assert (result["kl_top_nats"] is None) == (name != "hvae")
    assert (result["griffin_lim"] is None) == (name != "mel")


@pytest.mark.parametrize("name", MODELS)
def test_reconstructions_are_measured(measured, sounds, name):
    model, result = made(*MODELS[name]), measured(name)
    rebuilt = model.reconstruct(sounds.test.chunks)
    for key, value in distances(sounds.test.chunks, rebuilt).items():
        assert result[key] == pytest.approx(value, abs=1e-6)
    hit = Ears().hit(rebuilt, sounds.test.instruments)
    assert result["instrument_hit_reconstructed"] == pytest.approx(hit, abs=1e-6)
    assert (result["instrument_hit_real"], result["train_seconds"], result["n"]) == (0.75, 12.345679, 6)
    parts = result["instruments"]
    assert {instrument: part["n"] for instrument, part in parts.items()} == {"hum": 3, "hiss": 3}
    for part, whole in {"spectral_convergence": "spectral_convergence", "hit": "instrument_hit_reconstructed"}.items():
        assert np.mean([each[part] for each in parts.values()]) == pytest.approx(result[whole], abs=1e-6)


def test_the_ceiling_is_that_of_a_perfect_spectrogram(measured, sounds):
    chunks, model = sounds.test.chunks, made("vq", "mel")
    expected = distances(chunks, model.sounds_of(model.features_of(chunks)))
    assert measured("mel")["griffin_lim"] == pytest.approx(expected, abs=1e-6)
    assert expected["mel_distance"] < 0.5 * measured("mel")["mel_distance"]


@given(count=st.integers(1, 300), silent=st.floats(0, 1))
@settings(max_examples=25)
def test_codes_sound_where_the_chunk_does(count, silent):
    chunk = np.full((1, CHUNK), 0.1)
    begins = round(silent * CHUNK)
    chunk[:, :begins] = 0
    sounding = sounding_codes(chunk, count)
    assert sounding.shape == (1, count)
    ends = np.arange(1, count + 1) * CHUNK / count
    np.testing.assert_array_equal(sounding[0][ends <= begins - 1], False)
    np.testing.assert_array_equal(sounding[0][ends - CHUNK / count >= begins], True)


def test_perplexity_leaves_silence_out():
    codes = np.where(np.arange(172) < 86, 15, np.arange(172) % 8)[None]
    result = codebook_measures(codes, np.arange(172)[None] >= 86, 16)
    assert result == {"codebook_use": 9 / 16, "perplexity_nonsilent": pytest.approx(8, rel=0.01)}


def test_a_model_that_has_diverged_is_not_evaluated(sounds):
    model = untrained("vae", "raw")
    model.set_weights([weights * np.nan for weights in model.get_weights()])
    with pytest.raises(UserError, match=r"diverged.*--seed"):
        evaluate(model, sounds, Ears(), seed=0, train_seconds=1.0)
