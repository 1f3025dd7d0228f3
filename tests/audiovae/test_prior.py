import functools
import math

import numpy as np
import pytest

from audiovae.models.portable import draw
from audiovae.models.prior import CodePrior, LabelledCodes, bits_per_code, counted_bits, fit_prior
from audiovae.synthesis import CODE_PRIOR
from manymodes.files import save_keras
from manymodes.hub import load_model
from manymodes.nn.randomness import make_deterministic

FRAMES, CODES = 12, 6


@functools.cache
def small_prior(seed=0):
    """Return an untrained prior; that of seed 0 is trained."""
    make_deterministic(seed)
    sizes = {"units": 16, "embedding": 8, "dropout": 0.0}
    prior = CodePrior(CODES, FRAMES, ["up", "down"], maker="00ff", **sizes, seed=seed)
    prior.build()
    return prior


def ladders(count, seed):
    """Codes that ascend with the first instrument and descend with the second, from anywhere, modulo their number."""
    rng = np.random.default_rng(seed)
    instruments = np.arange(count) % 2
    steps = np.where(instruments == 0, 1, -1)[:, None] * np.arange(FRAMES)
    return LabelledCodes(((rng.integers(CODES, size=(count, 1)) + steps) % CODES).astype(np.int32), instruments)


@pytest.fixture(scope="module")
def trained():
    return fit_prior(small_prior(), ladders(256, 1), ladders(32, 2), epochs=40)


def test_counting_costs_what_it_must():
    train, held_out = np.array([[0, 1, 0, 1]]), np.array([[0, 1, 1]])
    # p(0) = p(1) = 3/7 and p(2) = 1/7; 0 1 was seen twice, 1 0 once: p(1 | 0) = 3/5, p(1 | 1) = 1/4
    assert counted_bits(train, held_out, 3) == {
        "unigram_bits": pytest.approx(math.log2(7 / 3)),
        "bigram_bits": pytest.approx((math.log2(7 / 3) + math.log2(5 / 3) + math.log2(4)) / 3),
    }


def test_a_prior_knows_only_the_codes_before(eager):
    prior = small_prior(seed=8)
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
    result = bits_per_code(trained, held_out)
    assert result >= math.log2(CODES) / FRAMES - 0.02  # the first code cannot be known
    assert result < math.log2(CODES) / FRAMES + 0.15
    # without the instrument, either neighbour may follow
    assert result < counted_bits(train.codes, held_out.codes, CODES)["bigram_bits"] - 0.5


def test_what_is_drawn_is_as_frequent_as_it_is_likely():
    probabilities = np.array([0.1, 0.4, 0.2, 0.3])
    shares = (np.arange(1000, dtype=np.float32) + 0.5) / 1000
    logits = np.log(np.tile(probabilities, (1000, 1)))

    def counts(**options):
        return np.bincount(draw(logits, shares, **options), minlength=4).tolist()

    assert counts() == pytest.approx([100, 400, 200, 300], abs=1)
    assert counts(top_p=0.6) == pytest.approx([0, 4000 / 7, 0, 3000 / 7], abs=1)
    assert counts(top_p=1e-6) == [0, 1000, 0, 0]
    squares = probabilities**2 / (probabilities**2).sum() * 1000
    assert counts(temperature=0.5) == pytest.approx(squares, abs=1)


def test_cached_steps_see_what_the_whole_network_sees():
    prior = small_prior(seed=8)
    asked = np.array([0, 1, 1])
    codes = prior.sample(asked, seed=0, top_p=1e-6)
    assert codes.tolist() == prior((codes, asked)).numpy().argmax(axis=-1).tolist()


def test_the_first_of_few_are_the_first_of_many():
    prior = small_prior(seed=8)
    many = prior.sample(np.zeros(20, int), seed=5)
    assert many.shape == (20, FRAMES)
    assert prior.sample(np.zeros(3, int), seed=5).tolist() == many[:3].tolist()
    assert prior.sample(np.zeros(3, int), seed=6).tolist() != many[:3].tolist()
    assert len(np.unique(many, axis=0)) > 15


def test_a_prior_is_loaded_as_it_was_saved(trained, tmp_path):
    path = tmp_path / "prior.keras"
    save_keras(trained, path)
    loaded = load_model(path, CODE_PRIOR, "the prior")
    codes = ladders(3, 0)
    assert (loaded(codes).numpy() == trained(codes).numpy()).all()
    assert (loaded.maker, loaded.instruments, loaded.frames) == ("00ff", ["up", "down"], FRAMES)
    assert loaded.sample([0, 1], seed=1).tolist() == trained.sample([0, 1], seed=1).tolist()
