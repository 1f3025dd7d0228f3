"""The pretrained models have ONNX forms, which compute what the Keras models compute."""

import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

import melodygan
from manymodes import export, hub, portable
from melodygan.models.sampling import log_softmax

FILES = sorted(hub.folder().glob("*.keras"))
NETWORKS = [file for file in FILES if file.stem != "melody-wgan"]  # which draws in its graph


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_each_has_the_form_of_its_present_weights(file):
    assert portable.form_of(file) is not None


@pytest.mark.slow
@pytest.mark.parametrize("file", NETWORKS, ids=lambda file: file.stem)
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


@pytest.mark.parametrize("name", [name for name, shipped in hub.MODELS.items() if shipped.int8])
def test_8_bit_graphs_predict_nearly_the_same(name):
    exact, quantised = (melodygan.load(name, runtime=runtime) for runtime in ("onnx", "onnx-int8"))
    predict, lost = exact.next_logits, []

    def both(*inputs):
        logits, *states = predict(*inputs)
        shares = log_softmax(logits)
        nearly = log_softmax(quantised.next_logits(*inputs)[0])
        lost.append((np.exp(shares) * (shares - nearly)).sum(axis=-1).mean() / np.log(2))
        return logits, *states

    exact.next_logits = both
    exact.candidates(2, seed=0)
    assert 0 < np.mean(lost) < 0.001, "bits"


@pytest.mark.slow
@pytest.mark.parametrize("choice", [{}, {"temperature": 0.7, "top_k": 3}, {"top_p": 0.8, "mode": "minor"}], ids=str)
def test_tunes_are_the_same_without_tensorflow(choice):
    with_it, without = (melodygan.load("melody-wgan", runtime=runtime) for runtime in ("tensorflow", "onnx"))
    assert without.compose(20, seed=1, **choice) == with_it.compose(20, seed=1, **choice)
    tune = without.compose(1, seed=2)[0]
    assert without.recompose(tune, 2, 3, 5, seed=3) == with_it.recompose(tune, 2, 3, 5, seed=3)


@pytest.mark.slow
def test_the_studio_starts_without_tensorflow(tmp_path):
    pytest.importorskip("gradio")
    program = """
import sys
from pathlib import Path
from manymodes_studio.app import build
from manymodes_studio.models import load_models
from manymodes_studio.warming import warm
from manymodes_studio.workspace import Workspace
models = load_models()
warm(models)
build(models, Workspace(Path(sys.argv[1])))
assert len(models.loaded) == 6 and "tensorflow" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program, tmp_path], check=True)
