import functools
import os
from pathlib import Path

import pytest
from scores import random_tunes, write_abc

import melodygan
from manymodes.files import CACHE_VARIABLE
from melodygan.data.corpus import load_corpus


@pytest.fixture
def load(cache):
    return functools.partial(load_corpus, progress=False)


@pytest.fixture(scope="session")
def tune_file(tmp_path_factory):
    """Write forty tunes of up to four bars, parsed once: every command of these tests uses their cache."""
    path = tmp_path_factory.mktemp("corpus") / "forty tunes.abc"
    write_abc(path, random_tunes(40, lengths=(8, 14)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CACHE_VARIABLE, str(path.parent / "cache"))
        load_corpus(path, progress=False)
    return path


@pytest.fixture(scope="session")
def environment(tune_file):
    """Return the environment of processes that tests start."""
    source = Path(melodygan.__file__).parents[1]
    return {**os.environ, CACHE_VARIABLE: str(tune_file.parent / "cache"), "PYTHONPATH": str(source)}


@pytest.fixture
def at_prompt(at_prompt, environment, monkeypatch):
    """Run a command; the forty tunes are already parsed."""
    monkeypatch.setenv(CACHE_VARIABLE, environment[CACHE_VARIABLE])
    return at_prompt


@pytest.fixture(scope="session")
def models():
    """Return a small model of each kind."""
    from smallmodels import small_models

    return small_models()


@pytest.fixture
def quick_chains(monkeypatch):
    """Let chains learn in a few steps."""
    from melodygan.models.chain import Chain

    for name, value in (("steps", 3), ("batch", 64)):
        monkeypatch.setitem(Chain.learn.__kwdefaults__, name, value)


@pytest.fixture(scope="module")
def few_cells():
    """Make the grid of all tunes a few bars long."""
    from smallgrid import small_grid

    with small_grid():
        yield


@pytest.fixture
def small_networks(eager, quick_chains, monkeypatch):
    """Train networks of a few units on a grid of a few bars, step by step."""
    from smallgrid import small_grid

    from melodygan import trainer

    for name, sizes in (
        ("build_generator", {"latent_dim": 2, "widths": (4,), "channels": (4, 4, 4)}),
        ("build_critic", {"channels": (4, 4, 4), "widths": (4,)}),
    ):
        monkeypatch.setattr(trainer, name, functools.partial(getattr(trainer, name), **sizes))
    monkeypatch.setattr(trainer, "_TUNES_JUDGED", 5)
    with small_grid():
        yield
