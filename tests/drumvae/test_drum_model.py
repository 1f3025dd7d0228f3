import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import logsumexp
from scipy.stats import norm
from smalldrums import NAMES, spelled_bars, tiny

from drumvae.config import HIERARCHIES
from drumvae.models.vae import Latents, Playing
from drumvae.trainer import examples_of
from manymodes.files import save_keras
from manymodes.nn.variational import Gaussian, kl_divergence, with_free_bits

pytestmark = pytest.mark.usefixtures("eager")

LOW, HIGH = 12, 4


@pytest.fixture(scope="module")
def bars():
    return spelled_bars(6, 0)


@pytest.fixture(scope="module")
def hits(bars):
    return tf.constant(bars.hits, tf.float32)


@pytest.fixture(scope="module")
def models():
    """Return a model of each hierarchy, by supervision."""
    return {
        (hierarchy, supervised): tiny(hierarchy=hierarchy, supervised=supervised)
        for hierarchy in HIERARCHIES
        for supervised in (True, False)
    }


def latents_of(count, seed=0):
    drawn = np.random.default_rng(seed).standard_normal((count, HIGH + LOW)).astype(np.float32)
    return Latents(tf.constant(drawn[:, :HIGH]), tf.constant(drawn[:, HIGH:]))


def losses(model, batch):
    """Return the losses of a batch."""
    model.reset_metrics()
    return {name: float(value) for name, value in model.test_step(batch).items()}


def batch_of(bars):
    examples, styles = examples_of(bars)
    return tuple(map(tf.constant, examples)), tf.constant(styles)


def playing_of(bars):
    (_, *played), _ = batch_of(bars)
    return Playing(*played)


def test_only_top_down_decoder_and_lower_posterior_depend_on_z_high(models, hits):
    moved = latents_of(len(hits), seed=1).high
    for hierarchy, used in (("top-down", True), ("chain", False)):
        model = models[hierarchy, True]
        latents = latents_of(len(hits))
        logits, others = (model.decode(given).numpy() for given in (latents, latents._replace(high=moved)))
        assert (logits != others).any() == used
        noise = model.noise(len(hits), [0, 1])
        lower, other = (model.encode(hits, noise._replace(high=high)).low.mean for high in (noise.high, moved))
        assert (lower.numpy() != other.numpy()).any() == used


@pytest.mark.parametrize("changed", ["velocities", "offsets", "tempos"])
def test_only_top_down_z_high_depends_on_the_playing(models, bars, changed):
    (hits, *_), _ = batch_of(bars)
    playing = playing_of(bars)
    other = playing._replace(**{changed: getattr(playing, changed) + 0.1})
    for hierarchy, used in (("top-down", True), ("chain", False)):
        model = models[hierarchy, True]
        noise = model.noise(len(hits), [0, 1])
        first, second = (model.encode(hits, noise, each).high.mean.numpy() for each in (playing, other))
        assert (first != second).any() == used


def test_z_high_of_a_chain_is_inferred_from_z_low_alone(models, hits):
    model = models["chain", True]
    noise = model.noise(len(hits), [0, 1])
    first = model.encode(hits, noise)
    # Other bars, and noise that leads to the same lower level for all that.
    lower = model.encode(hits[::-1], noise).low
    same = (first.latents.low - lower.mean) * tf.exp(-lower.log_variance / 2)
    again = model.encode(hits[::-1], Latents(noise.high, same))
    assert again.latents.low.numpy() == pytest.approx(first.latents.low.numpy(), abs=1e-5)
    assert again.high.mean.numpy() == pytest.approx(first.high.mean.numpy(), abs=1e-4)


@pytest.mark.parametrize("hierarchy", HIERARCHIES)
@pytest.mark.parametrize("supervised", [True, False])
def test_every_part_learns(bars, hierarchy, supervised):
    model = tiny(hierarchy=hierarchy, supervised=supervised, free_bits_nats=0.0)
    with tf.GradientTape() as tape:
        loss = model._measure(batch_of(bars), tf.constant([0, 1], tf.int64), training=True)
    gradients = zip(model.trainable_variables, tape.gradient(loss, model.trainable_variables), strict=True)
    learning = {variable.path: gradient is not None and bool(np.any(gradient)) for variable, gradient in gradients}
    assert [path for path, learns in learning.items() if not learns] == []
    assert any("style_means" in path for path in learning) == supervised


def test_latents_are_those_of_hits_alone(models, bars):
    model = models["top-down", True]
    (hits, velocities, offsets, _), _ = batch_of(bars)
    with tf.GradientTape(persistent=True) as tape:
        latents = model.encode(hits, model.noise(len(hits), [0, 1])).latents
        played = model.play(latents, hits)
        error = tf.reduce_sum(tf.square(velocities - played.velocity.mean) + tf.square(offsets - played.offset.mean))
    for part in (model.encoder, model.high_encoder, model.low_encoder, model.decoder):
        assert not any(gradient is not None for gradient in tape.gradient(error, part.trainable_variables))
    assert any(np.abs(gradient).max() > 0 for gradient in tape.gradient(error, model.player.trainable_variables))


def test_the_prior_of_a_supervised_model_is_around_its_style_and_of_all_styles_their_mixture(models, hits):
    model = models["top-down", True]
    means = model.style_means.numpy()
    styles = np.arange(len(hits)) % len(NAMES)
    values = latents_of(len(hits)).high
    prior = model.prior_high(Gaussian(values, values), tf.constant(styles))
    np.testing.assert_array_equal(prior.mean, means[styles])
    np.testing.assert_array_equal(prior.log_variance, np.zeros((len(hits), HIGH)))
    each = norm.logpdf(values.numpy()[:, None], means).sum(axis=2)
    assert model.style_logits(values).numpy() == pytest.approx(each, rel=1e-5)
    mixture = logsumexp(each, axis=1) - np.log(len(NAMES))
    assert model.log_prior_high(values).numpy() == pytest.approx(mixture, rel=1e-5)


def test_naming_styles_changes_nothing_else(hits, bars):
    model = tiny(supervised=False)
    before = {variable.path: variable.numpy() for variable in model.variables}
    model.name_styles(bars.hits, bars.styles)
    changed = [variable.path for variable in model.variables if (variable.numpy() != before[variable.path]).any()]
    assert {path.split("/")[-1] for path in changed} == {"style_means", "style_deviations"}
    high = model.means(hits).high.numpy()
    for style in range(len(NAMES)):
        of_style = high[bars.styles == style]
        assert model.style_means[style].numpy() == pytest.approx(of_style.mean(axis=0), abs=1e-6)
        assert model.style_deviations[style].numpy() == pytest.approx(of_style.std(axis=0), abs=1e-6)


@pytest.mark.parametrize("free_bits", [0.0, 0.3, 50.0])
def test_the_loss_has_free_bits_and_what_is_reported_has_none(bars, hits, free_bits):
    model = tiny(free_bits_nats=free_bits, style_weight=0.7)
    model.beta.assign(0.5)
    result = losses(model, batch_of(bars))
    posterior = model.encode(hits, model.noise(len(bars), tf.constant([model.seed, -1], tf.int64)), playing_of(bars))
    high = kl_divergence(posterior.high, model.prior_high(posterior.high, tf.constant(bars.styles)))
    low = kl_divergence(posterior.low, model.low_given(posterior.latents.high))
    costs = float(with_free_bits(high, free_bits) + with_free_bits(low, free_bits))
    parts = result["reconstruction_nats"] + 0.5 * costs + result["playing_loss"] + 0.7 * result["style_loss"]
    assert result["loss"] == pytest.approx(parts, rel=1e-5)
    for name, divergences in (("kl_high_nats", high), ("kl_low_nats", low)):
        assert result[name] == pytest.approx(divergences.numpy().sum(axis=1).mean(), rel=1e-4)
    sum_of_all = result["reconstruction_nats"] + result["kl_high_nats"] + result["kl_low_nats"]
    assert -result["elbo_nats"] == pytest.approx(sum_of_all, rel=1e-5)


def test_losses_are_reproducible_and_unsupervised_ones_do_not_depend_on_styles(models, bars):
    supervised, unsupervised = models["top-down", True], models["top-down", False]
    examples, styles = batch_of(bars)
    others = tf.roll(styles, 1, axis=0)
    result = losses(supervised, (examples, styles))
    assert result == losses(supervised, (examples, styles)) != losses(supervised, (examples, others))
    result = losses(unsupervised, (examples, styles))
    assert result == losses(unsupervised, (examples, others))
    assert not any("style" in name for name in result)


def test_the_likelihood_is_exact_where_latents_do_not_matter(bars):
    chances = np.random.default_rng(1).uniform(0.1, 0.4, 9)  # of each instrument, in any bar and step
    model = tiny(supervised=False)
    for variable in model.trainable_variables:
        variable.assign(tf.zeros_like(variable))
    model.decoder.layers[-1].bias.assign(np.log(chances / (1 - chances)))
    exact = np.log(np.where(bars.hits, chances, 1 - chances)).sum(axis=(1, 2))
    assert model.log_likelihood(bars.hits, samples=7) == pytest.approx(exact, rel=1e-5)
    result = losses(model, batch_of(bars))
    # posteriors are the prior, standard normal
    assert (result["kl_high_nats"], result["kl_low_nats"]) == (0, 0)
    assert result["elbo_nats"] == pytest.approx(exact.mean(), rel=1e-5)


def outputs(model, hits):
    latents = model.means(hits)
    played = model.play(latents, hits)
    likelihood = model.log_likelihood(hits.numpy(), samples=3, seed=4)
    return [likelihood, *(part.numpy() for part in (*latents, model(hits), *played.velocity, *played.offset))]


@pytest.mark.parametrize("options", [{}, {"hierarchy": "chain", "supervised": False}])
def test_a_model_comes_back_from_its_file(hits, tmp_path, options):
    model = tiny(dropout=0.3, free_bits_nats=0.1, style_weight=2.0, tempo=99.0, channels=(4, 6, 8), **options)
    for variable, value in ((model.temperature, 1.7), (model.beta, 0.3), (model.style_deviations, 1.3)):
        variable.assign(tf.fill(variable.shape, value))
    save_keras(model, tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again.get_config() == model.get_config()
    assert json.loads(json.dumps(again.get_config()))["channels"] == [4, 6, 8]
    for ours, theirs in zip(outputs(again, hits), outputs(model, hits), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert (float(again.beta), float(again.temperature)) == (np.float32(0.3), np.float32(1.7))
