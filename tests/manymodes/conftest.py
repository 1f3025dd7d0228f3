import pytest


@pytest.fixture(scope="session")
def deterministic():
    """Have TensorFlow give the same bits every time."""
    from manymodes.nn.randomness import make_deterministic

    make_deterministic(1)
