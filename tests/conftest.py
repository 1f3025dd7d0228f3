"""Fixtures that the tests of several packages use."""

import os
from pathlib import Path

import hypothesis
import pytest
from breaking import eagerly

from manymodes import cli

# no test depends on the clock: a loaded machine would miss a deadline
hypothesis.settings.register_profile("without clock", deadline=None)
hypothesis.settings.load_profile("without clock")

# TensorFlow prints its banner in every process otherwise
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@pytest.fixture
def at_prompt(capsys):
    """Run a verb as a person would: return its exit code, what it printed and its errors."""

    def run(main, *arguments):
        with pytest.raises(SystemExit) as caught:
            cli.run(main, [str(argument) for argument in arguments])
        return caught.value.code, *capsys.readouterr()

    return run


@pytest.fixture
def contents():
    """Return a function: the files under a folder, with what is in them."""

    def read(folder):
        files = [file for file in Path(folder).rglob("*") if not file.is_dir()]
        return {file.relative_to(folder).as_posix(): file.read_bytes() for file in sorted(files)}

    return read


@pytest.fixture
def shipped(tmp_path_factory, monkeypatch):
    """Give the folder where the models that ship are looked for; it is empty."""
    folder = tmp_path_factory.mktemp("shipped")
    monkeypatch.setattr("manymodes.hub.folder", lambda: folder)
    return folder


@pytest.fixture
def eager():
    """Run what would be compiled step by step: compiling a step takes longer than making it."""
    with eagerly():
        yield
