import warnings

import pytest
from breaking import eagerly, trained_once
from smalldrums import SMALL, pretrained, use_little

from drumvae import generate, humanize, train, transfer


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory):
    """Train a model for a moment; return its run folder, which tests must not change."""
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings(), eagerly():
        # Keras warns that what runs eagerly still reads its batches in a graph: as it should.
        warnings.filterwarnings("ignore", "Even though the `tf.config.experimental_run", UserWarning)
        use_little(patch)
        return trained_once(train.main, {"drums": SMALL}, tmp_path_factory)["drums"][0]


@pytest.fixture
def loaded_once(monkeypatch):
    """Use one model for all commands: what it plays must not depend on what it has played before."""
    for command in (generate, humanize, transfer):
        monkeypatch.setattr(command, "load", lambda *_, **__: pretrained())
