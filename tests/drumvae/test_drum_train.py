import math
import re

import numpy as np
import pytest
from breaking import read_json, rows_of
from smalldrums import SMALL, spelled_grooves, tiny, use_little

from drumvae import train
from drumvae.config import DrumConfig
from drumvae.data.grooves import load_grooves
from drumvae.data.rules import STYLES
from drumvae.metrics import diagnostics
from drumvae.metrics.diagnostics import encode
from drumvae.playing import load as load_model
from drumvae.trainer import evaluate, measuring, prepare
from manymodes.cli import UserError
from manymodes.experiment.config import config_of, training_parser

# Keras warns that what runs eagerly still reads its batches in a graph, as it should.
pytestmark = [
    pytest.mark.usefixtures("eager"),
    pytest.mark.filterwarnings("ignore:Even though the `tf.config.experimental_run:UserWarning"),
]


@pytest.fixture(autouse=True)
def _little(monkeypatch):
    use_little(monkeypatch)


def config(*arguments):
    """Return the configuration of a command line."""
    parser = training_parser(DrumConfig, "", "")
    return config_of(DrumConfig, parser.parse_args([str(argument) for argument in arguments]))


def test_defaults_suit_the_data():
    rules, many, people = config(), config("--per-style", 1000), config("--grooves", "some/folder")
    assert (rules.grooves, rules.per_style, rules.hierarchy, rules.unsupervised) == ("styles", 200, "top-down", False)
    assert many == config("--per-style", 1000, "--epochs", many.epochs)
    assert people.epochs < rules.epochs < many.epochs
    assert people.beta < rules.beta == 1  # a bound of the likelihood, which is known for rules
    given = config("--grooves", "some/folder", "--beta", "1", "--epochs", "7")
    assert (given.beta, given.epochs, given.high_dropout) == (1, 7, people.high_dropout)
    assert config("--temperature", "0.7").temperature == (0.7, 0.7)  # one stands for both


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
    more = prepare(config(*options), spelled_grooves(1000, 2), 0, None).model
    assert more.dropout == pytest.approx(model["dropout"] * 800 / 3000)  # more bars need less


def test_weight_and_temperature_follow_training():
    options = ("--anneal", "linear", "--beta", "0.6", "--temperature", "2.0:0.5", "--epochs", "3")
    (scheduled,) = prepare(config(*options, "--updates-per-epoch", 67), spelled_grooves(4, 2), 0, None).callbacks
    assert scheduled.updates == 3 * 67
    for name, expected in {"beta": [0, 0.3, 0.6], "temperature": [2, math.sqrt(2), 0.5]}.items():
        assert [scheduled.schedules[name](progress) for progress in (0, 0.25, 1)] == pytest.approx(expected)


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


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--grooves", "~nobody-of-that-name/beats"), "beats does not exist"),
        (("--temperature", "2:0"), "such as 2.0:0.5"),
        (("--temperature", "2:1:0.5"), "such as 2.0:0.5"),
        (("--temperature", ":"), "such as 2.0:0.5"),
    ],
)
def test_errors_are_one_line(refused, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert message in refused(train.main, *arguments)
