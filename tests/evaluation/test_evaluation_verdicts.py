"""Sets whose verdict is known: what must be detected is, and what is sound is left alone."""

from __future__ import annotations

import known
import numpy as np
import pytest

from evaluation.scores.sets import compare_sets, measure, ranking

pytestmark = pytest.mark.usefixtures("fewer_draws")


@pytest.fixture(scope="module")
def result(held_and_org):
    held, org = held_and_org
    originals = measure("org", org)
    sets = known.sets(held, org, np.random.default_rng(1))
    return {name: compare_sets(measure(name, pieces), originals) for name, pieces in sets.items()}


def differing(one):
    return {name for name, feature in one.features.items() if feature.p_holm < 0.05}


def test_a_random_half_is_close_sound_and_original(result):
    one = result["half"]
    assert one.score > 0.97
    assert not differing(one)
    assert not one.collapse.found
    assert not one.copying.found
    assert one.verdict.closeness.startswith("close: ")
    assert one.verdict.collapse.startswith("not collapsed: ")
    assert one.verdict.copying.startswith("not copying: ")


def test_the_interval_of_the_score_is_as_wide_as_scores_of_other_files_scatter(held_and_org):
    held, org = held_and_org
    originals, rng = measure("org", org[:60]), np.random.default_rng(5)
    others = [*held, *org[60:]]
    # a fourth higher: away from 1, where nothing scatters
    draws = [known.transposed([others[i] for i in rng.permutation(len(others))[:60]]) for _ in range(8)]
    result = [compare_sets(measure("gen", pieces), originals) for pieces in draws]
    scatter = np.std([one.score for one in result], ddof=1)
    # The interval allows for other originals too, which stay the same here: somewhat wider, then.
    claimed = np.mean([(one.score_interval[1] - one.score_interval[0]) / (2 * 1.96) for one in result])
    assert 0.7 < claimed / scatter < 3
    for one in result:
        assert 0 < one.score_interval[0] < one.score < one.score_interval[1] <= 1
    worse = compare_sets(measure("gen", known.uniform(held, rng)), originals)
    assert worse.score_interval[1] < min(one.score_interval[0] for one in result)


def test_a_collapsed_set_is_named_with_its_tune(result):
    one = result["collapsed"]
    assert one.score < 0.3
    assert one.collapse.found
    assert one.collapse.few
    assert "near copies of collapsed/" in one.verdict.collapse
    assert one.diversity.coverage.at_n < 0.1
    assert "different: " in one.verdict.closeness


def test_one_frozen_feature_is_named(result):
    one = result["frozen"]
    assert one.collapse.found
    assert one.collapse.narrow[0] == "total_used_pitch"
    assert "every tune uses 6 pitches (spread 0 % of the originals')" in one.verdict.collapse
    assert not one.collapse.repeated
    assert not one.collapse.few


def test_a_shuffled_set_keeps_its_notes_and_loses_its_phrases(result):
    one = result["shuffled"]
    assert not one.collapse.found
    assert {"longest_repeated_phrase", "avg_pitch_shift"} <= differing(one)
    assert not {"total_used_pitch", "total_used_note", "pitch_range"} & differing(one)


def test_a_uniform_random_set_is_different_and_not_collapsed(result):
    one = result["uniform"]
    assert one.score < 0.5
    assert not one.collapse.found
    assert not one.copying.found
    assert len(differing(one)) > 12
    assert one.diversity.precision.at_n < 0.05


def test_a_transposed_set_differs_in_pitch_alone(result):
    one = result["transposed"]
    assert not one.collapse.found
    assert "pitch_mean" in differing(one)
    assert differing(one) <= {
        *("pitch_mean", "total_pitch_class_histogram", "bar_pitch_class_histogram"),
        "pitch_class_transition_matrix",
    }


def test_copied_tunes_are_named_and_invisible_to_overlap(result):
    one = result["copied"]
    assert one.score > 0.97
    assert one.copying.found
    assert one.verdict.copying.startswith("copying: ")
    assert one.copying.pairs[0].share == 1


def test_drawing_files_again_makes_no_near_copies(result):
    near = result["half"].collapse.near
    assert near.interval[0] <= near.value <= near.interval[1] < 0.3  # two thirds, if they were drawn with replacement
    near = result["partly"].collapse.near
    assert 0.25 < near.interval[0] < near.value < near.interval[1] < 0.6


def test_a_partly_collapsed_set_counts_its_copies(result):
    one = result["partly"]
    assert one.collapse.repeated
    assert 35 <= len(one.collapse.clusters[0].members) <= 39
    assert " of 100 files are near copies of collapsed/" in one.verdict.collapse


def test_sound_sets_are_ranked_before_faulty_ones(result):
    order = [one.gen.label for one in ranking(list(result.values()))]
    assert order[0] == "half"
    assert order.index("uniform") < order.index("collapsed")
    assert order[-1] == "collapsed"
