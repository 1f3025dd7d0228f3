"""Fixtures that the tests of several packages use."""

import os
import re
from pathlib import Path
from pkgutil import resolve_name

import hypothesis
import pytest
from breaking import eagerly

from manymodes import cli, watched
from manymodes.files import CACHE_VARIABLE

# the same examples each time, and no test depends on the clock: a loaded machine would miss a deadline
hypothesis.settings.register_profile("repeatable", deadline=None, derandomize=True)
hypothesis.settings.load_profile("repeatable")

# TensorFlow prints its banner in every process otherwise
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@pytest.fixture
def at_prompt(capsys):
    """Run a verb as a person would: return its exit code, what it printed, without "loading …", and its errors."""

    def run(main, *arguments):
        with pytest.raises(SystemExit) as caught:
            cli.run(main, [str(argument) for argument in arguments])
        text, errors = capsys.readouterr()
        return caught.value.code, re.sub(r"^loading .* …\n", "", text, flags=re.MULTILINE), errors

    return run


@pytest.fixture
def completed(at_prompt):
    """Run a command that must succeed without a message on stderr; return what it printed."""

    def run(main, *arguments):
        code, text, errors = at_prompt(main, *arguments)
        assert (code, errors) == (0, "")
        return text

    return run


@pytest.fixture
def refused(at_prompt, tmp_path, contents):
    """Run a command that must end with one line of error and write nothing; it may only print ``notes``."""

    def run(main, *arguments, notes=False):
        before = contents(tmp_path)
        code, text, errors = at_prompt(main, *arguments)
        assert (code, errors.count("\n")) == (2, 1)
        assert not text or (notes and "wrote" not in text)
        assert contents(tmp_path) == before
        return errors

    return run


@pytest.fixture
def folder(tmp_path):
    """Return an empty folder."""
    path = tmp_path / "folder"
    path.mkdir()
    return path


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Return a cache folder of the test's own, which does not exist yet."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


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
def unwatched(monkeypatch):
    """Read files in this process: another one takes longer to start than to read."""
    monkeypatch.setattr(watched, "answered", lambda task, requests, *_, **__: [*map(resolve_name(task), requests)])


@pytest.fixture
def eager():
    """Run what would be compiled step by step: compiling a step takes longer than making it."""
    with eagerly():
        yield
