"""Chains: log-linear models, and drawing by them cell by cell."""

import numpy as np
import pytest
import tensorflow as tf
from smallgrid import CELLS

from melodygan.data.encoding import Note, Tune
from melodygan.data.grid import HOLD, KINDS, ONSET, OUTSIDE, REST, conditions_of, to_grid, to_rows
from melodygan.models.chain import (
    KIND_CONTEXTS,
    Chain,
    Drawing,
    draw_kinds,
    draw_pitches,
    kind_chain,
    pitch_chain,
    pitch_contexts,
    spelled,
)

pytestmark = pytest.mark.usefixtures("few_cells")

PITCHES, LOWEST = 8, 60
BAR = [Note(60, 4), Note(62, 2), Note(64, 2), Note(67, 8)]
TUNES = [
    Tune((*BAR, Note(65, 8), Note(None, 4), Note(62, 4), *BAR), meter="4/4", key="C major"),
    Tune((Note(67, 4), *[Note(60, 6), Note(62, 2), Note(64, 4)] * 3, Note(60, 8)), meter="3/4", pickup_steps=4),
]


@pytest.fixture(scope="module")
def laid(few_cells):
    """Lay the tunes out: their plans, their kinds [B, L], and their pitches [B, L], −1 where none begins."""
    grids = [to_grid(tune) for tune in TUNES]
    plan = spelled(tf.constant(conditions_of(to_rows(grid.plan for grid in grids))))
    kinds = np.array([grid.types for grid in grids], np.int32)
    return plan, kinds, np.where(kinds == ONSET, [grid.pitches - LOWEST for grid in grids], -1).astype(np.int32)


@pytest.fixture
def plan(laid):
    return laid[0]


def thrown(chain, seed=0):
    """Give a chain weights by the throw of dice."""
    rng = np.random.default_rng(seed)
    chain.set_weights([rng.normal(size=weight.shape) for weight in chain.weights])
    return chain


def random_drawing(symbols, seed=0, count=2):
    rng = np.random.default_rng(seed)
    shape = (count, CELLS, symbols)
    return Drawing(tf.constant(rng.normal(size=shape), tf.float32), tf.constant(rng.gumbel(size=shape), tf.float32))


def decided_drawing(symbols, choice):
    """Return a drawing that must draw one choice of symbols [B, L]."""
    logits = 1e3 * tf.one_hot(choice, symbols)
    return Drawing(logits, tf.zeros_like(logits))


def test_logits_are_sums_over_tables():
    chain = Chain([2, 3], [(0,), (0, 1)], 2)
    assert chain.weight.shape == (2 + 2 * 3, 2)
    table = np.arange(16.0).reshape(8, 2)
    chain.weight.assign(table)
    contexts = tf.constant([[[0, 0], [0, 2]], [[1, 0], [1, 2]]])
    rows = [[(0, 2), (0, 4)], [(1, 5), (1, 7)]]
    assert chain(contexts).numpy().tolist() == [[table[list(pair)].sum(0).tolist() for pair in row] for row in rows]


def test_tables_of_intervals_count_from_a_pitch():
    chain = Chain([4, 2], [], 3, intervals=[(1,)], origin=0)
    assert chain.interval_weight.shape == (2, 6)
    table = np.arange(12.0).reshape(2, 6)
    chain.interval_weight.assign(table)
    # of symbol s after pitch p, the column 3 + s − p; p = 3 stands for no pitch
    contexts = tf.constant([[0, 0], [2, 0], [2, 1], [3, 1]])
    assert chain(contexts).numpy().tolist() == [[3, 4, 5], [1, 2, 3], [7, 8, 9], [6, 7, 8]]
    assert chain(contexts[None]).numpy().tolist() == [chain(contexts).numpy().tolist()]


def test_a_chain_learns_the_frequencies_of_a_table():
    rng = np.random.default_rng(0)
    contexts = rng.integers(0, 2, (4000, 1))
    frequencies = np.array([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]])
    symbols = np.array([rng.choice(3, p=frequencies[context]) for context in contexts[:, 0]])
    chain = Chain([2], [(0,)], 3)

    def likelihood():
        logits = chain(tf.constant(contexts, tf.int32))
        return -float(tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(symbols, logits)))

    before = likelihood()
    chain.learn(contexts, symbols, penalty=0.1, seed=0, steps=200, batch=1000)
    assert before == pytest.approx(-np.log(3))
    assert likelihood() > before + 0.2
    learned = tf.nn.softmax(chain(tf.constant([[0], [1]]))).numpy()
    counted = np.array([np.bincount(symbols[contexts[:, 0] == n], minlength=3) / (contexts == n).sum() for n in (0, 1)])
    np.testing.assert_allclose(learned, counted, atol=0.01)
    weights = chain.weight.numpy()
    chain.weight.assign(np.zeros_like(weights))
    chain.learn(contexts, symbols, penalty=0.1, seed=0, steps=200, batch=1000)
    np.testing.assert_array_equal(chain.weight, weights)  # by the seed


def test_a_part_may_be_given(laid):
    plan, kinds, heights = laid
    known = np.arange(CELLS) < 20
    drawn = draw_kinds(
        thrown(kind_chain()), random_drawing(KINDS), plan, given=tf.constant(np.where(known, kinds, -1))
    ).symbols.numpy()
    assert (drawn[:, known] == kinds[:, known]).all()
    assert (drawn != kinds).any()
    some = np.where(known, heights, -1)
    chain, pitches = thrown(pitch_chain(PITCHES)), random_drawing(PITCHES)
    drawn = draw_pitches(chain, pitches, tf.constant(kinds), plan, given=tf.constant(some))[0].symbols.numpy()
    assert (drawn[some >= 0] == heights[some >= 0]).all()
    assert ((drawn < PITCHES) == (kinds == ONSET)).all()


def test_dominant_logits_are_drawn_and_returns_follow_their_source(plan):
    rng = np.random.default_rng(2)
    choice = rng.integers(0, KINDS, (2, CELLS))
    inside, source, rhythm = (part.numpy() for part in plan.layout)
    first = inside.argmax(axis=1)
    choice[[0, 1], first] = REST
    kinds = draw_kinds(kind_chain(), decided_drawing(KINDS, choice), plan).symbols.numpy()
    expected = np.where(inside, np.take_along_axis(choice, rhythm, axis=1), OUTSIDE)
    np.testing.assert_array_equal(kinds, expected)
    assert (rhythm < np.arange(CELLS)).any()
    choice = rng.integers(0, PITCHES, (2, CELLS))
    drawn, _ = draw_pitches(pitch_chain(PITCHES), decided_drawing(PITCHES, choice), tf.constant(kinds), plan)
    expected = np.where(kinds == ONSET, np.take_along_axis(choice, source, axis=1), PITCHES)
    np.testing.assert_array_equal(drawn.symbols, expected)
    assert (source < np.arange(CELLS)).any()


def test_the_first_cell_cannot_hold(plan):
    kinds = draw_kinds(kind_chain(), decided_drawing(KINDS, np.full((2, CELLS), HOLD)), plan).symbols.numpy()
    inside = plan.layout.inside.numpy() > 0
    first, rhythm = inside.argmax(axis=1)[:, None], plan.layout.rhythm.numpy()
    begins = (kinds != HOLD) & (kinds != OUTSIDE)
    np.testing.assert_array_equal(begins, inside & (rhythm == first))  # and what returns from the first cell


def test_a_tune_that_was_drawn_has_the_contexts_in_which_it_was_drawn(plan):
    chain = thrown(kind_chain())
    drawn = draw_kinds(chain, random_drawing(KINDS, 3), plan)
    again = draw_kinds(chain, None, plan, given=drawn.symbols)
    np.testing.assert_array_equal(drawn.contexts, again.contexts)
    kinds, chain = drawn.symbols, thrown(pitch_chain(PITCHES))
    drawn, onsets = draw_pitches(chain, random_drawing(PITCHES, 4), kinds, plan)
    again, _ = draw_pitches(chain, None, kinds, plan, given=drawn.symbols)
    np.testing.assert_array_equal(drawn.symbols, again.symbols)
    there = onsets.cells.numpy()[:, :-1] < CELLS
    np.testing.assert_array_equal(drawn.contexts.numpy()[there], again.contexts.numpy()[there])


def test_contexts_by_hand(laid):
    plan, kinds, heights = laid
    names = list(KIND_CONTEXTS)
    contexts = draw_kinds(kind_chain(), None, plan, given=tf.constant(kinds)).contexts.numpy()[0]
    # the third note of the first bar: two cells after an eighth that a quarter came before; 42 cells to the end
    there = dict(zip(names, contexts[6].tolist(), strict=True))
    assert (there["metre"], there["cell"], there["since"], there["rest"], there["row"]) == (2, 6, 2, 0, 0)
    assert there["before"] == 3  # class of four cells
    assert there["above"] == OUTSIDE
    assert dict(zip(names, contexts[16 + 10].tolist(), strict=True))["rest"] == 1
    drawn, _ = draw_pitches(pitch_chain(PITCHES), None, tf.constant(kinds), plan, given=tf.constant(heights))
    third = dict(zip(pitch_contexts(PITCHES), drawn.contexts.numpy()[0, 2].tolist(), strict=True))
    assert [third[f"last {n}"] for n in range(1, 4)] == [2, 0, PITCHES]
    move, unknown = pitch_contexts(PITCHES)["move"] // 2 - 1, pitch_contexts(PITCHES)["move"] - 1
    assert (third["move"], third["move before"], third["to next"]) == (move + 2, unknown, unknown)
    # the last new note before the first bar returns, which begins two semitones lower
    leads = dict(zip(pitch_contexts(PITCHES), drawn.contexts.numpy()[0, 5].tolist(), strict=True))
    assert (leads["next"], leads["to next"]) == (0, move - leads["last 1"])
    assert (third["start"], third["length"], third["before"], third["cell"]) == (2, 1, 1, 6)
