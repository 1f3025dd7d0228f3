import zipfile

import pytest


class StandInModel:
    """What `save_keras` needs of a model, without TensorFlow: it saves its one number in Keras' format."""

    def __init__(self, weight=0, date="2024-05-01@10:00:00"):
        self.weight = weight
        self.date = date
        self.stop_training = False

    def save(self, path):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("model.weights.h5", str(self.weight))
            archive.writestr("metadata.json", f'{{"keras_version": "3", "date_saved": "{self.date}"}}')
            archive.writestr("config.json", "{}")


@pytest.fixture
def stand_in_model():
    return StandInModel


@pytest.fixture(scope="session")
def deterministic():
    """Have TensorFlow give the same bits every time."""
    from modelkit.randomness import make_deterministic  # noqa: PLC0415 - only the tests that train pay for TensorFlow

    make_deterministic(1)
