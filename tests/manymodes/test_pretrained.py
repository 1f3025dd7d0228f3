import argparse

import pytest

from manymodes import hub as pretrained
from manymodes.cli import UserError
from manymodes.hub import MODELS, add_model_option, model_file, names_of, shipped_as

PROGRAM = "drumvae.train"


@pytest.fixture
def there(shipped):
    """Have all models there."""
    for name in MODELS:
        (shipped / f"{name}.keras").write_bytes(name.encode())
    return shipped


def refusal(*arguments):
    with pytest.raises(UserError) as caught:
        model_file(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_model_is_found_by_its_name(there):
    for name in MODELS:
        assert pretrained.pretrained(name).read_bytes() == name.encode()
        assert shipped_as(pretrained.pretrained(name)) is MODELS[name]


def test_a_missing_model_is_one_line_that_says_what_to_do(shipped):
    name = "drums-groove"
    with pytest.raises(UserError) as caught:
        pretrained.pretrained(name)
    said = str(caught.value)
    assert said.startswith(f"the pretrained model {name} is not in {shipped}: ")
    assert "another --model" in said
    assert said.endswith(f"train one with python -m {MODELS[name].program} {' '.join(MODELS[name].options)} --seed 0")


def test_the_first_model_of_a_program_is_the_default(there):
    assert names_of(PROGRAM) == ["drums-styles", "drums-groove"]
    assert model_file(None, PROGRAM) == there / "drums-styles.keras"


def test_a_model_that_ships_can_be_asked_for_by_its_name(there, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    named = pretrained.Path("drums-groove")
    assert model_file(named, PROGRAM) == there / "drums-groove.keras"
    # but what somebody has of that name is theirs
    (tmp_path / "drums-groove").write_bytes(b"mine")
    assert model_file(named, PROGRAM) == named
    assert shipped_as(named) is None


def test_a_run_is_as_good_as_its_model(tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    assert refusal(run, PROGRAM).startswith(
        f"--model {run} is a folder without a model.keras: give a run that has ended"
    )
    (run / "model.keras").touch()
    assert model_file(run, PROGRAM) == model_file(run / "model.keras", PROGRAM) == run / "model.keras"
    assert shipped_as(run / "model.keras") is None
    missing = tmp_path / "none.keras"
    assert refusal(missing, PROGRAM) == f"--model {missing} does not exist: give the path of a file"


def test_the_option_names_what_there_is():
    parser = argparse.ArgumentParser()
    add_model_option(parser, PROGRAM)
    said = " ".join(parser.format_help().split())
    assert "or a pretrained one: drums-styles (default) or drums-groove" in said
    assert parser.parse_args([]).model is None


def test_what_was_installed_without_any_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(pretrained, "_CHECKOUT", tmp_path / "none")
    monkeypatch.setattr(pretrained, "PACKAGE", "no_package_of_this_name")
    assert "the pretrained model drums-styles is not in" in refusal(None, PROGRAM)
