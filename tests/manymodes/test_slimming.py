import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf

from manymodes.hub import save_slim
from manymodes.nn.adversarial import AdversarialModel

LATENT = 3


@pytest.fixture(scope="module")
def players():
    """Give an adversarial model whose averaged generator is another than the one that was trained last."""
    keras.utils.set_random_seed(3)
    generator = keras.Sequential([keras.Input((LATENT,)), keras.layers.Dense(8), keras.layers.BatchNormalization()])
    critic = keras.Sequential([keras.Input((8,)), keras.layers.Dense(64), keras.layers.Dense(1)])
    model = AdversarialModel(generator, critic, averaging=0.9, seed=4)
    model.averaged_generator.set_weights([2 * weights + 0.1 for weights in generator.get_weights()])
    return model


@pytest.fixture
def latents():
    return tf.random.stateless_normal([5, LATENT], [1, 2])


def halved(weights):
    return [values.astype(np.float16).astype(np.float32) for values in weights]


def test_a_model_that_only_generates_makes_exactly_the_same(players, latents):
    alone = players.generating()
    np.testing.assert_array_equal(alone(latents), players(latents))
    assert alone.count_params() < players.count_params() / 2
    assert (alone.latent_dim, alone.averaging, alone.seed) == (LATENT, 0.9, 4)
    with pytest.raises(ValueError, match="no discriminator to learn by"):
        alone.compile()


def test_a_slim_file_is_the_averaged_generator_in_sixteen_bits(players, latents, tmp_path):
    save_slim(players, tmp_path / "slim.keras")
    loaded = keras.models.load_model(tmp_path / "slim.keras")
    assert isinstance(loaded, AdversarialModel)
    assert loaded.discriminator is None
    assert {weight.dtype for weight in loaded.weights} == {"float32", "int64"}
    expected = halved(players.averaged_generator.get_weights())
    for ours, theirs in zip(loaded.averaged_generator.get_weights(), expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_allclose(loaded(latents), players(latents), rtol=5e-3, atol=5e-3)


def test_same_model_same_bytes(players, tmp_path):
    for name in ("once", "again"):
        save_slim(players, tmp_path / f"{name}.keras")
    once = (tmp_path / "once.keras").read_bytes()
    assert (tmp_path / "again.keras").read_bytes() == once
    save_slim(keras.models.load_model(tmp_path / "once.keras"), tmp_path / "again.keras")
    assert (tmp_path / "again.keras").read_bytes() == once  # what is slim already stays as it is
    assert {file.name for file in tmp_path.iterdir()} == {"once.keras", "again.keras"}


def test_other_models_keep_all_that_they_have(tmp_path):
    keras.utils.set_random_seed(5)
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(256), keras.layers.Dense(3)])
    model.save(tmp_path / "whole.keras")
    save_slim(model, tmp_path / "slim.keras")
    loaded = keras.models.load_model(tmp_path / "slim.keras")
    for ours, theirs in zip(loaded.get_weights(), halved(model.get_weights()), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    sizes = [(tmp_path / f"{name}.keras").stat().st_size for name in ("slim", "whole")]
    assert sizes[0] < 0.55 * sizes[1]
    with zipfile.ZipFile(tmp_path / "slim.keras") as archive:
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_DEFLATED}
