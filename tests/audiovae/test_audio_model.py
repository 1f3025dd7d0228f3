import functools

import keras
import numpy as np
import pytest
import smallsounds
import tensorflow as tf
from smallsounds import click, made, untrained

from audiovae.data.chunks import CHUNK
from audiovae.models.networks import Form, LayerNormalization, build_code_decoder, build_code_encoder
from audiovae.models.vae import Inferred
from manymodes.files import save_keras
from manymodes.nn.latents import ACTIVE_VARIANCE
from manymodes.nn.randomness import RandomBatches, make_deterministic
from manymodes.nn.variational import Gaussian, bounded

# Keras warns that what runs eagerly still reads its batches in a graph: so it should.
pytestmark = [
    pytest.mark.usefixtures("rough_inversion"),
    pytest.mark.filterwarnings("ignore:Even though the `tf.config.experimental_run:UserWarning"),
]


def noise(count, seed=0):
    return smallsounds.noise(count * CHUNK, seed).reshape(count, CHUNK)


def changed(one, other):
    """Return the places along the second axis at which arrays differ."""
    return np.flatnonzero((one != other).reshape(*one.shape[:2], -1).any(axis=(0, 2)))


@pytest.mark.parametrize(
    ("kind", "reads", "frames"),
    [("vq", "raw", 172), ("fsq", "mel", 176), ("vae", "raw", None), ("hvae", "mel 256", None)],
)
def test_chunks_come_back_as_chunks_and_a_model_from_its_file(kind, reads, frames, tmp_path):
    model, chunks = made(kind, reads), noise(2)
    rebuilt = model.reconstruct(chunks)
    assert (rebuilt.shape, rebuilt.dtype) == ((2, CHUNK), np.float32)
    np.testing.assert_array_equal(rebuilt, model.from_latents(model.latents(chunks)))
    if frames:  # a chunk is a row of codes
        codes = model.encode_codes(chunks)
        assert (codes.shape, codes.dtype) == ((2, frames), np.int32)
        assert (model.frames, model.code_count) == (frames, 16)
        assert 0 <= codes.min() <= codes.max() < 16
        np.testing.assert_array_equal(model.decode_codes(codes), rebuilt)
    else:
        model.fit_instruments(chunks, np.array([0, 1]))
    save_keras(model, tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.reconstruct(chunks), rebuilt)
    if not frames:
        np.testing.assert_array_equal(loaded.sample_latents(3, 5, 1), model.sample_latents(3, 5, 1))


FORM = Form("raw", fine=4, width=8, dilations=(1,))
REACH = 600  # samples from a code's middle to the farthest that it hears or makes, with these dilations


@functools.cache
def code_networks():
    make_deterministic(0)
    networks = build_code_encoder(FORM, 4, normalised=False), build_code_decoder(FORM, 4)
    rng = np.random.default_rng(0)
    for weight in networks[0].weights + networks[1].weights:
        weight.assign(rng.normal(0, 0.5, weight.shape))
    return networks


@pytest.mark.parametrize("place", [0, 5_000, CHUNK - 1])
def test_every_sample_is_heard_where_it_is(place):
    encoder, _ = code_networks()
    silence = np.asarray(encoder(click(0, 0.0)))
    codes = changed(silence, np.asarray(encoder(click(place))))
    assert codes.size
    middles = 128 * codes + 64
    assert (np.abs(middles - place) <= REACH).all()
    assert abs((middles.min() + middles.max()) / 2 - np.clip(place, 200, CHUNK - 200)) < 256


@pytest.mark.parametrize("code", [0, 85, 171])
def test_every_code_is_made_where_it_was(code):
    _, decoder = code_networks()
    encodings = np.zeros((1, 172, 4), np.float32)
    before = np.asarray(decoder(encodings))
    encodings[0, code] = 1
    samples = changed(before, np.asarray(decoder(encodings)))
    middle = 128 * code + 64
    assert (np.abs(samples - middle) <= REACH).all()
    # the ends of the sound included
    assert samples.min() <= max(0, middle - 200)
    assert samples.max() >= min(CHUNK - 1, middle + 200)


def test_the_written_gradient_is_that_of_keras():
    rng = np.random.default_rng(0)
    frames, upstream = (tf.constant(rng.normal(1, 2, (3, 5, 8)), tf.float32) for _ in range(2))
    gamma, beta = rng.normal(size=(2, 8))

    def values_and_slopes(layer):
        layer.build(frames.shape)
        layer.gamma.assign(gamma)
        layer.beta.assign(beta)
        with tf.GradientTape() as tape:
            tape.watch(frames)
            values = layer(frames)
        return values, *tape.gradient(values, [frames, *layer.trainable_weights], output_gradients=upstream)

    ours, theirs = map(values_and_slopes, (LayerNormalization(), keras.layers.LayerNormalization()))
    for our, their in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(our, their, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("kind", "reads"), [("vq", "raw"), ("fsq", "mel"), ("hvae", "mel")])
def test_updates_bring_the_sounds_nearer(eager, kind, reads):
    model = untrained(kind, reads)
    model.compile(keras.optimizers.Adam(3e-3))
    batches = RandomBatches(model.features_of(noise(2)), 2, 2, seed=0)
    history = {name: np.array(values) for name, values in model.fit(batches, epochs=2, verbose=0).history.items()}
    reconstruction = history["reconstruction_loss"]
    assert reconstruction[1] < reconstruction[0]
    np.testing.assert_allclose(reconstruction, history.get("spectral_loss", 0) + 10 * history["difference"], rtol=1e-5)
    assert ("spectral_loss" in history) == (reads == "raw")
    if kind == "vq":
        np.testing.assert_allclose(history["loss"], reconstruction + 0.25 * history["commitment_loss"], rtol=1e-5)


@pytest.mark.parametrize(("anneal", "free"), [(0.5, 0.0), (1.0, 50.0)])
def test_the_divergence_counts_as_much_as_it_should(eager, monkeypatch, anneal, free):
    model = made("hvae", "mel 256")
    monkeypatch.setattr(model, "beta", 0.01)
    monkeypatch.setattr(model, "free_bits_nats", free)
    model.anneal.assign(anneal)
    features = tf.constant(model.features_of(noise(4)))
    for training in (True, False):
        model.reset_metrics()
        model._measure(features, tf.constant([0, 0], tf.int64), training=training)
        results = {metric.name: float(metric.result()) for metric in model.metrics}
        divergence = results["kl_top_nats"] + results["kl_bottom_nats"]
        # below the floor each latent costs the floor
        learned_from = anneal * (free * model.latent_dim if free else divergence)
        counted = learned_from if training else divergence
        assert results["loss"] == pytest.approx(results["reconstruction_loss"] + 0.01 * counted, rel=1e-5)


@pytest.mark.parametrize(("kind", "reads"), [("vae", "raw"), ("hvae", "mel 256")])
def test_no_latent_falls_silent(kind, reads):
    model = made(kind, reads)
    features = tf.constant(model.features_of(np.concatenate([noise(20), 0.01 * noise(20, seed=1)])))
    inferred = model.infer(features, tf.zeros([40, model.latent_dim]), training=True)
    spread = np.std(inferred.top.mean, axis=0)
    np.testing.assert_allclose(spread, 0.8, rtol=0.05)
    assert (spread**2 > ACTIVE_VARIANCE).all()
    divergence = inferred.divergences["all" if kind == "vae" else "top"]
    # KL(N(μ, σ²) ‖ N(0, 1)) ≥ μ² / 2, whatever σ is
    assert (np.mean(divergence, axis=0) >= 0.5 * spread**2).all()


@pytest.mark.parametrize("scale", [0.01, 1, 100])
def test_the_commitment_follows_from_the_variance(monkeypatch, scale):
    model, encodings = made("vq"), np.random.default_rng(0).normal(size=(4, 172, 4)).astype(np.float32)
    monkeypatch.setattr(model, "commitment", "auto")
    assert float(model._commitment_weight(scale * encodings + 3)) == pytest.approx(0.25 / scale**2, rel=0.05)
    monkeypatch.setattr(model, "commitment", 0.7)
    assert model._commitment_weight(scale * encodings) == 0.7


def test_an_instrument_lies_where_its_sounds_do(monkeypatch):
    model = made("vae")

    def infer(features, noise):
        """Return normal distributions around the first samples of chunks, with a deviation of 0.3."""
        means = features[:, : model.top_dim]
        return Inferred(noise, Gaussian(means, np.full_like(means, 2 * np.log(0.3))), {})

    monkeypatch.setattr(model, "infer", infer)
    chunks = np.zeros((400, CHUNK), np.float32)
    rng = np.random.default_rng(0)
    mixing = np.array([[1, 0, 0], [0.8, 0.6, 0], [0, 0, 0.1]])
    instruments = np.arange(400) % 2
    chunks[:, :3] = rng.normal(size=(400, 3)) @ mixing.T + np.where(instruments[:, None] == 1, [5, 0, -5], 0)
    model.fit_instruments(chunks, instruments)
    for instrument in (0, 1):
        own = chunks[instruments == instrument, :3]
        drawn = model.sample_latents(20_000, 1, instrument)
        np.testing.assert_allclose(drawn.mean(axis=0), own.mean(axis=0), atol=0.05)
        # the spread of the means and that of each posterior
        np.testing.assert_allclose(np.cov(drawn.T), np.cov(own.T, ddof=0) + 0.09 * np.eye(3), atol=0.05)


def test_the_bottom_is_drawn_below_the_top():
    model = made("hvae", "mel 256")
    top = np.tile(np.float32([[1, -2, 0.5]]), (4000, 1))
    noise_below = np.random.default_rng(0).standard_normal((4000, model.latent_dim - 3), np.float32)
    latents = np.asarray(model.below(top, noise_below))
    np.testing.assert_array_equal(latents[:, :3], top)
    prior = bounded(model.bottom_prior([top[:1]]))
    np.testing.assert_allclose(latents[:, 3:].mean(axis=0), prior.mean[0], atol=0.1)
    np.testing.assert_allclose(latents[:, 3:].std(axis=0), np.exp(prior.log_variance[0] / 2), rtol=0.1)
