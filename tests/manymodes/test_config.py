import argparse
import dataclasses
from dataclasses import dataclass

import pytest

from manymodes import cli
from manymodes.cli import UserError
from manymodes.experiment.config import Config, config_of, data_path, setting, training_parser
from manymodes.experiment.run import open_run


@dataclass(frozen=True)
class ToyConfig(Config):
    program = "toy.train"
    monitor = "val_loss"

    lstm: bool = setting(False, "an LSTM", group="model", exclusive="kind")
    wgan: bool = setting(False, "a Wasserstein GAN", group="model", exclusive="kind")
    noise: float = setting(0.0, "standard deviation", convert=cli.non_negative_float, const=0.1)
    temperature: tuple[float, float] = setting((1.0, 1.0), "first and last", convert=lambda text: (float(text), 1.0))
    corpus: str = setting("erk", "tunes", convert=data_path)
    learning_rate: float = setting(1e-3)

    @property
    def name(self):
        return "toy-wgan" if self.wgan else "toy"

    def check(self):
        if self.lstm and self.noise:
            raise UserError("--noise belongs to the GANs: leave it out with --lstm")
        return dataclasses.replace(self, epochs=self.epochs or 7)


def parsed(*arguments):
    return training_parser(ToyConfig, "Train a toy.", "  python -m toy.train").parse_args(arguments)


def config(*arguments):
    return config_of(ToyConfig, parsed(*arguments))


def test_defaults_are_filled_in_and_options_override_them():
    assert config() == ToyConfig(epochs=7)
    assert config("--wgan", "--noise", "--seed", "3") == ToyConfig(epochs=7, wgan=True, noise=0.1, seed=3)
    assert config("--noise", "0.5", "--temperature", "2").temperature == (2.0, 1.0)


@pytest.mark.parametrize(
    "arguments", [["--lstm", "--wgan"], ["--learning-rate", "1"], ["--epochs", "0"], ["--seed", "x"]]
)
def test_wrong_options_exit_with_2(arguments):
    with pytest.raises(SystemExit) as ended:
        parsed(*arguments)
    assert ended.value.code == 2


@pytest.fixture
def run(tmp_path):
    return open_run(parsed("--out", str(tmp_path / "run")), config("--noise"), "abc", data="the corpus")


def test_a_run_is_resumed_with_its_own_settings_and_more_epochs(run):
    arguments = ("--resume", str(run.path), "--epochs", "9")
    resumed = config(*arguments)
    assert resumed == dataclasses.replace(config("--noise"), epochs=9)  # the settings went through JSON
    again = open_run(parsed(*arguments), resumed, "abc", data="the corpus")
    assert ToyConfig.from_run(run.path) == resumed
    assert again.facts["versions"]


def test_the_same_setting_may_be_given_again_and_another_is_refused(run):
    assert config("--resume", str(run.path), "--noise", "0.1").noise == 0.1
    for arguments in (("--resume", str(run.path), "--noise", "0.2"), ("--lstm", "--noise")):
        with pytest.raises(UserError, match="--noise"):
            config(*arguments)


def test_changed_data_and_runs_of_other_programs_are_refused(run):
    with pytest.raises(UserError, match="the corpus"):
        open_run(parsed("--resume", str(run.path)), ToyConfig.from_run(run.path), "other", data="the corpus")
    other = dataclasses.make_dataclass("Other", [], bases=(ToyConfig,), frozen=True, namespace={"program": "b.train"})
    with pytest.raises(UserError, match=r"toy\.train"):
        other.from_run(run.path, argparse.Namespace())


def test_a_run_is_held_by_one_process_at_a_time(run):
    with run.locked(), pytest.raises(UserError, match="in use by process"), run.locked():
        pass
    with run.locked():
        pass


def test_paths_are_kept_whole_and_names_as_they_are(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert data_path("erk") == "erk"
    assert data_path("./tunes") == str(tmp_path / "tunes")
