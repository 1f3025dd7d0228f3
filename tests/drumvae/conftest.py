import functools
import warnings

import pytest
import tensorflow as tf
from smalldrums import SMALL

from drumvae import train, trainer
from drumvae.metrics import diagnostics
from drumvae.models.vae import DrumVAE
from manymodes import cli


@pytest.fixture(scope="session")
def small_networks():
    """Return a function that has a verb train small networks, update by update: compiling takes longer than making."""

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
