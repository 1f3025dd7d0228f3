import csv
import dataclasses
import functools
import json
import re

import numpy as np
import pytest
from breaking import Killed, breaking_off, eagerly, kill, press_ctrl_c, trained_once
from PIL import Image
from smallsounds import small_sounds, use_tiny_networks

import audiovae
import audiovae.data.sounds
from audiovae import train, trainer
from audiovae.config import AudioConfig
from audiovae.metrics import recognition
from audiovae.metrics.recognition import Recogniser
from audiovae.models.vae import AudioVAE, AudioVQVAE, HierarchicalAudioVAE
from manymodes.cli import INTERRUPTED_EXIT
from manymodes.experiment.run import open_run
from manymodes.nn.schedules import linear

# Keras warns that what runs eagerly still reads its batches in a graph: so it should.
pytestmark = pytest.mark.filterwarnings("ignore:Even though the `tf.config.experimental_run:UserWarning")

SMALL = ("--epochs", 2, "--batch-size", 4, "--updates-per-epoch", 2, "--seed", 11)
RUNS = {
    "vqvae": ("--commitment", "auto", "--codes", 32),
    "hvae": ("--model", "hvae", "--anneal", "sigmoid", "--beta", 0.25, "--input", "mel", "--mels", 256),
}
"""Options of the runs that several tests share."""

OF_MODEL = {"vqvae": {"commitment_loss", "perplexity"}, "hvae": {"kl_top_nats", "kl_bottom_nats"}}
ALONE = {"val_spectral_convergence", "val_codebook_use", "val_perplexity_nonsilent"}
TIMED = ("train_seconds", "rtf_encode", "rtf_decode")


class First(Recogniser):
    """Hear the first instrument in everything."""

    def recognise(self, chunks):
        return np.zeros(len(chunks), np.int64)


@pytest.fixture(scope="module", autouse=True)
def _small_and_quick(rough_inversion, little_measured):
    """Train tiny networks on a few chunks, eagerly: compilation takes longer than a hundred updates."""
    with pytest.MonkeyPatch.context() as patch, eagerly():
        patch.setattr(audiovae.data.sounds, "load_sounds", lambda *_, seed, **__: small_sounds(4, 2, seed))
        patch.setattr(recognition, "recogniser_of", lambda _: First(None, 0.5))
        use_tiny_networks(patch)
        patch.setattr(trainer, "train_prior", functools.partial(trainer.train_prior, epochs=1))
        yield


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Train `RUNS`, once for all tests that leave them as they are; return their folders and what they printed."""
    commands = {name: (*SMALL, *options) for name, options in RUNS.items()}
    return trained_once(train.main, commands, tmp_path_factory)


def rows_of(run):
    return list(csv.DictReader((run / "history.csv").read_text(encoding="utf-8").splitlines()))


def read_json(path):
    return json.loads(path.read_text(encoding="utf-8"))


def results(run, contents):
    """Return everything that the same command writes again, without times."""
    names = ("history.csv", "model.keras", "prior.keras")
    files = {name: file for name, file in contents(run).items() if name in names or name.startswith("plots/")}
    metrics = {name: value for name, value in read_json(run / "metrics.json").items() if name not in TIMED}
    return files | {"metrics.json": metrics}


@pytest.mark.parametrize(
    ("model", "settings", "pictures"),
    [
        ("vqvae", {"commitment": "auto", "codes": 32}, {"perplexity.png", "codebook.png"}),
        ("hvae", {"beta": 0.25, "mels": 256}, {"divergences.png"}),
    ],
)
def test_what_a_run_leaves(finished, model, settings, pictures):
    run, text = finished[model]
    coded = model == "vqvae"
    assert not list(run.parent.rglob(".partial*"))

    config = read_json(run / "config.json")
    expected = {"model": model, "sounds": "corpus", "epochs": 2, "seed": 11, "program": "audiovae.train", **settings}
    assert {key: config[key] for key in expected} == expected
    assert config["fingerprint"] == small_sounds(4, 2, 11).fingerprint

    rows = rows_of(run)
    assert [row["epoch"] for row in rows] == ["1", "2"]
    both = {"loss", "reconstruction_loss", "difference"} | OF_MODEL[model] | ({"spectral_loss"} if coded else set())
    names = {"epoch"} | both | {f"val_{name}" for name in both} | (ALONE if coded else set())
    assert rows[0].keys() == names
    documented = set(re.findall(r"``(\w+)``", train.__doc__))
    assert {name for name in names if name in ALONE or not name.startswith("val_")} <= documented
    assert all(np.isfinite(float(value)) for row in rows for value in row.values())

    loaded = audiovae.load(run)
    assert loaded.instruments == ["hum", "hiss"]
    assert {name: getattr(loaded, name) for name in settings} == settings
    assert not loaded.compiled
    metrics = read_json(run / "metrics.json")
    assert (metrics["model"], metrics["n"], metrics["instrument_hit_real"]) == (model, 4, 0.5)
    assert f"metrics.json: spectral convergence {metrics['spectral_convergence']:.3f}" in text
    assert (metrics["prior_bits"] is not None) == coded
    assert (run / "prior.keras").exists() == coded
    assert audiovae.make_sounds(loaded, count=3).shape == (3, 22_050)

    drawn = {path.name: path for path in (run / "plots").iterdir()}
    assert drawn.keys() == {"losses.png", "reconstructions.png"} | pictures
    for path in drawn.values():
        with Image.open(path) as picture:
            picture.load()


def test_latents_of_instruments_are_learned(finished):
    model = audiovae.load(finished["hvae"][0])
    means = model.instrument_means.numpy()
    assert (means[0] != means[1]).all()
    split = small_sounds(4, 2, 11).train
    own = model.latents(split.chunks[split.instruments == 1])[:, : model.top_dim]
    np.testing.assert_allclose(means[1], own.mean(axis=0), atol=1e-4)


def prepared(sounds, **settings):
    return trainer.prepare(AudioConfig(updates_per_epoch=1, **settings).check(), sounds, 0, None)


@pytest.mark.parametrize(
    ("anneal", "weights"), [("linear", [linear(update / 2) for update in range(3)]), ("none", [1])]
)
def test_the_weight_of_the_divergence_rises_as_asked(monkeypatch, anneal, weights):
    seen = []
    rebuild = AudioVAE._rebuild

    def watched(self, *given, training):
        if training:
            seen.append(float(self.anneal))
        return rebuild(self, *given, training=training)

    monkeypatch.setattr(AudioVAE, "_rebuild", watched)
    training = prepared(small_sounds(4, 2), batch_size=4, model="vae", anneal=anneal, epochs=len(weights))
    training.model.fit(training.batches, epochs=len(weights), callbacks=list(training.callbacks), verbose=0)
    assert seen == pytest.approx(weights)


def test_instruments_are_heard_equally_often():
    sounds = small_sounds(6, 1)
    few = sounds.train.instruments.tolist().index(1) + 1  # one of the second instrument
    split = type(sounds.train)(*(part[:few] for part in sounds.train))
    batch = prepared(dataclasses.replace(sounds, train=split), batch_size=400).batches[0]
    assert np.mean([np.array_equal(chunk, split.chunks[-1]) for chunk in batch]) == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize(
    ("settings", "kind", "expected"),
    [
        (
            {"quantizer": "fsq", "codes": 240, "seed": 11},
            AudioVQVAE,
            {"quantizer_kind": "fsq", "codes": 240, "seed": 11},
        ),
        ({"input": "mel", "mels": 256}, AudioVQVAE, {"quantizer_kind": "vq", "input_kind": "mel", "mels": 256}),
        ({"model": "hvae", "free_bits": 0.5}, HierarchicalAudioVAE, {"beta": 0.001, "free_bits_nats": 0.5}),
        ({"model": "vae", "beta": 0.25}, AudioVAE, {"beta": 0.25, "free_bits_nats": 0.1}),
    ],
)
def test_the_model_is_the_one_asked_for(settings, kind, expected):
    model = trainer.build(AudioConfig(**settings).check(), ("hum", "hiss"))
    assert type(model) is kind
    assert {name: getattr(model, name) for name in expected} == expected


def test_a_run_killed_and_interrupted_ends_as_one_that_was_not(finished, at_prompt, contents, tmp_path):
    whole, _ = finished["vqvae"]
    run = tmp_path / "run"

    # killed before the first checkpoint
    with breaking_off(0, kill), pytest.raises(Killed):
        at_prompt(train.main, *SMALL, "--out", run, *RUNS["vqvae"])
    assert not (run / "model.keras").exists()

    # interrupted in the second epoch, which is then done again
    with breaking_off(2, press_ctrl_c):
        code, text, errors = at_prompt(train.main, "--resume", run)
    assert (code, errors) == (INTERRUPTED_EXIT, "")
    assert f"stopped; continue with: python -m audiovae.train --resume {run}" in text
    assert len(rows_of(run)) == 1
    assert not (run / "metrics.json").exists()

    code, text, errors = at_prompt(train.main, "--resume", run)
    assert (code, errors) == (0, "")
    assert f"continuing {run} after epoch 1 of 2" in text
    assert results(run, contents) == results(whole, contents)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--mels", "128"), "--mels needs --input mel"),
        (("--codes", "1"), "from 2 to 4096"),
        (("--commitment", "sometimes"), "--commitment"),
        (("--chunks", "9"), "--chunks"),
        (("--resume", "begun"), "has changed since begun began: start a new run"),
    ],
)
def test_refusals(refused, tmp_path, monkeypatch, arguments, expected):
    monkeypatch.chdir(tmp_path)
    open_run(tmp_path / "begun", AudioConfig(input="mel").check(), "other", resume=False, data="sounds")
    assert expected in refused(train.main, *arguments)
