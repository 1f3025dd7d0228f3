import csv
import json
import math
import signal
import subprocess
import sys

import keras
import numpy as np
import pytest
from breaking import Killed, breaking_off, kill, press_ctrl_c
from scores import ABC, random_tunes, write_abc

from manymodes.cli import INTERRUPTED_EXIT
from manymodes.experiment import run as runs
from melodygan import train
from melodygan.models.lstm import MelodyLSTM
from melodygan.output import load_model

# Keras warns that what runs eagerly still reads its batches in a graph: so it should.
pytestmark = pytest.mark.filterwarnings("ignore:Even though the `tf.config.experimental_run:UserWarning")

SMALL = ("--units", 2, "--batch-size", 16, "--epochs", 3, "--count", 3, "--seed", 11)
VARIANTS = {  # of two updates an epoch
    "lstm": ("--lstm", *SMALL),
    "wgan": ("--wgan", "--noise", "--l2", "--updates-per-epoch", 2, *SMALL),
}
MEASURES = {
    "lstm": {"loss", "bits_per_step", "val_bits_per_step", "val_bits_per_note", "val_accuracy", "val_onset_accuracy"},
    "wgan": {"generator_loss", "discriminator_loss", "score_gap", "musical_distance", "overlap", "distinct", "spread"},
}
# A process of the verb that is killed while it writes its second checkpoint.
DYING = """
import os, signal, sys
import tensorflow as tf
from melodygan import train
from manymodes.experiment import run as runs

def save_and_die(model, path):
    save(model, path)
    if path.parent.name.endswith("-epoch-00002"):
        os.kill(os.getpid(), signal.SIGKILL)

save, runs.save_keras = runs.save_keras, save_and_die
tf.config.run_functions_eagerly(True)
train.main(sys.argv[1:])
"""


@pytest.fixture(autouse=True)
def _small_and_quick(small_networks, monkeypatch):
    """Train tiny networks, update by update, and compose for a few bars: compiling takes longer."""
    monkeypatch.setitem(MelodyLSTM.generate.__kwdefaults__, "max_steps", 32)


@pytest.fixture(scope="session")
def short_tunes(tmp_path_factory):
    """Write forty tunes of a bar or two: step by step, an LSTM takes its time."""
    path = tmp_path_factory.mktemp("short") / "forty tunes.abc"
    write_abc(path, random_tunes(40, lengths=(3, 7)))
    return path


@pytest.fixture
def hasty(monkeypatch):
    """Leave out what is drawn, which takes longer than the training."""
    monkeypatch.setattr("melodygan.plots.save_history", lambda *_: None)
    monkeypatch.setattr("melodygan.fitting.draw", lambda *_: None)


def places(folder):
    return ("--out", folder / "run", "--gen", folder / "gen", "--org", folder / "org")


@pytest.fixture
def fit(at_prompt):
    """Train in this process, to the end; return what was printed."""

    def run(*arguments):
        code, text, errors = at_prompt(train.main, *arguments)
        assert (code, errors) == (0, "")
        return text

    return run


def kept(folder, contents):
    """Return what the same command must write again: the model, its history, what it composed, what it held out."""
    found = contents(folder)
    wanted = ("run/model.keras", "run/history.csv", "gen/", "org/")
    return {name: data for name, data in found.items() if name.startswith(wanted)}


def epochs_kept(run):
    return sorted(int(path.name.removeprefix("epoch-")) for path in (run / "checkpoints").glob("epoch-*"))


def check_run_folder(folder, variant, short_tunes, text):
    """Look at everything that a run which came to its end has left."""
    run = folder / "run"
    assert {path.name for path in run.iterdir()} >= {"config.json", "history.csv", "model.keras", "checkpoints"}
    assert (run / "plots" / "history.png").read_bytes().startswith(b"\x89PNG")
    assert not list(folder.rglob(".partial*"))

    config = json.loads((run / "config.json").read_text(encoding="utf-8"))
    assert config["corpus"] == str(short_tunes)
    assert (config["units"], config["batch_size"], config["epochs"], config["seed"]) == (2, 16, 3, 11)
    assert len(config["fingerprint"]) == 64
    assert {"tensorflow", "keras", "numpy", "music21"} <= config["versions"].keys()

    rows = list(csv.DictReader((run / "history.csv").read_text(encoding="utf-8").splitlines()))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert MEASURES[variant] <= rows[0].keys()
    assert all(math.isfinite(float(value)) for row in rows for value in row.values())

    best = min(rows, key=lambda row: float(row[config["monitor"]]))["epoch"]
    assert epochs_kept(run) == sorted({int(best), 3})
    assert f"model.keras (epoch {best})" in text
    chosen = keras.models.load_model(run / "checkpoints" / f"epoch-{int(best):05d}" / "model.keras")
    assert load_model(run / "model.keras").generate(2, seed=1) == chosen.generate(2, seed=1)

    assert len(list((folder / "gen").glob("*.mid"))) == 3
    assert len(list((folder / "org").glob("*.mid"))) == 3
    assert f"python -m evaluation.report {folder / 'gen'} {folder / 'org'}" in text


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_run_killed_and_interrupted_ends_as_one_that_was_not(
    fit, at_prompt, environment, monkeypatch, contents, short_tunes, tmp_path, variant
):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    run = broken / "run"
    resume = ("--resume", run, *places(broken)[2:], "--count", 3)

    # killed before the first checkpoint
    with breaking_off(0, kill), pytest.raises(Killed):
        fit("--corpus", short_tunes, *VARIANTS[variant], *places(broken))
    assert epochs_kept(run) == []

    # interrupted in the second epoch, which is then done again
    with breaking_off(2, press_ctrl_c):
        code, text, errors = at_prompt(train.main, *resume)
    assert (code, errors) == (INTERRUPTED_EXIT, "")
    assert f"continue with: python -m melodygan.train --resume {run}" in text
    assert load_model(run / "model.keras").generate(1, seed=0)
    assert not (broken / "gen").exists()

    # killed while the second checkpoint is written; once is enough in earnest, for that takes a process
    if variant == "lstm":
        command = [sys.executable, "-c", DYING, *map(str, resume)]
        died = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
        assert died.returncode == -signal.SIGKILL, died.stderr
        assert list(run.rglob(".partial*"))
    else:
        with monkeypatch.context() as patch:
            patch.setattr(runs, "save_keras", lambda *_: kill())
            with pytest.raises(Killed):
                fit(*resume)
    assert epochs_kept(run) == [1]

    fit(*resume)
    text = fit("--corpus", short_tunes, *VARIANTS[variant], *places(whole))
    check_run_folder(whole, variant, short_tunes, text)
    first, second = kept(whole, contents), kept(broken, contents)
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []


def test_a_run_continued_for_more_epochs_goes_on_learning(hasty, fit, short_tunes, tmp_path):
    def weights(epoch):
        model = keras.models.load_model(run / "checkpoints" / f"epoch-{epoch:05d}" / "model.keras")
        return np.concatenate([array.ravel() for array in model.get_weights()])

    run = tmp_path / "run"
    fit("--corpus", short_tunes, *VARIANTS["lstm"], *places(tmp_path), "--epochs", 1)
    before = weights(1)
    fit("--resume", run, "--epochs", 2, "--count", 3, *places(tmp_path)[2:])
    assert json.loads((run / "config.json").read_text(encoding="utf-8"))["epochs"] == 2
    # The first run came to its end with a learning rate of 0; the second one is half way down there.
    assert np.abs(weights(2) - before).max() > 1e-3


def test_a_second_run_sets_the_first_aside(hasty, fit, contents, tmp_path, short_tunes):
    options = ("--corpus", short_tunes, *VARIANTS["lstm"], *places(tmp_path))
    fit(*options, "--epochs", 1)
    first = contents(tmp_path / "run")
    text = fit(*options, "--epochs", 1)
    assert f"it is now {tmp_path / 'run.1'}" in text
    assert contents(tmp_path / "run.1") == first
    again = contents(tmp_path / "run")
    assert again["model.keras"] == first["model.keras"]
    assert again["history.csv"] == first["history.csv"]


def test_a_corpus_of_few_tunes_can_be_learnt(hasty, fit, tmp_path):
    write_abc(tmp_path / "ten.abc", random_tunes(10))
    fit("--corpus", tmp_path / "ten.abc", *VARIANTS["lstm"], *places(tmp_path), "--epochs", 1)
    assert len(list((tmp_path / "gen").glob("*.mid"))) == 3
    assert len(list((tmp_path / "org").glob("*.mid"))) == 1


# --- what a person can get wrong


@pytest.fixture
def refusal(at_prompt, tmp_path, tune_file, contents, monkeypatch):
    """Run the verb in vain in a folder of one's own; return the one line that it says."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments, corpus=tune_file):
        before = contents(tmp_path)
        given = () if corpus is None else ("--corpus", corpus)
        code, text, errors = at_prompt(train.main, *given, *arguments)
        assert code == 2, (code, text, errors)
        assert errors.count("\n") == 1
        assert contents(tmp_path) == before
        return errors

    return run


@pytest.fixture
def unfinished(tmp_path, tune_file):
    """Write the beginning of a run, as one that was killed leaves it."""
    config = train._settings(train._parser().parse_args(["--corpus", str(tune_file), "--l2", "0.5", "--seed", "4"]))
    run = tmp_path / "begun"
    run.mkdir()
    (run / "config.json").write_text(json.dumps({**config, "fingerprint": "0"}), encoding="utf-8")
    return run


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--corpus", "no/such/folder"), "no such file or folder"),
        (("--corpus", "bohme"), "did you mean boehme"),
        (("--corpus", "~nobody-is-called-so/tunes"), "no such file or folder"),
        (("--lstm", "--noise"), "--noise belongs to the GANs"),
        (("--lstm", "--l2", "0.1"), "--l2 belongs to the GANs"),
        (("--lstm", "--penalty", "clip"), "--penalty belongs to the GANs"),
        (("--lstm", "--as-reported"), "--as-reported belongs to the GANs"),
        (("--lstm", "--attention"), "--attention belongs to the GANs"),
        (("--attention", "--as-reported"), "--as-reported has no meaning with --attention"),
        (("--attention", "--units", "8"), "--units has no meaning with --attention"),
        (("--lstm", "--updates-per-epoch", "3"), "--updates-per-epoch belongs to the GANs"),
        (("--lstm", "--wgan"), "--wgan"),
        (("--penalty", "clip"), "add --wgan"),
        (("--penalty", "strict"), "--penalty"),
        (("--noise", "-1"), "--noise"),
        (("--noise", "loud"), "--noise"),
        (("--l2", "inf"), "--l2"),
        (("--epochs", "0"), "--epochs"),
        (("--batch-size", "1.5"), "--batch-size"),
        (("--units", "-4"), "--units"),
        (("--count", "0"), "--count"),
        (("--seed", "99999999999"), "--seed"),
        (("--gen", "here", "--org", "here"), "three different folders"),
        (("--gen", "here", "--out", "./here"), "three different folders"),
        (("--gen", "here", "--out", "here/run"), "within"),
        (("--gen", "here/gen", "--org", "here"), "within"),
        (("--resume", "no-such-run"), "is not a run folder"),
        (("gan",), "gan"),
    ],
)
def test_errors_are_one_line(refusal, arguments, said):
    assert said in refusal(*arguments)


@pytest.mark.parametrize("option", ["--gen", "--org", "--out"])
def test_a_foreign_folder_is_not_touched(refusal, tmp_path, option):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear", encoding="utf-8")
    said = refusal(option, "mine")
    assert "mine" in said
    assert "--force" in said


def test_a_corpus_without_tunes(refusal, tmp_path):
    (tmp_path / "empty").mkdir()
    assert "no tunes in empty" in refusal(corpus="empty")
    (tmp_path / "empty" / "bad.krn").write_bytes(b"\0\1")
    assert "no usable tune" in refusal(corpus="empty")


def test_too_few_tunes_to_hold_any_out(refusal, tmp_path):
    (tmp_path / "one.abc").write_text(ABC, encoding="utf-8")
    assert "too few to hold any out" in refusal(corpus="./one.abc")


def test_what_is_no_run_is_not_resumed(refusal, tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "config.json").write_text("{}", encoding="utf-8")
    assert "is not a run folder" in refusal("--resume", "notes", corpus=None)
    (tmp_path / "notes" / "config.json").write_text('{"verb": "fontgan.train", "monitor": "x"}', encoding="utf-8")
    assert "a run of fontgan.train" in refusal("--resume", "notes", corpus=None)


@pytest.mark.parametrize(
    "changed",
    [
        ("--lstm",),
        ("--wgan",),
        ("--noise",),
        ("--l2", "0.01"),
        ("--l2", "0"),
        ("--penalty", "none"),
        ("--units", "7"),
        ("--batch-size", "7"),
        ("--seed", "5"),
        ("--seed", "0"),
        ("--corpus", "boehme"),
        ("--corpus", "erk"),
    ],
)
def test_a_run_is_resumed_with_its_own_options(refusal, unfinished, changed):
    said = refusal("--resume", unfinished, *changed, corpus=None)
    assert f"{changed[0]} differs from the run" in said


def test_a_run_is_resumed_with_its_own_corpus(refusal, unfinished, tune_file, tmp_path):
    # said as it was said the first time, it gets as far as the content, which is another
    assert "has changed since" in refusal("--resume", unfinished, corpus=None)
    assert "has changed since" in refusal("--resume", unfinished, "--seed", "4", corpus=tune_file)


def test_an_unfinished_run_is_not_set_aside_unasked(refusal, unfinished):
    (unfinished / "checkpoints" / "epoch-00001").mkdir(parents=True)
    said = refusal("--out", unfinished)
    assert f"--resume {unfinished}" in said
    assert "--force" in said


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ((), "melodygan-gan"),
        (("--wgan", "--noise", "--l2"), "melodygan-wgan-noise-l2"),
        (("--lstm",), "melodygan-lstm"),
        (("--wgan", "--as-reported"), "melodygan-wgan-as-reported"),
    ],
)
def test_a_run_is_named_after_its_variant(arguments, name):
    assert train._run_name(train._settings(train._parser().parse_args(arguments))) == name


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), {"penalty": "r1r2", "noise": 0.0, "l2": 0.0, "units": 64}),
        (("--wgan", "--noise", "--l2"), {"penalty": "r1r2", "noise": 0.1, "l2": 0.01}),
        (("--noise", "0.3", "--l2", "0.1"), {"noise": 0.3, "l2": 0.1}),
        (("--wgan", "--penalty", "clip"), {"penalty": "clip"}),
        (("--lstm",), {"units": 256, "monitor": "val_bits_per_step"}),
        (("--as-reported",), {"penalty": "none", "units": 512, "batch_size": 16}),
    ],
)
def test_settings(arguments, expected):
    settings = train._settings(train._parser().parse_args(arguments))
    assert {name: settings[name] for name in expected} == expected


@pytest.mark.parametrize(("wgan", "updates"), [((), 100), (("--wgan",), 200)])
def test_as_reported_makes_as_many_updates_as_the_report(wgan, updates):
    settings = train._settings(train._parser().parse_args(["--as-reported", *wgan]))
    assert settings["epochs"] * settings["updates_per_epoch"] == updates
