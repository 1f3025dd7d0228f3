import csv
import dataclasses
import functools
import json
import re
import shutil
import zipfile

import keras
import numpy as np
import pytest
from breaking import Killed, breaking_off, eagerly, kill, press_ctrl_c, trained_once
from PIL import Image
from smallsounds import TINY, small_sounds

import audiovae.data.sounds
from audiovae import fitting, prior, train
from audiovae import trainer as variants
from audiovae.metrics import recognition
from audiovae.metrics.recognition import Recogniser
from audiovae.models import prior as code_prior
from audiovae.models.prior import CodePrior
from audiovae.models.vae import AudioVAE, AudioVQVAE, HierarchicalAudioVAE
from audiovae.output import load_model
from manymodes.cli import INTERRUPTED_EXIT, UserError
from manymodes.files import save_keras
from manymodes.nn.schedules import linear

# Keras warns that what runs eagerly still reads its batches in a graph: so it should.
pytestmark = pytest.mark.filterwarnings("ignore:Even though the `tf.config.experimental_run:UserWarning")

SMALL = ("--epochs", 2, "--batch-size", 4, "--updates-per-epoch", 2, "--seed", 11)
ONCE = ("--epochs", 1, "--updates-per-epoch", 1)
RUNS = {
    "vqvae": ("--commitment", "auto", "--codes", 32),
    "hvae": ("--model", "hvae", "--anneal", "sigmoid", "--beta", 0.25),
    "vae": ("--model", "vae", "--anneal", "cyclical", "--input", "mel", "--mels", 256),
}
"""Options of the runs that several tests share."""

OF_MODEL = {
    "vqvae": {"commitment_loss", "perplexity"},
    "vae": {"kl_all_nats"},
    "hvae": {"kl_top_nats", "kl_bottom_nats"},
}
ALONE = {"val_spectral_convergence", "val_codebook_use", "val_perplexity_nonsilent"}
OF_PRIOR = dict.fromkeys(("prior_bits", "unigram_bits", "bigram_bits", "instrument_hit", "instrument_hit_real"), 0.5)
TIMED = ("train_seconds", "rtf_encode", "rtf_decode")


class Ears(Recogniser):
    """Hear the first instrument in everything."""

    def recognise(self, chunks):
        return np.zeros(len(chunks), np.int64)


@pytest.fixture(scope="module", autouse=True)
def _small_and_quick(rough_inversion, little_measured):
    """Train tiny networks on a few chunks, update by update: compiling one takes longer than making a hundred."""

    def load(source, *, seed, chunks):
        return (
            small_sounds(train=4, others=2, seed=seed)
            if source == "corpus"
            else load_all(source, seed=seed, chunks=chunks)
        )

    load_all = functools.partial(audiovae.data.sounds.load_sounds, progress=False)
    with pytest.MonkeyPatch.context() as patch, eagerly():
        patch.setattr(audiovae.data.sounds, "load_sounds", load)
        patch.setattr(recognition, "recogniser_of", lambda _: Ears(None, 0.5))
        for kind in (AudioVAE, HierarchicalAudioVAE, AudioVQVAE):
            patch.setattr(variants, kind.__name__, functools.partial(kind, **TINY))
        patch.setattr(code_prior, "CodePrior", functools.partial(CodePrior, units=2, embedding=2))
        patch.setattr(prior, "train_prior", functools.partial(prior.train_prior, epochs=1))
        yield


@pytest.fixture
def hasty(monkeypatch):
    """Leave out what is drawn, and the prior, which take longer than the training."""
    for name in ("save_training", "save_reconstructions"):
        monkeypatch.setattr(fitting.plots, name, lambda *_: None)
    monkeypatch.setattr(prior, "train_prior", lambda *_, **__: OF_PRIOR)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Train `RUNS`, once for all tests that leave them as they are; return their folders and what they printed."""
    commands = {name: (*SMALL, *options) for name, options in RUNS.items()}
    return trained_once(train.main, commands, tmp_path_factory)


@pytest.fixture
def prompt(at_prompt):
    """Run the verb; return its exit code, what it printed and its errors."""
    return lambda *arguments: at_prompt(train.main, *arguments)


@pytest.fixture
def fit(prompt, tmp_path):
    """Train to the end, into a folder of the test's own; return the folder and what was printed."""

    def run(*arguments, out="run"):
        place = () if "--resume" in arguments else ("--out", tmp_path / out)
        code, text, errors = prompt(*SMALL[: 0 if "--resume" in arguments else None], *arguments, *place)
        assert (code, errors) == (0, "")
        return tmp_path / out, text

    return run


def rows_of(run):
    return list(csv.DictReader((run / "history.csv").read_text(encoding="utf-8").splitlines()))


def read_json(path):
    return json.loads(path.read_text(encoding="utf-8"))


def results(run, contents):
    """Return what the same command must write again: all but what the clock decides."""
    found = contents(run)
    wanted = {name for name in found if name.startswith("plots/") or name.endswith((".keras", "history.csv"))}
    wanted = {name for name in wanted if not name.startswith("checkpoints/")}
    measures = {name: value for name, value in read_json(run / "measures.json").items() if name not in TIMED}
    return {**{name: found[name] for name in wanted}, "measures.json": measures}


# --- what a run leaves


@pytest.mark.parametrize(
    ("model", "asked", "pictures"),
    [
        ("vqvae", {"commitment": "auto", "codes": 32}, {"perplexity.png", "codebook.png"}),
        ("hvae", {"beta": 0.25}, {"divergences.png"}),
        ("vae", {"mels": 256}, {"divergences.png"}),
    ],
)
def test_what_a_run_leaves(finished, model, asked, pictures):
    run, text = finished[model]
    raw = "mel" not in RUNS[model]
    assert not list(run.parent.rglob(".partial*"))

    config = read_json(run / "config.json")
    expected = {"model": model, "input": "raw" if raw else "mel", "sounds": "corpus", "epochs": 2, "seed": 11}
    assert {key: config[key] for key in expected} == expected
    assert config["fingerprint"] == small_sounds(train=4, others=2, seed=11).fingerprint

    rows = rows_of(run)
    assert [row["epoch"] for row in rows] == ["1", "2"]
    both = {"loss", "reconstruction_loss", "difference"} | OF_MODEL[model] | ({"spectral_loss"} if raw else set())
    alone = {"val_spectral_convergence"} if raw else set()
    alone |= {"val_codebook_use", "val_perplexity_nonsilent"} if model == "vqvae" else set()
    assert rows[0].keys() == {"epoch"} | both | {f"val_{name}" for name in both} | alone
    documented = set(re.findall(r"``(\w+)``", train.__doc__))
    assert {"epoch", "val_loss"} | both | alone <= documented
    assert all(np.isfinite(float(value)) for row in rows for value in row.values())

    loaded = load_model(run / "model.keras")
    assert loaded.instruments == ["hum", "hiss"]
    assert {name: getattr(loaded, name) for name in asked} == asked
    assert not loaded.compiled
    measures = read_json(run / "measures.json")
    assert measures["model"] == model
    assert measures["n"] == 4
    assert measures["instrument_hit_real"] == 0.5
    assert f"measures.json: spectral convergence {measures['spectral_convergence']:.3f}" in text
    assert "recogniser: 50.0% of the test chunks" in text

    if model == "vqvae":
        assert measures["prior_bits"] > 0
        assert keras.models.load_model(run / "prior.keras").instruments == loaded.instruments
        assert f"prior.keras: {measures['prior_bits']:.2f} bits a code" in text
    else:
        assert measures["prior_bits"] is None
        assert not (run / "prior.keras").exists()

    assert not (run / "tensorboard").exists()
    found = {path.name: path for path in (run / "plots").iterdir()}
    assert found.keys() == {"losses.png", "reconstructions.png"} | pictures
    for path in found.values():
        with Image.open(path) as picture:
            picture.load()
            assert picture.format == "PNG"


def test_the_saved_model_is_the_best_epochs(hasty, fit, monkeypatch):
    losses = iter((1.0, 3.0, 2.0))
    looking = fitting.measuring
    monkeypatch.setattr(fitting, "measuring", lambda *given: lambda: {**looking(*given)(), "val_loss": next(losses)})
    run, text = fit("--epochs", 3, "--updates-per-epoch", 1)
    assert "model.keras (epoch 1)" in text
    chunks = small_sounds(train=1, others=1).test.chunks
    best = load_model(run / "checkpoints" / "epoch-00001" / "model.keras")
    np.testing.assert_array_equal(load_model(run / "model.keras").reconstruct(chunks), best.reconstruct(chunks))


@pytest.mark.parametrize("model", ["vae", "hvae"])
def test_instruments_can_be_asked_for(finished, model):
    run, _ = finished[model]
    loaded = load_model(run / "model.keras")
    lying = loaded.instrument_means.numpy()
    assert (lying[0] != lying[1]).all()
    train_side = small_sounds(train=4, others=2, seed=11).train
    own = loaded.latents(train_side.chunks[train_side.instruments == 1])[:, : loaded.top_dim]
    np.testing.assert_allclose(lying[1], own.mean(axis=0), atol=1e-4)


def test_the_weight_of_the_divergence_rises_as_asked(hasty, fit, monkeypatch):
    seen = []
    rebuild = AudioVAE._rebuild

    def watched(self, *given, training):
        if training:
            seen.append(float(self.anneal))
        return rebuild(self, *given, training=training)

    monkeypatch.setattr(AudioVAE, "_rebuild", watched)
    fit("--model", "vae", "--anneal", "linear", "--updates-per-epoch", 1, "--epochs", 3)
    assert seen == pytest.approx([linear(update / 2) for update in range(3)])
    seen.clear()
    fit("--model", "vae", "--anneal", "none", *ONCE, out="other")
    assert seen == [1]


def test_instruments_are_heard_equally_often():
    sounds = small_sounds(train=6, others=1)
    few = sounds.train.instruments.tolist().index(1) + 1  # one of the second instrument
    train_side = type(sounds.train)(*(part[:few] for part in sounds.train))
    settings = {**train.settings_of(["--batch-size", "400"]), "updates_per_epoch": 1}
    batch = variants.prepare(settings, dataclasses.replace(sounds, train=train_side), 0, None).batches[0]
    assert np.mean([np.array_equal(chunk, train_side.chunks[-1]) for chunk in batch]) == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize(
    ("options", "kind", "found"),
    [
        (
            ("--quantizer", "fsq", "--codes", "240", "--input", "mel", "--mels", "256"),
            AudioVQVAE,
            {"quantizer_kind": "fsq", "codes": 240, "input_kind": "mel", "mels": 256, "seed": 11},
        ),
        (
            ("--commitment", "0.5", "--codes", "32"),
            AudioVQVAE,
            {"quantizer_kind": "vq", "commitment": 0.5, "codes": 32, "input_kind": "raw"},
        ),
        (
            ("--model", "hvae", "--beta", "0.25", "--free-bits", "0.5"),
            HierarchicalAudioVAE,
            {"beta": 0.25, "free_bits_nats": 0.5},
        ),
        (("--model", "vae"), AudioVAE, {"beta": 0.001, "free_bits_nats": 0.1}),
    ],
)
def test_the_model_is_the_one_asked_for(options, kind, found):
    model = variants.build(train.settings_of([*options, "--seed", "11"]), ("hum", "hiss"))
    assert type(model) is kind
    assert {name: getattr(model, name) for name in found} == found


def test_tensorboard_is_there_when_asked_for(hasty, fit):
    run, _ = fit(*ONCE, "--tensorboard")
    assert list((run / "tensorboard").rglob("events.*"))


def test_a_model_that_has_diverged_is_not_reported(hasty, prompt, tmp_path, monkeypatch):
    whole = AudioVQVAE.get_weights
    spoilt = {"f": np.nan, "i": 1}
    monkeypatch.setattr(
        AudioVQVAE,
        "get_weights",
        lambda self: [each * spoilt[each.dtype.kind] for each in map(np.asarray, whole(self))],
    )
    code, _, errors = prompt(*SMALL, *ONCE, "--input", "mel", "--out", tmp_path / "run")
    assert code == 2
    assert re.search(rf"diverged, {tmp_path}/run .*--seed", errors)
    assert not (tmp_path / "run" / "measures.json").exists()


# --- the same again


@pytest.mark.parametrize("model", ["vqvae", "hvae"])
def test_same_seed_same_bytes(finished, fit, contents, tmp_path, model):
    whole, _ = finished[model]
    shutil.copytree(whole, tmp_path / "run")
    keras.utils.set_random_seed(99)  # another process would be seeded otherwise
    run, text = fit(*RUNS[model])
    # Nothing is lost: a second run sets the first one aside.
    assert f"it is now {tmp_path / 'run.1'}" in text
    assert contents(tmp_path / "run.1") == contents(whole)
    assert results(run, contents) == results(whole, contents)


@pytest.mark.parametrize("model", ["vqvae", "hvae"])
def test_another_seed_is_another_run(finished, hasty, fit, contents, model):
    run, _ = fit(*RUNS[model], "--seed", 12)
    whole = results(finished[model][0], contents)
    same = {name for name, data in results(run, contents).items() if data == whole[name]}
    assert same == set()


@pytest.mark.parametrize("model", ["vqvae", "vae"])
def test_a_run_killed_and_interrupted_ends_as_one_that_was_not(finished, fit, prompt, contents, tmp_path, model):
    whole, _ = finished[model]
    run = tmp_path / "run"

    # killed before the first checkpoint
    with breaking_off(0, kill), pytest.raises(Killed):
        fit(*RUNS[model])
    assert not (run / "model.keras").exists()

    # interrupted in the second epoch, which is then done again
    with breaking_off(2, press_ctrl_c):
        code, text, errors = prompt("--resume", run)
    assert (code, errors) == (INTERRUPTED_EXIT, "")
    assert f"stopped; continue with: python -m audiovae.train --resume {run}" in text
    assert len(rows_of(run)) == 1
    assert not (run / "measures.json").exists()

    _, text = fit("--resume", run)
    assert f"continuing {run} after epoch 1 of 2" in text
    assert results(run, contents) == results(whole, contents)


def test_a_run_that_has_ended_can_be_given_more_epochs(finished, hasty, fit, tmp_path):
    run = shutil.copytree(finished["hvae"][0], tmp_path / "run")
    _, text = fit("--resume", run, "--epochs", 3)
    assert f"continuing {run} after epoch 2 of 3" in text
    assert read_json(run / "config.json")["epochs"] == 3
    assert len(rows_of(run)) == 3


# --- what a person can get wrong


@pytest.fixture
def refusal(prompt, tmp_path, contents, monkeypatch):
    """Run the verb in vain in a folder of one's own; return the one line that it says."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        before = contents(tmp_path)
        code, _, errors = prompt(*arguments)
        assert code == 2
        assert errors.count("\n") == 1
        assert contents(tmp_path) == before
        return errors

    return run


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--model", "gan"), "--model"),
        (("--input", "mp3"), "--input"),
        (("--input", "mel", "--mels", "64"), "--mels"),
        (("--mels", "128"), "--mels is for --input mel"),
        (("--model", "vae", "--quantizer", "fsq"), "--quantizer is for --model vqvae"),
        (("--model", "hvae", "--codes", "64"), "--codes is for --model vqvae"),
        (("--model", "vae", "--commitment", "auto"), "--commitment is for --model vqvae --quantizer vq"),
        (("--quantizer", "fsq", "--commitment", "1"), "--commitment is for --model vqvae --quantizer vq"),
        (("--beta", "1"), "--beta is for --model vae or hvae"),
        (("--anneal", "none"), "--anneal is for --model vae or hvae"),
        (("--model", "vqvae", "--free-bits", "0"), "--free-bits is for --model vae or hvae"),
        (("--quantizer", "fsq", "--codes", "254"), "--codes 254 is not a product of numbers from 2 to 8"),
        (("--codes", "1"), "from 2 to 4096"),
        (("--codes", "5000"), "from 2 to 4096"),
        (("--commitment", "sometimes"), "--commitment"),
        (("--commitment", "-1"), "--commitment"),
        (("--model", "vae", "--beta", "nan"), "--beta"),
        (("--model", "vae", "--anneal", "quickly"), "--anneal"),
        (("--model", "vae", "--free-bits", "-1"), "--free-bits"),
        (("--sounds", "no/such/folder"), "no/such/folder"),
        (("--chunks", "9"), "--chunks"),
        (("--epochs", "0"), "--epochs"),
        (("--batch-size", "1.5"), "--batch-size"),
        (("--updates-per-epoch", "0"), "--updates-per-epoch"),
        (("--seed", "99999999999"), "--seed"),
        (("--out", "."), "is the folder you are in"),
        (("--resume", "no-such-run"), "is not a run folder"),
        (("piano.wav",), "piano.wav"),
    ],
)
def test_errors_are_one_line(refusal, arguments, said):
    assert said in refusal(*arguments)


@pytest.fixture
def begun(tmp_path):
    """Write the beginning of a run, as one that was killed leaves it."""

    def write(*arguments):
        config = train.settings_of([str(argument) for argument in arguments])
        run = tmp_path / "begun"
        run.mkdir()
        fingerprint = small_sounds(train=4, others=2, seed=config["seed"]).fingerprint
        (run / "config.json").write_text(json.dumps({**config, "fingerprint": fingerprint}), encoding="utf-8")
        return run

    return write


@pytest.mark.parametrize(
    "changed",
    [
        ("--model", "vae"),
        ("--input", "raw"),
        ("--mels", "256"),
        ("--quantizer", "fsq"),
        ("--codes", "64"),
        ("--commitment", "auto"),
        ("--beta", "0.001"),
        ("--batch-size", "7"),
        ("--sounds", "some"),
        ("--chunks", "20"),
        ("--seed", "5"),
    ],
)
def test_a_run_is_resumed_with_its_own_options(refusal, begun, changed):
    run = begun("--input", "mel")
    assert f"{changed[0]} differs from the run in {run}" in refusal("--resume", run, *changed)


def test_a_run_may_be_told_again_what_it_is(hasty, prompt, begun):
    options = ("--model", "vae", "--beta", 0.5, *SMALL, *ONCE)
    run = begun(*options)
    code, text, errors = prompt("--resume", run, *options)
    assert (code, errors) == (0, "")
    assert f"wrote {run}/measures.json" in text


def test_a_foreign_folder_is_not_touched(refusal, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear", encoding="utf-8")
    assert "--force" in refusal("--out", "mine")


def test_force_sets_aside_what_was_there(hasty, fit, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "letter.txt").write_text("dear", encoding="utf-8")
    fit(*ONCE, "--force")
    assert (tmp_path / "run.1" / "letter.txt").read_text(encoding="utf-8") == "dear"
    assert (tmp_path / "run" / "model.keras").is_file()


# --- loading


def test_what_is_not_there_is_not_loaded(tmp_path):
    with pytest.raises(UserError, match=r"none\.keras does not exist"):
        load_model(tmp_path / "none.keras")
    with pytest.raises(UserError, match="is a folder"):
        load_model(tmp_path)


def test_what_is_damaged_is_not_loaded(tmp_path):
    path = tmp_path / "model.keras"
    save_keras(AudioVAE(["a"], latent_dim=2, **TINY), path)
    content = path.read_bytes()
    for damage in (b"", b"hello", content[: len(content) // 2], content[:-200]):
        path.write_bytes(damage)
        with pytest.raises(UserError, match=r"model\.keras is not a \.keras file"):
            load_model(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", "{}")
    with pytest.raises(UserError, match=r"model\.keras is not a \.keras file"):
        load_model(path)


def test_what_is_foreign_is_not_loaded(tmp_path):
    path = tmp_path / "model.keras"
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(path)
    with pytest.raises(UserError, match="holds a Sequential, not a model of sounds"):
        load_model(path)


# --- names and defaults


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ((), "audiovae-vqvae-raw"),
        (("--quantizer", "fsq"), "audiovae-vqvae-raw-fsq"),
        (("--model", "vae", "--input", "mel", "--mels", "256"), "audiovae-vae-mel256"),
        (("--model", "hvae", "--input", "mel"), "audiovae-hvae-mel128"),
    ],
)
def test_a_run_is_named_after_its_variant(arguments, name):
    assert train._run_name(train.settings_of(arguments)) == name


def test_options_of_other_models_are_not_kept():
    of_latents, of_codes = {"beta", "anneal", "free_bits"}, {"quantizer", "codes", "commitment"}
    for arguments, absent in (
        ((), of_latents | {"mels"}),
        (("--quantizer", "fsq"), of_latents | {"mels", "commitment"}),
        (("--model", "vae"), of_codes | {"mels"}),
        (("--model", "hvae", "--input", "mel"), of_codes),
    ):
        settings = train.settings_of(arguments)
        assert {name for name, value in settings.items() if value is None} == absent | {"chunks"}


def test_sounds_are_noted_with_their_whole_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for typed, kept in (
        ("some", tmp_path / "some"),
        ("~/wavs", tmp_path / "home" / "wavs"),
        ("./corpus", tmp_path / "corpus"),
    ):
        assert train.settings_of(["--sounds", typed])["sounds"] == str(kept)
    assert train.settings_of([])["sounds"] == "corpus"
