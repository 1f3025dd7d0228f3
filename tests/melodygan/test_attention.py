"""The attention generator, its critic, and composing to a plan."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from melodygan.data.encoding import Note, NoteVocabulary, Tune, length_of
from melodygan.data.form import METERS, Form, ends_on_the_tonic
from melodygan.models.attention import (
    FORM_WIDTH,
    AttentionGAN,
    Intervals,
    Places,
    Returning,
    as_vector,
    build_attention_generator,
    build_light_critic,
    form_in,
    note_plans,
)

LENGTH = 16
VOCABULARY = NoteVocabulary((60, 62, 64, 65), (2, 4, 6))
SYMBOLS = VOCABULARY.n_pitches + VOCABULARY.n_durations
PHRASE = tuple(Note(pitch, 4) for pitch in (60, 62, 64, 65))
TUNES = (
    Tune((*PHRASE, Note(62, 4), *PHRASE), meter="3/4", key="D major"),
    Tune((*PHRASE, *PHRASE), meter="4/4", key="D major"),
    Tune((*PHRASE, Note(60, 2)), meter="4/4", key="D minor"),
)
PLANS = note_plans(TUNES, LENGTH)


def generator(**options):
    return build_attention_generator(LENGTH, SYMBOLS, latent_dim=4, channels=(8, 8, 8), heads=2, **options)


def critic(**options):
    sizes = {"embedding": 8, "channels": (8, 8), "width": 8, "histogram_width": 4}
    return build_light_critic(LENGTH, VOCABULARY.n_pitches, VOCABULARY.n_durations, **sizes, **options)


@pytest.fixture
def model():
    keras.utils.set_random_seed(4)
    made = AttentionGAN(generator(), critic(), vocabulary=VOCABULARY, plans=PLANS, seed=1)
    # Untrained, it hardly reacts to z; with opinions its tunes are of all kinds.
    logits = made.averaged_generator.get_layer("logits")
    logits.set_weights([weight * 6 for weight in logits.get_weights()])
    return made


def one_hot(tune):
    """Return notes [(pitch symbol, duration symbol), …] as one-hot [1, L, P + D]."""
    pairs = np.array([*tune, *[(0, 0)] * (LENGTH - len(tune))])
    pitches = np.eye(VOCABULARY.n_pitches)[pairs[:, 0]]
    return np.concatenate([pitches, np.eye(VOCABULARY.n_durations)[pairs[:, 1]]], axis=1)[None].astype(np.float32)


def test_intervals_by_hand():
    # Symbols 2 to 5 are pitches, 1 is a rest, 0 the end.
    result = np.asarray(
        Intervals(VOCABULARY.n_pitches, 2)(one_hot([(2, 1), (4, 1), (4, 2), (3, 1), (1, 1), (3, 1), (5, 1)]))
    )
    steps = {0: None, 1: 2, 2: 0, 3: -1, 4: None, 5: None, 6: 2, 7: None}
    for place, step in steps.items():
        expected = [float(step == width) for width in range(-2, 3)]
        assert result[0, place].tolist() == expected, place
    assert not np.asarray(Intervals(VOCABULARY.n_pitches, 2)(one_hot([(2, 1), (5, 1)]))).any()  # wider than it tells


def test_places_by_hand():
    sources = [0, 1, 2, 0, -1, -1]
    conditions = tf.constant([[9.0, 9.0, *map(float, sources)]])
    there, new, left, near = np.asarray(Places(6)(conditions))[0].T
    assert there.tolist() == [1, 1, 1, 1, 0, 0]
    assert new.tolist() == [1, 1, 1, 0, 0, 0]
    np.testing.assert_allclose(left, np.array([4, 3, 2, 1, 0, 0]) / 6, rtol=1e-6)
    # the last note returns from the first place, where it is decided
    np.testing.assert_allclose(near, [1, np.exp(-2), np.exp(-1), 0, 0, 0], rtol=1e-6)


def test_a_returning_place_equals_its_source():
    values = tf.reshape(tf.range(10.0), [1, 5, 2])
    moved = Returning()(values, tf.constant([[0.0, 1.0, 0.0, 1.0, -1.0]]))
    assert np.asarray(moved)[0, :, 0].tolist() == [0, 2, 0, 2, 8]


def test_a_plan_is_sources_and_form():
    assert PLANS[0].tolist() == [0, 1, 2, 3, 4, 0, 1, 2, 3, *[-1] * 7, list(METERS).index("3/4"), 0, 0, 60, 65]
    assert PLANS[:, -3].tolist() == [0, 0, 0]
    assert note_plans([Tune((Note(62, 4), Note(None, 2), Note(60, 4)))], 4)[0, -3:].tolist() == [1, 60, 62]
    assert list(map(form_in, PLANS)) == [Form("3/4", "major"), Form("4/4", "major"), Form("4/4", "minor")]
    vector = np.asarray(as_vector(tf.constant(PLANS)))
    assert vector.shape == (3, FORM_WIDTH + LENGTH)
    assert vector[:, : FORM_WIDTH - 3].sum(axis=1).tolist() == [2, 2, 2]
    assert len(np.unique(vector[:, :FORM_WIDTH], axis=0)) == 3
    np.testing.assert_array_equal(vector[:, FORM_WIDTH:], PLANS[:, :-5])


def test_it_trains_on_notes_with_their_plans(model, eager):
    notes = VOCABULARY.encode(TUNES, LENGTH)
    np.testing.assert_array_equal(model.conditions((notes, PLANS)), as_vector(PLANS))
    np.testing.assert_array_equal(np.asarray(model.prepare((notes, PLANS))).argmax(axis=-1), notes[..., 0])
    model.compile("sgd", "sgd", objective="relativistic", penalty="r1r2", penalty_interval=2)
    before = model.generator.get_weights()
    logs = model.train_on_batch(notes, PLANS, return_dict=True)
    assert all(np.isfinite(value) for value in logs.values())
    assert any((old != new).any() for old, new in zip(before, model.generator.get_weights(), strict=True))


def test_every_tune_keeps_to_its_plan(model):
    rows = np.repeat(PLANS, 10, axis=0)
    tunes = model.compose(30, [1, 2], conditions=as_vector(tf.constant(rows)), temperature=4.0)
    for notes, row in zip(tunes, rows, strict=True):
        sources = row[:-5][row[:-5] >= 0]
        assert [notes[source] for source in sources] == list(notes)
    assert len(set(tunes)) > 20


def test_generated_examples_keep_to_their_plan_in_training(model):
    conditions = as_vector(tf.constant(PLANS))
    logits = tf.random.stateless_normal([3, LENGTH, SYMBOLS], [1, 2])
    with tf.GradientTape() as tape:
        tape.watch(logits)
        emitted = model.emit(logits, conditions, tf.constant([3, 4], tf.int64))
        # the last note of the first tune returns from place 3
        wanted = emitted[0, 8, 2]
    gradient = np.asarray(tape.gradient(wanted, logits))
    for row, one in zip(PLANS, np.asarray(emitted), strict=True):
        parts = np.split(one, [VOCABULARY.n_pitches], axis=-1)
        notes = VOCABULARY.decode(np.stack([part.argmax(axis=-1) for part in parts], axis=-1))
        assert len(notes) == (row[:-5] >= 0).sum()
    assert gradient[0, 3].any()
    assert not gradient[0, 8].any()


@pytest.mark.parametrize("meter", ["3/4", "4/4"])
def test_tunes_end_on_the_bar_of_their_metre(model, meter):
    tunes = model.generate(10, seed=3, meter=meter)
    assert len(tunes) == 10
    assert all(length_of(notes) % METERS[meter] == 0 for notes in tunes)
    assert len(set(tunes)) > 4  # there are not many of five notes


def test_tunes_close_on_the_tonic_where_their_plans_say_so(model):
    closing = PLANS.copy()
    closing[:2, -3] = 1  # those in major: the vocabulary has no A
    model.plans = closing
    assert all(ends_on_the_tonic(notes, "major") for notes in model.generate(10, seed=3, mode="major", temperature=4))
    model.plans = PLANS
    tunes = model.generate(10, seed=3, mode="major", temperature=4)
    assert not any(ends_on_the_tonic(notes, "major") for notes in tunes)


def test_tunes_stay_in_the_range_of_their_plans(model):
    narrow = PLANS.copy()
    narrow[:, -2:] = 62, 64
    model.plans = narrow
    tunes = model.generate(10, seed=3, mode="major", temperature=8)
    assert {note.pitch for notes in tunes for note in notes} - {None} == {62, 64}
