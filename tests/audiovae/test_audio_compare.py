import dataclasses
import functools
import itertools

import numpy as np
import pytest
from breaking import read_json
from comparisons import compared, marked, record
from smallsounds import Ears, small_sounds, use_tiny_networks

import audiovae.data.sounds
from audiovae.compare import COMPARISON, main
from audiovae.config import INPUTS, MELS, MODELS, QUANTIZERS
from audiovae.data.chunks import CHUNK
from audiovae.metrics import baselines, recognition, spectra
from audiovae.metrics.assessment import diversity, result_of
from audiovae.metrics.baselines import BASELINES, EXPLAINED
from audiovae.metrics.spectra import from_log_mel
from audiovae.metrics.tables import CHANGES, tables
from manymodes.experiment.tables import differ

# Data sets of TensorFlow are compiled all the same, and it says so.
pytestmark = pytest.mark.filterwarnings("ignore:Even though the:UserWarning")

CEILING = "real"
ROWS = COMPARISON.rows
BY_NAME = {row.name: row for row in ROWS}
TRAINED = [row for row in ROWS if row.config is not None]


@pytest.fixture(scope="module", autouse=True)
def _quick():
    """Recognise without a network, and estimate phases with few iterations."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recognition, "recogniser_of", lambda _: Ears())
        for place in (baselines, spectra):
            patch.setattr(place, "from_log_mel", functools.partial(from_log_mel, iterations=8))
        yield


def test_neighbours_differ_in_one_setting_and_every_setting_changes():
    every = [row.config.check().to_json() for row in TRAINED]
    changes = [[name for name in one if differ(one[name], other[name])] for one, other in itertools.pairwise(every)]
    assert {len(changed) for changed in changes} == {1}
    assert set(itertools.chain(*changes)) == set(CHANGES)
    for name, known in {"model": MODELS, "input": INPUTS, "mels": MELS, "quantizer": QUANTIZERS}.items():
        assert {settings[name] for settings in every} - {None} == set(known)


@pytest.fixture(scope="module")
def measured():
    """Measure the baselines; return the measures by row."""
    some = small_sounds(train=8, others=2)
    return {name: result_of(make(some, 2, 0), some, EXPLAINED[name])[0] for name, make in BASELINES.items()}


def test_baselines_are_ranked_correctly(measured):
    by_mels = [measured[name]["mel_distance"] for name in ("griffin-lim-128", "components-mel128", "mean-mel128")]
    assert 0 < by_mels[0] < by_mels[1] < by_mels[2]
    for name in ("replay", "components-raw", "mean-mel128"):
        for ceiling in ("griffin-lim-128", "griffin-lim-256"):
            assert measured[name]["spectral_convergence"] > measured[ceiling]["spectral_convergence"], name


def test_only_all_measures_together_tell_real_sounds_from_others(measured):
    real, replay, mean = (measured[name] for name in (CEILING, "replay", "mean-mel128"))
    assert real["instrument_hit"] == replay["instrument_hit"] == mean["instrument_hit"] == 1
    assert replay["nearest_training"] == pytest.approx(0, abs=1e-4)
    assert mean["diversity"] == pytest.approx(0, abs=1e-4)
    assert real["nearest_training"] > 1
    assert real["diversity"] > 1


def test_a_replay_gives_back_training_chunks_of_the_same_instrument():
    some = small_sounds(train=4, others=2)
    made = BASELINES["replay"](some, 2, 0)
    known = {chunk.tobytes(): number for chunk, number in zip(some.train.chunks, some.train.instruments, strict=True)}
    assert [known[chunk.tobytes()] for chunk in made.rebuilt] == some.test.instruments.tolist()
    assert [known[chunk.tobytes()] for chunk in made.new] == made.asked.tolist() == [0, 0, 1, 1]
    # a training chunk is its own nearest
    same = dataclasses.replace(some, test=some.train)
    np.testing.assert_array_equal(BASELINES["replay"](same, 1, 0).rebuilt, some.train.chunks)


def test_components_give_back_what_they_have_learned_and_count_their_numbers():
    some = small_sounds(train=4, others=2)
    made = BASELINES["components-raw"](dataclasses.replace(some, test=some.train), 2, 0)
    np.testing.assert_allclose(made.rebuilt, some.train.chunks, atol=1e-4)
    assert made.measures["parameters"] == (8 + 1) * CHUNK
    other = BASELINES["components-raw"](some, 2, 1).new
    assert not np.array_equal(made.new, other)
    np.testing.assert_array_equal(made.new, BASELINES["components-raw"](some, 2, 0).new)


def test_diversity_is_within_instruments():
    rows = np.array([[0.0], [2.0], [50.0], [54.0]])
    assert diversity(rows, np.array([0, 0, 1, 1])) == 3
    # one sound of an instrument has no distance from others
    assert diversity(rows[:3], np.array([0, 0, 1])) == 2
    assert np.isnan(diversity(rows[:1], np.array([0])))


OF_ALL = {
    "spectral_convergence": 0.2, "instrument_hit_reconstructed": 0.9, "instrument_hit": 0.7, "diversity": 16.0,
    "diversity_real": 17.5,
}  # fmt: skip
OF_MODELS = {"parameters": 1_234_567, "rtf_encode": 80.0, "rtf_decode": 40.0}
OF_CODES = {"codes": 256, "codebook_use": 0.98, "prior_bits": 4.0, "bigram_bits": 5.0}
OF_LATENTS = {"latents": 128, "active_units": 0.8}


def records_of(row, **measures):
    """Make up the records of a row: some measures of a good model, with others instead."""
    kind = {} if row.config is None else OF_MODELS | (OF_CODES if row.config.model == "vqvae" else OF_LATENTS)
    return [record(row, {**OF_ALL, **kind, **measures})]


def test_what_has_collapsed_or_is_noise_is_marked():
    codes, latents = BY_NAME["vqvae-raw"], BY_NAME["hvae-raw"]
    bad_codes = {"codebook_use": 0.1, "prior_bits": 5.0, "diversity": 2.0, "rtf_decode": 0.5}
    bad_latents = {"spectral_convergence": 1.0, "active_units": 0.4, "kl_top_nats": 0.5, "instrument_hit": 0.3}
    result = {
        latents: records_of(latents, **bad_latents),
        codes: records_of(codes, **bad_codes, instrument_hit_reconstructed=0.4),
    }
    hvae, vqvae = "HVAE, raw", "VQ-VAE, raw"
    assert marked(tables(result)) == [
        ("What comes back of test chunks", hvae, "1"),
        ("What comes back of test chunks", vqvae, "40.0 %"),
        ("What codes hold", vqvae, "10.0 %"),
        ("What codes hold", vqvae, "5"),
        ("What latents hold", hvae, "40.0 %"),
        ("What latents hold", hvae, "0.5"),
        ("What they play of their own", hvae, "30.0 %"),
        ("What they play of their own", vqvae, "2"),
        ("What they cost", vqvae, "0.5"),
    ]
    assert marked(tables({row: records_of(row) for row in ROWS})) == []


@pytest.mark.slow
def test_a_model_of_codes_is_compared_with_real_sounds(
    completed, tmp_path, eager, little_measured, rough_inversion, monkeypatch
):
    use_tiny_networks(monkeypatch)
    monkeypatch.setattr(
        audiovae.data.sounds, "load_sounds", lambda *_, seed, **__: small_sounds(train=4, others=2, seed=seed)
    )
    for row in TRAINED:
        monkeypatch.setitem(row.config.__dict__, "updates_per_epoch", 1)
    options = ("--rows", "fsq-raw,replay", "--epochs", 1, "--count", 2)
    text, written, pictures = compared(completed, main, tmp_path, "audio", *options)
    for name in (CEILING, "fsq-raw", "replay"):
        assert f"{name}, seed 0:" in text
        assert f"| {BY_NAME[name].title} |" in written
    assert "small, 2 instruments, 8 seconds for training and 4 for tests, fingerprint" in written
    assert pictures == {"rebuilt.png", "new.png", "instruments.png", "recognised.png", "course.png"}
    # the run is as training leaves it
    (run,) = (path for path in (tmp_path / "work").glob("fsq-raw-*") if path.is_dir())
    (file,) = (tmp_path / "work").glob("fsq-raw-*.json")
    kept = read_json(file)
    assert kept["training"]["prior_epochs"] == 1
    assert read_json(run / "metrics.json")["prior_bits"] == kept["measures"]["prior_bits"]
    assert audiovae.make_sounds(audiovae.load(run), count=1).shape == (1, CHUNK)
