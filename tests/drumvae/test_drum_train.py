import csv
import json
import math
import re
import subprocess
import sys

import keras
import numpy as np
import pytest
from breaking import Killed, breaking_off, kill, press_ctrl_c
from smalldrums import NAMES, SMALL, spelled_grooves, tiny

from drumvae import train
from drumvae.config import DrumConfig
from drumvae.data.grooves import STYLES, load_grooves
from drumvae.data.midi_grooves import write_beat
from drumvae.data.rules import bundled_rules
from drumvae.metrics import diagnostics
from drumvae.metrics.diagnostics import encode
from drumvae.playing import load as load_model
from drumvae.trainer import evaluate, examples_of, measuring, prepare
from manymodes.cli import INTERRUPTED_EXIT, UserError
from manymodes.experiment.config import config_of, training_parser

# Keras warns that what runs eagerly still reads its batches in a graph, as it should.
pytestmark = [
    pytest.mark.usefixtures("eager"),
    pytest.mark.filterwarnings("ignore:Even though the `tf.config.experimental_run:UserWarning"),
]

SMALLER = ("--per-style", 2, "--epochs", 2, "--updates-per-epoch", 2, "--batch-size", 4, "--seed", 11)
ONCE = ("--epochs", 1, "--updates-per-epoch", 1)


@pytest.fixture(autouse=True)
def _small(monkeypatch, small_networks):
    small_networks(monkeypatch)


@pytest.fixture
def fit(at_prompt, tmp_path):
    """Train to the end in a folder of the test's own; return the folder and the output."""

    def run(*arguments, out="run"):
        options = arguments if "--resume" in arguments else (*SMALLER, *arguments, "--out", tmp_path / out)
        code, text, errors = at_prompt(train.main, *options)
        assert (code, errors) == (0, "")
        return tmp_path / out, text

    return run


def config(*arguments):
    """Return the configuration of a command line."""
    parser = training_parser(DrumConfig, "", "")
    return config_of(DrumConfig, parser.parse_args([str(argument) for argument in arguments]))


def read_json(path):
    return json.loads(path.read_text(encoding="utf-8"))


def rows_of(run):
    return list(csv.DictReader((run / "history.csv").read_text(encoding="utf-8").splitlines()))


def results(run):
    """Return the files that the same command must write again."""
    return [(run / name).read_bytes() for name in ("model.keras", "history.csv")]


# --- configurations


def test_defaults_suit_the_data():
    rules, many, people = config(), config("--per-style", 1000), config("--grooves", "some/folder")
    assert (rules.grooves, rules.per_style, rules.hierarchy, rules.unsupervised) == ("styles", 200, "top-down", False)
    assert many == config("--per-style", 1000, "--epochs", many.epochs)
    assert people.epochs < rules.epochs < many.epochs
    assert people.beta < rules.beta == 1  # a bound of the likelihood, which is known for rules
    given = config("--grooves", "some/folder", "--beta", "1", "--epochs", "7")
    assert (given.beta, given.epochs, given.high_dropout) == (1, 7, people.high_dropout)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ((), "drumvae-styles"),
        (("--hierarchy", "chain", "--unsupervised"), "drumvae-styles-chain-unsupervised"),
        (("--grooves", "/data/my beats/"), "drumvae-my beats"),
    ],
)
def test_a_run_is_named_after_its_variant(arguments, name):
    assert config(*arguments).name == name


def test_only_styles_is_the_built_in_set(tmp_path, monkeypatch):
    (tmp_path / "styles").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    expected = {
        "styles": "styles",
        "./styles": str(tmp_path / "styles"),
        "some": str(tmp_path / "some"),
        "~/groove": str(tmp_path / "home" / "groove"),
    }
    assert {typed: config("--grooves", typed).grooves for typed in expected} == expected


@pytest.mark.parametrize(("typed", "kept"), [("2.0:0.5", (2, 0.5)), ("0.7", (0.7, 0.7))])
def test_temperatures(typed, kept):
    assert config("--temperature", typed).temperature == kept


# --- models and schedules


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((), {"hierarchy": "top-down", "supervised": True, "free_bits_nats": 0.35, "high_dropout": 0}),
        (
            ("--hierarchy", "chain", "--unsupervised", "--free-bits", "0", "--grooves", "some"),
            {"hierarchy": "chain", "supervised": False, "free_bits_nats": 0, "high_dropout": 0.5},
        ),
    ],
)
def test_the_model_is_the_one_asked_for(options, expected):
    model = prepare(config(*options), spelled_grooves(4, 2), 0, None).model.get_config()
    assert {name: model[name] for name in expected} == expected


def test_more_bars_need_less_dropout():
    rates = [prepare(config(), spelled_grooves(each, 4), 0, None).model.dropout for each in (100, 1000)]
    assert rates[0] == config().dropout
    assert rates[1] == pytest.approx(rates[0] * 800 / 3000)


@pytest.mark.parametrize(
    ("anneal", "weights"),
    [
        ("none", [0.6, 0.6, 0.6]),
        ("linear", [0, 0.3, 0.6]),
        ("cyclical", [0, 0, 0.6]),
        ("sigmoid", [0.6 / (1 + math.exp(6)), 0.3, 0.6 / (1 + math.exp(-18))]),
    ],
)
def test_weight_and_temperature_follow_training(anneal, weights):
    options = ("--anneal", anneal, "--beta", "0.6", "--temperature", "2.0:0.5", "--epochs", "3")
    training = prepare(config(*options, "--updates-per-epoch", 67), spelled_grooves(4, 2), 0, None)
    (scheduled,) = training.callbacks
    scheduled.set_model(training.model)
    values = []
    for update in (0, 50, 200):  # of 0 to 200
        training.model.optimizer.iterations.assign(update)
        scheduled.on_train_batch_begin(0)
        values.append((float(training.model.beta), float(training.model.temperature)))
    beta, temperature = zip(*values, strict=True)
    assert beta == pytest.approx(weights, abs=1e-6)
    assert temperature == pytest.approx([2, math.sqrt(2), 0.5])


# --- measures


@pytest.mark.parametrize("supervised", [True, False])
def test_validation_bars_are_measured_and_the_model_stays_as_it_is(supervised):
    grooves, others = spelled_grooves(8, 4), spelled_grooves(9, 4)
    model = tiny(supervised=supervised)
    model.compile()
    before = model.get_weights()
    measured = measuring(model, grooves)(1, False)
    bars = grooves.validation
    assert measured["val_nats"] == pytest.approx(-model.log_likelihood(bars.hits, samples=10, seed=3).mean(), rel=1e-5)
    for level, values in encode(model, bars, seed=3).divergences._asdict().items():
        each = [measured[f"kl_{level}_{number}"] for number in range(values.shape[1])]
        assert each == pytest.approx(values.mean(axis=0), rel=1e-5)
    high = sum(measured[f"kl_high_{number}"] for number in range(4))
    assert high == pytest.approx(measured["val_kl_high_nats"], rel=1e-4)
    assert ("val_style_accuracy" in measured) == supervised
    assert measuring(model, others)(1, False) == measured  # training bars do not matter
    assert all((ours == theirs).all() for ours, theirs in zip(model.get_weights(), before, strict=True))


def test_a_diverged_model_is_not_evaluated():
    model = tiny()
    model.style_means.assign(model.style_means * np.nan)
    with pytest.raises(UserError, match="diverged"):
        evaluate(model, spelled_grooves(8, 4), seed=0, train_seconds=0.0)


# --- what a run leaves


def test_what_a_run_leaves(tiny_run):
    kept, grooves = read_json(tiny_run / "config.json"), load_grooves(per_style=12, seed=SMALL[-1])
    assert (kept["program"], kept["monitor"]) == ("drumvae.train", "val_nats")
    assert kept["fingerprint"] == grooves.fingerprint
    model = load_model(tiny_run / "model.keras")
    assert (model.styles, model.seed, model.compiled) == (list(STYLES), SMALL[-1], False)
    assert model.tempo == pytest.approx(grooves.train.tempos.mean())
    rows = rows_of(tiny_run)
    assert [row["epoch"] for row in rows] == ["1", "2"]
    documented = set(re.findall(r"``(\w+)``", train.__doc__)) | {"kl_high_0", "kl_low_0"}
    assert {re.sub(r"(kl_\w+)_\d+$", r"\1_0", name) for name in rows[0]} == documented
    metrics = read_json(tiny_run / "metrics.json")
    assert metrics.keys() == set(re.findall(r"``(\w+)``", diagnostics.__doc__)) - {"high", "low"}
    assert metrics["n"] == len(grooves.test)


def test_a_folder_of_beats_is_learned(fit, tmp_path):
    for style, name in enumerate(("rock", "jazz")):
        for number in range(3):
            write_beat(tmp_path / "beats" / name / f"{number}.mid", bundled_rules().sample(style, 4, [number]))
    run, text = fit("--grooves", tmp_path / "beats", *ONCE)
    assert load_model(run / "model.keras").styles == ["jazz", "rock"]
    assert f"grooves of {tmp_path / 'beats'}" in text
    assert read_json(run / "config.json")["grooves"] == str(tmp_path / "beats")


def test_a_model_without_labels_can_be_asked_for_styles():
    grooves = spelled_grooves(8, 4)
    training = prepare(config("--unsupervised"), grooves, 0, None)
    training.finish(training.model)
    high = training.model.means(examples_of(grooves.train)[0][0]).high.numpy()
    means = np.array([high[grooves.train.styles == style].mean(axis=0) for style in range(len(NAMES))])
    assert training.model.style_means.numpy() == pytest.approx(means, abs=1e-5)


# --- the same again


def test_same_seed_same_bytes_even_after_interruptions(fit, at_prompt, tmp_path):
    options = ("--unsupervised", "--temperature", "2:0.5")
    whole, text = fit(*options, out="whole")
    assert "note: no metrics.json: 5 bars are too few to test with" in text
    assert not (whole / "metrics.json").exists()
    run = tmp_path / "run"
    keras.utils.set_random_seed(99)  # another process would be seeded otherwise

    with breaking_off(0, kill), pytest.raises(Killed):  # before the first checkpoint
        fit(*options)
    with breaking_off(2, press_ctrl_c):  # in the second epoch, which is then repeated
        code, text, errors = at_prompt(train.main, "--resume", run)
    assert (code, errors) == (INTERRUPTED_EXIT, "")
    assert f"stopped; continue with: python -m drumvae.train --resume {run}" in text
    _, text = fit("--resume", run)
    assert f"continuing {run} after epoch 1 of 2" in text
    assert results(run) == results(whole)


# --- errors


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--grooves", "no/such/folder"), "no/such/folder does not exist"),
        (("--grooves", ""), "--grooves is empty"),
        (("--grooves", "~nobody-of-that-name/beats"), "beats does not exist"),
        (("--grooves", "empty"), "no drums in"),
        (("--per-style", "1"), "at least 2"),
        (("--beta", "0"), "--beta"),
        (("--free-bits", "-1"), "--free-bits"),
        (("--temperature", "2:0"), "such as 2.0:0.5"),
        (("--temperature", "2:1:0.5"), "such as 2.0:0.5"),
        (("--temperature", ":"), "such as 2.0:0.5"),
        (("--resume", "no-such-run"), "is not a run folder"),
        (("beats",), "beats"),
    ],
)
def test_errors_are_one_line(at_prompt, tmp_path, monkeypatch, arguments, message):
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    code, _, errors = at_prompt(train.main, *arguments)
    assert (code, errors.count("\n")) == (2, 1)
    assert message in errors
    assert not (tmp_path / "runs").exists()


def test_a_run_is_resumed_with_its_own_options(at_prompt, tiny_run):
    code, _, errors = at_prompt(train.main, "--resume", tiny_run, "--temperature", "2:0.5")
    assert code == 2
    assert f"--temperature differs from the run in {tiny_run}" in errors
    same = config("--resume", tiny_run, *SMALL, "--temperature", "1")
    assert json.loads(json.dumps(same.to_json())).items() <= read_json(tiny_run / "config.json").items()


@pytest.mark.parametrize("name", ["train", "analyze", "compare", "generate", "humanize"])
def test_help_comes_without_tensorflow(name):
    code = (
        f"import sys; from drumvae import {name}\n"
        f"try: {name}.main(['--help'])\n"
        "finally: assert not {'tensorflow', 'keras', 'numpy'} & set(sys.modules)"
    )
    shown = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert shown.stdout.startswith(f"usage: python -m drumvae.{name}")
