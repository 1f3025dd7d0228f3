"""What the command exports, and how a model is found in the form that a command asks for."""

import importlib.util

import numpy as np
import pytest

from drumvae.models.latents import PortableDrumVAE
from drumvae.models.vae import DrumVAE
from drumvae.playing import DRUM_MODEL, beats
from manymodes import export, hub
from manymodes.files import save_keras
from melodygan.composing import MELODY_MODEL
from melodygan.data.encoding import Note, StepVocabulary, Tune
from melodygan.models.lstm import MelodyLSTM

STYLES = ["rock", "jazz"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Return a run whose model has been exported."""
    folder = tmp_path_factory.mktemp("run")
    save_keras(DrumVAE(STYLES, channels=(4, 4, 4), seed=3), folder / "model.keras")
    assert export.main([str(folder)]) == 0
    return folder


def test_an_exported_model_makes_the_same_beats(run):
    keras_model, portable = (DRUM_MODEL.load(run, runtime=runtime) for runtime in (None, "auto"))
    assert (type(keras_model), type(portable)) == (DrumVAE, PortableDrumVAE)
    for expected, result in zip(
        *(beats(model, "jazz", count=2, seed=4) for model in (keras_model, portable)), strict=True
    ):
        assert (expected.hits == result.hits).all()
        np.testing.assert_allclose(result.velocities, expected.velocities, atol=1e-4)
        np.testing.assert_allclose(result.offsets, expected.offsets, atol=1e-4)


def test_without_tensorflow_there_is_the_exported_form_alone(run, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "tensorflow" else name)
    assert isinstance(DRUM_MODEL.load(run), PortableDrumVAE)


def test_the_form_of_a_model_that_has_changed_is_another_models(run, tmp_path, monkeypatch):
    (tmp_path / "onnx").symlink_to(run / "onnx")
    save_keras(DrumVAE(STYLES, channels=(4, 4, 4), seed=4), tmp_path / "model.keras")
    assert isinstance(DRUM_MODEL.load(tmp_path, runtime="auto"), DrumVAE)
    with pytest.raises(hub.UserError, match="no ONNX form"):
        DRUM_MODEL.load(tmp_path, runtime="onnx")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "onnxruntime" else name)
    with pytest.raises(hub.UserError, match="pip install onnxruntime"):
        DRUM_MODEL.load(run, runtime="onnx")


def test_8_bit_graphs_are_there_where_they_were_asked_for(run, tmp_path):
    with pytest.raises(hub.UserError, match="--int8"):
        DRUM_MODEL.load(run, runtime="onnx-int8")
    (tmp_path / "model.keras").write_bytes((run / "model.keras").read_bytes())
    assert export.main([str(tmp_path), "--int8"]) == 0
    exact, quantised = (DRUM_MODEL.load(tmp_path, runtime=runtime) for runtime in ("onnx", "onnx-int8"))
    (one,), (other,) = (beats(model, "jazz", count=1, seed=4) for model in (exact, quantised))
    both = one.hits & other.hits  # a hit at the edge of its probability may be lost
    assert both.sum() > 0.9 * one.hits.sum()
    assert 0 < np.abs(one.velocities - other.velocities)[both].max() < 0.05
    for file in (run / "onnx" / "model").iterdir():
        assert (tmp_path / "onnx" / "model" / file.name).read_bytes() == file.read_bytes()


def test_what_is_no_model_is_refused(refused, tmp_path):
    (tmp_path / "model.keras").write_bytes(b"PK")
    assert "not a model" in refused(export.main, tmp_path / "model.keras")


def test_a_thousand_of_the_likeliest_symbols_are_the_same(tmp_path):
    tune = Tune(tuple(Note(pitch, 4) for pitch in (60, 62, 64, 65, 67, 65, 64, 62)), meter="4/4", key="C major")
    model = MelodyLSTM(StepVocabulary.from_tunes([tune]), units=8, seed=1)
    model.build()
    save_keras(model, tmp_path / "model.keras")
    assert export.main([str(tmp_path)]) == 0
    exact, portable = (MELODY_MODEL.load(tmp_path, runtime=runtime) for runtime in (None, "onnx"))
    options = {"bars": 16, "meter": "4/4", "seed": 5, "plans": None, "ending": "free"}
    for choice in ({"top_k": 1}, {}):
        assert exact.generate(4, **options, **choice) == portable.generate(4, **options, **choice)
