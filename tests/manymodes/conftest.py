import pytest
from standin import StandInModel


@pytest.fixture
def stand_in_model():
    return StandInModel


@pytest.fixture(scope="session")
def deterministic():
    """Have TensorFlow give the same bits every time."""
    from manymodes.nn.randomness import make_deterministic  # noqa: PLC0415 - only the tests that train pay for TensorFlow

    make_deterministic(1)
