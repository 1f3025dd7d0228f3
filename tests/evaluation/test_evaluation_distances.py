"""Distances, densities and divergences against values known in closed form and against SciPy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from evaluation.scores import distances
from evaluation.scores.overlap import compare_feature, holm

SAMPLES = arrays(np.float64, st.integers(1, 40), elements=st.floats(-1e6, 1e6).map(lambda value: round(value, 3)))


def test_distances_between_sets_and_within_one_that_leave_one_out():
    assert distances.inter_set_distances([0.0, 1.0], [5.0]).tolist() == [[5], [4]]
    assert distances.intra_set_distances([0.0, 1.0, 3.0]).tolist() == [[1, 3], [1, 2], [3, 2]]
    square = distances.intra_set_distances([[0.0, 0.0], [3.0, 4.0]])
    assert square.tolist() == [[5], [5]]
    assert distances.intra_set_distances([1.0]).shape == (1, 0)
    assert distances.wasserstein([[0.0, 0.0], [1.0, 0.0]], [[5.0, 0.0], [7.0, 0.0]]) == 5.5 / 2
    assert np.isnan(distances.wasserstein([], [1.0]))


def test_spread_is_the_mean_distance_of_two_pieces():
    x = np.random.default_rng(0).normal(size=50)
    assert distances.spread(x) == pytest.approx(distances.intra_set_distances(x).mean())
    y = x.reshape(25, 2)
    assert distances.spread(y) == pytest.approx(distances.intra_set_distances(y).mean())
    assert distances.spread(np.full(9, 3.0)) == 0
    assert np.isnan(distances.spread([1.0]))


def test_densities_are_scipys():
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=300), rng.normal(0.7, 1.5, size=200)
    grid = np.linspace(-12, 14, 20_000)
    p, q = stats.gaussian_kde(a)(grid), stats.gaussian_kde(b)(grid)
    step = grid[1] - grid[0]
    assert distances.overlap_area(a, b) == pytest.approx(np.minimum(p, q).sum() * step, abs=2e-3)
    kept = (p > 1e-8) & (q > 1e-8)
    assert distances.kld(a, b) == pytest.approx((p * np.log(p / np.where(kept, q, 1)))[kept].sum() * step, rel=0.02)
    m = (p + q) / 2
    js = sum(0.5 * (x * np.log2(np.where(kept, x / m, 1)))[kept].sum() * step for x in (p, q))
    assert distances.jsd(a, b) == pytest.approx(js, abs=2e-3)


def test_sets_without_variance_are_results():
    same, other = np.ones(10), np.full(10, 2.0)
    assert distances.overlap_area(same, same) == pytest.approx(1)
    assert distances.overlap_area(same, other) == pytest.approx(0, abs=1e-6)
    assert distances.kld(same, same) == pytest.approx(0)
    assert 15 < distances.kld(same, other) < 30
    assert distances.jsd(same, other) == pytest.approx(1, abs=1e-3)
    assert np.isnan(distances.overlap_area([], same))


@settings(max_examples=60, deadline=None)
@given(SAMPLES, SAMPLES)
def test_overlap_and_divergences_keep_their_bounds(a, b):
    assert distances.overlap_area(a, a) == pytest.approx(1)
    assert -1e-9 <= distances.overlap_area(a, b) <= 1 + 1e-9
    assert distances.overlap_area(a, b) == pytest.approx(distances.overlap_area(b, a))
    assert distances.kld(a, b) >= -1e-9
    assert -1e-9 <= distances.jsd(a, b) <= 1 + 1e-9


def test_p_value_is_scipys_for_the_same_statistic():
    rng = np.random.default_rng(4)
    a, b = rng.normal(size=30), rng.normal(0.8, 1, size=40)

    def energy(x, y):
        return stats.energy_distance(x, y) ** 2

    scipy_p = stats.permutation_test((a, b), energy, n_resamples=999, alternative="greater", rng=rng).pvalue
    assert compare_feature("x", a, b).p == pytest.approx(scipy_p, abs=0.02)


def test_ceiling_rises_with_the_number_of_pieces():
    rng = np.random.default_rng(6)
    ceilings = [compare_feature("x", rng.normal(size=n), rng.normal(size=2 * n)).overlap.ceiling for n in (10, 50, 200)]
    assert ceilings == sorted(ceilings)
    assert ceilings[0] < 0.93 < ceilings[2]


def test_frozen_features_and_pairs_that_are_too_few():
    frozen = compare_feature("x", np.full(20, 8.0), np.random.default_rng(7).normal(8, 1, 40))
    assert frozen.spread.value == 0
    assert frozen.overlap.value < 0.3
    both = compare_feature("x", np.full(20, 8.0), np.full(20, 8.0))
    assert both.overlap.value == pytest.approx(1)
    assert both.p == 1
    three = compare_feature("x", np.arange(3.0), np.arange(9.0))
    assert np.isfinite(three.overlap.value)
    assert np.isnan(three.overlap.interval).all()
    alone = compare_feature("x", np.array([1.0]), np.array([1.0, np.nan]))
    assert np.isnan(alone.overlap.value)
    assert alone.org.undefined == 1


def test_holm_by_hand():
    assert holm(np.array([0.01, 0.04, 0.03, np.nan])) == pytest.approx([0.03, 0.06, 0.06, np.nan], nan_ok=True)
    assert holm(np.array([])).tolist() == []
