import keras
import numpy as np
import pytest
import tensorflow as tf
from test_gan import EXAMPLES, small_gan

from melodygan.warmstart import TuneAutoencoder, build_encoder, warm_start
from modelkit.randomness import RandomBatches


def arrays(network):
    return [array.copy() for array in network.get_weights()]


def alike(some, others):
    return all((one == other).all() for one, other in zip(some, others, strict=True))


def started():
    model = small_gan(seed=1)
    warm_start(model, RandomBatches(EXAMPLES, 8, 60, seed=1))
    return model


@pytest.fixture(scope="module")
def warm():
    return started()


def test_the_encoder_gives_a_mean_and_a_variance_for_each_latent():
    assert build_encoder(16, 20, 5)(tf.zeros([3, 16, 20])).shape == (3, 10)


def test_only_the_generator_learns(warm):
    cold = small_gan(seed=1)
    assert not alike(arrays(warm.generator), arrays(cold.generator))
    assert alike(arrays(warm.discriminator), arrays(cold.discriminator))
    assert alike(arrays(warm.averaged_generator), arrays(warm.generator))
    assert int(warm.step) == 0


def test_it_says_the_tunes_better_than_before(warm):
    def nats(model):
        """Return the cross-entropy of the tunes in what the generator makes of nothing at all."""
        logits = model(tf.zeros([len(EXAMPLES), model.latent_dim]))
        pairs = zip(model.parts(model.prepare(tf.constant(EXAMPLES))), model.parts(logits), strict=True)
        return float(sum(tf.reduce_mean(keras.losses.categorical_crossentropy(*p, from_logits=True)) for p in pairs))

    assert nats(warm) < nats(small_gan(seed=1))


def test_it_follows_from_the_seed(warm):
    assert alike(arrays(started().generator), arrays(warm.generator))


def test_the_bound_of_an_encoder_that_says_nothing():
    # q(z|x) = N(0, 1) costs no nats; equal logits cost the logarithm of the number of symbols
    model = small_gan()
    autoencoder = TuneAutoencoder(model)
    for network in (autoencoder.encoder, model.generator):
        network.set_weights([np.zeros_like(array) for array in network.get_weights()])
    autoencoder.compile(keras.optimizers.SGD(0.0), run_eagerly=True)
    found = autoencoder.train_on_batch(EXAMPLES[:4], return_dict=True)
    sizes = (model.vocabulary.n_pitches, model.vocabulary.n_durations)
    assert found["kl_nats"] == pytest.approx(0, abs=1e-5)
    assert found["reconstruction_nats"] == pytest.approx(EXAMPLES.shape[1] * np.log(sizes).sum(), rel=1e-5)
