"""`evaluation.legacy.mgeval` against a port of the program that it stands for."""

import mgeval_port
import numpy as np
import pytest

from evaluation.features.catalogue import feature_table
from evaluation.legacy import mgeval
from evaluation.reading.folders import read_folder


@pytest.fixture(scope="module")
def both(tune_folder):
    result = read_folder(tune_folder, jobs=1)
    paths = [tune_folder / piece.name.split("/")[1] for piece in result.pieces][::10]
    ported = [mgeval_port.measure(mgeval_port.Piece(path)) for path in paths]
    return feature_table(result.pieces[::10], mgeval.FEATURES), ported


@pytest.mark.parametrize("name", list(mgeval.FEATURES))
def test_agrees_with_the_port(both, name):
    table, ported = both
    expected = np.array([np.ravel(one[name]) for one in ported])
    got = table[name].reshape(len(expected), -1)
    if name in {"total_pitch_class_histogram", "bar_pitch_class_histogram"}:
        # the two readers differ in the last bit of a second, and with it by a frame of a note
        assert np.abs(got - expected).max() < 0.02
    else:
        assert np.array_equal(got, expected) or np.abs(got - expected).max() < 1e-6


def test_overlap_of_a_sample_with_itself_loses_its_tails(monkeypatch):
    monkeypatch.setattr(mgeval, "MOST_DISTANCES", 2000)
    sample = np.random.default_rng(0).normal(size=2000)
    assert mgeval.overlap_area(sample, sample) == pytest.approx(1.0, abs=0.01)
    distances = np.abs(sample[:300, None] - sample[None, :300])[~np.eye(300, dtype=bool)]
    assert mgeval.overlap_area(distances, distances) == pytest.approx(0.96, abs=0.02)


def test_divergence_is_blind_to_shift_and_scale():
    sample = np.random.default_rng(0).normal(size=500)
    assert mgeval.kl_dist(sample, 5 * sample + 100) == pytest.approx(0, abs=1e-6)


def test_a_sample_without_variance_is_a_result():
    assert mgeval.overlap_area(np.ones(10), np.arange(10.0)) == 0
    assert np.isnan(mgeval.kl_dist(np.ones(10), np.arange(10.0)))
