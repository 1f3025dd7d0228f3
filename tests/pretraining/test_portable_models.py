"""The pretrained models have ONNX forms, which compute what the Keras models compute."""

import numpy as np
import pytest
import tensorflow as tf

from manymodes import export, hub, portable

FILES = sorted(hub.folder().glob("*.keras"))
WITHOUT = {"melody-wgan", "typefaces"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_each_has_the_form_of_its_present_weights(file):
    assert (portable.form_of(file) is None) == (file.stem in WITHOUT)


@pytest.mark.slow
@pytest.mark.parametrize("file", [file for file in FILES if file.stem not in WITHOUT], ids=lambda file: file.stem)
def test_every_graph_computes_what_keras_computes(file):
    kind, rng = export.kind_of(file), np.random.default_rng(0)
    model, graphs = hub.load_model(file, kind), portable.Graphs(portable.form_of(file).folder)
    for name, function in model.graphs().items():
        inputs = [
            rng.integers(5, size=[size or 3 for size in spec.shape]).astype(np.int32)
            if spec.dtype == tf.int32
            else rng.normal(size=[size or 3 for size in spec.shape]).astype(np.float32)
            for spec in function.input_signature
        ]
        for expected, result in zip(tf.nest.flatten(function(*inputs)), graphs.run(name, *inputs), strict=True):
            np.testing.assert_allclose(result, expected, atol=1e-4, err_msg=name)
