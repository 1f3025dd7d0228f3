"""Sets whose verdict is known: what must be detected or told apart is, and what is sound is left alone."""

from dataclasses import replace

import known
import numpy as np
import pytest

from evaluation.features.catalogue import FEATURES
from evaluation.reading.notes import Notes, Stack
from evaluation.scores import two_sample
from evaluation.scores.sets import compare_sets, measure, ranking
from evaluation.scores.two_sample import ToldApart, TwoSampleTest, gram_kernel

pytestmark = pytest.mark.usefixtures("fewer_draws")


@pytest.fixture(scope="module")
def test(held_and_org):
    return TwoSampleTest(held_and_org[1], FEATURES)


@pytest.fixture(scope="module")
def result(held_and_org, test):
    held, org = held_and_org
    originals = measure("org", org)
    sets = known.sets(held, org, np.random.default_rng(1))
    return {name: compare_sets(measure(name, pieces), originals, test=test) for name, pieces in sets.items()}


def differing(one):
    return {name for name, feature in one.features.items() if feature.p_holm < 0.05}


@pytest.mark.parametrize(
    ("name", "told", "collapsed", "copying"),
    [
        ("half", False, False, False),
        ("collapsed", True, True, False),
        ("partly", True, True, False),
        ("frozen", True, True, False),
        ("shuffled", True, False, False),
        ("uniform", True, False, False),
        ("transposed", True, False, False),
        # a copy and its original lie in one fold, so that neither is learned with the other's label
        ("copied", False, False, True),
    ],
)
def test_what_is_found_is_what_was_done(result, name, told, collapsed, copying):
    one = result[name]
    for found, sentence, start, expected in (
        (one.told.found, one.verdict.told, "told apart", told),
        (one.collapse.found, one.verdict.collapse, "collapsed: ", collapsed),
        (one.copying.found, one.verdict.copying, "copying: ", copying),
    ):
        assert found == expected
        assert sentence.startswith(start if expected else f"not {start}")


def test_a_random_half_is_close(result):
    one = result["half"]
    assert one.score > 0.97
    assert one.verdict.closeness.startswith("close: ")
    assert not differing(one)
    near = one.collapse.near
    assert near.interval[0] <= near.value <= near.interval[1] < 0.3  # two thirds, if they were drawn with replacement
    assert abs(one.told.accuracy - 0.5) < 0.1
    assert one.told.halves[1] < one.told.accuracy < one.told.limit
    assert one.told.score > 0.85
    assert not one.told.reasons


def test_the_interval_of_the_score_is_as_wide_as_scores_of_other_files_scatter(held_and_org):
    held, org = held_and_org
    originals, rng = measure("org", org[:60]), np.random.default_rng(5)

    def compared(pieces):
        # nothing is asked of the classifiers
        one = compare_sets(measure("gen", pieces), originals, test=lambda _: ToldApart())
        return one.score, one.score_interval

    others = [*held, *org[60:]]
    # a fourth higher: away from 1, where nothing scatters
    draws = [known.transposed([others[i] for i in rng.permutation(len(others))[:60]]) for _ in range(8)]
    scores, limits = zip(*map(compared, draws), strict=True)
    low, high = np.transpose(limits)
    # the interval allows for other originals too, which stay the same here: somewhat wider, then
    assert 0.7 < np.mean(high - low) / (2 * 1.96) / np.std(scores, ddof=1) < 3
    assert ((low > 0) & (low < scores) & (scores < high) & (high <= 1)).all()
    _, worse = compared(known.uniform(held, rng))
    assert worse[1] < low.min()


def test_a_collapsed_set_is_named_with_its_tune(result):
    one = result["collapsed"]
    assert one.score < 0.3
    assert one.collapse.few
    assert "near copies of collapsed/" in one.verdict.collapse
    assert one.diversity.coverage.at_n < 0.1
    assert "different: " in one.verdict.closeness


def test_one_frozen_feature_is_named(result):
    one = result["frozen"]
    assert one.collapse.narrow[0] == "total_used_pitch"
    assert "every tune uses 6 pitches (spread 0 % of the originals')" in one.verdict.collapse
    assert not one.collapse.repeated
    assert not one.collapse.few


def test_a_shuffled_set_keeps_its_notes_and_loses_its_phrases(result):
    one = result["shuffled"]
    assert {"longest_repeated_phrase", "avg_pitch_shift"} <= differing(one)
    assert not {"total_used_pitch", "total_used_note", "pitch_range"} & differing(one)
    assert one.told.reasons[0].group in ("melody", "form")


def test_a_uniform_random_set_is_different_and_not_collapsed(result):
    one = result["uniform"]
    assert one.score < 0.5
    assert len(differing(one)) > 12
    assert one.diversity.precision.at_n < 0.05
    weights = [reason.weight for reason in one.told.reasons]
    assert weights == sorted(weights, reverse=True)


def test_a_transposed_set_differs_in_pitch_alone(result):
    one = result["transposed"]
    histograms = {f"{part}_pitch_class_histogram" for part in ("total", "bar")}
    assert {"pitch_mean"} <= differing(one) <= {"pitch_mean", *histograms, "pitch_class_transition_matrix"}
    assert one.told.accuracy > 0.8
    assert one.told.reasons[0].group == "key and register"
    assert one.told.by_settings
    assert one.told.without_settings < 0.62


def test_copied_tunes_are_invisible_to_overlap(result):
    assert result["copied"].score > 0.97
    assert result["copied"].copying.pairs[0].share == 1


def test_a_partly_collapsed_set_counts_its_copies(result):
    one = result["partly"]
    assert one.collapse.repeated
    assert 35 <= len(one.collapse.clusters[0].members) <= 39
    assert " of 100 files are near copies of collapsed/" in one.verdict.collapse
    near = one.collapse.near
    assert 0.25 < near.interval[0] < near.value < near.interval[1] < 0.6


def test_sound_sets_are_ranked_before_faulty_ones(result):
    order = [one.gen.label for one in ranking(list(result.values()))]
    assert order[0] == "half"
    assert order.index("uniform") < order.index("collapsed") == len(order) - 1


@pytest.mark.parametrize(
    ("name", "least"), [("collapsed", 0.99), ("uniform", 0.99), ("shuffled", 0.6), ("frozen", 0.6), ("partly", 0.6)]
)
def test_what_everybody_hears_is_told_apart_nearly_always(result, name, least):
    told = result[name].told
    assert told.accuracy >= least
    assert least < 0.9 or (told.score < 0.03 and told.interval[0] > 0.9)


ATTACKS = {
    "an eighth late": (known.shifted, "time signature"),
    "bars shuffled": (lambda pieces: known.bars_shuffled(pieces, np.random.default_rng(0)), None),
    "pitches of others": (known.crossed, None),
    "two bars repeated": (known.looped, "form"),
    "endings cut": (lambda pieces: known.endings_cut(pieces, np.random.default_rng(0)), "endings"),
    "babble of order 4": (lambda pieces: known.babble(pieces, np.random.default_rng(0), 4, 100), None),
}
"""What is done to real tunes, and the group of features that gives it away first, where there is one."""


@pytest.mark.parametrize("name", ATTACKS)
def test_damage_is_heard_and_named(test, held_and_org, name):
    attack, reason = ATTACKS[name]
    one = test(attack(held_and_org[0]))
    assert one.found
    assert reason in (None, one.reasons[0].group)


def test_a_training_loop_gets_the_same_accuracy(test, held_and_org, result):
    assert test.accuracy(held_and_org[0]) == result["half"].told.accuracy
    assert np.isnan(test.accuracy(held_and_org[0][:5]))


def test_examples_are_the_pieces_that_give_the_set_away(test, held_and_org):
    held, _ = held_and_org
    odd = known.uniform(held[:10], np.random.default_rng(0))
    one = test([*held[60:], *known.shuffled(held[:30], np.random.default_rng(0)), *odd])
    assert {mine for mine, _ in one.examples} <= set(range(40, 80))


def test_small_sets_are_not_tested_and_few_pieces_leave_a_wide_interval(held_and_org):
    held, org = held_and_org
    test = TwoSampleTest(org[:12], FEATURES)
    assert test(held[:9]) == ToldApart(pieces=9)
    few = test(known.uniform(held[:12], np.random.default_rng(0)))
    assert few.found
    assert np.isnan(few.halves).all()
    assert few.interval[0] < 0.9


def test_n_grams_know_neither_key_nor_tempo(held_and_org):
    pieces = held_and_org[0][:10]
    higher = known.transposed(pieces)
    faster = [replace(piece, onset_seconds=piece.onset_seconds / 2) for piece in higher]
    kernel = gram_kernel(Stack.of([*pieces, *faster]))
    np.testing.assert_allclose(kernel.diagonal(10), 1)
    np.testing.assert_allclose(kernel, kernel.T)


def test_n_grams_of_two_steps_by_hand():
    one = Notes.from_quarters([0, 1, 2], [1, 1, 1], [60, 62, 64])
    other = Notes.from_quarters([0, 1, 2], [1, 1, 1], [60, 62, 65])
    kernel = gram_kernel(Stack.of([one, other, one, other]))
    # the step +2 and the end are shared: profiles (1 + ln 2, 1) and (1, 1, 1)
    twice = 1 + np.log(2)
    first = (twice + 1) / np.sqrt(twice**2 + 1) / np.sqrt(3)
    # of the pairs only those with another interval are different, and all longer runs are
    assert kernel[0, 1] == pytest.approx(first / two_sample.LONGEST_GRAM)
    assert kernel[0, 2] == pytest.approx(3 / two_sample.LONGEST_GRAM)  # three notes have no run of four
