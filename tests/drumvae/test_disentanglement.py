import numpy as np
import pytest

from drumvae.metrics.disentanglement import (
    Factor,
    dci,
    mutual_information_gaps,
    scores,
    separated_attribute_predictability,
    variance_ratio,
)
from drumvae.metrics.probes import probe

COUNT = 1000


def factors(seed, count=COUNT):
    """Return a style and two quantities that have nothing to do with each other."""
    rng = np.random.default_rng(seed)
    return [
        Factor("style", rng.permutation(np.arange(count) % 4), categorical=True),
        Factor("density", rng.uniform(0.05, 0.3, count), categorical=False),
        Factor("syncopation", rng.exponential(4, count), categorical=False),
    ]


def one_each(known, seed, noise=0.0):
    """Return latents of which each dimension is one factor, in units of its deviation, and two more are noise."""
    rng = np.random.default_rng(seed)
    told = np.stack([(factor.values - factor.values.mean()) / factor.values.std() for factor in known], axis=1)
    told += noise * rng.standard_normal(told.shape)
    return np.hstack([told, rng.standard_normal((len(told), 2))])


def rotated(latents, seed=0):
    """Mix all dimensions evenly: what was told by one is told by all."""
    width = latents.shape[1]
    mixing, _ = np.linalg.qr(np.random.default_rng(seed).standard_normal((width, width)))
    return latents @ mixing


TRAIN, TEST = factors(0), factors(1)


# --- all three


@pytest.fixture(scope="module")
def clean():
    return scores(one_each(TRAIN, 2), TRAIN, one_each(TEST, 3), TEST, seed=0)


@pytest.fixture(scope="module")
def mixed():
    return scores(rotated(one_each(TRAIN, 2)), TRAIN, rotated(one_each(TEST, 3)), TEST, seed=0)


@pytest.fixture(scope="module")
def random():
    rng = np.random.default_rng(4)
    return scores(rng.standard_normal((COUNT, 5)), TRAIN, rng.standard_normal((COUNT, 5)), TEST, seed=0)


def test_one_dimension_for_each_factor_is_as_good_as_can_be(clean):
    # A mutual information that is only estimated leaves no dimension at 0.
    assert clean["mig"] > 0.85
    assert clean["sap"] > 0.95
    assert clean["dci_disentanglement"] > 0.95
    assert clean["dci_completeness"] > 0.95
    assert clean["dci_informativeness"] > 0.95


def test_what_is_mixed_is_worse_though_it_tells_as_much(clean, mixed):
    assert mixed["mig"] < clean["mig"] - 0.6
    assert mixed["sap"] < clean["sap"] - 0.5
    assert mixed["dci_disentanglement"] < clean["dci_disentanglement"] - 0.4
    assert mixed["dci_completeness"] < clean["dci_completeness"] - 0.4
    assert mixed["dci_informativeness"] > 0.5


def test_draws_of_a_collapsed_latent_have_next_to_nothing():
    rng = np.random.default_rng(5)
    drawn = [1e-6 * one_each(known, 6) + rng.standard_normal((COUNT, 5)) for known in (TRAIN, TEST)]
    found = scores(drawn[0], TRAIN, drawn[1], TEST, seed=0)
    assert max(found["mig"], found["sap"], found["dci_disentanglement"], found["dci_informativeness"]) < 0.05


def test_what_does_not_vary_is_left_out():
    latents, others = one_each(TRAIN, 2), one_each(TEST, 3)
    constant = Factor("constant", np.zeros(COUNT, int), categorical=True)
    varying = Factor("constant", TRAIN[0].values, categorical=True)
    for known, asked in ((constant, varying), (varying, constant)):
        found = scores(latents, [known, *TRAIN[1:]], others, [asked, *TEST[1:]], seed=0)
        assert found == scores(latents, TRAIN[1:], others, TEST[1:], seed=0)


# --- each by itself


def test_a_gap_by_hand():
    # Four styles; the first dimension tells all of them, 2 bits, the second the half that one is in, 1 bit.
    style = np.tile(np.arange(4), 100)
    factor = Factor("style", style, categorical=True)
    latents = np.stack([style, style // 2], axis=1).astype(float)
    assert mutual_information_gaps(latents, [factor]) == pytest.approx([(2 - 1) / 2])
    assert mutual_information_gaps(latents[:, :1], [factor]) == pytest.approx([1])


def test_a_factor_that_two_dimensions_tell_has_no_gap():
    latents = one_each(TEST, 8)
    doubled = np.hstack([latents, -latents[:, :1]])
    style, density, _ = mutual_information_gaps(doubled, TEST)
    assert style == pytest.approx(0, abs=1e-9)
    assert density > 0.8
    style, density, _ = separated_attribute_predictability(doubled, TEST, doubled, TEST)
    assert style == pytest.approx(0, abs=0.01)
    assert density > 0.95


def test_predictability_of_a_quantity_by_hand():
    rng = np.random.default_rng(11)
    quantity = rng.standard_normal(50_000)
    factor = Factor("density", quantity, categorical=False)
    # correlations of 1/√2 and 1/√5: signal over signal and noise
    latents = np.stack([quantity, quantity], axis=1) + rng.standard_normal((50_000, 2)) * [1, 2]
    found = separated_attribute_predictability(latents, [factor], latents, [factor])
    assert found == pytest.approx([1 / 2 - 1 / 5], abs=0.02)


def test_one_dimension_for_two_factors_is_complete_and_not_disentangled():
    rng = np.random.default_rng(12)
    first, second = rng.integers(2, size=(2, COUNT))
    both = [Factor("a", first, categorical=True), Factor("b", second, categorical=True)]
    latents = np.stack([2 * first + second, rng.standard_normal(COUNT)], axis=1).astype(float)
    found = dci(latents, both, latents, both, seed=0)
    assert found.completeness > 0.95
    assert found.disentanglement < 0.3
    assert found.informativeness == pytest.approx([1, 1])


def test_two_dimensions_for_one_factor_are_disentangled_and_not_complete():
    rng = np.random.default_rng(13)
    first, second = rng.standard_normal((2, COUNT))
    both = [Factor("sum", first + second, categorical=False), Factor("other", TRAIN[1].values, categorical=False)]
    latents = np.stack([first, second, TRAIN[1].values], axis=1)
    found = dci(latents, both, latents, both, seed=0)
    assert found.disentanglement > 0.95
    assert found.completeness < 0.8


def test_informativeness_is_the_share_of_guessing_s_error_that_is_saved():
    rng = np.random.default_rng(14)
    known = Factor("density", rng.standard_normal(2000), categorical=False)
    latents = np.stack([known.values + rng.standard_normal(2000), rng.standard_normal(2000)], axis=1)
    other = Factor("density", rng.standard_normal(2000), categorical=False)
    others = np.stack([other.values + rng.standard_normal(2000), rng.standard_normal(2000)], axis=1)
    # Half of the variance is told at best; a forest is not quite the best.
    found = dci(latents, [known, known], others, [other, other], seed=0).informativeness
    assert (found > 0.35).all()
    assert (found < 0.52).all()


# --- the reports' ratio, and how it fails


def clouds(centres, seed, count=400, spread=1.0):
    """Return latents around the centre of their style, [S, D], and their styles."""
    styles = np.repeat(np.arange(len(centres)), count)
    noise = np.random.default_rng(seed).standard_normal((len(styles), len(centres[0])))
    return np.asarray(centres, float)[styles] + spread * noise, styles


def test_the_ratio_by_hand():
    latents, styles = np.array([[0.0], [2.0], [10.0], [12.0]]), np.array([0, 0, 1, 1])
    assert variance_ratio(latents, styles) == 5**2 / 1
    assert variance_ratio(latents, np.array([0, 1, 0, 1])) == pytest.approx(1 / 25)
    assert variance_ratio(np.array([[0.0], [0.0], [1.0]]), np.array([0, 0, 1])) == np.inf
    assert np.isnan(variance_ratio(np.ones((4, 1)), styles))


def test_the_ratio_of_a_collapsed_latent_is_as_good_as_before():
    (latents, styles), (others, other_styles) = clouds(10 * np.eye(4), 16), clouds(10 * np.eye(4), 17)
    assert variance_ratio(1e-6 * latents, styles) == pytest.approx(variance_ratio(latents, styles))
    assert variance_ratio(latents, styles) > 10
    # what a decoder sees of it
    rng = np.random.default_rng(18)
    draws, other_draws = (1e-6 * part + rng.standard_normal(part.shape) for part in (latents, others))
    assert variance_ratio(draws, styles) < 0.02
    assert probe(draws, styles, other_draws, other_styles) == pytest.approx(1 / 4, abs=0.05)


def test_a_large_ratio_goes_with_a_poor_probe():
    # One style is far away and the other three are one.
    centres = [[0, 0], [0, 0], [0, 0], [100, 0]]
    (latents, styles), (others, other_styles) = clouds(centres, 19), clouds(centres, 20)
    poor = probe(latents, styles, others, other_styles)
    assert variance_ratio(latents, styles) > 500
    assert poor == pytest.approx((1 + 3 * 1 / 3) / 4, abs=0.05)
    # The same styles evenly apart: a hundredth of the ratio, and the probe is nearly without fail.
    even = [[0, 0], [6, 0], [0, 6], [6, 6]]
    (apart, styles), (others, other_styles) = clouds(even, 21), clouds(even, 22)
    assert variance_ratio(apart, styles) < 20
    assert probe(apart, styles, others, other_styles) > 0.98
