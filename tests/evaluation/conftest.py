"""Real tunes, and the sets that are made from them."""

import numpy as np
import pytest
from midifiles import write_tunes

from evaluation.reading.folders import read_folder
from evaluation.scores import overlap, sampling, two_sample


@pytest.fixture(scope="module")
def fewer_draws():
    """Draw fewer splits, groups and permutations: they take most of the time, verdicts do not need them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(two_sample, "SPLITS", 6)
        patch.setattr(two_sample, "TREES", 20)
        patch.setattr(sampling, "SPLITS", 8)
        patch.setattr(sampling, "RESAMPLES", 8)
        patch.setattr(overlap, "PERMUTATIONS", 499)  # a p-value times 20 features can still be under 0.05
        yield


@pytest.fixture(scope="session")
def tune_folder(tmp_path_factory):
    """300 German folk songs."""
    return write_tunes(tmp_path_factory.mktemp("tunes"), [20], 300)


@pytest.fixture(scope="session")
def tunes(tune_folder):
    return read_folder(tune_folder, jobs=1, label="erk").pieces


@pytest.fixture(scope="session")
def held_and_org(tunes):
    """100 tunes to make sets from, and 200 others as originals."""
    order = np.random.default_rng(0).permutation(len(tunes))
    return [tunes[i] for i in order[:100]], [tunes[i] for i in order[100:]]
