import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from melodygan.models.sampling import drawn_symbols, filtered_logits, log_softmax

# ½, ¼, ⅛, ⅛, out of order
PROBABILITIES = np.array([1 / 8, 1 / 2, 1 / 8, 1 / 4], np.float32)
LOGITS = np.log(PROBABILITIES)

logits = st.lists(st.floats(-8, 8, width=32, allow_subnormal=False), min_size=1, max_size=12)
steady = settings(max_examples=60)


def kept(values, **options):
    return np.isfinite(filtered_logits(np.array(values, np.float32), **options)).tolist()


def test_temperature_divides_the_logits():
    # squaring ½, ¼, ⅛, ⅛ gives 16 : 4 : 1 : 1
    colder = np.exp(log_softmax(filtered_logits(LOGITS, temperature=0.5)))
    assert colder == pytest.approx([1 / 22, 16 / 22, 1 / 22, 4 / 22], rel=1e-5)


def test_top_p_counts_what_top_k_and_temperature_left():
    # of the two that stay the first has ⅔, and 16/20 when colder
    assert kept(LOGITS, top_k=2, top_p=0.7) == [False, True, False, True]
    assert kept(LOGITS, top_k=2, top_p=0.7, temperature=0.5) == [False, True, False, False]


@steady
@given(logits, st.floats(1e-3, 1))
def test_what_top_p_keeps_reaches_p_and_is_above_what_it_drops(values, top_p):
    left = np.array(kept(values, top_p=top_p))
    probabilities = np.exp(log_softmax(np.array(values)))
    assert probabilities[left].sum() >= top_p - 1e-5
    assert min(np.float32(values)[left]) > max(np.float32(values)[~left], default=-math.inf)


@steady
@given(logits, st.integers(1, 12))
def test_top_k_keeps_k_or_the_ties_of_the_last(values, top_k):
    left = np.array(kept(values, top_k=top_k))
    ranked = sorted(np.float32(values), reverse=True)
    least = ranked[min(top_k, len(ranked)) - 1]
    assert left.tolist() == (np.float32(values) >= least).tolist()


def test_draws_have_the_probabilities_of_the_logits():
    shares = (np.arange(8000) + 0.5) / 8000
    drawn = drawn_symbols(np.tile([*LOGITS, -np.inf], (8000, 1)), shares)
    assert (np.bincount(drawn) / 8000).tolist() == PROBABILITIES.tolist()
