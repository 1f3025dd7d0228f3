"""The two-sample test: what must be told apart is, what is alike is not, and reasons are the right ones."""

from __future__ import annotations

from dataclasses import replace

import known
import numpy as np
import pytest

from evaluation.features.catalogue import FEATURES
from evaluation.reading.notes import Notes, Stack
from evaluation.scores import two_sample
from evaluation.scores.two_sample import ToldApart, TwoSampleTest, gram_kernel

pytestmark = pytest.mark.usefixtures("fewer_draws")


@pytest.fixture(scope="module")
def test(held_and_org):
    return TwoSampleTest(held_and_org[1], FEATURES)


@pytest.fixture(scope="module")
def result(test, held_and_org):
    return {name: test(pieces) for name, pieces in known.sets(*held_and_org, np.random.default_rng(1)).items()}


def test_a_half_of_the_originals_is_not_told_apart(result):
    one = result["half"]
    assert not one.found
    assert abs(one.accuracy - 0.5) < 0.1
    assert one.halves[1] < one.accuracy < one.limit
    assert one.score > 0.85
    assert not one.reasons


@pytest.mark.parametrize("name", ["collapsed", "uniform"])
def test_what_everybody_hears_is_told_apart_nearly_always(result, name):
    assert result[name].accuracy >= 0.99
    assert result[name].score < 0.03
    assert result[name].interval[0] > 0.9


@pytest.mark.parametrize("name", ["shuffled", "frozen", "partly"])
def test_what_can_be_heard_is_told_apart(result, name):
    assert result[name].found
    assert result[name].accuracy > 0.6


ATTACKS = {
    "an eighth late": (known.shifted, "time signature"),
    "bars shuffled": (lambda pieces: known.bars_shuffled(pieces, np.random.default_rng(0)), None),
    "pitches of others": (known.crossed, None),
    "two bars repeated": (known.looped, "form"),
    "endings cut": (lambda pieces: known.endings_cut(pieces, np.random.default_rng(0)), "endings"),
    "babble of order 2": (lambda pieces: known.babble(pieces, np.random.default_rng(0), 2, 100), None),
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
    assert test.accuracy(held_and_org[0]) == result["half"].accuracy
    assert np.isnan(test.accuracy(held_and_org[0][:5]))


def test_copies_do_not_give_their_originals_away(result):
    """A copy and its original lie in one fold, so that neither is learned with the other's label."""
    assert not result["copied"].found


def test_another_key_is_named_as_just_that(result):
    one = result["transposed"]
    assert one.accuracy > 0.8
    assert one.reasons[0].group == "key and register"
    assert one.by_settings
    assert one.without_settings < 0.62


def test_reasons_name_what_was_changed(result):
    assert result["shuffled"].reasons[0].group in ("melody", "form")
    weights = [reason.weight for reason in result["uniform"].reasons]
    assert weights == sorted(weights, reverse=True)


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


def test_the_same_seed_gives_the_same_answers(held_and_org):
    held, org = held_and_org
    first, second = (TwoSampleTest(org[:20], FEATURES, seed=3)(held[:10]) for _ in range(2))
    assert first == second


def test_n_grams_know_neither_key_nor_tempo(held_and_org):
    pieces = held_and_org[0][:10]
    higher = known.transposed(pieces)
    faster = [replace(piece, onset_seconds=piece.onset_seconds / 2) for piece in higher]
    kernel = gram_kernel(Stack.of([*pieces, *faster]))
    np.testing.assert_allclose(kernel.diagonal(10), 1)
    np.testing.assert_allclose(kernel, kernel.T)


def test_n_grams_of_two_steps_by_hand():
    """Three notes: the steps +2 and +2, and the end. Two of three unigram counts are equal, and so on."""
    one = Notes.from_quarters([0, 1, 2], [1, 1, 1], [60, 62, 64])
    other = Notes.from_quarters([0, 1, 2], [1, 1, 1], [60, 62, 65])
    kernel = gram_kernel(Stack.of([one, other, one, other]))
    # the step +2 and the end are shared: profiles (1 + ln 2, 1) and (1, 1, 1)
    twice = 1 + np.log(2)
    first = (twice + 1) / np.sqrt(twice**2 + 1) / np.sqrt(3)
    # of the pairs only those with another interval are different, and all longer runs are
    assert kernel[0, 1] == pytest.approx(first / two_sample.LONGEST_GRAM)
    assert kernel[0, 2] == pytest.approx(3 / two_sample.LONGEST_GRAM)  # three notes have no run of four


def test_folds_keep_families_together_and_labels_even():
    rng = np.random.default_rng(0)
    label = np.repeat([1, 0], 50)
    family = np.arange(100)
    family[[0, 1, 60]] = 0
    fold = two_sample._folds(family, label, rng)
    assert len(set(fold[[0, 1, 60]])) == 1
    for which in (0, 1):
        counts = np.bincount(fold[label == which], minlength=5)
        assert counts.max() - counts.min() <= 1
