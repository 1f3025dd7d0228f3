"""Intervals hold their scores' expectations in 95 % of simulated sets, or a little more."""

import numpy as np
import pytest
from scipy.stats import t as student

from evaluation.scores.distances import pairwise, spread
from evaluation.scores.overlap import compare_feature
from evaluation.scores.sampling import Draws, interval_of, wilson


@pytest.mark.parametrize(
    ("size", "times", "off"),
    [*((size, 1, 1e-6) for size in (5, 19, 20)), (31, 1, 0.1), (200, 20, 0.15), (1000, 20, 0.15)],
)
def test_a_mean_has_nearly_its_textbook_interval(size, times, off):
    """More than 20 files are cut into groups; of more than 200, the seed draws a part that is looked at."""
    values = np.random.default_rng(size).normal(10, 1, size=size)
    widths = []
    for seed in range(times):
        draws = Draws.of(size, size, np.random.default_rng(seed), gen_alone=True)
        assert all(len(set(part.tolist())) == len(part) for part, _ in draws.without)  # no copies
        interval = draws.score(values.mean(), lambda part, _: values[part].mean(), splits=0).interval
        assert interval[0] < values.mean() < interval[1]
        widths.append(np.ptp(interval))
    reach = student.ppf(0.975, size - 1) * values.std(ddof=1) / np.sqrt(size)
    assert np.mean(widths) == pytest.approx(2 * reach, rel=off)


def covered(statistic, size, sets=250):
    """Share of pairs of random sets whose interval holds the mean of the statistic over all of them."""
    rng = np.random.default_rng(size)
    values, limits = [], []
    for _ in range(sets):
        pooled = np.concatenate([rng.normal(size=size), rng.normal(1, 1, size=2 * size)])
        ours, theirs = np.arange(size), np.arange(size, 3 * size)
        draws = Draws.of(size, 2 * size, rng)

        def measure(part, other, pooled=pooled):
            return statistic(pooled[part], pooled[other])

        score = draws.score(measure(ours, theirs), measure, splits=0)
        values.append(score.value)
        limits.append(score.interval)
    low, high = np.array(limits).T
    truth = np.mean(values)
    return np.mean((low <= truth) & (truth <= high))


def closest(ours, theirs):
    """Mean distance to the nearest of the other set, which no linear approximation describes."""
    return pairwise(ours, theirs).min(axis=1).mean()


@pytest.mark.parametrize("size", [4, 10, 30])
@pytest.mark.parametrize(
    "statistic", [lambda ours, theirs: 5 + ours.mean() - theirs.mean(), lambda ours, _: spread(ours), closest]
)
def test_intervals_hold_what_they_are_about(statistic, size):
    assert 0.88 <= covered(statistic, size) <= 1


def test_overlap_of_few_files_has_an_interval_as_wide_as_it_scatters():
    rng = np.random.default_rng(4)
    found = [compare_feature("x", rng.normal(size=4), rng.normal(1, 1, size=8)).overlap for _ in range(40)]
    truth = np.mean([one.value for one in found])
    assert np.mean([one.interval[0] <= truth <= one.interval[1] for one in found]) > 0.85


def test_an_interval_adds_the_variances_of_both_sets():
    low, high = interval_of(100.0, [np.full(4, 1.5), np.full(16, 1.0)])
    assert (high - low) / 2 == pytest.approx(student.ppf(0.975, 3) * 5)
    # roots are as far off on either side
    assert (np.sqrt(low) + np.sqrt(high)) / 2 == pytest.approx(10)
    assert interval_of(2.0, [np.zeros(4)]) == (2, 2)
    assert np.isnan(interval_of(0.5, [])).all()


def test_a_score_up_to_1_has_the_interval_of_a_share_that_varies_as_much():
    # 0.9 with the variance of 25 independent cases
    deviations = np.full(16, np.sqrt(0.9 * 0.1 / 25 / 16))
    assert interval_of(0.9, [deviations], highest=1.0) == pytest.approx(wilson(0.9, 25, student.ppf(0.975, 15)))
    low, high = interval_of(0.9, [np.ones(4)], highest=1.0)
    assert 0 < low < 0.3
    assert 0.95 < high < 1


def test_a_share_that_never_varies_has_the_interval_of_wilson():
    z = student.ppf(0.975, 9)
    assert interval_of(1.0, [np.zeros(10)], files=10) == pytest.approx((10 / (10 + z**2), 1))
    assert interval_of(0.0, [np.zeros(10)], files=10) == pytest.approx((0, z**2 / (10 + z**2)))
    # 5 of 10 independent files
    deviations = np.full(10, np.sqrt(0.25 / 10 / 10))
    low, high = interval_of(0.5, [deviations], files=10)
    assert (low + high) / 2 == pytest.approx(0.5)
    # twice as far off: as few as a quarter of the files
    wider = interval_of(0.5, [2 * deviations], files=10)
    assert wider[0] < low < high < wider[1]
