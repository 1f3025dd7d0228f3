import numpy as np
import pytest

from drumvae.metrics.probes import (
    Factor,
    dci,
    disentanglement_scores,
    mutual_information_gaps,
    separated_attribute_predictability,
    variance_ratio,
)

COUNT = 1000


def factors(seed, count=COUNT):
    """Return a style and two quantities that have nothing to do with each other."""
    rng = np.random.default_rng(seed)
    return [
        Factor("style", rng.permutation(np.arange(count) % 4), categorical=True),
        Factor("density", rng.uniform(0.05, 0.3, count), categorical=False),
        Factor("syncopation", rng.exponential(4, count), categorical=False),
    ]


def one_each(known, seed):
    """Return latents of which each dimension is one factor, in units of its deviation, and two more are noise."""
    rng = np.random.default_rng(seed)
    latents = np.stack([(factor.values - factor.values.mean()) / factor.values.std() for factor in known], axis=1)
    return np.hstack([latents, rng.standard_normal((len(latents), 2))])


def rotated(latents, seed=0):
    """Mix all dimensions evenly."""
    width = latents.shape[1]
    mixing, _ = np.linalg.qr(np.random.default_rng(seed).standard_normal((width, width)))
    return latents @ mixing


TRAIN, TEST = factors(0), factors(1)


def scores_of(change=lambda latents: latents):
    return disentanglement_scores(change(one_each(TRAIN, 2)), TRAIN, change(one_each(TEST, 3)), TEST, seed=0)


def test_mixed_dimensions_are_worse_than_one_for_each_factor_though_they_are_as_informative():
    clean, mixed = scores_of(), scores_of(rotated)
    # an estimated mutual information leaves no dimension at 0
    for measure, least, lead in (("mig", 0.85, 0.6), ("sap", 0.95, 0.5), ("dci_disentanglement", 0.95, 0.4)):
        assert clean[measure] > least
        assert mixed[measure] < clean[measure] - lead
    assert clean["dci_completeness"] > 0.95
    assert mixed["dci_completeness"] < clean["dci_completeness"] - 0.4
    assert clean["dci_informativeness"] > 0.95
    assert mixed["dci_informativeness"] > 0.5


def test_what_does_not_vary_is_left_out():
    latents, others = one_each(TRAIN, 2), one_each(TEST, 3)
    constant = Factor("constant", np.zeros(COUNT, int), categorical=True)
    varying = Factor("constant", TRAIN[0].values, categorical=True)
    for known, asked in ((constant, varying), (varying, constant)):
        result = disentanglement_scores(latents, [known, *TRAIN[1:]], others, [asked, *TEST[1:]], seed=0)
        assert result == disentanglement_scores(latents, TRAIN[1:], others, TEST[1:], seed=0)


def test_a_gap_by_hand():
    # Four styles; the first dimension has all 2 bits, the second has one.
    style = np.tile(np.arange(4), 100)
    factor = Factor("style", style, categorical=True)
    latents = np.stack([style, style // 2], axis=1).astype(float)
    assert mutual_information_gaps(latents, [factor]) == pytest.approx([(2 - 1) / 2])
    assert mutual_information_gaps(latents[:, :1], [factor]) == pytest.approx([1])
    # alone, the first predicts every style, the second two of four: above guessing, a third of the way
    result = separated_attribute_predictability(latents, [factor], latents, [factor])
    assert result == pytest.approx([1 - (1 / 2 - 1 / 4) / (1 - 1 / 4)], abs=0.01)


def test_predictability_of_a_quantity_by_hand():
    rng = np.random.default_rng(11)
    quantity = rng.standard_normal(50_000)
    factor = Factor("density", quantity, categorical=False)
    # correlations of 1/√2 and 1/√5: signal over signal and noise
    latents = np.stack([quantity, quantity], axis=1) + rng.standard_normal((50_000, 2)) * [1, 2]
    result = separated_attribute_predictability(latents, [factor], latents, [factor])
    assert result == pytest.approx([1 / 2 - 1 / 5], abs=0.02)


def test_one_dimension_for_two_factors_is_complete_and_not_disentangled():
    rng = np.random.default_rng(12)
    first, second = rng.integers(2, size=(2, COUNT))
    both = [Factor("a", first, categorical=True), Factor("b", second, categorical=True)]
    latents = np.stack([2 * first + second, rng.standard_normal(COUNT)], axis=1).astype(float)
    result = dci(latents, both, latents, both, seed=0)
    assert result.completeness > 0.95
    assert result.disentanglement < 0.3
    assert result.informativeness == pytest.approx([1, 1])


def test_the_ratio_by_hand():
    latents, styles = np.array([[0.0], [2.0], [10.0], [12.0]]), np.array([0, 0, 1, 1])
    assert variance_ratio(latents, styles) == 5**2 / 1
    assert variance_ratio(latents, np.array([0, 1, 0, 1])) == pytest.approx(1 / 25)
    assert variance_ratio(np.array([[0.0], [0.0], [1.0]]), np.array([0, 0, 1])) == np.inf
    assert np.isnan(variance_ratio(np.ones((4, 1)), styles))
