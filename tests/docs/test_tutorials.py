"""Every tutorial, and the Python of both READMEs, runs in an empty folder; `make pictures` keeps the pictures made."""

import os
import shutil

import numpy as np
import pytest
from docpages import PAGE, follow
from test_architecture import ROOT
from test_wheel import SHIPPED

from manymodes.music.midi import write_melody
from manymodes.music.score import Score

PAGES = [ROOT / "docs" / "collapse.md", *sorted((ROOT / "docs" / "tutorials").glob("*.md"))]
WITHOUT_MODELS = {"collapse", "evaluation"}
KEEP = "MANYMODES_KEEP_PICTURES"


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_tutorial_runs(page):
    if not SHIPPED and page.stem not in WITHOUT_MODELS:
        pytest.skip("data/pretrained has no models")
    pictures = follow(page)
    assert pictures, "a tutorial shows pictures"
    for shown, made in pictures:
        assert shown.suffix == ".png"
        if KEEP in os.environ:
            shutil.copyfile(made, shown)
        assert shown.is_file()


@pytest.mark.parametrize("page", [pytest.param("README.md", marks=pytest.mark.slow), "evaluation/README.md"])
def test_python_of_a_readme_runs(page, tmp_path):
    assert list(PAGE.parse(ROOT / page).examples()), "nothing to run"
    rng = np.random.default_rng(0)
    for folder in ("gen", "org"):
        (tmp_path / folder).mkdir()
        for number in range(12):
            notes = [(int(rng.choice([60, 62, 64, 65, 67])), int(rng.choice([2, 4]))) for _ in range(32)]
            write_melody(tmp_path / folder / f"{number:03}.mid", Score(notes, "dice"))
    follow(ROOT / page)
