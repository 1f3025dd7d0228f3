import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from manymodes.nn.latents import active_units, mutual_information
from manymodes.nn.variational import (
    Gaussian,
    bernoulli_log_likelihood,
    bounded,
    importance_weighted_bound,
    kl_divergence,
    standard_normal_like,
    with_free_bits,
)

numbers = st.floats(-3, 3)


def gaussian(*parts):
    return Gaussian(*(tf.constant(part, tf.float64) for part in parts))


@given(numbers, numbers, numbers)
@settings(max_examples=20, deadline=None)
def test_density_is_that_of_the_normal_distribution(mean, log_variance, value):
    results = gaussian([mean], [log_variance]).log_density(tf.constant([value], tf.float64))
    assert float(results) == pytest.approx(norm.logpdf(value, mean, np.exp(log_variance / 2)))


@given(numbers, numbers, numbers, numbers)
@settings(max_examples=20, deadline=None)
def test_divergence_is_the_integral_that_defines_it(q_mean, q_log, p_mean, p_log):
    grid = np.linspace(-60, 60, 40_001)
    q = norm(q_mean, np.exp(q_log / 2))
    integrand = q.pdf(grid) * (q.logpdf(grid) - norm(p_mean, np.exp(p_log / 2)).logpdf(grid))
    results = kl_divergence(gaussian([q_mean], [q_log]), gaussian([p_mean], [p_log]))
    assert float(results[0]) == pytest.approx(np.trapezoid(integrand, grid), abs=1e-6)


def test_no_output_of_a_network_makes_a_variance_infinite_or_zero():
    result = bounded(tf.constant([[0.0, 1e9], [0.0, -1e9], [5.0, 0.1]]))
    assert result.mean.numpy().tolist() == [[0.0], [0.0], [5.0]]
    assert result.log_variance.numpy() == pytest.approx(np.array([[8], [-8], [0.1]]), abs=1e-3)


def test_the_floor_is_under_the_mean_of_the_batch():
    divergences = tf.Variable([[0.0, 2.0], [0.4, 4.0]])
    assert float(with_free_bits(divergences, 0.0)) == pytest.approx(0.2 + 3)
    with tf.GradientTape() as tape:
        cost = with_free_bits(divergences, 0.5)
    assert float(cost) == pytest.approx(0.5 + 3)
    assert tape.gradient(cost, divergences).numpy().tolist() == [[0.0, 0.5], [0.0, 0.5]]


def test_cells_are_coins():
    results = bernoulli_log_likelihood(tf.constant([0.0, np.log(3.0)]), tf.constant([1.0, 0.0]))
    assert np.exp(results.numpy()) == pytest.approx([0.5, 0.25])


class TestBoundOnAKnownModel:
    """z ~ N(0, 1), x | z ~ N(z, 1): so x ~ N(0, 2), and the posterior is N(x / 2, 1 / 2)."""

    x = tf.constant([0.3, -1.7, 2.5], tf.float64)
    exact = norm.logpdf(x.numpy(), 0, np.sqrt(2))

    def weights(self, samples, q):
        noise = tf.random.stateless_normal([samples, 3, 1], [0, 1], dtype=tf.float64)
        z = q.sample(noise)
        x = self.x[:, None]
        joint = standard_normal_like(z).log_density(z) + Gaussian(z, tf.zeros_like(z)).log_density(x)
        return joint - q.log_density(z)

    def test_it_is_exact_under_the_true_posterior(self):
        true = Gaussian(self.x[:, None] / 2, tf.fill([3, 1], tf.constant(np.log(0.5), tf.float64)))
        assert importance_weighted_bound(self.weights(1, true)).numpy() == pytest.approx(self.exact)

    def test_it_rises_to_the_likelihood_under_a_wrong_one(self):
        wrong = Gaussian(tf.zeros([3, 1], tf.float64), tf.zeros([3, 1], tf.float64))
        weights = self.weights(30_000, wrong)
        means = []
        for samples in (1, 10, 100):
            parts = tf.reshape(weights, [-1, samples, 3])
            means.append(importance_weighted_bound(tf.transpose(parts, [1, 0, 2])).numpy().mean())
        assert means[0] < means[1] < means[2] < self.exact.mean()
        assert means[2] == pytest.approx(self.exact.mean(), abs=0.03)


def test_dimensions_that_say_nothing_are_not_active():
    rng = np.random.default_rng(0)
    means = rng.standard_normal((500, 3)) * [1, 0.2, 0.01]
    assert active_units(means).tolist() == [True, True, False]


@pytest.mark.parametrize(("places", "nats"), [((0.0,), 0.0), ((50.0, 100.0, 150.0, 200.0), np.log(4))])
def test_information_counts_groups_not_divergence(places, nats):
    # Groups far from the prior and the same within: divergence is large, information is the logarithm of their number.
    means = np.repeat(places, 300 // len(places))[:, None]
    assert mutual_information(means, np.zeros((300, 1)), seed=0) == pytest.approx(nats, abs=1e-9)


def test_information_is_that_of_the_gaussian_channel():
    rng = np.random.default_rng(1)
    means = 2 * rng.standard_normal((1500, 1))
    assert mutual_information(means, np.zeros((1500, 1)), seed=2) == pytest.approx(0.5 * np.log(1 + 4), abs=0.07)
