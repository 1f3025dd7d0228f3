import functools
import hashlib
import json
import subprocess
import tempfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from commandlines import parser_of

from drumvae.config import DrumConfig
from drumvae.models.vae import DrumVAE
from drumvae.playing import load as load_model
from manymodes.cli import INTERRUPTED_EXIT
from manymodes.experiment.config import training_parser
from manymodes.experiment.run import METRICS
from manymodes.files import save_keras, write_text
from manymodes.hub import GROOVE, MODELS
from pretraining import judging, make

METRICS_OF_A_RUN = {
    "n": 20,
    "iwae_nats": 31.0,
    "entropy_bound_nats": 27.5,
    "hit_f1_mean_pattern": 0.5,
    "probe_high": None,
}
OPTIONS = ["--per-style", "2000"]


@functools.cache
def small_model():
    """Return the file of a small model."""
    with tempfile.TemporaryDirectory() as folder:
        save_keras(DrumVAE(["rock", "jazz"], channels=(4, 4, 4), seed=3), Path(folder) / "model.keras")
        return (Path(folder) / "model.keras").read_bytes()


def leave_run(path, options=OPTIONS, *, model=True):
    """Leave a run of `drumvae.train` as it ends; without a model as it is interrupted."""
    config = DrumConfig.from_args(training_parser(DrumConfig, "", "").parse_args(options))
    facts = {"program": config.program, "monitor": config.monitor, "versions": {"keras": "3", "manymodes": "0"}}
    write_text(path / "config.json", json.dumps({**config.to_json(), **facts}))
    if model:
        (path / "model.keras").write_bytes(small_model())


@pytest.fixture
def work(monkeypatch, tmp_path):
    """Train and measure models at once; collect the commands and the measured runs, and set the exit code."""
    state = SimpleNamespace(path=tmp_path / "work", out=tmp_path / "out", commands=[], exit=0, measured=[])

    def run(command, **_):
        state.commands.append(command[2:])
        *options, out, place = command[3:]
        if not state.exit:
            leave_run(Path(place), options if out == "--out" else OPTIONS)
        return subprocess.CompletedProcess(command, state.exit)

    def measure(run, config):
        assert config["program"] == "drumvae.train"
        state.measured.append(run)
        write_text(run / METRICS, json.dumps({**METRICS_OF_A_RUN, "hit_f1": 0.75 if "slim" in run.name else 0.875}))

    monkeypatch.setattr(make.subprocess, "run", run)
    # which takes most of the time
    monkeypatch.setattr(make, "export", lambda _, form, **_options: form.mkdir(parents=True))
    monkeypatch.setitem(judging.MEASUREMENTS, "drumvae.train", (METRICS, "n", measure))
    return state


@pytest.fixture
def command(work, at_prompt):
    """Run the command; return its exit code, its output and its errors."""

    def start(*options, name="drums-styles"):
        return at_prompt(make.main, "--only", name, "--work", work.path, "--out", work.out, *options)

    return start


@pytest.mark.parametrize("shipped", MODELS.values(), ids=MODELS)
def test_every_command_is_accepted_by_its_program(shipped):
    python, option, program, *options = shipped.command.split()
    assert (python, option, program) == ("python", "-m", shipped.program)
    assert parser_of(program).parse_args(options).seed == shipped.seed


def test_a_model_is_trained_made_small_measured_and_given_a_card(work, command):
    code, text, errors = command()
    assert (code, errors) == (0, "")
    assert "1 files of" in text.splitlines()[-1]
    run = work.path / "drums-styles"
    assert work.commands == [["drumvae.train", "--per-style", "2000", "--seed=0", "--out", str(run)]]
    shipping = next(work.path.glob("drums-styles-slim-*"))
    assert work.measured == [run, shipping]
    assert {file.name for file in work.out.iterdir()} == {"drums-styles.keras", "drums-styles.md", "onnx"}
    assert (work.out / "drums-styles.keras").read_bytes() == (shipping / "model.keras").read_bytes()
    weights = (load_model(file).get_weights() for file in (work.out / "drums-styles.keras", run / "model.keras"))
    for ours, theirs in zip(*weights, strict=True):
        np.testing.assert_array_equal(ours, theirs.astype(np.float16).astype(np.float32))

    card = (work.out / "drums-styles.md").read_text(encoding="utf-8")
    assert card.startswith("# drums-styles\n\nA hierarchical VAE")
    assert "\n\n\n" not in card
    digest = hashlib.sha256((work.out / "drums-styles.keras").read_bytes()).hexdigest()
    assert f"| sha256 of drums-styles.keras | `{digest}` |" in card
    assert "keras 3, manymodes 0" in card
    assert "| nats per bar | 31.00 | 31.00 | 27.50 (least possible) |" in card
    assert "| 0.875 | 0.750 | 0.500 (mean pattern of the style) |" in card
    assert "z_high" not in card  # null in the metrics


def test_only_another_model_is_measured_again(work, command, contents):
    command()
    before = contents(work.out)
    del work.commands[:], work.measured[:]
    assert command()[0] == 0
    assert (work.commands, work.measured) == ([], [])
    assert contents(work.out) == before
    model = load_model(work.path / "drums-styles" / "model.keras")
    model.style_means.assign_add(np.ones_like(model.style_means))
    save_keras(model, work.path / "drums-styles" / "model.keras")
    assert command()[0] == 0
    assert work.commands == []
    assert [path.name[:18] for path in work.measured] == ["drums-styles-slim-"]
    assert contents(work.out)["drums-styles.keras"] != before["drums-styles.keras"]


def test_a_run_of_other_settings_is_kept_and_trained_anew(work, command):
    run = work.path / "drums-styles"
    leave_run(run, ["--per-style", "100"])
    assert command()[0] == 0
    assert [words[-2:] for words in work.commands] == [["--out", str(run)]]
    assert json.loads((work.path / "drums-styles-1" / "config.json").read_text(encoding="utf-8"))["per_style"] == 100


def test_an_interrupted_training_is_continued(work, command):
    for work.exit in (2, INTERRUPTED_EXIT):
        code, text, _ = command()
        assert code == work.exit
        assert not work.out.exists()
    assert text.splitlines()[-1] == f"stopped; the same command continues with what is in {work.path}"
    work.exit = 0
    leave_run(work.path / "drums-styles", model=False)
    assert command()[0] == 0
    assert work.commands[-1][1:] == ["--resume", str(work.path / "drums-styles")]


def test_an_existing_run_can_be_used(work, command, tmp_path):
    mine = tmp_path / "mine"
    leave_run(mine)
    assert command("--from", mine)[0] == 0
    assert work.commands == []
    assert work.measured[0] == mine
    assert (work.out / "drums-styles.md").is_file()


def test_the_folder_of_groove_midi_is_given_once(work, command, tmp_path):
    code, _, errors = command(name="drums-groove")
    assert (code, errors.count("\n")) == (2, 1)
    assert "python -m drumvae.train --grooves GROOVE --seed 0 needs the Groove MIDI Dataset" in errors
    groove = tmp_path / "groove"
    assert command("--groove", groove, name="drums-groove")[0] == 0
    assert work.commands[-1][1:4] == ["--grooves", str(groove), "--seed=0"]
    assert command(name="drums-groove")[0] == 0
    assert len(work.commands) == 1
    card = (work.out / "drums-groove.md").read_text(encoding="utf-8")
    assert f"--grooves {GROOVE} --seed 0" in card
    assert str(tmp_path) not in card


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--from", "none"), "none is not a run folder"),
        (("--from", "other"), "epochs 24, not 40; per_style 100, not 2000: give a run of python -m drumvae.train"),
        (("--from", "unfinished"), "has no model.keras: continue it with python -m drumvae.train --resume unfinished"),
        (("--only", "letters-best", "--from", "other"), "name it with --only NAME"),
        (("--only", "drums"), "invalid choice: 'drums'"),
        (("--out", __file__), "cannot be made in the file"),
    ],
)
def test_mistakes_are_one_clear_line(work, refused, tmp_path, monkeypatch, options, message):
    monkeypatch.chdir(tmp_path)
    leave_run(tmp_path / "other", ["--per-style", "100"])
    leave_run(tmp_path / "unfinished", model=False)
    places = ("--only", "drums-styles", "--work", work.path, "--out", work.out)
    assert message in refused(make.main, *places, *options)
