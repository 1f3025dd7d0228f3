import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from scores import random_tunes

from manymodes.nn.recurrent import HoistedLSTM
from melodygan.data.encoding import ReportedCodec
from melodygan.models.reported import LENGTH, ReportedGAN, build_reported_discriminator, build_reported_generator

TUNES = random_tunes(12)
CODEC = ReportedCodec.from_tunes(TUNES)


def attributes(network, kind, *names):
    """Return attributes of the layers of a kind, in order."""
    return [tuple(getattr(layer, name) for name in names) for layer in network.layers if isinstance(layer, kind)]


def test_the_networks_of_the_report():
    generator, discriminator = build_reported_generator(), build_reported_discriminator()
    assert (generator.input_shape, generator.output_shape) == ((None, 1000), (None, 100, 1))
    assert attributes(generator, layers.Dense, "units") == [(256,), (512,), (1024,), (100,)]
    assert attributes(generator, layers.BatchNormalization, "momentum") == [(0.8,)] * 3
    assert discriminator.input_shape == (None, 100, 1)
    assert attributes(discriminator, HoistedLSTM, "units", "return_sequences") == [(512, True)]
    assert [layer.units for (layer,) in attributes(discriminator, layers.Bidirectional, "forward_layer")] == [512]
    assert attributes(discriminator, layers.Dense, "units") == [(512,), (256,), (100,), (1,)]
    assert attributes(discriminator, layers.Dropout, "rate") == [(0.5,)]
    for network in (generator, discriminator):
        assert attributes(network, layers.LeakyReLU, "negative_slope") == [(pytest.approx(0.2),)] * 3


def test_it_generates_windows():
    networks = build_reported_generator(latent_dim=6), build_reported_discriminator(units=2)
    model = ReportedGAN(*networks, codec=CODEC)
    tunes = model.generate(5, seed=1)
    assert {len(tune) for tune in tunes} == {LENGTH}
    assert {note.steps for tune in tunes for note in tune} == {ReportedCodec.STEPS_PER_NOTE}
    assert model.generate(5, seed=1) == tunes != model.generate(5, seed=2)
    values = model(tf.random.stateless_normal([5, 6], [1, 0])).numpy()
    assert np.abs(values).max() <= 1
    assert tunes == [CODEC.decode(row) for row in values]
