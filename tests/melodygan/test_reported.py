import keras
import numpy as np
import tensorflow as tf
from scores import random_tunes

from manymodes.nn.recurrent import HoistedLSTM
from melodygan.data.encoding import ReportedCodec
from melodygan.models.reported import LENGTH, ReportedGAN, build_reported_discriminator, build_reported_generator

TUNES = random_tunes(12)
CODEC = ReportedCodec.from_tunes(TUNES)


def described(network):
    """Write each layer as its kind and what the report says of it."""
    words = {
        keras.layers.InputLayer: lambda layer: f"input {layer.batch_shape[1:]}",
        keras.layers.Dense: lambda layer: f"dense {layer.units} {layer.activation.__name__}",
        keras.layers.LeakyReLU: lambda layer: f"leaky {layer.negative_slope}",
        keras.layers.BatchNormalization: lambda layer: f"normalise {layer.momentum}",
        keras.layers.Reshape: lambda layer: f"reshape {layer.target_shape}",
        HoistedLSTM: lambda layer: f"lstm {layer.units}{' sequences' * layer.return_sequences}",
        keras.layers.Bidirectional: lambda layer: f"both ways {layer.forward_layer.units}",
        keras.layers.Dropout: lambda layer: f"dropout {layer.rate}",
        keras.layers.GaussianNoise: lambda layer: f"noise {layer.stddev}",
    }
    return [words[type(layer)](layer) for layer in network.layers]


def test_the_networks_of_the_report():
    assert described(build_reported_generator()) == [
        "input (1000,)",
        *(line for width in (256, 512, 1024) for line in (f"dense {width} linear", "leaky 0.2", "normalise 0.8")),
        "dense 100 tanh",
        "reshape (100, 1)",
    ]
    assert described(build_reported_discriminator()) == [
        *("input (100, 1)", "lstm 512 sequences", "both ways 512"),
        *(line for width in (512, 256, 100) for line in (f"dense {width} linear", "leaky 0.2")),
        *("dropout 0.5", "dense 1 linear"),
    ]


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
