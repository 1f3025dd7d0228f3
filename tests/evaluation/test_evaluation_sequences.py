"""Runs found by sorting against runs found by trying everything."""

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.features.sequences import longest_repeats, longest_shared_runs, same_sequences

SEQUENCES = st.lists(st.lists(st.integers(0, 2), max_size=14), min_size=1, max_size=6)


def flat(many):
    tokens = np.array([token for one in many for token in one], np.int64)
    owner = np.repeat(np.arange(len(many)), [len(one) for one in many])
    return tokens, owner


def prefix(a, b):
    return next((n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def common(a, b):
    return max((prefix(a[i:], b[j:]) for i in range(len(a)) for j in range(len(b))), default=0)


@settings(max_examples=150, deadline=None)
@given(SEQUENCES)
def test_longest_repeats_without_a_shared_note(many):
    for one, longest in zip(many, longest_repeats(*flat(many), len(many)), strict=True):
        pairs = itertools.combinations(range(len(one)), 2)
        runs = (min(prefix(one[i:], one[j:]), j - i - 1) for i, j in pairs)
        assert longest == max(runs, default=0)


@settings(max_examples=150, deadline=None)
@given(SEQUENCES, st.data())
def test_longest_shared_runs(many, data):
    reference = np.array(data.draw(st.lists(st.booleans(), min_size=len(many), max_size=len(many))))
    result = longest_shared_runs(*flat(many), len(many), reference)
    for index, one in enumerate(many):
        others = [common(one, many[other]) for other in range(len(many)) if other != index and reference[other]]
        length = result.length[index]
        assert length == max(others, default=0)
        if length:
            partner, start, there = result.partner[index], result.start[index], result.partner_start[index]
            assert partner != index
            assert reference[partner]
            assert one[start : start + length] == many[partner][there : there + length]
        else:
            assert result.partner[index] == -1


@settings(max_examples=60, deadline=None)
@given(SEQUENCES)
def test_sequences_are_the_same_when_their_tokens_are(many):
    number = same_sequences(*flat(many), len(many))
    for (a, one), (b, other) in itertools.combinations(zip(number, many, strict=True), 2):
        assert (a == b) == (one == other)
