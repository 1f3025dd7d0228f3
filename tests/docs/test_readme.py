"""The Python code of both READMEs runs, in a folder such as their readers have."""

import numpy as np
import pytest
from docpages import PAGE, follow
from test_architecture import ROOT

from manymodes.music.midi import write_melody
from manymodes.music.score import Score


@pytest.mark.parametrize("page", [pytest.param("README.md", marks=pytest.mark.slow), "evaluation/README.md"])
def test_python_of_a_readme_runs(page, tmp_path, monkeypatch):
    assert list(PAGE.parse(ROOT / page).examples()), "nothing to run"
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for folder in ("gen", "org"):
        (tmp_path / folder).mkdir()
        for number in range(12):
            notes = [(int(rng.choice([60, 62, 64, 65, 67])), int(rng.choice([2, 4]))) for _ in range(32)]
            write_melody(tmp_path / folder / f"{number:03}.mid", Score(notes, "dice"))
    follow(ROOT / page)
