import functools
import itertools
import math
from collections import Counter
from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from scores import random_tunes

from melodygan.data.encoding import DELIMITER, HOLD, REST, Note, StepVocabulary, Tune, length_of, to_steps
from melodygan.data.form import Form
from melodygan.data.grid import METERS, STEP_COLUMNS, as_steps, to_grid, to_rows
from melodygan.models.lstm import BitsPerNote, BitsPerStep, MelodyLSTM, OnsetAccuracy, TuneBatches
from melodygan.models.sampling import TEMPERATURE, drawn_symbols, filtered_logits

TUNES = random_tunes(40)
VOCABULARY = StepVocabulary.from_tunes(TUNES)
HOLD_INDEX, END_INDEX = VOCABULARY.index(HOLD), VOCABULARY.index(DELIMITER)
START = (Note(60, 4), Note(None, 2), Note(67, 8))


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(3)
    untrained = MelodyLSTM(VOCABULARY, units=16)
    untrained.build()
    untrained.logits.kernel.assign(12.0 * untrained.logits.kernel)  # its logits are all but equal
    return untrained


@pytest.fixture(scope="module")
def stubborn():
    """Return a function: a model that always wants the same symbol."""

    @functools.cache
    def make(symbol):
        model = MelodyLSTM(VOCABULARY, units=2)
        model.build()
        model.logits.bias.assign(100.0 * tf.one_hot(VOCABULARY.index(symbol), len(VOCABULARY)))
        return model

    return make


# the same prediction at each step: ½, ¼, ⅛, ⅛ for the symbols 0 (a pitch), 1 (hold), 2 and 3
LOGITS = tf.math.log(tf.constant([[[1 / 2, 1 / 4, 1 / 8, 1 / 8]] * 4]))
TARGETS = tf.constant([[0, 1, 2, 3]])


@pytest.mark.parametrize(
    ("weights", "bits_per_step", "bits_per_note", "onset_accuracy"),
    [
        (None, 9 / 4, 9 / 3, 1 / 3),  # 1 + 2 + 3 + 3 bits, three onsets, of which the likeliest symbol is one
        ([1.0, 1.0, 0.0, 0.0], 3 / 2, 3 / 1, 1.0),
        ([0.0, 1.0, 1.0, 0.0], 5 / 2, 5 / 1, 0.0),
        ([0.0, 0.0, 0.0, 0.0], 0.0, 0.0, 0.0),
    ],
)
def test_metrics_by_hand(weights, bits_per_step, bits_per_note, onset_accuracy):
    expected = {BitsPerStep(): bits_per_step, BitsPerNote(hold=1): bits_per_note, OnsetAccuracy(hold=1): onset_accuracy}
    for metric, value in expected.items():
        metric.update_state(TARGETS, LOGITS, None if weights is None else tf.constant([weights]))
        assert float(metric.result()) == pytest.approx(value)


def test_padding_counts_nowhere(eager, model):
    model.compile_for_tunes(keras.optimizers.Adam())
    inputs, targets, weights = next(iter(TuneBatches(TUNES[:3], VOCABULARY, 3)))
    longer = [np.pad(array, ((0, 0), (0, 64), (0, 0))[: array.ndim]) for array in (inputs, targets, weights)]
    short = model.test_on_batch(inputs, targets, weights, return_dict=True)
    long = model.test_on_batch(*longer, return_dict=True)
    assert set(short) == {"loss", "bits_per_step", "bits_per_note", "accuracy", "onset_accuracy"}
    assert long == pytest.approx(short, rel=1e-5)
    # cross-entropy is the same thing in nats
    assert short["loss"] / math.log(2) == pytest.approx(short["bits_per_step"], rel=1e-5)
    assert short["bits_per_note"] > short["bits_per_step"]


def symbols_in(batches):
    """Return the tunes of an epoch as tuples of integers, in order."""
    outcome = []
    for _, targets, weights in batches:
        for row, weight in zip(targets, weights, strict=True):
            outcome.append(tuple(row[: np.count_nonzero(weight) - 1].tolist()))
    return outcome


def encoded(tunes):
    return [tuple(VOCABULARY.encode(to_steps(tune.notes)).tolist()) for tune in tunes]


@pytest.mark.parametrize(("count", "batch_size", "seed"), [(40, 16, None), (40, 64, 5), (7, 1, 5)])
def test_every_tune_is_there_once_an_epoch(count, batch_size, seed):
    batches = TuneBatches(TUNES[:count], VOCABULARY, batch_size, seed=seed)
    assert len(batches) == math.ceil(count / batch_size)
    for epoch in range(3):
        batches.epoch = epoch
        assert Counter(symbols_in(batches)) == Counter(encoded(TUNES[:count]))


def test_an_epoch_draws_as_many_of_the_others():
    batches = TuneBatches(TUNES[:5], VOCABULARY, 4, seed=1, others=TUNES[5:15], others_until=3)
    assert len(batches) == 3
    batches.epoch = 3
    assert Counter(symbols_in(batches)) == Counter(2 * encoded(TUNES[:5]))
    draws = []
    for epoch in range(3):
        batches.epoch = epoch
        draws.append(Counter(symbols_in(batches)) - Counter(encoded(TUNES[:5])))
        assert draws[-1].total() == 5
        assert draws[-1] <= Counter(encoded(TUNES[5:15]))
    assert draws[0] != draws[1] != draws[2]


def test_targets_are_what_follows_the_inputs_and_the_last_bar_of_a_planned_tune_weighs_more():
    for inputs, targets, weights in TuneBatches(TUNES, VOCABULARY, 16, seed=1):
        assert inputs.shape == (*targets.shape, 1 + len(STEP_COLUMNS))
        assert (inputs[:, 0, 0] == END_INDEX).all()
        assert (inputs[:, 1:, 0] == targets[:, :-1]).all()
        for row, target, weight in zip(inputs, targets, weights, strict=True):
            count = np.count_nonzero(weight)  # as many as the tune has symbols and one for its end
            assert set(weight[:count]) <= {1, 2}
            assert weight[count - 2] == (2 if row[0, 1:].any() else 1)  # an unknown plan tells no distance to the end
            assert np.flatnonzero(target == END_INDEX).tolist() == [*range(count - 1, len(target))]


def test_most_tunes_are_given_with_their_plans_in_training():
    known = [replace(tune, meter="3/4", key="D minor") for tune in TUNES]
    tunes, plans = known * 4, [to_grid(tune).plan for tune in known]

    def plans_in(**options):
        return [row for inputs, _, _ in TuneBatches(tunes, VOCABULARY, 8, **options) for row in inputs[..., 1:]]

    assert {plan.form for plan in plans} == {Form("3/4", "minor")}
    given = [row for row in plans_in(seed=1) if row.any()]
    assert 0.6 < len(given) / len(tunes) < 0.8
    spelled = {as_steps(plan, steps).tobytes() for plan in plans for steps in {len(row) for row in given}}
    assert {row.tobytes() for row in given} <= spelled
    assert not np.any([row.any() for row in plans_in()])


def test_a_dataset_follows_the_epochs_of_fit():
    def order(epoch, seed=1):
        batches = TuneBatches(TUNES[:12], VOCABULARY, 4, seed=seed)
        dataset = batches.dataset()
        batches.on_epoch_begin(epoch)
        assert len(dataset) == 3
        # of any width: Keras would take what its first two batches have in common for fixed
        assert dataset.element_spec[1].shape.as_list() == [None, None]
        return symbols_in(dataset.as_numpy_iterator())

    orders = [order(epoch) for epoch in range(3)]
    assert [order(epoch) for epoch in range(3)] == orders
    assert orders[0] != orders[1] != orders[2] != orders[0] != order(0, seed=2)


def test_it_learns_a_tune_by_heart():
    keras.utils.set_random_seed(1)
    tune = START * 2
    vocabulary = StepVocabulary.from_tunes([Tune(tune)])
    model = MelodyLSTM(vocabulary, units=24, dropout=0.0)
    model.compile_for_tunes(keras.optimizers.Adam(2e-2))
    batches = TuneBatches([Tune(tune)] * 60, vocabulary, 2)
    history = model.fit(batches.dataset(), epochs=5, shuffle=False, verbose=0).history
    assert history["bits_per_step"][-1] < min(0.2, history["bits_per_step"][0] / 2)
    assert history["onset_accuracy"][-1] > 0.9
    assert model.generate(2, seed=0, temperature=0.1) == [tune] * 2


def logits_of(model, symbols, *plan):
    """Ask the whole model at once what follows each of the symbols before [T], or what its plan is: logits [T, V]."""
    inputs = np.array([[END_INDEX, *symbols[:-1]]], np.int32)
    for one in plan:
        inputs = np.concatenate([inputs[..., None], as_steps(one, len(symbols))[None]], axis=-1)
    logits = model(inputs)[0].numpy()
    logits[0, [END_INDEX, HOLD_INDEX]] = -np.inf
    return logits


@pytest.mark.parametrize("options", [{}, {"temperature": 0.7, "top_k": 5, "top_p": 0.8}])
def test_what_is_sampled_step_by_step_follows_from_the_whole_model(model, options):
    count, steps = 5, 70  # longer than the longest lookback
    scaled = {**options, "temperature": TEMPERATURE * options.get("temperature", 1.0)}
    candidates = model.candidates(count, seed=11, max_steps=steps, ending="free", **options)
    for row, (tune, *_) in enumerate(candidates):
        symbols = [*VOCABULARY.encode(to_steps(tune.notes)), END_INDEX][:steps]
        shares = np.random.default_rng([11, 0, row, 1]).random(steps)[: len(symbols)]
        logits = np.float64(logits_of(model, symbols))
        assert drawn_symbols(filtered_logits(logits, **scaled), shares).tolist() == symbols


def test_sampling_follows_the_plan_as_training_does(model):
    # Greedy: the whole model, which sees the plan beside the symbols, says the same; what returns by the plan is the
    # same symbol, and where a rhythm returns, the same kind of symbol.
    song = in_four_bars()
    plan = to_grid(song).plan
    model.plans = to_rows([plan])
    planned = model.compose(2, seed=0, top_k=1, ending="free")
    model.plans = ()
    symbols = VOCABULARY.encode(to_steps(planned[0].notes))
    logits, place = logits_of(model, symbols, plan), np.arange(plan.cells)
    logits[:, END_INDEX] = -np.inf
    distance, rhythm = (as_steps(plan, plan.cells)[:, [*STEP_COLUMNS].index(name)] for name in ("distance", "rhythm"))
    kinds = np.array([symbol if symbol in {HOLD, REST} else "note" for symbol in VOCABULARY.symbols])
    other = kinds != kinds[symbols[place - rhythm]][:, None]
    logits[(rhythm > 0)[:, None] & other] = -np.inf
    logits[(distance > 0)[:, None] & (np.arange(len(kinds)) != symbols[place - distance][:, None])] = -np.inf
    assert logits.argmax(axis=1).tolist() == symbols.tolist()
    assert 0 < np.count_nonzero(distance) < np.count_nonzero(rhythm) < plan.cells
    assert planned[0] == planned[1] == replace(song, notes=planned[0].notes)
    assert planned[0].notes != model.generate(1, seed=0, top_k=1, max_steps=60, ending="free")[0]


def in_four_bars():
    """Write a waltz in A minor of the form A A' B A with an upbeat; A' has the rhythm of A."""
    a, b = [(60, 4), (62, 2), (64, 2), (62, 4)], [(65, 6), (64, 6)]
    line = [(64, 4), *a, *[(pitch + 2, steps) for pitch, steps in a], *b, *a]
    return Tune(tuple(Note(*note) for note in line), key="A minor", meter="3/4", pickup_steps=4)


def test_a_start_brings_its_upbeat(model):
    model.plans = to_rows([to_grid(in_four_bars()).plan])
    tunes = [model.compose(1, seed=0, start=START[:2], upbeat=upbeat)[0] for upbeat in (0, 4)]
    model.plans = ()
    assert [tune.notes[0] for tune in tunes] == [START[0]] * 2
    assert [tune.pickup_steps for tune in tunes] == [0, 4]
    assert [(length_of(tune.notes) - tune.pickup_steps) % METERS["3/4"] for tune in tunes] == [0, 0]


def test_a_start_ends_with_its_last_note_and_goes_on_with_another(stubborn):
    # a model that would hold for ever
    (tune,) = stubborn(HOLD).generate(1, seed=0, start=START, bars=1)
    assert tune[:3] == START
    assert len(tune) == 4
    assert tune[3].steps == 2


def test_bars_are_exact(model, stubborn):
    for composer in (model, stubborn(DELIMITER), stubborn(HOLD), stubborn("60")):
        tunes = composer.generate(20, seed=1, bars=3)
        assert {length_of(tune) for tune in tunes} == {3 * 16}


def test_a_tune_that_does_not_end_is_cut(stubborn):
    assert stubborn("60").generate(1, seed=0, max_steps=20) == [(Note(60, 1),) * 20]
    ended = stubborn(DELIMITER).generate(3, seed=0, max_steps=20)
    assert [length_of(tune) for tune in ended] == [1, 1, 1]


TUNE = tuple(Note(60 + 2 * (number % 3), 4) for number in range(16))


@pytest.mark.parametrize(("amount", "opened"), [(0.01, 1), (0.5, 2)])
def test_a_variation_keeps_all_bars_but_its_share(model, amount, opened):
    variations = model.vary(TUNE, 6, amount=amount, seed=1)
    assert len(variations) == 6
    original = np.array(to_steps(TUNE)).reshape(4, 16)
    for notes in variations:
        bars = np.array(to_steps(notes)).reshape(4, 16)
        assert 1 <= (bars != original).any(axis=1).sum() <= opened
    assert len(set(variations)) > 1


OTHER = tuple(Note(pitch, 2) for pitch in (72, 71, 69, 67) * 6)


def test_a_morph_leads_from_one_tune_to_the_other(model):
    morphs = model.interpolate(TUNE, OTHER, 7, seed=3)
    assert len(morphs) == 7
    assert (morphs[0], morphs[-1]) == (TUNE, OTHER)
    lengths = [length_of(notes) for notes in morphs]
    assert lengths == sorted(lengths, reverse=True)
    assert all(length % 4 == 0 for length in lengths)
    # Ever farther from the one and nearer to the other, though not at every single step.
    for end, farther in ((TUNE, morphs), (OTHER, morphs[::-1])):
        differing = [sum(a != b for a, b in itertools.zip_longest(to_steps(end), to_steps(notes))) for notes in farther]
        assert differing[1] < differing[3] < differing[5]


def test_unusable_tunes_are_refused(model):
    unknown = (Note(61, 4),)
    for method, arguments, message in (
        (model.vary, {"notes": (), "amount": 0.5}, "is empty"),
        (model.vary, {"notes": unknown, "amount": 0.5}, "the tune to vary has C#4"),
        (model.interpolate, {"first": TUNE, "second": ()}, "the second tune is empty"),
        (model.interpolate, {"first": unknown, "second": TUNE}, "the first tune has C#4"),
        (model.generate, {"start": unknown}, "C#4"),
        (model.generate, {"start": START, "max_steps": 8}, "14 sixteenths long, more than the 8"),
    ):
        with pytest.raises(ValueError, match=message):
            method(count=2, seed=0, **arguments)
