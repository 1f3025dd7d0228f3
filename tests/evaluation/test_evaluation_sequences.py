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


def common(a, b):
    best = 0
    for i in range(len(a)):
        for j in range(len(b)):
            length = 0
            while i + length < len(a) and j + length < len(b) and a[i + length] == b[j + length]:
                length += 1
            best = max(best, length)
    return best


@settings(max_examples=150, deadline=None)
@given(SEQUENCES)
def test_longest_repeats_without_a_shared_note(many):
    expected = []
    for one in many:
        best = 0
        for i in range(len(one)):
            for j in range(i + 1, len(one)):
                for length in range(1, len(one) - j + 1):
                    if j - i >= length + 1 and one[i : i + length] == one[j : j + length]:
                        best = max(best, length)
        expected.append(best)
    assert longest_repeats(*flat(many), len(many)).tolist() == expected


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
