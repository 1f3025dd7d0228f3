import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from scores import random_tunes

from melodygan.data.encoding import NoteVocabulary
from melodygan.models.gan import MelodyGAN, build_discriminator, build_generator, straight_through

LENGTH = 8
TUNES = random_tunes(40, lengths=(4, 9))
VOCABULARY = NoteVocabulary.from_tunes(TUNES)
SYMBOLS = VOCABULARY.n_pitches + VOCABULARY.n_durations
EXAMPLES = VOCABULARY.encode(TUNES, LENGTH)


def small_generator(**options):
    return build_generator(LENGTH, SYMBOLS, latent_dim=8, widths=(8, 8), **options)


def small_discriminator(**options):
    return build_discriminator(LENGTH, SYMBOLS, units=4, widths=(8,), **options)


def small_gan(seed=0, **options):
    keras.utils.set_random_seed(seed)
    networks = small_generator(**options), small_discriminator(**options)
    model = MelodyGAN(*networks, vocabulary=VOCABULARY, seed=seed)
    model.build()
    return model


@pytest.fixture(scope="module")
def gan():
    return small_gan(seed=2)


@pytest.fixture
def determined():
    """Return a function: a GAN whose generator always gives the same logits."""

    def make(pitch_symbol, duration_symbol):
        model = small_gan()
        wanted = np.zeros(SYMBOLS, np.float32)
        wanted[[pitch_symbol, VOCABULARY.n_pitches + duration_symbol]] = 1000.0
        head = model.averaged_generator.get_layer("logits")
        head.set_weights([np.zeros_like(head.kernel), wanted])
        return model

    return make


def in_tones(notes):
    return {(note.pitch, note.steps) for note in notes}


# --- from logits to notes


def test_straight_through_draws_as_softmax_says():
    probabilities = np.array([0.5, 0.3, 0.15, 0.05])
    logits = tf.tile(tf.math.log(tf.constant(probabilities, tf.float32))[None], [20_000, 1])
    frequencies = straight_through(logits, tf.constant([1, 1])).numpy().mean(axis=0)
    # three standard errors of a share of ½ among 20,000
    assert frequencies == pytest.approx(probabilities, abs=0.011)


def test_straight_through_has_the_gradient_of_softmax():
    logits, factors = tf.random.stateless_normal([6, 4], [1, 2]), tf.random.stateless_normal([6, 4], [5, 6])
    with tf.GradientTape() as tape:
        tape.watch(logits)
        value = tf.reduce_sum(straight_through(logits, tf.constant([3, 4])) * factors)
    gradient = tape.gradient(value, logits).numpy()
    assert (np.abs(gradient).max(axis=-1) > 1e-4).all()
    # softmax moves with the differences between logits only
    assert gradient.sum(axis=-1) == pytest.approx(np.zeros(6), abs=1e-5)


def test_prepare_is_one_hot_of_the_vocabulary(gan):
    prepared = gan.prepare(tf.constant(EXAMPLES)).numpy()
    assert prepared.shape == (len(TUNES), LENGTH, SYMBOLS)
    assert set(np.unique(prepared)) == {0.0, 1.0}
    pitches, durations = prepared[..., : VOCABULARY.n_pitches], prepared[..., VOCABULARY.n_pitches :]
    back = np.stack([pitches.argmax(axis=-1), durations.argmax(axis=-1)], axis=-1)
    assert (back == EXAMPLES).all()
    assert (pitches.sum(axis=-1) == 1).all()
    assert (durations.sum(axis=-1) == 1).all()
    assert [VOCABULARY.decode(row) for row in back] == [tune.notes for tune in TUNES]


# --- networks


def test_examples_are_compared_within_their_group():
    keras.utils.set_random_seed(1)
    network = small_discriminator(group_size=4)
    real = tf.one_hot(np.random.default_rng(0).integers(0, SYMBOLS, (4, LENGTH)), SYMBOLS)
    fake = tf.tile(real[:1], [4, 1, 1])
    together = network(tf.concat([real, fake], axis=0)).numpy()
    assert together[:4] == pytest.approx(network(real).numpy(), abs=1e-5)
    assert together[4:] == pytest.approx(network(fake).numpy(), abs=1e-5)
    # the same tune scores otherwise among copies of itself
    assert abs(together[4] - together[0]) > 1e-6
    assert network(real[:3]).shape == (3, 1)


# --- generating


def test_generate_gives_tunes(gan):
    tunes = gan.generate(30, seed=1)
    assert len(tunes) == 30
    assert all(any(note.pitch is not None for note in tune) for tune in tunes)
    assert all(len(tune) <= LENGTH for tune in tunes)
    assert set().union(*map(in_tones, tunes)) <= set(
        itertools.product([None, *VOCABULARY.pitches], VOCABULARY.durations)
    )


def test_bars_that_no_tune_reaches(gan):
    with pytest.raises(ValueError, match="0 of 1280 tunes"):
        gan.generate(5, seed=0, bars=LENGTH)


@pytest.mark.parametrize("silent", [NoteVocabulary.END, NoteVocabulary.PITCH_REST])
def test_a_generator_of_silence_does_not_wait_for_ever(determined, silent):
    with pytest.raises(ValueError, match="0 of 1280 tunes"):
        determined(silent, 1).generate(2, seed=0)


def test_the_logits_decide(determined):
    (tune,) = determined(4, 2).generate(1, seed=0)
    assert in_tones(tune) == {(VOCABULARY.pitches[2], VOCABULARY.durations[1])}
    assert len(tune) == LENGTH


# --- training


@pytest.mark.parametrize(
    ("objective", "penalty", "noise", "l2"),
    [("bce", "none", 0.0, 0.0), ("wasserstein", "r1r2", 0.1, 0.01), ("wasserstein", "clip", 0.0, 0.01)],
)
def test_a_variant_trains(eager, objective, penalty, noise, l2):
    model = small_gan(noise=noise, l2=l2)
    adam = keras.optimizers.Adam
    model.compile(adam(1e-3), adam(1e-3), objective=objective, penalty=penalty)
    before = [array.copy() for array in model.get_weights()]
    logs = model.train_step(tf.constant(EXAMPLES[:8]))
    expected = {"generator_loss", "discriminator_loss", "score_gap", "generator_gradient", "discriminator_gradient"}
    assert set(logs) == expected | ({"penalty"} if penalty in {"gradient", "r1r2"} else set())
    assert all(np.isfinite(float(value)) for value in logs.values())
    after = model.get_weights()
    assert all(np.isfinite(array).all() for array in after)
    assert int(model.step) == 1
    assert sum((old != new).any() for old, new in zip(before, after, strict=True)) > len(before) / 2
    if penalty == "clip":
        assert max(np.abs(weight).max() for weight in model.discriminator.trainable_variables) <= 0.01 + 1e-9
