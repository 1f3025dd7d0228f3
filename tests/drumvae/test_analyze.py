import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from smalldrums import NAMES, Speller, spelled_grooves, tiny

from drumvae import analyze
from drumvae.data.grooves import load_grooves
from drumvae.data.midi_grooves import write_beat
from drumvae.data.rules import bundled_rules
from drumvae.metrics import diagnostics
from drumvae.metrics.diagnostics import encode
from manymodes.experiment.fit import training_seconds
from manymodes.experiment.run import Run
from manymodes.files import save_keras

FIGURES = {
    *("history.png", "divergence.png", "maps.png", "clusters.png", "latents.png"),
    *("sweeps.png", "traversals.png", "patterns.png", "hits.png"),
}


@pytest.fixture(autouse=True)
def _few(monkeypatch):
    monkeypatch.setattr(diagnostics, "COMPOSED", 60)
    monkeypatch.setattr(diagnostics, "SAMPLES", 5)


@pytest.fixture
def run(tiny_run, tmp_path):
    """Copy the run that tests share; return its folder."""
    return shutil.copytree(tiny_run, tmp_path / "run")


@pytest.fixture
def prompt(at_prompt):
    """Run the verb; return its exit code, what it printed and its errors."""
    return lambda *arguments: at_prompt(analyze.main, *arguments)


@pytest.fixture
def pictures(monkeypatch):
    """Leave the pictures out, which take as long as all the rest; return a list of the names of those left out."""
    names = []

    def left_out(*arguments, **_):
        names.append(next(argument.name for argument in arguments if isinstance(argument, Path)))

    for name in ("history", "divergences", "maps", "clusters", "histograms", "sweeps", "patterns", "hits"):
        monkeypatch.setattr(f"drumvae.plots.save_{name}", left_out)
    return names


def read_json(path):
    return json.loads(path.read_text(encoding="utf-8"))


def edit(run, **changes):
    """Change settings of a run."""
    config = read_json(run / "config.json")
    (run / "config.json").write_text(json.dumps({**config, **changes}), encoding="utf-8")


# --- what it leaves


def test_what_an_analysis_leaves(prompt, run, tiny_run, contents):
    code, text, errors = prompt(run)
    assert (code, errors) == (0, "")
    found = read_json(run / "analysis.json")
    documented = set(re.findall(r"``(\w+)``", diagnostics.__doc__))
    assert found.keys() == documented - {"high", "low"}
    assert found["train_seconds"] == pytest.approx(training_seconds(Run.resume(run)), abs=1e-6)
    assert found["n"] == len(load_grooves(per_style=12, seed=3).test)

    pictures = {path.name: path for path in (run / "plots").iterdir()}
    assert pictures.keys() == FIGURES
    assert set(re.findall(r"``(\S+\.png)``", analyze.__doc__)) == FIGURES
    for path in pictures.values():
        with Image.open(path) as picture:
            assert np.ptp(np.asarray(picture.convert("L"))) > 100

    assert f"{found['active_high']} of 4 dimensions active" in text
    assert f"divergence {found['kl_high_nats']:.2f} nats, information {found['mutual_information_high']:.2f}" in text
    assert f"{found['iwae_nats']:.2f} nats a bar, {found['gap_nats']:.2f} above the least possible" in text
    assert f"wrote {run}/analysis.json" in text

    # What was there stays as it is.
    assert contents(tiny_run).items() <= contents(run).items()


def test_the_same_is_said_again(prompt, run, pictures):
    said = []
    for _ in range(2):
        _, text, _ = prompt(run)
        said.append((text, (run / "analysis.json").read_bytes()))
    assert said[0] == said[1]
    assert sorted(pictures) == sorted(2 * list(FIGURES))


def test_the_model_alone_is_analysed_where_nothing_else_is_left(prompt, run, pictures):
    shutil.rmtree(run / "checkpoints")
    (run / "training-seconds.json").unlink()
    assert prompt(run)[0] == 0
    assert read_json(run / "analysis.json")["train_seconds"] == 0
    assert set(pictures) == FIGURES - {"history.png", "divergence.png"}


def test_a_folder_of_ones_own_has_no_bound(prompt, run, tmp_path, pictures):
    for style, name in enumerate(("rock", "jazz")):
        for number in range(6):
            write_beat(tmp_path / "beats" / name / f"{number}.mid", bundled_rules().sample(style, 8, [number]))
    grooves = load_grooves(tmp_path / "beats", seed=3)
    edit(run, grooves=str(tmp_path / "beats"), fingerprint=grooves.fingerprint)
    save_keras(tiny(grooves.styles), run / "model.keras")
    code, text, errors = prompt(run)
    assert (code, errors) == (0, "")
    found = read_json(run / "analysis.json")
    assert found["entropy_bound_nats"] is None
    assert "least possible" not in text
    assert found["n"] == len(grooves.test) == 16
    assert found["density"].keys() == set(grooves.styles)


# --- what is drawn


def test_traversals_are_of_every_dimension_around_the_first_bar():
    grooves, model = spelled_grooves(6, 4), Speller()
    seen = encode(model, grooves.test, seed=1)
    found = analyze._traversals(model, seen)
    dimensions = [(level, number) for level, count in (("z_high", 4), ("z_low", 12)) for number in range(count)]
    assert [title.split(":")[0] for title in found] == [f"{level}, {number}" for level, number in dimensions]
    bit = list(found.values())[dimensions.index(("z_low", 5))]
    assert bit.shape == (5, 16, 9)
    hat = bit[:, 5, 2]
    assert (hat[0], hat[-1]) == pytest.approx((0, 1), abs=1e-12)
    rest = np.delete(bit.reshape(5, -1), 5 * 9 + 2, axis=1)
    assert rest == pytest.approx(
        np.tile(np.delete(grooves.test.hits[0].ravel(), 5 * 9 + 2), (5, 1)).astype(float), abs=1e-12
    )


def test_patterns_are_of_each_style_real_and_composed():
    grooves, model = spelled_grooves(6, 9), Speller()
    found = analyze._patterns(model, grooves.test, 1)
    assert list(found) == [f"{name}, {kind}" for name in NAMES for kind in ("real", "composed")]
    for title, velocities in found.items():
        style = NAMES.index(title.split(",")[0])
        assert velocities.shape == (4, 16, 9)
        assert (velocities[:, 4 * style : 4 * style + 4, 0] > 0).all()
        assert len(np.unique(velocities, axis=0)) > 1


def test_a_style_without_test_bars_is_drawn_as_composed_alone():
    grooves, model = spelled_grooves(6, 4), Speller()
    test = grooves.test[grooves.test.styles != 1]
    found = analyze._patterns(model, test, 1)
    assert "second, real" not in found
    assert len(found["second, composed"]) == 4


# --- what a person can get wrong


@pytest.fixture
def refusal(prompt, tmp_path, contents, monkeypatch):
    """Run the verb in vain in a folder of one's own; return the one line that it says."""
    monkeypatch.chdir(tmp_path)

    def refuse(*arguments):
        before = contents(tmp_path)
        code, text, errors = prompt(*arguments)
        assert (code, text) == (2, "")
        assert errors.count("\n") == 1
        assert contents(tmp_path) == before
        return errors

    return refuse


def test_what_is_no_run(refusal, tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "letter.txt").write_text("dear", encoding="utf-8")
    for path in ("nowhere", "notes", "notes/letter.txt"):
        assert f"{path} is not a run folder" in refusal(path)
    assert "RUN" in refusal()
    assert "unrecognized" in refusal("notes", "--style", "jazz")


def test_a_run_of_another_package(refusal, run):
    edit(run, verb="fontgan.train")
    assert f"{run} is a run of fontgan.train: give one that python -m drumvae.train has left" in refusal(run)


def test_an_unfinished_run(refusal, run):
    (run / "model.keras").unlink()
    assert f"has no model.keras yet: finish it with python -m drumvae.train --resume {run}" in refusal(run)


def test_a_model_that_is_none(refusal, run):
    (run / "model.keras").write_text("no model", encoding="utf-8")
    assert f"the model {run}/model.keras is not a .keras file" in refusal(run)


def test_grooves_that_have_changed(refusal, run):
    edit(run, seed=4)
    assert f"the set of grooves by rule has changed since {run} was trained: train anew" in refusal(run)


def test_grooves_that_are_gone(refusal, run, tmp_path):
    edit(run, grooves=str(tmp_path / "gone"))
    assert f"{tmp_path / 'gone'} does not exist" in refusal(run)


def test_too_few_bars_to_test_with(refusal, run):
    few = load_grooves(per_style=5, seed=3)
    edit(run, per_style=5, fingerprint=few.fingerprint)
    assert f"{run} has {len(few.test)} bars to test with: train with more, 10 at least" in refusal(run)
