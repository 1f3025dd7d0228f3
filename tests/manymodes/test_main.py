import importlib

import pytest

from manymodes.__main__ import COMMANDS, main


def test_every_command_is_listed_and_runs(completed):
    out = completed(main, "--help")
    for name, (module, *_) in COMMANDS.items():
        assert name in out
        assert callable(importlib.import_module(module).main)


def test_the_rest_of_the_line_goes_to_the_command(monkeypatch, completed):
    given = []
    monkeypatch.setattr("melodygan.train.main", lambda argv: given.extend(argv) or 0)
    completed(main, "train", "melody", "--wgan", "--l2")
    assert given == ["--wgan", "--l2"]


@pytest.mark.parametrize(
    ("words", "message"),
    [(["compse"], "did you mean compose"), (["train", "melodi"], "did you mean melody?"), (["x"], "--help")],
)
def test_an_unknown_command_is_refused_with_similar_ones(refused, words, message):
    assert message in refused(main, *words)


def test_a_group_lists_its_commands(completed):
    out = completed(main, "train")
    assert "train melody" in out
    assert "humanize" not in out
