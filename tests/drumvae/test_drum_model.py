import json
import os

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import expit, logsumexp
from scipy.stats import norm
from smalldrums import NAMES, spelled_bars, tiny

from drumvae.models.vae import HIERARCHIES, DrumVAE, Latents, Playing, Posterior
from drumvae.trainer import examples_of
from manymodes.files import save_keras
from manymodes.nn.variational import Gaussian, standard_normal_like

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


@pytest.fixture(params=[(hierarchy, supervised) for hierarchy in HIERARCHIES for supervised in (True, False)])
def model(request, models):
    return models[request.param]


def latents_of(count, seed=0):
    drawn = np.random.default_rng(seed).standard_normal((count, HIGH + LOW)).astype(np.float32)
    return Latents(tf.constant(drawn[:, :HIGH]), tf.constant(drawn[:, HIGH:]))


def losses(model, batch):
    """Return what a model says of a batch."""
    model.reset_metrics()
    return {name: float(value) for name, value in model.test_step(batch).items()}


def batch_of(bars):
    examples, styles = examples_of(bars)
    return tuple(map(tf.constant, examples)), tf.constant(styles)


def playing_of(bars):
    (_, *played), _ = batch_of(bars)
    return Playing(*played)


# --- the two hierarchies


def test_the_upper_level_is_read_by_the_decoder_and_the_lower_posterior_of_the_top_down_form_alone(models, hits):
    moved = latents_of(len(hits), seed=1).high
    for hierarchy, heard in (("top-down", True), ("chain", False)):
        model = models[hierarchy, True]
        latents = latents_of(len(hits))
        logits, others = (model.decode(given).numpy() for given in (latents, latents._replace(high=moved)))
        assert (logits != others).any() == heard
        noise = model.noise(len(hits), [0, 1])
        lower, other = (model.encode(hits, noise._replace(high=high)).low.mean for high in (noise.high, moved))
        assert (lower.numpy() != other.numpy()).any() == heard


@pytest.mark.parametrize("changed", ["velocities", "offsets", "tempos"])
def test_the_upper_level_of_the_top_down_form_alone_hears_how_hits_are_played(models, bars, changed):
    (hits, *_), _ = batch_of(bars)
    playing = playing_of(bars)
    other = playing._replace(**{changed: getattr(playing, changed) + 0.1})
    for hierarchy, hears in (("top-down", True), ("chain", False)):
        model = models[hierarchy, True]
        noise = model.noise(len(hits), [0, 1])
        first, second = (model.encode(hits, noise, each) for each in (playing, other))
        assert (first.high.mean.numpy() != second.high.mean.numpy()).any() == hears
        # z_low hears of it what z_high says, and where that is the same nothing
        same = second.latents.high - first.high.mean
        again = model.encode(hits, Latents(same * tf.exp(-first.high.log_variance / 2), noise.low), playing)
        assert again.low.mean.numpy() == pytest.approx(second.low.mean.numpy(), abs=1e-4)


def test_the_upper_level_of_a_chain_is_inferred_from_the_lower_one_alone(models, hits):
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
        told = tf.reduce_sum(tf.square(velocities - played.velocity.mean) + tf.square(offsets - played.offset.mean))
    for part in (model.encoder, model.high_encoder, model.low_encoder, model.decoder):
        assert not any(gradient is not None for gradient in tape.gradient(told, part.trainable_variables))
    assert any(np.abs(gradient).max() > 0 for gradient in tape.gradient(told, model.player.trainable_variables))


def test_means_are_what_is_encoded_without_noise(model, hits):
    still = model.encode(hits, Latents(tf.zeros([len(hits), HIGH]), tf.zeros([len(hits), LOW])))
    means = model.means(hits)
    for found, expected in ((means.high, still.high.mean), (means.low, still.low.mean)):
        np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(model(hits), tf.sigmoid(model.decode(means)))


def test_the_temperature_divides_logits(models):
    model, latents = tiny(), latents_of(3)
    cold = model.decode(latents).numpy()
    model.temperature.assign(4.0)
    assert model.decode(latents).numpy() == pytest.approx(cold / 4)


def test_how_hits_are_played_stays_within_bounds(model, hits):
    played = model.play(latents_of(len(hits)), hits)
    assert (played.velocity.mean.numpy() > 0).all()
    assert (played.velocity.mean.numpy() < 1).all()
    assert (np.abs(played.offset.mean) < 0.5).all()
    assert all((np.exp(part.log_variance / 2) > 0.01).all() for part in played)


# --- styles and priors


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


def test_the_prior_of_an_unsupervised_model_is_standard_normal(models):
    model = models["top-down", False]
    values = latents_of(7).high
    prior = model.prior_high(Gaussian(values, values), None)
    assert not np.any([*prior.mean, *prior.log_variance])
    assert model.log_prior_high(values).numpy() == pytest.approx(norm.logpdf(values).sum(axis=1), rel=1e-5)


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


# --- what is learned


def divergence_between(q, p):
    """Return KL(q ‖ p) of normal distributions, [B, D]."""
    (q_mean, q_log), (p_mean, p_log) = (tuple(np.asarray(part, np.float64) for part in parts) for parts in (q, p))
    return 0.5 * (np.exp(q_log - p_log) + (q_mean - p_mean) ** 2 / np.exp(p_log) - 1 + p_log - q_log)


@pytest.mark.parametrize("floor", [0.0, 0.3, 50.0])
def test_free_bits_are_under_the_mean_of_the_batch_and_not_reported(bars, hits, floor):
    model = tiny(free_bits_nats=floor, style_weight=0.7)
    model.beta.assign(0.5)
    found = losses(model, batch_of(bars))
    noise = model.noise(len(bars), tf.constant([model.seed, -1], tf.int64))
    posterior = model.encode(hits, noise, playing_of(bars))
    means = model.style_means.numpy()[bars.styles]
    high = divergence_between(posterior.high, Gaussian(means, np.zeros_like(means)))
    low = divergence_between(posterior.low, model.low_given(posterior.latents.high))
    costs = sum(np.maximum(divergences.mean(axis=0), floor).sum() for divergences in (high, low))
    paid = found["loss"] - found["reconstruction_nats"] - found["playing_loss"] - 0.7 * found["style_loss"]
    assert paid == pytest.approx(0.5 * costs, rel=1e-3)
    if floor == 0.3:  # some dimensions are below it, some bars of the others too
        of_each = sum(np.maximum(divergences, floor).mean(axis=0).sum() for divergences in (high, low))
        assert of_each > 1.01 * costs > 1.01 * (high.sum() + low.sum()) / len(bars)
    assert found["kl_high_nats"] == pytest.approx(high.sum(axis=1).mean(), rel=1e-4)
    assert found["kl_low_nats"] == pytest.approx(low.sum(axis=1).mean(), rel=1e-3)
    sum_of_all = found["reconstruction_nats"] + found["kl_high_nats"] + found["kl_low_nats"]
    assert -found["elbo_nats"] == pytest.approx(sum_of_all, rel=1e-5)


def test_reconstruction_is_summed_over_the_cells(bars, hits):
    model = tiny()
    noise = model.noise(len(bars), tf.constant([model.seed, -1], tf.int64))
    latents = model.encode(hits, noise, playing_of(bars)).latents
    chances = expit(model.decode(latents).numpy().astype(float))
    expected = -np.log(np.where(bars.hits, chances, 1 - chances)).sum(axis=(1, 2)).mean()
    assert losses(model, batch_of(bars))["reconstruction_nats"] == pytest.approx(expected, rel=1e-4)


def test_a_batch_is_measured_alike_every_time_and_styles_are_of_no_use_without_supervision(models, bars):
    told, silent = models["top-down", True], models["top-down", False]
    examples, styles = batch_of(bars)
    others = tf.roll(styles, 1, axis=0)
    assert losses(told, (examples, styles)) == losses(told, (examples, styles)) != losses(told, (examples, others))
    assert losses(silent, (examples, styles)) == losses(silent, (examples, others))
    assert not any("style" in name for name in losses(silent, (examples, styles)))


def test_an_update_follows_from_seed_and_number(bars, eager):
    def updated(seed):
        keras.utils.set_random_seed(1)
        model = tiny(seed=seed, dropout=0.2)
        model.compile(keras.optimizers.Adam(1e-2))
        keras.utils.set_random_seed(os.getpid())  # another process would be seeded otherwise
        for _ in range(2):
            model.train_step(batch_of(bars))
        return np.concatenate([weights.ravel() for weights in model.get_weights()])

    np.testing.assert_array_equal(updated(5), updated(5))
    assert (updated(5) != updated(6)).any()


# --- likelihood


class Indifferent(DrumVAE):
    """Decodes all latents alike, with a chance for each cell, and encodes all bars alike, beside the prior or as it."""

    def __init__(self, chances, mean=0.0, log_variance=0.0, **options):
        super().__init__(NAMES, channels=(1, 1, 1), supervised=False, **options)
        self.logits = np.log(chances / (1 - chances)).astype(np.float32)
        self.mean, self.log_variance = mean, log_variance

    def posterior(self, count, width):
        shape = [count, width]
        return Gaussian(tf.fill(shape, self.mean), tf.fill(shape, self.log_variance))

    def encode(self, hits, noise, playing=None, training=False):
        high, low = (self.posterior(tf.shape(hits)[0], width) for width in (HIGH, LOW))
        return Posterior(Latents(high.sample(noise.high), low.sample(noise.low)), high, low)

    def low_given(self, high):
        return standard_normal_like(tf.zeros([tf.shape(high)[0], LOW]))

    def decode(self, latents, training=False):
        return tf.tile(self.logits[None], [tf.shape(latents.low)[0], 1, 1])


class Twofold(Indifferent):
    """Decodes to one of two kinds of bars, by the sign of the first dimension of the upper level."""

    def decode(self, latents, training=False):
        sign = tf.where(latents.high[:, 0] > 0, 1.0, -1.0)
        return sign[:, None, None] * self.logits


def bernoulli(hits, chances):
    return np.log(np.where(hits, chances, 1 - chances)).sum(axis=(1, 2))


@pytest.fixture(scope="module")
def chances():
    return np.random.default_rng(1).uniform(0.1, 0.4, (16, 9))


@pytest.mark.parametrize("samples", [1, 7])
def test_the_likelihood_of_a_decoder_that_hears_nothing_is_that_of_its_cells(chances, bars, samples):
    found = Indifferent(chances).log_likelihood(bars.hits, samples=samples)
    assert found == pytest.approx(bernoulli(bars.hits, chances), rel=1e-5)


def test_with_one_sample_a_posterior_beside_the_prior_costs_its_divergence_and_with_more_less(chances, bars):
    mean, log_variance = 0.3, -0.4
    model = Indifferent(chances, mean, log_variance)
    exact = bernoulli(bars.hits[:1], chances)[0]
    divergence = 0.5 * (HIGH + LOW) * (mean**2 + np.exp(log_variance) - 1 - log_variance)
    many = np.repeat(bars.hits[:1], 640, axis=0)
    found = [model.log_likelihood(many, samples=samples) - exact for samples in (1, 5, 100)]
    errors = [part.std() / np.sqrt(len(part)) for part in found]
    assert found[0].mean() == pytest.approx(-divergence, abs=4 * errors[0])
    # a lower bound that rises with the samples, up to the truth
    assert found[0].mean() < found[1].mean() - 4 * errors[1] < found[2].mean() - 4 * errors[2] < 0
    assert found[2].mean() > -0.25 * divergence


def test_the_likelihood_of_a_mixture_is_that_of_its_parts(chances, bars):
    model = Twofold(chances)
    of_parts = [bernoulli(bars.hits, part) for part in (chances, 1 - chances)]
    exact = logsumexp(of_parts, axis=0) - np.log(2)
    found = model.log_likelihood(bars.hits, samples=4000)
    assert found == pytest.approx(exact, abs=0.12)


# --- files


def said(model, hits):
    posterior = model.encode(hits, model.noise(len(hits), [1, 2]))
    played = model.play(posterior.latents, hits)
    parts = [*posterior.latents, model.decode(posterior.latents), model(hits), *played.velocity, *played.offset]
    return [*(part.numpy() for part in parts), model.log_likelihood(hits.numpy(), samples=3, seed=4)]


def unusual(**options):
    """Return a model of which nothing is as by default."""
    model = tiny(
        **{"dropout": 0.3, "free_bits_nats": 0.1, "style_weight": 2.0, "tempo": 99.0, "channels": (4, 6, 8), **options}
    )
    model.temperature.assign(1.7)
    model.beta.assign(0.3)
    model.style_deviations.assign(1 + tf.random.stateless_uniform(model.style_deviations.shape, [1, 1]))
    return model


@pytest.mark.parametrize("options", [{}, {"hierarchy": "chain", "supervised": False}])
def test_a_model_comes_back_from_its_file(hits, tmp_path, options):
    model = unusual(**options)
    save_keras(model, tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again.get_config() == model.get_config()
    assert json.loads(json.dumps(again.get_config()))["channels"] == [4, 6, 8]
    for ours, theirs in zip(said(again, hits), said(model, hits), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert (float(again.beta), float(again.temperature)) == (np.float32(0.3), np.float32(1.7))
