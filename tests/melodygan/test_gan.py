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


@pytest.mark.parametrize("silent", [NoteVocabulary.END, NoteVocabulary.PITCH_REST])
def test_a_generator_of_silence_does_not_wait_for_ever(silent):
    model = small_gan()
    head = model.averaged_generator.get_layer("logits")
    head.set_weights([np.zeros_like(head.kernel), 1000 * np.eye(SYMBOLS, dtype=np.float32)[silent]])
    with pytest.raises(ValueError, match="0 of 1280 tunes"):
        model.generate(2, seed=0)


@pytest.mark.parametrize(
    ("objective", "penalty", "noise", "l2"),
    [("bce", "none", 0.0, 0.0), ("wasserstein", "r1r2", 0.1, 0.01), ("wasserstein", "clip", 0.0, 0.01)],
)
def test_a_variant_trains(eager, objective, penalty, noise, l2):
    model = small_gan(noise=noise, l2=l2)
    adam = keras.optimizers.Adam
    model.compile(adam(1e-3), adam(1e-3), objective=objective, penalty=penalty)
    before = model.get_weights()
    logs = model.train_step(tf.constant(EXAMPLES[:8]))
    assert ("penalty" in logs) == (penalty == "r1r2")
    after = model.get_weights()
    assert all(np.isfinite(value).all() for value in (*logs.values(), *after))
    assert sum((old != new).any() for old, new in zip(before, after, strict=True)) > len(before) / 2
    if penalty == "clip":
        assert max(np.abs(weight).max() for weight in model.discriminator.trainable_variables) <= 0.01 + 1e-9
