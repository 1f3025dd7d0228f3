import json
import math

import numpy as np
import pytest
import soundfile
import tensorflow as tf
from smallaudio import small_vqvae, tone

from audiovae import prior as command
from audiovae.codes import fingerprint
from audiovae.config import AudioConfig
from audiovae.data.chunks import CHUNK
from audiovae.data.sounds import load_sounds
from audiovae.metrics import recognition
from audiovae.metrics.ngrams import bigram_bits, unigram_bits
from audiovae.models.prior import CodePrior, LabelledCodes, bits_per_code, draw, fit_prior
from audiovae.synthesis import CODE_PRIOR
from manymodes.experiment.run import Run
from manymodes.files import save_keras
from manymodes.hub import load_model
from manymodes.nn.randomness import make_deterministic

FRAMES, CODES = 12, 6


def small_prior(seed=0, **options):
    make_deterministic(seed)
    prior = CodePrior(
        CODES,
        FRAMES,
        ["up", "down"],
        maker="00ff",
        **{"units": 16, "embedding": 8, "dropout": 0.0, **options},
        seed=seed,
    )
    prior.build()
    return prior


def ladders(count, seed):
    """Codes that climb with the first instrument and descend with the second, from anywhere, coming round."""
    rng = np.random.default_rng(seed)
    instruments = np.arange(count) % 2
    steps = np.where(instruments == 0, 1, -1)[:, None] * np.arange(FRAMES)
    return LabelledCodes(((rng.integers(CODES, size=(count, 1)) + steps) % CODES).astype(np.int32), instruments)


@pytest.fixture(scope="module")
def trained():
    return fit_prior(small_prior(), ladders(256, 1), ladders(32, 2), epochs=40, batch_size=32, verbose=0)


# --- counts


def test_counting_costs_what_it_must():
    train, held_out = np.array([[0, 1, 0, 1]]), np.array([[0, 1, 1]])
    # p(0) = p(1) = 3/7 and p(2) = 1/7
    assert unigram_bits(train, held_out, 3) == pytest.approx(math.log2(7 / 3))
    # 0 1 was seen twice, 1 0 once: p(1 | 0) = 3/5, p(1 | 1) = 1/4
    assert bigram_bits(train, held_out, 3) == pytest.approx((math.log2(7 / 3) + math.log2(5 / 3) + math.log2(4)) / 3)


# --- the network


def test_a_prior_knows_only_the_codes_before(eager):
    prior = small_prior(seed=3)
    codes = np.random.default_rng(0).integers(CODES, size=(1, FRAMES))
    logits = prior((codes, np.array([0]))).numpy()
    for place in range(FRAMES):
        changed = codes.copy()
        changed[0, place] = (codes[0, place] + 1) % CODES
        differs = (prior((changed, np.array([0]))).numpy() != logits).any(axis=(0, 2))
        assert not differs[: place + 1].any()
        assert differs[place + 1 :].all()


def test_it_learns_what_follows_and_whose_it_is(trained):
    train, held_out = ladders(256, 1), ladders(64, 5)
    found = bits_per_code(trained, held_out)
    assert found >= math.log2(CODES) / FRAMES - 0.02  # the first code cannot be known
    assert found < math.log2(CODES) / FRAMES + 0.15
    # without the instrument, either neighbour may follow
    assert found < bigram_bits(train.codes, held_out.codes, CODES) - 0.5


def test_same_seed_same_prior():
    def weights():
        prior = small_prior(seed=4, dropout=0.5)
        return fit_prior(prior, ladders(32, 1), ladders(8, 2), epochs=2, batch_size=16, verbose=0).get_weights()

    for first, second in zip(weights(), weights(), strict=True):
        assert (first == second).all()


# --- drawing


def test_what_is_drawn_is_as_frequent_as_it_is_likely():
    probabilities = np.array([0.1, 0.4, 0.2, 0.3])
    shares = (np.arange(1000, dtype=np.float32) + 0.5) / 1000
    logits = tf.constant(np.log(np.tile(probabilities, (1000, 1))), tf.float32)

    def counts(**options):
        return np.bincount(draw(logits, shares, **options).numpy(), minlength=4).tolist()

    assert counts() == pytest.approx([100, 400, 200, 300], abs=1)
    assert counts(top_p=0.6) == pytest.approx([0, 4000 / 7, 0, 3000 / 7], abs=1)
    assert counts(top_p=1e-6) == [0, 1000, 0, 0]
    squares = probabilities**2 / (probabilities**2).sum() * 1000
    assert counts(temperature=0.5) == pytest.approx(squares, abs=1)


def test_what_it_draws_is_what_it_has_learned(trained):
    asked = np.arange(40) % 2
    steps = np.diff(trained.sample(asked, seed=0), axis=1) % CODES
    expected = np.where(asked == 0, 1, CODES - 1)[:, None]
    assert (steps == expected).mean() > 0.95


def test_cached_steps_see_what_the_whole_network_sees():
    prior = small_prior(seed=8)
    asked = np.array([0, 1, 1])
    codes = prior.sample(asked, seed=0, top_p=1e-6)
    assert codes.tolist() == prior((codes, asked)).numpy().argmax(axis=-1).tolist()


def test_the_first_of_few_are_the_first_of_many():
    prior = small_prior(seed=2)
    many = prior.sample(np.zeros(20, int), seed=5)
    assert many.shape == (20, FRAMES)
    assert prior.sample(np.zeros(3, int), seed=5).tolist() == many[:3].tolist()
    assert prior.sample(np.zeros(3, int), seed=6).tolist() != many[:3].tolist()
    assert len(np.unique(many, axis=0)) > 15


# --- files


def test_a_prior_is_loaded_as_it_was_saved(trained, tmp_path):
    path = tmp_path / "prior.keras"
    save_keras(trained, path)
    loaded = load_model(path, CODE_PRIOR, "the prior")
    codes = ladders(3, 0)
    assert (loaded(codes).numpy() == trained(codes).numpy()).all()
    assert (loaded.maker, loaded.instruments, loaded.frames) == ("00ff", ["up", "down"], FRAMES)
    assert loaded.sample([0, 1], seed=1).tolist() == trained.sample([0, 1], seed=1).tolist()


# --- the command


class Classifier:
    """Hears the first instrument in whatever is played."""

    hit_real = 0.75

    def hit(self, chunks, instruments):
        assert chunks.shape == (len(instruments), CHUNK)
        return float((instruments == 0).mean())


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recordings")
    for number, name in enumerate(("piano", "Bass drum", "flute")):
        (folder / name).mkdir()
        for file in range(3):
            soundfile.write(folder / name / f"{file}.wav", tone(200 * (number + 1) + 10 * file, 2), 22_050)
    return folder


@pytest.fixture
def run(tmp_path, recordings, monkeypatch):
    """Make a run folder as training leaves it."""
    monkeypatch.setattr(recognition, "recogniser_of", lambda _: Classifier())
    path = tmp_path / "run"
    sounds = load_sounds(recordings, seed=3, progress=False)
    Run.create(path, AudioConfig(sounds=str(recordings), seed=3).check(), fingerprint=sounds.fingerprint)
    save_keras(small_vqvae(), path / "model.keras")
    (path / "metrics.json").write_text(json.dumps({"mse": 0.125, "prior_bits": None}))
    return path


@pytest.fixture
def refusal(run, at_prompt, contents):
    """Run the command in vain; return the one line that it says."""

    def ask(path=run, **changed):
        if changed:
            config = json.loads((run / "config.json").read_text())
            (run / "config.json").write_text(json.dumps({**config, **changed}))
        before = contents(run)
        code, text, errors = at_prompt(command.main, path)
        assert (code, text) == (2, "")
        assert errors.count("\n") == 1
        assert contents(run) == before
        return errors

    return ask


def test_a_run_is_given_its_prior_and_what_it_is_worth(run, recordings, at_prompt):
    code, text, errors = at_prompt(command.main, run, "--epochs", 1)
    assert (code, errors) == (0, "")
    assert text.splitlines()[-1].startswith(f"wrote {run}/prior.keras: ")
    model, sounds = small_vqvae(), load_sounds(recordings, seed=3, progress=False)
    found = load_model(run / "prior.keras", CODE_PRIOR)
    assert found.maker == fingerprint(model.get_weights()).hex()
    assert (found.code_count, found.frames) == (model.code_count, model.frames)
    assert found.instruments == list(sounds.names)
    codes = {side: model.encode_codes(getattr(sounds, side).chunks) for side in ("train", "test")}
    assert json.loads((run / "metrics.json").read_text()) == {
        "mse": 0.125,
        "prior_bits": pytest.approx(
            bits_per_code(found, LabelledCodes(codes["test"], sounds.test.instruments)), abs=1e-4
        ),
        "unigram_bits": pytest.approx(unigram_bits(codes["train"], codes["test"], model.code_count), abs=1e-6),
        "bigram_bits": pytest.approx(bigram_bits(codes["train"], codes["test"], model.code_count), abs=1e-6),
        "instrument_hit": pytest.approx(1 / 3, abs=1e-6),
        "instrument_hit_real": 0.75,
    }


def test_what_has_no_codes_is_given_no_prior(refusal, run, tmp_path):
    assert "is not a run folder" in refusal(tmp_path / "none")
    assert "have changed since" in refusal(fingerprint="another")
    assert "holds a model without codes" in refusal(model="hvae")
    assert "is a run of drumvae.train" in refusal(program="drumvae.train")
    (run / "model.keras").unlink()
    assert "has no model.keras" in refusal(program="audiovae.train")


def test_noise_costs_all_its_bits_and_what_follows_surely_none():
    rng = np.random.default_rng(0)
    noise = rng.integers(16, size=(2, 400, 100))
    assert unigram_bits(*noise, 16) == pytest.approx(4, abs=0.01)
    assert bigram_bits(*noise, 16) == pytest.approx(4, abs=0.02)
    cycle = (np.arange(100) + rng.integers(16, size=(2, 400, 1))) % 16
    assert unigram_bits(*cycle, 16) == pytest.approx(4, abs=0.01)
    assert bigram_bits(*cycle, 16) < 0.1
