"""Diversity scores at the corners where their values are known."""

import numpy as np
import pytest
from known import rebuilt

from evaluation.features.catalogue import feature_table
from evaluation.scores.collapse import clusters
from evaluation.scores.copying import Runs, copied_more, find_copies
from evaluation.scores.distances import pairwise
from evaluation.scores.diversity import fill, frechet_distance, precision_recall, standardise, vendi_score
from evaluation.scores.duplicates import NEAR, exact_copies, similarity


def test_vendi_score_counts_what_is_different():
    assert vendi_score(np.zeros((10, 10)), 1.0) == pytest.approx(1)
    apart = 1e6 * (1 - np.eye(10))
    assert vendi_score(apart, 1.0) == pytest.approx(10)
    pairs = apart.copy()
    pairs[::2, 1::2] *= 1 - np.eye(5)  # five pairs of equals
    pairs[1::2, ::2] *= 1 - np.eye(5)
    assert vendi_score(pairs, 1.0) == pytest.approx(5)


def test_frechet_distance_of_shifted_and_scaled_samples():
    x = np.random.default_rng(0).normal(size=(200, 3))
    assert frechet_distance(x, x) == pytest.approx(0, abs=1e-6)
    assert frechet_distance(x, x + np.array([3.0, 0.0, 4.0])) == pytest.approx(25)
    # for one dimension it is (μ − μ')² + (σ − σ')²
    assert frechet_distance(x[:, :1], 3 * x[:, :1]) == pytest.approx(
        (2 * x[:, 0].mean()) ** 2 + (2 * x[:, 0].std(ddof=1)) ** 2
    )


def test_precision_recall_by_hand():
    real, fake = np.arange(6.0)[:, None], np.array([0.1, 0.2, 0.3, 100.0])[:, None]
    scores = precision_recall(pairwise(real, real), pairwise(fake, real), pairwise(fake, fake), k=1)
    # every original's ball has radius 1: three of the four pieces lie in those of 0 and 1
    assert scores == {"precision": 0.75, "recall": pytest.approx(1.0), "density": 1.5, "coverage": 2 / 6}


def test_equal_sets_fill_each_other():
    x = np.random.default_rng(1).normal(size=(60, 4))
    result = fill(x, x)
    assert result.vendi.value == pytest.approx(1, abs=0.2)
    assert result.precision.value == result.recall.value == result.coverage.value == 1
    assert result.frechet.value == pytest.approx(0, abs=1e-6)
    assert fill(x[:1], x) is None


def test_transposed_tunes_are_near_copies_and_other_tunes_are_not(tunes):
    pieces = [*tunes[:40], rebuilt(tunes[0], pitch=tunes[0].pitch + 3)]
    alike = similarity(pieces)
    assert alike[0, -1] == 1
    assert np.array_equal(alike, alike.T)
    others = alike[:40, :40][~np.eye(40, dtype=bool)]
    assert np.quantile(others, 0.99) < 0.3  # some folk songs are variants of each other
    near = np.argwhere(np.triu(alike >= NEAR, 1))
    assert any({centre, *members} == {0, 40} for centre, members in clusters(near, len(alike)))
    assert exact_copies(pieces) == 0
    assert exact_copies([tunes[0], tunes[1], tunes[0]]) == 1


def test_copies_are_counted_as_by_fisher_and_wilson():
    # 3 of 4 copies among 5 of 10: (C(4,3) C(6,2) + C(4,4) C(6,1)) / C(10,5) = 66 / 252
    assert copied_more(3, 5, 1, 5) == pytest.approx(66 / 252)
    assert copied_more(0, 5, 0, 5) == pytest.approx(1)
    half, nothing = (Runs(*[np.arange(n)] * 2, np.arange(n) < 5, np.empty(0)) for n in (10, 0))
    assert half.interval == pytest.approx((0.2366, 0.7634), abs=1e-4)
    assert np.isnan([nothing.copied_share, *nothing.interval]).all()


def test_a_transposed_and_embedded_copy_is_found_and_named(tunes):
    table = feature_table(tunes)
    _, space = standardise(table, table)
    source = tunes[42]
    piece = rebuilt(source, pitch=source.pitch - 2, name="gen/copy.mid")
    one = feature_table([piece])
    gen_space, _ = standardise(one, table)
    result = find_copies([piece], tunes, gen_space, space)
    pair = result.pairs[0]
    assert (pair.piece, pair.source) == ("gen/copy.mid", source.name)
    assert pair.notes == len(source)
    assert pair.share == 1
    assert result.gen.copied.tolist() == [1]
