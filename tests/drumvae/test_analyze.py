import json
import re
import shutil
from pathlib import Path

import pytest
from breaking import read_json
from smalldrums import tiny, use_little

from drumvae import analyze
from drumvae.data.grooves import load_grooves
from drumvae.data.midi_grooves import write_beat
from drumvae.data.rules import bundled_rules
from manymodes.files import save_keras

FIGURES = {
    *("history.png", "divergence.png", "maps.png", "clusters.png", "latents.png"),
    *("sweeps.png", "traversals.png", "patterns.png", "hits.png"),
}


@pytest.fixture(autouse=True)
def _few(monkeypatch, unwatched, eager):
    use_little(monkeypatch)


@pytest.fixture
def run(tiny_run, tmp_path):
    """Copy the run that tests share; return its folder."""
    return shutil.copytree(tiny_run, tmp_path / "run")


@pytest.fixture
def pictures(monkeypatch):
    """Draw nothing; return a list of the names of the pictures left out."""
    names = []

    def left_out(*arguments, **_):
        names.append(next(argument.name for argument in arguments if isinstance(argument, Path)))

    for name in ("history", "divergences", "maps", "clusters", "histograms", "sweeps", "patterns", "hits"):
        monkeypatch.setattr(f"drumvae.plots.save_{name}", left_out)
    return names


@pytest.mark.slow
def test_a_run_is_drawn_and_explained(completed, run, tiny_run, contents):
    text = completed(analyze.main, run)
    assert {path.name for path in (run / "plots").iterdir()} == FIGURES
    assert set(re.findall(r"``(\S+\.png)``", analyze.__doc__)) == FIGURES
    metrics = read_json(run / "metrics.json")
    assert f"{metrics['active_high']} of 4 dimensions active" in text
    assert f"{metrics['iwae_nats']:.2f} nats a bar, {metrics['gap_nats']:.2f} above the least possible" in text
    assert contents(tiny_run).items() <= contents(run).items()


def test_a_run_without_metrics_gets_them_and_a_folder_has_no_bound(completed, run, tmp_path, pictures):
    for style, name in enumerate(("rock", "jazz")):
        for number in range(6):
            write_beat(tmp_path / "beats" / name / f"{number}.mid", bundled_rules().sample(style, 8, [number]))
    grooves = load_grooves(tmp_path / "beats", seed=3)
    config = read_json(run / "config.json") | {"grooves": str(tmp_path / "beats"), "fingerprint": grooves.fingerprint}
    (run / "config.json").write_text(json.dumps(config), encoding="utf-8")
    save_keras(tiny(grooves.styles), run / "model.keras")
    shutil.rmtree(run / "checkpoints")
    (run / "metrics.json").unlink()
    text = completed(analyze.main, run)
    assert f"wrote {run}/metrics.json" in text
    metrics = read_json(run / "metrics.json")
    assert (metrics["entropy_bound_nats"], metrics["n"]) == (None, len(grooves.test))
    assert "least possible" not in text
    assert set(pictures) == FIGURES - {"history.png", "divergence.png"}  # there is no history


def test_folders_that_cannot_be_analysed(refused, run, tmp_path):
    assert f"{tmp_path} is not a run folder" in refused(analyze.main, tmp_path)
    (run / "model.keras").unlink()
    assert f"finish it with python -m drumvae.train --resume {run}" in refused(analyze.main, run)
