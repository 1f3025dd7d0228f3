"""Real tunes, and the sets that are made from them."""

from __future__ import annotations

import re

import numpy as np
import pytest
from midifiles import write_abc
from music21 import corpus

from evaluation.reading.folders import read_folder
from evaluation.scores import sampling


@pytest.fixture(scope="module")
def fewer_draws():
    """Draw 40 halves per score instead of 200: they take most of the time, and verdicts do not depend on them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sampling, "RESAMPLES", 40)
        yield


@pytest.fixture(scope="session")
def tune_folder(tmp_path_factory):
    """300 German folk songs that come with music21, as MIDI files."""
    folder = tmp_path_factory.mktemp("tunes")
    source = next(path for path in corpus.getComposer("essenFolksong") if path.name == "erk20.abc")
    text = source.read_text(encoding="latin-1")
    for number, tune in enumerate(re.split(r"(?m)^(?=X:)", text)[1:301]):
        write_abc(folder / f"{number:03d}.mid", tune)
    return folder


@pytest.fixture(scope="session")
def tunes(tune_folder):
    return read_folder(tune_folder, jobs=1, label="erk").pieces


@pytest.fixture(scope="session")
def held_and_org(tunes):
    """100 tunes to make sets from, and 200 others as originals."""
    order = np.random.default_rng(0).permutation(len(tunes))
    return [tunes[i] for i in order[:100]], [tunes[i] for i in order[100:]]
