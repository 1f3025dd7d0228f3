import csv
import itertools
import json
import math
import re
import subprocess
import sys
from types import SimpleNamespace

import keras
import pytest
from breaking import Killed, breaking_off, kill, press_ctrl_c
from smalldrums import SMALL, spelled_grooves

import manymodes.experiment.fit
from drumvae import train
from drumvae.data.grooves import STYLES, load_grooves
from drumvae.data.midi_grooves import write_beat
from drumvae.data.rules import bundled_rules
from drumvae.output import load_model
from drumvae.trainer import prepare
from manymodes.cli import INTERRUPTED_EXIT
from manymodes.experiment.fit import training_seconds

# Keras warns that what runs eagerly still reads its batches in a graph: so it should.
pytestmark = pytest.mark.filterwarnings("ignore:Even though the `tf.config.experimental_run:UserWarning")

SMALLER = ("--per-style", 2, "--epochs", 2, "--updates-per-epoch", 2, "--batch-size", 4, "--seed", 11)
ONCE = ("--epochs", 1, "--updates-per-epoch", 1)


@pytest.fixture(autouse=True)
def _small_and_quick(monkeypatch, small_networks, eager):
    small_networks(monkeypatch)


@pytest.fixture
def prompt(at_prompt):
    """Run the verb; return its exit code, what it printed and its errors."""
    return lambda *arguments: at_prompt(train.main, *arguments)


@pytest.fixture
def fit(prompt, tmp_path):
    """Train to the end, into a folder of the test's own; return the folder and what was printed."""

    def run(*arguments, out="run"):
        place = () if "--resume" in arguments else ("--out", tmp_path / out)
        code, text, errors = prompt(*(() if "--resume" in arguments else SMALLER), *arguments, *place)
        assert (code, errors) == (0, "")
        return tmp_path / out, text

    return run


@pytest.fixture(scope="module")
def few():
    return load_grooves(per_style=2)


@pytest.fixture
def clock(monkeypatch):
    """Have every look at the clock take a second."""
    seconds = itertools.count()
    monkeypatch.setattr(manymodes.experiment.fit, "time", SimpleNamespace(perf_counter=lambda: float(next(seconds))))


def settings(*arguments):
    """Return what is kept of a command line."""
    return train._settings(train._parser().parse_args([str(argument) for argument in arguments]))


def rows_of(run):
    return list(csv.DictReader((run / "history.csv").read_text(encoding="utf-8").splitlines()))


def read_json(path):
    return json.loads(path.read_text(encoding="utf-8"))


def results(run, contents):
    """Return what the same command must write again: all but what the clock decides."""
    return {name: contents(run)[name] for name in ("model.keras", "history.csv")}


# --- what a run leaves


def test_what_a_run_leaves(tiny_run):
    assert not list(tiny_run.parent.rglob(".partial*"))
    assert not (tiny_run / "tensorboard").exists()
    config = read_json(tiny_run / "config.json")
    expected = {"grooves": "styles", "per_style": 12, "hierarchy": "top-down", "unsupervised": False, "seed": SMALL[-1]}
    assert {key: config[key] for key in expected} == expected
    assert (config["verb"], config["monitor"]) == ("drumvae.train", "val_nats")
    assert config["fingerprint"] == load_grooves(per_style=12, seed=SMALL[-1]).fingerprint
    assert {"tensorflow", "keras", "numpy"} <= config["versions"].keys()
    rows = rows_of(tiny_run)
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert training_seconds(SimpleNamespace(path=tiny_run)) > 0
    model = load_model(tiny_run / "model.keras")
    assert model.styles == list(STYLES)
    assert model.tempo == pytest.approx(load_grooves(per_style=12, seed=SMALL[-1]).train.tempos.mean())


def test_every_column_of_the_history_is_documented(tiny_run):
    documented = set(re.findall(r"``(\w+)``", train.__doc__)) | {"kl_high_0", "kl_low_0"}
    columns = {re.sub(r"(kl_\w+)_\d+$", r"\1_0", name) for name in rows_of(tiny_run)[0]}
    assert columns == documented


def test_the_epoch_with_the_least_is_kept(fit, monkeypatch):
    least = iter([3.0, 1.0, 2.0])
    monkeypatch.setattr("drumvae.fitting.measuring", lambda *_: lambda: {"val_nats": next(least)})
    run, text = fit("--epochs", 3)
    assert "model.keras (epoch 2)" in text
    assert sorted(path.name for path in (run / "checkpoints").iterdir()) == ["epoch-00002", "epoch-00003"]
    kept = keras.models.load_model(run / "checkpoints" / "epoch-00002" / "model.keras")
    model = load_model(run / "model.keras")
    assert kept.optimizer.iterations == 4
    pairs = zip(model.get_weights(), kept.get_weights(), strict=True)
    assert all((ours == theirs).all() for ours, theirs in pairs)


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ((), {"hierarchy": "top-down", "supervised": True, "free_bits_nats": 0.35}),
        (
            ("--hierarchy", "chain", "--unsupervised", "--free-bits", "0"),
            {"hierarchy": "chain", "supervised": False, "free_bits_nats": 0},
        ),
    ],
)
def test_the_model_is_the_one_asked_for(few, options, found):
    config = prepare(settings(*options), few, 0, None).model.get_config()
    assert {name: config[name] for name in found} == found


def test_people_are_learned_otherwise_than_rules_unless_told(few):
    ruled, played = settings(), settings("--grooves", "some/folder")
    assert ruled["beta"] == 1  # a bound of the likelihood, which is known there
    assert played["beta"] < 1
    assert played["epochs"] < ruled["epochs"]
    model = prepare(played, few, 0, None).model
    assert (model.high_dropout, model.style_weight) == (played["high_dropout"], played["style_weight"])
    told = settings("--grooves", "some/folder", "--beta", "1", "--epochs", "7")
    assert (told["beta"], told["epochs"]) == (1, 7)


def test_of_many_bars_by_rule_a_model_learns_for_longer_unless_told():
    ruled, many = settings(), settings("--per-style", "1000")
    assert many["epochs"] > ruled["epochs"] == settings("--per-style", "999")["epochs"]
    assert settings("--per-style", "1000", "--epochs", "7")["epochs"] == 7
    assert {name for name in ruled if ruled[name] != many[name]} == {"per_style", "epochs"}


def test_the_more_bars_the_less_dropout():
    rates = [prepare(settings(), spelled_grooves(each, 4), 0, None).model.dropout for each in (100, 1000)]
    assert rates[0] == settings()["dropout"]
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
def test_weight_and_temperature_follow_training(few, anneal, weights):
    options = ("--anneal", anneal, "--beta", "0.6", "--temperature", "2.0:0.5", "--epochs", "3")
    training = prepare({**settings(*options), "updates_per_epoch": 67}, few, 0, None)
    (scheduled,) = training.callbacks
    scheduled.set_model(training.model)
    found = []
    for update in (0, 50, 200):  # of 0 to 200
        training.model.optimizer.iterations.assign(update)
        scheduled.on_train_batch_begin(0)
        found.append((float(training.model.beta), float(training.model.temperature)))
    beta, temperature = zip(*found, strict=True)
    assert beta == pytest.approx(weights, abs=1e-6)
    assert temperature == pytest.approx([2, math.sqrt(2), 0.5])


def test_tensorboard_is_there_when_asked_for(fit):
    run, _ = fit(*ONCE, "--tensorboard")
    assert list((run / "tensorboard").rglob("events.*"))


def test_a_folder_of_beats_is_learned(fit, tmp_path):
    for style, name in enumerate(("rock", "jazz")):
        for number in range(3):
            write_beat(tmp_path / "beats" / name / f"{number}.mid", bundled_rules().sample(style, 4, [number]))
    run, text = fit("--grooves", tmp_path / "beats", *ONCE)
    assert load_model(run / "model.keras").styles == ["jazz", "rock"]
    assert f"grooves of {tmp_path / 'beats'}" in text
    assert read_json(run / "config.json")["grooves"] == str(tmp_path / "beats")


# --- the same again


def test_same_seed_same_bytes(fit, contents, tmp_path):
    options = ("--epochs", 1)
    run, _ = fit(*options)
    keras.utils.set_random_seed(99)  # another process would be seeded otherwise
    first = contents(run)
    _, text = fit(*options)
    # Nothing is lost: a second run sets the first one aside.
    assert f"it is now {tmp_path / 'run.1'}" in text
    assert contents(tmp_path / "run.1") == first
    assert results(run, contents) == results(tmp_path / "run.1", contents)
    other = results(fit(*options, "--seed", 12, out="other")[0], contents)
    assert all(data != other[name] for name, data in results(run, contents).items())


def test_a_run_killed_and_interrupted_ends_as_one_that_was_not(fit, prompt, contents, tmp_path):
    options = ("--unsupervised", "--temperature", "2:0.5")
    whole, _ = fit(*options, out="whole")
    run = tmp_path / "run"

    # killed before the first checkpoint
    with breaking_off(0, kill), pytest.raises(Killed):
        fit(*options)
    assert not list((run / "checkpoints").glob("epoch-*"))

    # interrupted in the second epoch, which is then done again
    with breaking_off(2, press_ctrl_c):
        code, text, errors = prompt("--resume", run)
    assert (code, errors) == (INTERRUPTED_EXIT, "")
    assert f"stopped; continue with: python -m drumvae.train --resume {run}" in text
    assert len(rows_of(run)) == 1

    _, text = fit("--resume", run)
    assert f"continuing {run} after epoch 1 of 2" in text
    assert results(run, contents) == results(whole, contents)


def test_a_run_that_has_ended_can_be_given_more_epochs(fit, contents):
    run, _ = fit(*ONCE)
    before = contents(run)
    fit("--resume", run)
    assert contents(run) == before
    _, text = fit("--resume", run, "--epochs", 2)
    assert f"continuing {run} after epoch 1 of 2" in text
    assert read_json(run / "config.json")["epochs"] == 2
    assert [row["epoch"] for row in rows_of(run)] == ["1", "2"]


def test_seconds_are_those_of_training_and_add_up(fit, prompt, clock, tmp_path):
    run = tmp_path / "run"
    with breaking_off(2, press_ctrl_c):
        assert prompt(*SMALLER, "--out", run)[0] == INTERRUPTED_EXIT
    # a second for each update, of which one is done again
    assert training_seconds(SimpleNamespace(path=run)) == 3
    fit("--resume", run)
    assert training_seconds(SimpleNamespace(path=run)) == 3 + 2


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
        (("--grooves", "no/such/folder"), "no/such/folder does not exist"),
        (("--grooves", ""), "--grooves is empty"),
        (("--grooves", "~nobody-of-that-name/beats"), "beats does not exist"),
        (("--per-style", "1"), "at least 2"),
        (("--per-style", "many"), "--per-style"),
        (("--hierarchy", "ladder"), "--hierarchy"),
        (("--anneal", "quickly"), "--anneal"),
        (("--beta", "0"), "--beta"),
        (("--free-bits", "-1"), "--free-bits"),
        (("--free-bits", "inf"), "--free-bits"),
        (("--temperature", "0"), "such as 2.0:0.5"),
        (("--temperature", "2:0"), "such as 2.0:0.5"),
        (("--temperature", "2:1:0.5"), "such as 2.0:0.5"),
        (("--temperature", "warm"), "such as 2.0:0.5"),
        (("--temperature", ":"), "such as 2.0:0.5"),
        (("--temperature", "nan:1"), "such as 2.0:0.5"),
        (("--epochs", "0"), "--epochs"),
        (("--batch-size", "1.5"), "--batch-size"),
        (("--updates-per-epoch", "0"), "--updates-per-epoch"),
        (("--seed", "99999999999"), "--seed"),
        (("--out", "."), "is the folder you are in"),
        (("--resume", "no-such-run"), "is not a run folder"),
        (("beats",), "beats"),
        (("--hierarch", "chain"), "--hierarch"),
    ],
)
def test_errors_are_one_line(refusal, arguments, said):
    assert said in refusal(*arguments)


def test_beats_that_are_none(refusal, tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "1.mid").write_text("No beat at all.", encoding="utf-8")
    assert "no usable drums in" in refusal("--grooves", "notes")
    (tmp_path / "empty").mkdir()
    assert "no drums in" in refusal("--grooves", "empty")


def test_a_foreign_folder_or_file_is_not_touched(refusal, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear", encoding="utf-8")
    said = refusal("--out", "mine")
    assert "mine" in said
    assert "--force" in said
    assert "is a file" in refusal("--out", "mine/letter.txt")
    assert "letter.txt" in refusal("--out", "mine/letter.txt/run")


def test_force_sets_aside_what_was_there(fit, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "letter.txt").write_text("dear", encoding="utf-8")
    fit(*ONCE, "--force")
    assert (tmp_path / "run.1" / "letter.txt").read_text(encoding="utf-8") == "dear"
    assert (tmp_path / "run" / "model.keras").is_file()


@pytest.fixture
def unfinished(tmp_path):
    """Write the beginning of a run, as one that was killed leaves it."""

    def write(*arguments, fingerprint=None):
        config = settings(*SMALLER, *arguments)
        run = tmp_path / "begun"
        run.mkdir()
        known = fingerprint or load_grooves(per_style=config["per_style"], seed=config["seed"]).fingerprint
        (run / "config.json").write_text(json.dumps({**config, "fingerprint": known}), encoding="utf-8")
        return run

    return write


@pytest.mark.parametrize(
    "changed",
    [
        ("--grooves", "elsewhere"),
        ("--per-style", "3"),
        ("--hierarchy", "top-down"),  # what would be the default is still another one
        ("--unsupervised",),
        ("--anneal", "linear"),
        ("--beta", "0.5"),
        ("--free-bits", "0.5"),
        ("--temperature", "1"),
        ("--batch-size", "7"),
        ("--updates-per-epoch", "3"),
        ("--seed", "0"),
    ],
)
def test_a_run_is_resumed_with_its_own_options(refusal, unfinished, changed):
    run = unfinished("--hierarchy", "chain", "--anneal", "cyclical", "--temperature", "2:0.5")
    assert f"{changed[0]} differs from the run in {run}" in refusal("--resume", run, *changed)


def test_a_run_may_be_told_again_what_it_is(unfinished):
    options = ("--hierarchy", "chain", "--temperature", "2:0.5", "--grooves", "some", "--epochs", "7")
    run = unfinished(*options)
    argv = ["--resume", str(run), *map(str, SMALLER), *options]
    found = train._settings_to_resume(train._parser().parse_args(argv), argv)
    assert found == read_json(run / "config.json")


def test_grooves_that_have_changed_since_are_refused(refusal, unfinished):
    run = unfinished(fingerprint="another")
    said = refusal("--resume", run)
    assert f"the set of grooves by rule has changed since {run} began: start a new run" in said


def test_what_is_no_run_of_ours_is_not_resumed(refusal, tmp_path):
    (tmp_path / "notes").mkdir()
    for text, said in (
        ("{}", "is not a run folder"),
        ('{"verb": "fontgan.train", "monitor": "x"}', "is a run of fontgan.train"),
    ):
        (tmp_path / "notes" / "config.json").write_text(text, encoding="utf-8")
        assert said in refusal("--resume", "notes")


def test_an_unfinished_run_is_not_set_aside_unasked(refusal, unfinished):
    run = unfinished()
    (run / "checkpoints" / "epoch-00001").mkdir(parents=True)
    said = refusal("--out", run)
    assert f"--resume {run}" in said
    assert "--force" in said


# --- names and defaults


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ((), "drumvae-styles"),
        (("--hierarchy", "chain", "--unsupervised"), "drumvae-styles-chain-unsupervised"),
        (("--grooves", "/data/groove"), "drumvae-groove"),
        (("--grooves", "/data/my beats/", "--unsupervised"), "drumvae-my beats-unsupervised"),
    ],
)
def test_a_run_is_named_after_its_variant(arguments, name):
    assert train._run_name(settings(*arguments)) == name


def test_grooves_are_noted_with_their_whole_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    expected = {
        "styles": "styles",
        "./styles": str(tmp_path / "styles"),
        "some": str(tmp_path / "some"),
        "~/groove": str(tmp_path / "home" / "groove"),
    }
    assert {typed: settings("--grooves", typed)["grooves"] for typed in expected} == expected


@pytest.mark.parametrize(("typed", "kept"), [("2.0:0.5", [2, 0.5]), ("0.7", [0.7, 0.7]), ("1:1", [1, 1])])
def test_temperatures(typed, kept):
    assert settings("--temperature", typed)["temperature"] == kept


def test_what_is_trained_unless_told_otherwise():
    found = settings()
    expected = {"grooves": "styles", "per_style": 200, "hierarchy": "top-down", "unsupervised": False, "seed": 0}
    assert {name: found[name] for name in expected} == expected


@pytest.mark.parametrize("verb", ["train", "analyze"])
def test_help_comes_without_tensorflow(verb):
    code = (
        f"import sys; from drumvae import {verb}\n"
        f"try: {verb}.main(['--help'])\n"
        "finally: assert not {'tensorflow', 'keras', 'numpy'} & set(sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert told.stdout.startswith(f"usage: python -m drumvae.{verb}")
