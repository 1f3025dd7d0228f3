"""The attention generator, its critic, and composing in a form."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scores import random_tunes

from melodygan.attention import (
    CONDITION_WIDTH,
    AttentionGAN,
    Returns,
    as_integers,
    as_vector,
    build_attention_generator,
    build_light_critic,
    with_forms,
)
from melodygan.encoding import Note, NoteVocabulary
from melodygan.form import METERS, Form, ends_on_the_bar

LENGTH = 16
VOCABULARY = NoteVocabulary((60, 62, 64, 65), (2, 4, 6))
SYMBOLS = VOCABULARY.n_pitches + VOCABULARY.n_durations
FORMS = [Form("3/4", "major"), Form("4/4", "major"), Form("4/4", "minor")]


def generator(**options):
    return build_attention_generator(LENGTH, SYMBOLS, latent_dim=4, channels=(8, 8, 8), heads=2, **options)


def critic(**options):
    sizes = {"embedding": 8, "channels": (8, 8), "width": 8, "histogram_width": 4}
    return build_light_critic(LENGTH, VOCABULARY.n_pitches, VOCABULARY.n_durations, **sizes, **options)


@pytest.fixture
def model():
    keras.utils.set_random_seed(4)
    made = AttentionGAN(generator(), critic(), vocabulary=VOCABULARY, forms=as_integers(FORMS), seed=1)
    # Untrained, it hardly reacts to z; with opinions its tunes are of all lengths.
    logits = made.averaged_generator.get_layer("logits")
    logits.set_weights([weight * 6 for weight in logits.get_weights()])
    return made


def one_hot(tune):
    """Return notes [(pitch symbol, duration symbol), …] as one-hot [1, L, P + D]."""
    pairs = np.array([*tune, *[(0, 0)] * (LENGTH - len(tune))])
    pitches = np.eye(VOCABULARY.n_pitches)[pairs[:, 0]]
    return np.concatenate([pitches, np.eye(VOCABULARY.n_durations)[pairs[:, 1]]], axis=1)[None].astype(np.float32)


A, B, C, D = (2, 1), (3, 1), (4, 2), (5, 3)


def test_what_returns_by_hand():
    found = np.asarray(Returns(VOCABULARY.n_pitches, (2, 4))(one_hot([A, B, C, D, A, B, C, A, B])))[0]
    # Windows of two: A B comes back at places 5 and 8, B C at 6; D A, half of which is nowhere in its place, …
    assert found[:9, 0].tolist() == [0, 0, 0, 0, 0.5, 1, 1, 0.5, 1]
    # A B C returns whole but for the note before it, a window of four ending at place 6: 3 of 4.
    assert found[6, 1] == 0.75
    assert found[:4, 1].tolist() == [0, 0, 0, 0]


def test_a_return_is_in_pitch_and_duration_and_no_overlap():
    layer = Returns(VOCABULARY.n_pitches, (2,))
    assert np.asarray(layer(one_hot([A, B, (2, 2), (3, 2)]))).max() == 0.5  # other durations
    assert np.asarray(layer(one_hot([A, B, (4, 1), (5, 1)]))).max() == 0  # other pitches
    assert np.asarray(layer(one_hot([A, A, A])))[0, :3, 0].tolist() == [0, 0, 0.5]  # the pair before overlaps
    assert np.asarray(layer(one_hot([A, A, A, A])))[0, 3, 0] == 1
    assert np.asarray(layer(one_hot([A])))[0, :, 0].max() == 0  # silence after the end repeats nothing


def test_the_critic_can_teach_to_return():
    notes = tf.constant(one_hot([A, B, C, D, A, B, C, A]))
    with tf.GradientTape() as tape:
        tape.watch(notes)
        returned = Returns(VOCABULARY.n_pitches, (4,))(notes)[0, 7, 0]
    gradient = np.asarray(tape.gradient(returned, notes))[0]
    # The last note would have to be D for the whole window to return.
    assert gradient[7, D[0]] > gradient[7, A[0]]


def test_conditions_are_one_hot():
    vector = np.asarray(as_vector(tf.constant(as_integers(FORMS))))
    assert vector.shape == (3, CONDITION_WIDTH)
    assert vector.sum(axis=1).tolist() == [2, 2, 2]
    assert len(np.unique(vector, axis=0)) == 3


def test_it_trains_on_notes_with_their_forms(model):
    tunes = random_tunes(8)
    vocabulary = NoteVocabulary.from_tunes(tunes)
    notes = vocabulary.encode(tunes, LENGTH * 4)[:, :LENGTH]
    batch = with_forms(np.minimum(notes, 3), as_integers([FORMS[0]] * 8))
    assert batch.shape == (8, LENGTH + 1, 2)
    np.testing.assert_array_equal(model.conditions(tf.constant(batch)), as_vector(as_integers([FORMS[0]] * 8)))
    assert model.prepare(tf.constant(batch)).shape == (8, LENGTH, SYMBOLS)
    model.compile("sgd", "sgd", objective="relativistic", penalty="r1r2", penalty_interval=2)
    before = model.generator.get_weights()
    logs = model.train_on_batch(batch, return_dict=True)
    assert all(np.isfinite(value) for value in logs.values())
    assert any((old != new).any() for old, new in zip(before, model.generator.get_weights(), strict=True))


@pytest.mark.parametrize("meter", ["3/4", "4/4"])
def test_tunes_end_on_the_bar_of_their_metre(model, meter):
    tunes = model.generate(10, seed=3, meter=meter)
    assert len(tunes) == 10
    assert all(ends_on_the_bar(notes, meter) for notes in tunes)
    assert len(set(tunes)) == 10


def test_bars_are_exact(model):
    for bars in (1, 2):
        for notes in model.generate(6, seed=0, meter="3/4", bars=bars):
            assert sum(note.steps for note in notes) == bars * METERS["3/4"]


def test_same_seed_same_tunes(model):
    assert model.generate(3, seed=5) == model.generate(3, seed=5)
    assert model.generate(3, seed=5) != model.generate(3, seed=6)


def test_the_condition_reaches_the_tune(model):
    assert model.generate(4, seed=5, mode="minor") != model.generate(4, seed=5, mode="major", meter="4/4")


@pytest.mark.parametrize(
    ("asked", "said"), [({"meter": "6/8"}, "in 6/8"), ({"meter": "3/4", "mode": "minor"}, "in 3/4 minor")]
)
def test_a_form_never_heard_is_refused(model, asked, said):
    with pytest.raises(ValueError, match=said):
        model.generate(1, seed=0, **asked)


def test_more_bars_than_it_can_write_are_refused(model):
    with pytest.raises(ValueError, match="ask for less"):
        model.generate(1, seed=0, bars=1000)


def test_a_saved_model_composes_the_same(model, tmp_path):
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.generate(3, seed=2) == model.generate(3, seed=2)
    np.testing.assert_array_equal(loaded.forms, model.forms)


def test_noise_and_l2_reach_both_networks():
    for build in (generator, critic):
        kinds = [layer for layer in build(noise=0.1)._flatten_layers() if isinstance(layer, keras.layers.GaussianNoise)]
        assert kinds
        assert not [layer for layer in build()._flatten_layers() if isinstance(layer, keras.layers.GaussianNoise)]
        regularised = [
            layer for layer in build(l2=0.03)._flatten_layers() if getattr(layer, "kernel_regularizer", None)
        ]
        assert len(regularised) > 3
        assert [float(layer.kernel_regularizer.l2) for layer in regularised] == pytest.approx([0.03] * len(regularised))


def test_notes_are_notes(model):
    for notes in model.generate(4, seed=9):
        assert all(isinstance(note, Note) for note in notes)
        assert {note.steps for note in notes} <= set(VOCABULARY.durations)
