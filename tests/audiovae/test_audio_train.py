import dataclasses
import functools
import re
import shutil

import numpy as np
import pytest
from breaking import eagerly, read_json, rows_of, trained_once
from PIL import Image
from smallsounds import Ears, small_sounds, use_tiny_networks

import audiovae
import audiovae.data.sounds
from audiovae import prior, train, trainer
from audiovae.config import AudioConfig
from audiovae.metrics import recognition
from audiovae.models.prior import LabelledCodes, bits_per_code, counted_bits
from audiovae.models.vae import AudioVAE, AudioVQVAE
from audiovae.synthesis import prior_of

# Keras warns that what runs eagerly still reads its batches in a graph: so it should.
pytestmark = pytest.mark.filterwarnings("ignore:Even though the `tf.config.experimental_run:UserWarning")

SMALL = ("--batch-size", 4, "--updates-per-epoch", 1, "--seed", 11)
RUNS = {
    "vqvae": ("--epochs", 2, "--commitment", "auto", "--codes", 32),
    "hvae": ("--epochs", 1, "--model", "hvae", "--anneal", "sigmoid", "--beta", 0.25, "--input", "mel", "--mels", 256),
}
"""Options of the runs that several tests share."""

OF_MODEL = {"vqvae": {"commitment_loss", "perplexity"}, "hvae": {"kl_top_nats", "kl_bottom_nats"}}
ALONE = {"val_spectral_convergence", "val_codebook_use", "val_perplexity_nonsilent"}


@pytest.fixture(scope="module", autouse=True)
def _small_and_quick(rough_inversion, little_measured):
    """Train tiny networks on a few chunks, eagerly: compilation takes longer than a hundred updates."""
    with pytest.MonkeyPatch.context() as patch, eagerly():
        patch.setattr(audiovae.data.sounds, "load_sounds", lambda *_, seed, **__: small_sounds(4, 2, seed))
        patch.setattr(recognition, "recogniser_of", lambda _: Ears())
        use_tiny_networks(patch)
        patch.setattr(trainer, "train_prior", functools.partial(trainer.train_prior, epochs=1))
        yield


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Train `RUNS`, once for all tests that leave them as they are; return their folders and what they printed."""
    commands = {name: (*SMALL, *options) for name, options in RUNS.items()}
    return trained_once(train.main, commands, tmp_path_factory)


@pytest.mark.parametrize(
    ("model", "epochs", "settings", "pictures"),
    [
        ("vqvae", 2, {"commitment": "auto", "codes": 32}, {"perplexity.png", "codebook.png"}),
        ("hvae", 1, {"beta": 0.25, "mels": 256}, {"divergences.png"}),
    ],
)
def test_what_a_run_leaves(finished, model, epochs, settings, pictures):
    run, text = finished[model]
    coded = model == "vqvae"
    assert not list(run.parent.rglob(".partial*"))

    config = read_json(run / "config.json")
    expected = {
        "program": "audiovae.train",
        "sounds": "corpus",
        "model": model,
        "epochs": epochs,
        "seed": 11,
        **settings,
    }
    assert expected.items() <= config.items()
    assert config["fingerprint"] == small_sounds(4, 2, 11).fingerprint

    rows = rows_of(run)
    assert [row["epoch"] for row in rows] == ["1", "2"][:epochs]
    both = {"loss", "reconstruction_loss", "difference"} | OF_MODEL[model] | ({"spectral_loss"} if coded else set())
    names = {"epoch"} | both | {f"val_{name}" for name in both} | (ALONE if coded else set())
    assert rows[0].keys() == names
    documented = set(re.findall(r"``(\w+)``", train.__doc__))
    assert {name for name in names if name in ALONE or not name.startswith("val_")} <= documented
    assert all(np.isfinite(float(value)) for row in rows for value in row.values())

    loaded = audiovae.load(run)
    assert type(loaded).__name__ == {"vqvae": "AudioVQVAE", "hvae": "HierarchicalAudioVAE"}[model]
    assert loaded.instruments == ["hum", "hiss"]
    assert {name: getattr(loaded, name) for name in settings} == settings
    assert not loaded.compiled
    if not coded:
        assert (loaded.instrument_means[0] != loaded.instrument_means[1]).numpy().all()
    metrics = read_json(run / "metrics.json")
    assert (metrics["model"], metrics["n"], metrics["instrument_hit_real"]) == (model, 4, 0.75)
    assert f"metrics.json: spectral convergence {metrics['spectral_convergence']:.3f}" in text
    assert (metrics["prior_bits"] is not None) == coded
    if not coded:
        assert not (run / "prior.keras").exists()
        assert audiovae.make_sounds(loaded, count=3).shape == (3, 22_050)

    drawn = list((run / "plots").iterdir())
    assert {path.name for path in drawn} == {"losses.png", "reconstructions.png"} | pictures
    for path in drawn:
        Image.open(path).load()


def test_a_run_gets_a_prior_and_its_measures(finished, completed, monkeypatch, tmp_path):
    run = shutil.copytree(finished["vqvae"][0], tmp_path / "run")
    sounds, model = small_sounds(4, 2, 11), audiovae.load(run)
    result = prior_of(model, run / "model.keras")
    assert (result.code_count, result.frames, result.instruments) == (32, model.frames, list(sounds.names))
    train_codes, test_codes = (model.encode_codes(split.chunks) for split in (sounds.train, sounds.test))
    bits = bits_per_code(result, LabelledCodes(test_codes, sounds.test.instruments))
    expected = {"prior_bits": bits, **counted_bits(train_codes, test_codes, 32), "instrument_hit": 0.5}
    metrics = read_json(run / "metrics.json")
    assert {name: metrics[name] for name in expected} == pytest.approx(expected, abs=1e-4)

    def train_prior(folder, coded, data, _, **options):
        assert (folder, coded.maker, data.fingerprint) == (run, model.maker, sounds.fingerprint)
        assert options == {"epochs": 7, "seed": 11}
        return metrics

    # the command trains as the run did
    monkeypatch.setattr(trainer, "train_prior", train_prior)
    text = completed(prior.main, run, "--epochs", 7)
    assert text.splitlines()[-1].startswith(f"wrote {run}/prior.keras: {bits:.2f} bits a code")


def test_instruments_are_heard_equally_often():
    sounds = small_sounds(6, 1)
    few = sounds.train.instruments.tolist().index(1) + 1  # one of the second instrument
    split = type(sounds.train)(*(part[:few] for part in sounds.train))
    config = AudioConfig(updates_per_epoch=1, batch_size=400).check()
    batch = trainer.prepare(config, dataclasses.replace(sounds, train=split), 0, None).batches[0]
    assert np.mean([np.array_equal(chunk, split.chunks[-1]) for chunk in batch]) == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize(
    ("settings", "kind", "expected"),
    [
        ({"quantizer": "fsq", "codes": 240, "input": "mel"}, AudioVQVAE, {"quantizer_kind": "fsq", "codes": 240}),
        ({"model": "vae", "free_bits": 0.5, "seed": 11}, AudioVAE, {"beta": 0.001, "free_bits_nats": 0.5, "seed": 11}),
    ],
)
def test_the_model_is_the_one_asked_for(settings, kind, expected):
    model = trainer.build(AudioConfig(**settings).check(), ("hum", "hiss"))
    assert type(model) is kind
    assert {name: getattr(model, name) for name in expected} == expected
