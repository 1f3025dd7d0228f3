import numpy as np
import pytest
from smallsounds import small_sounds

from audiovae.metrics import recognition
from audiovae.metrics.recognition import as_by_codec, build_recogniser, train_recogniser
from manymodes.files import CACHE_VARIABLE
from manymodes.nn.randomness import make_deterministic

recogniser_of = recognition.recogniser_of.__wrapped__  # without what this process remembers


@pytest.fixture(scope="module")
def made(sounds, tmp_path_factory):
    """Train a recogniser of the small sounds; return it and where it is kept."""
    folder = tmp_path_factory.mktemp("recogniser") / "cache"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CACHE_VARIABLE, str(folder))
        return recogniser_of(sounds), folder


@pytest.fixture
def trained(monkeypatch):
    """Have recognisers learn nothing, which takes no time; return the list of the sounds they were to learn."""
    learned = []

    def learn_nothing(sounds):
        learned.append(sounds)
        make_deterministic(0)
        return build_recogniser(len(sounds.names), 0)

    monkeypatch.setattr(recognition, "train_recogniser", learn_nothing)
    return learned


def same(one, other):
    return all(map(np.array_equal, one.network.get_weights(), other.network.get_weights()))


def test_it_tells_instruments_apart(made):
    recogniser, _ = made
    others = small_sounds(seed=5).test
    # however loud they are, and after a codec
    for chunks in (others.chunks, 0.01 * others.chunks, as_by_codec(others.chunks, seed=[8])):
        np.testing.assert_array_equal(recogniser.recognise(chunks), others.instruments)
    assert recogniser.hit(others.chunks, np.zeros(len(others.chunks))) == 0.5


def test_the_same_sounds_give_the_same_recogniser(sounds, monkeypatch):
    monkeypatch.setattr(recognition, "_FEWEST_UPDATES", 3)
    monkeypatch.setattr(recognition, "_EPOCHS", 1)
    weights = [train_recogniser(sounds).get_weights() for _ in range(2)]
    assert all(map(np.array_equal, *weights))


def test_it_is_trained_once(made, sounds, trained, monkeypatch):
    recogniser, folder = made
    monkeypatch.setenv(CACHE_VARIABLE, str(folder))
    assert same(recogniser_of(sounds), recogniser)
    assert trained == []


def test_a_damaged_one_is_trained_again(cache, trained):
    sounds = small_sounds(train=1, others=1)
    first = recogniser_of(sounds)
    (file,) = cache.iterdir()
    content = file.read_bytes()
    for damage in (b"", b"PK\x03\x04 nothing", content[: len(content) // 2]):
        file.write_bytes(damage)
        assert same(recogniser_of(sounds), first)
        assert file.read_bytes() == content
    assert len(trained) == 4
