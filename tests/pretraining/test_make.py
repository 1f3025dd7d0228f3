import hashlib
import json
import subprocess
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from drumvae.models.vae import DrumVAE
from drumvae.playing import load as load_model
from manymodes.cli import INTERRUPTED_EXIT
from manymodes.experiment.run import METRICS
from manymodes.files import save_keras, write_text
from manymodes.hub import GROOVE, MODELS
from pretraining import judging, make

FOUND = {"n": 20, "iwae_nats": 31.0, "entropy_bound_nats": 27.5, "hit_f1": 0.75, "hit_f1_mean_pattern": 0.5}


def config_of(program, arguments):
    settings = {**make._settings(program, arguments), "program": program, "monitor": "val_nats"}
    return {**settings, "fingerprint": "00", "versions": {"keras": "3", "manymodes": "0"}}


def leave_run(path, options, *, model=True):
    """Leave a run of `drumvae.train` as it ends; without a model as it is interrupted."""
    write_text(path / "config.json", json.dumps(config_of("drumvae.train", options)))
    if model:
        keras.utils.set_random_seed(7)
        save_keras(DrumVAE(["rock", "jazz"], channels=(4, 4, 4), seed=3), path / "model.keras")


@pytest.fixture
def work(monkeypatch, tmp_path):
    """Have models trained and judged at once; say which commands ran, how they end, and what was judged."""
    state = SimpleNamespace(path=tmp_path / "work", out=tmp_path / "out", commands=[], exit=0, judged=[])

    def run(command, **_):
        state.commands.append(command[1:])
        *options, _, place = command[3:]
        if not state.exit:
            leave_run(Path(place), options if "--resume" not in command else ["--per-style=2000", "--seed=0"])
        return subprocess.CompletedProcess(command, state.exit)

    def judge(run, config):
        assert config["program"] == "drumvae.train"
        state.judged.append(run)
        weights = np.concatenate([values.ravel() for values in load_model(run / "model.keras").get_weights()])
        found = {**FOUND, "hit_f1": float(np.abs(weights).mean()), "probe_high": None}
        write_text(run / METRICS, json.dumps(found))

    monkeypatch.setattr(make.subprocess, "run", run)
    monkeypatch.setitem(judging.JUDGEMENTS, "drumvae.train", judging.Judgement(METRICS, "n", judge))
    return state


@pytest.fixture
def verb(work, at_prompt):
    """Run the verb; return its exit code, what it printed and its errors."""

    def start(*options, name="drums-styles"):
        return at_prompt(make.main, "--only", name, "--work", work.path, "--out", work.out, *options)

    return start


@pytest.mark.parametrize("name", MODELS)
def test_every_command_is_one_that_its_program_understands(name):
    shipped = MODELS[name]
    assert shipped.command.split()[:3] == ["python", "-m", shipped.program]
    settings = make._settings(shipped.program, shipped.command.split()[3:])
    assert settings["seed"] == shipped.seed
    assert settings["seed"] == shipped.seed


def test_a_model_is_trained_made_small_judged_and_given_a_card(work, verb):
    code, text, errors = verb()
    assert (code, errors) == (0, "")
    run = work.path / "drums-styles"
    assert work.commands == [["-m", "drumvae.train", "--per-style", "2000", "--seed=0", "--out", str(run)]]
    shipping = next(work.path.glob("drums-styles-slim-*"))
    assert work.judged == [run, shipping]
    assert {file.name for file in work.out.iterdir()} == {"drums-styles.keras", "drums-styles.md"}
    assert (work.out / "drums-styles.keras").read_bytes() == (shipping / "model.keras").read_bytes()
    for ours, theirs in zip(
        load_model(work.out / "drums-styles.keras").get_weights(),
        load_model(run / "model.keras").get_weights(),
        strict=True,
    ):
        np.testing.assert_array_equal(ours, theirs.astype(np.float16).astype(np.float32))
    assert "1 files of" in text.splitlines()[-1]


def test_the_card_says_all(work, verb):
    verb()
    card = (work.out / "drums-styles.md").read_text(encoding="utf-8")
    assert card.startswith("# drums-styles\n\nA hierarchical VAE")
    assert "\n\n\n" not in card
    digest = hashlib.sha256((work.out / "drums-styles.keras").read_bytes()).hexdigest()
    assert f"| sha256 of drums-styles.keras | `{digest}` |" in card
    for said in ("`python -m drumvae.train --per-style 2000 --seed 0`", "| Seed | 0 |", "keras 3, manymodes 0", "MIT"):
        assert said in card
    for title in ("Data and licence", "Measured", "Intended use", "Limits"):
        (text,) = (part for part in card.split("\n## ") if part.startswith(f"{title}\n"))
        assert len(text.split()) > 10
    assert "| nats per bar | 31.00 | 31.00 | 27.50 (least possible) |" in card
    (f1,) = (line for line in card.splitlines() if line.startswith("| reconstructed hits, F1"))
    _, _, trained, ships, beside, _ = (cell.strip() for cell in f1.split("|"))
    assert abs(float(trained) - float(ships)) <= 0.001
    assert beside == "0.500 (mean pattern of the style)"
    assert "z_high" not in card  # null in the judgement


def test_what_is_finished_is_not_done_again(work, verb, contents):
    verb()
    before = contents(work.out)
    del work.commands[:], work.judged[:]
    assert verb()[0] == 0
    assert (work.commands, work.judged) == ([], [])
    assert contents(work.out) == before


def test_another_model_is_judged_anew(work, verb, contents):
    verb()
    del work.commands[:], work.judged[:]
    model = load_model(work.path / "drums-styles" / "model.keras")
    model.style_means.assign_add(np.ones_like(model.style_means))
    save_keras(model, work.path / "drums-styles" / "model.keras")
    before = contents(work.out)
    assert verb()[0] == 0
    assert work.commands == []
    assert [path.name[:18] for path in work.judged] == ["drums-styles-slim-"]
    assert contents(work.out)["drums-styles.keras"] != before["drums-styles.keras"]


def test_a_run_of_other_settings_is_trained_anew(work, verb):
    leave_run(work.path / "drums-styles", ["--per-style", "100", "--seed", "0"])
    assert verb()[0] == 0
    assert [command[1:3] for command in work.commands] == [["drumvae.train", "--per-style"]]


def test_an_interrupted_training_is_continued(work, verb):
    work.exit = INTERRUPTED_EXIT
    code, text, _ = verb()
    assert code == INTERRUPTED_EXIT
    assert text.splitlines()[-1] == f"stopped; the same command continues with what is in {work.path}"
    assert not work.out.exists()
    work.exit = 0
    leave_run(work.path / "drums-styles", ["--per-style", "2000", "--seed", "0"], model=False)
    assert verb()[0] == 0
    assert work.commands[-1][2:] == ["--resume", str(work.path / "drums-styles")]


def test_a_training_that_fails_ends_it(work, verb):
    work.exit = 2
    assert verb()[0] == 2
    assert not work.out.exists()


def test_a_run_that_there_is_can_be_taken(work, verb, tmp_path):
    mine = tmp_path / "mine"
    leave_run(mine, ["--per-style", "2000", "--seed", "0"])
    assert verb("--from", mine)[0] == 0
    assert work.commands == []
    assert work.judged[0] == mine
    assert (work.out / "drums-styles.md").is_file()


def test_groove_midi_is_told_of_once(work, verb, tmp_path):
    code, _, errors = verb(name="drums-groove")
    assert (code, errors.count("\n")) == (2, 1)
    assert "python -m drumvae.train --grooves GROOVE --seed 0 needs the Groove MIDI Dataset" in errors
    groove = tmp_path / "groove"
    assert verb("--groove", groove, name="drums-groove")[0] == 0
    assert work.commands[-1][2:5] == ["--grooves", str(groove), "--seed=0"]
    assert verb(name="drums-groove")[0] == 0
    assert len(work.commands) == 1
    card = (work.out / "drums-groove.md").read_text(encoding="utf-8")
    assert f"--grooves {GROOVE} --seed 0" in card
    assert "CC BY 4.0" in card
    assert str(tmp_path) not in card


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--from", "none"), "none is not a run folder"),
        (
            ("--from", "other"),
            "was trained with epochs 24, not 40; per_style 100, not 2000: give a run of python -m dr",
        ),
        (("--from", "unfinished"), "has no model.keras: continue it with python -m drumvae.train --resume unfinished"),
        (("--only", "letters-best", "--from", "other"), "say with --only NAME of which"),
        (("--only", "drums"), "invalid choice: 'drums'"),
        (("--out", __file__), "cannot be made in the file"),
    ],
)
def test_mistakes_are_one_clear_line(work, verb, tmp_path, monkeypatch, options, says):
    monkeypatch.chdir(tmp_path)
    leave_run(tmp_path / "other", ["--per-style", "100", "--seed", "0"])
    leave_run(tmp_path / "unfinished", ["--per-style", "2000", "--seed", "0"], model=False)
    code, text, errors = verb(*options)
    assert (code, text, errors.count("\n")) == (2, "", 1)
    assert says in errors
