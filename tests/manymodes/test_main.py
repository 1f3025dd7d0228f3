import importlib

import pytest

from manymodes.__main__ import COMMANDS, main


def test_every_command_is_listed_and_runs(at_prompt):
    code, out, _ = at_prompt(main, "--help")
    assert code == 0
    for name, (module, *_) in COMMANDS.items():
        assert name in out
        assert callable(importlib.import_module(module).main)


def test_the_rest_of_the_line_goes_to_the_command(monkeypatch, at_prompt):
    given = []
    monkeypatch.setattr("melodygan.train.main", lambda argv: given.extend(argv) or 0)
    assert at_prompt(main, "train", "melody", "--wgan", "--l2")[0] == 0
    assert given == ["--wgan", "--l2"]


@pytest.mark.parametrize(
    ("words", "message"),
    [(["compse"], "did you mean compose"), (["train", "melodi"], "did you mean melody?"), (["x"], "--help")],
)
def test_an_unknown_command_is_refused_with_similar_ones(at_prompt, words, message):
    code, _, errors = at_prompt(main, *words)
    assert code == 2
    assert message in errors
    assert errors.count("\n") == 1


def test_a_group_lists_its_commands(at_prompt):
    code, out, _ = at_prompt(main, "train")
    assert code == 0
    assert "train melody" in out
    assert "humanize" not in out
