"""The Python code of both READMEs runs, in a folder such as their readers have."""

import itertools

import numpy as np
import pretty_midi
import pytest
from docpages import PAGE, follow
from test_architecture import ROOT


def write_random_tunes(folder, seed):
    rng = np.random.default_rng(seed)
    folder.mkdir()
    for number in range(12):
        instrument = pretty_midi.Instrument(0)
        times = np.cumsum(rng.choice([0.25, 0.5], 33))
        for pitch, start, end in zip(rng.choice([60, 62, 64, 65, 67], 32), times, times[1:], strict=False):
            instrument.notes.append(pretty_midi.Note(80, int(pitch), start, end))
        midi = pretty_midi.PrettyMIDI()
        midi.instruments.append(instrument)
        midi.write(str(folder / f"{number:03}.mid"))


@pytest.mark.parametrize("page", [pytest.param("README.md", marks=pytest.mark.slow), "evaluation/README.md"])
def test_python_of_a_readme_runs(page, tmp_path, monkeypatch):
    assert list(itertools.islice(PAGE.parse(ROOT / page).examples(), 1)), "there is something to run"
    monkeypatch.chdir(tmp_path)
    for seed, name in enumerate(("gen", "org")):
        write_random_tunes(tmp_path / name, seed)
    follow(ROOT / page)
