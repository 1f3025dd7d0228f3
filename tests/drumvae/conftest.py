import functools
import warnings

import pytest
import tensorflow as tf
from smalldrums import SMALL, small_model

from drumvae import generate, humanize, train, trainer, transfer
from drumvae.metrics import diagnostics
from drumvae.models.vae import DrumVAE
from manymodes import cli
from manymodes.files import save_keras


@pytest.fixture(scope="session")
def small_networks():
    """Return a function that makes drumvae.train train small networks."""

    def run(monkeypatch):
        monkeypatch.setattr(trainer, "DrumVAE", functools.partial(DrumVAE, channels=(8, 8, 8)))

    return run


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory, small_networks):
    """Train a model for a moment; return its run folder, which tests must not change."""
    path = tmp_path_factory.mktemp("drums") / "run"
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        # Keras warns that what runs eagerly still reads its batches in a graph: as it should.
        warnings.filterwarnings("ignore", "Even though the `tf.config.experimental_run", UserWarning)
        small_networks(patch)
        patch.setattr(diagnostics, "COMPOSED", 60)
        patch.setattr(diagnostics, "SAMPLES", 5)
        tf.config.run_functions_eagerly(run_eagerly=True)
        with pytest.raises(SystemExit) as ended:
            cli.run(train.main, [str(argument) for argument in (*SMALL, "--out", path)])
        tf.config.run_functions_eagerly(run_eagerly=False)
    assert ended.value.code == 0
    return path


@pytest.fixture(scope="session")
def model_path(tmp_path_factory):
    """Save the small model; return its file."""
    path = tmp_path_factory.mktemp("model") / "model.keras"
    save_keras(small_model(), path)
    return path


@pytest.fixture
def loaded_once(monkeypatch):
    """Use one small model for all commands: what it plays must not depend on what it has played before."""
    for command in (generate, humanize, transfer):
        monkeypatch.setattr(command, "load", lambda _: small_model())


@pytest.fixture
def refusal(model_path, at_prompt, tmp_path, contents):
    """Run a command that must end in an error and write nothing; return the error, one line."""

    def run(command, *arguments):
        before = contents(tmp_path)
        code, text, errors = at_prompt(command.main, "--model", model_path, *arguments)
        assert (code, text, errors.count("\n")) == (2, "", 1)
        assert contents(tmp_path) == before
        return errors

    return run
